package sqlite

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"fmt"
	"net/netip"

	"rowlock/sqlstore"
)

// Retired returns the generations that are in the way.
func (c *configTx) Retired() (list []sqlstore.RetiredPool, err error) {
	err = c.read("config_retired", func(v []any) error {
		p, err := newPool(v[0], v[3], v[4], v[5])
		if err != nil {
			return err
		}
		p.Gen, p.VRF, p.Kind = uint32(integer(v[1])), uint32(integer(v[2])), sqlstore.NA
		if int(p.DelegatedLen) != p.First.BitLen() {
			p.Kind = sqlstore.PD
		}
		list = append(list, sqlstore.RetiredPool{Pool: p, Rev: integer(v[6])})
		return nil
	})
	return list, err
}

// newPool makes a pool of the values of a row; ErrData where they are none.
func newPool(id, first, last, length any) (*sqlstore.Pool, error) {
	number, err := rowID("pool", id)
	if err != nil {
		return nil, err
	}
	what := fmt.Sprintf("pool %d", number)
	a, err := canonicalAddr(what, text(first))
	if err != nil {
		return nil, err
	}
	b, err := canonicalAddr(what, text(last))
	if err != nil {
		return nil, err
	}
	return &sqlstore.Pool{ID: number, First: a, Last: b, DelegatedLen: uint8(integer(length))}, nil
}

// canonicalAddr reads an address. Triggers see to its form; rows that were
// written past them are refused here.
func canonicalAddr(what, text string) (netip.Addr, error) {
	a, err := netip.ParseAddr(text)
	if err != nil {
		return a, fmt.Errorf("%s: %w: %w", what, sqlstore.ErrData, err)
	}
	if a.String() != text {
		return a, fmt.Errorf("%s: an address must be written in its shortest form, as in %s: %q: %w", what, a, text, sqlstore.ErrData)
	}
	return a, nil
}

// Retire marks generations, or takes the mark away.
func (c *configTx) Retire(pools []*sqlstore.Pool, rev int64) error {
	for _, p := range pools {
		if err := c.change("config_retire", int64(p.ID), int64(p.Gen), rev); err != nil {
			return err
		}
	}
	return nil
}

// Open lets pools hand out.
func (c *configTx) Open(pools []*sqlstore.Pool) error {
	for _, p := range pools {
		if err := c.change("config_open", int64(p.ID)); err != nil {
			return err
		}
	}
	return nil
}

// Held looks for leases of another length in the ranges of pools.
func (c *configTx) Held(pools []*sqlstore.Pool) (map[uint32]int64, error) {
	held := map[uint32]int64{}
	for _, p := range pools {
		n, err := c.held(p)
		if err != nil {
			return nil, err
		}
		if n > 0 {
			held[p.ID] = n
		}
	}
	return held, nil
}

// held counts what overlaps the range of an IPv6 pool and has another length.
func (t *transaction) held(p *sqlstore.Pool) (held int64, err error) {
	add := func(v []driver.Value) error {
		held += integer(v[0])
		return nil
	}
	err = t.one(0, "pool_held", add, int64(p.VRF), addrValue(p.First), addrValue(p.End()), int64(p.DelegatedLen))
	for _, prefix := range p.Around() {
		if err != nil {
			return 0, err
		}
		err = t.one(0, "pool_held_around", add, int64(p.VRF), addrValue(prefix.Addr()), int64(prefix.Bits()))
	}
	return held, err
}

// Relabel gives the leases and free addresses in the range of pools to these:
// under the name of a pool that is no more nobody would find them when they end.
func (c *configTx) Relabel(pools []*sqlstore.Pool) error {
	for _, p := range pools {
		query := "pool_relabel_lease4"
		if p.Family() == sqlstore.IPv6 {
			query = "pool_relabel_lease6"
		}
		id, vrf, first, last := int64(p.ID), int64(p.VRF), addrValue(p.First), addrValue(p.Last)
		if err := c.change(query, id, int64(p.Gen), int64(p.SubnetID), vrf, first, last, int64(p.DelegatedLen)); err != nil {
			return err
		}
		if err := c.change("pool_relabel_free", id, vrf, first, last); err != nil {
			return err
		}
	}
	return nil
}

// CountLive counts active leases in the ranges of pools.
func (s *Store) CountLive(ctx context.Context, pools []*sqlstore.Pool) ([]int64, error) {
	now, err := s.now(ctx)
	if err != nil {
		return nil, err
	}
	out := make([]int64, len(pools))
	err = s.r.snapshot(ctx, func(tx *sql.Tx) error {
		for i, p := range pools {
			err := s.r.each(ctx, tx, p.Family(), "lease_count_live", func(v []any) error {
				out[i] = integer(v[0])
				return nil
			}, int64(p.VRF), p.First.AsSlice(), p.End().AsSlice(), now)
			if err != nil {
				return err
			}
		}
		return nil
	})
	return out, err
}
