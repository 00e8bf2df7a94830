package main

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"rowlock/admin/deploy"
	"rowlock/admin/site"
	"rowlock/cmd/rowperf/load"
	"rowlock/sqlstore"
	"rowlock/sqlstore/dialects"
	"rowlock/sqlstore/storetest"
)

// served is `rowlock serve` running within the test.
type served struct {
	t      *testing.T
	health string
	state  string // folder
	log    *safeBuffer
	stop   context.CancelFunc
	code   chan int
}

type safeBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (s *safeBuffer) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.Write(p)
}

func (s *safeBuffer) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.String()
}

// startServe runs the command with a process file on loopback ports; more are
// further lines of that.
func startServe(t *testing.T, database string, more ...string) *served {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	s := &served{t: t, health: l.Addr().String(), state: t.TempDir(), log: &safeBuffer{}, code: make(chan int, 1)}
	require.NoError(t, l.Close())
	database, password := withoutPassword(t, database)
	config := filepath.Join(t.TempDir(), "rowlock.yaml")
	if !slices.ContainsFunc(more, func(line string) bool { return strings.HasPrefix(line, "frontend_id:") }) {
		more = append(more, "frontend_id: one")
	}
	require.NoError(t, os.WriteFile(config, fmt.Appendf(nil, `database: %q
state_dir: %q
listen:
  dhcp4: [{address: 127.0.0.1, port: 0}]
  dhcp6: [{address: "::1", port: 0}]
  health: %q
  admin: 127.0.0.1:0
log: {level: debug, format: json}
%s
`, database, s.state, s.health, strings.Join(more, "\n")), 0o600))
	ctx, cancel := context.WithCancel(t.Context())
	s.stop = cancel
	p := &program{stdin: bytes.NewReader(nil), stdout: io.Discard, stderr: s.log, getenv: password, uid: 1000}
	go func() { s.code <- p.run(ctx, []string{"serve", "--config", config}) }()
	t.Cleanup(func() {
		cancel()
		if t.Failed() {
			t.Log(s.log.String())
		}
	})
	return s
}

// ready asks /readyz; -1 while nothing answers.
func (s *served) ready() (status int, body string) {
	res, err := http.Get("http://" + s.health + "/readyz")
	if err != nil {
		return -1, ""
	}
	defer res.Body.Close()
	b, err := io.ReadAll(res.Body)
	require.NoError(s.t, err)
	return res.StatusCode, string(b)
}

func (s *served) waitReady() {
	s.t.Helper()
	require.Eventually(s.t, func() bool { status, _ := s.ready(); return status == http.StatusOK }, 20*time.Second, 20*time.Millisecond)
}

// waitServing waits for the open sockets only: an empty database has nothing to
// be ready with.
func (s *served) waitServing() {
	s.t.Helper()
	require.Eventually(s.t, func() bool { return strings.Contains(s.log.String(), `"event":"serve.ready"`) }, 20*time.Second, 20*time.Millisecond)
}

// end stops the server as SIGTERM would and returns its exit code.
func (s *served) end() int {
	s.t.Helper()
	s.stop()
	select {
	case code := <-s.code:
		return code
	case <-time.After(20 * time.Second):
		s.t.Fatal("the server does not stop")
		return -1
	}
}

var dhcp4Ready = regexp.MustCompile(`"dhcp4":\["([^"]+)"\]`)

// dhcp4 is where the server takes DHCPv4 packets.
func (s *served) dhcp4() netip.AddrPort {
	s.t.Helper()
	s.waitServing() // a process is ready a moment before it says where it listens
	m := dhcp4Ready.FindStringSubmatch(s.log.String())
	require.NotNil(s.t, m, s.log.String())
	return netip.MustParseAddrPort(m[1])
}

// clients are the first so many behind a relay, a few of them at once.
func (s *served) clients(relay string, n int) load.Options {
	s.t.Helper()
	return load.Options{
		Family: sqlstore.IPv4, Servers: []netip.AddrPort{s.dhcp4()}, Relays: []load.Relay{{Addr: netip.MustParseAddr(relay)}},
		Clients: n, Seed: 1, Mode: load.Saturate, Outstanding: 4, Timeout: 250 * time.Millisecond, Tries: 3,
	}
}

// lease lets clients get leases and returns the run's result.
func (s *served) lease(relay string, clients int) *load.Result {
	s.t.Helper()
	r, err := load.Run(s.t.Context(), s.clients(relay, clients))
	require.NoError(s.t, err)
	return r
}

// A change of the configuration is live within a second, on every engine.
func TestServeFollowsConfiguration(t *testing.T) {
	for _, dialect := range storetest.Dialects {
		t.Run(dialect, func(t *testing.T) {
			t.Parallel()
			url := storetest.Migrated(t, dialect)
			s := startServe(t, url)
			s.waitServing()
			status, body := s.ready()
			require.Equal(t, http.StatusServiceUnavailable, status, "there is no configuration yet")
			require.Contains(t, body, "configuration: none in the database yet (run `rowlock apply`)\n")
			require.Contains(t, body, "heartbeat: ok\n")
			require.Zero(t, s.lease("10.20.0.1", 1).Completed, "there is no subnet yet")

			cfg, err := site.Parse("isp-site.yaml", deploy.Site)
			require.NoError(t, err)
			store := storetest.Open(t, url)
			_, err = store.ApplyConfig(t.Context(), sqlstore.AnyRevision, cfg, "test", "")
			require.NoError(t, err)
			s.waitReady()
			require.Eventually(t, func() bool { return s.lease("10.20.0.1", 3).Completed == 3 }, 10*time.Second, 10*time.Millisecond)

			all, err := store.Frontends(t.Context())
			require.NoError(t, err)
			require.Len(t, all, 1)
			require.Equal(t, []netip.Addr{netip.MustParseAddr("127.0.0.1")}, all[0].Addrs)
			require.Zero(t, s.end())
			all, err = store.Frontends(t.Context())
			require.NoError(t, err)
			require.Empty(t, all, "a frontend that stops in order removes its row")
		})
	}
}

// A database that cannot be reached is waited for; /readyz and the log say so.
func TestServeWaitsForDatabase(t *testing.T) {
	dir := t.TempDir()
	s := startServe(t, "postgres://rowlock@/rowlock?host="+dir)
	require.Eventually(t, func() bool {
		status, body := s.ready()
		return status == http.StatusServiceUnavailable && bytes.Contains([]byte(body), []byte("database unavailable"))
	}, 20*time.Second, 20*time.Millisecond)
	res, err := http.Get("http://" + s.health + "/healthz")
	require.NoError(t, err)
	require.NoError(t, res.Body.Close())
	require.Equal(t, http.StatusOK, res.StatusCode)
	require.Eventually(t, func() bool {
		return len(regexp.MustCompile("serve.database_unavailable").FindAllString(s.log.String(), -1)) >= 3
	}, 20*time.Second, 20*time.Millisecond)
	require.Zero(t, s.end(), "it was told to end, and does")
	require.NotContains(t, s.log.String(), "rowlock:")
}

// A schema that the program does not know is refused with the command that
// mends it, not waited for.
func TestServeRefusesSchema(t *testing.T) {
	s := startServe(t, storetest.URL(t, "postgres"))
	select {
	case code := <-s.code:
		require.Equal(t, exitFailed, code)
		require.Contains(t, s.log.String(), "rowlock migrate up")
	case <-time.After(20 * time.Second):
		t.Fatal("the server does not end")
	}
}

// An SQLite file has one serving process; a new file gets its schema at once.
func TestServeOneProcessOnSQLite(t *testing.T) {
	url := storetest.URL(t, "sqlite")
	first := startServe(t, url)
	first.waitServing()
	second := startServe(t, url)
	select {
	case code := <-second.code:
		require.Equal(t, exitFailed, code)
	case <-time.After(20 * time.Second):
		t.Fatal("the second server does not end")
	}
	require.Zero(t, first.end())
	store, err := dialects.Open(t.Context(), url, dialects.Options{})
	require.NoError(t, err)
	require.NoError(t, store.CheckSchema(t.Context()))
	require.NoError(t, store.Close())
}
