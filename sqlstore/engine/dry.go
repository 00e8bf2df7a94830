package engine

import (
	"context"
	"log/slog"
	"time"

	"rowlock/sqlstore"
)

// rest ends the stocks for which nobody waits, and returns the others.
func (h *hints) rest(open []*stock) (waited []*stock) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, s := range open {
		if s.fetching == urgent {
			waited = append(waited, s)
			continue
		}
		s.restUntil = time.Now().Add(dryTime)
		h.done(s)
	}
	return waited
}

// reclaim deletes dead bindings of dry pools, longest dead first.
func (h *hints) reclaim(ctx context.Context, open []*stock) (gained, dry []*stock, err error) {
	pools, n := make([]*sqlstore.Pool, len(open)), reclaimOne
	h.mu.Lock()
	for i, s := range open {
		pools[i] = s.pool
		n = max(n, s.want/4)
	}
	h.mu.Unlock()
	counts, err := h.e.store.Reclaim(ctx, pools, min(n, max(1, reclaimMost/len(pools))))
	if err != nil {
		return nil, nil, err
	}
	for i, n := range counts {
		h.e.metrics.swept.WithLabelValues("reclaimed").Add(float64(n))
		if n > 0 {
			gained = append(gained, open[i])
		} else {
			dry = append(dry, open[i])
		}
	}
	return gained, dry, nil
}

// dry notes that nothing is free in these pools. A sweep may end what has run
// out, and a scrub may find what was lost.
func (h *hints) dry(open []*stock) {
	if len(open) == 0 {
		return
	}
	h.e.sweepSoon()
	h.mu.Lock()
	defer h.mu.Unlock()
	now := time.Now()
	for _, s := range open {
		s.dryUntil = now.Add(dryTime)
		h.alarm(s, now)
		if s.scrubbed.IsZero() || now.Sub(s.scrubbed) > scrubAgain {
			select {
			case h.lost <- s.pool:
				s.scrubbed = now
			default: // at its next turn
			}
		}
		h.done(s)
	}
}

// alarm tells that a pool has nothing left, which somebody should know of before
// the clients do. mu is held.
func (h *hints) alarm(s *stock, now time.Time) {
	h.e.metrics.exhausted.Inc()
	if s.told.IsZero() || now.Sub(s.told) > exhaustedEvery {
		s.told = now
		h.e.log.Warn("pool is exhausted: new clients get nothing from it", slog.String("event", "hint.exhausted"),
			slog.Int("pool", int(s.pool.ID)), slog.Int("subnet", int(s.pool.SubnetID)))
	}
}

// refreshed takes back that a pool is dry.
func (h *hints) refreshed(p *sqlstore.Pool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if s := h.stocks[poolGen{p.ID, p.Gen}]; s != nil {
		s.dryUntil, s.restUntil = time.Time{}, time.Time{}
	}
}
