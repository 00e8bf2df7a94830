package storetest

import (
	"errors"
	"fmt"
	"net/netip"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"rowlock/sqlstore"
	"rowlock/sqlstore/engine"
)

// testEdits is what becomes of leases whose pool is edited: no address is lost.
func testEdits(t *testing.T, dialect string) {
	for _, test := range []struct {
		name string
		run  func(*testing.T, *edited)
	}{
		{"grown", editGrown},
		{"new id", editNewID},
		{"shrunk", editShrunk},
		{"split", editSplit},
		{"closing", editClosing},
	} {
		var wg sync.WaitGroup
		for _, v := range variants { // side by side: they wait most of the time
			wg.Go(func() {
				t.Run(test.name+"/"+v.name, func(t *testing.T) {
					db := migrated(t, dialect)
					store := db.openBoth(t)
					test.run(t, &edited{configured{db, store}, v, newEngine(t, store, "edit"), 0})
				})
			})
		}
		wg.Wait()
	}
}

// edited is a store whose one subnet has pools of one kind.
type edited struct {
	configured
	variant
	engine *engine.Engine
	client int // the newest client
}

// with returns a configuration with pools from and to these addresses.
func (x *edited) with(bounds ...[2]int) *sqlstore.Config {
	s := &sqlstore.Subnet{Prefix: netip.MustParsePrefix("2001:db8::/64")}
	if x.family == sqlstore.IPv4 {
		s.Prefix = netip.MustParsePrefix("192.0.2.0/24")
	}
	for _, b := range bounds {
		s.Pools = append(s.Pools, &sqlstore.Pool{Kind: x.kind, First: x.addr(b[0]), Last: x.addr(b[1]), DelegatedLen: x.length})
	}
	return &sqlstore.Config{Links: []*sqlstore.Link{{Subnets: []*sqlstore.Subnet{s}}}}
}

func (x *edited) pools(t *testing.T) []*sqlstore.Pool {
	return x.load(t).Links[0].Subnets[0].Pools
}

// ask lets a new client ask for an address.
func (x *edited) ask(t *testing.T, pools []*sqlstore.Pool) sqlstore.Result {
	t.Helper()
	it := x.item(sqlstore.OpAssign, pools[0].LinkID, x.client, netip.Addr{}, sqlstore.NewPoolSet(pools...))
	it.VRF = pools[0].VRF
	for tries := 0; ; tries++ { // rows that are given other names just now are held by somebody else
		res, err := tryDecide(x.engine, x.family, it)
		if errors.Is(err, sqlstore.ErrBusy) && tries < 10 {
			continue
		}
		require.NoError(t, err)
		return res
	}
}

// fill lets new clients take addresses until there are n leases more, and no
// more are to be had.
func (x *edited) fill(t *testing.T, n int) {
	t.Helper()
	var pools []*sqlstore.Pool
	for _, p := range x.pools(t) {
		if !p.Closing {
			pools = append(pools, p)
		}
	}
	set := sqlstore.NewPoolSet(pools...)
	seen := map[netip.Addr]bool{}
	for range n {
		x.client++
		res := x.ask(t, pools)
		for tries := 0; res.Code != sqlstore.Granted; tries++ { // "exhausted" is believed for a second
			require.Less(t, tries, 400, "%d of %d", len(seen), n)
			time.Sleep(50 * time.Millisecond)
			res = x.ask(t, pools)
		}
		require.NotNil(t, set.Find(res.Lease.Addr), "%s is in no pool", res.Lease.Addr)
		require.False(t, seen[res.Lease.Addr])
		seen[res.Lease.Addr] = true
	}
	x.client++
	require.Equal(t, sqlstore.Exhausted, x.ask(t, pools).Code)
}

// named requires that every lease bears the name of the pool it lies in, and
// that the reports count it there.
func (x *edited) named(t *testing.T, live int) {
	t.Helper()
	pools := x.pools(t)
	rows := leases(t, x.store, x.family, 0)
	count := map[uint32]int{}
	for addr, l := range rows {
		for _, p := range pools {
			if p.Contains(addr) && !p.Closing {
				require.Equal(t, [3]uint32{p.ID, p.Gen, p.SubnetID}, [3]uint32{l.PoolID, l.PoolGen, l.SubnetID}, "%s", addr)
			}
		}
		if l.State == sqlstore.Active {
			count[l.PoolID]++
		}
	}
	total := 0
	for _, p := range pools {
		require.EqualValues(t, count[p.ID], x.db.number(t, "SELECT active FROM pool_usage WHERE pool_id = %d", p.ID))
		total += count[p.ID]
	}
	require.Equal(t, live, total)
	require.EqualValues(t, live, x.db.number(t, "SELECT active FROM subnet_usage"))
}

// end lets all leases end and their grace pass; forgotten, they are deleted and
// their addresses listed as free.
func (x *edited) end(t *testing.T, forgotten bool) {
	t.Helper()
	later := func() {
		x.db.exec(t, "UPDATE %s SET since = %s, expires_at = %s, reclaim_at = %s", table(x.family), x.db.back("since", 24*time.Hour),
			x.db.back("expires_at", 24*time.Hour), x.db.back("reclaim_at", 24*time.Hour))
	}
	// the engine itself may hold rows just now, which a pass leaves for the next one
	until := time.Now().Add(20 * time.Second)
	left := func(where string) bool {
		require.Less(t, time.Now(), until, "rows are left")
		return x.db.number(t, "SELECT count(*) FROM %s %s", table(x.family), where) > 0
	}
	for later(); left("WHERE state IN (1, 2)"); {
		_, err := x.engine.Sweep(t.Context())
		require.NoError(t, err)
	}
	for later(); forgotten && left(""); {
		_, err := x.store.Forget(t.Context(), x.family, 0, 1000)
		require.NoError(t, err)
	}
}

// again requires that all n addresses can be had once more, however the
// leases end.
func (x *edited) again(t *testing.T, n int) {
	t.Helper()
	for _, forgotten := range []bool{true, false} {
		x.end(t, forgotten)
		x.fill(t, n)
		x.named(t, n)
	}
}

// An edit without an id keeps the id of the pool, and the leases come along.
func editGrown(t *testing.T, x *edited) {
	x.apply(t, x.with([2]int{16, 19}))
	x.fill(t, 4)
	was := x.pools(t)[0]
	before := leases(t, x.store, x.family, 0)
	x.apply(t, x.with([2]int{16, 23}))
	is := x.pools(t)[0]
	require.Equal(t, [2]uint32{was.ID, was.Gen + 1}, [2]uint32{is.ID, is.Gen})
	x.named(t, 4)
	for addr, l := range leases(t, x.store, x.family, 0) {
		l.PoolGen = was.Gen
		require.Equal(t, before[addr], l, "nothing else changes")
	}
	x.fill(t, 4)
	x.named(t, 8)
	x.again(t, 8)
}

// A pool that comes back under another id takes over its leases, and what was
// listed as free.
func editNewID(t *testing.T, x *edited) {
	x.apply(t, x.with([2]int{16, 19}))
	x.fill(t, 4)
	was := x.pools(t)[0].ID
	x.apply(t, x.with())
	require.Empty(t, x.pools(t))
	x.apply(t, x.with([2]int{16, 23}))
	require.NotEqual(t, was, x.pools(t)[0].ID)
	x.named(t, 4)
	x.fill(t, 4)
	x.again(t, 8)
	other := x.with([2]int{16, 23})
	other.Links[0].Subnets[0].ID = 900
	onlyPool(other).ID = 901
	x.apply(t, other)
	x.named(t, 8)
	x.end(t, true)
	onlyPool(other).ID = 902
	x.apply(t, other)
	x.fill(t, 8)
	x.again(t, 8)
}

// Leases outside of the pool that shrank end, and are not given again; when it
// grows once more, they are.
func editShrunk(t *testing.T, x *edited) {
	x.apply(t, x.with([2]int{16, 23}))
	x.fill(t, 8)
	x.apply(t, x.with([2]int{16, 17}))
	x.named(t, 8)
	x.apply(t, x.with([2]int{16, 23}))
	x.named(t, 8)
	x.again(t, 8)
	x.apply(t, x.with([2]int{16, 19}))
	x.end(t, true)
	x.fill(t, 4)
	x.apply(t, x.with([2]int{16, 23}))
	x.named(t, 4)
	x.fill(t, 4)
	x.again(t, 8)
}

// Of two parts of a pool the larger one goes on with its id; each has the
// leases in its range, and two that are joined again have them all.
func editSplit(t *testing.T, x *edited) {
	x.apply(t, x.with([2]int{16, 23}))
	x.fill(t, 8)
	was := x.pools(t)[0].ID
	x.apply(t, x.with([2]int{16, 17}, [2]int{18, 23}))
	pools := x.pools(t)
	require.Equal(t, was, pools[1].ID)
	require.NotEqual(t, was, pools[0].ID)
	x.named(t, 8)
	require.EqualValues(t, 2, x.db.number(t, "SELECT active FROM pool_usage WHERE pool_id = %d", pools[0].ID))
	x.again(t, 8)
	x.apply(t, x.with([2]int{16, 23}))
	require.Equal(t, was, x.pools(t)[0].ID)
	x.named(t, 8)
	x.again(t, 8)
}

// An open pool may lie in the range of a closing one: what is there is the open
// one's, also when the closing one goes away.
func editClosing(t *testing.T, x *edited) {
	x.apply(t, x.with([2]int{16, 23}))
	x.fill(t, 8)
	cfg := x.load(t)
	subnet := cfg.Links[0].Subnets[0]
	subnet.Pools[0].Closing = true
	subnet.Pools = append(subnet.Pools, &sqlstore.Pool{
		Kind: x.kind, First: x.addr(16), Last: x.addr(19), DelegatedLen: x.length,
	})
	x.apply(t, cfg)
	x.named(t, 8)
	open := x.pools(t)[1]
	require.EqualValues(t, 4, x.db.number(t, "SELECT active FROM pool_usage WHERE pool_id = %d", open.ID))
	x.end(t, true)
	x.fill(t, 4)
	// a tool has listed addresses under the closing pool, which then goes away
	x.db.exec(t, "UPDATE %s SET pool_id = %d", table(x.family), x.pools(t)[0].ID)
	cfg = x.load(t)
	cfg.Links[0].Subnets[0].Pools = cfg.Links[0].Subnets[0].Pools[1:]
	x.apply(t, cfg)
	require.Equal(t, [2]uint32{open.ID, open.Gen}, [2]uint32{x.pools(t)[0].ID, x.pools(t)[0].Gen})
	x.named(t, 4)
	x.again(t, 4)
}

// prefixes returns a configuration with one pool of delegated prefixes, or of
// addresses where the length is 128.
func prefixes(vrf uint32, first, last string, length uint8) *sqlstore.Config {
	p := &sqlstore.Pool{Kind: sqlstore.PD, First: netip.MustParseAddr(first), Last: netip.MustParseAddr(last), DelegatedLen: length}
	if length == 128 {
		p.Kind = sqlstore.NA
	}
	return &sqlstore.Config{Links: []*sqlstore.Link{{VRF: vrf, Subnets: []*sqlstore.Subnet{{
		Prefix: netip.MustParsePrefix("2001:db8:8::/48"), Pools: []*sqlstore.Pool{p},
	}}}}}
}

// sixties is a bench for prefixes of length 60 below 2001:db8:8::/48.
func (c *configured) sixties() *bench {
	return &bench{variant{"pd", sqlstore.IPv6, sqlstore.PD, 60}, c.db, c.store, newVRF()}
}

func (c *configured) refused(t *testing.T, cfg *sqlstore.Config, text string) {
	t.Helper()
	before, rows := c.load(t), c.db.rows(t, "SELECT binding_key, pool_id, pool_gen FROM lease6 ORDER BY addr")
	_, err := c.store.ApplyConfig(t.Context(), sqlstore.AnyRevision, cfg, "author", "")
	require.ErrorIs(t, err, sqlstore.ErrHeld)
	require.ErrorContains(t, err, text)
	require.Equal(t, before, c.load(t))
	require.Equal(t, rows, c.db.rows(t, "SELECT binding_key, pool_id, pool_gen FROM lease6 ORDER BY addr"))
}

// Another length for the prefixes of a pool waits until those that are held
// have ended: two that overlap are never held at once.
func editLengths(t *testing.T, c *configured) {
	b := c.sixties()
	c.apply(t, prefixes(b.vrf, "2001:db8:8::", "2001:db8:8:fff0::", 60))
	id := onlyPool(c.load(t)).ID
	edit := func() *sqlstore.Config { return prefixes(b.vrf, "2001:db8:8::", "2001:db8:8:ff00::", 56) }
	addresses := func() *sqlstore.Config {
		cfg := prefixes(b.vrf, "2001:db8:8::", "2001:db8:8::ffff", 128)
		onlyPool(cfg).ID = 77
		return cfg
	}
	var held []sqlstore.Lease
	for i, state := range []string{"offered", "dead", "active", "runout", "expired", "released", "declined", "parked"} {
		l := b.row(t, 16*i, state) // declined, parked: active so far
		switch state {
		case "declined":
			l = b.do(t, sqlstore.Quarantine, l, l.Rev)
		case "parked":
			l = b.do(t, sqlstore.Park, l, l.Rev)
		case "expired", "released":
			continue // ended: their client gets them back only while their length is that of the pool
		}
		held = append(held, l)
	}
	c.refused(t, edit(), fmt.Sprintf("pool %d (2001:db8:8::/48, /56): 6 leases with another prefix length are held in its range", id))
	c.refused(t, addresses(), "pool 77 (2001:db8:8::-2001:db8:8::ffff): 1 lease with another prefix length is held in its range")

	same := prefixes(b.vrf, "2001:db8:8::", "2001:db8:8:7ff0::", 60)
	c.apply(t, same) // the same length: nothing overlaps
	elsewhere := prefixes(b.vrf, "2001:db8:8:8000::", "2001:db8:8:ff00::", 56)
	onlyPool(elsewhere).ID = 78
	c.apply(t, elsewhere)
	c.apply(t, prefixes(b.vrf+1000, "2001:db8:8::", "2001:db8:8:ff00::", 56)) // another vrf
	c.apply(t, &sqlstore.Config{})
	for i, l := range held {
		c.refused(t, edit(), strconv.Itoa(len(held)-i)+" lease")
		require.EqualValues(t, 1, c.db.exec(t, "DELETE FROM lease6 WHERE %s", c.db.rowOf(l.Key)))
	}
	c.apply(t, edit())
	require.Len(t, c.load(t).Links, 1)
}

// A held prefix may begin before the pool, and contain it.
func editContaining(t *testing.T, c *configured) {
	b := c.sixties()
	b.row(t, 16, "active") // 2001:db8:8:10::/60
	for _, cfg := range []*sqlstore.Config{
		prefixes(b.vrf, "2001:db8:8:14::", "2001:db8:8:17::", 64),
		prefixes(b.vrf, "2001:db8:8:1f:8000::", "2001:db8:8:1f:ffff::", 80),
		prefixes(b.vrf, "2001:db8:8:1f:ffff:ffff:ffff:ffff", "2001:db8:8:1f:ffff:ffff:ffff:ffff", 128),
		prefixes(b.vrf, "2001:db8:8:10::", "2001:db8:8:13::", 64),
		prefixes(b.vrf, "2001:db8::", "2001:db8:fff0::", 44),
		prefixes(b.vrf, "2001:db8:8:f:ffff::", "2001:db8:8:10::", 128),
	} {
		c.refused(t, cfg, "1 lease with another prefix length is held in its range")
	}
	c.apply(t, prefixes(b.vrf, "2001:db8:8:20::", "2001:db8:8:2f::", 64))
	c.apply(t, prefixes(b.vrf, "2001:db8:8:c::", "2001:db8:8:f::", 64))
	c.apply(t, prefixes(b.vrf, "2001:db8:8:f::", "2001:db8:8:f:ffff:ffff:ffff:ffff", 128))
}

// A closing pool may be opened again only when no pool that took its place has
// leases.
func editReopened(t *testing.T, c *configured) {
	b := c.sixties()
	pool := func(length uint8, last string, closing bool) *sqlstore.Pool {
		p := onlyPool(prefixes(b.vrf, "2001:db8:8::", last, length))
		p.ID, p.Closing = uint32(length), closing
		return p
	}
	config := func(closing56 bool) *sqlstore.Config {
		cfg := prefixes(b.vrf, "2001:db8:8::", "2001:db8:8:fff0::", 60)
		cfg.Links[0].Subnets[0].Pools = []*sqlstore.Pool{pool(56, "2001:db8:8:ff00::", closing56), pool(60, "2001:db8:8:fff0::", !closing56)}
		return cfg
	}
	c.apply(t, config(true))
	l := b.row(t, 16, "active")
	c.refused(t, config(false), "pool 56 (2001:db8:8::/48, /56): 1 lease ")
	b.do(t, sqlstore.Release, l, l.Rev)
	c.apply(t, config(false))
	require.False(t, c.load(t).Links[0].Subnets[0].Pools[0].Closing)
}
