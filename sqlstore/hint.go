package sqlstore

import (
	"cmp"
	"math/rand/v2"
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

// Chunk is a run of indexes of a pool that one frontend hands out: an
// addr_chunk row.
type Chunk struct {
	ID    int64 // 0: none
	First uint64
	N     int
}

// Place is an address in its vrf.
type Place struct {
	VRF  uint32
	Addr netip.Addr
}

// HintTx is what a dialect does about free addresses, within one transaction of
// one frontend. Pools are in order of (id, generation) and different; what is
// returned is parallel to them. Locks are taken in their order.
type HintTx interface {
	// Current tells which of the pools are of the generation in use, or unknown
	// to the configuration.
	Current(pools []*Pool) ([]bool, error)
	// Adopt takes over the oldest chunk of each pool whose holder is gone or has
	// been silent for ten seconds, twice as long as it may write, or is this
	// frontend and does not know it.
	Adopt(needs []PoolNeed) ([]Chunk, error)
	// Advance moves the cursors of the pools, which are made if they are not
	// there, and makes chunks of what they passed: at most Want indexes, and no
	// more than an eighth of a live frontend's share of what is left.
	Advance(needs []PoolNeed) ([]Chunk, error)
	// Hold keeps entries of addr_free for ten seconds under new tokens: at most
	// Want, and no more than a live frontend's share of them.
	Hold(needs []PoolNeed) ([][]UsedFree, error)
	// Held returns those of the addresses, of one family, that have a row.
	Held(f Family, places []Place) ([]Place, error)
	// Drop deletes chunks of this frontend, and addr_free rows by token.
	Drop(chunks []int64, used []UsedFree) error
	// Others returns chunks that other frontends hold.
	Others(pools []*Pool) ([][]Chunk, error)
	// Lent returns addresses of addr_free that somebody holds.
	Lent(pools []*Pool) ([][]Place, error)
	// Reach returns the next index of the pool's cursor.
	Reach(p *Pool) (uint64, error)
	// Chunks returns the chunks of the pool that have an index in [from, to).
	Chunks(p *Pool, from, to uint64) ([]Chunk, error)
	// List enters addresses into addr_free that are not there under this pool,
	// and returns how many these were.
	List(p *Pool, addrs []netip.Addr) (int, error)
}

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

// BorrowHints is Borrow, over what a dialect can do. It begins at a random
// address, so that those who borrow from the same chunks seldom meet.
func BorrowHints(tx HintTx, needs []PoolNeed) ([]Hints, error) {
	t, err := newTaking(tx, needs)
	if err != nil {
		return nil, err
	}
	if len(t.open) == 0 {
		return t.out, nil
	}
	asked := pools(t.ask(t.open))
	chunks, err := tx.Others(asked)
	if err != nil {
		return nil, err
	}
	lent, err := tx.Lent(asked)
	if err != nil {
		return nil, err
	}
	got := map[int]*Hints{}
	for n, i := range t.open {
		h := &Hints{Pool: t.needs[i].Pool, Source: HintBorrowed}
		for _, a := range someOf(h.Pool, chunks[n], lent[n]) {
			h.Addrs = append(h.Addrs, FreeAddr{Addr: a})
		}
		got[i] = h
	}
	taken, err := heldOf(tx, got)
	if err != nil {
		return nil, err
	}
	for i, h := range got {
		h.Addrs = slices.DeleteFunc(h.Addrs, func(a FreeAddr) bool { return taken[Place{h.Pool.VRF, a.Addr}] })
		h.Addrs = h.Addrs[:min(len(h.Addrs), t.needs[i].Want)]
		t.out[i] = *h
	}
	return t.out, nil
}

// someOf returns up to borrowLook addresses of the chunks and the places, one
// after the other from a random one on.
func someOf(p *Pool, chunks []Chunk, lent []Place) (out []netip.Addr) {
	for _, l := range lent {
		if l.VRF == p.VRF && p.Contains(l.Addr) {
			out = append(out, l.Addr)
		}
	}
	total := 0
	for _, c := range chunks {
		total += c.N
	}
	if total == 0 {
		return out
	}
	start := rand.IntN(total)
	for range 2 { // the second time round begins at the first chunk
		for _, c := range chunks {
			skip := min(start, c.N)
			start -= skip
			n := min(c.N-skip, total, borrowLook-len(out))
			if n <= 0 {
				continue
			}
			out = append(out, p.span(c.First+uint64(skip), c.First+uint64(skip+n))...)
			total -= n
		}
	}
	return out
}
