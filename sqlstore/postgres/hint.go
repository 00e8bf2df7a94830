package postgres

import (
	"context"
	"fmt"

	"github.com/jackc/pgx/v5"

	"rowlock/sqlstore"
)

// hints does what TakeFree, Borrow and Scrub need within their transaction.
type hints struct {
	s   *Store
	ctx context.Context
	tx  pgx.Tx
	f   sqlstore.Fence
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
	tag, err := s.general.Exec(ctx, s.q.get("hint_chunk_stale"))
	return int(tag.RowsAffected()), classify(err)
}

// Reclaim deletes the longest dead rows of each pool. The pools are of any
// family.
func (s *Store) Reclaim(ctx context.Context, pools []*sqlstore.Pool, n int) ([]int, error) {
	counts := make([]int, len(pools))
	err := s.nameTx(ctx, func(tx pgx.Tx) error {
		for _, f := range []sqlstore.Family{sqlstore.IPv4, sqlstore.IPv6} {
			var ids, at []int32
			for i, p := range pools {
				if p.Family() == f {
					ids, at = append(ids, int32(p.ID)), append(at, int32(i))
				}
			}
			if len(ids) == 0 {
				continue
			}
			rows, err := tx.Query(ctx, s.q.of(f, "lease_reclaim"), ids, n)
			if err != nil {
				return err
			}
			var i int64
			var count int
			if _, err = pgx.ForEachRow(rows, []any{&i, &count}, func() error {
				counts[at[i-1]] = count
				return nil
			}); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return counts, nil
}

// fenced runs do in a transaction, unless the frontend may not write. The
// connections are those whose plans do not depend on what the server knows of
// the tables: they grow from nothing while a statement is kept.
func (s *Store) fenced(ctx context.Context, f sqlstore.Fence, do func(*hints) error) error {
	return s.nameTx(ctx, func(tx pgx.Tx) error {
		var passed bool
		if err := tx.QueryRow(ctx, s.q.get("hint_fence"), f.Frontend, f.Incarnation).Scan(&passed); err != nil {
			return err
		}
		if !passed {
			return fmt.Errorf("frontend %s: %w", f.Frontend, sqlstore.ErrFenced)
		}
		return do(&hints{s, ctx, tx, f})
	})
}

// each runs a statement and calls do after each row is in dest.
func (h *hints) each(sql string, args, dest []any, do func()) error {
	rows, err := h.tx.Query(h.ctx, sql, args...)
	if err != nil {
		return err
	}
	_, err = pgx.ForEachRow(rows, dest, func() error {
		do()
		return nil
	})
	return err
}

// poolArrays are the arguments that name pool generations.
func poolArrays(pools []*sqlstore.Pool) (ids, gens []int32) {
	ids, gens = make([]int32, len(pools)), make([]int32, len(pools))
	for i, p := range pools {
		ids[i], gens[i] = int32(p.ID), int32(p.Gen)
	}
	return ids, gens
}
