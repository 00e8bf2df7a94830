package ddns

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"rowlock/ddns/dnsserver"
)

// A server that falls silent and carries out what it has read when nobody waits
// for it any longer, while leases change: the names are confirmed afterwards.
func TestServerIsLate(t *testing.T) {
	t.Parallel()
	for _, kind := range dnsserver.Kinds {
		t.Run(kind, func(t *testing.T) {
			t.Parallel()
			s := dnsserver.Start(t, kind, dnsserver.Options{})
			w := newWorld(t, s)
			one := w.worker("one")
			one.t.reply, one.t.confirm = 100*time.Millisecond, time.Second
			one.Start(t.Context())
			t.Cleanup(func() { require.NoError(t, one.Stop(t.Context())) })
			for round := range 3 {
				s.Pause()
				before := sum(t, one, "rowlock_ddns_messages_total")
				for i := 1; i < 20; i++ {
					w.store.assign(fmt.Sprintf("192.0.2.%d", i), fmt.Sprintf("h%d-%d.example.org", i, round), both, mac(i))
				}
				require.Eventually(t, func() bool { return sum(t, one, "rowlock_ddns_messages_total") > before+2 }, patient, time.Millisecond)
				for i := 1; i < 20; i += 2 {
					w.store.assign(fmt.Sprintf("192.0.2.%d", i), fmt.Sprintf("h%d-x.example.org", i), both, mac(i))
				}
				w.store.end("192.0.2.4")
				s.Resume()
				w.settled()
				has(t, s, w.expected())
			}
		})
	}
}

// Two workers whose claims run out while a message is under way: each finds
// out, and the names are looked at again.
func TestClaimsRunOut(t *testing.T) {
	t.Parallel()
	s := dnsserver.Start(t, dnsserver.BIND, dnsserver.Options{})
	w := newWorld(t, s)
	for _, id := range []string{"one", "two"} {
		x := w.worker(id)
		x.t.claim, x.t.reserve, x.t.reply, x.t.names = 150*time.Millisecond, 50*time.Millisecond, 700*time.Millisecond, 3
		x.Start(t.Context())
		t.Cleanup(func() { require.NoError(t, x.Stop(t.Context())) })
	}
	for round := range 4 {
		for i := 1; i < 20; i++ {
			w.store.assign(fmt.Sprintf("192.0.2.%d", i), fmt.Sprintf("h%d-%d.example.org", i, round), both, mac(i))
		}
		s.Pause()
		require.Eventually(t, func() bool {
			w.store.mu.Lock()
			defer w.store.mu.Unlock()
			for _, r := range w.store.names {
				if r.Claim > int64(3*(round+1)) {
					return true
				}
			}
			return false
		}, patient, time.Millisecond, "a claim is taken over")
		for i := 1; i < 20; i += 2 {
			w.store.assign(fmt.Sprintf("192.0.2.%d", i), fmt.Sprintf("h%d-x.example.org", i), both, mac(i))
		}
		s.Resume()
		w.settled()
		has(t, s, w.expected())
	}
	require.Contains(t, w.log.String(), "event=ddns.claims_lost")
}
