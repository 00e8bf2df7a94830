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
)

// health knows whether the database takes what the lanes send: it may be full
// or read-only and answer heartbeats all the same.
type health struct {
	mu    sync.Mutex
	since time.Time // the first failure after the last success; zero when there is none
	last  time.Time // the last one
	told  time.Time
	err   error
}

// noted takes the outcome of a lane transaction. What is wrong with its data, or
// wrong for a moment, tells of a database that works.
func (e *Engine) noted(err error) {
	h := &e.health
	h.mu.Lock()
	defer h.mu.Unlock()
	if err == nil || errors.Is(err, sqlstore.ErrRetry) || isData(err) {
		if !h.since.IsZero() {
			h.since = time.Time{}
			e.log.Info("the database takes leases again", slog.String("event", "lane.recovered"))
		}
		return
	}
	now := time.Now()
	if h.since.IsZero() {
		h.since = now
	}
	h.last, h.err = now, err
	if now.Sub(h.told) >= tellEvery && !errors.Is(err, sqlstore.ErrDenied) {
		h.told = now
		e.log.Error("the database does not take leases", slog.String("event", "lane.failed"), slog.Any("err", err))
	}
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
