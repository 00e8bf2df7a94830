package engine

import (
	"context"
	"sync"

	"rowlock/sqlstore"
)

// latest asks the database for its newest revision. Those who ask while a call
// is under way share the next one: it begins after they asked, and however many
// ask, one call runs at a time.
type latest struct {
	mu      sync.Mutex
	running bool
	next    *reading
}

// reading is one call; done is closed when it has its outcome.
type reading struct {
	done     chan struct{}
	revision int64
	err      error
}

func (l *latest) read(ctx context.Context, e *Engine) (int64, error) {
	l.mu.Lock()
	if l.next == nil {
		l.next = &reading{done: make(chan struct{})}
	}
	r := l.next
	if !l.running {
		l.running = true
		go l.run(e)
	}
	l.mu.Unlock()
	select {
	case <-r.done:
		return r.revision, r.err
	case <-ctx.Done():
		return 0, sqlstore.ErrBusy
	}
}

// run makes calls until nobody waits for one.
func (l *latest) run(e *Engine) {
	for {
		l.mu.Lock()
		r := l.next
		l.next = nil
		l.running = r != nil
		l.mu.Unlock()
		if r == nil {
			return
		}
		r.err = sqlstore.ErrUnavailable // unless it comes to an end
		e.guarded(context.Background(), func(ctx context.Context) {
			if r.revision, r.err = e.revision(ctx); r.err == nil {
				e.sawRevision(r.revision)
			}
		})
		close(r.done)
	}
}
