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

// testCached is what a renewal does that need not be written.
func testCached(t *testing.T, dialect string) {
	db := serving(t, dialect)
	store := Open(t, db.url)
	e := newEngine(t, store, "cached")
	for _, v := range variants {
		c := func() *cached { return &cached{bench{v, db, store, newVRF()}, e} }
		t.Run("kept/"+v.name, func(t *testing.T) { cachedKept(t, c()) })
		t.Run("written/"+v.name, func(t *testing.T) { cachedWritten(t, c()) })
		t.Run("not live/"+v.name, func(t *testing.T) { cachedNotLive(t, c()) })
		t.Run("infinite/"+v.name, func(t *testing.T) { cachedInfinite(t, c()) })
	}
	t.Run("message", func(t *testing.T) { cachedMessage(t, &cached{bench{variants[1], db, store, newVRF()}, e}) })
}

// cached is a link whose renewals are not written in the first 900 s of a lease
// of 3,600 s.
type cached struct {
	bench
	e *engine.Engine
}

const cacheAge = 900

// lease gives a client a lease and returns its row with the item of its renewal.
func (c *cached) lease(t *testing.T, client int) (sqlstore.Lease, sqlstore.Item) {
	t.Helper()
	it := c.item(sqlstore.OpAssign, c.vrf, client, c.addr(client), sqlstore.NewPoolSet(c.pool(c.vrf, c.vrf, 1, 200)))
	it.CacheAge = cacheAge
	res := decide(t, c.e, c.family, it)
	require.Equal(t, sqlstore.Granted, res.Code)
	require.False(t, res.Cached)
	it.Op = sqlstore.OpRenew
	return c.rowOf(t, res.Lease.Addr), it
}

// rowOf returns the row of an address as it is in the table.
func (c *cached) rowOf(t *testing.T, addr netip.Addr) sqlstore.Lease {
	t.Helper()
	return leases(t, c.store, c.family, c.vrf)[addr]
}

// Nothing is written, and the client is told exactly what is left.
func cachedKept(t *testing.T, c *cached) {
	for i, by := range []time.Duration{0, 100 * time.Second, 890 * time.Second} {
		for n, op := range []sqlstore.Op{sqlstore.OpRenew, sqlstore.OpRebind, sqlstore.OpInitReboot} {
			l, it := c.lease(t, 1+3*i+n)
			c.db.age(t, c.family, l.Key, by)
			before := c.rowOf(t, l.Addr)
			it.Op = op
			it.Client.RelayAddr, it.Client.CircuitID, it.Client.RemoteID, it.Client.Hostname = netip.Addr{}, nil, nil, "" // as by unicast
			it.KeepName = true
			from := c.db.now(t)
			res := decide(t, c.e, c.family, it)
			to := c.db.now(t)
			require.Equal(t, sqlstore.Granted, res.Code)
			require.True(t, res.Cached, "%s after %s", op, by)
			require.Equal(t, before, c.rowOf(t, l.Addr), "nothing is written")
			require.Equal(t, before.Rev, res.Lease.Rev)

			between(t, before.Expires.Add(-res.Lease.Remaining), from, to)
			valid, preferred := res.Lease.Left()
			require.EqualValues(t, res.Lease.Remaining/time.Second, valid)
			if c.family == sqlstore.IPv6 {
				require.Equal(t, max(valid, 1800)-1800, preferred, "both lifetimes are of one age")
			}
		}
	}
}

// What would change the row is written, and so is a renewal that comes late.
func cachedWritten(t *testing.T, c *cached) {
	for i, change := range []struct {
		name string
		by   time.Duration
		do   func(*sqlstore.Item)
	}{
		{"as old as the threshold", cacheAge * time.Second, func(*sqlstore.Item) {}},
		{"older", 2000 * time.Second, func(*sqlstore.Item) {}},
		{"no caching", 0, func(it *sqlstore.Item) { it.CacheAge = 0 }},
		{"another name", 0, func(it *sqlstore.Item) { it.Client.Hostname = "other.example.org" }},
		{"other flags", 0, func(it *sqlstore.Item) { it.Client.FQDNFlags = 1 }},
		{"another name at the address", 0, func(it *sqlstore.Item) {
			it.Named = func(netip.Addr) (string, uint8) { return "chosen.example.org", sqlstore.FQDNForward }
		}},
		{"another circuit", 0, func(it *sqlstore.Item) { it.Client.CircuitID = []byte("port 2") }},
		{"another relay", 0, func(it *sqlstore.Item) { it.Client.RelayAddr = c.addr(251) }},
		{"another hardware address", 0, func(it *sqlstore.Item) { it.Client.HWAddr = []byte("654321") }},
		{"other classes", 0, func(it *sqlstore.Item) { it.Client.Classes = "voip" }},
		{"a longer lifetime", 0, func(it *sqlstore.Item) { it.ValidLft = 7200 }},
		{"a shorter lifetime", 0, func(it *sqlstore.Item) { it.ValidLft = 1900 }},
	} {
		l, it := c.lease(t, 1+i)
		c.db.age(t, c.family, l.Key, change.by)
		change.do(&it)
		res := decide(t, c.e, c.family, it)
		after := c.rowOf(t, l.Addr)
		require.Equal(t, sqlstore.Granted, res.Code, change.name)
		require.False(t, res.Cached, change.name)
		require.Greater(t, after.Rev, l.Rev, change.name)
		require.Equal(t, it.ValidLft, after.ValidLft, change.name)
		require.Equal(t, it.ClientAt(l.Addr), after.Client, change.name)
		require.Equal(t, res.Lease.Rev, after.Rev, change.name)
	}
	l, it := c.lease(t, 100)
	it.Client.Hostname, it.Client.FQDNFlags = l.Client.Hostname, sqlstore.FQDNForward
	require.False(t, decide(t, c.e, c.family, it).Cached)
	it.Client.Hostname, it.Client.FQDNFlags = "", 0
	require.False(t, decide(t, c.e, c.family, it).Cached, "the name leaves DNS")
	require.Zero(t, c.rowOf(t, l.Addr).Client.FQDNFlags)
}

// A lease that has ended begins anew.
func cachedNotLive(t *testing.T, c *cached) {
	for i, end := range []func(sqlstore.Lease){
		func(l sqlstore.Lease) { c.db.age(t, c.family, l.Key, 3601*time.Second) },
		func(l sqlstore.Lease) { c.do(t, sqlstore.Release, l, l.Rev) },
	} {
		l, it := c.lease(t, 1+i)
		end(l)
		res := decide(t, c.e, c.family, it)
		require.Equal(t, sqlstore.Granted, res.Code)
		require.False(t, res.Cached)
		require.Equal(t, sqlstore.Active, res.Lease.State)
		require.True(t, res.Lease.Since.After(l.Since))
	}
	l, it := c.lease(t, 10)
	it.Pools = sqlstore.NewPoolSet(c.pool(c.vrf+1<<20, c.vrf, 100, 110))
	require.False(t, decide(t, c.e, c.family, it).Cached, "the client may not have it any more")
	require.Equal(t, sqlstore.Parked, c.rowOf(t, l.Addr).State)
}

func cachedInfinite(t *testing.T, c *cached) {
	l, it := c.lease(t, 1)
	it.ValidLft, it.PreferredLft = sqlstore.Infinite, sqlstore.Infinite
	require.False(t, decide(t, c.e, c.family, it).Cached, "it had an end")
	before := c.rowOf(t, l.Addr)
	res := decide(t, c.e, c.family, it)
	require.True(t, res.Cached)
	require.Equal(t, before, c.rowOf(t, l.Addr))
	valid, _ := res.Lease.Left()
	require.EqualValues(t, sqlstore.Infinite, valid)
}

// The items of a message are all written as soon as one is.
func cachedMessage(t *testing.T, c *cached) {
	one, first := c.lease(t, 1)
	two, second := c.lease(t, 2)
	three, third := c.lease(t, 3)
	message := func() *sqlstore.Decision {
		ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
		defer cancel()
		d, err := c.e.Do(ctx, &sqlstore.Request{Family: c.family, Items: []sqlstore.Item{first, second, third}})
		require.NoError(t, err)
		for _, r := range d.Results {
			require.Equal(t, sqlstore.Granted, r.Code)
		}
		return d
	}
	for _, r := range message().Results {
		require.True(t, r.Cached)
	}
	for _, l := range []sqlstore.Lease{one, two, three} {
		require.Equal(t, l, c.rowOf(t, l.Addr))
	}
	for i, spoil := range []func(){
		func() { second.Client.Hostname = "other.example.org" },
		func() { c.db.age(t, c.family, three.Key, 1000*time.Second) },
		func() { third.CacheAge = 0 },
		func() { first.Key, first.Want = c.key(c.vrf, 4), c.addr(4) }, // has no lease
	} {
		before := leases(t, c.store, c.family, c.vrf)
		spoil()
		for _, r := range message().Results {
			require.False(t, r.Cached, i)
			require.Greater(t, r.Lease.Rev, before[r.Lease.Addr].Rev, i)
		}
	}
}
