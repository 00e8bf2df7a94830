package postgres

import (
	"cmp"
	"net/netip"
	"slices"

	"rowlock/sqlstore"
)

// Current tells which of the pool generations are in use.
func (h *hints) Current(pools []*sqlstore.Pool) ([]bool, error) {
	out := make([]bool, len(pools))
	ids, gens := poolArrays(pools)
	var i int64
	err := h.each(h.s.q.get("hint_current"), []any{ids, gens}, []any{&i}, func() { out[i-1] = true })
	return out, err
}

// chunks runs a statement that returns a chunk for some of n pools.
func (h *hints) chunks(n int, query string, args ...any) ([]sqlstore.Chunk, error) {
	out := make([]sqlstore.Chunk, n)
	var i int64
	var c sqlstore.Chunk
	err := h.each(h.s.q.get(query), args, []any{&i, &c.ID, &c.First, &c.N}, func() { out[i-1] = c })
	return out, err
}

// Adopt takes over one chunk of a dead frontend for each pool.
func (h *hints) Adopt(needs []sqlstore.PoolNeed) ([]sqlstore.Chunk, error) {
	ids, gens := make([]int32, len(needs)), make([]int32, len(needs))
	var known []int64 // NULL where nobody tells
	for i, n := range needs {
		ids[i], gens[i] = int32(n.Pool.ID), int32(n.Pool.Gen)
		if known = append(known, n.Known...); known == nil && n.Known != nil {
			known = []int64{}
		}
	}
	return h.chunks(len(needs), "hint_adopt", ids, gens, h.f.Frontend, h.f.Incarnation, known)
}

// Advance takes the next indexes of each pool, whose cursor is made when it is
// not there.
func (h *hints) Advance(needs []sqlstore.PoolNeed) ([]sqlstore.Chunk, error) {
	ids, gens := make([]int32, len(needs)), make([]int32, len(needs))
	wants, sizes := make([]int64, len(needs)), make([]int64, len(needs))
	for i, n := range needs {
		ids[i], gens[i], wants[i], sizes[i] = int32(n.Pool.ID), int32(n.Pool.Gen), int64(n.Want), int64(n.Pool.Size())
	}
	if _, err := h.tx.Exec(h.ctx, h.s.q.get("hint_cursor_make"), ids, gens, sizes); err != nil {
		return nil, err
	}
	return h.chunks(len(needs), "hint_cursor", ids, gens, wants, h.f.Frontend, h.f.Incarnation)
}

// Hold takes addresses that were given back.
func (h *hints) Hold(needs []sqlstore.PoolNeed) ([][]sqlstore.UsedFree, error) {
	out := make([][]sqlstore.UsedFree, len(needs))
	ids, wants := make([]int32, len(needs)), make([]int64, len(needs))
	for i, n := range needs {
		ids[i], wants[i] = int32(n.Pool.ID), int64(n.Want)
	}
	var i, token int64
	var vrf int32
	var addr []byte
	err := h.each(h.s.q.get("hint_free"), []any{ids, wants}, []any{&i, &vrf, &addr, &token}, func() {
		out[i-1] = append(out[i-1], sqlstore.UsedFree{VRF: uint32(vrf), Addr: toAddr(addr), Token: token})
	})
	return out, err
}

// Held returns those of the addresses that have a row.
func (h *hints) Held(f sqlstore.Family, places []sqlstore.Place) (out []sqlstore.Place, err error) {
	vrfs, addrs := make([]int32, len(places)), make([][]byte, len(places))
	for i, p := range places {
		vrfs[i], addrs[i] = int32(p.VRF), fromAddr(p.Addr)
	}
	var vrf int32
	var addr []byte
	err = h.each(h.s.q.of(f, "lease_held"), []any{vrfs, addrs}, []any{&vrf, &addr}, func() {
		out = append(out, sqlstore.Place{VRF: uint32(vrf), Addr: toAddr(addr)})
	})
	return out, err
}

// Drop deletes chunks and free addresses, these in the order in which others
// list them.
func (h *hints) Drop(chunks []int64, used []sqlstore.UsedFree) error {
	if len(chunks) > 0 {
		if _, err := h.tx.Exec(h.ctx, h.s.q.get("hint_chunk_done"), chunks, h.f.Frontend, h.f.Incarnation); err != nil {
			return err
		}
	}
	if len(used) == 0 {
		return nil
	}
	used = slices.Clone(used)
	slices.SortFunc(used, func(a, b sqlstore.UsedFree) int {
		return cmp.Or(cmp.Compare(a.VRF, b.VRF), a.Addr.Compare(b.Addr))
	})
	vrf, addr, token := make([]int32, len(used)), make([][]byte, len(used)), make([]int64, len(used))
	for i, u := range used {
		vrf[i], addr[i], token[i] = int32(u.VRF), fromAddr(u.Addr), u.Token
	}
	_, err := h.tx.Exec(h.ctx, h.s.q.get("hint_free_done"), vrf, addr, token)
	return err
}

// Others returns chunks that other frontends hold.
func (h *hints) Others(pools []*sqlstore.Pool) ([][]sqlstore.Chunk, error) {
	out := make([][]sqlstore.Chunk, len(pools))
	ids, gens := poolArrays(pools)
	var i int64
	var c sqlstore.Chunk
	err := h.each(h.s.q.get("hint_others"), []any{ids, gens, h.f.Frontend, h.f.Incarnation}, []any{&i, &c.ID, &c.First, &c.N}, func() {
		out[i-1] = append(out[i-1], c)
	})
	return out, err
}

// Lent returns addresses that were given back and that somebody holds.
func (h *hints) Lent(pools []*sqlstore.Pool) ([][]sqlstore.Place, error) {
	out := make([][]sqlstore.Place, len(pools))
	ids, _ := poolArrays(pools)
	var i int64
	var vrf int32
	var addr []byte
	err := h.each(h.s.q.get("hint_lent"), []any{ids}, []any{&i, &vrf, &addr}, func() {
		out[i-1] = append(out[i-1], sqlstore.Place{VRF: uint32(vrf), Addr: toAddr(addr)})
	})
	return out, err
}

// Reach returns how far the pool's cursor has come.
func (h *hints) Reach(p *sqlstore.Pool) (reach uint64, err error) {
	var next uint64
	err = h.each(h.s.q.get("hint_reach"), []any{int32(p.ID), int32(p.Gen)}, []any{&next}, func() { reach = next })
	return reach, err
}

// Chunks returns the chunks of the pool that have an index in [from, to).
func (h *hints) Chunks(p *sqlstore.Pool, from, to uint64) (out []sqlstore.Chunk, err error) {
	var c sqlstore.Chunk
	err = h.each(h.s.q.get("hint_chunks"), []any{int32(p.ID), int32(p.Gen), int64(from), int64(to)}, []any{&c.ID, &c.First, &c.N}, func() {
		out = append(out, c)
	})
	return out, err
}

// List enters addresses into addr_free, in the order in which others do.
func (h *hints) List(p *sqlstore.Pool, addrs []netip.Addr) (int, error) {
	list := make([][]byte, len(addrs))
	for i, a := range addrs {
		list[i] = fromAddr(a)
	}
	tag, err := h.tx.Exec(h.ctx, h.s.q.get("hint_list"), int32(p.VRF), int32(p.ID), list)
	return int(tag.RowsAffected()), err
}
