package mysql

import (
	"database/sql/driver"
	"fmt"
	"slices"

	"rowlock/sqlstore"
)

// poolsAtOnce is for how many pools statements are sent in one packet.
const poolsAtOnce = 64

// takeOver gives the leases and free addresses in the range of edited pools to
// these pools: under the name of a pool that is no more nobody would find them
// when they end. It refuses a pool that would hand out prefixes which overlap
// those that are held. It goes before the rows of the configuration are
// written, because hints of pools that are no more are deleted with them.
func (c *conn) takeOver(e sqlstore.PoolEdits) error {
	if err := c.refuseHeld(e.Fresh); err != nil {
		return err
	}
	for _, pools := range [][]*sqlstore.Pool{e.Closing, e.Open} {
		if err := c.relabel(pools); err != nil {
			return err
		}
	}
	return nil
}

func (c *conn) refuseHeld(pools []*sqlstore.Pool) error {
	for some := range slices.Chunk(pools, poolsAtOnce) {
		p := &packet{}
		for _, pool := range some {
			around := &items{}
			for _, prefix := range pool.Around() {
				around.Begin()
				around.Addr(prefix.Addr())
				around.Number(int64(prefix.Bits()))
				around.End()
			}
			p.add(c.q.get("config_held"), pool.VRF, hexAddr(pool.First), hexAddr(pool.End()), int64(pool.DelegatedLen), around.Text(), pool.VRF)
		}
		held := make([]int64, len(some))
		if err := c.send(p, func(result int, v []driver.Value) error {
			held[result] = integer(v[0])
			return nil
		}); err != nil {
			return fmt.Errorf("config_held: %w", err)
		}
		for i, n := range held {
			if n > 0 {
				return some[i].HeldError(n)
			}
		}
	}
	return nil
}

// relabel goes pool by pool: InnoDB reads only the range of a pool where its
// ends are constants, and all addresses of the VRF where they come from a join.
func (c *conn) relabel(pools []*sqlstore.Pool) error {
	for some := range slices.Chunk(pools, poolsAtOnce) {
		p := &packet{}
		for _, pool := range some {
			first, last := hexAddr(pool.First), hexAddr(pool.Last)
			if pool.Family() == sqlstore.IPv4 {
				p.add(c.q.get("config_relabel_lease4"), pool.ID, pool.Gen, pool.SubnetID, pool.VRF, first, last, pool.ID, pool.Gen, pool.SubnetID)
			} else {
				p.add(c.q.get("config_relabel_lease6"), pool.ID, pool.Gen, pool.SubnetID, pool.VRF, first, last, int64(pool.DelegatedLen),
					pool.ID, pool.Gen, pool.SubnetID)
			}
			p.add(c.q.get("config_relabel_free"), pool.ID, pool.VRF, first, last, first, pool.ID)
		}
		if err := c.send(p, nil); err != nil {
			return fmt.Errorf("relabel leases: %w", err)
		}
	}
	return nil
}
