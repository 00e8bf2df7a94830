package mysql

import (
	"context"
	"database/sql/driver"
	"fmt"
	"slices"

	"rowlock/sqlstore"
)

// hints does what TakeFree, Borrow and Scrub need within their transaction.
type hints struct {
	*conn
	f sqlstore.Fence
}

// TakeFree reserves candidate addresses for each pool, in one transaction.
// ErrFenced when the frontend may not write.
func (s *Store) TakeFree(ctx context.Context, f sqlstore.Fence, needs []sqlstore.PoolNeed) (out []sqlstore.Hints, err error) {
	err = s.fenced(ctx, f, func(h *hints) error {
		out, err = sqlstore.TakeHints(h, needs)
		return err
	})
	return out, err
}

// Borrow names addresses that another frontend has in hand.
func (s *Store) Borrow(ctx context.Context, f sqlstore.Fence, needs []sqlstore.PoolNeed) (out []sqlstore.Hints, err error) {
	err = s.fenced(ctx, f, func(h *hints) error {
		out, err = sqlstore.BorrowHints(h, needs)
		return err
	})
	return out, err
}

// Scrub lists addresses of the pool that nobody would hand out again.
func (s *Store) Scrub(ctx context.Context, f sqlstore.Fence, p *sqlstore.Pool, from uint64) (listed int, next uint64, err error) {
	err = s.fenced(ctx, f, func(h *hints) error {
		listed, next, err = sqlstore.ScrubPool(h, p, from)
		return err
	})
	return listed, next, err
}

// DoneFree deletes used-up chunks and free addresses. ErrFenced when the
// frontend may not write.
func (s *Store) DoneFree(ctx context.Context, f sqlstore.Fence, chunks []int64, used []sqlstore.UsedFree) error {
	if len(chunks)+len(used) == 0 {
		return nil
	}
	return s.fenced(ctx, f, func(h *hints) error { return h.Drop(chunks, used) })
}

// DropChunks deletes chunks of pool generations that are not in use.
func (s *Store) DropChunks(ctx context.Context) (int, error) {
	res, err := s.exec(ctx, s.q.get("hint_chunk_stale"))
	if err != nil {
		return 0, err
	}
	n, err := res.RowsAffected()
	return int(n), err
}

// fenced runs do in a transaction, unless the frontend may not write.
func (s *Store) fenced(ctx context.Context, f sqlstore.Fence, do func(*hints) error) error {
	return s.tx(ctx, func(c *conn) error {
		passed, err := c.holds("hint_fence", f.Frontend, f.Frontend, f.Incarnation)
		if err != nil {
			return err
		}
		if !passed {
			return fmt.Errorf("frontend %s: %w", f.Frontend, sqlstore.ErrFenced)
		}
		return do(&hints{c, f})
	})
}

// holds runs a named query whose answer is yes or no.
func (c *conn) holds(query string, args ...any) (yes bool, err error) {
	n, err := c.number(query, args...)
	return n != 0, err
}

// number runs a named query whose answer is a number.
func (c *conn) number(query string, args ...any) (n int64, err error) {
	err = c.each(c.q.get(query), args, func(v []driver.Value) error {
		n = integer(v[0])
		return nil
	})
	return n, err
}

// poolRows are the rows (i, pool, generation) that name pools.
func poolRows(pools []*sqlstore.Pool) string {
	rows := &items{}
	for i, p := range pools {
		rows.Begin()
		rows.Number(int64(i))
		rows.Number(int64(p.ID))
		rows.Number(int64(p.Gen))
		rows.End()
	}
	return rows.Text()
}

// Current tells which of the pool generations are in use.
func (h *hints) Current(pools []*sqlstore.Pool) ([]bool, error) {
	out := make([]bool, len(pools))
	err := h.each(h.q.get("hint_current"), []any{poolRows(pools)}, func(v []driver.Value) error {
		out[integer(v[0])] = true
		return nil
	})
	return out, err
}

// dying is a chunk whose holder is dead.
type dying struct {
	id, incarnation int64
	holder          string
}

// Adopt takes over one chunk of a dead frontend for each pool. They are looked
// for without locks, and locked by their number.
func (h *hints) Adopt(needs []sqlstore.PoolNeed) ([]sqlstore.Chunk, error) {
	oldest, pools := make([]dying, len(needs)), make([]*sqlstore.Pool, len(needs))
	found, own := false, int64(0)
	for i, n := range needs {
		if pools[i] = n.Pool; n.Known != nil {
			own = 1
		}
	}
	args := []any{poolRows(pools), own, h.f.Frontend, h.f.Incarnation}
	err := h.each(h.q.get("hint_adoptable"), args, func(v []driver.Value) error {
		i, id := integer(v[0]), integer(v[1])
		if slices.Contains(needs[i].Known, id) {
			return nil
		}
		if oldest[i].id == 0 || id < oldest[i].id {
			oldest[i], found = dying{id, integer(v[3]), text(v[2])}, true
		}
		return nil
	})
	out := make([]sqlstore.Chunk, len(needs))
	if err != nil || !found {
		return out, err
	}
	rows := &items{}
	for i, c := range oldest {
		if c.id == 0 {
			continue
		}
		rows.Begin()
		rows.Number(int64(i))
		rows.Number(c.id)
		rows.String(c.holder)
		rows.Number(c.incarnation)
		rows.End()
	}
	got, taken := &items{}, false
	err = h.each(h.q.get("hint_adopt"), []any{rows.Text()}, func(v []driver.Value) error {
		i := integer(v[0])
		out[i], taken = chunkOf(v[1:]), true
		got.Begin()
		got.Number(i)
		got.Number(out[i].ID)
		got.End()
		return nil
	})
	if err != nil || !taken {
		return out, err
	}
	_, err = h.exec(h.q.get("hint_take_over"), got.Text(), h.f.Frontend, h.f.Incarnation)
	return out, err
}

// Advance takes the next indexes of each pool, whose cursor is made when it is
// not there.
func (h *hints) Advance(needs []sqlstore.PoolNeed) ([]sqlstore.Chunk, error) {
	out := make([]sqlstore.Chunk, len(needs))
	rows := &items{}
	for i, n := range needs {
		rows.Begin()
		rows.Number(int64(i))
		rows.Number(int64(n.Pool.ID))
		rows.Number(int64(n.Pool.Gen))
		rows.Number(int64(n.Want))
		rows.Number(int64(n.Pool.Size()))
		rows.End()
	}
	if _, err := h.exec(h.q.get("hint_cursor_make"), rows.Text()); err != nil {
		return nil, err
	}
	taken := &items{}
	err := h.each(h.q.get("hint_cursor"), []any{rows.Text()}, func(v []driver.Value) error {
		p := needs[integer(v[0])].Pool
		taken.Begin()
		taken.Number(integer(v[0]))
		taken.Number(int64(p.ID))
		taken.Number(int64(p.Gen))
		taken.Number(integer(v[1]))
		taken.Number(integer(v[2]))
		taken.End()
		return nil
	})
	if err != nil || taken.Empty() {
		return out, err
	}
	if _, err := h.exec(h.q.get("hint_cursor_move"), taken.Text()); err != nil {
		return nil, err
	}
	if _, err := h.exec(h.q.get("hint_chunk_make"), h.f.Frontend, h.f.Incarnation, taken.Text()); err != nil {
		return nil, err
	}
	err = h.each(h.q.get("hint_chunk_made"), []any{taken.Text(), h.f.Frontend, h.f.Incarnation}, func(v []driver.Value) error {
		out[integer(v[0])] = chunkOf(v[1:])
		return nil
	})
	return out, err
}

func chunkOf(v []driver.Value) sqlstore.Chunk {
	return sqlstore.Chunk{ID: integer(v[0]), First: uint64(integer(v[1])), N: int(integer(v[2]))}
}

// Others returns chunks that other frontends hold.
func (h *hints) Others(pools []*sqlstore.Pool) ([][]sqlstore.Chunk, error) {
	out := make([][]sqlstore.Chunk, len(pools))
	err := h.each(h.q.get("hint_others"), []any{poolRows(pools), h.f.Frontend, h.f.Incarnation}, func(v []driver.Value) error {
		out[integer(v[0])] = append(out[integer(v[0])], chunkOf(v[1:]))
		return nil
	})
	return out, err
}

// Reach returns how far the pool's cursor has come.
func (h *hints) Reach(p *sqlstore.Pool) (reach uint64, err error) {
	err = h.each(h.q.get("hint_reach"), []any{p.ID, p.Gen}, func(v []driver.Value) error {
		reach = uint64(integer(v[0]))
		return nil
	})
	return reach, err
}

// Chunks returns the chunks of the pool that have an index in [from, to).
func (h *hints) Chunks(p *sqlstore.Pool, from, to uint64) (out []sqlstore.Chunk, err error) {
	err = h.each(h.q.get("hint_chunks"), []any{p.ID, p.Gen, int64(from), int64(to)}, func(v []driver.Value) error {
		out = append(out, chunkOf(v))
		return nil
	})
	return out, err
}
