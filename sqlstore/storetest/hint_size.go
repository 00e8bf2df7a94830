package storetest

import (
	"net/netip"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"rowlock/sqlstore"
)

// big is a pool of a size that no table has.
type big struct {
	name        string
	first, last string
	length      uint8
	size        uint64
}

var bigPools = []big{
	{"v4 /8", "10.0.0.0", "10.255.255.255", 32, 1 << 24},
	{"v4 /1", "0.0.0.1", "127.255.255.255", 32, 1<<31 - 1},
	{"v6 /64", "2001:db8::", "2001:db8::ffff:ffff:ffff:ffff", 128, 1 << 62},
	{"v6 /66", "2001:db8::", "2001:db8::3fff:ffff:ffff:ffff", 128, 1 << 62},
	{"v6 /67", "2001:db8::", "2001:db8::1fff:ffff:ffff:ffff", 128, 1 << 61},
	{"v6 /32", "2001:db8::", "2001:db8:ffff:ffff:ffff:ffff:ffff:ffff", 128, 1 << 62},
	{"prefixes /56 of /24", "2001:d00::", "2001:dff:ffff:ff00::", 56, 1 << 32},
	{"prefixes /60 of /19", "2001::", "2001:1fff:ffff:fff0::", 60, 1 << 41},
}

// pool makes the pool under an id of its own.
func (p big) pool() *sqlstore.Pool {
	id := newVRF()
	kind := sqlstore.NA
	if p.length > 32 && p.length < 128 {
		kind = sqlstore.PD
	}
	return &sqlstore.Pool{
		ID: id, Gen: 1, SubnetID: 1, LinkID: id, VRF: id, Kind: kind, DelegatedLen: p.length, PermKey: 0xfedcba9876543210,
		First: netip.MustParseAddr(p.first), Last: netip.MustParseAddr(p.last),
	}
}

// Pools of any size are handed out from their first index to their last.
func hintSizes(t *testing.T, dialect string) {
	db := serving(t, dialect)
	b := &bench{variants[0], db, Open(t, db.url), 0}
	f := b.frontend(t)
	for _, shape := range bigPools {
		t.Run(shape.name, func(t *testing.T) {
			p := shape.pool()
			require.Equal(t, shape.size, p.Size())
			seen := map[netip.Addr]bool{}
			take := func(want int) int {
				h := b.free(t, f, p, 256)
				require.Len(t, h.Addrs, want)
				for _, a := range h.Addrs {
					require.False(t, seen[a.Addr], "%s was handed out before", a.Addr)
					require.True(t, p.Contains(a.Addr), "%s", a.Addr)
					seen[a.Addr] = true
				}
				return len(h.Addrs)
			}
			take(256)
			take(256)
			near := int64(p.Size()) - 20
			b.db.exec(t, "UPDATE pool_cursor SET next_index = %d WHERE pool_id = %d", near, p.ID)
			for left := 20; left > 0; {
				left -= take(max(1, left/8))
			}
			take(0)
			// what is lost at the end of the index space is found there
			b.db.exec(t, "DELETE FROM addr_chunk WHERE pool_id = %d AND first_index >= %d", p.ID, near+10)
			listed, next, err := b.store.Scrub(t.Context(), f, p, uint64(near))
			require.NoError(t, err)
			require.Zero(t, next)
			require.Equal(t, 10, listed)
			back := b.free(t, f, p, 256)
			require.NotEmpty(t, back.Addrs)
			require.True(t, seen[back.Addrs[0].Addr])
		})
	}
}

// A client is served from pools of any size.
func hintSizesServed(t *testing.T, dialect string) {
	db := serving(t, dialect)
	store := Open(t, db.url)
	e := newEngine(t, store, "fe1")
	for i, shape := range bigPools {
		p := shape.pool()
		v := variants[0]
		if p.Family() == sqlstore.IPv6 {
			v = variant{"v6", sqlstore.IPv6, p.Kind, p.DelegatedLen}
		}
		res := decide(t, e, v.family, v.item(sqlstore.OpAssign, p.VRF, i, netip.Addr{}, sqlstore.NewPoolSet(p)))
		require.Equal(t, sqlstore.Granted, res.Code, shape.name)
		require.Equal(t, p.At(0), res.Lease.Addr, shape.name)
		require.Equal(t, p.DelegatedLen, res.Lease.PrefixLen, shape.name)
	}
}

// A client in each of many subnets is served although all of them come at the
// same moment to a frontend that has nothing in hand.
func hintManySubnets(t *testing.T, dialect string) {
	const subnets = 2000
	fl := newFleet(t, dialect, 16)
	var mu sync.Mutex
	seen := map[sqlstore.Place]bool{}
	var wg sync.WaitGroup
	next := make(chan int)
	for range 512 {
		wg.Go(func() {
			for i := range next {
				p := fl.variant.pool(1<<20+uint32(i), 1<<20+uint32(i), 1, 200)
				res, err := tryDecide(fl.at(0), fl.family, fl.item(sqlstore.OpOffer, p.VRF, i, netip.Addr{}, sqlstore.NewPoolSet(p)))
				if !noError(t, err) {
					continue
				}
				mu.Lock()
				seen[sqlstore.Place{VRF: res.Lease.VRF, Addr: res.Lease.Addr}] = res.Code == sqlstore.Granted
				mu.Unlock()
			}
		})
	}
	for i := range subnets {
		next <- i
	}
	close(next)
	wg.Wait()
	t.Logf("%d calls for the candidates of %d subnets, %d inserts", fl.calls.Load(), subnets, fl.inserts.Load())
	require.Len(t, seen, subnets)
	require.Less(t, fl.inserts.Load(), int64(2*subnets), "each at its first try, but for batches that met a deadlock")
}
