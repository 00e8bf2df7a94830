package ddns

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/miekg/dns"
	"github.com/stretchr/testify/require"

	"rowlock/ddns/dnsserver"
	"rowlock/sqlstore"
)

// kill ends a worker as the end of its process does: nothing is written down
// and no claim is released.
func kill(w *Worker) {
	w.endSoft()
	w.endHard()
	w.running.Wait()
	w.sender.tidy(0)
}

// expected are the records that leases want, where no two clients want one
// name.
func (w *world) expected() (out []string) {
	w.store.mu.Lock()
	defer w.store.mu.Unlock()
	type host struct {
		f     sqlstore.Family
		c     sqlstore.Client
		addrs []string
	}
	hosts := map[string]*host{}
	for _, l := range w.store.leases {
		if !l.live {
			continue
		}
		out = append(out, ptr(l.Addr.String(), l.Hostname))
		if hosts[l.Hostname] == nil {
			hosts[l.Hostname] = &host{f: l.Family, c: l.Client}
		}
		hosts[l.Hostname].addrs = append(hosts[l.Hostname].addrs, l.Addr.String())
	}
	for n, h := range hosts {
		out = append(out, forward(n, h.f, h.c, h.addrs...)...)
	}
	return lines(out)
}

// change changes a few leases at random; each client has names of its own.
func (w *world) change(r *rand.Rand, clients int) {
	for range 1 + r.IntN(8) {
		i := 1 + r.IntN(clients)
		addr := fmt.Sprintf("192.0.2.%d", i)
		if r.IntN(3) == 0 {
			addr = fmt.Sprintf("2001:db8::%x", i)
		}
		w.store.mu.Lock()
		live := false
		for a, l := range w.store.leases {
			live = live || a.addr.String() == addr && l.live
		}
		w.store.mu.Unlock()
		if live && r.IntN(3) == 0 {
			w.store.end(addr)
			continue
		}
		c := sameHost(i)
		if strings.Contains(addr, ":") {
			c = duid(i)
		}
		w.store.assign(addr, fmt.Sprintf("c%d-%d.example.org", i, r.IntN(2)), both, c)
	}
}

// A server that is killed under load, and comes back, has in the end what the
// leases want.
func TestServerKilled(t *testing.T) {
	t.Parallel()
	for _, kind := range dnsserver.Kinds {
		t.Run(kind, func(t *testing.T) {
			t.Parallel()
			s := dnsserver.Start(t, kind, dnsserver.Options{})
			w := newWorld(t, s)
			one := w.start("one")
			r := rand.New(rand.NewPCG(1, 2))
			for range 4 {
				for range 10 {
					w.change(r, 60)
					time.Sleep(time.Millisecond)
				}
				s.Kill()
				for range 10 {
					w.change(r, 60)
				}
				require.Eventually(t, func() bool { return sum(t, one, "rowlock_ddns_servers_down") > 0 }, patient, time.Millisecond)
				s.Run()
			}
			w.settled()
			has(t, s, w.expected())
			require.Zero(t, sum(t, one, "rowlock_ddns_servers_down"))
			require.Contains(t, w.log.String(), "event=ddns.server_up")
		})
	}
}

// A worker that ends after the server has taken the update, and before that is
// written down, leaves everything that the next one needs.
func TestReplyLost(t *testing.T) {
	t.Parallel()
	for _, kind := range dnsserver.Kinds {
		t.Run(kind, func(t *testing.T) {
			t.Parallel()
			s := dnsserver.Start(t, kind, dnsserver.Options{})
			w := newWorld(t, s)
			reached := make(chan struct{}, 1)
			dead := errors.New("dead")
			stop := func(method string, _ bool) error {
				if method == "FinishNames" {
					select {
					case reached <- struct{}{}:
					default:
					}
					return dead
				}
				return nil
			}
			die := func() {
				w.store.mu.Lock()
				w.store.fault = stop
				w.store.mu.Unlock()
				one := w.worker("one")
				one.Start(t.Context())
				<-reached
				kill(one)
				select {
				case <-reached:
				default:
				}
				w.store.mu.Lock()
				w.store.fault = nil
				w.store.mu.Unlock()
			}
			w.store.assign("192.0.2.1", "a.example.org", both, mac(1))
			w.store.assign("192.0.2.2", "b.example.org", both, mac(2))
			die()
			require.NotEmpty(t, w.store.rows()["a.example.org"].Attempted)
			w.store.end("192.0.2.2")
			w.store.assign("192.0.2.1", "c.example.org", both, mac(1))
			die()
			w.store.assign("192.0.2.1", "a.example.org", both, mac(1))
			w.store.assign("192.0.2.3", "c.example.org", both, mac(3))
			w.start("one")
			w.settled()
			has(t, s, w.expected())
		})
	}
}

// Two workers, killed at random calls of the store, and others in their place,
// while leases change: no state is lost, and none is in the way.
func TestChaos(t *testing.T) {
	t.Parallel()
	for _, kind := range dnsserver.Kinds {
		t.Run(kind, func(t *testing.T) {
			t.Parallel()
			s := dnsserver.Start(t, kind, dnsserver.Options{})
			w := newWorld(t, s)
			r := rand.New(rand.NewPCG(3, uint64(len(kind))))
			for round := range 12 {
				var left atomic.Int64
				left.Store(int64(1 + r.IntN(60)))
				half := r.IntN(2) == 0
				died := make(chan struct{}, 1)
				w.store.mu.Lock()
				w.store.fault = func(method string, after bool) error {
					if method == "Revision" || after != half || left.Add(-1) > 0 {
						return nil
					}
					select {
					case died <- struct{}{}:
					default:
					}
					return errors.New("dead")
				}
				w.store.mu.Unlock()
				one, two := w.worker("one"), w.worker(fmt.Sprint("two", round))
				one.t.claim, one.t.reserve = time.Second, 300*time.Millisecond
				two.t.claim, two.t.reserve = time.Second, 300*time.Millisecond
				one.Start(t.Context())
				two.Start(t.Context())
				for range 5 {
					w.change(r, 20)
				}
				<-died
				kill(one)
				kill(two)
			}
			w.store.mu.Lock()
			w.store.fault = nil
			w.store.mu.Unlock()
			w.start("one")
			w.start("two")
			w.settled()
			has(t, s, w.expected())
		})
	}
}

// Clients that fight for few names: in the end each name that is wanted has one
// of them, whole.
func TestRivals(t *testing.T) {
	t.Parallel()
	s := dnsserver.Start(t, dnsserver.BIND, dnsserver.Options{})
	w := newWorld(t, s)
	w.start("one")
	w.start("two")
	r := rand.New(rand.NewPCG(5, 6))
	for range 200 {
		addr := fmt.Sprintf("192.0.2.%d", 1+r.IntN(12))
		w.store.assign(addr, fmt.Sprintf("n%d.example.org", r.IntN(3)), both, mac(r.IntN(4)))
		if r.IntN(2) == 0 {
			w.store.end(addr)
		}
		time.Sleep(time.Duration(r.IntN(1000)) * time.Microsecond)
	}
	w.settled()
	var zone, want []string
	for _, z := range []string{dnsserver.Forward, dnsserver.Reverse4} {
		zone = append(zone, s.Zone(z)...)
	}
	slices.Sort(zone)
	wanted := map[string]bool{}
	for a, l := range w.store.leases {
		if !l.live {
			continue
		}
		wanted[l.Hostname] = true
		id := fmt.Sprintf("%s %d DHCID %s", l.Hostname, ttl, idText(v4, l.Client, l.Hostname))
		if slices.Contains(zone, id) {
			want = append(want, id, fmt.Sprintf("%s %d A %s", l.Hostname, ttl, a.addr), ptr(a.addr.String(), l.Hostname))
		}
	}
	slices.Sort(want)
	require.Equal(t, slices.Compact(want), zone)
	for n := range wanted {
		require.True(t, slices.ContainsFunc(zone, func(l string) bool { return strings.HasPrefix(l, n+" ") }), n)
	}
}

// A wrong secret is the server's trouble, not the names'; with the right one
// they are published.
func TestSecretCorrected(t *testing.T) {
	t.Parallel()
	for kind, code := range map[string]string{dnsserver.BIND: "BADSIG", dnsserver.PowerDNSSQLite: "REFUSED"} {
		t.Run(kind, func(t *testing.T) {
			t.Parallel()
			s := dnsserver.Start(t, kind, dnsserver.Options{})
			w := newWorld(t, s)
			w.zones("tcp", "d3Jvbmcgc2VjcmV0", s.Addr())
			for i := 1; i < 20; i++ {
				w.store.assign(fmt.Sprintf("192.0.2.%d", i), fmt.Sprintf("h%d.example.org", i), both, mac(i))
			}
			one := w.start("one")
			require.Eventually(t, func() bool { return sum(t, one, "rowlock_ddns_servers_down") > 0 }, patient, time.Millisecond)
			require.NoError(t, one.NotReady())
			require.Eventually(t, func() bool { return strings.Contains(w.log.String(), "event=ddns.server_down") }, patient, time.Millisecond)
			require.Contains(t, w.log.String(), code)
			require.Contains(t, w.log.String(), hint(code))
			require.NotContains(t, w.log.String(), "d3Jvbmcgc2VjcmV0")
			w.zones("tcp", dnsserver.Secret, s.Addr())
			w.settled()
			has(t, s, w.expected())
		})
	}
}

// Names that nobody should have written are failed, each for itself.
func TestOddNames(t *testing.T) {
	t.Parallel()
	s := dnsserver.Start(t, dnsserver.BIND, dnsserver.Options{})
	w := newWorld(t, s)
	odd := []string{
		"a b.example.org", "a..example.org", strings.Repeat("a", 64) + ".example.org", "*.example.org", "a\\046b.example.org", "\x00.example.org",
		strings.Repeat("a.", 125) + "example.org", "ä.example.org", "a\nb.example.org", "-a.example.org",
	}
	for i, n := range odd {
		w.store.assign(fmt.Sprintf("192.0.2.%d", 100+i), n, both, mac(100+i))
	}
	w.store.assign("192.0.2.1", "good.example.org", both, mac(1))
	w.store.names["broken.example.org"] = &memName{due: time.Now(), DNSName: sqlstore.DNSName{Name: "broken.example.org", Zone: "example.org", Published: "rubbish"}}
	w.start("one")
	w.settled()
	has(t, s, lines(forward("good.example.org", v4, mac(1), "192.0.2.1"), ptr("192.0.2.1", "good.example.org")))
	for _, n := range append(odd, "broken.example.org") {
		require.Equal(t, sqlstore.NameFailed, w.state(n), "%q", n)
		require.NotEmpty(t, w.store.rows()[n].LastError)
	}
}

// A name of the policy's making: where the server refuses one name only, the
// others of the message are published.
func TestOneNameRefused(t *testing.T) {
	t.Parallel()
	s := dnsserver.Start(t, dnsserver.BIND, dnsserver.Options{Policy: "deny rowlock name h7.example.org; grant rowlock zonesub A AAAA PTR DHCID;"})
	w := newWorld(t, s)
	for i := 1; i < 40; i++ {
		w.store.assign(fmt.Sprintf("192.0.2.%d", i), fmt.Sprintf("h%d.example.org", i), sqlstore.FQDNForward, mac(i))
	}
	one := w.start("one")
	require.Eventually(t, func() bool { return len(s.Zone(dnsserver.Forward)) == 2*38 }, patient, 10*time.Millisecond)
	require.Eventually(t, func() bool { return w.store.rows()["h7.example.org"].Attempts > 3 }, patient, time.Millisecond)
	w.store.assign("192.0.2.50", "h50.example.org", sqlstore.FQDNForward, mac(50))
	require.Eventually(t, func() bool { return len(s.Zone(dnsserver.Forward)) == 2*39 }, patient, 10*time.Millisecond)
	require.Zero(t, sum(t, one, "rowlock_ddns_servers_down"))
	require.Equal(t, sqlstore.NamePending, w.state("h7.example.org"))
	require.Contains(t, w.store.rows()["h7.example.org"].LastError, "REFUSED")
}

// A name with the DHCID of somebody else stays theirs; one with ours, of which
// nothing is known, becomes ours.
func TestForeignDHCID(t *testing.T) {
	t.Parallel()
	for _, kind := range dnsserver.Kinds {
		t.Run(kind, func(t *testing.T) {
			t.Parallel()
			ours := idText(v4, mac(2), "b.example.org")
			s := dnsserver.Start(t, kind, dnsserver.Options{Records: map[string][]string{
				dnsserver.Forward: {
					"a.example.org. 60 IN A 203.0.113.1", "a.example.org. 60 IN DHCID " + idZ,
					"b.example.org. 60 IN A 203.0.113.2", "b.example.org. 60 IN AAAA 2001:db8::99", "b.example.org. 60 IN DHCID " + ours,
				},
				dnsserver.Reverse4: {"2.2.0.192.in-addr.arpa. 60 IN PTR old.example.org."},
			}})
			w := newWorld(t, s)
			one := w.worker("one")
			one.t.retry = 50 * time.Millisecond
			one.Start(t.Context())
			t.Cleanup(func() { require.NoError(t, one.Stop(t.Context())) })
			w.store.assign("192.0.2.1", "a.example.org", both, mac(1))
			w.store.assign("192.0.2.2", "b.example.org", both, mac(2))
			foreign := []string{"a.example.org 60 A 203.0.113.1", "a.example.org 60 DHCID " + idZ}
			mine := lines(forward("b.example.org", v4, mac(2), "192.0.2.2"), "b.example.org 60 AAAA 2001:db8::99")
			require.Eventually(t, func() bool {
				return w.state("a.example.org") == sqlstore.NameConflict && w.state("2.2.0.192.in-addr.arpa") == sqlstore.NamePublished
			}, patient, time.Millisecond)
			has(t, s, lines(foreign, mine, ptr("192.0.2.2", "b.example.org")))
			s.Edit(dnsserver.Forward, []string{"a.example.org"}, nil)
			want := lines(forward("a.example.org", v4, mac(1), "192.0.2.1"), mine)
			require.Eventually(t, func() bool { return slices.Equal(want, s.Zone(dnsserver.Forward)) }, patient, 10*time.Millisecond, "tried again")
		})
	}
}

// The second server of a zone is asked while the first one is down.
func TestNextServer(t *testing.T) {
	t.Parallel()
	var first atomic.Int32
	bad := newScripted(t, func(c *dns.Conn, _ *dns.Msg) { first.Add(1); c.Close() })
	s := dnsserver.Start(t, dnsserver.BIND, dnsserver.Options{})
	w := newWorld(t)
	w.zones("tcp", dnsserver.Secret, bad.addr.String(), s.Addr())
	w.store.assign("192.0.2.1", "a.example.org", both, mac(1))
	w.start("one")
	w.settled()
	has(t, s, w.expected())
	asked := first.Load()
	require.Positive(t, asked)
	w.store.assign("192.0.2.1", "b.example.org", both, mac(1))
	w.settled()
	has(t, s, w.expected())
	require.Equal(t, asked, first.Load(), "the one that worked is asked first")
}

// By UDP one name goes in a message.
func TestTransportUDP(t *testing.T) {
	t.Parallel()
	for _, kind := range dnsserver.Kinds {
		t.Run(kind, func(t *testing.T) {
			t.Parallel()
			s := dnsserver.Start(t, kind, dnsserver.Options{})
			w := newWorld(t)
			w.zones("udp", dnsserver.Secret, s.Addr())
			for i := 1; i < 10; i++ {
				w.store.assign(fmt.Sprintf("192.0.2.%d", i), fmt.Sprintf("h%d.example.org", i), both, mac(i))
			}
			one := w.start("one")
			w.settled()
			has(t, s, w.expected())
			require.GreaterOrEqual(t, sum(t, one, "rowlock_ddns_messages_total"), 18.0)
		})
	}
}
