package sqlite

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"rowlock/sqlstore"
)

func TestLeadIsForOneHolder(t *testing.T) {
	x := newFixture(t)
	lead := func(holder string) (int64, error) { return x.Lead(t.Context(), "sweep", holder, 10*time.Second) }
	n, err := lead("a")
	require.NoError(t, err)
	require.Equal(t, int64(1), n)
	_, err = lead("b")
	require.ErrorIs(t, err, sqlstore.ErrConflict)
	n, err = lead("a")
	require.NoError(t, err)
	require.Equal(t, int64(1), n, "kept")
	other, err := x.Lead(t.Context(), "audit", "b", time.Second)
	require.NoError(t, err)
	require.Equal(t, int64(1), other)
	x.run("UPDATE leadership SET expires_at = expires_at - 11000000 WHERE name = 'sweep'")
	n, err = lead("b")
	require.NoError(t, err)
	require.Equal(t, int64(2), n)
	_, err = lead("a")
	require.ErrorIs(t, err, sqlstore.ErrConflict)
}

func TestDueWalksInKeyOrder(t *testing.T) {
	for _, offer := range []func(int) sqlstore.Insert{offer4, offer6} {
		x := newFixture(t)
		family := offer(0).Family
		for n, situation := range []string{"late", "active", "run out", "released", "late", "parked", "reserved", "offered", "run out"} {
			x.holds(offer(n), situation)
		}
		var due []sqlstore.Due
		var last, after sqlstore.Key
		pages := 0
		for done := false; !done; pages++ {
			var part []sqlstore.Due
			var err error
			part, last, done, err = x.Due(t.Context(), family, after, 4)
			require.NoError(t, err)
			require.GreaterOrEqual(t, last, after)
			due, after = append(due, part...), last
		}
		require.Equal(t, 3, pages)
		require.Equal(t, offer(8).Key, last)
		require.Len(t, due, 4)
		for i, want := range []struct {
			n     int
			state sqlstore.State
		}{{0, sqlstore.Offered}, {2, sqlstore.Active}, {4, sqlstore.Offered}, {8, sqlstore.Active}} {
			l, _ := x.row(family, offer(want.n).Key)
			require.Equal(t, sqlstore.Due{Key: l.Key, Addr: l.Addr, State: want.state, Rev: l.Rev}, due[i])
		}
	}
}

func TestDeleteOffersGuards(t *testing.T) {
	x := newFixture(t)
	reserved := offer4(5)
	reserved.Key = sqlstore.ReservedKey(1, 5, 0, 0)
	var due []sqlstore.Due
	for _, c := range []struct {
		in        sqlstore.Insert
		situation string
	}{{offer4(1), "late"}, {offer4(2), "late"}, {offer4(3), "offered"}, {offer4(4), "run out"}, {reserved, "late"}} {
		l := x.holds(c.in, c.situation)
		due = append(due, sqlstore.Due{Key: l.Key, Addr: l.Addr, State: l.State, Rev: l.Rev})
	}
	due[1].Rev--
	n, err := x.DeleteOffers(t.Context(), sqlstore.IPv4, due)
	require.NoError(t, err)
	require.Equal(t, 1, n)
	_, ok := x.row(sqlstore.IPv4, key4(1))
	require.False(t, ok)
	require.Equal(t, int64(1), x.number("SELECT count(*) FROM addr_free WHERE addr = ?", addr4(1).AsSlice()))
	require.Equal(t, int64(4), x.number("SELECT count(*) FROM lease4"))
}

func TestForget(t *testing.T) {
	x := newFixture(t)
	reserved := offer6(20)
	reserved.Key = sqlstore.ReservedKey(1, 5, sqlstore.NA, 0)
	noPool := offer6(21)
	noPool.PoolID = 0
	far := offer6(22)
	far.PoolID = 900
	for _, c := range []struct {
		in        sqlstore.Insert
		situation string
		ago       time.Duration // since reclaim_at
		gone      bool
	}{
		{offer6(1), "expired", 61 * time.Second, true},
		{offer6(2), "released", 61 * time.Second, true},
		{offer6(3), "released", 59 * time.Second, false},
		{offer6(4), "declined", time.Second, true},
		{offer6(5), "parked", time.Second, true},
		{offer6(6), "parked", -time.Hour, false},
		{offer6(7), "active", 0, false},
		{reserved, "released", time.Hour, false},
		{noPool, "released", time.Hour, true},
		{far, "expired", time.Hour, true},
	} {
		x.holds(c.in, c.situation)
		if c.situation != "active" {
			x.run("UPDATE lease6 SET reclaim_at = CAST(unixepoch('subsec') * 1000 AS INTEGER) * 1000 - ? WHERE binding_key = ?", c.ago.Microseconds(), []byte(c.in.Key))
		}
		defer func() {
			_, ok := x.row(sqlstore.IPv6, c.in.Key)
			require.Equal(t, c.gone, !ok, "%s %s", c.situation, c.ago)
		}()
	}
	n, err := x.Forget(t.Context(), sqlstore.IPv6, 60, 2)
	require.NoError(t, err)
	require.Equal(t, 2, n)
	n, err = x.Forget(t.Context(), sqlstore.IPv6, 60, 100)
	require.NoError(t, err)
	require.Equal(t, 4, n)
	n, err = x.Forget(t.Context(), sqlstore.IPv6, 60, 100)
	require.NoError(t, err)
	require.Zero(t, n)
	require.Equal(t, int64(5), x.number("SELECT count(*) FROM addr_free"), "an address in no pool is nobody's hint")
	require.NoError(t, x.MakePartitions(t.Context()))
}

func TestFrontends(t *testing.T) {
	x := newFixture(t)
	f := sqlstore.FrontendInfo{ID: "a", Host: "h", Version: "1", Roles: []string{"dhcp4", "dhcp6"}, Addrs: splitAddrs("192.0.2.1,192.0.2.2")}
	var err error
	f.Incarnation, err = x.Register(t.Context(), f)
	require.NoError(t, err)
	x.frontend("b")
	x.run("UPDATE frontend SET heartbeat_at = heartbeat_at - 7000000 WHERE id = 'b'")
	x.frontend("c")
	x.run("UPDATE frontend SET heartbeat_at = heartbeat_at - 90000000000 WHERE id = 'c'")
	x.run("UPDATE config_head SET revision = 5")

	f.Revision, f.Draining, f.Addrs = 4, true, splitAddrs("192.0.2.3")
	all, revision, err := x.Heartbeat(t.Context(), f)
	require.NoError(t, err)
	require.Equal(t, int64(5), revision)
	require.Len(t, all, 2, "of the last day")
	require.Less(t, all[0].Age, 2*time.Second)
	require.InDelta(t, 7, all[1].Age.Seconds(), 2)
	all[0].Age = 0
	require.Equal(t, f, all[0])

	again, err := x.Register(t.Context(), f)
	require.NoError(t, err)
	require.Greater(t, again, f.Incarnation)
	_, _, err = x.Heartbeat(t.Context(), f)
	require.ErrorIs(t, err, sqlstore.ErrFenced)
	require.NoError(t, x.Unregister(t.Context(), sqlstore.Fence{Frontend: "a", Incarnation: f.Incarnation}))
	require.Equal(t, int64(2), x.number("SELECT count(*) FROM frontend"), "another incarnation stays, one not seen for a day is gone")
	require.NoError(t, x.Unregister(t.Context(), sqlstore.Fence{Frontend: "a", Incarnation: again}))
	last, err := x.Register(t.Context(), f)
	require.NoError(t, err)
	require.Greater(t, last, again, "higher also after the row was gone")
	_, err = x.Register(t.Context(), sqlstore.FrontendInfo{})
	require.ErrorIs(t, err, sqlstore.ErrData)
}
