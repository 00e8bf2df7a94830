package engine

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"runtime/debug"
	"strings"
	"sync"
	"time"

	"rowlock/sqlstore"
)

const (
	longestRest = 250 * time.Millisecond // between two loads, which rest as long as they take
	maxRefused  = 1000                   // bytes of a refusal in the frontend's row
)

// loader follows the configuration.
type loader struct {
	mu      sync.Mutex
	config  *sqlstore.Config // in use; nil before the first one
	newest  int64            // revision that the database named
	seen    int64            // newest revision that was read: taken or refused
	behind  time.Time        // when one that is newer than seen was named; zero while there is none
	unread  error            // why that could not be read; nil while it was not tried
	refused refusal
	wake    chan struct{}

	lives int // registrations after the first one
	sure  int // of them, those after which the configuration in use was compared with the database
}

// refusal is a revision that cannot be used: the newest one, or 0.
type refusal struct {
	revision int64
	why      error
}

// text is what the frontend's row says of it.
func (r refusal) text() string {
	if r.why == nil {
		return ""
	}
	text := strings.Map(func(c rune) rune {
		if c < ' ' {
			return ' '
		}
		return c
	}, strings.ToValidUTF8(r.why.Error(), "?"))
	if len(text) > maxRefused {
		text = strings.ToValidUTF8(text[:maxRefused], "")
	}
	return text
}

// current returns the configuration in use, nil if there is none, and the newest
// revision if that was refused.
func (l *loader) current() (*sqlstore.Config, refusal) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.config, l.refused
}

// named notes a revision that the database named, and tells whether it is still
// to be read.
func (l *loader) named(revision int64) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.newest = max(l.newest, revision)
	if revision <= l.seen {
		return l.sure < l.lives
	}
	if l.behind.IsZero() {
		l.behind = time.Now()
	}
	return true
}

// found is named for a look at the database. It may find an older revision than what
// was named before it: the database was restored or reset, and is read anew.
func (l *loader) found(revision, before int64) bool {
	l.mu.Lock()
	if revision < max(l.seen, before) {
		l.newest, l.seen = revision, revision-1
	}
	l.mu.Unlock()
	return l.named(revision)
}

// read notes that a revision was read by a call that began at that time.
func (l *loader) read(revision int64, began time.Time) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.seen, l.unread, l.behind = max(l.seen, revision), nil, time.Time{}
	if l.newest > l.seen {
		l.behind = began
	}
}

func (l *loader) unreadable(err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.unread = err
}

// stuck says why this frontend does not follow the configuration: it has not been
// read since this frontend registered again, or for 5 s a newer one could neither
// be used nor refused. nil while it follows.
func (l *loader) stuck() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	void := l.sure < l.lives
	if !void && (l.behind.IsZero() || time.Since(l.behind) < staleAfter) {
		return nil
	}
	why := l.unread
	switch {
	case void && why == nil:
		return errVoid
	case why == nil:
		why = errors.New("it takes too long")
	}
	return fmt.Errorf("configuration revision %d cannot be read: %w", l.newest, why)
}

// loadConfig reads what changed since the configuration in use, and takes the
// newest one into use or refuses it. One whose rows hold what cannot be read is
// refused too, under the revision that the database named. While none is in use,
// the last good one that was kept on disk stands in for one that is refused.
// Only one call may run at a time.
func (e *Engine) loadConfig(ctx context.Context, named int64) error {
	ctx, cancel := context.WithTimeout(ctx, scanTime)
	defer cancel()
	began, l := time.Now(), &e.loader
	life := l.life()
	known, _ := l.current()
	cfg, err := e.readConfig(ctx, known)
	switch {
	case errors.Is(err, sqlstore.ErrData):
		cfg = nil
		e.refuse(named, err)
		if e.cfg.OnUnreadable != nil {
			e.cfg.OnUnreadable(named)
		}
	case err != nil:
		l.unreadable(err)
		return err
	default:
		named = cfg.Revision
		if cfg == known {
			e.refusedNone()
			break
		}
		if cfg, err = e.offerWhole(ctx, cfg, known); err != nil {
			e.refuse(named, err)
		} else {
			e.took(cfg)
		}
	}
	l.read(named, began)
	if using, refused := l.current(); using == nil && refused.why != nil {
		e.restore(ctx, cfg, refused.revision) // kept.go
	} else if using == known {
		e.withhold(known, cfg, life)
	}
	l.compared(life)
	return nil
}

func (e *Engine) readConfig(ctx context.Context, known *sqlstore.Config) (*sqlstore.Config, error) {
	if known == nil {
		return e.store.LoadConfig(ctx)
	}
	return e.store.LoadChanges(ctx, known)
}

// offerWhole is offerConfig. What was made from changes and is refused is read
// whole and offered once more, in case somebody wrote rows past the triggers that
// note changes. It returns what was offered last.
func (e *Engine) offerWhole(ctx context.Context, cfg, known *sqlstore.Config) (*sqlstore.Config, error) {
	err := e.offerConfig(cfg)
	if err == nil || known == nil {
		return cfg, err
	}
	whole, unread := e.store.LoadConfig(ctx)
	if unread != nil || whole.Revision != cfg.Revision || sqlstore.SameConfig(whole, cfg) {
		return cfg, err
	}
	if err = e.offerConfig(whole); err == nil {
		e.log.Warn("what changed was not what is noted: the configuration was read whole", slog.String("event", "config.reread"),
			slog.Int64("revision", whole.Revision))
	}
	return whole, err
}

// offerConfig hands a configuration on. A panic over it is a bug, and refuses
// it: the one before stays.
func (e *Engine) offerConfig(cfg *sqlstore.Config) (err error) {
	if e.cfg.OnConfig == nil {
		return nil
	}
	defer func() {
		if p := recover(); p != nil {
			e.metrics.panics.Inc()
			e.log.Error("recovered from a panic", slog.String("event", "engine.panic"), slog.Any("err", p), slog.String("stack", string(debug.Stack())))
			err = fmt.Errorf("panic: %v", p)
		}
	}()
	return e.cfg.OnConfig(cfg)
}

// refuse notes that a revision cannot be used, and tells it once.
func (e *Engine) refuse(revision int64, why error) {
	l := &e.loader
	l.mu.Lock()
	told := l.refused.revision == revision && l.refused.why != nil
	l.refused = refusal{revision, why}
	using := int64(0)
	if l.config != nil {
		using = l.config.Revision
	}
	l.mu.Unlock()
	e.metrics.refused.Set(float64(revision))
	if !told {
		e.log.Error("configuration refused, the one before stays in use", slog.String("event", "config.refused"),
			slog.Int64("revision", revision), slog.Int64("using", using), slog.Any("err", why))
	}
	e.beatSoon()
}

// refusedNone takes back a refusal: the newest revision is in use, because the
// database was restored to it.
func (e *Engine) refusedNone() {
	l := &e.loader
	l.mu.Lock()
	was := l.refused
	l.refused = refusal{}
	l.mu.Unlock()
	if was.revision != 0 {
		e.metrics.refused.Set(0)
		e.beatSoon()
	}
}

// took has a configuration, which was handed on, in use. One that is older than the
// one before is of a database that was restored or reset: nothing in hand is of use.
func (e *Engine) took(cfg *sqlstore.Config) {
	l := &e.loader
	l.mu.Lock()
	before, void := l.config, l.sure < l.lives
	l.config, l.refused = cfg, refusal{}
	l.mu.Unlock()
	if before != nil && cfg.Revision < before.Revision {
		e.hints.forget()
	}
	e.metrics.refused.Set(0)
	e.begin(cfg)
	if void || e.withheld.Load() != nil {
		e.flights.only(cfg.Revision)
	}
	e.withheld.Store(nil) // after that: what was begun without it is refused
	e.kept.put(cfg)
	e.log.Info("configuration in use", slog.String("event", "config.loaded"), slog.Int64("revision", cfg.Revision))
}

// begin goes over to a configuration.
func (e *Engine) begin(cfg *sqlstore.Config) {
	e.setTimes(cfg)
	e.hints.retain(cfg)
	e.metrics.revision.Set(float64(cfg.Revision))
	if e.flights.use(cfg.Revision) {
		e.beatSoon()
	}
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
	cfg, r := e.loader.current()
	if cfg != nil {
		using = cfg.Revision
	}
	return using, r.why
}
