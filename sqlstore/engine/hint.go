package engine

import (
	"context"
	"slices"
	"sync"
	"time"

	"rowlock/sqlstore"
)

const (
	hintBatch = 256             // addresses asked for at a time; more where they are used up fast
	holdTime  = 9 * time.Second // how long an address that is held or borrowed is kept, less a second
	dryTime   = time.Second     // how long "nothing is free" is believed
	callTime  = 5 * time.Second // longest a call of the background may take: a silent database must not stop it
	scanTime  = time.Minute     // the same for calls that read a lot
)

// candidate is an address that is probably free, with where it came from.
type candidate struct {
	sqlstore.FreeAddr
	pool  *sqlstore.Pool
	chunk *chunk
	until time.Time // zero, or when it is not to be trusted any more
	maybe bool      // it may have been used: others may want it
}

func (c *candidate) exclusive() bool { return c.Exclusive && !c.maybe }

// chunk counts down the addresses of an addr_chunk row.
type chunk struct {
	id   int64
	left int
}

type poolGen struct{ id, gen uint32 }

// urgency is how much a pool needs addresses.
type urgency uint8

const (
	idle   urgency = iota
	soon           // half of what was fetched is used
	urgent         // somebody waits
)

// stock is what this frontend has of one pool generation.
type stock struct {
	pool      *sqlstore.Pool
	free      []*candidate
	chunks    []int64       // that the addresses in hand, here and under way, are from
	low       int           // ask for more when fewer are left
	want      int           // how many to ask for
	filled    time.Time     // when there were fresh ones last
	asked     urgency       // it waits in the queue of this urgency
	fetching  urgency       // a refill of this urgency is under way
	restUntil time.Time     // nothing is fetched ahead before
	dryUntil  time.Time     // nothing is free: everything was tried
	changed   chan struct{} // closed when a refill is done
	scrubbed  time.Time     // when its last scrub was asked for
	told      time.Time     // when it was last logged that nothing is free
}

// hints is this frontend's stock of candidates. All of it may be lost: chunk
// rows of a dead frontend are taken over, held addresses come back by time.
type hints struct {
	e    *Engine
	wake chan struct{}
	lost chan *sqlstore.Pool // dry pools that are to be scrubbed

	mu     sync.Mutex
	stocks map[poolGen]*stock
	queue  [urgent + 1][]*stock // that ask, by urgency
	chunks []int64              // used up, to be deleted
	used   []sqlstore.UsedFree
	pools  []*sqlstore.Pool // of the configuration in use
}

func newHints(e *Engine) *hints {
	return &hints{e: e, wake: make(chan struct{}, 1), lost: make(chan *sqlstore.Pool, 64), stocks: map[poolGen]*stock{}}
}

// tryTake returns a candidate that is at hand, or nil.
func (h *hints) tryTake(it *sqlstore.Item) *candidate {
	h.mu.Lock()
	defer h.mu.Unlock()
	c, _ := h.pick(it)
	return c
}

// take waits for a candidate; nil means that nothing is free for this client.
func (h *hints) take(ctx context.Context, it *sqlstore.Item) (*candidate, error) {
	for {
		h.mu.Lock()
		c, changed := h.pick(it)
		h.mu.Unlock()
		if c != nil || changed == nil {
			return c, nil
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return nil, sqlstore.ErrBusy
		}
	}
}

// pick takes from the first pool that has a candidate, those with the prefix
// length asked for first. Without one it returns what to wait for, or nil when
// every pool is known to have none. mu is held.
func (h *hints) pick(it *sqlstore.Item) (*candidate, chan struct{}) {
	for _, exact := range []bool{true, false} {
		if exact && it.WantLen == 0 {
			continue
		}
		for p := range it.Pools.Open {
			if p.Kind != it.Kind || exact != (it.WantLen != 0 && p.DelegatedLen == it.WantLen) {
				continue
			}
			// a pool that is being refilled is waited for: the next one is for
			// when this one has nothing left
			if c, changed := h.pickFrom(p); c != nil || changed != nil {
				return c, changed
			}
		}
	}
	return nil, nil
}

func (h *hints) pickFrom(p *sqlstore.Pool) (*candidate, chan struct{}) {
	s := h.stocks[poolGen{p.ID, p.Gen}]
	if s == nil {
		s = &stock{pool: p, want: hintBatch, changed: make(chan struct{})}
		h.stocks[poolGen{p.ID, p.Gen}] = s
	}
	now := time.Now()
	c := h.pop(s, now)
	switch {
	case c != nil:
		c.pool = p // as the message knows it: it may have moved to another subnet
		if len(s.free) <= s.low && !now.Before(s.restUntil) {
			h.ask(s, soon)
		}
		return c, nil
	case now.Before(s.dryUntil):
		return nil, nil
	}
	h.ask(s, urgent)
	return nil, s.changed
}

// pop takes the next candidate of a stock that is still to be trusted.
func (h *hints) pop(s *stock, now time.Time) *candidate {
	for len(s.free) > 0 {
		c := s.free[0]
		s.free[0] = nil
		s.free = s.free[1:]
		h.e.metrics.stock.Dec()
		if c.until.IsZero() || now.Before(c.until) {
			return c
		}
		// its hold is over: somebody else may have it now
	}
	return nil
}

// ask puts a stock into a queue unless it is in one that is served as soon.
func (h *hints) ask(s *stock, u urgency) {
	if max(s.asked, s.fetching) >= u {
		return
	}
	s.asked = u
	h.queue[u] = append(h.queue[u], s)
	h.poke()
}

func (h *hints) poke() {
	select {
	case h.wake <- struct{}{}:
	default:
	}
}

// giveBack returns a candidate that was not used. nil is allowed.
func (h *hints) giveBack(c *candidate) {
	if c == nil {
		return
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	if s := h.stocks[poolGen{c.pool.ID, c.pool.Gen}]; s != nil {
		s.free = append(s.free, c)
		h.e.metrics.stock.Inc()
	}
}

// unknown returns a candidate whose insert may have been committed: it is
// tried again, and the unique constraint tells.
func (h *hints) unknown(c *candidate) {
	if c != nil {
		c.maybe = true
		h.giveBack(c)
	}
}

// spent notes that a candidate's address is used, by its own insert or by
// somebody else's.
func (h *hints) spent(c *candidate) {
	if c == nil {
		return
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	if c.Token != 0 {
		h.used = append(h.used, sqlstore.UsedFree{VRF: c.pool.VRF, Addr: c.Addr, Token: c.Token})
	}
	if c.chunk != nil {
		if c.chunk.left--; c.chunk.left == 0 {
			h.usedUp(c)
		}
	}
	if len(h.used) >= 64 || len(h.chunks) >= 64 {
		h.poke()
	}
}

// usedUp gives up the chunk of a candidate. mu is held.
func (h *hints) usedUp(c *candidate) {
	h.chunks = append(h.chunks, c.chunk.id)
	if s := h.stocks[poolGen{c.pool.ID, c.pool.Gen}]; s != nil {
		s.chunks = slices.DeleteFunc(s.chunks, func(id int64) bool { return id == c.chunk.id })
	}
}

// retain forgets the stock of pool generations that are not in use any more.
// Their chunk rows are deleted: a later generation hands out everything anew.
// A closing pool keeps its stock: it may be opened again.
func (h *hints) retain(cfg *sqlstore.Config) {
	live := map[poolGen]*sqlstore.Pool{}
	var pools []*sqlstore.Pool
	for p := range poolsOf(cfg) {
		live[poolGen{p.ID, p.Gen}] = p
		pools = append(pools, p)
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	h.pools = pools
	for key, s := range h.stocks {
		if p := live[key]; p != nil {
			s.pool = p
			continue
		}
		h.chunks = append(h.chunks, s.chunks...)
		h.drop(key, s)
	}
}

// drop lets a stock go. mu is held.
func (h *hints) drop(key poolGen, s *stock) {
	h.e.metrics.stock.Sub(float64(len(s.free)))
	s.free, s.chunks, s.asked = nil, nil, idle
	delete(h.stocks, key)
	close(s.changed)
	s.changed = make(chan struct{})
}

// forget lets all stocks go: others may have taken over what they are from.
func (h *hints) forget() {
	h.mu.Lock()
	defer h.mu.Unlock()
	for key, s := range h.stocks {
		h.drop(key, s)
	}
	h.chunks, h.used = nil, nil
}
