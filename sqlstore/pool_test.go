package sqlstore_test

import (
	"net/netip"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"rowlock/sqlstore"
)

func pool(first, last string, length uint8) *sqlstore.Pool {
	a := netip.MustParseAddr(first)
	p := &sqlstore.Pool{ID: 1, Gen: 1, Kind: sqlstore.NA, First: a, Last: netip.MustParseAddr(last), DelegatedLen: length, PermKey: 0x1234567890abcdef}
	if int(length) != a.BitLen() {
		p.Kind = sqlstore.PD
	}
	return p
}

func TestPoolSize(t *testing.T) {
	for _, c := range []struct {
		first, last string
		length      uint8
		size        uint64
	}{
		{"192.0.2.1", "192.0.2.1", 32, 1},
		{"192.0.2.0", "192.0.2.255", 32, 256},
		{"0.0.0.0", "255.255.255.255", 32, 1 << 32},
		{"2001:db8::", "2001:db8::ff", 128, 256},
		{"2001:db8::", "2001:db8::ffff:ffff:ffff:ffff", 128, sqlstore.MaxIndex},
		{"2001:db8::", "2001:db8:0:1::", 128, sqlstore.MaxIndex},
		{"::", "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", 128, sqlstore.MaxIndex},
		{"2001:db8::", "2001:db8::3fff:ffff:ffff:ffff", 128, sqlstore.MaxIndex},
		{"2001:db8::", "2001:db8::3fff:ffff:ffff:fffe", 128, sqlstore.MaxIndex - 1},
		{"2001:db8::", "2001:db8:ff00::", 40, 256},
		{"2001:db8::", "2001:db8:ffff:ff00::", 56, 1 << 24},
		{"2001:db8::", "2001:db8:0:ffff::", 64, 1 << 16},
		{"2001:db8::", "2001:db8::f000:0:0:0", 68, 16},
		{"2001:db8::", "2001:db8::", 64, 1},
	} {
		require.Equal(t, c.size, pool(c.first, c.last, c.length).Size(), "%s-%s/%d", c.first, c.last, c.length)
	}
}

// anyPool draws a pool of up to 3,000 addresses or prefixes, anywhere.
func anyPool(r *rapid.T) *sqlstore.Pool {
	n := rapid.IntRange(1, 3000).Draw(r, "size")
	length := rapid.SampledFrom([]int{32, 128, 128, 64, 56, 48, 60, 120}).Draw(r, "length")
	bits := 128
	if length == 32 {
		bits = 32
	}
	raw := rapid.SliceOfN(rapid.Byte(), bits/8, bits/8).Draw(r, "base")
	raw[0] = raw[0]&0x3f | 0x20 // away from the end of the address space
	base, _ := netip.AddrFromSlice(raw)
	p := &sqlstore.Pool{Kind: sqlstore.NA, First: netip.PrefixFrom(base, length).Masked().Addr(), DelegatedLen: uint8(length)}
	if bits == 128 && length < 128 {
		p.Kind = sqlstore.PD
	}
	p.PermKey = rapid.Uint64().Draw(r, "key")
	p.Last = p.First
	for range n - 1 {
		p.Last = after(p.Last, length)
	}
	return p
}

// after returns the next address or prefix of that length.
func after(a netip.Addr, length int) netip.Addr {
	b := a.AsSlice()
	carry := 1 << ((8 - length%8) % 8)
	for i := (length - 1) / 8; i >= 0 && carry > 0; i-- {
		carry += int(b[i])
		b[i] = byte(carry)
		carry >>= 8
	}
	next, _ := netip.AddrFromSlice(b)
	return next
}

// Every index below Size has an address of the pool of its own, so that all of
// them are handed out, and none twice.
func TestPoolIsCoveredExactly(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		p := anyPool(r)
		var want, got []netip.Addr
		for a := p.First; ; a = after(a, int(p.DelegatedLen)) {
			want = append(want, a)
			if a == p.Last {
				break
			}
		}
		require.EqualValues(r, len(want), p.Size())
		for i := range p.Size() {
			a := p.At(i)
			require.True(r, p.Contains(a), "%s", a)
			got = append(got, a)
		}
		if p.First.Is4() {
			require.Equal(r, want, got, "IPv4 is in order")
		}
		slices.SortFunc(got, netip.Addr.Compare)
		require.Equal(r, want, got)
	})
}

// Neighbours are not handed out one after the other in IPv6 (RFC 7943), and
// the order is that of the key.
func TestPoolOrder(t *testing.T) {
	p := pool("2001:db8::", "2001:db8::ffff", 128)
	neighbours := 0
	for i := range uint64(1000) {
		if p.At(i).Next() == p.At(i+1) {
			neighbours++
		}
	}
	require.Less(t, neighbours, 5)
	q := *p
	q.PermKey++
	same := 0
	for i := range uint64(1000) {
		if p.At(i) == q.At(i) {
			same++
		}
	}
	require.Less(t, same, 10)
	secret := []byte("0123456789abcdef")
	key := sqlstore.PermKeyFor(secret, 1, 1)
	require.Equal(t, key, sqlstore.PermKeyFor(secret, 1, 1))
	require.NotEqual(t, sqlstore.PermKeyFor(secret, 1, 1), sqlstore.PermKeyFor(secret, 1, 2))
	require.NotEqual(t, sqlstore.PermKeyFor(secret, 1, 1), sqlstore.PermKeyFor(secret, 2, 1))
	require.Equal(t, "0123456789abcdef", string(secret))
}

// A pool too large for an index of 64 bits works like any other.
func TestHugePools(t *testing.T) {
	for _, p := range []*sqlstore.Pool{
		pool("2001:db8::", "2001:db8::ffff:ffff:ffff:ffff", 128),
		pool("2001:db8::", "2001:db8:ffff:ffff:ffff:ffff:ffff:ffff", 128),
		pool("2001:db8::", "2001:db8:ffff:ffff:ffff:ffff:ffff:ff00", 120),
	} {
		rapid.Check(t, func(r *rapid.T) {
			i := rapid.Uint64Range(0, p.Size()-1).Draw(r, "i")
			j := rapid.Uint64Range(0, p.Size()-1).Draw(r, "j")
			require.True(r, p.Contains(p.At(i)))
			require.Equal(r, i == j, p.At(i) == p.At(j))
		})
	}
}

func TestPoolContains(t *testing.T) {
	v4 := pool("192.0.2.10", "192.0.2.20", 32)
	for addr, want := range map[string]bool{
		"192.0.2.9": false, "192.0.2.10": true, "192.0.2.20": true, "192.0.2.21": false, "::ffff:192.0.2.10": false, "2001:db8::1": false,
	} {
		require.Equal(t, want, v4.Contains(netip.MustParseAddr(addr)), addr)
	}
	require.False(t, v4.Contains(netip.Addr{}))
	pd := pool("2001:db8::", "2001:db8:0:ff00::", 56)
	for addr, want := range map[string]bool{
		"2001:db8::": true, "2001:db8:0:100::": true, "2001:db8:0:ff00::": true, "2001:db8:0:80::": false, "2001:db8::1": false,
		"2001:db8:1::": false, "2001:db7:ffff:ff00::": false,
	} {
		require.Equal(t, want, pd.Contains(netip.MustParseAddr(addr)), addr)
	}
}

func TestPoolSetFind(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		var pools []*sqlstore.Pool
		next := netip.MustParseAddr("192.0.2.0")
		for range rapid.IntRange(0, 6).Draw(r, "pools") {
			for range rapid.IntRange(0, 3).Draw(r, "gap") {
				next = next.Next()
			}
			p := &sqlstore.Pool{Kind: sqlstore.NA, First: next, DelegatedLen: 32}
			for range rapid.IntRange(1, 4).Draw(r, "size") {
				p.Last = next
				next = next.Next()
			}
			pools = append(pools, p)
		}
		shuffled := rapid.Permutation(pools).Draw(r, "order")
		set := sqlstore.NewPoolSet(shuffled...)
		require.Equal(r, shuffled, slices.Collect(set.Open))
		require.Len(r, set.All(), len(shuffled))
		for a := netip.MustParseAddr("192.0.1.254"); a.Less(next.Next().Next()); a = a.Next() {
			var want *sqlstore.Pool
			for _, p := range pools {
				if p.Contains(a) {
					want = p
				}
			}
			require.Same(r, want, set.Find(a), "%s", a)
		}
	})
	var none *sqlstore.PoolSet
	require.Empty(t, slices.Collect(none.Open))
	require.Empty(t, none.All())
	require.Nil(t, none.Find(netip.MustParseAddr("192.0.2.1")))
	require.Nil(t, sqlstore.NewPoolSet().Find(netip.Addr{}))
}

// The order of allocation is the one given, but for the subnet that comes first;
// a pool that waits is found and gives nothing.
func TestPoolSetOrder(t *testing.T) {
	named := func(id, subnet uint32, at string, waiting bool) *sqlstore.Pool {
		a := netip.MustParseAddr(at)
		return &sqlstore.Pool{ID: id, SubnetID: subnet, Kind: sqlstore.NA, First: a, Last: a, DelegatedLen: 32, Waiting: waiting}
	}
	ids := func(s *sqlstore.PoolSet) (out []uint32) {
		for p := range s.Open {
			out = append(out, p.ID)
		}
		return out
	}
	pools := []*sqlstore.Pool{
		named(1, 1, "192.0.2.9", false), named(2, 1, "192.0.2.8", true), named(3, 2, "192.0.2.7", false),
		named(4, 3, "192.0.2.6", false), named(5, 2, "192.0.2.5", false), named(6, 4, "192.0.2.4", true),
	}
	set := sqlstore.NewPoolSet(pools...)
	require.Equal(t, []uint32{1, 3, 4, 5}, ids(set))
	require.Equal(t, []uint32{3, 5, 1, 4}, ids(set.Prefer(pools[2], pools[4])))
	require.Equal(t, []uint32{1, 3, 4, 5}, ids(set.Prefer(pools[5])), "it waits")
	require.Equal(t, []uint32{1, 3, 4, 5}, ids(set.Prefer(named(9, 9, "192.0.2.9", false))), "it is another one")
	less := set.Prefer(pools[2], pools[4]).Withhold(func(p *sqlstore.Pool) bool { return p.ID == 1 || p.ID == 5 })
	require.Equal(t, []uint32{3, 4}, ids(less))
	require.True(t, less.Find(pools[0].First).Waiting)
	require.Len(t, less.All(), len(pools))
	require.False(t, pools[0].Waiting, "the pools stay as they are")
	require.Same(t, set, set.Withhold(func(p *sqlstore.Pool) bool { return p.ID == 9 }))
	require.Nil(t, (*sqlstore.PoolSet)(nil).Withhold(func(*sqlstore.Pool) bool { return true }))
	own := set.Prefer(pools[2]).Prefer(pools[3])
	require.Equal(t, []uint32{4, 1, 3, 5}, ids(own))
	for p := range own.Open {
		require.EqualValues(t, 4, p.ID)
		break
	}
	require.Same(t, pools[1], own.Find(netip.MustParseAddr("192.0.2.8")))
}

func TestItemOfPoolThatWaits(t *testing.T) {
	p := &sqlstore.Pool{
		Kind: sqlstore.PD, First: netip.MustParseAddr("2001:db8::"), Last: netip.MustParseAddr("2001:db8:0:ff00::"), DelegatedLen: 56, Waiting: true,
	}
	it := sqlstore.Item{Kind: sqlstore.PD, Pools: sqlstore.NewPoolSet(p)}
	at := netip.MustParseAddr("2001:db8:0:100::")
	_, ok := it.Permits(at)
	require.True(t, ok)
	_, ok = it.Gives(at)
	require.False(t, ok)
	for state, want := range map[sqlstore.State]bool{sqlstore.Active: true, sqlstore.Offered: true, sqlstore.Expired: false, sqlstore.Released: false} {
		row := &sqlstore.Lease{Addr: at, PrefixLen: 56, State: state, Remaining: time.Minute}
		require.Equal(t, want, it.Keeps(row), state)
		row.Remaining = 0
		require.False(t, it.Keeps(row), "%s, run out", state)
		row.PrefixLen, row.Remaining = 60, time.Minute
		require.False(t, it.Keeps(row), "%s, another length", state)
	}
	p.Waiting = false
	require.True(t, it.Keeps(&sqlstore.Lease{Addr: at, PrefixLen: 56, State: sqlstore.Expired}))
	_, ok = it.Gives(at)
	require.True(t, ok)
	it.Reserved = netip.MustParseAddr("2001:db8:1::")
	_, ok = it.Gives(it.Reserved)
	require.True(t, ok, "a reservation outside of all pools")
	require.True(t, it.Keeps(&sqlstore.Lease{Addr: it.Reserved, PrefixLen: 48, State: sqlstore.Released}))
}
