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

// update runs lease_activate where that may be all there is to do, and
// lease_update, in a transaction of its own, for what that has left.
func (s *Store) update(ctx context.Context, c *pgx.Conn, b *sqlstore.Batch, res *sqlstore.BatchResult) error {
	f, left := b.Updates[0].Family, make([]int, len(b.Updates))
	for i := range left {
		left[i] = i
	}
	if activations(b.Updates) {
		args := [][]any{activateArgs(b)}
		err := s.transact(ctx, c, laneSettings, s.q.of(f, "lease_activate"), args, func(rows pgx.Rows) error { return readUpdates(rows, f, res) })
		if err != nil {
			return err
		}
		left = slices.DeleteFunc(left, func(i int) bool { return res.Updates[i].Status != 0 })
	}
	if len(left) == 0 {
		return nil
	}
	err := s.transact(ctx, c, laneSettings, s.q.of(f, "lease_update"), [][]any{updateArgs(b, left)}, func(rows pgx.Rows) error {
		return readUpdates(rows, f, res)
	})
	if err == nil {
		lostRaces(res)
	}
	if err != nil && len(b.Updates) == 1 && b.Updates[0].Action == sqlstore.Rekey && errors.Is(classify(err), sqlstore.ErrConflict) {
		res.Updates[0].Status = sqlstore.Mismatch
		res.Alive = true // the fence passed, or there would have been no update
		return nil
	}
	return err
}

// activations tells whether a batch is of nothing but single items, or whole
// DHCPv6 messages, that a client takes or renews.
func activations(updates []sqlstore.Update) bool {
	for i := range updates {
		if u := &updates[i]; u.Action != sqlstore.Activate || u.Count > 1 && u.Family == sqlstore.IPv4 {
			return false
		}
	}
	return true
}

// readUpdates reads the rows of lease_update into res.
func readUpdates(rows pgx.Rows, f sqlstore.Family, res *sqlstore.BatchResult) error {
	defer rows.Close()
	var n, status pgtype.Int4
	var fresh pgtype.Bool
	var r leaseRow
	dest := append([]any{&res.Revision, &res.Alive, &n, &status, &fresh}, r.dest()...)
	for rows.Next() {
		if err := rows.Scan(dest...); err != nil {
			return err
		}
		if !n.Valid {
			continue
		}
		u := &res.Updates[n.Int32]
		u.Status, u.Fresh = sqlstore.UpdateStatus(status.Int32), fresh.Bool
		if len(r.key) > 0 {
			u.Lease = r.lease(f)
		}
		if !res.Alive {
			u.Status = sqlstore.UpdateFenced
		}
	}
	return rows.Err()
}

// lostRaces settles the items of which the statement said nothing: another item
// of the batch changed the row.
func lostRaces(res *sqlstore.BatchResult) {
	for i := range res.Updates {
		if u := &res.Updates[i]; u.Status == 0 {
			u.Status = sqlstore.Locked
			if !res.Alive {
				u.Status = sqlstore.UpdateFenced
			}
		}
	}
}

// activateArgs are the arguments of lease_activate.
func activateArgs(b *sqlstore.Batch) []any {
	n := len(b.Updates)
	var (
		num, msg, cnt   = make(list[integer], n), make(list[integer], n), make(list[integer], n)
		key, addr       = make(list[blob], n), make(list[blob], n)
		rev, valid, prf = make(list[bigint], n), make(list[bigint], n), make(list[bigint], n)
		client          = clientsOf(n)
	)
	for i := range b.Updates {
		u := &b.Updates[i]
		num[i], msg[i], cnt[i] = integer(i), integer(u.Message), integer(max(u.Count, 1))
		key[i], addr[i], rev[i] = fromKey(u.Key), fromAddr(u.Addr), bigint(u.Rev)
		valid[i], prf[i] = bigint(u.ValidLft), bigint(u.PrefLft)
		client.set(i, &u.Client)
	}
	args := append([]any{b.Fence.Frontend, b.Fence.Incarnation, num, msg, cnt, key, addr, rev, valid}, client.args()...)
	if b.Updates[0].Family == sqlstore.IPv6 {
		args = append(args, prf)
	}
	return args
}

// updateArgs are the arguments of lease_update for some of the items.
func updateArgs(b *sqlstore.Batch, items []int) []any {
	n := len(items)
	var (
		num, msg, cnt, act              = make(list[integer], n), make(list[integer], n), make(list[integer], n), make(list[integer], n)
		key, addr, newKey               = make(list[blob], n), make(list[blob], n), make(list[blob], n)
		rev, valid, lft, grace, parkMax = make(list[bigint], n), make(list[bigint], n), make(list[bigint], n), make(list[bigint], n), make(list[bigint], n)
		pref                            = make(list[bigint], n)
		client                          = clientsOf(n)
	)
	for j, i := range items {
		u := &b.Updates[i]
		num[j], msg[j], cnt[j], act[j] = integer(i), integer(u.Message), integer(max(u.Count, 1)), integer(u.Action)
		key[j], addr[j], newKey[j], rev[j] = fromKey(u.Key), fromAddr(u.Addr), fromKey(u.NewKey), bigint(u.Rev)
		valid[j], lft[j], pref[j] = bigint(u.ValidLft), bigint(u.ValidLft), bigint(u.PrefLft)
		if u.Action == sqlstore.Hold {
			lft[j] = bigint(u.OfferLft)
		}
		grace[j], parkMax[j] = bigint(u.Grace), bigint(u.ParkMax)
		client.set(j, &u.Client)
	}
	args := []any{b.Fence.Frontend, b.Fence.Incarnation, num, msg, cnt, key, addr, rev, act, newKey, valid, lft, grace, parkMax}
	args = append(args, client.args()...)
	if b.Updates[0].Family == sqlstore.IPv6 {
		args = append(args, pref)
	}
	return args
}
