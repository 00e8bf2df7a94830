package mysql

import (
	"context"
	"database/sql/driver"
	"encoding/hex"
	"net/netip"

	"rowlock/sqlstore"
)

// Leases lists lease rows in order of (vrf, address).
func (s *Store) Leases(ctx context.Context, f sqlstore.LeaseFilter) (list []sqlstore.Lease, err error) {
	limit := f.Limit
	if limit <= 0 {
		limit = 1000
	}
	after, addr, hw := hexAddr(f.AfterAddr), hexAddr(f.Addr), hex.EncodeToString(f.HWAddr)
	args := []any{f.AfterVRF, f.AfterVRF, after, f.AfterVRF, f.SubnetID, f.SubnetID, f.State, f.State, addr, addr, hw, hw, limit}
	err = s.tx(ctx, func(c *conn) error {
		list = nil
		return c.each(c.q.of(f.Family, "lease_list"), args, func(v []driver.Value) error {
			l := leaseOf(f.Family, v)
			if l.State == sqlstore.Active && l.Remaining <= 0 {
				l.State = sqlstore.Expired
			}
			list = append(list, l)
			return nil
		})
	})
	return list, err
}

// CountLeases counts rows by subnet and state.
func (s *Store) CountLeases(ctx context.Context, f sqlstore.Family) (map[uint32]map[sqlstore.State]int64, error) {
	out := map[uint32]map[sqlstore.State]int64{}
	err := s.each(ctx, s.q.of(f, "lease_count"), nil, func(v []driver.Value) error {
		subnet := uint32(integer(v[0]))
		if out[subnet] == nil {
			out[subnet] = map[sqlstore.State]int64{}
		}
		out[subnet][sqlstore.State(integer(v[1]))] += integer(v[2])
		return nil
	})
	return out, err
}

func hexAddr(a netip.Addr) string { return hex.EncodeToString(a.AsSlice()) }
