package engine

import (
	"errors"
	"log/slog"
	"net/netip"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/stretchr/testify/require"

	"rowlock/sqlstore"
)

func TestNewWantsItsParts(t *testing.T) {
	whole := Config{
		Store: &fakeStore{}, Logger: slog.New(slog.DiscardHandler), Registerer: prometheus.NewRegistry(),
		Frontend: sqlstore.FrontendInfo{ID: "fe1"},
	}
	for _, spoil := range []func(*Config){
		func(c *Config) { c.Store = nil }, func(c *Config) { c.Logger = nil },
		func(c *Config) { c.Registerer = nil }, func(c *Config) { c.Frontend.ID = "" },
	} {
		cfg := whole
		spoil(&cfg)
		_, err := New(cfg)
		require.Error(t, err)
	}
	_, err := New(whole)
	require.NoError(t, err)
	_, err = New(whole)
	require.Error(t, err, "metrics are registered once")
}

func TestOwner(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		addr := netip.MustParseAddr
		f := &fakeStore{frontends: []sqlstore.FrontendInfo{
			{ID: "fe1", Addrs: []netip.Addr{addr("192.0.2.1"), addr("192.0.2.9")}},
			{ID: "fe2", Addrs: []netip.Addr{addr("192.0.2.2"), addr("192.0.2.5")}, Age: time.Second},
			{ID: "fe3", Addrs: []netip.Addr{addr("192.0.2.3"), addr("192.0.2.5")}, Age: 6 * time.Second},
		}}
		e := newTest(t, f)
		e.SetAddrs([]netip.Addr{addr("192.0.2.1")})
		e.heartbeat(t.Context())
		for a, want := range map[string]sqlstore.Ownership{
			"192.0.2.1": sqlstore.OwnerSelf, "192.0.2.2": sqlstore.OwnerLive, "192.0.2.3": sqlstore.OwnerDead,
			"192.0.2.4": sqlstore.OwnerNone, "192.0.2.5": sqlstore.OwnerLive,
			"192.0.2.9": sqlstore.OwnerNone, // this frontend had it in a former life
		} {
			require.Equal(t, want.String(), e.Owner(addr(a)).String(), a)
		}
		time.Sleep(3900 * time.Millisecond)
		require.Equal(t, sqlstore.OwnerLive, e.Owner(addr("192.0.2.2")))
		time.Sleep(200 * time.Millisecond)
		require.Equal(t, sqlstore.OwnerDead, e.Owner(addr("192.0.2.2")), "no newer heartbeat of it was read")
	})
}

// A heartbeat tells how many leases were acknowledged: offers, releases and
// what was not granted are none.
func TestExchanges(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := &fakeStore{apply: func(b *sqlstore.Batch) (*sqlstore.BatchResult, error) { return done(b), nil }}
		e := newTest(t, f)
		for op, want := range map[sqlstore.Op]sqlstore.Code{
			sqlstore.OpOffer: sqlstore.Granted, sqlstore.OpAssign: sqlstore.Granted, sqlstore.OpSelect: sqlstore.Granted, sqlstore.OpRelease: sqlstore.Done,
		} {
			it := testItem(op, int(op), "192.0.2.1", testPool(5))
			d, err := e.Do(t.Context(), &sqlstore.Request{Family: sqlstore.IPv4, Items: []sqlstore.Item{it}})
			require.NoError(t, err)
			require.Equal(t, want.String(), d.Results[0].Code.String(), op)
		}
		two := []sqlstore.Item{testItem(sqlstore.OpAssign, 8, "192.0.2.2", testPool(5)), testItem(sqlstore.OpAssign, 9, "192.0.2.3", testPool(5))}
		_, err := e.Do(t.Context(), &sqlstore.Request{Family: sqlstore.IPv6, Items: two})
		require.NoError(t, err)
		e.heartbeat(t.Context())
		require.EqualValues(t, 4, f.beaten.Exchanges, "two of these messages, and the two leases of the last")
	})
}

// A frontend that the database has not confirmed for 5 s answers nothing.
func TestReady(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := &fakeStore{}
		e := newTest(t, f)
		require.True(t, e.Ready())
		time.Sleep(staleAfter - time.Millisecond)
		require.True(t, e.Ready())
		time.Sleep(time.Millisecond)
		require.False(t, e.Ready())
		_, err := e.Do(t.Context(), &sqlstore.Request{Family: sqlstore.IPv4, Items: []sqlstore.Item{testItem(sqlstore.OpRelease, 1, inPool)}})
		require.ErrorIs(t, err, sqlstore.ErrFenced)
		require.Empty(t, f.batches)
		f.beat = errors.New("no answer")
		e.heartbeat(t.Context())
		require.False(t, e.Ready())
		f.beat = nil
		e.heartbeat(t.Context())
		require.True(t, e.Ready())
	})
}

// A row that is gone is written anew; a row that another process has taken is
// left to it.
func TestFencedHeartbeat(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := &fakeStore{}
		e := newTest(t, f)
		e.SetAddrs([]netip.Addr{netip.MustParseAddr("192.0.2.1")})
		e.SetDraining()
		f.beat = sqlstore.ErrFenced
		e.heartbeat(t.Context())
		require.EqualValues(t, 2, f.registered)
		require.EqualValues(t, 2, e.fence().Incarnation)
		require.Equal(t, sqlstore.OwnerSelf, e.Owner(netip.MustParseAddr("192.0.2.1")))
		require.True(t, e.member.info.Draining)

		f.frontends = []sqlstore.FrontendInfo{{ID: "fe1", Incarnation: 9, Age: time.Second}}
		e.heartbeat(t.Context())
		require.EqualValues(t, 2, f.registered, "somebody else is alive under this id")
		time.Sleep(staleAfter)
		require.False(t, e.Ready())
	})
}

// What a message began before its frontend was taken for dead is not written in
// its next life: others may have gone on without it.
func TestMessageOfAFormerLife(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := &fakeStore{split: true}
		e := newTest(t, f)
		hold := make(chan struct{})
		f.apply = func(b *sqlstore.Batch) (*sqlstore.BatchResult, error) {
			<-hold
			return done(b), nil
		}
		ended := make(chan error, 3)
		for n := range 3 { // one is under way, the others wait for it
			go func() {
				it := testItem(sqlstore.OpAssign, n, "192.0.2.1", testPool(5))
				_, err := e.Do(t.Context(), &sqlstore.Request{Family: sqlstore.IPv4, Items: []sqlstore.Item{it}})
				ended <- err
			}()
			synctest.Wait()
		}
		f.beat = sqlstore.ErrFenced // its row was given a higher incarnation meanwhile
		f.frontends = []sqlstore.FrontendInfo{{ID: "fe1", Incarnation: 1, Age: time.Second}}
		e.heartbeat(t.Context())
		require.EqualValues(t, 2, e.fence().Incarnation)
		close(hold)
		for range 3 {
			require.ErrorIs(t, <-ended, sqlstore.ErrFenced)
		}
		for _, b := range f.batches {
			require.EqualValues(t, 1, b.Fence.Incarnation, "nothing of before is written under the next one")
		}
		require.Len(t, f.batches, 1)
	})
}

// A configuration that is refused leaves the one before in use.
func TestRefusedConfig(t *testing.T) {
	f := &fakeStore{config: &sqlstore.Config{Revision: 1, Parameters: sqlstore.Parameters{"reclaim_grace": "90", "park_max": "100"}}}
	e := newTest(t, f)
	var refuse error
	e.cfg.OnConfig = func(*sqlstore.Config) error { return refuse }
	require.EqualValues(t, 60, e.times.Load().grace, "the default")
	require.NoError(t, e.loadConfig(t.Context(), 1))
	require.Equal(t, times{grace: 90, affinity: 604800, probation: 86400, parkMax: 100, maxDead: 100000}, *e.times.Load())
	refuse = errors.New("a subnet is wrong")
	f.config = &sqlstore.Config{Revision: 2, Parameters: sqlstore.Parameters{"reclaim_grace": "120"}}
	require.NoError(t, e.loadConfig(t.Context(), 2))
	using, why := e.Revision()
	require.EqualValues(t, 1, using)
	require.Equal(t, refuse, why)
	require.EqualValues(t, 90, e.times.Load().grace)
	refuse = nil
	f.config = &sqlstore.Config{Revision: 3}
	require.NoError(t, e.loadConfig(t.Context(), 3))
	using, why = e.Revision()
	require.EqualValues(t, 3, using)
	require.NoError(t, why)
	e.heartbeat(t.Context())
	require.EqualValues(t, 3, f.beaten.Revision, "the heartbeat tells it")
}

func TestCause(t *testing.T) {
	require.Equal(t, "busy", cause(sqlstore.ErrBusy))
	require.Equal(t, "fenced", cause(errors.Join(errors.New("x"), sqlstore.ErrFenced)))
	require.Equal(t, "other", cause(errors.New("x")))
}
