package storetest

import (
	"context"
	"fmt"
	"net/netip"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"rowlock/sqlstore"
)

// unsure is a store that loses the connection when it commits every second
// request for addresses: they are taken, and nobody is told.
type unsure struct {
	sqlstore.Store
	calls, lost atomic.Int64
}

func (u *unsure) TakeFree(ctx context.Context, f sqlstore.Fence, needs []sqlstore.PoolNeed) ([]sqlstore.Hints, error) {
	found, err := u.Store.TakeFree(ctx, f, needs)
	if u.calls.Add(1)%2 == 0 || err != nil {
		return found, err
	}
	for _, h := range found {
		if h.Chunk != 0 {
			u.lost.Add(1)
		}
	}
	return nil, fmt.Errorf("commit: %w", sqlstore.ErrUnavailable)
}

// INV-9: what a live frontend was given without its knowledge is not lost, also
// where nobody else is there to take it over: a pool is filled to its last
// address, and at the end no chunk is left.
func hintUnknown(t *testing.T, dialect string) {
	const size = 64
	db := serving(t, dialect)
	u := &unsure{Store: Open(t, db.url)}
	b := &bench{variants[0], db, u, newVRF()}
	set := sqlstore.NewPoolSet(b.pool(b.vrf, b.vrf, 1, size))
	e := newEngine(t, u, "unsure")
	until := time.Now().Add(30 * time.Second)
	for client := 1; client <= size; {
		res, err := tryDecide(e, b.family, b.item(sqlstore.OpAssign, b.vrf, client, netip.Addr{}, set))
		if err == nil && res.Code == sqlstore.Granted {
			client++
			continue
		}
		require.True(t, time.Now().Before(until), "client %d: %s, %v", client, res.Code, err)
		time.Sleep(100 * time.Millisecond)
	}
	require.Positive(t, u.lost.Load())
	require.Len(t, leases(t, u, b.family, b.vrf), size)
	for {
		left := db.rows(t, "SELECT chunk_id FROM addr_chunk WHERE pool_id = %d", b.vrf)
		if len(left) == 0 {
			break
		}
		require.True(t, time.Now().Before(until), "chunks %v are left", left)
		_, err := tryDecide(e, b.family, b.item(sqlstore.OpAssign, b.vrf, size+1, netip.Addr{}, set))
		require.NoError(t, err)
		time.Sleep(100 * time.Millisecond)
	}
}

// Frontends fall silent for longer than their chunks wait for them, and come
// back with what they had in hand while others have taken it over: a pool is
// filled to its last address all the same, and each has one client.
func hintSilent(t *testing.T, dialect string) {
	const size = 600
	fl := newFleet(t, dialect, size)
	fl.fill(t, 0, size, func(round int) {
		fl.db.exec(t, "UPDATE frontend SET heartbeat_at = %s WHERE id = '%s'", fl.db.back("heartbeat_at", 11*time.Second), fl.ids[round%3])
	})
	require.Equal(t, size, fl.used(t))
}
