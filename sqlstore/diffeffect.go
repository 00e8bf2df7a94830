package sqlstore

import (
	"cmp"
	"context"
	"fmt"
	"net/netip"
	"slices"
)

// Effect is what a change means for the leases that live in a range.
type Effect struct {
	Range *Pool // the range; it is no pool of a configuration
	Live  int64 // active leases in it, more than 0
	Moves bool  // they go on in another link; otherwise they run out
}

// String returns the effect as a sentence without a full stop, as in
// "closes 192.0.2.10-192.0.2.99: 37 live leases run out".
func (e Effect) String() string {
	text := e.Range.First.String() + "-" + e.Range.End().String()
	if base, whole := e.Range.Base(); whole {
		text = base.String()
	}
	switch {
	case e.Moves && e.Live == 1:
		return fmt.Sprintf("moves %s: 1 live lease goes with it", text)
	case e.Moves:
		return fmt.Sprintf("moves %s: %d live leases go with it", text, e.Live)
	case e.Live == 1:
		return fmt.Sprintf("closes %s: 1 live lease runs out", text)
	}
	return fmt.Sprintf("closes %s: %d live leases run out", text, e.Live)
}

// LiveCounter counts leases; RevisionStore says how.
type LiveCounter interface {
	CountLive(ctx context.Context, pools []*Pool) ([]int64, error)
}

// Plan is Diff with the effects of each change on the leases that live now. A
// lease goes on where a pool of next that is not closing has its address and
// prefix length, in the same vrf and link; the others cannot be renewed. Leases
// of a pool that was closing already count only when the pool goes. Old is a stored
// configuration, nil for none; next is not changed.
func Plan(ctx context.Context, store LiveCounter, old, next *Config) ([]Change, error) {
	d := compare(old, Planned(old, next))
	found := d.effects()
	if len(found) == 0 {
		return append(d.changes, reordered(d.before, d.after)...), nil
	}
	ranges := make([]*Pool, len(found))
	for i, f := range found {
		ranges[i] = f.Range
	}
	live, err := store.CountLive(ctx, ranges)
	if err != nil {
		return nil, fmt.Errorf("count live leases: %w", err)
	}
	for i, f := range found {
		if f.Live = live[i]; f.Live > 0 {
			c := &d.changes[f.change]
			c.Effects = append(c.Effects, f.Effect)
		}
	}
	return append(d.changes, reordered(d.before, d.after)...), nil
}

// placedEffect is an effect and the index of the change that has it.
type placedEffect struct {
	Effect
	change int
}

// plan is what pools may be compared in: ranges of one length in one vrf.
type plan struct {
	vrf          uint32
	bits, length uint8
}

func planOf(h holding) plan {
	return plan{h.in.VRF, uint8(h.pool.First.BitLen()), h.pool.DelegatedLen}
}

// effects returns the ranges in which leases run out or move. The pools of next
// do not overlap within a vrf, which Check has seen to.
func (d *difference) effects() []placedEffect {
	if len(d.changes) == 0 {
		return nil
	}
	shared, open := openPools(d.before.held), openPools(d.after.held)
	var out []placedEffect
	for _, was := range d.before.held {
		if _, still := d.after.facts[was.key]; still && was.closing {
			continue
		}
		for _, part := range was.without(shared[planOf(was)]) {
			for _, e := range part.become(open[planOf(was)]) {
				out = append(out, placedEffect{e, d.changeOf(was, e.Moves)})
			}
		}
	}
	return out
}

// openPools returns the pools that are not closing, in order of address.
func openPools(held []holding) map[plan][]holding {
	open := map[plan][]holding{}
	for _, h := range held {
		if !h.closing {
			open[planOf(h)] = append(open[planOf(h)], h)
		}
	}
	for _, list := range open {
		slices.SortFunc(list, func(x, y holding) int { return x.pool.First.Compare(y.pool.First) })
	}
	return open
}

// without returns what is left of a pool that is closing without the ranges of
// open ones, whose leases those are.
func (h holding) without(open []holding) []holding {
	if !h.closing {
		return []holding{h}
	}
	var out []holding
	at, end := h.pool.First, h.pool.End()
	i, _ := slices.BinarySearchFunc(open, at, func(q holding, a netip.Addr) int { return cmp.Compare(q.pool.End().Compare(a), 0) })
	for ; i < len(open) && !end.Less(open[i].pool.First); i++ {
		if first := open[i].pool.First; at.Less(first) {
			out = append(out, h.part(at, first.Prev()))
		}
		if at = open[i].pool.End().Next(); !at.IsValid() || end.Less(at) {
			return out
		}
	}
	return append(out, h.part(at, end))
}

// part is the pool from first to last, which are whole prefixes.
func (h holding) part(first, last netip.Addr) holding {
	p := &Pool{VRF: h.in.VRF, Kind: h.pool.Kind, First: first, Last: last, DelegatedLen: h.pool.DelegatedLen}
	if p.Kind == PD {
		p.Last = netip.PrefixFrom(last, int(p.DelegatedLen)).Masked().Addr()
	}
	h.pool = p
	return h
}

// changeOf returns the index of the change that closes or moves a pool.
func (d *difference) changeOf(h holding, moves bool) int {
	keys := []string{h.key, h.subnet + within + "closing", h.subnet + within + "shared_network", h.subnet, "shared_network " + h.in.Name}
	if moves {
		keys = append([]string{h.subnet + within + "shared_network"}, keys...)
	}
	for _, key := range keys {
		if i, ok := d.at[key]; ok {
			return i
		}
	}
	return len(d.changes) - 1
}

// become returns what happens to the range of a pool; next are the pools that
// may go on with it, in order.
func (h holding) become(next []holding) []Effect {
	var out []Effect
	add := func(first, last netip.Addr, moves bool) {
		out = append(out, Effect{Range: h.part(first, last).pool, Moves: moves})
	}
	at, end := h.pool.First, h.pool.End()
	i, _ := slices.BinarySearchFunc(next, at, func(q holding, a netip.Addr) int { return cmp.Compare(q.pool.End().Compare(a), 0) })
	for ; i < len(next) && !end.Less(next[i].pool.First); i++ {
		q := next[i]
		stays, same := h.goesOn(q)
		if !stays {
			continue
		}
		first, last := q.pool.First, q.pool.End()
		if at.Less(first) {
			add(at, first.Prev(), false)
			at = first
		}
		if end.Less(last) {
			last = end
		}
		if !same {
			add(at, last, true)
		}
		if at = last.Next(); !at.IsValid() || end.Less(at) {
			return out
		}
	}
	add(at, end, false)
	return out
}

// goesOn tells whether leases of h are those of q from then on, and whether that
// is in the same link. Those of a subnet go with it to another link.
func (h holding) goesOn(q holding) (goes, same bool) {
	switch {
	case q.in.ID != 0:
		same = q.in.ID == h.in.ID
	case q.in.Name != "":
		same = q.in.Name == h.in.Name
	default:
		same = h.in.Name == "" && q.subnet == h.subnet
	}
	return same || q.subnet == h.subnet, same
}
