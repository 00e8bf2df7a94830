package postgres

import (
	"context"
	"errors"
	"slices"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgtype"

	"rowlock/sqlstore"
)

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
