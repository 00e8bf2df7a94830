package sqlstore

import (
	"net/netip"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
)

func withPools(pools ...*Pool) *Config {
	return &Config{Links: []*Link{{Subnets: []*Subnet{{Prefix: netip.MustParsePrefix("192.0.2.0/24"), Pools: pools}}}}}
}

func pool4(id uint32, first, last byte) *Pool {
	return &Pool{
		ID: id, Kind: NA, First: netip.AddrFrom4([4]byte{192, 0, 2, first}), Last: netip.AddrFrom4([4]byte{192, 0, 2, last}), DelegatedLen: 32,
	}
}

// An edited pool without id goes on with that of the pool it was, unless the
// document gives that id to another.
func TestAssignKeepsIDsOfEditedPools(t *testing.T) {
	old := withPools(pool4(7, 10, 19), pool4(8, 20, 29), pool4(9, 40, 49))
	require.NoError(t, Assign(&Config{}, old, []byte("secret"), UsedIDs{}))
	used := UsedIDs{Link: 1, Subnet: 1, Gens: map[uint32]uint32{7: 1, 8: 1, 9: 1, 30: 4}}
	for _, c := range []struct {
		name  string
		next  []*Pool
		want  []uint32
		fresh int
	}{
		{"grown", []*Pool{pool4(0, 10, 19), pool4(0, 20, 30), pool4(0, 40, 49)}, []uint32{7, 8, 9}, 1},
		{"joined", []*Pool{pool4(0, 12, 29)}, []uint32{8}, 1},
		{"split", []*Pool{pool4(0, 10, 13), pool4(0, 14, 19)}, []uint32{31, 7}, 2},
		{"same one first", []*Pool{pool4(0, 5, 12), pool4(0, 20, 29)}, []uint32{7, 8}, 1},
		{"given to another", []*Pool{pool4(0, 10, 20), pool4(7, 100, 110), pool4(8, 120, 130)}, []uint32{31, 7, 8}, 3},
		{"elsewhere", []*Pool{pool4(0, 60, 69)}, []uint32{31}, 1},
	} {
		next := withPools(c.next...)
		require.NoError(t, Assign(old, next, []byte("secret"), used), c.name)
		var got []uint32
		fresh := 0
		for _, p := range c.next {
			got = append(got, p.ID)
			if was := used.Gens[p.ID]; p.Gen == was+1 {
				fresh++
			}
		}
		require.Equal(t, c.want, got, c.name)
		require.Equal(t, c.fresh, fresh, c.name)
		require.Len(t, EditsOf(old, next).Open, c.fresh, c.name)
		require.Empty(t, EditsOf(old, next).Fresh, "IPv4 has one length")
	}
	require.Equal(t, PoolEdits{}, EditsOf(old, old))
}

func TestPoolAround(t *testing.T) {
	p := &Pool{Kind: PD, First: netip.MustParseAddr("2001:db8:8:14::"), Last: netip.MustParseAddr("2001:db8:8:17::"), DelegatedLen: 64}
	around := p.Around()
	for bits := 1; bits < 128; bits++ {
		m := netip.PrefixFrom(p.First, bits).Masked()
		found := false
		for _, a := range around {
			found = found || a.Addr() == m.Addr() && m.Bits() <= a.Bits()
			require.True(t, a.Contains(p.First))
			require.True(t, a.Addr().Less(p.First))
		}
		require.Equal(t, m.Addr() != p.First, found, "%s", m)
	}
	require.Equal(t, "2001:db8:8:17:ffff:ffff:ffff:ffff", p.End().String())
}

func TestAssignKeepsTheIDOfARenamedNetwork(t *testing.T) {
	network := func(name string, prefixes ...string) *Link {
		l := &Link{Name: name}
		for _, p := range prefixes {
			l.Subnets = append(l.Subnets, &Subnet{Prefix: netip.MustParsePrefix(p)})
		}
		return l
	}
	const a, b, c = "192.0.2.0/24", "198.51.100.0/24", "203.0.113.0/24"
	old := &Config{Links: []*Link{network("city", a, b), network("town", c)}}
	require.NoError(t, Assign(&Config{}, old, nil, UsedIDs{}))
	used := UsedIDs{Link: 2, Subnet: 3}
	for _, x := range []struct {
		name  string
		links []*Link
		want  []uint32 // ids of the links, in order
		came  []uint32 // from which links their subnets came
	}{
		{"renamed", []*Link{network("ctiy", b, a), network("town", c)}, []uint32{1, 2}, []uint32{0, 0, 0}},
		{"grown", []*Link{network("ctiy", a, b, "10.0.0.0/24"), network("town", c)}, []uint32{1, 2}, []uint32{0, 0, 0, 0}},
		{"both in one", []*Link{network("all", c, a, b)}, []uint32{2}, []uint32{0, 1, 1}},
		{"split", []*Link{network("x", a), network("y", b), network("town", c)}, []uint32{2, 3, 4}, []uint32{0, 1, 1}},
		{"still there", []*Link{network("x", a, b), network("city"), network("town", c)}, []uint32{1, 2, 3}, []uint32{0, 1, 1}},
		{"exchanged", []*Link{network("town", a, b), network("city", c)}, []uint32{1, 2}, []uint32{2, 1, 1}},
	} {
		next := &Config{Links: x.links}
		require.NoError(t, Assign(old, next, nil, used), x.name)
		var ids, came []uint32
		for _, l := range x.links {
			ids = append(ids, l.ID)
			for _, s := range l.Subnets {
				came = append(came, s.PreviousLinkID)
			}
		}
		require.Equal(t, x.want, ids, x.name)
		require.Equal(t, x.came, came, x.name)
	}
}

// Clients are known on the last two links that their subnet was on.
func TestAssignRemembersTwoLinks(t *testing.T) {
	put := func(id uint32) *Config {
		c := &Config{Links: []*Link{{ID: 1, Name: "one"}, {ID: 2, Name: "two"}, {ID: 3, Name: "three"}}}
		c.Links[id-1].Subnets = []*Subnet{{ID: 7, Prefix: netip.MustParsePrefix("192.0.2.0/24")}}
		return c
	}
	old := put(1)
	require.NoError(t, Assign(&Config{}, old, nil, UsedIDs{}))
	for _, x := range []struct{ to, previous, earlier uint32 }{{2, 1, 0}, {2, 1, 0}, {3, 2, 1}, {1, 3, 2}} {
		next := put(x.to)
		require.NoError(t, Assign(old, next, nil, UsedIDs{Link: 3, Subnet: 7}))
		s := next.Links[slices.IndexFunc(next.Links, func(l *Link) bool { return len(l.Subnets) > 0 })].Subnets[0]
		require.Equal(t, [3]uint32{x.to, x.previous, x.earlier}, [3]uint32{s.LinkID, s.PreviousLinkID, s.EarlierLinkID})
		old = next
	}
}
