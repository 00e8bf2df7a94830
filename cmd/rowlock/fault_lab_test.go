package main

import (
	"fmt"
	"io"
	"net/http"
	"net/netip"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"rowlock/admin/deploy"
	"rowlock/admin/site"
	"rowlock/cmd/rowperf/load"
	"rowlock/sqlstore"
	"rowlock/sqlstore/dialects"
	"rowlock/sqlstore/storetest"
	"rowlock/sqlstore/storetest/dbserver"
)

// faultLab is a database server to be maltreated.
type faultLab struct {
	t       *testing.T
	dialect string
	db      *dbserver.Server
}

// labUser is who serves on MySQL and MariaDB: an administrator may do what
// others may not, on a server that is read-only or full of connections.
const labUser = "faults"

func newFaultLab(t *testing.T, dialect string) *faultLab {
	t.Helper()
	o := dbserver.Options{Disk: 4 << 30}
	if dialect == "postgres" {
		o.Args = []string{"-c", "deadlock_timeout=100ms"}
	}
	l := &faultLab{t: t, dialect: dialect, db: dbserver.Start(t, dialect, o)}
	if dialect != "postgres" {
		l.db.Exec("", "CREATE USER "+labUser+"@localhost", "GRANT ALL ON `fault\\_%`.* TO "+labUser+"@localhost")
	}
	return l
}

// site makes a database with the sample site and returns its name.
func (l *faultLab) site(t *testing.T, row int) string {
	t.Helper()
	name := fmt.Sprintf("fault_%02d", row)
	if l.dialect == "postgres" {
		l.db.Exec("postgres", "CREATE DATABASE "+name)
	} else {
		l.db.Exec("", "CREATE DATABASE "+name+" CHARACTER SET utf8mb4 COLLATE utf8mb4_bin")
	}
	applySample(t, l.db.URL(name))
	return name
}

// applySample gives a database the schema and the sample site.
func applySample(t *testing.T, url string) {
	t.Helper()
	m, err := dialects.Migrator(t.Context(), url, dialects.Options{Create: true})
	require.NoError(t, err)
	defer m.Close()
	_, err = m.Up(t.Context())
	require.NoError(t, err)
	cfg, err := site.Parse("isp-site.yaml", deploy.Site)
	require.NoError(t, err)
	store, err := dialects.Open(t.Context(), url, dialects.Options{})
	require.NoError(t, err)
	defer store.Close()
	_, err = store.ApplyConfig(t.Context(), sqlstore.AnyRevision, cfg, "test", "")
	require.NoError(t, err)
}

// url is that of a database at an address: the server's, or a link's.
func (l *faultLab) url(addr, name string) string {
	user := labUser
	if l.dialect == "postgres" {
		user = dbserver.User
	}
	return fmt.Sprintf("%s://%s@%s/%s?sslmode=disable", l.dialect, user, addr, name)
}

// linked serves a database by a link.
func (l *faultLab) linked(t *testing.T, name string) (*link, *served) {
	t.Helper()
	k := newLink(t, l.db.Addr())
	s := startServe(t, l.url(k.l.Addr().String(), name))
	s.waitReady()
	return k, s
}

// metric is the sum of a metric's values whose labels match.
func (s *served) metric(name, labels string) (sum float64) {
	s.t.Helper()
	res, err := http.Get("http://" + s.health + "/metrics")
	require.NoError(s.t, err)
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	require.NoError(s.t, err)
	for _, m := range regexp.MustCompile(`(?m)^`+name+`(?:\{(.*)\})? (\S+)$`).FindAllStringSubmatch(string(body), -1) {
		if strings.Contains(m[1], labels) {
			v, err := strconv.ParseFloat(m[2], 64)
			require.NoError(s.t, err)
			sum += v
		}
	}
	return sum
}

// logged tells how often an event, or any, is in the log.
func (s *served) logged(event string) int {
	if event != "" {
		event += `"`
	}
	return strings.Count(s.log.String(), `"event":"`+event)
}

// eventually waits for as long as only what hangs can take.
func eventually(t *testing.T, what string, done func() bool) {
	t.Helper()
	// in this goroutine: one of its own would end the program when done fails after the test
	for deadline := time.Now().Add(40 * time.Second); !done(); time.Sleep(20 * time.Millisecond) {
		require.True(t, time.Now().Before(deadline), what)
	}
}

// notReady waits until /readyz says so, with a reason, and returns how long
// that took.
func (s *served) notReady(reason string) time.Duration {
	s.t.Helper()
	began := time.Now()
	eventually(s.t, "still ready, or for another reason than "+reason, func() bool {
		status, body := s.ready()
		return status == http.StatusServiceUnavailable && strings.Contains(body, reason)
	})
	return time.Since(began)
}

// serves waits until the first clients behind a relay have their leases, and
// returns how long that took.
func (s *served) serves(relay string, clients int) time.Duration {
	s.t.Helper()
	began := time.Now()
	eventually(s.t, "clients are not served", func() bool { return s.lease(relay, clients).Completed == clients })
	took := time.Since(began)
	s.waitReady()
	return took
}

// acked checks what clients saw against the table: nobody had an address that
// another one had, and whoever got an acknowledgement has that lease.
func acked(t *testing.T, url string, log *load.Log) (acks int) {
	t.Helper()
	events := log.Events()
	require.Empty(t, load.Verify(events))
	list, err := storetest.Open(t, url).Leases(t.Context(), sqlstore.LeaseFilter{Family: sqlstore.IPv4, State: sqlstore.Active, Limit: 100_000})
	require.NoError(t, err)
	holder := map[netip.Addr]string{}
	for _, l := range list {
		holder[l.Addr] = l.Client.Hostname
	}
	for _, e := range events {
		if e.Type == load.Ack {
			acks++
			require.Equal(t, fmt.Sprintf("host-%08x", e.Client), holder[e.Addr.Addr()], "an acknowledged lease is lost")
		}
	}
	return acks
}
