package postgres

import (
	"context"

	"github.com/jackc/pgx/v5"

	"rowlock/sqlstore"
)

// Leases lists lease rows in order of (vrf, address).
func (s *Store) Leases(ctx context.Context, f sqlstore.LeaseFilter) ([]sqlstore.Lease, error) {
	limit := f.Limit
	if limit <= 0 {
		limit = 1000
	}
	after := fromAddr(f.AfterAddr)
	vrf := int32(f.AfterVRF)
	if after == nil {
		after = []byte{}
	}
	rows, err := s.general.Query(ctx, s.q.of(f.Family, "lease_list"), vrf, after, int32(f.SubnetID), int32(f.State),
		fromAddr(f.Addr), nonEmpty(f.HWAddr), limit)
	if err != nil {
		return nil, classify(err)
	}
	list, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (sqlstore.Lease, error) {
		var r leaseRow
		err := row.Scan(r.dest()...)
		l := r.lease(f.Family)
		if l.State == sqlstore.Active && l.Remaining <= 0 {
			l.State = sqlstore.Expired
		}
		return l, err
	})
	return list, classify(err)
}

// CountLeases counts rows by subnet and state.
func (s *Store) CountLeases(ctx context.Context, f sqlstore.Family) (map[uint32]map[sqlstore.State]int64, error) {
	rows, err := s.general.Query(ctx, s.q.of(f, "lease_count"))
	if err != nil {
		return nil, classify(err)
	}
	defer rows.Close()
	out := map[uint32]map[sqlstore.State]int64{}
	for rows.Next() {
		var subnet int32
		var state int16
		var n int64
		if err := rows.Scan(&subnet, &state, &n); err != nil {
			return nil, classify(err)
		}
		if out[uint32(subnet)] == nil {
			out[uint32(subnet)] = map[sqlstore.State]int64{}
		}
		out[uint32(subnet)][sqlstore.State(state)] += n
	}
	return out, classify(rows.Err())
}
