package postgres

import (
	"context"
	"net/netip"
	"slices"

	"github.com/jackc/pgx/v5"

	"rowlock/sqlstore"
)

// adoptTries is how many chunks without a free address one call looks through
// before it goes on to the pool's cursor.
const adoptTries = 16

// adoptChunk takes over a chunk of a dead frontend. Addresses that have a row
// are left out; they are listed as free when their rows are deleted. A chunk of
// which nothing is left is deleted.
func (s *Store) adoptChunk(ctx context.Context, tx pgx.Tx, h *sqlstore.Hints, f sqlstore.Fence) (bool, error) {
	for range adoptTries {
		ok, err := s.takeChunk(ctx, tx, h, false, "hint_adopt", h.Pool.ID, h.Pool.Gen, f.Frontend, f.Incarnation)
		if !ok || err != nil {
			return false, err
		}
		if err := s.dropHeld(ctx, tx, h); err != nil {
			return false, err
		}
		if len(h.Addrs) > 0 {
			return true, nil
		}
		if _, err := tx.Exec(ctx, s.q.get("hint_chunk_done"), []int64{h.Chunk}, f.Frontend, f.Incarnation); err != nil {
			return false, err
		}
		h.Chunk = 0
	}
	return false, nil
}

// dropHeld takes out the addresses that have a row.
func (s *Store) dropHeld(ctx context.Context, tx pgx.Tx, h *sqlstore.Hints) error {
	addrs := make([][]byte, len(h.Addrs))
	for i, a := range h.Addrs {
		addrs[i] = fromAddr(a.Addr)
	}
	rows, err := tx.Query(ctx, s.q.of(h.Pool.Family(), "lease_held"), int32(h.Pool.VRF), addrs)
	if err != nil {
		return err
	}
	held := map[netip.Addr]bool{}
	var addr []byte
	if _, err = pgx.ForEachRow(rows, []any{&addr}, func() error {
		held[toAddr(addr)] = true
		return nil
	}); err != nil {
		return err
	}
	h.Addrs = slices.DeleteFunc(h.Addrs, func(a sqlstore.FreeAddr) bool { return held[a.Addr] })
	return nil
}
