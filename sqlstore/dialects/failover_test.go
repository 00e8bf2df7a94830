package dialects_test

import (
	"fmt"
	"net"
	"net/netip"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"rowlock/sqlstore"
	"rowlock/sqlstore/dialects"
	"rowlock/sqlstore/storetest/dbserver"
)

// patience is how long a store may take to find its way; nothing depends on it
// unless it never does.
const patience = 60 * time.Second

// offer is a batch with an address for a client.
func offer(client byte) *sqlstore.Batch {
	return &sqlstore.Batch{Inserts: []sqlstore.Insert{{
		Family: sqlstore.IPv4, Key: sqlstore.ClientKey(1, sqlstore.KeyHWAddr, []byte{1, 2, 0, 0, 0, 0, client}),
		Addr: netip.AddrFrom4([4]byte{192, 0, 2, client}), PrefixLen: 32, SubnetID: 1, PoolID: 1, PoolGen: 1, ValidLft: 3600, OfferLft: 60,
	}}}
}

func activate(client byte) *sqlstore.Batch {
	in := offer(client).Inserts[0]
	return &sqlstore.Batch{Updates: []sqlstore.Update{{Family: sqlstore.IPv4, Action: sqlstore.Activate, Key: in.Key, Addr: in.Addr, Count: 1, ValidLft: 3600}}}
}

// apply runs a batch as often as it takes while the database is unavailable.
func apply(t *testing.T, s sqlstore.Store, b *sqlstore.Batch) *sqlstore.BatchResult {
	t.Helper()
	deadline := time.Now().Add(patience)
	for {
		res, err := s.Apply(t.Context(), b)
		if err == nil {
			return res
		}
		require.ErrorIs(t, err, sqlstore.ErrUnavailable)
		require.False(t, time.Now().After(deadline), "no server was found: %v", err)
		time.Sleep(50 * time.Millisecond)
	}
}

func migrate(t *testing.T, url string) {
	t.Helper()
	m, err := dialects.Migrator(t.Context(), url, dialects.Options{})
	require.NoError(t, err)
	defer m.Close()
	_, err = m.Up(t.Context())
	require.NoError(t, err)
}

func openStore(t *testing.T, url string) sqlstore.Store {
	t.Helper()
	s, err := dialects.Open(t.Context(), url, dialects.Options{})
	require.NoError(t, err)
	t.Cleanup(func() { _ = s.Close() })
	return s
}

// The primary of two servers is killed and its standby promoted: the store goes
// on there by itself, and what was acknowledged is there (INV-2).
func TestFailoverPostgres(t *testing.T) {
	primary := dbserver.Start(t, "postgres", dbserver.Options{})
	testPlaintext(t, primary)
	primary.Exec("postgres", "CREATE DATABASE app")
	standby := dbserver.Start(t, "postgres", dbserver.Options{Clone: primary})
	_, err := dialects.Open(t.Context(), fmt.Sprintf("postgres://%s@%s/app", dbserver.User, standby.Addr()), dialects.Options{})
	require.ErrorIs(t, err, sqlstore.ErrReadOnly)
	require.ErrorIs(t, err, sqlstore.ErrUnavailable)
	// the standby's name is that of its program where it has no cluster name
	primary.Exec("postgres", "ALTER SYSTEM SET synchronous_standby_names = '*'", "SELECT pg_reload_conf()")
	url := fmt.Sprintf("postgres://%s@%s,%s/app?connect_timeout=1", dbserver.User, standby.Addr(), primary.Addr())
	migrate(t, url)
	s := openStore(t, url)
	apply(t, s, offer(1))
	require.Equal(t, sqlstore.Updated, apply(t, s, activate(1)).Updates[0].Status)

	primary.Kill()
	standby.Exec("postgres", "ALTER SYSTEM SET synchronous_standby_names = ''", "SELECT pg_reload_conf()", "SELECT pg_promote()")
	res := apply(t, s, offer(1))
	require.Equal(t, sqlstore.KeyExists, res.Inserts[0].Status)
	require.Equal(t, sqlstore.Active, res.Inserts[0].Lease.State)
	apply(t, s, offer(2))
	require.Equal(t, sqlstore.Updated, apply(t, s, activate(2)).Updates[0].Status)
	require.Eventually(t, func() bool { return s.Ping(t.Context()) == nil }, patience, 50*time.Millisecond)
	rev, err := s.Revision(t.Context())
	require.NoError(t, err)
	require.Eventually(t, func() bool { return s.WaitRevision(t.Context(), rev) == nil }, patience, 50*time.Millisecond)
	testSilentServer(t, standby)
}

// Of several servers the one that may be written to is used. When it becomes
// read-only, as at a planned change of the primary, or is gone, the store goes
// on with another by itself.
func TestFailoverMySQL(t *testing.T) {
	for _, dialect := range []string{"mariadb", "mysql"} {
		t.Run(dialect, func(t *testing.T) {
			t.Parallel()
			plain := dbserver.Options{}
			if dialect == "mysql" { // it makes certificates of its own
				plain.Args = []string{"--tls-version="}
			}
			one, two := dbserver.Start(t, dialect, plain), dbserver.Start(t, dialect, plain)
			testPlaintext(t, one)
			for _, s := range []*dbserver.Server{one, two} {
				s.Exec("", "CREATE DATABASE app CHARACTER SET utf8mb4 COLLATE utf8mb4_bin", "CREATE USER app@localhost IDENTIFIED BY '"+password+"'",
					"GRANT ALL ON app.* TO app@localhost")
				migrate(t, s.URL("app"))
			}
			one.Exec("", "SET GLOBAL read_only = 1")
			_, err := dialects.Open(t.Context(), fmt.Sprintf("%s://app:%s@%s/app", dialect, password, one.Addr()), dialects.Options{})
			require.ErrorIs(t, err, sqlstore.ErrReadOnly)
			require.ErrorIs(t, err, sqlstore.ErrUnavailable)
			url := fmt.Sprintf("%s://app:%s@%s,%s/app?connect_timeout=1", dialect, password, one.Addr(), two.Addr())
			s := openStore(t, url)
			holds := func(of *dbserver.Server, client byte) bool {
				_, rows, err := dialects.Report(t.Context(), of.URL("app")+"&target_session_attrs=any", "SELECT HEX(addr) FROM lease4")
				require.NoError(t, err)
				return strings.Contains(fmt.Sprint(rows), fmt.Sprintf("C00002%02X", client))
			}
			apply(t, s, offer(1))
			require.True(t, holds(two, 1))
			require.False(t, holds(one, 1))

			two.Exec("", "SET GLOBAL read_only = 1")
			one.Exec("", "SET GLOBAL read_only = 0")
			apply(t, s, offer(2))
			require.True(t, holds(one, 2))
			require.False(t, holds(two, 2))

			two.Exec("", "SET GLOBAL read_only = 0")
			one.Kill()
			apply(t, s, offer(3))
			require.True(t, holds(two, 3))
			testSilentServer(t, two)
		})
	}
}

// testPlaintext: with a server that does not encrypt, only the modes that allow
// it connect.
func testPlaintext(t *testing.T, db *dbserver.Server) {
	t.Helper()
	name := map[string]string{"postgres": "postgres"}[db.Dialect]
	if name == "" {
		name = "mysql"
	}
	for _, mode := range []string{"disable", "prefer", "require", "verify-ca", "verify-full"} {
		url := fmt.Sprintf("%s://%s@%s/%s?sslmode=%s", db.Dialect, dbserver.User, db.Addr(), name, mode)
		_, _, err := dialects.Report(t.Context(), url, "SELECT 1")
		if mode == "disable" || mode == "prefer" {
			require.NoError(t, err, mode)
			continue
		}
		require.ErrorIs(t, err, sqlstore.ErrUnavailable, mode)
	}
}

// testSilentServer: a server that takes a connection and says nothing costs one
// time-out, not one for each connection: later ones begin with the server that
// answered.
func testSilentServer(t *testing.T, db *dbserver.Server) {
	t.Helper()
	silent, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer silent.Close()
	var asked atomic.Int64
	go func() {
		for {
			c, err := silent.Accept()
			if err != nil {
				return
			}
			asked.Add(1)
			defer c.Close()
		}
	}()
	s := openStore(t, fmt.Sprintf("%s://%s@%s,%s/app?connect_timeout=1&sslmode=disable", db.Dialect, dbserver.User, silent.Addr(), db.Addr()))
	for client := range byte(20) {
		apply(t, s, offer(100+client))
		apply(t, s, activate(100+client))
	}
	require.Less(t, asked.Load(), int64(10), "each new connection waited for the silent server")
	require.Positive(t, asked.Load())
}

// A store whose servers are all read-only, or all gone, says which and why.
func TestNoServer(t *testing.T) {
	for _, dialect := range servers {
		url := fmt.Sprintf("%s://app:%s@127.0.0.1:1,127.0.0.1:2/app", dialect, password)
		_, err := dialects.Open(t.Context(), url, dialects.Options{})
		require.ErrorIs(t, err, sqlstore.ErrUnavailable)
		require.ErrorContains(t, err, "127.0.0.1:1")
		require.ErrorContains(t, err, "127.0.0.1:2")
		require.NotContains(t, err.Error(), password)
	}
}
