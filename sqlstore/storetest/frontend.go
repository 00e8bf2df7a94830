package storetest

import (
	"context"
	"net/netip"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"rowlock/sqlstore"
)

func testFrontends(t *testing.T, dialect string) {
	db := serving(t, dialect)
	c := &configured{db, Open(t, db.url)}
	t.Run("membership", func(t *testing.T) { frontendMembership(t, c) })
	t.Run("leadership", func(t *testing.T) { frontendLeadership(t, c) })
	t.Run("leadership race", func(t *testing.T) { frontendRace(t, c) })
	t.Run("store", func(t *testing.T) { frontendStore(t, c) })
}

func frontendMembership(t *testing.T, c *configured) {
	ctx := t.Context()
	me := sqlstore.FrontendInfo{
		ID: "fe1", Host: "host.example.org", Version: "1.2", Roles: []string{"dhcp4", "dhcp6"},
		Addrs: []netip.Addr{netip.MustParseAddr("192.0.2.1"), netip.MustParseAddr("198.51.100.1")},
	}
	first, err := c.store.Register(ctx, me)
	require.NoError(t, err)
	second, err := c.store.Register(ctx, me)
	require.NoError(t, err)
	require.Greater(t, second, first, "each start is another incarnation")
	_, err = c.store.Register(ctx, sqlstore.FrontendInfo{ID: "FE1"})
	require.NoError(t, err, "ids that differ in case are two frontends")

	me.Incarnation = first
	_, _, err = c.store.Heartbeat(ctx, me)
	require.ErrorIs(t, err, sqlstore.ErrFenced, "an older incarnation")
	me.Incarnation, me.Revision, me.Draining, me.Exchanges = second, 7, true, 1<<40
	me.RefusedRevision, me.Refused = 9, "subnet 7: ünïcode"
	me.Addrs = me.Addrs[:1]
	c.db.exec(t, "UPDATE frontend SET heartbeat_at = %s", c.db.back("heartbeat_at", time.Hour))
	all, revision, err := c.store.Heartbeat(ctx, me)
	require.NoError(t, err)
	require.Zero(t, revision)
	require.Len(t, all, 2)
	byID := map[string]sqlstore.FrontendInfo{all[0].ID: all[0], all[1].ID: all[1]}
	require.InDelta(t, 3600, byID["FE1"].Age.Seconds(), 5)
	got := byID["fe1"]
	require.Less(t, got.Age, 2*time.Second)
	got.Age = 0
	require.Equal(t, me, got)
	listed, err := c.store.Frontends(ctx)
	require.NoError(t, err)
	require.Len(t, listed, 2)

	require.NoError(t, c.store.Unregister(ctx, sqlstore.Fence{Frontend: "fe1", Incarnation: first}))
	listed, err = c.store.Frontends(ctx)
	require.NoError(t, err)
	require.Len(t, listed, 2, "another incarnation's row")
	require.NoError(t, c.store.Unregister(ctx, sqlstore.Fence{Frontend: "fe1", Incarnation: second}))
	_, _, err = c.store.Heartbeat(ctx, me)
	require.ErrorIs(t, err, sqlstore.ErrFenced)
	third, err := c.store.Register(ctx, me)
	require.NoError(t, err)
	require.Greater(t, third, second, "also when the row was gone")

	c.db.exec(t, "UPDATE frontend SET heartbeat_at = %s WHERE id = 'FE1'", c.db.back("heartbeat_at", 25*time.Hour))
	listed, err = c.store.Frontends(ctx)
	require.NoError(t, err)
	require.Len(t, listed, 1, "not seen for a day")
	require.Equal(t, me.Roles, listed[0].Roles)
	require.False(t, listed[0].Draining, "a new start")
	require.Zero(t, listed[0].Exchanges)
	require.Zero(t, listed[0].RefusedRevision)
	require.Empty(t, listed[0].Refused)
	_, err = c.store.Register(ctx, sqlstore.FrontendInfo{ID: "fe3"})
	require.NoError(t, err)
	require.Zero(t, c.db.number(t, "SELECT count(*) FROM frontend WHERE id = 'FE1'"), "the table does not grow for ever")
}

func frontendLeadership(t *testing.T, c *configured) {
	ctx := t.Context()
	one, err := c.store.Lead(ctx, "work", "a", time.Minute)
	require.NoError(t, err)
	_, err = c.store.Lead(ctx, "work", "b", time.Minute)
	require.ErrorIs(t, err, sqlstore.ErrConflict)
	again, err := c.store.Lead(ctx, "work", "a", time.Minute)
	require.NoError(t, err)
	require.Equal(t, one, again, "kept")
	_, err = c.store.Lead(ctx, "other work", "b", time.Minute)
	require.NoError(t, err)
	c.db.exec(t, "UPDATE leadership SET expires_at = %s WHERE name = 'work'", c.db.back("expires_at", 2*time.Minute))
	two, err := c.store.Lead(ctx, "work", "b", time.Minute)
	require.NoError(t, err)
	require.Greater(t, two, one, "another holder has a higher number")
	_, err = c.store.Lead(ctx, "work", "a", time.Minute)
	require.ErrorIs(t, err, sqlstore.ErrConflict)
	c.db.exec(t, "UPDATE leadership SET expires_at = %s WHERE name = 'work'", c.db.back("expires_at", 2*time.Minute))
	three, err := c.store.Lead(ctx, "work", "b", time.Minute)
	require.NoError(t, err)
	require.Greater(t, three, two, "in between somebody else might have had it")
}

// Of many who want to lead, one does.
func frontendRace(t *testing.T, c *configured) {
	var wg sync.WaitGroup
	var leaders atomic.Int32
	for i := range 8 {
		wg.Go(func() {
			_, err := c.store.Lead(context.Background(), "race", string(rune('a'+i)), time.Minute)
			if err == nil {
				leaders.Add(1)
				return
			}
			require.ErrorIs(t, err, sqlstore.ErrConflict)
		})
	}
	wg.Wait()
	require.EqualValues(t, 1, leaders.Load())
}

func frontendStore(t *testing.T, c *configured) {
	require.Equal(t, c.db.dialect, c.store.Dialect())
	require.NotEmpty(t, c.store.Version())
	require.Equal(t, c.db.server(), c.store.SplitLanes())
	require.NoError(t, c.store.Ping(t.Context()))
	require.NoError(t, c.store.CheckSchema(t.Context()))
	require.NoError(t, c.store.MakePartitions(t.Context()))
	require.NoError(t, c.store.MakePartitions(t.Context()), "once more changes nothing")
	s := Open(t, c.db.url)
	require.NoError(t, s.Close())
	require.Error(t, s.Ping(t.Context()))
	_, err := s.Apply(t.Context(), &sqlstore.Batch{Inserts: []sqlstore.Insert{variants[0].insert(1, 1, variants[0].addr(1))}})
	require.ErrorIs(t, err, sqlstore.ErrUnavailable)
}
