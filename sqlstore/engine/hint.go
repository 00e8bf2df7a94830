package engine

import (
	"cmp"
	"context"
	"errors"
	"log/slog"
	"slices"
	"sync"
	"time"

	"rowlock/sqlstore"
)

const (
	hintBatch  = 256             // addresses asked for at a time
	holdTime   = 9 * time.Second // how long an address from addr_free is held, less a second
	dryTime    = time.Second     // how long "nothing is free" is believed
	reclaimOne = 64              // dead rows deleted when a pool is dry
	callTime   = 5 * time.Second // longest a call of the background may take: a silent database must not stop it
	scanTime   = time.Minute     // the same for calls that read a lot
)

// candidate is an address that is probably free, with where it came from.
type candidate struct {
	sqlstore.FreeAddr
	pool  *sqlstore.Pool
	chunk *chunk
	until time.Time // zero, or when its hold ends
	maybe bool      // it may have been used: others may want it
}

func (c *candidate) exclusive() bool { return c.Exclusive && !c.maybe }

// chunk counts down the addresses of an addr_chunk row.
type chunk struct {
	id   int64
	left int
}

type poolGen struct{ id, gen uint32 }

// stock is what this frontend has of one pool generation.
type stock struct {
	pool     *sqlstore.Pool
	free     []*candidate
	low      int // ask for more when fewer are left
	asked    bool
	dryUntil time.Time
}

// hints is this frontend's stock of candidates. All of it may be lost: chunk
// rows of a dead frontend are taken over, held addresses come back by time.
type hints struct {
	e    *Engine
	wake chan struct{}

	mu      sync.Mutex
	stocks  map[poolGen]*stock
	changed chan struct{} // closed when a refill is done
	chunks  []int64       // used up, to be deleted
	used    []sqlstore.UsedFree
}

func newHints(e *Engine) *hints {
	return &hints{e: e, wake: make(chan struct{}, 1), stocks: map[poolGen]*stock{}, changed: make(chan struct{})}
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
		c, dry := h.pick(it)
		changed := h.changed
		h.mu.Unlock()
		if c != nil || dry {
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
// length asked for first; dry when every pool is known to have none. mu is held.
func (h *hints) pick(it *sqlstore.Item) (c *candidate, dry bool) {
	for _, exact := range []bool{true, false} {
		if exact && it.WantLen == 0 {
			continue
		}
		for _, p := range it.Pools.Pools() {
			if p.Kind != it.Kind || exact != (it.WantLen != 0 && p.DelegatedLen == it.WantLen) {
				continue
			}
			// a pool that is being refilled is waited for: the next one is for
			// when this one has nothing left
			if c, dry := h.pickFrom(p); !dry {
				return c, false
			}
		}
	}
	return nil, true
}

func (h *hints) pickFrom(p *sqlstore.Pool) (*candidate, bool) {
	s := h.stocks[poolGen{p.ID, p.Gen}]
	if s == nil {
		s = &stock{pool: p}
		h.stocks[poolGen{p.ID, p.Gen}] = s
	}
	now := time.Now()
	var c *candidate
	for c == nil && len(s.free) > 0 {
		c = s.free[0]
		s.free[0] = nil
		s.free = s.free[1:]
		if !c.until.IsZero() && now.After(c.until) {
			c = nil // its hold is over: somebody else may have it now
		}
	}
	if now.Before(s.dryUntil) {
		return c, c == nil
	}
	if len(s.free) <= s.low && !s.asked {
		s.asked = true
		h.poke()
	}
	return c, false
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
			h.chunks = append(h.chunks, c.chunk.id)
		}
	}
	if len(h.used) >= 64 || len(h.chunks) >= 64 {
		h.poke()
	}
}

// run refills the stocks until the context ends.
func (h *hints) run(ctx context.Context) {
	tick := time.NewTicker(500 * time.Millisecond)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		case <-h.wake:
		}
		err := h.refill(ctx)
		if errors.Is(err, sqlstore.ErrRetry) {
			h.poke()
			continue
		}
		if err != nil && ctx.Err() == nil {
			h.e.log.Warn("free addresses cannot be fetched", slog.String("event", "hint.failed"), slog.Any("err", err))
			select {
			case <-ctx.Done():
			case <-time.After(200 * time.Millisecond):
			}
			h.poke()
		}
	}
}

// refill fetches candidates for all pools that asked, in one transaction, and
// deletes the rows of those used up.
func (h *hints) refill(ctx context.Context) error {
	h.mu.Lock()
	chunks, used := h.chunks, h.used
	h.chunks, h.used = nil, nil
	var needs []sqlstore.PoolNeed
	for _, s := range h.stocks {
		if s.asked {
			needs = append(needs, sqlstore.PoolNeed{Pool: s.pool, Want: hintBatch})
		}
	}
	h.mu.Unlock()
	slices.SortFunc(needs, func(a, b sqlstore.PoolNeed) int { // one order everywhere: no deadlock
		return cmp.Or(cmp.Compare(a.Pool.ID, b.Pool.ID), cmp.Compare(a.Pool.Gen, b.Pool.Gen))
	})
	ctx, cancel := context.WithTimeout(ctx, callTime)
	defer cancel()
	var failed error
	if len(chunks)+len(used) > 0 {
		if failed = h.e.store.DoneFree(ctx, h.e.fence(), chunks, used); failed != nil {
			h.mu.Lock()
			h.chunks, h.used = append(h.chunks, chunks...), append(h.used, used...)
			h.mu.Unlock()
		}
	}
	if len(needs) == 0 || !h.e.Ready() {
		return failed
	}
	found, err := h.e.store.TakeFree(ctx, h.e.fence(), needs)
	if err != nil {
		return errors.Join(failed, err)
	}
	var dry []sqlstore.Hints
	for _, f := range found { // what was taken is ours: nothing may come before keeping it
		if len(f.Addrs) == 0 {
			dry = append(dry, f)
		} else {
			h.stockUp(f)
		}
	}
	for _, f := range dry {
		f, err := h.reclaim(ctx, f)
		if err != nil {
			failed = errors.Join(failed, err)
			continue
		}
		h.stockUp(f)
	}
	h.mu.Lock()
	close(h.changed)
	h.changed = make(chan struct{})
	h.mu.Unlock()
	return failed
}

// reclaim deletes dead bindings of a dry pool, longest dead first, and looks
// again.
func (h *hints) reclaim(ctx context.Context, f sqlstore.Hints) (sqlstore.Hints, error) {
	n, err := h.e.store.Reclaim(ctx, f.Pool, reclaimOne)
	if err != nil || n == 0 {
		if err == nil {
			h.e.sweepSoon()
		}
		return f, err
	}
	again, err := h.e.store.TakeFree(ctx, h.e.fence(), []sqlstore.PoolNeed{{Pool: f.Pool, Want: hintBatch}})
	if err != nil {
		return f, err
	}
	return again[0], nil
}

func (h *hints) stockUp(f sqlstore.Hints) {
	h.mu.Lock()
	defer h.mu.Unlock()
	s := h.stocks[poolGen{f.Pool.ID, f.Pool.Gen}]
	if s == nil {
		return
	}
	s.asked = false
	if len(f.Addrs) == 0 {
		s.dryUntil = time.Now().Add(dryTime)
		return
	}
	var ch *chunk
	if f.Chunk != 0 {
		ch = &chunk{id: f.Chunk, left: len(f.Addrs)}
	}
	until := time.Time{}
	for _, a := range f.Addrs {
		if a.Token != 0 {
			until = time.Now().Add(holdTime)
		}
		if !s.pool.Contains(a.Addr) { // given back before the pool shrank
			h.used = append(h.used, sqlstore.UsedFree{VRF: s.pool.VRF, Addr: a.Addr, Token: a.Token})
			continue
		}
		s.free = append(s.free, &candidate{FreeAddr: a, pool: s.pool, chunk: ch, until: until})
	}
	s.low = len(f.Addrs) / 2
	h.e.metrics.hints.Add(float64(len(f.Addrs)))
}

// retain forgets the stock of pool generations that are not in use any more.
// Their chunk rows are deleted: a later generation hands out everything anew.
// A closing pool keeps its stock: it may be opened again.
func (h *hints) retain(cfg *sqlstore.Config) {
	live := map[poolGen]bool{}
	for _, l := range cfg.Links {
		for _, s := range l.Subnets {
			for _, p := range s.Pools {
				live[poolGen{p.ID, p.Gen}] = true
			}
		}
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	for key, s := range h.stocks {
		if live[key] {
			continue
		}
		seen := map[int64]bool{}
		for _, c := range s.free {
			if c.chunk != nil && !seen[c.chunk.id] {
				seen[c.chunk.id] = true
				h.chunks = append(h.chunks, c.chunk.id)
			}
		}
		delete(h.stocks, key)
	}
}
