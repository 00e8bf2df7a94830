package storetest

import (
	"net/netip"
	"testing"

	"github.com/stretchr/testify/require"

	"rowlock/sqlstore"
	"rowlock/sqlstore/engine"
)

// testFormer is what becomes of bindings when a subnet moves to another link
// and the link that it came from is still there.
func testFormer(t *testing.T, dialect string) {
	db := serving(t, dialect)
	store := Open(t, db.url)
	e := newEngine(t, store, "former")
	for _, v := range variants {
		for _, op := range []sqlstore.Op{sqlstore.OpOffer, sqlstore.OpAssign, sqlstore.OpSelect, sqlstore.OpInitReboot, sqlstore.OpRenew, sqlstore.OpRebind} {
			t.Run("stays/"+v.name+"/"+op.String(), func(t *testing.T) { formerStays(t, &former{v, e, store, newVRF(), newVRF()}, op) })
		}
		t.Run("moves/"+v.name, func(t *testing.T) { formerMoves(t, &former{v, e, store, newVRF(), newVRF()}) })
		for _, op := range []sqlstore.Op{sqlstore.OpOffer, sqlstore.OpAssign, sqlstore.OpInitReboot, sqlstore.OpRenew, sqlstore.OpRebind} {
			t.Run("many/"+v.name+"/"+op.String(), func(t *testing.T) { formerMany(t, &former{v, e, store, newVRF(), newVRF()}, op) })
		}
		t.Run("shrunk/"+v.name, func(t *testing.T) { formerShrunk(t, &former{v, e, store, newVRF(), newVRF()}) })
	}
}

// former is two links of a vrf that has the number of the first: the second
// has a subnet that came from the first, with the addresses from 100.
type former struct {
	variant
	engine     *engine.Engine
	store      sqlstore.Store
	link, next uint32
}

func (x *former) stayed() *sqlstore.PoolSet {
	return sqlstore.NewPoolSet(x.pool(x.link, x.link, 10, 20))
}

func (x *former) moved(first, last int) *sqlstore.PoolSet {
	return sqlstore.NewPoolSet(x.pool(x.next, x.link, first, last))
}

// ask lets client 1 ask on a link.
func (x *former) ask(t *testing.T, op sqlstore.Op, link uint32, want netip.Addr, pools *sqlstore.PoolSet) sqlstore.Result {
	t.Helper()
	it := x.item(op, link, 1, want, pools)
	it.VRF = x.link
	if link == x.next {
		it.Former = []sqlstore.Key{x.key(x.link, 1)}
	}
	return decide(t, x.engine, x.family, it)
}

// A client that is known on both links has a binding on each.
func formerStays(t *testing.T, x *former, op sqlstore.Op) {
	first := x.ask(t, sqlstore.OpAssign, x.link, netip.Addr{}, x.stayed())
	require.Equal(t, sqlstore.Granted, first.Code)
	before := leases(t, x.store, x.family, x.link)[first.Lease.Addr]
	for range 2 {
		second := x.ask(t, op, x.next, x.addr(101), x.moved(100, 110))
		if second.Code == sqlstore.Granted {
			require.Equal(t, x.addr(101), second.Lease.Addr)
			require.Equal(t, x.key(x.next, 1), second.Lease.Key)
		}
		if op == sqlstore.OpInitReboot {
			require.Equal(t, sqlstore.NoBinding, second.Code)
		} else {
			require.Equal(t, sqlstore.Granted, second.Code)
		}
		require.Equal(t, before, leases(t, x.store, x.family, x.link)[first.Lease.Addr])
	}
	renewed := x.ask(t, sqlstore.OpRenew, x.link, first.Lease.Addr, x.stayed())
	require.Equal(t, sqlstore.Granted, renewed.Code)
	require.Equal(t, first.Lease.Addr, renewed.Lease.Addr)
}

// A binding in the subnet that moved comes along.
func formerMoves(t *testing.T, x *former) {
	first := x.ask(t, sqlstore.OpAssign, x.link, netip.Addr{}, x.moved(100, 110))
	require.Equal(t, sqlstore.Granted, first.Code)
	second := x.ask(t, sqlstore.OpRenew, x.next, first.Lease.Addr, x.moved(100, 110))
	require.Equal(t, sqlstore.Granted, second.Code)
	require.Equal(t, first.Lease.Addr, second.Lease.Addr)
	require.Equal(t, x.key(x.next, 1), second.Lease.Key)
	require.Len(t, leases(t, x.store, x.family, x.link), 1)
}

// One whose address has left the pool of that subnet is put aside.
func formerShrunk(t *testing.T, x *former) {
	first := x.ask(t, sqlstore.OpAssign, x.link, x.addr(110), x.moved(100, 110))
	require.Equal(t, x.addr(110), first.Lease.Addr)
	second := x.ask(t, sqlstore.OpAssign, x.next, netip.Addr{}, x.moved(100, 109))
	require.Equal(t, sqlstore.Granted, second.Code)
	require.NotEqual(t, first.Lease.Addr, second.Lease.Addr)
	require.Equal(t, sqlstore.Parked, leases(t, x.store, x.family, x.link)[first.Lease.Addr].State)
}

// A link that was made of many: whichever of them a client was known on, it keeps
// its address, and one that is known on none gets a new one.
func formerMany(t *testing.T, x *former, op sqlstore.Op) {
	links := []uint32{x.link, newVRF(), newVRF(), newVRF(), newVRF(), newVRF(), newVRF()}
	ask := func(op sqlstore.Op, link uint32, client int, want netip.Addr, pools *sqlstore.PoolSet) sqlstore.Result {
		it := x.item(op, link, client, want, pools)
		it.VRF = x.link
		if link == x.next {
			for _, l := range links {
				it.Former = append(it.Former, x.key(l, client))
			}
		}
		return decide(t, x.engine, x.family, it)
	}
	for i, link := range links {
		client := i + 1
		if i > 3 { // it has another binding, on a link that is still there
			require.Equal(t, sqlstore.Granted, ask(sqlstore.OpAssign, links[1], client, netip.Addr{}, x.stayed()).Code)
		}
		first := ask(sqlstore.OpAssign, link, client, netip.Addr{}, x.moved(100, 120))
		require.Equal(t, sqlstore.Granted, first.Code)
		want := first.Lease.Addr
		if op == sqlstore.OpOffer || op == sqlstore.OpAssign {
			want = netip.Addr{} // a client that has forgotten what it had
		}
		second := ask(op, x.next, client, want, x.moved(100, 120))
		require.Equal(t, sqlstore.Granted, second.Code, "link %d of %d", i, len(links))
		require.Equal(t, first.Lease.Addr, second.Lease.Addr, "link %d of %d", i, len(links))
		require.Equal(t, x.key(x.next, client), second.Lease.Key)
	}
	for i, end := range []sqlstore.Op{sqlstore.OpRelease, sqlstore.OpDecline} {
		client := 20 + i
		first := ask(sqlstore.OpAssign, links[5], client, netip.Addr{}, x.moved(100, 120))
		require.Equal(t, sqlstore.NoBinding, ask(end, x.next, client, x.addr(120), x.moved(100, 120)).Code, "another address")
		require.Equal(t, sqlstore.Done, ask(end, x.next, client, first.Lease.Addr, x.moved(100, 120)).Code)
		require.Equal(t, sqlstore.NoBinding, ask(end, x.next, client, first.Lease.Addr, x.moved(100, 120)).Code, "once only")
	}
	fresh := ask(sqlstore.OpAssign, x.next, 50, netip.Addr{}, x.moved(100, 120))
	require.Equal(t, sqlstore.Granted, fresh.Code)
	require.Len(t, leases(t, x.store, x.family, x.link), 2*len(links)-4+2+1)
}
