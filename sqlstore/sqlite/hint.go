package sqlite

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"net/netip"

	"rowlock/sqlstore"
)

// adoptTries is how many chunks without a free address one call looks through
// before it goes on to the pool's cursor.
const adoptTries = 16

// TakeFree reserves candidate addresses for each pool, in one transaction.
// ErrFenced when the frontend may not write.
func (s *Store) TakeFree(ctx context.Context, f sqlstore.Fence, needs []sqlstore.PoolNeed) ([]sqlstore.Hints, error) {
	out := make([]sqlstore.Hints, len(needs))
	err := s.w.write(ctx, "take free addresses", func(t *transaction) error {
		if err := t.fence(f); err != nil {
			return err
		}
		for i, need := range needs {
			out[i] = sqlstore.Hints{Pool: need.Pool}
			if err := t.takeFree(&out[i], f, need.Want); err != nil {
				return fmt.Errorf("pool %d: %w", need.Pool.ID, err)
			}
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return out, nil
}

// fence returns ErrFenced when a frontend may not write.
func (t *transaction) fence(f sqlstore.Fence) error {
	return t.one(0, "batch_head", func(v []driver.Value) error {
		if integer(v[2]) == 0 {
			return fmt.Errorf("frontend %s: %w", f.Frontend, sqlstore.ErrFenced)
		}
		return nil
	}, f.Frontend, f.Incarnation)
}

func (t *transaction) takeFree(h *sqlstore.Hints, f sqlstore.Fence, want int) error {
	want = min(max(want, 1), 256)
	if err := t.adoptChunk(h, f); err != nil || h.Chunk != 0 {
		return err
	}
	if err := t.advance(h, f, want); err != nil || h.Chunk != 0 {
		return err
	}
	return t.holdFree(h, want)
}

// adoptChunk takes over a chunk of a dead frontend from its start: nobody knows how
// far its holder came, nor whether it is really gone. Addresses that have a row
// are left out; they are listed as free when their rows are deleted. A chunk of
// which nothing is left is deleted.
func (t *transaction) adoptChunk(h *sqlstore.Hints, f sqlstore.Fence) error {
	for range adoptTries {
		var chunk, first, n int64
		err := t.one(0, "hint_adopt", func(v []driver.Value) error {
			chunk, first, n = integer(v[0]), integer(v[1]), integer(v[2])
			return nil
		}, int64(h.Pool.ID), int64(h.Pool.Gen), f.Frontend, f.Incarnation, t.now)
		if errors.Is(err, sql.ErrNoRows) {
			return nil
		}
		if err != nil {
			return err
		}
		addrs, err := t.unheld(h.Pool, chunkAddrs(h.Pool, first, n, false))
		if err != nil {
			return err
		}
		if len(addrs) > 0 {
			h.Chunk, h.Addrs = chunk, addrs
			return nil
		}
		if _, err := t.exec(0, "hint_chunk_done", chunk, f.Frontend, f.Incarnation); err != nil {
			return err
		}
	}
	return nil
}

// unheld keeps the addresses that have no row.
func (t *transaction) unheld(p *sqlstore.Pool, addrs []sqlstore.FreeAddr) ([]sqlstore.FreeAddr, error) {
	left := addrs[:0]
	for _, a := range addrs {
		err := t.one(p.Family(), "lease_held", func([]driver.Value) error { return nil }, int64(p.VRF), addrValue(a.Addr))
		switch {
		case errors.Is(err, sql.ErrNoRows):
			left = append(left, a)
		case err != nil:
			return nil, err
		}
	}
	return left, nil
}

// advance takes the next indexes of the pool's cursor: no more than wanted, and
// no more than an eighth of this frontend's share of what is left, so that the
// end of a pool is not locked up in one frontend.
func (t *transaction) advance(h *sqlstore.Hints, f sqlstore.Fence, want int) error {
	pool, gen := int64(h.Pool.ID), int64(h.Pool.Gen)
	if _, err := t.exec(0, "hint_cursor_make", pool, gen, int64(h.Pool.Size())); err != nil {
		return err
	}
	var next, size, alive int64
	err := t.one(0, "hint_cursor_read", func(v []driver.Value) error {
		next, size, alive = integer(v[0]), integer(v[1]), integer(v[2])
		return nil
	}, pool, gen, t.now)
	if err != nil || next >= size {
		return err
	}
	n := min(int64(want), max(1, (size-next)/(8*max(1, alive))))
	if _, err := t.exec(0, "hint_cursor_move", pool, gen, next+n); err != nil {
		return err
	}
	h.Addrs = chunkAddrs(h.Pool, next, n, true)
	return t.one(0, "hint_chunk_insert", func(v []driver.Value) error {
		h.Chunk = integer(v[0])
		return nil
	}, pool, gen, next, n, f.Frontend, f.Incarnation)
}

func chunkAddrs(p *sqlstore.Pool, first, n int64, exclusive bool) []sqlstore.FreeAddr {
	out := make([]sqlstore.FreeAddr, 0, n)
	for i := range n {
		out = append(out, sqlstore.FreeAddr{Addr: p.At(uint64(first + i)), Exclusive: exclusive})
	}
	return out
}

// holdFree takes addresses that were given back. Those that an older generation
// of the pool had and this one has not are forgotten on the way.
func (t *transaction) holdFree(h *sqlstore.Hints, want int) error {
	for len(h.Addrs) == 0 {
		type place struct {
			vrf  int64
			addr netip.Addr
		}
		var found []place
		err := t.each(0, "hint_free_read", func(v []driver.Value) error {
			found = append(found, place{integer(v[0]), address(v[1])})
			return nil
		}, int64(h.Pool.ID), t.now, int64(want))
		if err != nil || len(found) == 0 {
			return err
		}
		for _, p := range found {
			if uint32(p.vrf) != h.Pool.VRF || !h.Pool.Contains(p.addr) {
				if _, err := t.exec(0, "hint_free_drop", p.vrf, addrValue(p.addr)); err != nil {
					return err
				}
				continue
			}
			token := t.rev(0)
			if _, err := t.exec(0, "hint_free_hold", p.vrf, addrValue(p.addr), token, t.now); err != nil {
				return err
			}
			h.Addrs = append(h.Addrs, sqlstore.FreeAddr{Addr: p.addr, Token: token, Exclusive: true})
		}
	}
	return nil
}

// DoneFree deletes chunks and free addresses that are used up. ErrFenced when
// the frontend may not write.
func (s *Store) DoneFree(ctx context.Context, f sqlstore.Fence, chunks []int64, used []sqlstore.UsedFree) error {
	if len(chunks)+len(used) == 0 {
		return nil
	}
	return s.w.write(ctx, "give up hints", func(t *transaction) error {
		if err := t.fence(f); err != nil {
			return err
		}
		for _, id := range chunks {
			if _, err := t.exec(0, "hint_chunk_done", id, f.Frontend, f.Incarnation); err != nil {
				return err
			}
		}
		for _, u := range used {
			if _, err := t.exec(0, "hint_free_done", int64(u.VRF), addrValue(u.Addr), u.Token); err != nil {
				return err
			}
		}
		return nil
	})
}

// Reclaim deletes the pool's longest dead rows and lists their addresses.
func (s *Store) Reclaim(ctx context.Context, p *sqlstore.Pool, n int) (count int, err error) {
	err = s.w.write(ctx, "reclaim addresses", func(t *transaction) error {
		var gone freed
		if err := t.each(p.Family(), "lease_reclaim", gone.add, int64(p.ID), t.now, int64(n)); err != nil {
			return err
		}
		count = len(gone)
		return t.listFree(gone)
	})
	if err != nil {
		return 0, err
	}
	return count, nil
}

// freed collects (vrf, addr, pool_id) of deleted rows.
type freed [][3]driver.Value

func (g *freed) add(v []driver.Value) error {
	*g = append(*g, [3]driver.Value(v))
	return nil
}

// listFree lists the addresses of deleted rows as free; one that was in no
// pool is nobody's hint.
func (t *transaction) listFree(gone freed) error {
	for _, g := range gone {
		if integer(g[2]) == 0 {
			continue
		}
		if _, err := t.exec(0, "hint_free_add", g[0], g[1], g[2], t.rev(0)); err != nil {
			return err
		}
	}
	return nil
}
