package mysql

import (
	"cmp"
	"context"
	"database/sql/driver"
	"fmt"
	"slices"

	"rowlock/sqlstore"
)

// TakeFree reserves candidate addresses for each pool, in one transaction.
// ErrFenced when the frontend may not write.
func (s *Store) TakeFree(ctx context.Context, f sqlstore.Fence, needs []sqlstore.PoolNeed) ([]sqlstore.Hints, error) {
	order := make([]int, len(needs))
	for i := range order {
		order[i] = i
	}
	slices.SortFunc(order, func(a, b int) int { // cursors are locked in one order: no deadlock
		p, q := needs[a].Pool, needs[b].Pool
		return cmp.Or(cmp.Compare(p.ID, q.ID), cmp.Compare(p.Gen, q.Gen))
	})
	out := make([]sqlstore.Hints, len(needs))
	err := s.fenced(ctx, f, func(c *conn) error {
		for _, i := range order {
			out[i] = sqlstore.Hints{Pool: needs[i].Pool}
			if err := c.takeFree(f, &out[i], min(max(needs[i].Want, 1), 256)); err != nil {
				return fmt.Errorf("pool %d: %w", needs[i].Pool.ID, err)
			}
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return out, nil
}

// fenced runs do in a transaction, unless the frontend may not write.
func (s *Store) fenced(ctx context.Context, f sqlstore.Fence, do func(*conn) error) error {
	return s.tx(ctx, func(c *conn) error {
		passed, err := c.holds("hint_fence", f.Frontend, f.Frontend, f.Incarnation)
		if err != nil {
			return err
		}
		if !passed {
			return fmt.Errorf("frontend %s: %w", f.Frontend, sqlstore.ErrFenced)
		}
		return do(c)
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

func (c *conn) takeFree(f sqlstore.Fence, h *sqlstore.Hints, want int) error {
	if current, err := c.holds("hint_current", h.Pool.ID, h.Pool.Gen, h.Pool.ID); err != nil || !current {
		return err
	}
	if ok, err := c.adoptChunk(f, h); ok || err != nil {
		return err
	}
	if ok, err := c.takeFresh(f, h, want); ok || err != nil {
		return err
	}
	return c.holdFree(h, want)
}

// takeFresh takes the next indexes of the pool, whose cursor is made when it is
// asked for the first time.
func (c *conn) takeFresh(f sqlstore.Fence, h *sqlstore.Hints, want int) (bool, error) {
	p := h.Pool
	first, n := int64(-1), int64(0)
	look := func() error {
		return c.each(c.q.get("hint_cursor"), []any{want, p.ID, p.Gen}, func(v []driver.Value) error {
			first, n = integer(v[0]), integer(v[1])
			return nil
		})
	}
	if err := look(); err != nil {
		return false, err
	}
	if first < 0 {
		if _, err := c.exec(c.q.get("hint_cursor_make"), p.ID, p.Gen, int64(p.Size())); err != nil {
			return false, err
		}
		if err := look(); err != nil {
			return false, err
		}
	}
	if n <= 0 {
		return false, nil
	}
	if _, err := c.exec(c.q.get("hint_cursor_move"), n, p.ID, p.Gen); err != nil {
		return false, err
	}
	made, err := c.exec(c.q.get("hint_chunk_make"), p.ID, p.Gen, first, n, f.Frontend, f.Incarnation)
	if err != nil {
		return false, err
	}
	if h.Chunk, err = made.LastInsertId(); err != nil {
		return false, err
	}
	fill(h, first, n, true)
	return true, nil
}

func fill(h *sqlstore.Hints, first, n int64, exclusive bool) {
	for i := range n {
		h.Addrs = append(h.Addrs, sqlstore.FreeAddr{Addr: h.Pool.At(uint64(first + i)), Exclusive: exclusive})
	}
}

// DoneFree deletes used-up chunks and free addresses. ErrFenced when the
// frontend may not write.
func (s *Store) DoneFree(ctx context.Context, f sqlstore.Fence, chunks []int64, used []sqlstore.UsedFree) error {
	if len(chunks)+len(used) == 0 {
		return nil
	}
	return s.fenced(ctx, f, func(c *conn) error {
		if err := c.dropChunks(f, chunks...); err != nil {
			return err
		}
		return c.dropFree(used)
	})
}

// dropChunks deletes chunks that the frontend has.
func (c *conn) dropChunks(f sqlstore.Fence, chunks ...int64) error {
	if len(chunks) == 0 {
		return nil
	}
	rows := &items{}
	for _, id := range chunks {
		rows.Begin()
		rows.Number(id)
		rows.End()
	}
	_, err := c.exec(c.q.get("hint_chunk_done"), rows.Text(), f.Frontend, f.Incarnation)
	return err
}
