package sqlstore

import (
	"cmp"
	"net/netip"
	"slices"
)

// poolIDs chooses the ids of a subnet's pools that have none: the id of the
// pool with the same geometry; else that of the one it was made from by an
// edit, which is the one that shares most addresses with it; else a new one.
func (a *assigner) poolIDs(s *Subnet) {
	for _, p := range s.Pools {
		if was := a.pools[shape(s.ID, p)]; p.ID == 0 && was != nil && !a.takenPool[was.ID] {
			p.ID = was.ID
			a.takenPool[p.ID] = true
		}
	}
	for _, pair := range a.edits(s) {
		if pair.p.ID == 0 && !a.takenPool[pair.was.ID] {
			pair.p.ID = pair.was.ID
			a.takenPool[pair.p.ID] = true
		}
	}
	for _, p := range s.Pools {
		if p.ID == 0 {
			a.lastPool++
			p.ID = a.lastPool
		}
	}
}

// edit is a pool without an id and one that it may have been before.
type edit struct {
	p, was *Pool
	common u128
}

// edits pairs the pools without id with the old ones of the subnet and kind
// whose range they overlap, those that share most first.
func (a *assigner) edits(s *Subnet) []edit {
	old := a.subnetID[s.ID]
	if old == nil {
		return nil
	}
	var found []edit
	for _, p := range s.Pools {
		if p.ID != 0 {
			continue
		}
		for _, was := range old.Pools {
			if was.Kind == p.Kind && !a.takenPool[was.ID] && overlap(p, was) {
				found = append(found, edit{p, was, common(p, was)})
			}
		}
	}
	slices.SortStableFunc(found, func(x, y edit) int {
		return cmp.Or(cmp.Compare(y.common.hi, x.common.hi), cmp.Compare(y.common.lo, x.common.lo), cmp.Compare(x.was.ID, y.was.ID))
	})
	return found
}

// End returns the last address that the pool covers; of delegated prefixes, the
// last address of the last one.
func (p *Pool) End() netip.Addr {
	if p.Kind != PD {
		return p.Last
	}
	_, end := prefixRange(netip.PrefixFrom(p.Last, int(p.DelegatedLen)))
	return end
}

// overlap tells whether the pools have an address in common, vrf left aside.
func overlap(p, q *Pool) bool {
	return p.First.BitLen() == q.First.BitLen() && !p.End().Less(q.First) && !q.End().Less(p.First)
}

// common is how many addresses two overlapping pools share, less one.
func common(p, q *Pool) u128 {
	first, end := p.First, p.End()
	if first.Less(q.First) {
		first = q.First
	}
	if q.End().Less(end) {
		end = q.End()
	}
	span := Pool{First: first, DelegatedLen: uint8(first.BitLen())}
	return span.offset(end)
}
