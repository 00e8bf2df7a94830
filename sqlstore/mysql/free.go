package mysql

import (
	"cmp"
	"context"
	"database/sql/driver"
	"errors"
	"net/netip"
	"slices"

	"rowlock/sqlstore"
)

// poolsEach is how many pools are looked at in one round trip where each
// takes a statement of its own: InnoDB reads a range of an index only where its
// ends are constants.
const poolsEach = 64

// perPool runs a statement for each of n pools and calls read with its rows.
func (c *conn) perPool(n int, add func(p *packet, i int), read func(i int, v []driver.Value) error) error {
	for from := 0; from < n; from += poolsEach {
		p := &packet{}
		for i := from; i < min(n, from+poolsEach); i++ {
			add(p, i)
		}
		if err := c.send(p, func(result int, v []driver.Value) error { return read(from+result, v) }); err != nil {
			return err
		}
	}
	return nil
}

// Hold takes addresses that were given back, under new tokens: no more than
// wanted, and no more than this frontend's share of them.
func (h *hints) Hold(needs []sqlstore.PoolNeed) ([][]sqlstore.UsedFree, error) {
	parts, err := h.number("hint_free_parts")
	if err != nil {
		return nil, err
	}
	var some []int // that have any
	var counts []int64
	err = h.perPool(len(needs), func(p *packet, i int) {
		p.add(h.q.get("hint_free_count"), needs[i].Pool.ID, int64(needs[i].Want)*parts)
	}, func(i int, v []driver.Value) error {
		if there := integer(v[0]); there > 0 {
			some, counts = append(some, i), append(counts, min(int64(needs[i].Want), max(1, there/parts)))
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	out := make([][]sqlstore.UsedFree, len(needs))
	var all []sqlstore.UsedFree
	err = h.perPool(len(some), func(p *packet, n int) {
		p.add(h.q.get("hint_free"), needs[some[n]].Pool.ID, counts[n])
	}, func(n int, v []driver.Value) error {
		u := sqlstore.UsedFree{VRF: uint32(integer(v[0])), Addr: address(v[1]), Token: integer(v[2])}
		out[some[n]], all = append(out[some[n]], u), append(all, u)
		return nil
	})
	if err != nil || len(all) == 0 {
		return out, err
	}
	_, err = h.exec(h.q.get("hint_free_hold"), freeRows(all))
	return out, err
}

// Lent returns addresses that were given back and that somebody holds.
func (h *hints) Lent(pools []*sqlstore.Pool) ([][]sqlstore.Place, error) {
	out := make([][]sqlstore.Place, len(pools))
	err := h.perPool(len(pools), func(p *packet, i int) {
		p.add(h.q.get("hint_lent"), pools[i].ID)
	}, func(i int, v []driver.Value) error {
		out[i] = append(out[i], sqlstore.Place{VRF: uint32(integer(v[0])), Addr: address(v[1])})
		return nil
	})
	return out, err
}

// Held returns those of the addresses that have a row.
func (h *hints) Held(f sqlstore.Family, places []sqlstore.Place) (out []sqlstore.Place, err error) {
	rows := &items{}
	for _, p := range places {
		rows.Begin()
		rows.Number(int64(p.VRF))
		rows.Addr(p.Addr)
		rows.End()
	}
	err = h.each(h.q.of(f, "lease_held"), []any{rows.Text()}, func(v []driver.Value) error {
		out = append(out, sqlstore.Place{VRF: uint32(integer(v[0])), Addr: address(v[1])})
		return nil
	})
	return out, err
}

// Drop deletes chunks that the frontend has, and free addresses, these in the
// order in which others list them.
func (h *hints) Drop(chunks []int64, used []sqlstore.UsedFree) error {
	if len(chunks) > 0 {
		rows := &items{}
		for _, id := range chunks {
			rows.Begin()
			rows.Number(id)
			rows.End()
		}
		if _, err := h.exec(h.q.get("hint_chunk_done"), rows.Text(), h.f.Frontend, h.f.Incarnation); err != nil {
			return err
		}
	}
	if len(used) == 0 {
		return nil
	}
	used = slices.Clone(used)
	slices.SortFunc(used, func(a, b sqlstore.UsedFree) int {
		return cmp.Or(cmp.Compare(a.VRF, b.VRF), a.Addr.Compare(b.Addr))
	})
	_, err := h.exec(h.q.get("hint_free_done"), freeRows(used))
	return err
}

func freeRows(list []sqlstore.UsedFree) string {
	rows := &items{}
	for _, u := range list {
		rows.Begin()
		rows.Number(int64(u.VRF))
		rows.Addr(u.Addr)
		rows.Number(u.Token)
		rows.End()
	}
	return rows.Text()
}

// List enters addresses into addr_free, in the order in which others do, unless
// they are there.
func (h *hints) List(p *sqlstore.Pool, addrs []netip.Addr) (int, error) {
	rows := func() string {
		rows := &items{}
		for _, a := range addrs {
			rows.Begin()
			rows.Number(0)
			rows.Number(int64(p.VRF))
			rows.Addr(a)
			rows.Number(int64(p.ID))
			rows.End()
		}
		return rows.Text()
	}
	there := map[netip.Addr]bool{}
	err := h.each(h.q.get("hint_listed"), []any{rows()}, func(v []driver.Value) error {
		there[address(v[0])] = integer(v[1]) == int64(p.ID)
		return nil
	})
	if err != nil {
		return 0, err
	}
	addrs = slices.DeleteFunc(slices.Clone(addrs), func(a netip.Addr) bool { return there[a] })
	if len(addrs) == 0 {
		return 0, nil
	}
	slices.SortFunc(addrs, netip.Addr.Compare)
	_, err = h.exec(h.q.get("hint_free_list"), rows())
	return len(addrs), err
}

// Reclaim deletes the longest dead rows of each pool.
func (s *Store) Reclaim(ctx context.Context, pools []*sqlstore.Pool, n int) (counts []int, err error) {
	err = s.tx(ctx, func(c *conn) error {
		counts = make([]int, len(pools))
		for _, f := range []sqlstore.Family{sqlstore.IPv4, sqlstore.IPv6} {
			var at []int
			for i, p := range pools {
				if p.Family() == f {
					at = append(at, i)
				}
			}
			var found []dead
			err := c.perPool(len(at), func(p *packet, i int) {
				p.add(c.q.of(f, "lease_reclaimable"), pools[at[i]].ID, n)
			}, func(i int, v []driver.Value) error {
				counts[at[i]]++
				found = append(found, deadOf(v))
				return nil
			})
			if err != nil {
				return err
			}
			if err := c.deleteDead(f, found); err != nil {
				return err
			}
		}
		return nil
	})
	return counts, err
}

// dead is a locked row that is about to be deleted.
type dead struct {
	key       sqlstore.Key
	addr      netip.Addr
	vrf, pool int64
}

func deadOf(v []driver.Value) dead {
	return dead{sqlstore.Key(raw(v[0])), address(v[2]), integer(v[1]), integer(v[3])}
}

// deleteRows locks rows by a query and deletes them.
func (c *conn) deleteRows(f sqlstore.Family, query string, args ...any) (int, error) {
	var found []dead
	err := c.each(c.q.of(f, query), args, func(v []driver.Value) error {
		found = append(found, deadOf(v))
		return nil
	})
	if err != nil {
		return 0, err
	}
	return len(found), c.deleteDead(f, found)
}

// deleteDead deletes locked rows; their addresses are listed as free, in the
// order in which others list them.
func (c *conn) deleteDead(f sqlstore.Family, found []dead) error {
	if len(found) == 0 {
		return nil
	}
	slices.SortFunc(found, func(a, b dead) int { return cmp.Or(cmp.Compare(a.vrf, b.vrf), a.addr.Compare(b.addr)) })
	rows := &items{}
	for _, d := range found {
		rows.Begin()
		rows.key(d.key)
		rows.Number(d.vrf)
		rows.Addr(d.addr)
		rows.Number(d.pool)
		rows.End()
	}
	list := rows.Text()
	res, err := c.exec(c.q.of(f, "lease_delete"), list)
	if err != nil {
		return err
	}
	if gone, err := res.RowsAffected(); err != nil || gone != int64(len(found)) {
		return errors.Join(err, errors.New("locked rows were not deleted"))
	}
	_, err = c.exec(c.q.get("hint_free_list"), list)
	return err
}
