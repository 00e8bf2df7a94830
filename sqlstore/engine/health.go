package engine

import (
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"rowlock/sqlstore"
)

const (
	failingAfter = 2 * time.Second  // how long lane transactions must have failed for the frontend not to be ready
	failingFor   = 5 * time.Second  // how long after the last failure it is ready again: without clients nothing else tells
	tellEvery    = 10 * time.Second // how often the same is logged
	firstPause   = 10 * time.Millisecond
	longestPause = 250 * time.Millisecond // of a lane, after failures
)

// health knows whether the database takes what the lanes send: it may be full
// or read-only and answer heartbeats all the same.
type health struct {
	mu    sync.Mutex
	since time.Time // the first failure after the last success; zero when there is none
	last  time.Time // the last one
	told  time.Time
	alarm bool // it was told, and not yet that it is over
	row   int  // failures in a row
	err   error
}

// noted takes the outcome of a lane transaction. What is wrong with its data, or
// wrong for a moment, tells of a database that works.
func (e *Engine) noted(err error) {
	h := &e.health
	h.mu.Lock()
	defer h.mu.Unlock()
	if err == nil || errors.Is(err, sqlstore.ErrRetry) || isData(err) {
		h.since, h.row = time.Time{}, 0
		if h.alarm {
			h.alarm = false
			e.log.Info("the database takes leases again", slog.String("event", "lane.recovered"))
		}
		return
	}
	now := time.Now()
	if h.since.IsZero() {
		h.since = now
	}
	h.last, h.err = now, err
	h.row++
	if now.Sub(h.told) >= tellEvery && !errors.Is(err, sqlstore.ErrDenied) {
		h.told, h.alarm = now, true
		e.log.Error("the database does not take leases", slog.String("event", "lane.failed"), slog.Any("err", err))
	}
}

// pause is how long a lane waits before its next batch: a server that refuses
// connections, or what is sent by them, is asked some times a second, however
// many clients ask.
func (h *health) pause() time.Duration {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.row == 0 {
		return 0
	}
	return min(firstPause<<min(h.row-1, 10), longestPause)
}

// failing says why leases cannot be written; nil while they can, or while
// nobody tries.
func (h *health) failing() error {
	h.mu.Lock()
	defer h.mu.Unlock()
	if now := time.Now(); h.since.IsZero() || now.Sub(h.since) < failingAfter || now.Sub(h.last) >= failingFor {
		return nil
	}
	return fmt.Errorf("the database does not take leases: %w", h.err)
}

// ready is NotReady as a number.
func (e *Engine) ready() float64 {
	if e.NotReady() != nil {
		return 0
	}
	return 1
}
