package ddns

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/netip"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/miekg/dns"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/stretchr/testify/require"

	"rowlock/ddns/dnsserver"
	"rowlock/sqlstore"
)

func TestNewWantsItsParts(t *testing.T) {
	t.Parallel()
	whole := Config{Store: newMemStore(), Logger: slog.New(slog.DiscardHandler), Registerer: prometheus.NewRegistry(), ID: "one"}
	for _, spoil := range []func(*Config){
		func(c *Config) { c.Store = nil }, func(c *Config) { c.Logger = nil }, func(c *Config) { c.Registerer = nil }, func(c *Config) { c.ID = "" },
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

// calls counts calls of the store by method.
func (w *world) calls() map[string]*atomic.Int64 {
	out := map[string]*atomic.Int64{}
	for _, m := range []string{
		"Lead", "Revision", "LoadConfig", "TSIGSecrets", "Sequence", "TrimLog", "Backlog", "Consumer", "SetConsumer", "NamedLeases", "MarkNames",
		"ClaimNames", "NameHolders", "AttemptNames", "FinishNames", "ReleaseNames", "RezoneNames", "NameQueue", "DNSNames",
	} {
		out[m] = &atomic.Int64{}
	}
	w.store.fault = func(method string, after bool) error {
		if !after {
			out[method].Add(1)
		}
		return nil
	}
	return out
}

// Without a zone next to nothing is asked of the database, and nothing written.
func TestIdle(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.apply(&sqlstore.Config{}, nil)
	calls := w.calls()
	one := w.start("one")
	require.Eventually(t, func() bool { return calls["Revision"].Load() > 20 }, patient, time.Millisecond)
	require.NoError(t, one.NotReady())
	for _, m := range []string{"Lead", "Sequence", "ClaimNames", "TSIGSecrets", "RezoneNames", "Consumer"} {
		require.Zero(t, calls[m].Load(), m)
	}
	require.LessOrEqual(t, calls["DNSNames"].Load(), int64(1))
}

// When a zone is configured first, all leases are looked at; when it goes, its
// names are in none.
func TestZonesComeAndGo(t *testing.T) {
	t.Parallel()
	s := dnsserver.Start(t, dnsserver.BIND, dnsserver.Options{})
	w := newWorld(t)
	w.apply(&sqlstore.Config{}, nil)
	delete(w.store.consumer, sqlstore.ConsumerDDNS)
	for i := 1; i < 8; i++ {
		w.store.assign(fmt.Sprintf("192.0.2.%d", i), fmt.Sprintf("h%d.example.org", i), both, mac(i))
		w.store.assign(fmt.Sprintf("2001:db8::%d", i), fmt.Sprintf("s%d.example.org", i), both, duid(i))
	}
	w.store.assign("192.0.2.99", "other.example.org", 0, mac(99))
	w.store.end("192.0.2.7")
	one := w.start("one")
	require.Eventually(t, func() bool { return one.NotReady() == nil }, patient, time.Millisecond)
	require.Empty(t, w.store.rows())
	w.store.mu.Lock()
	w.store.consumer[sqlstore.ConsumerDDNS] = noSeq
	w.store.mu.Unlock()
	w.zones("tcp", dnsserver.Secret, s.Addr())
	w.settled()
	want := w.expected()
	want = slices.DeleteFunc(want, func(l string) bool { return strings.Contains(l, "other.example.org") })
	has(t, s, want)
	require.Contains(t, w.log.String(), "event=ddns.resync_done leases=13")
	updates := sum(t, one, "rowlock_ddns_messages_total")

	w.store.mu.Lock()
	w.store.consumer[sqlstore.ConsumerDDNS] = noSeq
	w.store.mu.Unlock()
	w.settled()
	require.Equal(t, updates, sum(t, one, "rowlock_ddns_messages_total"), "what is published costs no message")

	w.apply(&sqlstore.Config{}, nil)
	require.Eventually(t, func() bool {
		for _, r := range w.store.rows() {
			if r.Zone != "" {
				return false
			}
		}
		return true
	}, patient, time.Millisecond)
	has(t, s, want)
	w.zones("tcp", dnsserver.Secret, s.Addr())
	require.Eventually(t, func() bool { return w.state("h1.example.org") == sqlstore.NamePublished }, patient, time.Millisecond)
}

// A transaction that began before anybody followed the changes may commit after
// all leases were looked at: its lease is found by the second look.
func TestLeaseWithoutEvent(t *testing.T) {
	t.Parallel()
	s := dnsserver.Start(t, dnsserver.BIND, dnsserver.Options{})
	w := newWorld(t)
	w.store.consumer[sqlstore.ConsumerDDNS] = noSeq
	w.store.assign("192.0.2.1", "early.example.org", both, mac(1))
	w.store.bag = nil
	late := netip.MustParseAddr("192.0.2.2")
	w.store.fault = func(method string, _ bool) error {
		if method == "DNSNames" && w.store.leases[memAddr{0, late}] == nil { // the leases have been looked at
			l := *w.store.leases[memAddr{0, netip.MustParseAddr("192.0.2.1")}]
			l.Addr, l.Hostname, l.Client = late, "late.example.org", mac(2)
			w.store.leases[memAddr{0, late}] = &l
		}
		return nil
	}
	w.zones("tcp", dnsserver.Secret, s.Addr())
	w.start("one")
	w.settled()
	want := w.expected()
	require.Contains(t, strings.Join(want, "\n"), "late.example.org")
	has(t, s, want)
}

// One process leads at a time; when it stops in order or not, another one does.
func TestLeading(t *testing.T) {
	t.Parallel()
	s := dnsserver.Start(t, dnsserver.BIND, dnsserver.Options{})
	w := newWorld(t, s)
	one := w.worker("one")
	one.Start(t.Context())
	require.Eventually(t, func() bool { return strings.Contains(w.log.String(), "event=ddns.leading") }, patient, time.Millisecond)
	w.start("two")
	kill(one)
	w.store.assign("192.0.2.1", "a.example.org", both, mac(1))
	w.settled()
	has(t, s, w.expected())
	w.store.mu.Lock()
	defer w.store.mu.Unlock()
	require.Equal(t, "two", w.store.leads[sqlstore.LeadSequence].holder)
	require.EqualValues(t, 2, w.store.leads[sqlstore.LeadSequence].fence)
}

// Stop lets the message under way end, writes down what became of it, and gives
// the rest back.
func TestStop(t *testing.T) {
	t.Parallel()
	var once atomic.Bool
	held, goOn := make(chan struct{}), make(chan struct{})
	s := newScripted(t, func(c *dns.Conn, q *dns.Msg) {
		if once.CompareAndSwap(false, true) {
			close(held)
			<-goOn
		}
		code(dns.RcodeSuccess)(c, q)
	})
	w := newWorld(t)
	w.zones("tcp", dnsserver.Secret, s.addr.String())
	for i := range 10 {
		w.store.assign(fmt.Sprintf("192.0.2.%d", i), fmt.Sprintf("h%d.example.org", i), sqlstore.FQDNForward, mac(i))
	}
	one := w.worker("one")
	one.t.names = 4
	one.Start(t.Context())
	<-held
	stopped := make(chan error)
	go func() { stopped <- one.Stop(t.Context()) }()
	<-one.soft.Done()
	close(goOn)
	require.NoError(t, <-stopped)
	states := map[sqlstore.NameState]int{}
	for _, r := range w.store.names {
		require.Empty(t, r.Holder)
		states[r.State]++
	}
	require.Equal(t, map[sqlstore.NameState]int{sqlstore.NamePublished: 4, sqlstore.NamePending: 6}, states)
}

// Where that takes too long, it is given up.
func TestStopIsBounded(t *testing.T) {
	t.Parallel()
	held := make(chan struct{}, 10)
	s := newScripted(t, func(*dns.Conn, *dns.Msg) { held <- struct{}{} })
	w := newWorld(t)
	w.zones("tcp", dnsserver.Secret, s.addr.String())
	w.store.assign("192.0.2.1", "a.example.org", both, mac(1))
	one := w.worker("one")
	one.t.reply, one.t.claim = time.Hour, 24*time.Hour
	one.Start(t.Context())
	<-held
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	require.NoError(t, one.Stop(ctx))
	require.NotEmpty(t, w.store.rows()["a.example.org"].Attempted)
}

// A panic ends the planning of one name.
func TestPanic(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	snap, err := newSnapshot(w.store.config, w.store.secrets, newHealths())
	require.NoError(t, err)
	snap.subnets = nil
	g := &group{w: w.worker("one"), zone: &zone{name: "example.org"}}
	j := &job{row: sqlstore.DNSName{Name: "a.example.org"}, holders: []sqlstore.NameHolder{holder("192.0.2.1", "a.example.org", both, mac(1), 1)}}
	g.planOne(j) // without a snapshot there is no TTL
	require.Equal(t, failed, j.result)
	require.ErrorContains(t, j.err, "plan: panic: ")
	require.Contains(t, w.log.String(), "event=ddns.panic")
	g.w.run(&group{w: g.w, zone: &zone{name: "example.org"}, jobs: []*job{nil}})
	require.Contains(t, w.log.String(), "publishing names panicked")
	require.EqualValues(t, 2, sum(t, g.w, "rowlock_ddns_errors_total"))
}

// Every method of the store fails now and then; nothing is lost.
func TestStoreFails(t *testing.T) {
	t.Parallel()
	s := dnsserver.Start(t, dnsserver.BIND, dnsserver.Options{})
	w := newWorld(t, s)
	var n atomic.Int64
	w.store.fault = func(method string, after bool) error {
		if n.Add(1)%7 == 0 && n.Load() < 300 && method != "Revision" {
			return fmt.Errorf("%w: for a test", sqlstore.ErrUnavailable)
		}
		return nil
	}
	one := w.worker("one")
	one.t.claim, one.t.reserve, one.t.storePause = 500*time.Millisecond, 100*time.Millisecond, time.Millisecond
	one.Start(t.Context())
	t.Cleanup(func() { require.NoError(t, one.Stop(t.Context())) })
	for i := 1; i < 20; i++ {
		w.store.assign(fmt.Sprintf("192.0.2.%d", i), fmt.Sprintf("h%d.example.org", i), both, mac(i))
	}
	require.Eventually(t, func() bool { return n.Load() > 300 }, patient, time.Millisecond)
	w.settled()
	has(t, s, w.expected())
	require.Contains(t, w.log.String(), "event=ddns.store_failed")
}

// A configuration that cannot be used leaves the one before in use, and is
// told.
func TestConfigFails(t *testing.T) {
	t.Parallel()
	s := dnsserver.Start(t, dnsserver.BIND, dnsserver.Options{})
	w := newWorld(t, s)
	w.store.fault = func(method string, _ bool) error {
		if method == "TSIGSecrets" {
			return sqlstore.ErrDenied
		}
		return nil
	}
	one := w.start("one")
	require.Error(t, one.NotReady())
	require.Eventually(t, func() bool { return errors.Is(one.NotReady(), sqlstore.ErrDenied) }, patient, time.Millisecond)
	w.store.mu.Lock()
	w.store.fault = nil
	w.store.mu.Unlock()
	require.Eventually(t, func() bool { return one.NotReady() == nil }, patient, time.Millisecond)
	secrets := w.store.secrets
	w.apply(w.store.config, nil)
	require.Eventually(t, func() bool { return one.NotReady() != nil }, patient, time.Millisecond)
	w.store.assign("192.0.2.1", "a.example.org", both, mac(1))
	w.settled()
	has(t, s, w.expected())
	require.EqualError(t, one.NotReady(), "revision 3: zone 2.0.192.in-addr.arpa: TSIG key rowlock has no secret")
	w.apply(w.store.config, secrets)
	require.Eventually(t, func() bool { return one.NotReady() == nil }, patient, time.Millisecond)
}

// A lease that ends and begins again while the zone of its name cannot be
// reached has its PTR record in the end.
func TestPointerComesBack(t *testing.T) {
	t.Parallel()
	names := dnsserver.Start(t, dnsserver.BIND, dnsserver.Options{Zones: []string{dnsserver.Forward}})
	pointers := dnsserver.Start(t, dnsserver.BIND, dnsserver.Options{Zones: []string{dnsserver.Reverse4}})
	w := newWorld(t, names, pointers) // each is refused the zones that it has not
	w.store.assign("192.0.2.1", "a.example.org", both, mac(1))
	w.start("one")
	w.settled()
	want := []string{ptr("192.0.2.1", "a.example.org")}
	require.Equal(t, want, pointers.Zone(dnsserver.Reverse4))
	names.Kill()
	w.store.end("192.0.2.1")
	require.Eventually(t, func() bool { return len(pointers.Zone(dnsserver.Reverse4)) == 0 }, patient, time.Millisecond)
	w.store.assign("192.0.2.1", "a.example.org", both, mac(1))
	names.Run()
	w.settled()
	require.Equal(t, want, pointers.Zone(dnsserver.Reverse4))
	require.Equal(t, lines(forward("a.example.org", v4, mac(1), "192.0.2.1")), names.Zone(dnsserver.Forward))
}
