package engine

import (
	"context"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"rowlock/sqlstore"
)

// Messages about the same binding go one after the other, in their order.
func TestKeyLockOrder(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		k := newKeyLocks()
		unlock, err := k.lock(t.Context(), sqlstore.IPv4, []sqlstore.Key{testKey(1)})
		require.NoError(t, err)
		var order []int
		var wg sync.WaitGroup
		for i := range 10 {
			wg.Go(func() {
				unlock, err := k.lock(t.Context(), sqlstore.IPv4, []sqlstore.Key{testKey(1)})
				require.NoError(t, err)
				order = append(order, i)
				unlock()
			})
			synctest.Wait()
		}
		other, err := k.lock(t.Context(), sqlstore.IPv4, []sqlstore.Key{testKey(2)})
		require.NoError(t, err, "another client does not wait")
		other()
		other, err = k.lock(t.Context(), sqlstore.IPv6, []sqlstore.Key{testKey(1)})
		require.NoError(t, err, "nor does the other family")
		other()
		require.Empty(t, order)
		unlock()
		wg.Wait()
		require.Equal(t, []int{0, 1, 2, 3, 4, 5, 6, 7, 8, 9}, order)
		require.Empty(t, k.held)
	})
}

// The same key twice in one message is one lock.
func TestKeyLockTwice(t *testing.T) {
	k := newKeyLocks()
	unlock, err := k.lock(t.Context(), sqlstore.IPv6, []sqlstore.Key{testKey(2), testKey(1), testKey(2)})
	require.NoError(t, err)
	require.Len(t, k.held, 2)
	unlock()
	require.Empty(t, k.held)
}

// Who gives up leaves nothing behind, also at the moment of its turn.
func TestKeyLockGivesUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		k := newKeyLocks()
		unlock, err := k.lock(t.Context(), sqlstore.IPv4, []sqlstore.Key{testKey(2)})
		require.NoError(t, err)
		short, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		_, err = k.lock(short, sqlstore.IPv4, []sqlstore.Key{testKey(1), testKey(2)})
		require.ErrorIs(t, err, sqlstore.ErrBusy)
		free, err := k.lock(t.Context(), sqlstore.IPv4, []sqlstore.Key{testKey(1)})
		require.NoError(t, err, "the first of its keys was given back")
		free()
		unlock()
		require.Empty(t, k.held)
	})
}

// Random messages about a few keys: never two at once, and an empty table at
// the end.
func TestKeyLockStress(t *testing.T) {
	k := newKeyLocks()
	var holders [5]atomic.Int32
	var wg sync.WaitGroup
	for w := range 16 {
		wg.Go(func() {
			r := rand.New(rand.NewPCG(uint64(w), 7))
			for range 300 {
				mine := r.Perm(5)[:1+r.IntN(3)]
				var keys []sqlstore.Key
				for _, n := range mine {
					keys = append(keys, testKey(n))
				}
				ctx, cancel := context.WithTimeout(context.Background(), time.Duration(r.IntN(200))*time.Microsecond)
				unlock, err := k.lock(ctx, sqlstore.IPv4, keys)
				if err == nil {
					for _, n := range mine {
						if holders[n].Add(1) != 1 {
							t.Error("two hold a key")
						}
					}
					for _, n := range mine {
						holders[n].Add(-1)
					}
					unlock()
				}
				cancel()
			}
		})
	}
	wg.Wait()
	require.Empty(t, k.held)
}
