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

// holdFree takes addresses that were given back, under new tokens: no more than
// wanted, and no more than an eighth of this frontend's share of them. Those
// that an older generation of the pool had and this one has not are forgotten
// on the way.
func (c *conn) holdFree(h *sqlstore.Hints, want int) error {
	parts, err := c.number("hint_free_parts")
	if err != nil {
		return err
	}
	for len(h.Addrs) == 0 {
		there, err := c.number("hint_free_count", h.Pool.ID, int64(want)*parts)
		if err != nil || there == 0 {
			return err
		}
		found, err := c.lockFree(h.Pool, min(int64(want), max(1, there/parts)))
		if err != nil || len(found) == 0 {
			return err
		}
		var strange []sqlstore.UsedFree
		for _, u := range found {
			if u.VRF == h.Pool.VRF && h.Pool.Contains(u.Addr) {
				h.Addrs = append(h.Addrs, sqlstore.FreeAddr{Addr: u.Addr, Token: u.Token, Exclusive: true})
			} else {
				strange = append(strange, u)
			}
		}
		if err := c.dropFree(strange); err != nil {
			return err
		}
	}
	return nil
}

// lockFree holds up to n free addresses of the pool under new tokens.
func (c *conn) lockFree(p *sqlstore.Pool, n int64) (found []sqlstore.UsedFree, err error) {
	err = c.each(c.q.get("hint_free"), []any{p.ID, n}, func(v []driver.Value) error {
		found = append(found, sqlstore.UsedFree{VRF: uint32(integer(v[0])), Addr: address(v[1]), Token: integer(v[2])})
		return nil
	})
	if err != nil || len(found) == 0 {
		return nil, err
	}
	_, err = c.exec(c.q.get("hint_free_hold"), freeRows(found))
	return found, err
}

// dropFree deletes free addresses, in the order in which others list them.
func (c *conn) dropFree(used []sqlstore.UsedFree) error {
	if len(used) == 0 {
		return nil
	}
	used = slices.Clone(used)
	slices.SortFunc(used, func(a, b sqlstore.UsedFree) int {
		return cmp.Or(cmp.Compare(a.VRF, b.VRF), a.Addr.Compare(b.Addr))
	})
	_, err := c.exec(c.q.get("hint_free_done"), freeRows(used))
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

// Reclaim deletes the pool's longest dead rows.
func (s *Store) Reclaim(ctx context.Context, p *sqlstore.Pool, n int) (count int, err error) {
	err = s.tx(ctx, func(c *conn) error {
		count, err = c.deleteRows(p.Family(), "lease_reclaimable", p.ID, n)
		return err
	})
	return count, err
}

// dead is a locked row that is about to be deleted.
type dead struct {
	key       sqlstore.Key
	addr      netip.Addr
	vrf, pool int64
}

// deleteRows locks rows by a query and deletes them; their addresses are listed
// as free, in the order in which others list them.
func (c *conn) deleteRows(f sqlstore.Family, query string, args ...any) (int, error) {
	var found []dead
	err := c.each(c.q.of(f, query), args, func(v []driver.Value) error {
		found = append(found, dead{sqlstore.Key(raw(v[0])), address(v[2]), integer(v[1]), integer(v[3])})
		return nil
	})
	n := len(found)
	if err != nil || n == 0 {
		return 0, err
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
		return 0, err
	}
	if gone, err := res.RowsAffected(); err != nil || gone != int64(n) {
		return 0, errors.Join(err, errors.New("locked rows were not deleted"))
	}
	_, err = c.exec(c.q.get("hint_free_list"), list)
	return n, err
}
