package engine

import (
	"context"
	"errors"
	"log/slog"
	"time"

	"rowlock/sqlstore"
)

const (
	dueWindow   = 5000 // rows looked at in one statement
	forgetLimit = 256  // rows deleted in one transaction
	maxEvents   = 1_000_000
)

// Swept counts what one pass of the sweeper did.
type Swept struct {
	Expired   int // leases whose time ran out
	Offers    int // dead offers deleted
	Forgotten int // dead bindings deleted
}

// sweeps makes passes while this frontend leads the sweep, until the context
// ends.
func (e *Engine) sweeps(ctx context.Context) {
	tick := time.NewTicker(e.cfg.SweepEvery)
	defer tick.Stop()
	var last time.Time
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		case <-e.sweeper: // a pool is dry
			if time.Since(last) < time.Second {
				continue
			}
		}
		last = time.Now()
		if err := e.sweepIfLeading(ctx); err != nil && ctx.Err() == nil {
			e.log.Warn("sweep failed", slog.String("event", "sweep.failed"), slog.Any("err", err))
		}
	}
}

func (e *Engine) sweepIfLeading(ctx context.Context) error {
	if leads, err := e.leads(ctx); err != nil || !leads {
		return err
	}
	parts, cancelParts := context.WithTimeout(ctx, callTime)
	defer cancelParts()
	if err := e.store.MakePartitions(parts); err != nil {
		// rows go to the default partition meanwhile; leases must end all the same
		e.log.Warn("history partitions cannot be made", slog.String("event", "sweep.partitions_failed"), slog.Any("err", err))
	}
	e.boundEvents(ctx)
	e.boundHistory(ctx)
	s, err := e.Sweep(ctx)
	if s.Expired+s.Offers+s.Forgotten > 0 {
		e.log.Debug("swept", slog.String("event", "sweep.done"), slog.Int("expired", s.Expired), slog.Int("offers", s.Offers),
			slog.Int("forgotten", s.Forgotten))
	}
	return err
}

// leads takes or keeps the leadership of the sweep.
func (e *Engine) leads(ctx context.Context) (bool, error) {
	lead, cancel := context.WithTimeout(ctx, callTime)
	defer cancel()
	_, err := e.store.Lead(lead, "sweep", e.cfg.Frontend.ID, 3*e.cfg.SweepEvery)
	if errors.Is(err, sqlstore.ErrConflict) {
		return false, nil
	}
	return err == nil, err
}

// boundEvents drops the oldest events where nobody has taken any for long. It
// fails without harm: the next pass does it.
func (e *Engine) boundEvents(ctx context.Context) {
	for dropped := sqlstore.TrimStep; dropped == sqlstore.TrimStep && ctx.Err() == nil; {
		bound, cancel := context.WithTimeout(ctx, callTime)
		n, err := e.store.BoundEvents(bound, maxEvents)
		cancel()
		if err != nil {
			e.log.Warn("events cannot be bounded", slog.String("event", "sweep.events_failed"), slog.Any("err", err))
			return
		}
		if dropped = n; n > 0 {
			e.metrics.swept.WithLabelValues("event").Add(float64(n))
			e.log.Warn("nobody takes the events of leases; the oldest are dropped, and all leases will be looked at instead",
				slog.String("event", "sweep.events_dropped"), slog.Int("dropped", n))
		}
	}
}

// boundHistory drops what is older than the site wants to know of, and tells
// when rows go into the partition that should stay empty. It fails without harm.
func (e *Engine) boundHistory(ctx context.Context) {
	for gone := sqlstore.TrimStep; gone >= sqlstore.TrimStep && ctx.Err() == nil; {
		bound, cancel := context.WithTimeout(ctx, callTime)
		n, stray, err := e.store.BoundHistory(bound)
		cancel()
		if err != nil {
			e.log.Warn("old history cannot be dropped", slog.String("event", "sweep.history_failed"), slog.Any("err", err))
			return
		}
		gone = n
		e.metrics.swept.WithLabelValues("history").Add(float64(n))
		e.sawStray(stray)
	}
}

// sawStray tells once when rows go into the default partition.
func (e *Engine) sawStray(stray bool) {
	if was := e.strayed.Swap(stray); stray && !was {
		e.log.Warn("lease_history has rows in its default partition: a month lacks its own", slog.String("event", "sweep.history_stray"))
	}
	e.metrics.stray.Set(0)
	if stray {
		e.metrics.stray.Set(1)
	}
}

// sweepSoon asks for a pass out of turn.
func (e *Engine) sweepSoon() {
	select {
	case e.sweeper <- struct{}{}:
	default:
	}
}

// Sweep makes one pass over both lease tables in short transactions. Any
// number may run at once: every change is guarded by the row's rev.
func (e *Engine) Sweep(ctx context.Context) (Swept, error) {
	var s Swept
	var failed error
	for _, f := range []sqlstore.Family{sqlstore.IPv4, sqlstore.IPv6} {
		failed = errors.Join(failed, e.sweepDue(ctx, f, &s), e.forget(ctx, f, &s))
	}
	e.metrics.swept.WithLabelValues("expired").Add(float64(s.Expired))
	e.metrics.swept.WithLabelValues("offer").Add(float64(s.Offers))
	e.metrics.swept.WithLabelValues("forgotten").Add(float64(s.Forgotten))
	return s, errors.Join(failed, ctx.Err())
}

// forget deletes bindings that are not waited for any more, and those that are
// too many for their pool.
func (e *Engine) forget(ctx context.Context, f sqlstore.Family, s *Swept) error {
	t := e.times.Load()
	return errors.Join(
		manyTimes(ctx, &s.Forgotten, func(ctx context.Context) (int, error) { return e.store.Forget(ctx, f, t.affinity, forgetLimit) }),
		manyTimes(ctx, &s.Forgotten, func(ctx context.Context) (int, error) { return e.store.ForgetAbove(ctx, f, t.maxDead, forgetLimit) }),
	)
}

// manyTimes calls some until it finds less than it may delete.
func manyTimes(ctx context.Context, count *int, some func(context.Context) (int, error)) error {
	for ctx.Err() == nil {
		bound, cancel := context.WithTimeout(ctx, scanTime)
		n, err := some(bound)
		cancel()
		*count += n
		if err != nil || n < forgetLimit {
			return err
		}
	}
	return nil
}

// sweepDue walks the table in key order, a window at a time.
func (e *Engine) sweepDue(ctx context.Context, f sqlstore.Family, s *Swept) error {
	var after sqlstore.Key
	var failed error
	for ctx.Err() == nil {
		bound, cancel := context.WithTimeout(ctx, scanTime)
		due, last, done, err := e.store.Due(bound, f, after, dueWindow)
		cancel()
		if err != nil {
			return errors.Join(failed, err)
		}
		for len(due) > 0 {
			n := min(len(due), maxBatch)
			if err := e.end(ctx, f, due[:n], s); err != nil {
				if isAway(err) {
					return errors.Join(failed, err)
				}
				failed = errors.Join(failed, err) // the rows behind must not wait for these
			}
			due = due[n:]
		}
		if done {
			return failed
		}
		after = last
	}
	return failed
}

// isAway tells that the database takes nothing at all for now.
func isAway(err error) bool {
	return errors.Is(err, sqlstore.ErrUnavailable) || errors.Is(err, sqlstore.ErrDenied)
}

// end expires active rows, gives reserved ones back and deletes dead offers. A
// batch that fails is cut in two, so that one row cannot stop the others.
func (e *Engine) end(ctx context.Context, f sqlstore.Family, due []sqlstore.Due, s *Swept) error {
	b := &sqlstore.Batch{}
	var offers []sqlstore.Due
	for _, d := range due {
		if d.State == sqlstore.Offered && !d.Key.IsReserved() {
			offers = append(offers, d)
			continue
		}
		b.Updates = append(b.Updates, sqlstore.Update{
			Family: f, Action: sqlstore.Expire, Key: d.Key, Addr: d.Addr, Rev: d.Rev,
			Message: len(b.Updates), Count: 1, Grace: e.times.Load().grace,
		})
	}
	if len(b.Updates) > 0 {
		res, err := e.store.Apply(ctx, b)
		if err != nil && !isAway(err) && len(due) > 1 {
			half := len(due) / 2
			return errors.Join(e.end(ctx, f, due[:half], s), e.end(ctx, f, due[half:], s))
		}
		if err != nil {
			return err
		}
		e.sawRevision(res.Revision)
		for _, u := range res.Updates {
			if u.Status == sqlstore.Updated {
				s.Expired++
			}
		}
	}
	if len(offers) > 0 {
		bound, cancel := context.WithTimeout(ctx, callTime)
		defer cancel()
		n, err := e.store.DeleteOffers(bound, f, offers)
		if err != nil {
			return err
		}
		s.Offers += n
	}
	return nil
}
