package sqlite

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"encoding/json"
	"errors"
	"fmt"
	"net/netip"

	"rowlock/sqlstore"
)

// hints does what TakeFree, Borrow and Scrub need within their transaction,
// pool by pool: no network lies in between.
type hints struct {
	*transaction
	f sqlstore.Fence
}

// TakeFree reserves candidate addresses for each pool, in one transaction.
// ErrFenced when the frontend may not write.
func (s *Store) TakeFree(ctx context.Context, f sqlstore.Fence, needs []sqlstore.PoolNeed) (out []sqlstore.Hints, err error) {
	err = s.fenced(ctx, "take free addresses", f, func(h *hints) error {
		out, err = sqlstore.TakeHints(h, needs)
		return err
	})
	return out, err
}

// Borrow names addresses that another frontend has in hand.
func (s *Store) Borrow(ctx context.Context, f sqlstore.Fence, needs []sqlstore.PoolNeed) (out []sqlstore.Hints, err error) {
	err = s.fenced(ctx, "borrow addresses", f, func(h *hints) error {
		out, err = sqlstore.BorrowHints(h, needs)
		return err
	})
	return out, err
}

// Scrub lists addresses of the pool that nobody would hand out again.
func (s *Store) Scrub(ctx context.Context, f sqlstore.Fence, p *sqlstore.Pool, from uint64) (listed int, next uint64, err error) {
	err = s.fenced(ctx, "scrub pool", f, func(h *hints) error {
		listed, next, err = sqlstore.ScrubPool(h, p, from)
		return err
	})
	return listed, next, err
}

// DoneFree deletes chunks and free addresses that are used up. ErrFenced when
// the frontend may not write.
func (s *Store) DoneFree(ctx context.Context, f sqlstore.Fence, chunks []int64, used []sqlstore.UsedFree) error {
	if len(chunks)+len(used) == 0 {
		return nil
	}
	return s.fenced(ctx, "give up hints", f, func(h *hints) error { return h.Drop(chunks, used) })
}

// DropChunks deletes chunks of pool generations that are not in use.
func (s *Store) DropChunks(ctx context.Context) (count int, err error) {
	err = s.w.write(ctx, "drop chunks", func(t *transaction) error {
		n, err := t.exec(0, "hint_chunk_stale")
		count = int(n)
		return err
	})
	return count, err
}

// fenced runs do in a transaction, unless the frontend may not write.
func (s *Store) fenced(ctx context.Context, what string, f sqlstore.Fence, do func(*hints) error) error {
	return s.w.write(ctx, what, func(t *transaction) error {
		err := t.one(0, "batch_head", func(v []driver.Value) error {
			if integer(v[2]) == 0 {
				return fmt.Errorf("frontend %s: %w", f.Frontend, sqlstore.ErrFenced)
			}
			return nil
		}, f.Frontend, f.Incarnation)
		if err != nil {
			return err
		}
		return do(&hints{t, f})
	})
}

// maybe runs a statement that finds one row or none.
func (h *hints) maybe(f sqlstore.Family, name string, read func([]driver.Value), args ...driver.Value) (bool, error) {
	err := h.one(f, name, func(v []driver.Value) error {
		read(v)
		return nil
	}, args...)
	if errors.Is(err, sql.ErrNoRows) {
		return false, nil
	}
	return err == nil, err
}

func chunkOf(v []driver.Value) sqlstore.Chunk {
	return sqlstore.Chunk{ID: integer(v[0]), First: uint64(integer(v[1])), N: int(integer(v[2]))}
}

// Current tells which of the pool generations are in use.
func (h *hints) Current(pools []*sqlstore.Pool) ([]bool, error) {
	out := make([]bool, len(pools))
	for i, p := range pools {
		if _, err := h.maybe(0, "hint_current", func(v []driver.Value) { out[i] = integer(v[0]) != 0 }, int64(p.ID), int64(p.Gen)); err != nil {
			return nil, err
		}
	}
	return out, nil
}

// Adopt takes over one chunk of a dead frontend for each pool.
func (h *hints) Adopt(needs []sqlstore.PoolNeed) ([]sqlstore.Chunk, error) {
	out := make([]sqlstore.Chunk, len(needs))
	for i, n := range needs {
		var known driver.Value // NULL where nobody tells
		if n.Known != nil {
			list, err := json.Marshal(n.Known)
			if err != nil {
				return nil, err
			}
			known = string(list)
		}
		_, err := h.maybe(0, "hint_adopt", func(v []driver.Value) { out[i] = chunkOf(v) },
			int64(n.Pool.ID), int64(n.Pool.Gen), h.f.Frontend, h.f.Incarnation, h.now, known)
		if err != nil {
			return nil, err
		}
	}
	return out, nil
}

// Advance takes the next indexes of each pool's cursor, which is made when it is
// not there.
func (h *hints) Advance(needs []sqlstore.PoolNeed) ([]sqlstore.Chunk, error) {
	out := make([]sqlstore.Chunk, len(needs))
	for i, need := range needs {
		pool, gen := int64(need.Pool.ID), int64(need.Pool.Gen)
		var next, size, alive int64
		look := func() (bool, error) {
			return h.maybe(0, "hint_cursor_read", func(v []driver.Value) {
				next, size, alive = integer(v[0]), integer(v[1]), integer(v[2])
			}, pool, gen, h.now)
		}
		there, err := look()
		if err == nil && !there {
			if _, err = h.exec(0, "hint_cursor_make", pool, gen, int64(need.Pool.Size())); err == nil {
				_, err = look()
			}
		}
		if err != nil {
			return nil, err
		}
		if next >= size {
			continue
		}
		n := min(int64(need.Want), max(1, (size-next)/(8*max(1, alive))))
		if _, err := h.exec(0, "hint_cursor_move", pool, gen, next+n); err != nil {
			return nil, err
		}
		out[i] = sqlstore.Chunk{First: uint64(next), N: int(n)}
		if _, err := h.maybe(0, "hint_chunk_insert", func(v []driver.Value) { out[i].ID = integer(v[0]) },
			pool, gen, next, n, h.f.Frontend, h.f.Incarnation); err != nil {
			return nil, err
		}
	}
	return out, nil
}

// Hold takes addresses that were given back.
func (h *hints) Hold(needs []sqlstore.PoolNeed) ([][]sqlstore.UsedFree, error) {
	out := make([][]sqlstore.UsedFree, len(needs))
	for i, need := range needs {
		err := h.each(0, "hint_free_read", func(v []driver.Value) error {
			out[i] = append(out[i], sqlstore.UsedFree{VRF: uint32(integer(v[0])), Addr: address(v[1])})
			return nil
		}, int64(need.Pool.ID), h.now, int64(need.Want))
		if err != nil {
			return nil, err
		}
		for n := range out[i] {
			u := &out[i][n]
			u.Token = h.rev(0)
			if _, err := h.exec(0, "hint_free_hold", int64(u.VRF), addrValue(u.Addr), u.Token, h.now); err != nil {
				return nil, err
			}
		}
	}
	return out, nil
}

// Held returns those of the addresses that have a row.
func (h *hints) Held(f sqlstore.Family, places []sqlstore.Place) (out []sqlstore.Place, err error) {
	for _, p := range places {
		there, err := h.maybe(f, "lease_held", func([]driver.Value) {}, int64(p.VRF), addrValue(p.Addr))
		if err != nil {
			return nil, err
		}
		if there {
			out = append(out, p)
		}
	}
	return out, nil
}

// Drop deletes chunks that the frontend has, and free addresses.
func (h *hints) Drop(chunks []int64, used []sqlstore.UsedFree) error {
	for _, id := range chunks {
		if _, err := h.exec(0, "hint_chunk_done", id, h.f.Frontend, h.f.Incarnation); err != nil {
			return err
		}
	}
	for _, u := range used {
		if _, err := h.exec(0, "hint_free_done", int64(u.VRF), addrValue(u.Addr), u.Token); err != nil {
			return err
		}
	}
	return nil
}

// Others returns chunks that other frontends hold.
func (h *hints) Others(pools []*sqlstore.Pool) ([][]sqlstore.Chunk, error) {
	out := make([][]sqlstore.Chunk, len(pools))
	for i, p := range pools {
		err := h.each(0, "hint_others", func(v []driver.Value) error {
			out[i] = append(out[i], chunkOf(v))
			return nil
		}, int64(p.ID), int64(p.Gen), h.f.Frontend, h.f.Incarnation)
		if err != nil {
			return nil, err
		}
	}
	return out, nil
}

// Lent returns addresses that were given back and that somebody holds.
func (h *hints) Lent(pools []*sqlstore.Pool) ([][]sqlstore.Place, error) {
	out := make([][]sqlstore.Place, len(pools))
	for i, p := range pools {
		err := h.each(0, "hint_lent", func(v []driver.Value) error {
			out[i] = append(out[i], sqlstore.Place{VRF: uint32(integer(v[0])), Addr: address(v[1])})
			return nil
		}, int64(p.ID), h.now)
		if err != nil {
			return nil, err
		}
	}
	return out, nil
}

// Reach returns how far the pool's cursor has come.
func (h *hints) Reach(p *sqlstore.Pool) (reach uint64, err error) {
	_, err = h.maybe(0, "hint_cursor_read", func(v []driver.Value) { reach = uint64(integer(v[0])) }, int64(p.ID), int64(p.Gen), h.now)
	return reach, err
}

// Chunks returns the chunks of the pool that have an index in [from, to).
func (h *hints) Chunks(p *sqlstore.Pool, from, to uint64) (out []sqlstore.Chunk, err error) {
	err = h.each(0, "hint_chunks", func(v []driver.Value) error {
		out = append(out, chunkOf(v))
		return nil
	}, int64(p.ID), int64(p.Gen), int64(from), int64(to))
	return out, err
}

// List enters addresses into addr_free unless they are there.
func (h *hints) List(p *sqlstore.Pool, addrs []netip.Addr) (count int, err error) {
	for _, a := range addrs {
		n, err := h.exec(0, "hint_free_list", int64(p.VRF), addrValue(a), int64(p.ID), h.rev(0))
		if err != nil {
			return 0, err
		}
		count += int(n)
	}
	return count, nil
}
