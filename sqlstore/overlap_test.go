package sqlstore

import (
	"math/rand/v2"
	"net/netip"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestRangeIndexFindsWhatALookAtEachFinds(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	random := func() *Pool {
		p := &Pool{VRF: uint32(r.IntN(2)), Kind: NA, DelegatedLen: 32}
		low := byte(r.IntN(100))
		p.First, p.Last = netip.AddrFrom4([4]byte{10, 0, 0, low}), netip.AddrFrom4([4]byte{10, 0, 0, low + byte(r.IntN(20))})
		if r.IntN(2) == 0 {
			base := netip.AddrFrom16([16]byte{0x20, 1, 0x0d, 0xb8, low})
			length := 40 + 4*r.IntN(3)
			p.Kind, p.DelegatedLen, p.First, p.Last = PD, uint8(length), base, netip.PrefixFrom(netip.AddrFrom16([16]byte{0x20, 1, 0x0d, 0xb8, low + byte(r.IntN(20)), 0xff}), length).Masked().Addr()
		}
		return p
	}
	found := 0
	for range 300 {
		list := make([]*Pool, r.IntN(15))
		for i := range list {
			list[i] = random()
		}
		x := newRangeIndex(list)
		for range 20 {
			p := random()
			over := func(q *Pool) bool { return q.VRF == p.VRF && overlap(q, p) }
			require.Equal(t, slices.ContainsFunc(list, over), x.has(p))
			other := func(q *Pool) bool { return over(q) && q.DelegatedLen != p.DelegatedLen }
			require.Equal(t, slices.ContainsFunc(list, other), x.inTheWay(p))
			if x.inTheWay(p) {
				found++
			}
		}
	}
	require.Greater(t, found, 100)
}
