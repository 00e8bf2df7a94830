package sqlite

import (
	"context"
	"database/sql/driver"

	"rowlock/sqlstore"
)

// Reclaim deletes the longest dead rows of each pool and lists their addresses.
func (s *Store) Reclaim(ctx context.Context, pools []*sqlstore.Pool, n int) ([]int, error) {
	counts := make([]int, len(pools))
	err := s.w.write(ctx, "reclaim addresses", func(t *transaction) error {
		for i, p := range pools {
			var gone freed
			if err := t.each(p.Family(), "lease_reclaim", gone.add, int64(p.ID), t.now, int64(n)); err != nil {
				return err
			}
			counts[i] = len(gone)
			if err := t.listFree(gone); err != nil {
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
