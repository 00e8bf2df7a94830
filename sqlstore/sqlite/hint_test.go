package sqlite

import (
	"net/netip"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"rowlock/sqlstore"
)

func pool4(id uint32, first, last string) *sqlstore.Pool {
	return &sqlstore.Pool{
		ID: id, Gen: 1, SubnetID: 1, LinkID: 1, Kind: sqlstore.NA, DelegatedLen: 32,
		First: netip.MustParseAddr(first), Last: netip.MustParseAddr(last),
	}
}

// frontend registers a frontend and returns its fence.
func (x *fixture) frontend(id string) sqlstore.Fence {
	x.t.Helper()
	inc, err := x.Register(x.t.Context(), sqlstore.FrontendInfo{ID: id})
	require.NoError(x.t, err)
	return sqlstore.Fence{Frontend: id, Incarnation: inc}
}

func (x *fixture) take(f sqlstore.Fence, p *sqlstore.Pool, want int) sqlstore.Hints {
	x.t.Helper()
	h, err := x.TakeFree(x.t.Context(), f, []sqlstore.PoolNeed{{Pool: p, Want: want}})
	require.NoError(x.t, err)
	require.Len(x.t, h, 1)
	require.Same(x.t, p, h[0].Pool)
	return h[0]
}

func (x *fixture) reclaim(p *sqlstore.Pool, n int) int {
	x.t.Helper()
	counts, err := x.Reclaim(x.t.Context(), []*sqlstore.Pool{p}, n)
	require.NoError(x.t, err)
	require.Len(x.t, counts, 1)
	return counts[0]
}

func TestTakeFreeFromTheCursor(t *testing.T) {
	x := newFixture(t)
	a, b := x.frontend("a"), x.frontend("b")
	p := pool4(1, "10.0.0.0", "10.0.255.255")
	seen := map[netip.Addr]bool{}
	for i, f := range []sqlstore.Fence{a, b, a} {
		h := x.take(f, p, 32)
		require.Equal(t, int64(i+1), h.Chunk)
		require.Len(t, h.Addrs, 32)
		for _, fa := range h.Addrs {
			require.True(t, fa.Exclusive)
			require.Zero(t, fa.Token)
			require.True(t, p.Contains(fa.Addr))
			require.False(t, seen[fa.Addr])
			seen[fa.Addr] = true
		}
	}
	require.Equal(t, int64(96), x.number("SELECT next_index FROM pool_cursor WHERE pool_id = 1 AND gen = 1"))
	require.Equal(t, int64(65536), x.number("SELECT size FROM pool_cursor"))
	require.Len(t, x.take(a, p, 9999).Addrs, sqlstore.MaxHints, "never more")
}

// Near its end a pool is handed out in ever smaller pieces, to its last address.
func TestTakeFreeSharesTheEnd(t *testing.T) {
	x := newFixture(t)
	a, b := x.frontend("a"), x.frontend("b")
	p := pool4(1, "192.0.2.0", "192.0.2.255")
	require.Len(t, x.take(a, p, 256).Addrs, 16, "256 / (8 * 2 frontends)")
	require.Len(t, x.take(b, p, 4).Addrs, 4)
	all := 20
	for {
		h := x.take(a, p, 256)
		if len(h.Addrs) == 0 {
			require.Zero(t, h.Chunk)
			break
		}
		all += len(h.Addrs)
	}
	require.Equal(t, 256, all)
}

func TestTakeFreeAdoptsChunksOfTheDead(t *testing.T) {
	x := newFixture(t)
	a, b := x.frontend("a"), x.frontend("b")
	p := pool4(1, "10.0.0.0", "10.0.255.255")
	first := x.take(a, p, 8)
	require.NotEqual(t, first.Chunk, x.take(b, p, 8).Chunk, "the holder is alive")
	x.run("UPDATE frontend SET heartbeat_at = heartbeat_at - 11000000 WHERE id = 'a'")
	h := x.take(b, p, 8)
	require.Equal(t, first.Chunk, h.Chunk)
	require.Len(t, h.Addrs, 8)
	for i := range h.Addrs {
		require.Equal(t, first.Addrs[i].Addr, h.Addrs[i].Addr)
		require.False(t, h.Addrs[i].Exclusive, "nobody knows whether the holder is really gone")
	}
	require.NotEqual(t, first.Chunk, x.take(b, p, 8).Chunk, "taken over once")

	// a new incarnation is another holder; so is nobody
	own := x.take(b, p, 8)
	b2 := x.frontend("b")
	require.False(t, x.take(b2, p, 8).Addrs[0].Exclusive)
	require.NoError(t, x.DoneFree(t.Context(), b2, []int64{own.Chunk}, nil))
	require.NoError(t, x.Unregister(t.Context(), b2))
	c := x.frontend("c")
	require.False(t, x.take(c, p, 8).Addrs[0].Exclusive)
}

func TestTakeFreeIsFenced(t *testing.T) {
	x := newFixture(t)
	f := x.frontend("a")
	f.Incarnation--
	_, err := x.TakeFree(t.Context(), f, []sqlstore.PoolNeed{{Pool: pool4(1, "10.0.0.0", "10.0.0.255"), Want: 8}})
	require.ErrorIs(t, err, sqlstore.ErrFenced)
	require.ErrorIs(t, x.DoneFree(t.Context(), f, []int64{1}, nil), sqlstore.ErrFenced)
	require.Zero(t, x.number("SELECT count(*) FROM pool_cursor"))
}

// The free list gives an address to one holder for ten seconds; what the old
// holder then says of it counts for nothing.
func TestTakeFreeFromTheFreeList(t *testing.T) {
	x := newFixture(t)
	a := x.frontend("a")
	p := pool4(1, "192.0.2.1", "192.0.2.1")
	require.Len(t, x.take(a, p, 1).Addrs, 1)
	require.Empty(t, x.take(a, p, 1).Addrs)
	x.run("INSERT INTO addr_free (vrf, addr, pool_id, token) VALUES (0, x'c0000201', 1, 1), (0, x'c6336401', 1, 2), (5, x'c0000201', 1, 3)")
	h := x.take(a, p, 1)
	require.Zero(t, h.Chunk)
	require.Len(t, h.Addrs, 1)
	require.Equal(t, netip.MustParseAddr("192.0.2.1"), h.Addrs[0].Addr)
	require.True(t, h.Addrs[0].Exclusive)
	require.NotZero(t, h.Addrs[0].Token)
	require.Empty(t, x.take(a, p, 256).Addrs, "held")
	require.Equal(t, int64(1), x.number("SELECT count(*) FROM addr_free"), "what the pool has no place for is forgotten")

	x.run("UPDATE addr_free SET hold_until = hold_until - 11000000")
	again := x.take(a, p, 1)
	require.NotEqual(t, h.Addrs[0].Token, again.Addrs[0].Token)
	used := sqlstore.UsedFree{Addr: h.Addrs[0].Addr, Token: h.Addrs[0].Token}
	require.NoError(t, x.DoneFree(t.Context(), a, nil, []sqlstore.UsedFree{used}))
	require.Equal(t, int64(1), x.number("SELECT count(*) FROM addr_free"))
	used.Token = again.Addrs[0].Token
	require.NoError(t, x.DoneFree(t.Context(), a, nil, []sqlstore.UsedFree{used}))
	require.Zero(t, x.number("SELECT count(*) FROM addr_free"))
}

func TestDoneFreeDeletesOwnChunksOnly(t *testing.T) {
	x := newFixture(t)
	a, b := x.frontend("a"), x.frontend("b")
	p := pool4(1, "10.0.0.0", "10.0.255.255")
	h := x.take(a, p, 8)
	require.NoError(t, x.DoneFree(t.Context(), b, []int64{h.Chunk}, nil))
	require.Equal(t, int64(1), x.number("SELECT count(*) FROM addr_chunk"))
	require.NoError(t, x.DoneFree(t.Context(), a, []int64{h.Chunk}, nil))
	require.Zero(t, x.number("SELECT count(*) FROM addr_chunk"))
	require.Equal(t, h.Chunk+1, x.take(a, p, 8).Chunk, "numbers are not used again")
}

// Several pools of both families in one call; prefixes of a pd_pool.
func TestTakeFreeForSeveralPools(t *testing.T) {
	x := newFixture(t)
	a := x.frontend("a")
	pd := &sqlstore.Pool{
		ID: 3, Gen: 2, Kind: sqlstore.PD, DelegatedLen: 56, PermKey: 99,
		First: netip.MustParseAddr("2001:db8::"), Last: netip.MustParseAddr("2001:db8:0:ff00::"),
	}
	h, err := x.TakeFree(t.Context(), a, []sqlstore.PoolNeed{{Pool: pool4(1, "10.0.0.0", "10.0.255.255"), Want: 2}, {Pool: pd, Want: 4}})
	require.NoError(t, err)
	require.Len(t, h[0].Addrs, 2)
	require.Len(t, h[1].Addrs, 4)
	for i, fa := range h[1].Addrs {
		require.True(t, pd.Contains(fa.Addr))
		require.Equal(t, pd.At(uint64(i)), fa.Addr)
	}
	require.Equal(t, int64(256), x.number("SELECT size FROM pool_cursor WHERE pool_id = 3 AND gen = 2"))
}

func TestReclaimTakesTheLongestDead(t *testing.T) {
	x := newFixture(t)
	for n := 1; n <= 4; n++ {
		x.holds(offer4(n), "released")
		x.run("UPDATE lease4 SET reclaim_at = since - ? WHERE binding_key = ?", n*second, []byte(key4(n)))
	}
	x.holds(offer4(5), "released") // its grace is not over
	x.holds(offer4(6), "active")
	reserved := offer4(7)
	reserved.Key = sqlstore.ReservedKey(1, 9, 0, 0)
	x.holds(reserved, "released")
	x.run("UPDATE lease4 SET reclaim_at = since - 99000000 WHERE binding_key = ?", []byte(reserved.Key))
	p := pool4(1, "198.51.100.0", "198.51.100.255")
	n := x.reclaim(p, 3)
	require.Equal(t, 3, n)
	_, ok := x.row(sqlstore.IPv4, key4(1))
	require.True(t, ok, "the one that died last is left")
	n = x.reclaim(p, 100)
	require.Equal(t, 1, n)
	require.Equal(t, int64(3), x.number("SELECT count(*) FROM lease4"))
	require.Equal(t, int64(4), x.number("SELECT count(*) FROM addr_free WHERE pool_id = 1 AND hold_until = 0"))
	n = x.reclaim(pool4(2, "198.51.100.0", "198.51.100.255"), 100)
	require.Zero(t, n)
}

// INV-9: with clients that come and go, no address of a full pool is lost.
func TestNoAddressIsLost(t *testing.T) {
	x := newFixture(t)
	a := x.frontend("a")
	p := pool4(1, "198.51.100.0", "198.51.100.63")
	used := 0
	for {
		h := x.take(a, p, 16)
		if len(h.Addrs) == 0 {
			break
		}
		for _, fa := range h.Addrs {
			in := offer4(100 + used)
			in.Addr = fa.Addr
			require.Equal(t, sqlstore.Inserted, x.insert(in).Status)
			used++
		}
		require.NoError(t, x.DoneFree(t.Context(), a, []int64{h.Chunk}, nil))
	}
	require.Equal(t, 64, used)
	x.age(2 * time.Minute)
	due, _, done, err := x.Due(t.Context(), sqlstore.IPv4, "", 1000)
	require.NoError(t, err)
	require.True(t, done)
	n, err := x.DeleteOffers(t.Context(), sqlstore.IPv4, due)
	require.NoError(t, err)
	require.Equal(t, 64, n)
	got := map[netip.Addr]bool{}
	for len(got) < 64 {
		part := x.take(a, p, 16).Addrs
		require.Len(t, part, 16, "the only frontend may have all of the free list")
		for _, fa := range part {
			got[fa.Addr] = true
		}
	}
	require.Empty(t, x.take(a, p, 16).Addrs)
}
