package engine

import (
	"context"
	"log/slog"
	"time"
)

// sawRevision notes a revision that the database named; a newer one is loaded
// at once.
func (e *Engine) sawRevision(revision int64) {
	if e.loader.named(revision) {
		poke(e.loader.wake)
	}
}

// poke wakes whoever waits for a channel of length one.
func poke(c chan struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}

// watchConfig loads new revisions until the context ends: when told by the
// database, when a lane or a heartbeat saw one, and by looking four times a
// second. It rests as long as a load takes, so that a great many small changes
// do not take all of a processor.
func (e *Engine) watchConfig(ctx context.Context) {
	l := &e.loader
	for ctx.Err() == nil {
		l.mu.Lock()
		seen := l.seen
		l.mu.Unlock()
		waited := e.waitRevision(ctx, seen)
		if waited != nil {
			pause(ctx, time.Second)
		}
		before := l.last()
		revision, err := e.revision(ctx)
		if err == nil && l.found(revision, before) {
			began := time.Now()
			if err = e.loadConfig(ctx, revision); err == nil {
				pause(ctx, min(time.Since(began), longestRest))
			}
		}
		if err != nil && waited == nil && ctx.Err() == nil {
			e.log.Warn("configuration cannot be read", slog.String("event", "config.unreadable"), slog.Any("err", err))
			pause(ctx, time.Second)
		}
	}
}

func (e *Engine) revision(ctx context.Context) (int64, error) {
	ctx, cancel := context.WithTimeout(ctx, callTime)
	defer cancel()
	return e.store.Revision(ctx)
}

func (e *Engine) waitRevision(ctx context.Context, seen int64) error {
	wait, cancel := context.WithTimeout(ctx, callTime)
	defer cancel()
	go func() {
		select {
		case <-e.loader.wake:
			cancel()
		case <-wait.Done():
		}
	}()
	err := e.store.WaitRevision(wait, seen)
	if wait.Err() != nil && ctx.Err() == nil {
		return nil // woken by a lane
	}
	return err
}

func pause(ctx context.Context, d time.Duration) {
	select {
	case <-ctx.Done():
	case <-time.After(d):
	}
}
