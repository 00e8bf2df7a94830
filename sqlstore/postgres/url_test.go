package postgres

import (
	"context"
	"net"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/stretchr/testify/require"
)

func TestParseURL(t *testing.T) {
	cfg := func(url string) (*target, *pgx.ConnConfig) {
		t.Helper()
		at, err := parseURL(url)
		require.NoError(t, err)
		c, err := at.config()
		require.NoError(t, err)
		return at, c
	}
	at, c := cfg("postgres://rowlock@db.example.org/rowlock")
	require.False(t, at.pooler)
	require.Equal(t, pgx.QueryExecModeCacheStatement, c.DefaultQueryExecMode)
	require.Equal(t, connectTime, c.ConnectTimeout)
	require.NotNil(t, c.ValidateConnect, "a standby would do")
	require.Equal(t, "UTC", c.RuntimeParams["timezone"])

	at, c = cfg("postgres://rowlock@db.example.org/rowlock?pooler=true&connect_timeout=1&target_session_attrs=any")
	require.True(t, at.pooler)
	require.Equal(t, pgx.QueryExecModeCacheDescribe, c.DefaultQueryExecMode)
	require.Equal(t, time.Second, c.ConnectTimeout)
	require.Nil(t, c.ValidateConnect)
	require.NotContains(t, c.RuntimeParams, "pooler")

	_, c = cfg("postgres://rowlock@one.example.org:5433,two.example.org/rowlock?sslmode=disable")
	require.Equal(t, "one.example.org", c.Host)
	require.Equal(t, uint16(5433), c.Port)
	require.Len(t, c.Fallbacks, 1)
	require.Equal(t, "two.example.org", c.Fallbacks[0].Host)
	require.Equal(t, uint16(5432), c.Fallbacks[0].Port)

	_, c = cfg("postgres://rowlock@one.example.org:5433/rowlock?host=/run/postgresql")
	require.Equal(t, "/run/postgresql", c.Host)
	require.Equal(t, uint16(5433), c.Port)
	require.Empty(t, c.Fallbacks)
	_, c = cfg("postgres://rowlock@one.example.org/rowlock?port=6432")
	require.Equal(t, "one.example.org", c.Host)
	require.Equal(t, uint16(6432), c.Port)

	for _, bad := range []string{
		"postgres://u:hunter2@h:port/d", "postgres://u:hunter2@h/d?pooler=perhaps", "postgres://u:hunter2@h/d?sslmode=often",
		"postgres://u:hunter2@h/d?target_session_attrs=quick", "postgres://u:hunter2@h/d?sslrootcert=/nonexistent/ca.pem&sslmode=verify-full",
	} {
		_, err := parseURL(bad)
		require.Error(t, err, bad)
		require.NotContains(t, err.Error(), "hunter2")
	}
}

// The server that took the last connection is tried first for the next one.
func TestHostsOrder(t *testing.T) {
	at, err := parseURL("postgres://u@/d?host=one.example.org,two.example.org,/run/three&port=5432,5433,5434&sslmode=disable")
	require.NoError(t, err)
	base, err := at.config()
	require.NoError(t, err)
	base.LookupFunc = func(_ context.Context, host string) ([]string, error) {
		return map[string][]string{"one.example.org": {"192.0.2.1", "2001:db8::1"}, "two.example.org": {"192.0.2.2"}}[host], nil
	}
	base.DialFunc = func(context.Context, string, string) (net.Conn, error) { return nil, net.ErrClosed }
	connect := func(lookups []string, dialled string) (tried []string) {
		c := base.Copy()
		at.hosts.order(c)
		for _, fb := range append([]*pgconn.FallbackConfig{{Host: c.Host}}, c.Fallbacks...) {
			tried = append(tried, fb.Host)
		}
		for _, host := range lookups {
			_, err := c.LookupFunc(t.Context(), host)
			require.NoError(t, err)
		}
		_, err := c.DialFunc(t.Context(), "", dialled)
		require.ErrorIs(t, err, net.ErrClosed)
		require.NoError(t, c.AfterConnect(t.Context(), nil))
		return tried
	}
	require.Equal(t, []string{"one.example.org", "two.example.org", "/run/three"}, connect([]string{"one.example.org", "two.example.org"}, "192.0.2.2:5433"))
	require.Equal(t, []string{"two.example.org", "one.example.org", "/run/three"}, connect(nil, "/run/three/.s.PGSQL.5434"))
	require.Equal(t, []string{"/run/three", "one.example.org", "two.example.org"}, connect([]string{"one.example.org"}, "[2001:db8::1]:5432"))
	require.Equal(t, []string{"one.example.org", "two.example.org", "/run/three"}, connect(nil, "/run/three/.s.PGSQL.5434"))
}
