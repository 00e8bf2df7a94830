package sqlite

import (
	"cmp"
	"context"
	"database/sql"
	"slices"

	"rowlock/sqlstore"
)

// afterIPv4 follows every IPv4 address of a vrf and precedes every IPv6 one, as
// netip.Addr.Compare has it.
var afterIPv4 = []byte{0xff, 0xff, 0xff, 0xff, 0xff}

// Leases lists lease rows in order of (vrf, address), IPv4 before IPv6.
func (s *Store) Leases(ctx context.Context, f sqlstore.LeaseFilter) ([]sqlstore.Lease, error) {
	if f.Limit <= 0 {
		f.Limit = 1000
	}
	now, err := s.now(ctx)
	if err != nil {
		return nil, err
	}
	var all []sqlstore.Lease
	for _, family := range families(f.Family) {
		var part []sqlstore.Lease
		if f.Addr.IsValid() || len(f.HWAddr) > 0 {
			part, err = s.find(ctx, family, f, now)
		} else {
			part, err = s.list(ctx, family, f, now)
		}
		if err != nil {
			return nil, err
		}
		all = append(all, part...)
	}
	slices.SortFunc(all, func(x, y sqlstore.Lease) int { return cmp.Or(cmp.Compare(x.VRF, y.VRF), x.Addr.Compare(y.Addr)) })
	return all[:min(len(all), f.Limit)], nil
}

func families(f sqlstore.Family) []sqlstore.Family {
	if f == 0 {
		return []sqlstore.Family{sqlstore.IPv4, sqlstore.IPv6}
	}
	return []sqlstore.Family{f}
}

// list reads a page of one table in index order.
func (s *Store) list(ctx context.Context, family sqlstore.Family, f sqlstore.LeaseFilter, now int64) (out []sqlstore.Lease, err error) {
	after := []byte{}
	switch {
	case family == sqlstore.IPv4 && f.AfterAddr.Is6():
		after = afterIPv4
	case f.AfterAddr.IsValid() && f.AfterAddr.Is4() == (family == sqlstore.IPv4):
		after = f.AfterAddr.AsSlice()
	}
	err = s.r.each(ctx, nil, family, "lease_list", func(v []any) error {
		out = append(out, reported(rowOf(family, values(v), now), now))
		return nil
	}, now, int64(f.AfterVRF), after, int64(f.SubnetID), int64(f.State), int64(f.Limit))
	return out, err
}

// find reads the few rows that an address or a hardware address has.
func (s *Store) find(ctx context.Context, family sqlstore.Family, f sqlstore.LeaseFilter, now int64) (out []sqlstore.Lease, err error) {
	query, arg := "lease_keys_hwaddr", any(f.HWAddr)
	if f.Addr.IsValid() {
		query, arg = "lease_keys_addr", f.Addr.AsSlice()
	}
	err = s.r.snapshot(ctx, func(tx *sql.Tx) error {
		var keys [][]byte
		err := s.r.each(ctx, tx, family, query, func(v []any) error {
			keys = append(keys, blob(v[0]))
			return nil
		}, arg)
		if err != nil {
			return err
		}
		for _, key := range keys {
			err := s.r.each(ctx, tx, family, "lease_get", func(v []any) error {
				if l := reported(rowOf(family, values(v), now), now); matches(&l, f) {
					out = append(out, l)
				}
				return nil
			}, key)
			if err != nil {
				return err
			}
		}
		return nil
	})
	return out, err
}

func matches(l *sqlstore.Lease, f sqlstore.LeaseFilter) bool {
	switch {
	case f.SubnetID != 0 && l.SubnetID != f.SubnetID, f.State != 0 && l.State != f.State,
		f.Addr.IsValid() && l.Addr != f.Addr, len(f.HWAddr) > 0 && !slices.Equal(l.Client.HWAddr, f.HWAddr):
		return false
	case f.AfterVRF == 0 && !f.AfterAddr.IsValid():
		return true
	}
	return cmp.Or(cmp.Compare(l.VRF, f.AfterVRF), l.Addr.Compare(f.AfterAddr)) > 0
}

// reported is a row as people see it: an active lease that ran out is expired.
func reported(r row, now int64) sqlstore.Lease {
	if r.State == sqlstore.Active && !r.live(now) {
		r.State = sqlstore.Expired
	}
	return r.Lease
}

// CountLeases counts rows by subnet and state.
func (s *Store) CountLeases(ctx context.Context, family sqlstore.Family) (map[uint32]map[sqlstore.State]int64, error) {
	now, err := s.now(ctx)
	if err != nil {
		return nil, err
	}
	out := map[uint32]map[sqlstore.State]int64{}
	for _, f := range families(family) {
		err := s.r.each(ctx, nil, f, "lease_count", func(v []any) error {
			subnet, state := uint32(integer(v[0])), sqlstore.State(integer(v[1]))
			if out[subnet] == nil {
				out[subnet] = map[sqlstore.State]int64{}
			}
			out[subnet][state] += integer(v[2])
			return nil
		}, now)
		if err != nil {
			return nil, err
		}
	}
	return out, nil
}
