package ddns

import (
	"context"
	"log/slog"
	"sync/atomic"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/stretchr/testify/require"

	"rowlock/ddns/dnsserver"
	"rowlock/sqlstore"
)

// awayStore is a store whose database is away for some calls: before these are
// done, or before the answer comes.
type awayStore struct {
	*memStore
	claims, holders, finishes atomic.Int32 // how many calls fail
}

func fails(left *atomic.Int32) bool { return left.Add(-1) >= 0 }

func (s *awayStore) ClaimNames(ctx context.Context, holder string, ttl time.Duration, limit int, except []string) ([]sqlstore.DNSName, error) {
	rows, err := s.memStore.ClaimNames(ctx, holder, ttl, limit, except)
	if len(rows) > 0 && fails(&s.claims) {
		return nil, sqlstore.ErrUnavailable
	}
	return rows, err
}

func (s *awayStore) NameHolders(ctx context.Context, names []string) ([]sqlstore.NameHolder, error) {
	if fails(&s.holders) {
		return nil, sqlstore.ErrUnavailable
	}
	return s.memStore.NameHolders(ctx, names)
}

func (s *awayStore) FinishNames(ctx context.Context, holder string, outcomes []sqlstore.NameOutcome) ([]string, error) {
	if fails(&s.finishes) {
		return nil, sqlstore.ErrUnavailable
	}
	return s.memStore.FinishNames(ctx, holder, outcomes)
}

// What was claimed when the database went away is worked on as soon as it is
// back, and not only when the claims have run out.
func TestClaimsLeftBehind(t *testing.T) {
	t.Parallel()
	for name, away := range map[string]func(*awayStore) *atomic.Int32{
		"the claim":            func(s *awayStore) *atomic.Int32 { s.claims.Store(1); return &s.claims },
		"the look at leases":   func(s *awayStore) *atomic.Int32 { s.holders.Store(1); return &s.holders },
		"what was carried out": func(s *awayStore) *atomic.Int32 { s.finishes.Store(finishTries); return &s.finishes },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			server := dnsserver.Start(t, dnsserver.BIND, dnsserver.Options{})
			w := newWorld(t, server)
			store := &awayStore{memStore: w.store}
			left := away(store)
			w.store.assign("192.0.2.10", "pc.example.org", both, mac(1))
			one, err := New(Config{Store: store, Logger: slog.New(slog.NewTextHandler(w.log, nil)), Registerer: prometheus.NewRegistry(), ID: "one"})
			require.NoError(t, err)
			one.t = quick
			one.t.claim = time.Hour // the test does not wait for its end
			one.Start(t.Context())
			t.Cleanup(func() { require.NoError(t, one.Stop(t.Context())) })
			w.settled()
			has(t, server, lines(forward("pc.example.org", v4, mac(1), "192.0.2.10"), ptr("192.0.2.10", "pc.example.org")))
			require.Negative(t, left.Load(), "the database was away")
		})
	}
}

// A message whose outcome is not known may be carried out after another one has
// met a conflict: what it may have brought is not forgotten before a second look.
func TestConflictAfterLostReply(t *testing.T) {
	t.Parallel()
	w := newWorld(t).worker("one")
	g := &group{w: w, zone: &zone{name: "example.org"}}
	j := &job{row: sqlstore.DNSName{Name: "pc.example.org"}, want: wanted{recs: records{{ttl: 60, typ: typeA, data: "192.0.2.1"}}}, result: conflict}
	o := g.outcome(j)
	require.Empty(t, o.Attempted)
	require.Greater(t, o.Retry, w.t.confirm)
	j.unknown = true
	o = g.outcome(j)
	require.Equal(t, "60 A 192.0.2.1", o.Attempted)
	require.Equal(t, w.t.confirm, o.Retry)
	require.Equal(t, sqlstore.NameConflict, o.State)
}
