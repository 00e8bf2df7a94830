package engine

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"rowlock/sqlstore"
)

const (
	quickPass   = 20 * time.Millisecond  // one that took less is made at once
	quietTime   = 100 * time.Millisecond // for which no new revision must have come before a longer one
	settleEvery = time.Second            // while something is left, and less often
	settleRare  = 10 * time.Second       // the longer nothing of it changes
	settleSoon  = 200 * time.Millisecond // after a deadlock
	mostPauses  = 30 * time.Second       // between two passes, however long one takes or often it fails
	settleShare = 20                     // passes may take one of so many parts of the time while revisions keep coming
	settleSaved = 10 * time.Second       // of such time is saved for passes at once
)

// settler brings the configuration in order after a change: what was changed by
// hand is described, and ranges that pools gave up go to those that wait for
// them.
type settler struct {
	wake chan struct{}

	mu       sync.Mutex
	reported sqlstore.FrontendInfo // what the last heartbeat told
	failed   string                // the kind of failure that was logged last
	took     time.Duration         // by the last pass
	paid     time.Time             // when passes have had no more than their share of the time
}

// confirmed notes what a heartbeat told: a revision that the siblings have not
// been told of before is settled.
func (s *settler) confirmed(info sqlstore.FrontendInfo) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if info.Revision != s.reported.Revision || info.RefusedRevision != s.reported.RefusedRevision {
		poke(s.wake)
	}
	s.reported = info
}

// settles makes a pass after each revision that this frontend has told its
// siblings of, and more of them while something is left, until the context ends.
// What waits for frontends is done in seconds, what waits for leases may take
// days: the pauses grow while nothing changes.
func (e *Engine) settles(ctx context.Context) {
	var again <-chan time.Time
	pauses, waits, before := settleEvery, settleEvery, 0
	for {
		select {
		case <-ctx.Done():
			return
		case <-again:
		case <-e.settler.wake:
			waits = settleEvery
			e.quiet(ctx)
		}
		left, err := e.settle(ctx)
		switch {
		case errors.Is(err, sqlstore.ErrRetry):
			again = time.After(settleSoon)
			continue
		case err != nil:
			again = time.After(pauses)
			pauses = min(2*pauses, mostPauses)
			continue
		}
		again, pauses = nil, settleEvery
		if left != before {
			waits, before = settleEvery, left
		}
		if left > 0 {
			again = time.After(waits)
			waits = min(waits*3/2, settleRare)
		}
	}
}

// quiet waits until no new revision comes for a moment, unless a pass is quick
// and few were made: many changes by hand become one revision, and a script that
// makes them is not held up by the pass, which locks the configuration. It does
// not wait for ever.
func (e *Engine) quiet(ctx context.Context) {
	s := &e.settler
	s.mu.Lock()
	most := min(max(settleShare*s.took, settleEvery), mostPauses)
	atOnce := s.took < quickPass && !s.paid.After(time.Now())
	s.mu.Unlock()
	if atOnce {
		return
	}
	for began := time.Now(); ctx.Err() == nil && time.Since(began) < most; {
		before := e.loader.last()
		pause(ctx, quietTime)
		if e.loader.last() == before {
			return
		}
	}
}

// last returns the newest revision that the database named.
func (l *loader) last() int64 {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.newest
}

// settle makes one pass. It returns how much is left that waits for others.
func (e *Engine) settle(ctx context.Context) (left int, err error) {
	ctx, cancel := context.WithTimeout(ctx, scanTime)
	defer cancel()
	known, _ := e.loader.current()
	began := time.Now()
	left, err = e.store.SettleConfig(ctx, known)
	s := &e.settler
	s.mu.Lock()
	defer s.mu.Unlock()
	s.took = time.Since(began)
	if saved := began.Add(-settleSaved); s.paid.Before(saved) {
		s.paid = saved
	}
	s.paid = s.paid.Add(settleShare * s.took)
	switch {
	case err == nil:
		s.failed = ""
	case errors.Is(err, sqlstore.ErrRetry), ctx.Err() != nil && errors.Is(ctx.Err(), context.Canceled), cause(err) == s.failed:
	default:
		if s.failed = cause(err); s.failed == "denied" {
			err = fmt.Errorf("%w (run what `rowlock migrate grants --role %s` prints, as the owner of the tables)", err, sqlstore.RoleFrontend)
		}
		e.log.Warn("changes of the configuration cannot be described, nor ranges be given to pools that wait for them",
			slog.String("event", "config.unsettled"), slog.Any("err", err))
	}
	return left, err
}
