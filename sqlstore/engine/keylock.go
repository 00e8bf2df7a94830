package engine

import (
	"context"
	"slices"
	"sync"

	"rowlock/sqlstore"
)

// lockName is a key within its family: the families have tables of their own.
type lockName struct {
	family sqlstore.Family
	key    sqlstore.Key
}

// keyLocks makes messages about the same binding wait for each other, so that
// one frontend never has a key in two batches at once and the messages of one
// client keep their order.
type keyLocks struct {
	mu   sync.Mutex
	held map[lockName][]chan struct{} // those who wait, in order
}

func newKeyLocks() *keyLocks { return &keyLocks{held: map[lockName][]chan struct{}{}} }

// lock takes all keys, in sorted order so that two messages cannot wait for
// one another, and returns the function that gives them back.
func (k *keyLocks) lock(ctx context.Context, f sqlstore.Family, keys []sqlstore.Key) (unlock func(), err error) {
	slices.Sort(keys)
	keys = slices.Compact(keys)
	taken := 0
	unlock = func() {
		for _, key := range keys[:taken] {
			k.release(lockName{f, key})
		}
	}
	for _, key := range keys {
		if err := k.acquire(ctx, lockName{f, key}); err != nil {
			unlock()
			return nil, err
		}
		taken++
	}
	return unlock, nil
}

func (k *keyLocks) acquire(ctx context.Context, name lockName) error {
	k.mu.Lock()
	waiters, busy := k.held[name]
	if !busy {
		k.held[name] = nil
		k.mu.Unlock()
		return nil
	}
	turn := make(chan struct{})
	k.held[name] = append(waiters, turn)
	k.mu.Unlock()
	select {
	case <-turn:
		return nil
	case <-ctx.Done():
		k.mu.Lock()
		defer k.mu.Unlock()
		if i := slices.Index(k.held[name], turn); i >= 0 {
			k.held[name] = slices.Delete(k.held[name], i, i+1)
			return sqlstore.ErrBusy
		}
		// the turn came at the same moment: pass it on
		k.pass(name)
		return sqlstore.ErrBusy
	}
}

func (k *keyLocks) release(name lockName) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.pass(name)
}

// pass gives the key to the next in line; mu is held.
func (k *keyLocks) pass(name lockName) {
	waiters := k.held[name]
	if len(waiters) == 0 {
		delete(k.held, name)
		return
	}
	k.held[name] = waiters[1:]
	close(waiters[0])
}
