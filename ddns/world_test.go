package ddns

import (
	"bytes"
	"fmt"
	"log/slog"
	"net/netip"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/stretchr/testify/require"

	"rowlock/ddns/dnsserver"
	"rowlock/ddns/name"
	"rowlock/sqlstore"
)

const (
	both    = sqlstore.FQDNForward | sqlstore.FQDNReverse
	patient = 30 * time.Second
)

// quick is the pace of tests.
var quick = tuning{
	claim: 20 * time.Second, reserve: 5 * time.Second, forward: time.Second, idle: 2 * time.Millisecond, config: 10 * time.Millisecond,
	lead: 3 * time.Second, slow: 20 * time.Millisecond, trim: 20 * time.Millisecond,
	backoff: 10 * time.Millisecond, backoffTo: 100 * time.Millisecond, retry: time.Hour, confirm: 300 * time.Millisecond, storePause: 20 * time.Millisecond,
	connect: time.Second, reply: 2 * time.Second,
	claims: 200, zones: 16, names: 100, bytes: 16 << 10, events: 100,
}

// world is a store, the servers of its zones, and what was logged.
type world struct {
	t     testing.TB
	store *memStore
	log   *safeLog
}

type safeLog struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *safeLog) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *safeLog) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

func newWorld(t testing.TB, servers ...*dnsserver.Server) *world {
	w := &world{t: t, store: newMemStore(), log: &safeLog{}}
	var addrs []string
	for _, s := range servers {
		addrs = append(addrs, s.Addr())
	}
	w.zones("tcp", dnsserver.Secret, addrs...)
	t.Cleanup(func() {
		if t.Failed() {
			t.Logf("%s", w.log.String())
		}
	})
	return w
}

// zones configures the zones of dnsserver with the servers, as a new revision.
func (w *world) zones(transport, secret string, addrs ...string) {
	c := &sqlstore.Config{
		Parameters: sqlstore.Parameters{},
		TSIGKeys:   []sqlstore.TSIGKey{{Name: dnsserver.Key, Algorithm: dnsserver.Algorithm}},
		Links:      []*sqlstore.Link{{ID: 1, Subnets: []*sqlstore.Subnet{{ID: 1}}}},
	}
	for _, z := range []string{dnsserver.Reverse4, dnsserver.Reverse6, dnsserver.Forward} {
		out := sqlstore.DNSZone{Name: z}
		for _, a := range addrs {
			out.Servers = append(out.Servers, sqlstore.DNSServer{Addr: netip.MustParseAddrPort(a), Transport: transport, Key: dnsserver.Key})
		}
		c.Zones = append(c.Zones, out)
	}
	w.apply(c, map[string]string{dnsserver.Key: secret})
}

func (w *world) apply(c *sqlstore.Config, secrets map[string]string) {
	w.store.mu.Lock()
	defer w.store.mu.Unlock()
	c.Revision = w.store.config.Revision + 1
	w.store.config, w.store.secrets = c, secrets
}

// worker makes a worker that was not started.
func (w *world) worker(id string) *Worker {
	w.t.Helper()
	log := slog.New(slog.NewTextHandler(w.log, &slog.HandlerOptions{Level: slog.LevelDebug}))
	out, err := New(Config{Store: w.store, Logger: log, Registerer: prometheus.NewRegistry(), ID: id})
	require.NoError(w.t, err)
	out.t = quick
	return out
}

// start starts a worker, which ends with the test.
func (w *world) start(id string) *Worker {
	w.t.Helper()
	out := w.worker(id)
	out.Start(w.t.Context())
	w.t.Cleanup(func() { require.NoError(w.t, out.Stop(w.t.Context())) })
	return out
}

// settled waits until nothing is to be done any more.
func (w *world) settled() {
	w.t.Helper()
	require.Eventually(w.t, func() bool {
		w.store.mu.Lock()
		defer w.store.mu.Unlock()
		if len(w.store.bag) > 0 || w.store.consumer[sqlstore.ConsumerDDNS] < 0 {
			return false
		}
		for _, r := range w.store.names {
			if r.Holder != "" || !r.due.IsZero() && time.Until(r.due) < 30*time.Minute {
				return false
			}
		}
		return true
	}, patient, 2*time.Millisecond, "names are still to be published")
}

// state returns the state of a name; 0 when there is no row.
func (w *world) state(n string) sqlstore.NameState { return w.store.rows()[n].State }

func mac(i int) sqlstore.Client {
	return sqlstore.Client{HWType: 1, HWAddr: []byte{2, 0, 0, 0, byte(i >> 8), byte(i)}}
}

func duid(i int) sqlstore.Client {
	return sqlstore.Client{ClientID: []byte{0, 3, 0, 1, 2, 0, 0, 0, byte(i >> 8), byte(i)}}
}

// sameHost is the DHCPv4 client that has the DUID (RFC 4361).
func sameHost(i int) sqlstore.Client {
	return sqlstore.Client{ClientID: append([]byte{255, 0, 0, 0, 1}, duid(i).ClientID...)}
}

const ttl = 1200 // a third of the lifetime that leases of tests have

func idText(f sqlstore.Family, c sqlstore.Client, host string) string {
	id, err := name.ClientIdentity(f, &c)
	if err != nil {
		panic(err)
	}
	data, err := name.DHCID(id, host)
	if err != nil {
		panic(err)
	}
	return name.DHCIDText(data)
}

// forward are the lines that a zone has for a name.
func forward(host string, f sqlstore.Family, c sqlstore.Client, addrs ...string) (lines []string) {
	for _, a := range addrs {
		typ := "A"
		if netip.MustParseAddr(a).Is6() {
			typ = "AAAA"
		}
		lines = append(lines, fmt.Sprintf("%s %d %s %s", host, ttl, typ, a))
	}
	return append(lines, fmt.Sprintf("%s %d DHCID %s", host, ttl, idText(f, c, host)))
}

func ptr(addr, host string) string {
	return fmt.Sprintf("%s %d PTR %s", name.Reverse(netip.MustParseAddr(addr)), ttl, host)
}

func lines(parts ...any) []string {
	out := []string{}
	for _, p := range parts {
		switch p := p.(type) {
		case string:
			out = append(out, p)
		case []string:
			out = append(out, p...)
		}
	}
	slices.Sort(out)
	return out
}

// has compares a server's zones with lines.
func has(t testing.TB, s *dnsserver.Server, want []string) {
	t.Helper()
	var got []string
	for _, z := range []string{dnsserver.Forward, dnsserver.Reverse4, dnsserver.Reverse6} {
		got = append(got, s.Zone(z)...)
	}
	slices.Sort(got)
	require.Equal(t, want, append([]string{}, got...))
}
