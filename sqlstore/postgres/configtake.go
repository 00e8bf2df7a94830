package postgres

import (
	"context"
	"errors"
	"fmt"

	"github.com/jackc/pgx/v5"

	"rowlock/sqlstore"
)

// takeOver gives the leases and free addresses in the range of edited pools to
// these pools: under the name of a pool that is no more nobody would find them
// when they end. It refuses a pool that would hand out prefixes which overlap
// those that are held. It goes before the rows of the configuration are
// written, because hints of pools that are no more are deleted with them.
func (s *Store) takeOver(ctx context.Context, tx pgx.Tx, e sqlstore.PoolEdits) error {
	if err := s.refuseHeld(ctx, tx, e.Fresh); err != nil {
		return err
	}
	for _, pools := range [][]*sqlstore.Pool{e.Closing, e.Open} {
		if err := s.relabel(ctx, tx, pools); err != nil {
			return err
		}
	}
	return nil
}

func (s *Store) refuseHeld(ctx context.Context, tx pgx.Tx, pools []*sqlstore.Pool) error {
	if len(pools) == 0 {
		return nil
	}
	byID := map[int32]*sqlstore.Pool{}
	r := ranges(pools)
	var around struct {
		id, vrf []int32
		addr    [][]byte
		longest []int32
	}
	for i, p := range pools {
		byID[int32(p.ID)] = p
		r.last[i] = fromAddr(p.End())
		for _, prefix := range p.Around() {
			around.id, around.vrf = append(around.id, int32(p.ID)), append(around.vrf, int32(p.VRF))
			around.addr, around.longest = append(around.addr, fromAddr(prefix.Addr())), append(around.longest, int32(prefix.Bits()))
		}
	}
	var id int32
	var n int64
	err := tx.QueryRow(ctx, s.q.get("config_held"), r.id, r.vrf, r.first, r.last, r.length,
		around.id, around.vrf, around.addr, around.longest).Scan(&id, &n)
	if errors.Is(err, pgx.ErrNoRows) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("config_held: %w", err)
	}
	return byID[id].HeldError(n)
}

func (s *Store) relabel(ctx context.Context, tx pgx.Tx, pools []*sqlstore.Pool) error {
	if len(pools) == 0 {
		return nil
	}
	r := ranges(pools)
	for _, query := range []string{"config_relabel_lease4", "config_relabel_lease6"} {
		if _, err := tx.Exec(ctx, s.q.get(query), r.id, r.gen, r.subnet, r.vrf, r.first, r.last, r.length); err != nil {
			return fmt.Errorf("%s: %w", query, err)
		}
	}
	if _, err := tx.Exec(ctx, s.q.get("config_relabel_free"), r.id, r.vrf, r.first, r.last); err != nil {
		return fmt.Errorf("config_relabel_free: %w", err)
	}
	return nil
}

// rangeArrays are the ranges of pools as columns.
type rangeArrays struct {
	id, gen, subnet, vrf, length []int32
	first, last                  [][]byte
}

func ranges(pools []*sqlstore.Pool) *rangeArrays {
	r := &rangeArrays{}
	for _, p := range pools {
		r.id, r.gen, r.subnet = append(r.id, int32(p.ID)), append(r.gen, int32(p.Gen)), append(r.subnet, int32(p.SubnetID))
		r.vrf, r.length = append(r.vrf, int32(p.VRF)), append(r.length, int32(p.DelegatedLen))
		r.first, r.last = append(r.first, fromAddr(p.First)), append(r.last, fromAddr(p.Last))
	}
	return r
}
