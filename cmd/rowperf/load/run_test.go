package load

import (
	"context"
	"net/netip"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"rowlock/sqlstore"
)

// families runs a test for both, as subtests.
func families(t *testing.T, f func(t *testing.T, family sqlstore.Family)) {
	for _, family := range []sqlstore.Family{sqlstore.IPv4, sqlstore.IPv6} {
		t.Run(family.String(), func(t *testing.T) {
			t.Parallel()
			f(t, family)
		})
	}
}

// options are those of a small saturated run with address and, for DHCPv6,
// prefix.
func options(family sqlstore.Family, log *Log, servers ...*responder) Options {
	o := Options{
		Family: family, Clients: 200, First: 1000, Seed: 7, NA: true, PD: true,
		Mode: Saturate, Outstanding: 32, Timeout: 10 * time.Second, Record: log,
		Relays: []Relay{
			{Addr: netip.MustParseAddr("127.20.0.1"), CircuitPrefix: "port-"},
			{Addr: netip.MustParseAddr("127.20.0.2"), CircuitPrefix: "line-"},
		},
	}
	if family == sqlstore.IPv6 {
		o.Relays = []Relay{
			{Addr: netip.MustParseAddr("2001:db8:1::1"), InterfaceID: "if-1"},
			{Addr: netip.MustParseAddr("2001:db8:2::1")},
		}
	}
	for _, s := range servers {
		o.Servers = append(o.Servers, s.addr)
	}
	return o
}

func run(t *testing.T, o Options) *Result {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	res, err := Run(ctx, o)
	require.NoError(t, err)
	return res
}

// leaseCount is how many leases the clients of options have.
func leaseCount(o Options) int {
	if o.Family == sqlstore.IPv6 {
		return 2 * o.Clients
	}
	return o.Clients
}

func TestRunNewClients(t *testing.T) {
	t.Parallel()
	families(t, func(t *testing.T, family sqlstore.Family) {
		log := &Log{}
		o := options(family, log, serve(t, family, newBook(), nil))
		res := run(t, o)
		require.Equal(t, 200, res.Completed)
		require.Equal(t, 200, res.Started)
		require.Zero(t, res.Failed+res.Retransmits+res.Naks+res.Duplicates+len(res.Drops), "%v", res.Failures)
		require.Len(t, res.Leases, leaseCount(o))
		require.Equal(t, 400, res.Sent)
		require.Equal(t, 400, res.Received)
		require.EqualValues(t, 200, res.Latency.Offer.Count())
		require.EqualValues(t, 200, res.Latency.Ack.Count())
		require.EqualValues(t, 200, res.Latency.Whole.Count())
		require.Positive(t, res.Rate)
		require.Len(t, log.Events(), 2*leaseCount(o), "an offer and an acknowledgement of each lease")
		require.Empty(t, Verify(log.Events()))
		require.Empty(t, VerifyOffers(log.Events()))
		for i, l := range res.Leases {
			require.EqualValues(t, 3600, l.Valid)
			require.Equal(t, 1000+i*o.Clients/len(res.Leases), l.Client)
			require.Equal(t, o.Servers[0], l.Server)
		}
	})
}

func TestRunReturningRenewRebindRelease(t *testing.T) {
	t.Parallel()
	families(t, func(t *testing.T, family sqlstore.Family) {
		log, b := &Log{}, newBook()
		o := options(family, log, serve(t, family, b, nil))
		first := run(t, o)
		for _, s := range []Scenario{Returning, Renew, Rebind} {
			o.Scenario, o.Leases = s, first.Leases
			res := run(t, o)
			require.Equal(t, 200, res.Completed, "%s: %v", s, res.Failures)
			require.Zero(t, res.Moved+res.Naks+len(res.Drops), "%s: %v", s, res.Failures)
			require.Len(t, res.Leases, len(first.Leases))
			for i := range res.Leases {
				require.Equal(t, first.Leases[i].Addr, res.Leases[i].Addr, s)
			}
		}
		o.Mode, o.Rate = Rate, 5000
		for s, end := range map[Scenario]EventType{Release: Released, Decline: Declined} {
			o.Scenario, o.Leases = New, nil
			o.Leases = run(t, o).Leases
			o.Scenario = s
			res := run(t, o)
			require.Equal(t, 200, res.Completed)
			require.Empty(t, res.Leases)
			require.Eventually(t, func() bool { return b.size() == 0 }, 5*time.Second, time.Millisecond)
			events := log.Events()
			require.Equal(t, end, events[len(events)-1].Type)
			require.Empty(t, Verify(events))
		}
	})
}

func TestRunReportsMovedLeases(t *testing.T) {
	t.Parallel()
	families(t, func(t *testing.T, family sqlstore.Family) {
		b := newBook()
		o := options(family, nil, serve(t, family, b, nil))
		o.Record = nil
		o.Clients = 20
		first := run(t, o)
		b.mu.Lock()
		clear(b.leases) // the server forgets everything, and counts on
		b.mu.Unlock()
		o.Scenario, o.Leases = Returning, first.Leases
		require.Equal(t, leaseCount(o), run(t, o).Moved)
	})
}

func TestRunSeveralServersShareLeases(t *testing.T) {
	t.Parallel()
	families(t, func(t *testing.T, family sqlstore.Family) {
		log, b := &Log{}, newBook()
		o := options(family, log, serve(t, family, b, nil), serve(t, family, b, nil), serve(t, family, b, nil))
		res := run(t, o)
		require.Equal(t, 200, res.Completed)
		require.Equal(t, 1200+3*res.Retransmits, res.Sent, "each message to each of 3 servers")
		require.Equal(t, res.Received-400, res.Duplicates)
		require.Len(t, log.Events(), 6*leaseCount(o), "late answers are recorded too")
		require.Empty(t, Verify(log.Events()))
		require.Empty(t, VerifyOffers(log.Events()))
	})
}

func TestRunFindsServersThatDoNotShareLeases(t *testing.T) {
	t.Parallel()
	families(t, func(t *testing.T, family sqlstore.Family) {
		log, other := &Log{}, newBook()
		other.free = 100
		o := options(family, log, serve(t, family, newBook(), nil), serve(t, family, other, nil))
		run(t, o)
		kinds := map[ViolationKind]int{}
		for _, v := range Verify(log.Events()) {
			kinds[v.Kind]++
		}
		require.Positive(t, kinds[DoubleAllocation], kinds)
		require.Positive(t, kinds[TwoAddresses], kinds)
		require.NotEmpty(t, VerifyOffers(log.Events()))
	})
}

func TestRunSpreadTakesTurns(t *testing.T) {
	t.Parallel()
	families(t, func(t *testing.T, family sqlstore.Family) {
		log, b := &Log{}, newBook()
		o := options(family, log, serve(t, family, b, nil), serve(t, family, b, nil))
		o.Spread = true
		res := run(t, o)
		require.Equal(t, 200, res.Completed)
		require.Equal(t, 400, res.Sent)
		from := map[netip.AddrPort]int{}
		for _, l := range res.Leases {
			from[l.Server]++
		}
		require.Equal(t, map[netip.AddrPort]int{o.Servers[0]: leaseCount(o) / 2, o.Servers[1]: leaseCount(o) / 2}, from)
	})
}

func TestRunRetransmitsLostPackets(t *testing.T) {
	t.Parallel()
	families(t, func(t *testing.T, family sqlstore.Family) {
		log := &Log{}
		s := serve(t, family, newBook(), func(r *responder) {
			r.lose = func(n int) bool { return n%3 == 0 }
		})
		o := options(family, log, s)
		o.Timeout, o.MaxTimeout, o.Tries = 100*time.Millisecond, 100*time.Millisecond, 20 // a third of the tries is lost
		res := run(t, o)
		require.Equal(t, 200, res.Completed, "%v", res.Failures)
		require.Positive(t, res.Retransmits)
		require.Equal(t, 400+res.Retransmits, res.Sent)
		require.GreaterOrEqual(t, res.Latency.Whole.Max(), 100*time.Millisecond)
		require.Empty(t, Verify(log.Events()))
	})
}

func TestRunGivesUpWhenNobodyAnswers(t *testing.T) {
	t.Parallel()
	families(t, func(t *testing.T, family sqlstore.Family) {
		s := serve(t, family, newBook(), func(r *responder) { r.lose = func(int) bool { return true } })
		o := options(family, &Log{}, s)
		o.Clients, o.Timeout, o.Tries = 10, 20*time.Millisecond, 3
		begin := time.Now()
		res := run(t, o)
		require.GreaterOrEqual(t, time.Since(begin), 140*time.Millisecond, "20 + 40 + 80 ms")
		require.Equal(t, map[string]int{failTimeout: 10}, res.Failures)
		require.Equal(t, 30, res.Sent)
		require.Equal(t, 20, res.Retransmits)
		require.Equal(t, 1.0, res.Lost())
		require.Empty(t, res.Leases)
	})
}

func TestRunRestartsRefusedClients(t *testing.T) {
	t.Parallel()
	families(t, func(t *testing.T, family sqlstore.Family) {
		log := &Log{}
		refused := map[string]bool{}
		s := serve(t, family, newBook(), func(r *responder) {
			r.refuse = func(client string) bool {
				first := !refused[client]
				refused[client] = true
				return first
			}
		})
		o := options(family, log, s)
		o.PD = false // one IA: the responder is asked once for each message
		res := run(t, o)
		require.Equal(t, 200, res.Completed, "%v", res.Failures)
		require.Equal(t, 200, res.Naks)
		require.Equal(t, 200, res.Restarts)
		require.Len(t, res.Leases, 200)
		require.Empty(t, Verify(log.Events()))
	})
}

func TestRunGivesUpWhenAlwaysRefused(t *testing.T) {
	t.Parallel()
	families(t, func(t *testing.T, family sqlstore.Family) {
		s := serve(t, family, newBook(), func(r *responder) { r.refuse = func(string) bool { return true } })
		o := options(family, &Log{}, s)
		o.Clients, o.Restarts = 10, 1
		res := run(t, o)
		require.Equal(t, map[string]int{failRefused: 10}, res.Failures)
		require.Equal(t, 20, res.Naks)
		require.Equal(t, 10, res.Restarts)
	})
}

func TestRunKeepsTheRate(t *testing.T) {
	t.Parallel()
	families(t, func(t *testing.T, family sqlstore.Family) {
		o := options(family, &Log{}, serve(t, family, newBook(), nil))
		o.Mode, o.Rate = Rate, 400
		var reports atomic.Int32
		o.ProgressEvery = 50 * time.Millisecond
		o.Progress = func(s Stats) {
			reports.Add(1)
			if s.Total != 200 || s.Completed+s.Failed+s.Outstanding != s.Started {
				t.Errorf("progress: %+v", s)
			}
		}
		begin := time.Now()
		res := run(t, o)
		require.Equal(t, 200, res.Completed)
		require.GreaterOrEqual(t, time.Since(begin), 497*time.Millisecond, "the last of 200 begins after 199/400 s")
		require.Positive(t, reports.Load())
		require.LessOrEqual(t, res.Rate, 410.0)
	})
}

func TestRunRepeatsUntilTheDuration(t *testing.T) {
	t.Parallel()
	families(t, func(t *testing.T, family sqlstore.Family) {
		log := &Log{}
		o := options(family, log, serve(t, family, newBook(), nil))
		o.Clients = 20 // fewer than outstanding: each client still has one exchange at a time
		first := run(t, o)
		o.Scenario, o.Leases = Renew, first.Leases
		o.Repeat, o.Duration = true, 200*time.Millisecond
		res := run(t, o)
		require.Greater(t, res.Completed, 40)
		require.Equal(t, res.Started, res.Completed)
		require.Zero(t, res.Moved)
		require.Empty(t, Verify(log.Events()))
	})
}

func TestRunEndsWithItsContext(t *testing.T) {
	t.Parallel()
	s := serve(t, sqlstore.IPv4, newBook(), func(r *responder) { r.lose = func(int) bool { return true } })
	o := options(sqlstore.IPv4, &Log{}, s)
	o.Timeout = time.Minute
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	res, err := Run(ctx, o)
	require.ErrorIs(t, err, context.DeadlineExceeded)
	require.Equal(t, 32, res.Started)
	require.Zero(t, res.Completed)
}

func TestRunWithoutLeasesToRenew(t *testing.T) {
	t.Parallel()
	o := options(sqlstore.IPv4, &Log{}, serve(t, sqlstore.IPv4, newBook(), nil))
	o.Scenario = Renew
	_, err := Run(t.Context(), o)
	require.ErrorContains(t, err, "no client has a lease")
}
