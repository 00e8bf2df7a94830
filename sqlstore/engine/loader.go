package engine

import (
	"context"
	"log/slog"
	"sync"
	"time"

	"rowlock/sqlstore"
)

// loader follows the configuration.
type loader struct {
	mu      sync.Mutex
	seen    int64 // newest revision that was loaded, taken or refused
	using   int64
	refused error
	wake    chan struct{}
}

// loadConfig loads the newest configuration and hands it on.
func (e *Engine) loadConfig(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, scanTime)
	defer cancel()
	cfg, err := e.store.LoadConfig(ctx)
	if err != nil {
		return err
	}
	l := &e.loader
	l.mu.Lock()
	defer l.mu.Unlock()
	l.seen = cfg.Revision
	if e.cfg.OnConfig != nil {
		if l.refused = e.cfg.OnConfig(cfg); l.refused != nil {
			e.log.Error("configuration refused, the one before stays in use", slog.String("event", "config.refused"),
				slog.Int64("revision", cfg.Revision), slog.Int64("using", l.using), slog.Any("err", l.refused))
			return nil
		}
	}
	l.using = cfg.Revision
	e.setTimes(cfg)
	e.hints.retain(cfg)
	e.metrics.revision.Set(float64(cfg.Revision))
	e.member.mu.Lock()
	e.member.info.Revision = cfg.Revision
	e.member.mu.Unlock()
	e.log.Info("configuration in use", slog.String("event", "config.loaded"), slog.Int64("revision", cfg.Revision))
	return nil
}

func (e *Engine) setTimes(cfg *sqlstore.Config) {
	var p sqlstore.Parameters
	if cfg != nil {
		p = cfg.Parameters
	}
	t := &times{}
	for name, to := range map[string]*uint32{
		"reclaim_grace": &t.grace, "affinity_time": &t.affinity, "decline_probation_period": &t.probation, "park_max": &t.parkMax,
		"max_dead": &t.maxDead,
	} {
		*to, _ = sqlstore.LookupSeconds(name, p)
	}
	e.times.Store(t)
}

// Revision returns the configuration revision in use and, when a newer one was
// refused, why.
func (e *Engine) Revision() (using int64, refused error) {
	e.loader.mu.Lock()
	defer e.loader.mu.Unlock()
	return e.loader.using, e.loader.refused
}

// sawRevision notes a revision that the database named; a newer one is loaded
// at once.
func (e *Engine) sawRevision(revision int64) {
	l := &e.loader
	l.mu.Lock()
	newer := revision > l.seen
	l.mu.Unlock()
	if newer {
		select {
		case l.wakeup() <- struct{}{}:
		default:
		}
	}
}

func (l *loader) wakeup() chan struct{} {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.wake == nil {
		l.wake = make(chan struct{}, 1)
	}
	return l.wake
}

// watchConfig loads new revisions until the context ends: when told by the
// database, when a lane saw one, and by looking four times a second.
func (e *Engine) watchConfig(ctx context.Context) {
	l := &e.loader
	for ctx.Err() == nil {
		l.mu.Lock()
		seen := l.seen
		l.mu.Unlock()
		if err := e.waitRevision(ctx, seen); err != nil {
			pause(ctx, time.Second)
			continue
		}
		revision, err := e.revision(ctx)
		if err == nil && revision > seen {
			err = e.loadConfig(ctx)
		}
		if err != nil && ctx.Err() == nil {
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
		case <-e.loader.wakeup():
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
