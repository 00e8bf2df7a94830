package postgres

import (
	"context"
	"fmt"
	"net/netip"

	"github.com/jackc/pgx/v5"

	"rowlock/sqlstore"
)

// Retired returns the generations that are in the way.
func (c *configTx) Retired() (list []sqlstore.RetiredPool, err error) {
	var id, gen, vrf int32
	var first, last string
	var length int16
	var rev int64
	err = c.each("config_retired", []any{&id, &gen, &vrf, &first, &last, &length, &rev}, func() error {
		p, err := newPool(id, first, last, length)
		if err != nil {
			return err
		}
		p.Gen, p.VRF, p.Kind = uint32(gen), uint32(vrf), sqlstore.NA
		if int(length) != p.First.BitLen() {
			p.Kind = sqlstore.PD
		}
		list = append(list, sqlstore.RetiredPool{Pool: p, Rev: rev})
		return nil
	})
	return list, err
}

// newPool makes a pool of the values of a row.
func newPool(id int32, first, last string, length int16) (*sqlstore.Pool, error) {
	a, err := netip.ParseAddr(first)
	if err != nil {
		return nil, fmt.Errorf("pool %d: %w: %w", id, sqlstore.ErrData, err)
	}
	b, err := netip.ParseAddr(last)
	if err != nil {
		return nil, fmt.Errorf("pool %d: %w: %w", id, sqlstore.ErrData, err)
	}
	return &sqlstore.Pool{ID: uint32(id), First: a, Last: b, DelegatedLen: uint8(length)}, nil
}

// Retire marks generations, or takes the mark away.
func (c *configTx) Retire(pools []*sqlstore.Pool, rev int64) error {
	if len(pools) == 0 {
		return nil
	}
	r := ranges(pools)
	return c.run("config_retire", r.id, r.gen, rev)
}

// Open lets pools hand out.
func (c *configTx) Open(pools []*sqlstore.Pool) error { return c.run("config_open", ranges(pools).id) }

// Held looks for leases of another length in the ranges of pools.
func (c *configTx) Held(pools []*sqlstore.Pool) (map[uint32]int64, error) {
	if len(pools) == 0 {
		return nil, nil
	}
	r := ranges(pools)
	var around struct {
		id, vrf []int32
		addr    [][]byte
		longest []int32
	}
	for i, p := range pools {
		r.last[i] = fromAddr(p.End())
		for _, prefix := range p.Around() {
			around.id, around.vrf = append(around.id, int32(p.ID)), append(around.vrf, int32(p.VRF))
			around.addr, around.longest = append(around.addr, fromAddr(prefix.Addr())), append(around.longest, int32(prefix.Bits()))
		}
	}
	rows, err := c.tx.Query(c.ctx, c.s.q.get("config_held"), r.id, r.vrf, r.first, r.last, r.length,
		around.id, around.vrf, around.addr, around.longest)
	if err != nil {
		return nil, named("config_held", err)
	}
	held := map[uint32]int64{}
	var id int32
	var n int64
	_, err = pgx.ForEachRow(rows, []any{&id, &n}, func() error {
		held[uint32(id)] = n
		return nil
	})
	return held, named("config_held", err)
}

// Relabel gives the leases and free addresses in the range of pools to these:
// under the name of a pool that is no more nobody would find them when they end.
func (c *configTx) Relabel(pools []*sqlstore.Pool) error {
	if len(pools) == 0 {
		return nil
	}
	r := ranges(pools)
	for _, query := range []string{"config_relabel_lease4", "config_relabel_lease6"} {
		if err := c.run(query, r.id, r.gen, r.subnet, r.vrf, r.first, r.last, r.length); err != nil {
			return err
		}
	}
	return c.run("config_relabel_free", r.id, r.vrf, r.first, r.last)
}

// CountLive counts active leases in the ranges of pools.
func (s *Store) CountLive(ctx context.Context, pools []*sqlstore.Pool) ([]int64, error) {
	out := make([]int64, len(pools))
	for _, f := range []sqlstore.Family{sqlstore.IPv4, sqlstore.IPv6} {
		var place, vrf []int32
		var first, last [][]byte
		for i, p := range pools {
			if p.Family() == f {
				place, vrf = append(place, int32(i)), append(vrf, int32(p.VRF))
				first, last = append(first, fromAddr(p.First)), append(last, fromAddr(p.End()))
			}
		}
		if len(place) == 0 {
			continue
		}
		rows, err := s.general.Query(ctx, s.q.of(f, "lease_count_live"), place, vrf, first, last)
		if err != nil {
			return nil, classify(err)
		}
		var i int32
		var n int64
		_, err = pgx.ForEachRow(rows, []any{&i, &n}, func() error {
			out[i] = n
			return nil
		})
		if err != nil {
			return nil, classify(err)
		}
	}
	return out, nil
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
