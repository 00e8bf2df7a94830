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
	quietTime   = 100 * time.Millisecond // for which no new revision must have come
	settleEvery = time.Second            // while something is left
	settleSoon  = 200 * time.Millisecond // after a deadlock
	mostPauses  = 30 * time.Second       // between two passes, however long one takes or often it fails
	settleShare = 20                     // a pass may take one of so many parts of the time while revisions keep coming
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
func (e *Engine) settles(ctx context.Context) {
	var again <-chan time.Time
	pauses := settleEvery
	for {
		select {
		case <-ctx.Done():
			return
		case <-again:
		case <-e.settler.wake:
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
		if left > 0 {
			again = time.After(settleEvery)
		}
	}
}

// quiet waits until no new revision comes for a moment: many changes by hand
// become one revision, and a script that makes them is not held up by the pass,
// which locks the configuration. It does not wait for ever.
func (e *Engine) quiet(ctx context.Context) {
	e.settler.mu.Lock()
	most := min(max(settleShare*e.settler.took, settleEvery), mostPauses)
	e.settler.mu.Unlock()
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
