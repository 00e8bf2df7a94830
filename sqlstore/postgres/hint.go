package postgres

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/jackc/pgx/v5"

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
	err := s.fenced(ctx, f, func(tx pgx.Tx) error {
		for _, i := range order {
			out[i] = sqlstore.Hints{Pool: needs[i].Pool}
			if err := s.takeFree(ctx, tx, f, &out[i], min(max(needs[i].Want, 1), 256)); err != nil {
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
func (s *Store) fenced(ctx context.Context, f sqlstore.Fence, do func(pgx.Tx) error) error {
	var passed bool
	err := pgx.BeginFunc(ctx, s.general, func(tx pgx.Tx) error {
		err := tx.QueryRow(ctx, s.q.get("hint_fence"), f.Frontend, f.Incarnation).Scan(&passed)
		if err != nil || !passed {
			return err
		}
		return do(tx)
	})
	if err == nil && !passed {
		return fmt.Errorf("frontend %s: %w", f.Frontend, sqlstore.ErrFenced)
	}
	return classify(err)
}

func (s *Store) takeFree(ctx context.Context, tx pgx.Tx, f sqlstore.Fence, h *sqlstore.Hints, want int) error {
	p := h.Pool
	var current bool
	if err := tx.QueryRow(ctx, s.q.get("hint_current"), p.ID, p.Gen).Scan(&current); err != nil || !current {
		return err
	}
	if ok, err := s.adoptChunk(ctx, tx, h, f); ok || err != nil {
		return err
	}
	cursor := []any{p.ID, p.Gen, int64(want), f.Frontend, f.Incarnation}
	if ok, err := s.takeChunk(ctx, tx, h, true, "hint_cursor", cursor...); ok || err != nil {
		return err
	}
	// no cursor yet, or it is at its end; another frontend may be making it at
	// this moment, so that it must be looked at again in either case
	if _, err := tx.Exec(ctx, s.q.get("hint_cursor_make"), p.ID, p.Gen, int64(p.Size())); err != nil {
		return err
	}
	if ok, err := s.takeChunk(ctx, tx, h, true, "hint_cursor", cursor...); ok || err != nil {
		return err
	}
	return s.holdFree(ctx, tx, h, want)
}

// holdFree takes addresses that were given back. Those that an older generation
// of the pool had and this one has not are forgotten on the way.
func (s *Store) holdFree(ctx context.Context, tx pgx.Tx, h *sqlstore.Hints, want int) error {
	for len(h.Addrs) == 0 {
		rows, err := tx.Query(ctx, s.q.get("hint_free"), h.Pool.ID, want)
		if err != nil {
			return err
		}
		var vrf int32
		var addr []byte
		var token int64
		var strange []sqlstore.UsedFree
		tag, err := pgx.ForEachRow(rows, []any{&vrf, &addr, &token}, func() error {
			if a := toAddr(addr); uint32(vrf) == h.Pool.VRF && h.Pool.Contains(a) {
				h.Addrs = append(h.Addrs, sqlstore.FreeAddr{Addr: a, Token: token, Exclusive: true})
			} else {
				strange = append(strange, sqlstore.UsedFree{VRF: uint32(vrf), Addr: a, Token: token})
			}
			return nil
		})
		if err != nil || tag.RowsAffected() == 0 {
			return err
		}
		if err := s.dropFree(ctx, tx, strange); err != nil {
			return err
		}
	}
	return nil
}

// takeChunk runs a statement that returns one chunk; an adopted one is tried
// from its start, because nobody knows how far its holder came.
func (s *Store) takeChunk(ctx context.Context, tx pgx.Tx, h *sqlstore.Hints, exclusive bool, query string, args ...any) (bool, error) {
	var first int64
	var n int32
	err := tx.QueryRow(ctx, s.q.get(query), args...).Scan(&h.Chunk, &first, &n)
	if errors.Is(err, pgx.ErrNoRows) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	for i := range int64(n) {
		h.Addrs = append(h.Addrs, sqlstore.FreeAddr{Addr: h.Pool.At(uint64(first + i)), Exclusive: exclusive})
	}
	return true, nil
}

// DoneFree deletes used-up chunks and free addresses. ErrFenced when the
// frontend may not write.
func (s *Store) DoneFree(ctx context.Context, f sqlstore.Fence, chunks []int64, used []sqlstore.UsedFree) error {
	if len(chunks)+len(used) == 0 {
		return nil
	}
	return s.fenced(ctx, f, func(tx pgx.Tx) error {
		if len(chunks) > 0 {
			if _, err := tx.Exec(ctx, s.q.get("hint_chunk_done"), chunks, f.Frontend, f.Incarnation); err != nil {
				return err
			}
		}
		return s.dropFree(ctx, tx, used)
	})
}

// dropFree deletes free addresses, in the order in which others list them.
func (s *Store) dropFree(ctx context.Context, tx pgx.Tx, used []sqlstore.UsedFree) error {
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
	_, err := tx.Exec(ctx, s.q.get("hint_free_done"), vrf, addr, token)
	return err
}

// Reclaim deletes the pool's longest dead rows.
func (s *Store) Reclaim(ctx context.Context, p *sqlstore.Pool, n int) (count int, err error) {
	err = s.general.QueryRow(ctx, s.q.of(p.Family(), "lease_reclaim"), p.ID, n).Scan(&count)
	return count, classify(err)
}
