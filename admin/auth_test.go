package admin

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/netip"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"
	"github.com/stretchr/testify/require"

	"rowlock/sqlstore"
)

// Whoever shows many wrong tokens waits; a right one gets through all the same.
func TestFailedLoginsAreLimited(t *testing.T) {
	b := newBench(t)
	b.get(t, "/v1/frontends", nil)
	clock := time.Now()
	b.limiter.now = func() time.Time { return clock }
	wrong := func() answer {
		return b.do(t, http.MethodGet, "/v1/frontends", "", "Authorization", "Bearer "+Prefix+strings.Repeat("x", 43))
	}
	for range failBurst {
		requireProblem(t, wrong(), http.StatusUnauthorized, "unauthorized")
	}
	a := wrong()
	requireProblem(t, a, http.StatusTooManyRequests, "too-many-failures")
	seconds, err := strconv.Atoi(a.header.Get("Retry-After"))
	require.NoError(t, err)
	require.InDelta(t, failPause.Seconds(), seconds, 1.5)
	b.get(t, "/v1/frontends", nil) // known to be right
	clock = clock.Add(failPause + time.Millisecond)
	requireProblem(t, wrong(), http.StatusUnauthorized, "unauthorized")
	requireProblem(t, wrong(), http.StatusTooManyRequests, "too-many-failures")
	clock = clock.Add(time.Hour)
	requireProblem(t, wrong(), http.StatusUnauthorized, "unauthorized")
	require.EqualValues(t, 2, testutil.ToFloat64(b.Server.metrics.failures.WithLabelValues("limited")))
	require.EqualValues(t, failBurst+2, testutil.ToFloat64(b.Server.metrics.failures.WithLabelValues("unknown")))
}

// Many sources need a bounded memory, and one does not slow the others down.
func TestLimiterSources(t *testing.T) {
	l := newLimiter()
	clock := time.Unix(0, 0)
	l.now = func() time.Time { return clock }
	one, two := netip.MustParseAddr("192.0.2.1"), netip.MustParseAddr("192.0.2.2")
	for range failBurst {
		require.Zero(t, l.wait(one, nil))
		l.failed(one, nil)
	}
	require.Positive(t, l.wait(one, nil))
	require.Zero(t, l.wait(two, nil))
	for i := range maxSources + 100 {
		l.failed(netip.AddrFrom4([4]byte{198, 51, byte(i >> 8), byte(i)}), nil)
	}
	require.LessOrEqual(t, len(l.sources), maxSources)
	require.Positive(t, l.wait(two, nil), "the crowd has failed often")
	clock = clock.Add(time.Hour)
	l.failed(two, nil)
	require.Len(t, l.sources, 1)
	for i := range 2 * maxKnown {
		l.passed(fmt.Append(nil, i))
	}
	require.LessOrEqual(t, len(l.known), maxKnown)
	require.Equal(t, netip.MustParseAddr("2001:db8:0:1::"), sourceOf("[2001:db8:0:1:2:3:4:5]:80"))
	require.Equal(t, one, sourceOf("[::ffff:192.0.2.1]:80"))
}

func TestTokenText(t *testing.T) {
	text, row := newToken(sqlstore.APIToken, "x", 0)
	other, _ := newToken(sqlstore.APIToken, "x", 0)
	require.NotEqual(t, text, other)
	require.True(t, strings.HasPrefix(text, "rowlock_"))
	require.Len(t, row.Hash, 32)
	require.True(t, looksLikeToken(text))
	for _, bad := range []string{"", text[1:], text + "A", "rowlock_" + strings.Repeat("+", 43), strings.ToUpper(text)} {
		require.False(t, looksLikeToken(bad), bad)
	}
	_, _, err := AddToken(t.Context(), nil, "x", -1)
	require.Error(t, err)
}

// brokenStore fails like a database that is away.
type brokenStore struct {
	sqlstore.Store
	err error
}

func (b *brokenStore) TokenByHash(context.Context, []byte) (*sqlstore.Token, error) {
	return &sqlstore.Token{Name: "tester", Kind: sqlstore.APIToken}, nil
}

func (b *brokenStore) Leases(context.Context, sqlstore.LeaseFilter) ([]sqlstore.Lease, error) {
	return nil, b.err
}

func (b *brokenStore) Revision(context.Context) (int64, error) { panic("a fault with " + secretText) }

const secretText = "internals nobody should see"

// Faults and databases that are away are answered without internals.
func TestFaults(t *testing.T) {
	b := newBench(t)
	broken := &brokenStore{Store: b.store}
	s := &bench{store: b.store, names: b.names, registry: prometheus.NewRegistry(), logged: b.logged, token: b.token, client: b.client}
	s.start(t, broken)
	for _, c := range []struct {
		err    error
		status int
		name   string
	}{
		{fmt.Errorf("%w: %s", sqlstore.ErrUnavailable, secretText), 503, "unavailable"},
		{fmt.Errorf("%w: %s", sqlstore.ErrRetry, secretText), 503, "unavailable"},
		{fmt.Errorf("%w: %s", sqlstore.ErrDenied, secretText), 503, "unavailable"},
		{fmt.Errorf("%w: %s", sqlstore.ErrSchema, secretText), 503, "unavailable"},
		{fmt.Errorf("%w: %s", context.DeadlineExceeded, secretText), 503, "unavailable"},
		{fmt.Errorf("%w: %s", sqlstore.ErrConflict, secretText), 409, "conflict"},
		{fmt.Errorf("%w: %s", sqlstore.ErrData, secretText), 422, "refused-data"},
		{errors.New(secretText), 500, "internal"},
	} {
		broken.err = c.err
		a := s.do(t, http.MethodGet, "/v1/leases", "")
		requireProblem(t, a, c.status, c.name)
		require.NotContains(t, a.body, secretText)
		require.Equal(t, c.status == 503, a.header.Get("Retry-After") != "")
	}
	a := s.do(t, http.MethodGet, "/v1/config", "")
	requireProblem(t, a, http.StatusInternalServerError, "internal")
	require.NotContains(t, a.body, secretText)
	require.Contains(t, b.logged.String(), "event=admin.panic")
	require.EqualValues(t, 1, testutil.ToFloat64(s.Server.metrics.panics))
}

// More requests than slots are told to come again.
func TestRequestsAreBounded(t *testing.T) {
	b := newBench(t)
	for range maxRequests {
		b.slots <- struct{}{}
	}
	a := b.do(t, http.MethodGet, "/v1/leases", "")
	requireProblem(t, a, http.StatusServiceUnavailable, "unavailable")
	require.Equal(t, "1", a.header.Get("Retry-After"))
	<-b.slots
	b.get(t, "/v1/leases", nil)
}

// A token that was right and is removed has no privilege left.
func TestRemovedTokensAreLimited(t *testing.T) {
	b := newBench(t)
	text, row, err := AddToken(t.Context(), b.store, "gone", 0)
	require.NoError(t, err)
	ask := func() answer {
		return b.do(t, http.MethodGet, "/v1/frontends", "", "Authorization", "Bearer "+text)
	}
	require.Equal(t, http.StatusOK, ask().status)
	require.NoError(t, RemoveToken(t.Context(), b.store, row.ID))
	clock := time.Now()
	b.limiter.now = func() time.Time { return clock }
	for range failBurst {
		requireProblem(t, ask(), http.StatusUnauthorized, "unauthorized")
	}
	requireProblem(t, ask(), http.StatusTooManyRequests, "too-many-failures")
}

// forgetfulStore cannot list tokens.
type forgetfulStore struct{ sqlstore.Store }

func (f forgetfulStore) Tokens(context.Context) ([]sqlstore.Token, error) {
	return nil, sqlstore.ErrUnavailable
}

// Whoever removes a token once more, because the first time went wrong in the
// middle, removes the sessions that are left.
func TestRemoveTokenAgain(t *testing.T) {
	b := newBench(t)
	text, row, err := AddToken(t.Context(), b.store, "gone", 0)
	require.NoError(t, err)
	session := b.loginWith(t, text)
	require.ErrorIs(t, RemoveToken(t.Context(), forgetfulStore{b.store}, row.ID), sqlstore.ErrUnavailable)
	require.Equal(t, http.StatusOK, b.visit(t, "/", session).status)
	require.NoError(t, RemoveToken(t.Context(), b.store, row.ID))
	require.Equal(t, http.StatusSeeOther, b.visit(t, "/", session).status)
	require.ErrorIs(t, RemoveToken(t.Context(), b.store, row.ID), sqlstore.ErrNotFound)
}
