package postgres

import (
	"context"
	"errors"
	"net/netip"
	"slices"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgtype"

	"rowlock/sqlstore"
)

// Apply runs a batch: inserts on an offer connection, updates on a commit
// connection. A batch must not have both.
func (s *Store) Apply(ctx context.Context, b *sqlstore.Batch) (*sqlstore.BatchResult, error) {
	res := &sqlstore.BatchResult{
		Inserts: make([]sqlstore.InsertResult, len(b.Inserts)),
		Updates: make([]sqlstore.UpdateResult, len(b.Updates)),
	}
	switch {
	case len(b.Inserts) > 0 && len(b.Updates) > 0:
		return nil, errors.New("a batch has either inserts or updates")
	case len(b.Inserts) > 0:
		return res, s.onLane(ctx, s.offers, func(ctx context.Context, c *pgx.Conn) error { return s.insert(ctx, c, b, res) })
	case len(b.Updates) > 0:
		return res, s.onLane(ctx, s.commits, func(ctx context.Context, c *pgx.Conn) error { return s.update(ctx, c, b, res) })
	}
	return res, nil
}

// insert sends the exclusive items as one transaction and then each solo item
// as one of its own, all in one pipeline.
func (s *Store) insert(ctx context.Context, c *pgx.Conn, b *sqlstore.Batch, res *sqlstore.BatchResult) error {
	f := b.Inserts[0].Family
	res.Alive = true // until one of the transactions finds otherwise
	var groups [][]int
	var together []int
	for i := range b.Inserts {
		res.Inserts[i].Status = sqlstore.NotPlaced
		if b.Inserts[i].Solo {
			groups = append(groups, []int{i})
		} else {
			together = append(together, i)
		}
	}
	if len(together) > 0 {
		groups = append(groups, together)
	}
	args := make([][]any, len(groups))
	for i, g := range groups {
		args[i] = insertArgs(b, g)
	}
	// what was committed before an error stays; the caller repeats the batch
	// and finds those rows under their keys
	next := 0
	return s.transact(ctx, c, offerSettings, s.q.of(f, "lease_insert"), args, func(rows pgx.Rows) error {
		next++
		return readInserts(rows, f, b, groups[next-1], res)
	})
}

func insertArgs(b *sqlstore.Batch, items []int) []any {
	n := len(items)
	var (
		num, vrf, subnet, pool, gen, plen = make(list[integer], n), make(list[integer], n), make(list[integer], n), make(list[integer], n), make(list[integer], n), make(list[integer], n)
		key, former1, former2, addr       = make(list[blob], n), make(list[blob], n), make(list[blob], n), make(list[blob], n)
		valid, offer, pref, iaid          = make(list[bigint], n), make(list[bigint], n), make(list[bigint], n), make(list[bigint], n)
		client                            = clientsOf(n)
	)
	for j, i := range items {
		in := &b.Inserts[i]
		num[j], key[j], vrf[j], addr[j] = integer(i), fromKey(in.Key), integer(in.VRF), fromAddr(in.Addr)
		if len(in.Former) > 0 {
			former1[j] = fromKey(in.Former[0])
		}
		if len(in.Former) > 1 {
			former2[j] = fromKey(in.Former[1])
		}
		subnet[j], pool[j], gen[j], plen[j] = integer(in.SubnetID), integer(in.PoolID), integer(in.PoolGen), integer(in.PrefixLen)
		valid[j], offer[j], pref[j], iaid[j] = bigint(in.ValidLft), bigint(in.OfferLft), bigint(in.PrefLft), bigint(in.Client.IAID)
		client.set(j, &in.Client)
	}
	args := []any{b.Fence.Frontend, b.Fence.Incarnation, num, key, former1, former2, vrf, addr, subnet, pool, gen, valid, offer}
	args = append(args, client.args()...)
	if b.Inserts[0].Family == sqlstore.IPv6 {
		args = append(args, plen, pref, iaid)
	}
	return args
}

// place tells apart the new rows of a batch.
type place struct {
	key  sqlstore.Key
	addr netip.Addr
}

// readInserts reads the rows of lease_insert into res. A new row is that of the
// first item with its key and address, and holds what the item says.
func readInserts(rows pgx.Rows, f sqlstore.Family, b *sqlstore.Batch, items []int, res *sqlstore.BatchResult) error {
	defer rows.Close()
	var now time.Time
	var keys, addrs [][]byte
	var alive bool
	var n, status pgtype.Int4
	var r leaseRow
	first := []any{&res.Revision, &alive, &now, &keys, &addrs, &n, &status}
	later := []any{nil, nil, nil, nil, nil, &n, &status}
	dest := append(first, r.dest()...)
	for i := 0; rows.Next(); i++ {
		if i == 1 {
			copy(dest, later)
		}
		if err := rows.Scan(dest...); err != nil {
			return err
		}
		if status.Valid {
			res.Inserts[n.Int32] = sqlstore.InsertResult{Status: sqlstore.InsertStatus(status.Int32), Lease: r.lease(f)}
		}
	}
	res.Alive = res.Alive && alive
	if len(keys) == 0 {
		return rows.Err()
	}
	wanted := make(map[place]int, len(items))
	for _, i := range slices.Backward(items) {
		wanted[place{b.Inserts[i].Key, b.Inserts[i].Addr}] = i
	}
	for j, key := range keys {
		if i, ok := wanted[place{sqlstore.Key(key), toAddr(addrs[j])}]; ok {
			res.Inserts[i] = sqlstore.InsertResult{Status: sqlstore.Inserted, Lease: b.Inserts[i].Offered(b.Fence.Frontend, now)}
		}
	}
	return rows.Err()
}
