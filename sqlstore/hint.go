package sqlstore

import (
	"cmp"
	"net/netip"
	"slices"
)

// HintSource says where a candidate address came from.
type HintSource uint8

// The sources of candidates.
const (
	HintAdopted  HintSource = iota + 1 // the chunk of a dead frontend
	HintFresh                          // the pool's cursor
	HintReturned                       // addr_free
	HintBorrowed                       // another frontend has it in hand
)

// String returns the source as metrics name it.
func (s HintSource) String() string {
	return [...]string{"none", "adopted", "fresh", "returned", "borrowed"}[s]
}

const (
	hintRounds  = 8    // how often TakeFree looks on when all that it found is in use
	borrowLook  = 512  // addresses of others that are looked at for one pool
	heldAtOnce  = 8192 // addresses looked for in one statement
	scrubAdopts = 64   // chunks of the dead that are given up in one transaction
)

// ScrubWindow is how many indexes one call of Scrub looks at.
const ScrubWindow = 4096

// taking is TakeFree under way.
type taking struct {
	tx    HintTx
	needs []PoolNeed
	out   []Hints
	open  []int // of needs, in the order of the pools: nothing was found yet
}

// TakeHints is TakeFree, over what a dialect can do.
func TakeHints(tx HintTx, needs []PoolNeed) ([]Hints, error) {
	t, err := newTaking(tx, needs)
	if err != nil {
		return nil, err
	}
	for range hintRounds {
		if len(t.open) == 0 {
			return t.out, nil
		}
		if err := t.round(); err != nil {
			return nil, err
		}
	}
	for _, i := range t.open {
		t.out[i].More = true
	}
	return t.out, nil
}

func newTaking(tx HintTx, needs []PoolNeed) (*taking, error) {
	t := &taking{tx: tx, needs: slices.Clone(needs), out: make([]Hints, len(needs))}
	for i := range needs {
		t.needs[i].Want = min(max(needs[i].Want, 1), MaxHints)
		t.out[i].Pool = needs[i].Pool
		t.open = append(t.open, i)
	}
	slices.SortFunc(t.open, func(a, b int) int {
		p, q := needs[a].Pool, needs[b].Pool
		return cmp.Or(cmp.Compare(p.ID, q.ID), cmp.Compare(p.Gen, q.Gen))
	})
	if len(t.open) == 0 {
		return t, nil
	}
	current, err := tx.Current(pools(t.ask(t.open)))
	if err != nil {
		return nil, err
	}
	asked := t.open
	t.open = nil
	for n, i := range asked {
		if t.out[i].Gone = !current[n]; current[n] {
			t.open = append(t.open, i)
		}
	}
	return t, nil
}

func (t *taking) ask(at []int) []PoolNeed {
	out := make([]PoolNeed, len(at))
	for n, i := range at {
		out[n] = t.needs[i]
	}
	return out
}

func pools(needs []PoolNeed) []*Pool {
	out := make([]*Pool, len(needs))
	for i := range needs {
		out[i] = needs[i].Pool
	}
	return out
}

// round looks once at the sources of all pools that have nothing yet, and
// leaves those open of which all that was found is in use.
func (t *taking) round() error {
	got := make(map[int]*Hints, len(t.open))
	err := t.fromChunks(got, HintAdopted, t.tx.Adopt)
	if err == nil {
		err = t.fromChunks(got, HintFresh, t.tx.Advance)
	}
	var chunks []int64
	var used []UsedFree
	if err == nil {
		used, err = t.fromList(got)
	}
	if err != nil {
		return err
	}
	held, err := heldOf(t.tx, got)
	if err != nil {
		return err
	}
	open := t.open
	t.open = nil
	for _, i := range open {
		h := got[i]
		if h == nil {
			continue // dry
		}
		h.Addrs = slices.DeleteFunc(h.Addrs, func(a FreeAddr) bool {
			gone := held[Place{h.Pool.VRF, a.Addr}]
			if gone && a.Token != 0 {
				used = append(used, UsedFree{VRF: h.Pool.VRF, Addr: a.Addr, Token: a.Token})
			}
			return gone
		})
		if len(h.Addrs) > 0 {
			t.out[i] = *h
			continue
		}
		t.open = append(t.open, i)
		if h.Chunk != 0 {
			chunks = append(chunks, h.Chunk)
		}
	}
	if len(chunks)+len(used) == 0 {
		return nil
	}
	return t.tx.Drop(chunks, used)
}

// without returns the open needs for which nothing was found.
func (t *taking) without(got map[int]*Hints) (at []int) {
	for _, i := range t.open {
		if got[i] == nil {
			at = append(at, i)
		}
	}
	return at
}

// fromChunks takes what a source of chunks has. What a dead frontend had is not
// exclusive: nobody knows whether it is really gone.
func (t *taking) fromChunks(got map[int]*Hints, source HintSource, take func([]PoolNeed) ([]Chunk, error)) error {
	at := t.without(got)
	if len(at) == 0 {
		return nil
	}
	chunks, err := take(t.ask(at))
	if err != nil {
		return err
	}
	for n, i := range at {
		if c := chunks[n]; c.ID != 0 {
			h := &Hints{Pool: t.needs[i].Pool, Source: source, Chunk: c.ID, Addrs: make([]FreeAddr, 0, c.N)}
			for _, a := range h.Pool.span(c.First, c.First+uint64(c.N)) {
				h.Addrs = append(h.Addrs, FreeAddr{Addr: a, Exclusive: source == HintFresh})
			}
			got[i] = h
		}
	}
	return nil
}

// fromList takes addresses that were given back. Those that an older generation
// of the pool had and this one has not are returned, to be forgotten.
func (t *taking) fromList(got map[int]*Hints) (strange []UsedFree, err error) {
	at := t.without(got)
	if len(at) == 0 {
		return nil, nil
	}
	lists, err := t.tx.Hold(t.ask(at))
	if err != nil {
		return nil, err
	}
	for n, i := range at {
		if len(lists[n]) == 0 {
			continue
		}
		h := &Hints{Pool: t.needs[i].Pool, Source: HintReturned}
		for _, u := range lists[n] {
			if u.VRF != h.Pool.VRF || !h.Pool.Contains(u.Addr) {
				strange = append(strange, u)
				continue
			}
			h.Addrs = append(h.Addrs, FreeAddr{Addr: u.Addr, Token: u.Token, Exclusive: true})
		}
		got[i] = h
	}
	return strange, nil
}

// heldOf returns which of the addresses found have a row.
func heldOf(tx HintTx, got map[int]*Hints) (map[Place]bool, error) {
	var places []Place
	for _, h := range got {
		for _, a := range h.Addrs {
			places = append(places, Place{h.Pool.VRF, a.Addr})
		}
	}
	return held(tx, places)
}

func held(tx HintTx, places []Place) (map[Place]bool, error) {
	out := map[Place]bool{}
	byFamily := map[Family][]Place{}
	for _, p := range places {
		f := IPv6
		if p.Addr.Is4() {
			f = IPv4
		}
		byFamily[f] = append(byFamily[f], p)
	}
	for _, f := range []Family{IPv4, IPv6} {
		for part := range slices.Chunk(byFamily[f], heldAtOnce) {
			found, err := tx.Held(f, part)
			if err != nil {
				return nil, err
			}
			for _, p := range found {
				out[p] = true
			}
		}
	}
	return out, nil
}

// span returns the addresses with the indexes [from, to).
func (p *Pool) span(from, to uint64) []netip.Addr {
	out := make([]netip.Addr, 0, to-from)
	for i := from; i < to; i++ {
		out = append(out, p.At(i))
	}
	return out
}
