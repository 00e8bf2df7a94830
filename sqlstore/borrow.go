package sqlstore

import (
	"math/rand/v2"
	"net/netip"
	"slices"
)

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
