package storetest

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"rowlock/sqlstore"
	"rowlock/sqlstore/transfer"
)

// What the engine counts up by itself goes on above what was copied.
func moveCounters(t *testing.T, dialect string) {
	old, next := furnished(t, "sqlite"), migrated(t, dialect)
	_, err := transfer.Move(t.Context(), side(t, old), side(t, next), transfer.Options{})
	require.NoError(t, err)
	highest := next.number(t, "SELECT max(id) FROM lease_event")
	c := &configured{next, Open(t, next.url)}
	v := variants[0]
	for client := range 3 {
		l := place(t, c.store, v.insert(77, client, v.addr(client))).Lease
		change(t, c.store, sqlstore.Update{Family: v.family, Action: sqlstore.Activate, Key: l.Key, Addr: l.Addr, ValidLft: 60, Client: v.client(client)})
	}
	require.EqualValues(t, 3, next.number(t, "SELECT count(*) FROM lease_event WHERE id > %d", highest))
	highest = next.number(t, "SELECT max(chunk_id) FROM addr_chunk")
	token := next.number(t, "SELECT max(token) FROM addr_free")
	inc, err := c.store.Register(t.Context(), sqlstore.FrontendInfo{ID: "new"})
	require.NoError(t, err)
	cfg, err := c.store.LoadConfig(t.Context())
	require.NoError(t, err)
	fence := sqlstore.Fence{Frontend: "new", Incarnation: inc}
	fresh := v.pool(901, 78, 1, 200)
	next.exec(t, "INSERT INTO pool_cursor (pool_id, gen, next_index, size) VALUES (901, 1, 0, 200)")
	hints, err := c.store.TakeFree(t.Context(), fence, []sqlstore.PoolNeed{{Pool: fresh, Want: 4}})
	require.NoError(t, err)
	require.Len(t, hints[0].Addrs, 4)
	require.Greater(t, hints[0].Chunk, highest)
	require.Zero(t, reclaimed(t, c.store, cfg.Links[0].Subnets[0].Pools[0], 0))
	next.exec(t, "UPDATE lease4 SET reclaim_at = %s WHERE state = 3", next.back("reclaim_at", 48*time.Hour))
	require.Equal(t, 1, reclaimed(t, c.store, cfg.Links[0].Subnets[0].Pools[0], 1))
	require.Greater(t, next.number(t, "SELECT max(token) FROM addr_free"), token)
}

// many makes a database with so many leases more.
func many(t *testing.T, dialect string, n int) *database {
	t.Helper()
	db := furnished(t, dialect)
	var rows []string
	for i := range n {
		rows = append(rows, fmt.Sprintf("(%s, 50, %s, 1, 0, 0, 2, 60, %s, %s, %d)", db.bytes(fmt.Appendf(nil, "bulk-%07d", i)),
			db.bytes([]byte{10, byte(i >> 16), byte(i >> 8), byte(i)}), db.literal(time.UnixMicro(1e15)), db.literal(time.UnixMicro(2e15)), i))
		if len(rows) == 500 || i == n-1 {
			db.exec(t, "INSERT INTO lease4 (binding_key, vrf, addr, subnet_id, pool_id, pool_gen, state, valid_lft, since, expires_at, rev) VALUES %s",
				strings.Join(rows, ", "))
			rows = nil
		}
	}
	return db
}

// A move that ends anywhere goes on from there, and neither side is served
// from meanwhile.
func moveInterrupted(t *testing.T, dialect string) {
	old, next := many(t, dialect, 9000), migrated(t, otherThan(dialect))
	from, to := side(t, old), side(t, next)
	after := int64(0)
	rounds := 0
	for ; ; rounds++ {
		require.Less(t, rounds, 40)
		ctx, cancel := context.WithCancel(t.Context())
		earlier := int64(-1)
		_, err := transfer.Move(ctx, from, to, transfer.Options{Progress: func(p transfer.Progress) {
			if earlier < 0 {
				earlier = p.Earlier
			}
			if p.Phase == transfer.Copying && p.Rows >= after+1000 {
				cancel()
			}
		}})
		cancel()
		if err == nil {
			break
		}
		require.ErrorIs(t, err, context.Canceled)
		require.GreaterOrEqual(t, earlier, after/2, "it does not begin anew")
		for _, s := range []transfer.Side{from, to} {
			err := s.Store.CheckSchema(t.Context())
			require.ErrorIs(t, err, sqlstore.ErrMoved)
			require.ErrorContains(t, err, "rowlock move")
		}
		copied := int64(0)
		progress, err := to.Store.CopyProgress(t.Context())
		require.NoError(t, err)
		for _, p := range progress {
			copied += p.Copied
		}
		require.GreaterOrEqual(t, copied, after)
		after = copied
	}
	require.Positive(t, rounds, "the move was never interrupted")
	require.NoError(t, to.Store.CheckSchema(t.Context()))
}

// otherThan is the dialect that a test of one moves to or from.
func otherThan(dialect string) string {
	if dialect == "sqlite" && len(Dialects) > 1 {
		return Dialects[1]
	}
	return "sqlite"
}

func moveRefused(t *testing.T, dialect string) {
	ctx := t.Context()
	old := furnished(t, "sqlite")
	refused := func(from, to transfer.Side, opt transfer.Options, words string) {
		t.Helper()
		_, err := transfer.Move(ctx, from, to, opt)
		require.ErrorIs(t, err, transfer.ErrRefused)
		require.ErrorContains(t, err, words)
	}
	from := side(t, old)
	refused(from, side(t, furnished(t, dialect)), transfer.Options{}, "it has network configuration revision")
	used := migrated(t, dialect)
	used.exec(t, "INSERT INTO event_consumer (name) VALUES ('dns')")
	refused(from, side(t, used), transfer.Options{}, "event_consumer has 1 rows")
	require.NoError(t, from.Store.CheckSchema(ctx), "a move that was refused marks nothing")

	next := side(t, migrated(t, dialect))
	refused(side(t, migrated(t, "sqlite")), next, transfer.Options{}, "nothing to move")
	refused(from, next, transfer.Options{Restart: true}, "leave --restart out")
	stop, cancel := context.WithCancel(ctx)
	_, err := transfer.Move(stop, from, next, transfer.Options{Progress: func(transfer.Progress) { cancel() }})
	require.ErrorIs(t, err, context.Canceled)
	second := side(t, furnished(t, "sqlite"))
	refused(second, next, transfer.Options{}, "give --restart")
	refused(from, side(t, used), transfer.Options{}, "is not finished")
	refused(next, side(t, migrated(t, "sqlite")), transfer.Options{}, "is not finished")
	refused(from, next, transfer.Options{KeepSource: true}, "without --keep-source")
	require.ErrorIs(t, transfer.Undo(ctx, next), transfer.ErrRefused)

	_, err = transfer.Move(ctx, second, next, transfer.Options{Restart: true})
	require.NoError(t, err, "what the first move had copied is gone")
	require.NoError(t, transfer.Undo(ctx, from))
	require.NoError(t, from.Store.CheckSchema(ctx))
	require.ErrorIs(t, transfer.Undo(ctx, from), transfer.ErrRefused)
}

// Nobody may serve from either side.
func moveServed(t *testing.T, dialect string) {
	old, next := furnished(t, dialect), migrated(t, dialect)
	from, to := side(t, old), side(t, next)
	for _, s := range []transfer.Side{from, to} {
		inc, err := s.Store.Register(t.Context(), sqlstore.FrontendInfo{ID: "live", Host: "host.example.org"})
		require.NoError(t, err)
		_, err = transfer.Move(t.Context(), from, to, transfer.Options{})
		require.ErrorIs(t, err, transfer.ErrRefused)
		require.ErrorContains(t, err, `frontend "live" (host "host.example.org") serves from `+s.Name)
		_, err = transfer.Compare(t.Context(), from, to, nil)
		require.ErrorIs(t, err, transfer.ErrRefused)
		require.NoError(t, s.Store.CheckSchema(t.Context()))
		require.NoError(t, s.Store.Unregister(t.Context(), sqlstore.Fence{Frontend: "live", Incarnation: inc}))
	}
	// one that was killed, and one that begins in the middle
	_, err := from.Store.Register(t.Context(), sqlstore.FrontendInfo{ID: "killed"})
	require.NoError(t, err)
	old.exec(t, "UPDATE frontend SET heartbeat_at = %s", old.back("heartbeat_at", 11*time.Second))
	began := false
	_, err = transfer.Move(t.Context(), from, to, transfer.Options{Progress: func(p transfer.Progress) {
		if p.Phase == transfer.Comparing && !began {
			began = true
			old.exec(t, "INSERT INTO frontend (id, incarnation) VALUES ('late', 1)")
		}
	}})
	require.ErrorIs(t, err, transfer.ErrRefused)
	require.ErrorIs(t, to.Store.CheckSchema(t.Context()), sqlstore.ErrMoved)
}

func moveMarks(t *testing.T, dialect string) {
	ctx := t.Context()
	old, next := furnished(t, dialect), migrated(t, otherThan(dialect))
	from, to := side(t, old), side(t, next)
	_, err := transfer.Move(ctx, from, to, transfer.Options{KeepSource: true})
	require.NoError(t, err)
	require.NoError(t, from.Store.CheckSchema(ctx))
	require.NoError(t, to.Store.CheckSchema(ctx))

	third := side(t, migrated(t, otherThan(dialect)))
	_, err = transfer.Move(ctx, from, third, transfer.Options{})
	require.NoError(t, err)
	err = from.Store.CheckSchema(ctx)
	require.ErrorIs(t, err, sqlstore.ErrMoved)
	require.ErrorContains(t, err, "it was moved to "+third.Name)
	require.ErrorContains(t, err, "rowlock move --undo")
	mark, err := from.Store.MoveMark(ctx)
	require.NoError(t, err)
	require.WithinDuration(t, old.now(t), mark.At, time.Minute)
	_, err = transfer.Move(ctx, from, third, transfer.Options{})
	require.ErrorIs(t, err, transfer.ErrRefused, "it is done")

	// killed between the two last steps: both sides are marked
	require.NoError(t, from.Store.SetMoveMark(ctx, nil))
	fourth := side(t, migrated(t, otherThan(dialect)))
	stop, cancel := context.WithCancel(ctx)
	_, err = transfer.Move(stop, from, fourth, transfer.Options{Progress: func(p transfer.Progress) {
		if p.Phase == transfer.Comparing {
			cancel()
		}
	}})
	require.Error(t, err)
	mark, err = from.Store.MoveMark(ctx)
	require.NoError(t, err)
	mark.Finished = true
	require.NoError(t, from.Store.SetMoveMark(ctx, mark))
	require.ErrorIs(t, fourth.Store.CheckSchema(ctx), sqlstore.ErrMoved)
	_, err = transfer.Move(ctx, from, fourth, transfer.Options{})
	require.NoError(t, err)
	require.NoError(t, fourth.Store.CheckSchema(ctx))
	require.NoError(t, transfer.Undo(ctx, from))
	require.NoError(t, from.Store.CheckSchema(ctx))
}

// What changes in the target is found, and keeps it from being used.
func moveCorrupted(t *testing.T, dialect string) {
	old, next := furnished(t, otherThan(dialect)), migrated(t, dialect)
	from, to := side(t, old), side(t, next)
	spoilt := false
	sums, err := transfer.Move(t.Context(), from, to, transfer.Options{Progress: func(p transfer.Progress) {
		if p.Phase == transfer.Copying && p.Table == "lease_history" && p.TableDone {
			next.exec(t, "UPDATE lease6 SET since = %s WHERE state = 4", next.back("since", time.Microsecond))
			next.exec(t, "DELETE FROM pool_cursor")
			spoilt = true
		}
	}})
	require.True(t, spoilt)
	require.ErrorIs(t, err, transfer.ErrDiffer)
	require.ErrorContains(t, err, "lease6 (18 rows, 18 rows)")
	require.ErrorContains(t, err, "pool_cursor (")
	require.NotContains(t, err.Error(), "lease4")
	require.Len(t, sums, len(sqlstore.CopyTables()))
	require.ErrorIs(t, to.Store.CheckSchema(t.Context()), sqlstore.ErrMoved)
	_, err = transfer.Compare(t.Context(), from, to, nil)
	require.ErrorIs(t, err, transfer.ErrDiffer)
	_, err = transfer.Move(t.Context(), from, to, transfer.Options{Restart: true})
	require.NoError(t, err)
}

// A value that the target cannot hold is named; when it is mended the move
// goes on.
func moveUnfit(t *testing.T, dialect string) {
	if dialect == "sqlite" {
		t.Skip("it holds whatever the others hold")
	}
	old, next := many(t, "sqlite", 3000), migrated(t, dialect)
	from, to := side(t, old), side(t, next)
	for _, bad := range []struct{ set, back, only string }{
		{"hostname = CAST(x'66ff00' AS TEXT)", "hostname = ''", ""},
		{"vrf = 4294967295", "vrf = 50", ""},
		{"hostname = 'a' || char(0) || 'b'", "hostname = ''", "postgres"},
		{"classes = printf('%.5000c', 'x')", "classes = ''", "mysql mariadb"},
	} {
		if bad.only != "" && !strings.Contains(bad.only, dialect) {
			continue
		}
		where := "WHERE binding_key = CAST('bulk-0002100' AS BLOB)"
		old.exec(t, "UPDATE lease4 SET %s %s", bad.set, where)
		_, err := transfer.Move(t.Context(), from, to, transfer.Options{})
		require.Error(t, err, bad.set)
		require.ErrorContains(t, err, "copy lease4: the row with binding_key 62756c6b2d30303032313030 does not fit", bad.set)
		require.ErrorIs(t, err, sqlstore.ErrData)
		old.exec(t, "UPDATE lease4 SET %s %s", bad.back, where)
	}
	_, err := transfer.Move(t.Context(), from, to, transfer.Options{})
	require.NoError(t, err)
}
