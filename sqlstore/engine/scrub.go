package engine

import (
	"context"
	"errors"
	"log/slog"
	"time"

	"rowlock/sqlstore"
)

const (
	scrubEvery = time.Hour        // between passes over all pools
	scrubAgain = 10 * time.Minute // between scrubs of a pool that is dry
	scrubRest  = 3                // a scrub rests this many times as long as it works
)

// scrubs looks for addresses that were lost, until the context ends: in all
// pools now and then while this frontend leads the sweep, and in a pool that is
// dry.
func (e *Engine) scrubs(ctx context.Context) {
	tick := time.NewTicker(scrubEvery)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case p := <-e.hints.lost:
			e.scrub(ctx, p)
		case <-tick.C:
			e.scrubAll(ctx)
		}
	}
}

func (e *Engine) scrubAll(ctx context.Context) {
	if leads, err := e.leads(ctx); err != nil || !leads {
		return
	}
	bound, cancel := context.WithTimeout(ctx, callTime)
	defer cancel()
	if _, err := e.store.DropChunks(bound); err != nil {
		e.log.Warn("chunks of former pools cannot be deleted", slog.String("event", "hint.scrub_failed"), slog.Any("err", err))
	}
	e.hints.mu.Lock()
	pools := e.hints.pools
	e.hints.mu.Unlock()
	for _, p := range pools {
		e.scrub(ctx, p)
		select {
		case dry := <-e.hints.lost:
			e.scrub(ctx, dry)
		default:
		}
		if ctx.Err() != nil {
			return
		}
	}
}

// scrub makes one pass over a pool, and tells what it found.
func (e *Engine) scrub(ctx context.Context, p *sqlstore.Pool) {
	n, err := e.Scrub(ctx, p)
	if n > 0 {
		e.log.Info("addresses that nobody would have handed out again are listed as free", slog.String("event", "hint.scrubbed"),
			slog.Int("pool", int(p.ID)), slog.Int("addrs", n))
	}
	if err != nil && ctx.Err() == nil {
		e.log.Warn("pool cannot be scrubbed", slog.String("event", "hint.scrub_failed"), slog.Int("pool", int(p.ID)), slog.Any("err", err))
	}
}

// Scrub makes one pass over a pool and lists the addresses as free that are in
// no row, no chunk of a live frontend and no list: those that a frontend had in
// hand when it died, and those of offers that a crash of the database took. It
// returns how many. It takes its time: three quarters of it are rest.
func (e *Engine) Scrub(ctx context.Context, p *sqlstore.Pool) (listed int, err error) {
	for from, more := uint64(0), true; more; more = from > 0 {
		if ctx.Err() != nil {
			return listed, ctx.Err()
		}
		started := time.Now()
		n, next, err := e.scrubWindow(ctx, p, from)
		if err != nil {
			return listed, err
		}
		if from, listed = next, listed+n; n > 0 {
			e.metrics.scrubbed.Add(float64(n))
			e.hints.refreshed(p)
		}
		pause(ctx, scrubRest*time.Since(started))
	}
	return listed, nil
}

// scrubWindow tries once more what met a deadlock.
func (e *Engine) scrubWindow(ctx context.Context, p *sqlstore.Pool, from uint64) (n int, next uint64, err error) {
	for range 2 {
		bound, cancel := context.WithTimeout(ctx, callTime)
		n, next, err = e.store.Scrub(bound, e.fence(), p, from)
		cancel()
		if !errors.Is(err, sqlstore.ErrRetry) {
			break
		}
	}
	return n, next, err
}
