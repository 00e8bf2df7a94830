package storetest

import (
	"net/netip"
	"testing"

	"github.com/stretchr/testify/require"

	"rowlock/sqlstore"
	"rowlock/sqlstore/engine"
)

// testPreview is what is said of a message before it comes: it writes nothing, and
// what then comes ends as it was said.
func testPreview(t *testing.T, dialect string) {
	db := serving(t, dialect)
	store := Open(t, db.url)
	e := newEngine(t, store, "preview")
	for _, v := range variants {
		t.Run(v.name, func(t *testing.T) { previewed(t, &bench{v, db, store, newVRF()}, e) })
		t.Run("waiting/"+v.name, func(t *testing.T) { poolWaits(t, &bench{v, db, store, newVRF()}, e) })
	}
}

// previewed takes two clients through their lives.
func previewed(t *testing.T, b *bench, e *engine.Engine) {
	set := sqlstore.NewPoolSet(b.pool(b.vrf, b.vrf, 1, 20))
	for i, c := range []struct {
		op     sqlstore.Op
		client int
		want   int // 0: none
		any    bool
	}{
		{op: sqlstore.OpOffer, client: 1, want: 3},
		{op: sqlstore.OpOffer, client: 1},
		{op: sqlstore.OpAssign, client: 2, want: 5},
		{op: sqlstore.OpRenew, client: 2, want: 5},
		{op: sqlstore.OpOffer, client: 3, want: 5, any: true},
		{op: sqlstore.OpRenew, client: 4, want: 5},
		{op: sqlstore.OpRenew, client: 4, want: 200},
		{op: sqlstore.OpRelease, client: 2, want: 6},
		{op: sqlstore.OpRelease, client: 2, want: 5},
		{op: sqlstore.OpOffer, client: 2},
		{op: sqlstore.OpDecline, client: 2, want: 5},
	} {
		it := b.item(c.op, b.vrf, c.client, netip.Addr{}, set)
		if c.want != 0 {
			it.Want = b.addr(c.want)
		}
		before := leases(t, b.store, b.family, b.vrf)
		all, err := engine.Preview(t.Context(), b.store, &sqlstore.Request{Family: b.family, Items: []sqlstore.Item{it}})
		require.NoError(t, err)
		after := leases(t, b.store, b.family, b.vrf)
		require.Len(t, after, len(before), "step %d", i)
		for addr, l := range after {
			require.Equal(t, before[addr].Rev, l.Rev, "step %d: nothing is written", i)
		}
		res := decide(t, e, b.family, it)
		p := &all[0]
		require.Equal(t, p.Result.Code, res.Code, "step %d: %v", i, p.Steps)
		require.Equal(t, c.any, p.Any, "step %d", i)
		if !p.Any {
			require.Equal(t, p.Result.Lease.Addr, res.Lease.Addr, "step %d", i)
			require.Equal(t, p.Result.HasLease, res.HasLease, "step %d", i)
		}
		require.Equal(t, p.Result.Refused, res.Refused, "step %d", i)
		holder, taken := before[it.Want]
		require.Equal(t, taken && holder.Key != it.Key, p.Holder != nil, "step %d", i)
	}
}

// A pool that waits gives nothing new, whatever asks; a lease in it is renewed.
func poolWaits(t *testing.T, b *bench, e *engine.Engine) {
	p := b.pool(b.vrf, b.vrf, 1, 20)
	lease := decide(t, e, b.family, b.item(sqlstore.OpAssign, b.vrf, 1, b.addr(7), sqlstore.NewPoolSet(p)))
	require.Equal(t, sqlstore.Granted, lease.Code)
	shut := *p
	shut.Waiting = true
	waits := sqlstore.NewPoolSet(&shut)
	for _, op := range []sqlstore.Op{sqlstore.OpRenew, sqlstore.OpRebind, sqlstore.OpSelect} {
		res := decide(t, e, b.family, b.item(op, b.vrf, 1, b.addr(7), waits))
		require.Equal(t, sqlstore.Granted, res.Code, op)
		require.Equal(t, b.addr(7), res.Lease.Addr)
	}
	for _, op := range []sqlstore.Op{sqlstore.OpOffer, sqlstore.OpAssign, sqlstore.OpSelect, sqlstore.OpRenew, sqlstore.OpRebind} {
		for _, want := range []netip.Addr{{}, b.addr(8)} {
			res := decide(t, e, b.family, b.item(op, b.vrf, 2, want, waits))
			require.NotEqual(t, sqlstore.Granted, res.Code, "%s of %s", op, want)
		}
	}
	require.Len(t, leases(t, b.store, b.family, b.vrf), 1)
	res := decide(t, e, b.family, b.item(sqlstore.OpRelease, b.vrf, 1, b.addr(7), waits))
	require.Equal(t, sqlstore.Done, res.Code)
	res = decide(t, e, b.family, b.item(sqlstore.OpOffer, b.vrf, 1, netip.Addr{}, waits))
	require.Equal(t, sqlstore.Exhausted, res.Code, "what has ended is not offered again while others may use its range")
	res = decide(t, e, b.family, b.item(sqlstore.OpOffer, b.vrf, 1, netip.Addr{}, sqlstore.NewPoolSet(p)))
	require.Equal(t, b.addr(7), res.Lease.Addr, "the row is still there when the pool is open")
}
