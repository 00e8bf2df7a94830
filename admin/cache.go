package admin

import (
	"context"
	"sync"
	"time"

	"rowlock/sqlstore"
)

// loadTime bounds what a cache asks the database. It is longer than anybody
// waits for an answer: what was found out is there for the next one who asks.
const loadTime = 50 * time.Second

// cache keeps a value that is expensive to find out, for all who ask. Only one
// finds it out at a time, and nothing is asked while nobody looks.
type cache[T any] struct {
	age  time.Duration
	load func(context.Context) (T, error)

	lock  chan struct{}
	value T
	at    time.Time // zero: none yet
}

func newCache[T any](age time.Duration, load func(context.Context) (T, error)) *cache[T] {
	return &cache[T]{age: age, load: load, lock: make(chan struct{}, 1)}
}

// get returns the value. An error is not kept. The caller must not change what
// it gets, which others have as well.
func (c *cache[T]) get(ctx context.Context) (T, error) {
	var none T
	select {
	case c.lock <- struct{}{}:
		defer func() { <-c.lock }()
	case <-ctx.Done():
		return none, ctx.Err()
	}
	if !c.at.IsZero() && time.Since(c.at) < c.age {
		return c.value, nil
	}
	// whoever asked may go away: others wait for the same
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), loadTime)
	defer cancel()
	v, err := c.load(ctx)
	if err != nil {
		return none, err
	}
	c.value, c.at = v, time.Now()
	return v, nil
}

// networkCache keeps the configuration for as long as its revision is the
// newest.
type networkCache struct {
	store Store

	mu      sync.Mutex
	current *sqlstore.Config
}

// get returns the configuration of the newest revision. It must not be changed.
func (n *networkCache) get(ctx context.Context) (*sqlstore.Config, error) {
	newest, err := n.store.Revision(ctx)
	if err != nil {
		return nil, err
	}
	n.mu.Lock()
	current := n.current
	n.mu.Unlock()
	if current != nil && current.Revision == newest {
		return current, nil
	}
	c, err := n.store.LoadConfig(ctx)
	if err != nil {
		return nil, err
	}
	n.mu.Lock()
	n.current = c
	n.mu.Unlock()
	return c, nil
}
