package postgres

import (
	"context"
	"errors"

	"github.com/jackc/pgx/v5"

	"rowlock/sqlstore"
)

// TakeFree reserves candidate addresses for each pool, in one transaction.
func (s *Store) TakeFree(ctx context.Context, f sqlstore.Fence, needs []sqlstore.PoolNeed) ([]sqlstore.Hints, error) {
	out := make([]sqlstore.Hints, len(needs))
	err := pgx.BeginFunc(ctx, s.general, func(tx pgx.Tx) error {
		for i, need := range needs {
			h, err := s.takeFree(ctx, tx, f, need)
			if err != nil {
				return err
			}
			out[i] = h
		}
		return nil
	})
	return out, classify(err)
}

func (s *Store) takeFree(ctx context.Context, tx pgx.Tx, f sqlstore.Fence, need sqlstore.PoolNeed) (sqlstore.Hints, error) {
	p := need.Pool
	h := sqlstore.Hints{Pool: p}
	if ok, err := s.takeChunk(ctx, tx, &h, false, "hint_adopt", p.ID, p.Gen, f.Frontend, f.Incarnation); ok || err != nil {
		return h, err
	}
	cursor := []any{p.ID, p.Gen, int64(need.Want), f.Frontend, f.Incarnation}
	if ok, err := s.takeChunk(ctx, tx, &h, true, "hint_cursor", cursor...); ok || err != nil {
		return h, err
	}
	// no cursor yet, or it is at its end; another frontend may be making it at
	// this moment, so that it must be looked at again in either case
	if _, err := tx.Exec(ctx, s.q.get("hint_cursor_make"), p.ID, p.Gen, int64(p.Size())); err != nil {
		return h, err
	}
	if ok, err := s.takeChunk(ctx, tx, &h, true, "hint_cursor", cursor...); ok || err != nil {
		return h, err
	}
	rows, err := tx.Query(ctx, s.q.get("hint_free"), p.ID, need.Want)
	if err != nil {
		return h, err
	}
	h.Addrs, err = pgx.CollectRows(rows, func(row pgx.CollectableRow) (sqlstore.FreeAddr, error) {
		var addr []byte
		var fa sqlstore.FreeAddr
		err := row.Scan(&addr, &fa.Token)
		fa.Addr, fa.Exclusive = toAddr(addr), true
		return fa, err
	})
	return h, err
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

// DoneFree deletes used-up chunks and free addresses.
func (s *Store) DoneFree(ctx context.Context, f sqlstore.Fence, chunks []int64, used []sqlstore.UsedFree) error {
	if len(chunks) > 0 {
		if _, err := s.general.Exec(ctx, s.q.get("hint_chunk_done"), chunks, f.Frontend, f.Incarnation); err != nil {
			return classify(err)
		}
	}
	if len(used) == 0 {
		return nil
	}
	vrf, addr, token := make([]int32, len(used)), make([][]byte, len(used)), make([]int64, len(used))
	for i, u := range used {
		vrf[i], addr[i], token[i] = int32(u.VRF), fromAddr(u.Addr), u.Token
	}
	_, err := s.general.Exec(ctx, s.q.get("hint_free_done"), vrf, addr, token)
	return classify(err)
}

// Reclaim deletes the pool's longest dead rows.
func (s *Store) Reclaim(ctx context.Context, p *sqlstore.Pool, n int) (count int, err error) {
	err = s.general.QueryRow(ctx, s.q.of(p.Family(), "lease_reclaim"), p.ID, n).Scan(&count)
	return count, classify(err)
}
