package frontend

import (
	"fmt"
	"net"
	"testing"
	"time"

	"github.com/insomniacslk/dhcp/dhcpv6"
	"github.com/stretchr/testify/require"

	"rowlock/sqlstore"
)

const (
	relayedLan4 = `
		link
		subnet 192.0.2.0/24 relay=192.0.2.1 relay=192.0.2.2
		pool 192.0.2.10 192.0.2.209`
	buckets4 = "param circuit_rate 0.1\n param circuit_burst 3\n param relay_rate 2\n param relay_burst 20\n"
)

// arrive takes a message the way from the reader to its end, and tells why it
// ended there; "" for an answer.
func (b *bench4) arrive(t testing.TB, at time.Time, text string) Reason {
	t.Helper()
	p := b.packet(encode4(t, text), "192.0.2.1:67", "198.51.100.67:67")
	p.received = at
	before := map[Reason]float64{}
	for _, r := range Reasons() {
		before[r] = b.drops(sqlstore.IPv4, r)
	}
	b.enqueue(p)
	for fresh, urgent := b.queue.len(); fresh+urgent > 0; fresh, urgent = b.queue.len() {
		taken, _ := b.queue.take()
		if err := b.handle4(t.Context(), taken); err != nil {
			b.dropped(taken, err)
		}
		b.queue.done(taken)
	}
	for len(b.listener.udp.out) > 0 {
		<-b.listener.udp.out
	}
	for _, r := range Reasons() {
		if b.drops(sqlstore.IPv4, r) > before[r] {
			return r
		}
	}
	return ""
}

func discover4(client int, relay, circuit string) string {
	text := fmt.Sprintf("DISCOVER\n hw 02005e%06x\n giaddr %s", client, relay)
	if circuit != "" {
		text += "\n 82.1 text " + circuit
	}
	return text
}

// A flood of invented clients from one circuit takes a few addresses, and the
// others behind its relay do not notice.
func TestCircuitBucketBoundsAStarvationAttack(t *testing.T) {
	t.Parallel()
	b := newBench4(t, buckets4+relayedLan4, relayed4)
	now := time.Now()
	for i := range 1000 {
		want := ReasonCircuitLimit
		if i < 3 {
			want = ""
		}
		require.Equal(t, want, b.arrive(t, now, discover4(i, "192.0.2.1", "attacker")), i)
	}
	for i := range 17 { // the rest of what the relay may at once
		require.Empty(t, b.arrive(t, now, discover4(5000+i, "192.0.2.1", fmt.Sprint("port ", i))))
	}
	require.Equal(t, ReasonRelayLimit, b.arrive(t, now, discover4(5017, "192.0.2.1", "port 17")))
	require.Empty(t, b.arrive(t, now, discover4(5017, "192.0.2.2", "port 17")), "behind another relay")
	require.Len(t, b.model.rows, 21)

	now = now.Add(10 * time.Second)
	require.Empty(t, b.arrive(t, now, discover4(6000, "192.0.2.1", "attacker")), "one more in ten seconds")
	require.Equal(t, ReasonCircuitLimit, b.arrive(t, now, discover4(6001, "192.0.2.1", "attacker")))
}

// Only what begins a conversation is limited.
func TestBucketsLeaveBegunConversationsAlone(t *testing.T) {
	t.Parallel()
	b := newBench4(t, buckets4+relayedLan4, relayed4)
	now, port := time.Now(), "\n giaddr 192.0.2.1\n 82.1 text port"
	for range 3 {
		require.Empty(t, b.arrive(t, now, "DISCOVER"+port))
	}
	require.Equal(t, ReasonCircuitLimit, b.arrive(t, now, "DISCOVER"+port))
	require.Empty(t, b.arrive(t, now, "REQUEST\n 50 addr 192.0.2.10\n 54 addr 198.51.100.67"+port))
	for range 100 {
		require.Empty(t, b.arrive(t, now, "REQUEST\n ciaddr 192.0.2.10"+port))
	}
	require.Empty(t, b.arrive(t, now, "RELEASE\n ciaddr 192.0.2.10\n 54 addr 198.51.100.67"+port))
}

// Relays of several vrfs with one address have buckets of their own, whatever tells
// the vrf; and nobody uses up those of a vrf by what does not belong to it.
func TestBucketsOfSeveralVRFs(t *testing.T) {
	t.Parallel()
	const subnets = `
		link
		subnet 10.0.0.0/24 vrf=7
		pool 10.0.0.10 10.0.0.209
		link
		subnet 10.0.0.0/24 vrf=8
		pool 10.0.0.10 10.0.0.209`
	for selectors, from := range map[string]map[uint32]string{
		"vrf 7 interface=eth7\n vrf 8 interface=eth8\n":                    {7: "10.0.0.1", 8: "10.0.0.1"},
		"vrf 7 relay=198.51.100.7\n vrf 8 relay=198.51.100.8\n":            {7: "198.51.100.7", 8: "198.51.100.8"},
		"vrf 7 relay=198.51.100.7 interface=eth7\n vrf 8 interface=eth8\n": {7: "198.51.100.7", 8: "198.51.100.8"},
	} {
		for limits, limit := range map[string]Reason{"param circuit_rate 1\n param circuit_burst 3\n": ReasonCircuitLimit, "param relay_rate 1\n param relay_burst 3\n": ReasonRelayLimit} {
			b := newBench4(t, limits+selectors+subnets, relayed4)
			b.interfaces.list = func() ([]net.Interface, error) {
				return []net.Interface{{Index: 7, Name: "eth7"}, {Index: 8, Name: "eth8"}}, nil
			}
			flows := map[uint64]bool{}
			for _, vrf := range []uint32{7, 8} {
				for i := range 4 {
					p := b.packet(encode4(t, discover4(i, "10.0.0.1", "port")), from[vrf]+":67", "198.51.100.67:67")
					p.ifindex, p.received = int(vrf), time.Unix(1000, 0)
					err := b.admit(p)
					if i == 3 {
						requireDrop(t, limit, err)
						continue
					}
					require.NoError(t, err, "%s: vrf %d", selectors, vrf)
					flows[p.flow] = true
				}
			}
			require.Len(t, flows, 2)
		}
	}
	b := newBench4(t, buckets4+"vrf 7 relay=10.0.0.1\n vrf 8 relay=198.51.100.8\n"+subnets, relayed4)
	p := b.packet(encode4(t, discover4(1, "10.0.0.1", "port")), "198.51.100.8:67", "198.51.100.67:67")
	requireDrop(t, ReasonVRFMismatch, b.admit(p))
	b = newBench4(t, buckets4+"vrf 7 interface=eth7\n"+subnets, relayed4)
	b.interfaces.list = func() ([]net.Interface, error) { return nil, nil }
	p.ifindex = 3
	requireDrop(t, ReasonUnknownInterface, b.admit(p))
	require.Zero(t, b.admission.circuits.len())
}

// A vrf's clients have their own limits of DECLINEs too.
func TestDeclineChargesOfSeveralVRFs(t *testing.T) {
	t.Parallel()
	b := newBench4(t, lan4, onLink4)
	p := b.packet(encode4(t, "DECLINE\n giaddr 10.0.0.1\n 82.1 text port"), "10.0.0.1:67", "198.51.100.67:67")
	snap, keys := b.snap.Load(), map[uint64]bool{}
	for vrf := range uint32(2) {
		n := &network{link: &sqlstore.Link{ID: vrf + 1, VRF: vrf}, pools: sqlstore.NewPoolSet()}
		for _, c := range b.declineCharges(p, snap, n, "client") {
			keys[c.key] = true
		}
	}
	require.Len(t, keys, 6, "of client, link and circuit")
}

func TestNoBucketsUnlessConfigured(t *testing.T) {
	t.Parallel()
	b := newBench4(t, relayedLan4, relayed4)
	now := time.Now()
	for i := range 199 {
		require.Empty(t, b.arrive(t, now, discover4(i, "192.0.2.1", "port")))
	}
	require.Zero(t, b.admission.circuits.len())
	require.Zero(t, b.admission.relays.len())
	direct := newBench4(t, buckets4+lan4, onLink4)
	for i := range 80 {
		_, _, err := direct.ask(t, discover4(i, "0.0.0.0", ""))
		require.NoError(t, err, "clients of a direct link have neither relay nor circuit")
	}
	require.Zero(t, direct.admission.relays.len())
}

func TestBuckets6(t *testing.T) {
	t.Parallel()
	c := config6()
	c.Parameters = sqlstore.Parameters{"circuit_rate": "1", "circuit_burst": "2"}
	b := newBench6Of(t, c)
	solicit := func(circuit string) {
		inner := msg6(dhcpv6.MessageTypeSolicit, clientID6(), na6(1))
		p := b.relayed(relay6Msg(0, "2001:db8:ffff::1", "fe80::1", inner, opt6(dhcpv6.OptionInterfaceID, []byte(circuit))))
		p.received = time.Unix(1000, 0)
		b.enqueue(p)
	}
	for range 5 {
		solicit("attacker")
	}
	solicit("other")
	fresh, _ := b.queue.len()
	require.Equal(t, 3, fresh)
}

// decline4 lets a client take a lease and decline it.
func decline4(t *testing.T, b *bench4, now time.Time, client int, circuit string) Reason {
	t.Helper()
	from := fmt.Sprintf("\n hw 02005e%06x\n giaddr 192.0.2.1\n 54 addr 198.51.100.67", client)
	if circuit != "" {
		from += "\n 82.1 text " + circuit
	}
	require.Empty(t, b.arrive(t, now, discover4(client, "192.0.2.1", circuit)))
	addr := "\n 50 addr " + b.model.last().Want.String()
	for _, row := range b.model.rows {
		if row.Key == b.model.last().Key {
			addr = "\n 50 addr " + row.Addr.String()
		}
	}
	require.Empty(t, b.arrive(t, now, "REQUEST"+addr+from))
	return b.arrive(t, now, "DECLINE"+addr+from)
}

// A flood of DECLINEs cannot put more than so much into quarantine.
func TestDeclineLimit(t *testing.T) {
	t.Parallel()
	b := newBench4(t, "param decline_limit 5\n param decline_probation_period 5000\n"+relayedLan4, relayed4)
	now := time.Now()
	flood := func(n, from int, circuit string) (quarantined int) {
		for i := range n {
			switch got := decline4(t, b, now, from+i, circuit); got {
			case "":
				quarantined++
			default:
				require.Equal(t, ReasonDeclineLimit, got)
			}
		}
		return quarantined
	}
	require.Equal(t, 5, flood(20, 0, "attacker"), "of the circuit")
	require.Equal(t, 5, flood(20, 100, "other"), "each has its own")
	client := 0
	for range 10 {
		if decline4(t, b, now, 200, "") == "" {
			client++
		}
	}
	require.Equal(t, 5, client, "of a client without a circuit")
	require.Equal(t, 100-15, flood(150, 300, ""), "half of the link's 200 addresses in all")
	now = now.Add(50 * time.Second)
	require.Equal(t, 1, flood(3, 600, ""), "one comes back in each 5000 s / 100")
}

// What changes nothing costs nothing: a forger cannot keep others from
// declining.
func TestForgedDeclinesAreFree(t *testing.T) {
	t.Parallel()
	b := newBench4(t, "param decline_limit 5\n"+relayedLan4, relayed4)
	now := time.Now()
	for i := range 500 {
		text := fmt.Sprintf("DECLINE\n hw 02005eff%04x\n giaddr 192.0.2.1\n 82.1 text port\n 50 addr 192.0.2.77\n 54 addr 198.51.100.67", i)
		require.Equal(t, ReasonNoBinding, b.arrive(t, now, text))
	}
	require.Empty(t, decline4(t, b, now, 1, "port"))
	require.Equal(t, 3, b.admission.declines.len())
}

func TestDeclineLimit6(t *testing.T) {
	t.Parallel()
	c := config6()
	c.Parameters = sqlstore.Parameters{"decline_limit": "2"}
	b := newBench6Of(t, c)
	decline := request6Of(dhcpv6.MessageTypeDecline, na6(1, "2001:db8:1::1005"))
	for range 2 {
		b.answer(t, decline)
	}
	_, _, err := b.run(b.direct(decline))
	requireDrop(t, ReasonDeclineLimit, err)
	c.Parameters["decline_limit"] = "0"
	require.NoError(t, b.SetConfig(c))
	b.answer(t, decline)
}

func TestLimits(t *testing.T) {
	t.Parallel()
	l := newLimits(sqlstore.Parameters{})
	require.Equal(t, limits{declines: rate{864 * time.Second, 100}}, l)
	l = newLimits(sqlstore.Parameters{
		"relay_rate": "1000000", "relay_burst": "1000000", "circuit_rate": "0.001", "circuit_burst": "1000000",
		"decline_limit": "1000000", "decline_probation_period": "4294967295",
	})
	require.Equal(t, limits{relay: rate{1000, 1000000}, circuit: rate{1000 * time.Second, 1000000}, declines: rate{4294967295 * time.Microsecond, 1000000}}, l)
	for _, r := range []rate{l.relay, l.circuit, l.declines} {
		require.Positive(t, r.every*time.Duration(r.burst), "no overflow")
	}
	six := network{pools: sqlstore.NewPoolSet(pool6(1, 1, 1, "2001:db8::", "2001:db8::ffff:ffff:ffff:ffff", 128))}
	require.EqualValues(t, 1<<30, six.declines(l.declines).burst)
	require.Positive(t, six.declines(l.declines).every)
	require.Equal(t, rate{864 * time.Second, 100}, (&network{pools: sqlstore.NewPoolSet()}).declines(rate{864 * time.Second, 100}))
}
