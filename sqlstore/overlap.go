package sqlstore

import (
	"cmp"
	"net/netip"
	"slices"
	"sort"
)

// rangeIndex finds the pools of a list that overlap another one. They may
// overlap each other.
type rangeIndex struct {
	pools []*Pool      // in order of vrf, family and first address
	far   []netip.Addr // the last address that those before it cover, and it, within vrf and family
}

func newRangeIndex(pools []*Pool) rangeIndex {
	x := rangeIndex{pools: slices.Clone(pools), far: make([]netip.Addr, len(pools))}
	slices.SortFunc(x.pools, func(p, q *Pool) int { return cmp.Or(group(p, q), p.First.Compare(q.First)) })
	for i, p := range x.pools {
		x.far[i] = p.End()
		if i > 0 && group(x.pools[i-1], p) == 0 && p.End().Less(x.far[i-1]) {
			x.far[i] = x.far[i-1]
		}
	}
	return x
}

// group compares what pools must have in common to overlap.
func group(p, q *Pool) int {
	return cmp.Or(cmp.Compare(p.VRF, q.VRF), cmp.Compare(p.First.BitLen(), q.First.BitLen()))
}

// any tells whether one of the pools that overlap p is as wanted.
func (x rangeIndex) any(p *Pool, wanted func(*Pool) bool) bool {
	end := p.End()
	i := sort.Search(len(x.pools), func(i int) bool {
		g := group(x.pools[i], p)
		return g > 0 || g == 0 && end.Less(x.pools[i].First)
	})
	for i--; i >= 0 && group(x.pools[i], p) == 0 && !x.far[i].Less(p.First); i-- {
		if overlap(x.pools[i], p) && wanted(x.pools[i]) {
			return true
		}
	}
	return false
}

// has tells whether any of the pools overlaps p.
func (x rangeIndex) has(p *Pool) bool { return x.any(p, func(*Pool) bool { return true }) }

// inTheWay tells whether a frontend that does not know of p yet may hand out a
// prefix that overlaps one of p's own: the unique constraint on addresses sees
// only those that begin with the same one.
func (x rangeIndex) inTheWay(p *Pool) bool {
	return x.any(p, func(r *Pool) bool { return r.DelegatedLen != p.DelegatedLen })
}
