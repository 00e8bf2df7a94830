package sqlite

import (
	"database/sql/driver"

	"rowlock/sqlstore"
)

// takeOver gives the leases and free addresses in the range of edited pools to
// these pools: under the name of a pool that is no more nobody would find them
// when they end. It refuses a pool that would hand out prefixes which overlap
// those that are held. It goes before the rows of the configuration are
// written, because hints of pools that are no more are deleted with them.
func (t *transaction) takeOver(e sqlstore.PoolEdits) error {
	for _, p := range e.Fresh {
		n, err := t.held(p)
		if err != nil {
			return err
		}
		if n > 0 {
			return p.HeldError(n)
		}
	}
	for _, pools := range [][]*sqlstore.Pool{e.Closing, e.Open} {
		for _, p := range pools {
			if err := t.relabel(p); err != nil {
				return err
			}
		}
	}
	return nil
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

func (t *transaction) relabel(p *sqlstore.Pool) error {
	query := "pool_relabel_lease4"
	if p.Family() == sqlstore.IPv6 {
		query = "pool_relabel_lease6"
	}
	id, vrf, first, last := int64(p.ID), int64(p.VRF), addrValue(p.First), addrValue(p.Last)
	if _, err := t.exec(0, query, id, int64(p.Gen), int64(p.SubnetID), vrf, first, last, int64(p.DelegatedLen)); err != nil {
		return err
	}
	_, err := t.exec(0, "pool_relabel_free", id, vrf, first, last)
	return err
}
