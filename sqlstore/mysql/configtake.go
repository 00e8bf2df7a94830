package mysql

import (
	"context"
	"database/sql/driver"
	"fmt"
	"slices"

	"rowlock/sqlstore"
)

// poolsAtOnce is for how many pools statements are sent in one packet.
const poolsAtOnce = 64

// Held counts the prefixes in the ranges of pools that would overlap their own.
func (c *configTx) Held(pools []*sqlstore.Pool) (map[uint32]int64, error) {
	held := map[uint32]int64{}
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
		if err := c.send(p, func(result int, v []driver.Value) error {
			if n := integer(v[0]); n > 0 {
				held[some[result].ID] = n
			}
			return nil
		}); err != nil {
			return nil, fmt.Errorf("config_held: %w", err)
		}
	}
	return held, nil
}

// Relabel gives the leases and free addresses in the ranges of pools to these:
// under the name of a pool that is no more nobody would find them when they end.
// It goes pool by pool: InnoDB reads only the range of a pool where its
// ends are constants, and all addresses of the VRF where they come from a join.
func (c *configTx) Relabel(pools []*sqlstore.Pool) error {
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

// Retired returns the generations that frontends may still hand out of.
func (c *configTx) Retired() (list []sqlstore.RetiredPool, err error) {
	err = c.each(c.q.get("config_retired"), nil, func(v []driver.Value) error {
		p, err := poolOf(v[3], v[4], v[5])
		if err != nil {
			return fmt.Errorf("generation %d of pool %d: %w", integer(v[1]), integer(v[0]), err)
		}
		p.ID, p.Gen, p.VRF, p.Kind = uint32(integer(v[0])), uint32(integer(v[1])), uint32(integer(v[2])), sqlstore.NA
		if int(p.DelegatedLen) < p.First.BitLen() {
			p.Kind = sqlstore.PD
		}
		list = append(list, sqlstore.RetiredPool{Pool: p, Rev: integer(v[6])})
		return nil
	})
	return list, err
}

// Retire notes which revision ended generations; 0 forgets it.
func (c *configTx) Retire(pools []*sqlstore.Pool, rev int64) error {
	if len(pools) == 0 {
		return nil
	}
	list := &items{}
	for _, p := range pools {
		list.row(p.ID, p.Gen)
	}
	return c.run("config_retire", list.Text(), rev)
}

// Open lets pools hand out.
func (c *configTx) Open(pools []*sqlstore.Pool) error {
	list := &items{}
	for _, p := range pools {
		list.row(p.ID)
	}
	return c.putSteps([]configStep{{"config_open", list}})
}

// CountLive counts the live leases in the ranges of pools.
func (s *Store) CountLive(ctx context.Context, pools []*sqlstore.Pool) (counts []int64, err error) {
	err = s.tx(ctx, func(c *conn) error {
		counts = nil
		for some := range slices.Chunk(pools, poolsAtOnce) {
			p := &packet{}
			for _, pool := range some {
				p.add(c.q.of(pool.Family(), "lease_live"), pool.VRF, hexAddr(pool.First), hexAddr(pool.End()))
			}
			if err := c.send(p, func(_ int, v []driver.Value) error {
				counts = append(counts, integer(v[0]))
				return nil
			}); err != nil {
				return fmt.Errorf("lease_live: %w", err)
			}
		}
		return nil
	})
	return counts, err
}
