package main

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"rowlock/sqlstore"
	"rowlock/sqlstore/dialects"
	"rowlock/sqlstore/storetest"
	"rowlock/sqlstore/storetest/dbserver"
)

// ownServer starts a server for the test with a database that has the sample
// site.
func ownServer(t *testing.T, dialect string) (*dbserver.Server, string) {
	t.Helper()
	db := dbserver.Start(t, dialect, dbserver.Options{})
	name := "postgres"
	if dialect != "postgres" {
		name = "app"
		db.Exec("", "CREATE DATABASE app CHARACTER SET utf8mb4 COLLATE utf8mb4_bin")
	}
	url := db.URL(name)
	applySample(t, url)
	return db, url
}

// active lists who has which address.
func active(t *testing.T, url string) map[sqlstore.Key]string {
	t.Helper()
	list, err := storetest.Open(t, url).Leases(t.Context(), sqlstore.LeaseFilter{Family: sqlstore.IPv4, State: sqlstore.Active})
	require.NoError(t, err)
	out := map[sqlstore.Key]string{}
	for _, l := range list {
		out[l.Key] = l.Addr.String()
	}
	return out
}

// With database_give_up a process ends with an error when its database stays
// away: at the start, and while it serves.
func TestServeGivesUp(t *testing.T) {
	ends := func(s *served) {
		t.Helper()
		select {
		case code := <-s.code:
			require.Equal(t, exitFailed, code)
			require.Contains(t, s.log.String(), "serve.gave_up")
			require.Contains(t, s.log.String(), "database_give_up")
		case <-time.After(60 * time.Second):
			t.Fatal("the server does not give up")
		}
	}
	ends(startServe(t, "postgres://rowlock@/rowlock?host="+t.TempDir(), "database_give_up: 1s"))

	db, url := ownServer(t, "postgres")
	s := startServe(t, url, "database_give_up: 1s")
	s.waitReady()
	db.Kill()
	ends(s)
}

// A server or pooler that takes connections and then answers nothing is one that
// is away, at the start too: the process says so, and gives up.
func TestServeSilentDatabase(t *testing.T) {
	for _, dialect := range []string{"postgres", "mariadb", "mysql"} {
		t.Run(dialect, func(t *testing.T) {
			t.Parallel()
			db := dbserver.Start(t, dialect, dbserver.Options{})
			question := map[bool]string{true: "server_version", false: "VERSION()"}[dialect == "postgres"]
			at := silentAfter(t, db.Addr(), question)
			name := map[bool]string{true: "postgres", false: "mysql"}[dialect == "postgres"] // one that is always there
			s := startServe(t, fmt.Sprintf("%s://%s@%s/%s?sslmode=disable", dialect, dbserver.User, at, name), "database_give_up: 1s")
			select {
			case code := <-s.code:
				require.Equal(t, exitFailed, code)
				require.Contains(t, s.log.String(), "serve.gave_up")
			case <-time.After(60 * time.Second):
				t.Fatal("the server waits for an answer for ever")
			}
		})
	}
}

// silentAfter forwards connections to a server until a client asks something,
// and from then on nothing any more.
func silentAfter(t *testing.T, server, question string) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	t.Cleanup(func() { _ = l.Close() })
	go func() {
		for {
			client, err := l.Accept()
			if err != nil {
				return
			}
			to, err := net.Dial("tcp", server)
			if err != nil {
				_ = client.Close()
				continue
			}
			go func() { _, _ = io.Copy(client, to) }()
			go func() {
				defer func() { _, _ = client.Close(), to.Close() }()
				b := make([]byte, 64<<10)
				for asked := false; ; {
					n, err := client.Read(b)
					if err != nil {
						return
					}
					if asked = asked || bytes.Contains(b[:n], []byte(question)); !asked {
						_, _ = to.Write(b[:n])
					}
				}
			}()
		}
	}()
	return l.Addr().String()
}

// A server that uses several hosts goes on with the standby that was promoted.
func TestServeFailover(t *testing.T) {
	primary, _ := ownServer(t, "postgres")
	standby := dbserver.Start(t, "postgres", dbserver.Options{Clone: primary})
	primary.Exec("postgres", "ALTER SYSTEM SET synchronous_standby_names = '*'", "SELECT pg_reload_conf()")
	s := startServe(t, fmt.Sprintf("postgres://%s@%s,%s/postgres?connect_timeout=1", dbserver.User, primary.Addr(), standby.Addr()))
	s.waitReady()
	require.Equal(t, 20, s.lease("10.20.0.1", 20).Completed)
	before := active(t, primary.URL("postgres"))

	primary.Kill()
	standby.Exec("postgres", "ALTER SYSTEM SET synchronous_standby_names = ''", "SELECT pg_reload_conf()", "SELECT pg_promote()")
	require.Eventually(t, func() bool { return s.lease("10.20.0.1", 20).Completed == 20 }, 60*time.Second, 50*time.Millisecond)
	s.waitReady()
	require.Equal(t, before, active(t, standby.URL("postgres")))
	require.Zero(t, s.end())
}

// Behind PgBouncer a server serves, and learns of configuration, as it does on a
// direct connection; without pooler=true it says what is missing.
func TestServePooler(t *testing.T) {
	db, url := ownServer(t, "postgres")
	pooled, _ := dbserver.StartPooler(t, db, "postgres")
	direct := pooled[:len(pooled)-len("&pooler=true")]
	_, err := dialects.Open(t.Context(), direct, dialects.Options{})
	require.ErrorContains(t, err, "pooler=true")

	s := startServe(t, pooled)
	s.waitReady()
	require.Equal(t, 20, s.lease("10.20.0.1", 20).Completed)
	require.Len(t, active(t, url), 20)
	store := storetest.Open(t, pooled)
	cfg, err := store.LoadConfig(context.WithoutCancel(t.Context()))
	require.NoError(t, err)
	revision, err := store.ApplyConfig(t.Context(), sqlstore.AnyRevision, cfg, "test", "")
	require.NoError(t, err)
	require.Eventually(t, func() bool {
		all, err := store.Frontends(t.Context())
		return err == nil && len(all) == 1 && all[0].Revision == revision
	}, 20*time.Second, 50*time.Millisecond)
	require.Zero(t, s.end())
}
