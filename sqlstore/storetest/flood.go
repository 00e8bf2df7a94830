package storetest

import (
	"context"
	"net/netip"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"rowlock/sqlstore"
	"rowlock/sqlstore/engine"
)

// testFlood is what invented clients can do to a pool, and for how long.
func testFlood(t *testing.T, dialect string) {
	db := serving(t, dialect)
	store := Open(t, db.url)
	e := newEngine(t, store, "flood")
	for _, v := range variants {
		t.Run("offers/"+v.name, func(t *testing.T) {
			t.Parallel() // they wait more than they work
			floodOffers(t, &flood{bench{v, db, store, newVRF()}, e, nil})
		})
		t.Run("declines/"+v.name, func(t *testing.T) {
			t.Parallel() // they wait more than they work
			floodDeclines(t, &flood{bench{v, db, store, newVRF()}, e, nil})
		})
	}
}

// flood is a link with a pool of floodSize addresses.
type flood struct {
	bench
	e     *engine.Engine
	pools *sqlstore.PoolSet
}

const floodSize = 40

func (x *flood) ask(t *testing.T, op sqlstore.Op, client int, want netip.Addr) sqlstore.Result {
	t.Helper()
	if x.pools == nil {
		x.pools = sqlstore.NewPoolSet(x.pool(x.vrf, x.vrf, 1, floodSize))
	}
	return decide(t, x.e, x.family, x.item(op, x.vrf, client, want, x.pools))
}

// after lets time pass in the rows of the link.
func (x *flood) after(t *testing.T, by time.Duration) {
	t.Helper()
	x.db.exec(t, "UPDATE %s SET since = %s, expires_at = %s, reclaim_at = %s WHERE vrf = %d", table(x.family),
		x.db.back("since", by), x.db.back("expires_at", by), x.db.back("reclaim_at", by), x.vrf)
}

// served waits until a new client gets an address: what was said of an empty
// pool is believed for a second.
func (x *flood) served(t *testing.T, client int) sqlstore.Result {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	for {
		res := x.ask(t, sqlstore.OpOffer, client, netip.Addr{})
		if res.Code == sqlstore.Granted {
			return res
		}
		require.Equal(t, sqlstore.Exhausted, res.Code)
		require.NoError(t, ctx.Err(), "the pool is still empty")
		time.Sleep(50 * time.Millisecond)
	}
}

// Offers that nobody takes hold the whole pool for the time of an offer, and
// leave nothing behind.
func floodOffers(t *testing.T, x *flood) {
	known := x.ask(t, sqlstore.OpAssign, 1, netip.Addr{})
	require.Equal(t, sqlstore.Granted, known.Code)
	for client := range floodSize - 1 {
		require.Equal(t, sqlstore.Granted, x.ask(t, sqlstore.OpOffer, 1000+client, netip.Addr{}).Code)
	}
	require.Equal(t, sqlstore.Exhausted, x.ask(t, sqlstore.OpOffer, 2, netip.Addr{}).Code)
	require.Equal(t, sqlstore.Granted, x.ask(t, sqlstore.OpRenew, 1, known.Lease.Addr).Code, "who has a lease does not notice")

	x.after(t, 61*time.Second)
	_, err := x.e.Sweep(t.Context())
	require.NoError(t, err)
	require.Len(t, leases(t, x.store, x.family, x.vrf), 1, "the table is as before")
	for client := range floodSize - 1 {
		require.Equal(t, sqlstore.Granted, x.served(t, 2000+client).Code)
	}
	require.Len(t, leases(t, x.store, x.family, x.vrf), floodSize)
}

// Each DECLINE takes an address for the time of quarantine, after which all are
// there again.
func floodDeclines(t *testing.T, x *flood) {
	declined := 0
	for client := range floodSize {
		res := x.ask(t, sqlstore.OpAssign, 1000+client, netip.Addr{})
		require.Equal(t, sqlstore.Granted, res.Code)
		if x.ask(t, sqlstore.OpDecline, 1000+client, res.Lease.Addr).Code == sqlstore.Done {
			declined++
		}
	}
	require.Equal(t, floodSize, declined)
	require.Equal(t, sqlstore.Exhausted, x.ask(t, sqlstore.OpOffer, 2, netip.Addr{}).Code)
	require.Len(t, leases(t, x.store, x.family, x.vrf), floodSize, "no more rows than addresses")

	x.after(t, 24*time.Hour-time.Minute)
	_, err := x.e.Sweep(t.Context())
	require.NoError(t, err)
	require.Len(t, leases(t, x.store, x.family, x.vrf), floodSize, "quarantine lasts")
	x.after(t, 2*time.Minute)
	_, err = x.e.Sweep(t.Context())
	require.NoError(t, err)
	require.Empty(t, leases(t, x.store, x.family, x.vrf))
	for client := range floodSize {
		require.Equal(t, sqlstore.Granted, x.served(t, 2000+client).Code)
	}
}
