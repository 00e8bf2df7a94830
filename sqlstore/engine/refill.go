package engine

import (
	"cmp"
	"context"
	"errors"
	"log/slog"
	"time"

	"rowlock/sqlstore"
)

const (
	poolsAtOnce = 256  // pools of a refill
	borrowOnce  = 32   // addresses borrowed at a time: the others of the chunk are for its holder
	reclaimOne  = 64   // dead rows deleted in one pool, more where they are used up fast,
	reclaimMost = 2048 // and in all pools of a refill
	reportMost  = 4096 // used addresses reported in one transaction

	exhaustedEvery = 10 * time.Minute // how often it is logged of one pool

	paceFast = 250 * time.Millisecond // a stock that is filled again within this needs more at a time,
	paceSlow = 2 * time.Second        // and one that lasts longer, less
)

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

// refill reports what is used up, and fetches candidates for some of the pools
// that asked, those first for which somebody waits. What fails stays asked for.
func (h *hints) refill(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, callTime)
	defer cancel()
	failed := h.report(ctx)
	if !h.e.Ready() {
		return failed
	}
	open := h.next()
	if len(open) == 0 {
		return failed
	}
	open, err := h.fetch(ctx, open)
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, s := range open {
		h.again(s)
	}
	if len(h.queue[urgent])+len(h.queue[soon]) > 0 {
		h.poke()
	}
	return errors.Join(failed, err)
}

// report deletes the rows of what is used up.
func (h *hints) report(ctx context.Context) error {
	h.mu.Lock()
	chunks, used := h.chunks, h.used
	h.chunks, h.used = nil, nil
	if len(used) > reportMost {
		h.used = used[reportMost:]
		used = used[:reportMost:reportMost]
		h.poke()
	}
	h.mu.Unlock()
	if len(chunks)+len(used) == 0 {
		return nil
	}
	err := h.e.store.DoneFree(ctx, h.e.fence(), chunks, used)
	if err != nil {
		h.mu.Lock()
		h.chunks, h.used = append(h.chunks, chunks...), append(h.used, used...)
		h.mu.Unlock()
	}
	return err
}

// next takes the stocks of the next refill out of the queues.
func (h *hints) next() (some []*stock) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, u := range []urgency{urgent, soon} {
		q := h.queue[u]
		for len(q) > 0 && len(some) < poolsAtOnce {
			s := q[0]
			q[0] = nil
			q = q[1:]
			if s.asked != u { // more urgent since, or forgotten
				continue
			}
			s.asked = idle
			if len(s.free) > s.low { // something was given back
				h.done(s)
				continue
			}
			s.fetching = u
			some = append(some, s)
		}
		if len(q) == 0 {
			q = nil
		}
		h.queue[u] = q
	}
	return some
}

// done tells those who wait that a stock has changed. mu is held.
func (h *hints) done(s *stock) {
	s.fetching = idle
	close(s.changed)
	s.changed = make(chan struct{})
}

// fetch goes from source to source: what nobody has; then, for those who wait,
// what other frontends have in hand; then what dead bindings hold. It returns
// the stocks that have no answer.
func (h *hints) fetch(ctx context.Context, open []*stock) ([]*stock, error) {
	takeFree := func(needs []sqlstore.PoolNeed) ([]sqlstore.Hints, error) {
		return h.e.store.TakeFree(ctx, h.e.fence(), needs)
	}
	open, err := h.fill(open, 0, takeFree)
	if err != nil {
		return open, err
	}
	open, err = h.fill(h.rest(open), borrowOnce, func(needs []sqlstore.PoolNeed) ([]sqlstore.Hints, error) {
		return h.e.store.Borrow(ctx, h.e.fence(), needs)
	})
	if err != nil || len(open) == 0 {
		return open, err
	}
	gained, dry, err := h.reclaim(ctx, open)
	if err != nil {
		return open, err
	}
	h.dry(dry)
	return h.fill(gained, 0, takeFree) // where others are quicker, it is tried again
}

// fill stocks up what a source has, so many addresses or, if want is 0, what
// each stock needs. It returns the stocks for which there is nothing; all of
// them when it fails.
func (h *hints) fill(open []*stock, want int, source func([]sqlstore.PoolNeed) ([]sqlstore.Hints, error)) (left []*stock, err error) {
	if len(open) == 0 {
		return nil, nil
	}
	needs := make([]sqlstore.PoolNeed, len(open))
	h.mu.Lock()
	for i, s := range open {
		known := append([]int64{}, h.chunks...) // about to be deleted
		needs[i] = sqlstore.PoolNeed{Pool: s.pool, Want: cmp.Or(want, s.want), Known: append(known, s.chunks...)}
	}
	h.mu.Unlock()
	found, err := source(needs)
	if err != nil {
		return open, err
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	for i := range found {
		s := open[i]
		switch {
		case len(found[i].Addrs) > 0:
			h.stockUp(s, &found[i])
			h.done(s)
		case found[i].More:
			h.again(s)
		case found[i].Gone:
			s.dryUntil = time.Now().Add(dryTime)
			h.done(s)
		default:
			left = append(left, s)
		}
	}
	return left, nil
}

// again puts a stock back into its queue. mu is held.
func (h *hints) again(s *stock) {
	u := s.fetching
	s.fetching = idle
	if h.stocks[poolGen{s.pool.ID, s.pool.Gen}] == s {
		h.ask(s, u)
	}
}

// stockUp keeps what was found. mu is held.
func (h *hints) stockUp(s *stock, f *sqlstore.Hints) {
	if h.stocks[poolGen{s.pool.ID, s.pool.Gen}] != s {
		if f.Chunk != 0 {
			h.chunks = append(h.chunks, f.Chunk) // the pool was changed meanwhile
		}
		return
	}
	var ch *chunk
	if f.Chunk != 0 {
		ch = &chunk{id: f.Chunk, left: len(f.Addrs)}
		s.chunks = append(s.chunks, f.Chunk)
	}
	var until time.Time
	if f.Source == sqlstore.HintReturned || f.Source == sqlstore.HintBorrowed {
		until = time.Now().Add(holdTime)
	}
	for _, a := range f.Addrs {
		s.free = append(s.free, &candidate{FreeAddr: a, pool: s.pool, chunk: ch, until: until})
	}
	if f.Source == sqlstore.HintFresh || f.Source == sqlstore.HintReturned {
		s.pace(time.Now())
	}
	s.low = len(f.Addrs) / 2
	if f.Source == sqlstore.HintBorrowed {
		s.low = 0 // it is not ours to keep at hand
	}
	h.e.metrics.hints.WithLabelValues(f.Source.String()).Add(float64(len(f.Addrs)))
	h.e.metrics.stock.Add(float64(len(f.Addrs)))
}

// pace lets the next fetch be larger when this one came soon after the one
// before or too late, and smaller when it had time.
func (s *stock) pace(now time.Time) {
	switch since := now.Sub(s.filled); {
	case since < paceFast || s.fetching == urgent:
		s.want = min(2*s.want, sqlstore.MaxHints)
	case since > paceSlow:
		s.want = max(s.want/2, hintBatch)
	}
	s.filled = now
}
