package load

import (
	"math/rand/v2"
	"net/netip"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// noon is the begin of the histories in these tests.
var noon = time.Date(2026, 1, 1, 12, 0, 0, 0, time.UTC)

// ev makes an event: the message was sent at a second after noon and answered
// half a second later.
func ev(second int, client int, kind EventType, addr string, valid uint32) Event {
	sent := noon.Add(time.Duration(second) * time.Second)
	e := Event{
		At: sent.Add(500 * time.Millisecond), Sent: sent, Client: client, Type: kind, Valid: valid,
		Addr: netip.MustParsePrefix(addr), XID: uint32(second*1000 + client),
	}
	if kind == Released || kind == Declined {
		e.At = sent
	}
	return e
}

func TestVerify(t *testing.T) {
	t.Parallel()
	const (
		a, b  = "192.0.2.1/32", "192.0.2.2/32"
		a6    = "2001:db8::1/128"
		b6    = "2001:db8::2/128"
		p56   = "2001:db8:0:100::/56"
		p60   = "2001:db8:0:130::/60"
		inP60 = "2001:db8:0:130::5/128"
	)
	other := ev(0, 1, Ack, b, 60)
	other.Asked = netip.MustParsePrefix(a)
	split := ev(0, 1, Nak, a, 0)
	split.At = noon.Add(900 * time.Millisecond)
	late := ev(5, 1, Ack, a, 100) // answered after the release at 6
	late.At = noon.Add(7 * time.Second)
	for _, c := range []struct {
		name   string
		events []Event
		want   []ViolationKind
	}{
		{"nothing", nil, nil},
		{"one lease, renewed", []Event{ev(0, 1, Offer, a, 60), ev(0, 1, Ack, a, 60), ev(30, 1, Ack, a, 60)}, nil},
		{"two clients, two addresses", []Event{ev(0, 1, Ack, a, 60), ev(0, 2, Ack, b, 60)}, nil},
		{"one address, two clients", []Event{ev(0, 1, Ack, a, 60), ev(10, 2, Ack, a, 60)}, []ViolationKind{DoubleAllocation}},
		{"order of recording does not matter", []Event{ev(10, 2, Ack, a, 60), ev(0, 1, Ack, a, 60)}, []ViolationKind{DoubleAllocation}},
		{"an offer is no lease", []Event{ev(0, 1, Ack, a, 60), ev(10, 2, Offer, a, 60)}, nil},
		{"given again after its end", []Event{ev(0, 1, Ack, a, 60), ev(60, 2, Ack, a, 60)}, nil},
		{"given again a second before its end", []Event{ev(0, 1, Ack, a, 60), ev(59, 2, Ack, a, 60)}, []ViolationKind{DoubleAllocation}},
		{"given again though renewed", []Event{ev(0, 1, Ack, a, 60), ev(50, 1, Ack, a, 60), ev(61, 2, Ack, a, 60)}, []ViolationKind{DoubleAllocation}},
		{"renewed for a shorter time", []Event{ev(0, 1, Ack, a, 600), ev(10, 1, Ack, a, 10), ev(20, 2, Ack, a, 60)}, nil},
		{"for ever", []Event{ev(0, 1, Ack, a, 4294967295), ev(1e8, 2, Ack, a, 60)}, []ViolationKind{DoubleAllocation}},
		{"given again after release", []Event{ev(0, 1, Ack, a, 600), ev(10, 1, Released, a, 0), ev(10, 2, Ack, a, 60)}, nil},
		{"given again before release", []Event{ev(0, 1, Ack, a, 600), ev(9, 2, Ack, a, 60), ev(10, 1, Released, a, 0)}, []ViolationKind{DoubleAllocation}},
		{"released by another client", []Event{ev(0, 1, Ack, a, 600), ev(10, 3, Released, a, 0), ev(10, 2, Ack, a, 60)}, []ViolationKind{DoubleAllocation}},
		{"a late answer does not undo a release", []Event{ev(0, 1, Ack, a, 100), ev(6, 1, Released, a, 0), late, ev(8, 2, Ack, a, 60)}, nil},
		{"got again after release", []Event{ev(0, 1, Ack, a, 100), ev(6, 1, Released, a, 0), ev(8, 1, Ack, a, 60), ev(9, 2, Ack, a, 60)}, []ViolationKind{DoubleAllocation}},
		{"given again after a refusal", []Event{ev(0, 1, Ack, a, 600), ev(10, 1, Nak, a, 0), ev(10, 2, Ack, a, 60)}, nil},
		{"two addresses, one client", []Event{ev(0, 1, Ack, a, 60), ev(10, 1, Ack, b, 60)}, []ViolationKind{TwoAddresses}},
		{"another address after the end", []Event{ev(0, 1, Ack, a, 60), ev(60, 1, Ack, b, 60)}, nil},
		{"address and prefix", []Event{ev(0, 1, Reply, a6, 60), ev(0, 1, Reply, p56, 60)}, nil},
		{"IPv4 and IPv6", []Event{ev(0, 1, Ack, a, 60), ev(0, 1, Reply, a6, 60)}, nil},
		{"replaced with zero lifetimes", []Event{ev(0, 1, Reply, a6, 60), ev(10, 1, Reply, a6, 0), ev(10, 1, Reply, b6, 60)}, nil},
		{"replaced without zero lifetimes", []Event{ev(0, 1, Reply, a6, 60), ev(10, 1, Reply, b6, 60)}, []ViolationKind{TwoAddresses}},
		{"one prefix, two clients", []Event{ev(0, 1, Reply, p56, 60), ev(0, 2, Reply, p56, 60)}, []ViolationKind{DoubleAllocation}},
		{"prefix within a prefix", []Event{ev(0, 1, Reply, p56, 60), ev(9, 2, Reply, p60, 60)}, []ViolationKind{DoubleAllocation}},
		{"prefix around a prefix", []Event{ev(0, 1, Reply, p60, 60), ev(9, 2, Reply, p56, 60)}, []ViolationKind{DoubleAllocation}},
		{"prefix within a prefix, later", []Event{ev(0, 1, Reply, p56, 60), ev(60, 2, Reply, p60, 60)}, nil},
		{"address within a prefix", []Event{ev(0, 1, Reply, p60, 60), ev(9, 2, Reply, inP60, 60)}, []ViolationKind{DoubleAllocation}},
		{"prefixes side by side", []Event{ev(0, 1, Reply, p60, 60), ev(0, 2, Reply, "2001:db8:0:140::/60", 60)}, nil},
		{"another address than asked for", []Event{other}, []ViolationKind{OtherAddress}},
		{"acknowledged and refused", []Event{ev(0, 1, Ack, a, 60), split}, []ViolationKind{SplitAnswer}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			var got []ViolationKind
			for _, v := range Verify(c.events) {
				got = append(got, v.Kind)
				require.False(t, v.B.At.Before(v.A.At))
				require.Contains(t, v.String(), string(v.Kind))
			}
			require.Equal(t, c.want, got)
		})
	}
}

func TestVerifyRefusals(t *testing.T) {
	t.Parallel()
	const a, b = "192.0.2.1/32", "192.0.2.2/32"
	early := ev(0, 1, Nak, a, 0) // it may have been decided before the acknowledgement
	early.At = noon.Add(900 * time.Millisecond)
	for _, c := range []struct {
		name   string
		events []Event
		want   int
	}{
		{"its own", []Event{ev(0, 1, Ack, a, 60), ev(10, 1, Nak, a, 0)}, 1},
		{"its own, once", []Event{ev(0, 1, Ack, a, 60), ev(10, 1, Nak, a, 0), ev(11, 1, Nak, a, 0)}, 1},
		{"run out meanwhile", []Event{ev(0, 1, Ack, a, 10), ev(10, 1, Nak, a, 0)}, 0},
		{"another address", []Event{ev(0, 1, Ack, a, 60), ev(10, 1, Nak, b, 0)}, 0},
		{"another client", []Event{ev(0, 1, Ack, a, 60), ev(10, 2, Nak, a, 0)}, 0},
		{"given back", []Event{ev(0, 1, Ack, a, 60), ev(5, 1, Declined, a, 0), ev(10, 1, Nak, a, 0)}, 0},
		{"the same request", []Event{ev(0, 1, Ack, a, 60), early}, 0},
	} {
		require.Len(t, VerifyRefusals(c.events), c.want, c.name)
	}
	hs := Holdings([]Event{ev(20, 2, Ack, b, 60), ev(0, 1, Ack, a, 60), ev(5, 1, Declined, a, 0)})
	require.Len(t, hs, 2)
	require.Equal(t, 1, hs[0].Client)
	require.Equal(t, noon.Add(5*time.Second), hs[0].To)
}

func TestVerifyFindsShortOverlapBehindALongOne(t *testing.T) {
	t.Parallel()
	const a = "192.0.2.1/32"
	// Client 1 holds all the time, client 2 for a moment, and client 3 later:
	// both are breaches, whichever lease ends last.
	vs := Verify([]Event{ev(0, 1, Ack, a, 1000), ev(10, 2, Ack, a, 5), ev(100, 3, Ack, a, 5)})
	require.Len(t, vs, 2)
	require.Equal(t, 2, vs[0].B.Client)
	require.Equal(t, 3, vs[1].B.Client)
}

// TestVerifyAgainstAllPairs compares the sweep with the plain look at every
// pair, on random histories.
func TestVerifyAgainstAllPairs(t *testing.T) {
	t.Parallel()
	rng := rand.New(rand.NewPCG(1, 2))
	prefixes := []string{"2001:db8::/48", "2001:db8::/56", "2001:db8::/64", "2001:db8::1/128", "2001:db8:1::/48", "2001:db8:1::1/128"}
	broken := 0
	for range 500 {
		var events []Event
		for range rng.IntN(8) {
			kind := []EventType{Reply, Reply, Reply, Released, Nak}[rng.IntN(5)]
			e := ev(rng.IntN(40), rng.IntN(4), kind, prefixes[rng.IntN(len(prefixes))], uint32(rng.IntN(20)))
			e.XID = rng.Uint32() // no two events are of one exchange
			events = append(events, e)
		}
		hs := holdings(events)
		want := false
		for i, a := range hs {
			for _, b := range hs[:i] {
				want = want || a.client != b.client && a.prefix.Overlaps(b.prefix) && a.overlaps(b)
			}
		}
		got := false
		for _, v := range Verify(events) {
			got = got || v.Kind == DoubleAllocation
		}
		require.Equal(t, want, got, "%v", events)
		if want {
			broken++
		}
	}
	require.Greater(t, broken, 50)
	require.Less(t, broken, 450)
}

func TestVerifyOffers(t *testing.T) {
	t.Parallel()
	one, two := ev(0, 1, Offer, "192.0.2.1/32", 60), ev(0, 1, Offer, "192.0.2.2/32", 60)
	require.Empty(t, VerifyOffers([]Event{one, one}))
	vs := VerifyOffers([]Event{one, two})
	require.Len(t, vs, 1)
	require.Equal(t, OtherOffer, vs[0].Kind)
	two.XID++
	require.Empty(t, VerifyOffers([]Event{one, two}), "another DISCOVER")
	na, pd := ev(0, 1, Advertise, "2001:db8::1/128", 60), ev(0, 1, Advertise, "2001:db8:1::/56", 60)
	require.Empty(t, VerifyOffers([]Event{na, pd}), "an address and a prefix")
}

func TestLeasesOfAHistory(t *testing.T) {
	t.Parallel()
	const a, b, a6, p6 = "192.0.2.1/32", "192.0.2.2/32", "2001:db8::1/128", "2001:db8:1::/56"
	got := Leases([]Event{
		ev(9, 1, Ack, b, 60), ev(0, 1, Ack, a, 60), // in the wrong order
		ev(0, 2, Ack, a, 60), ev(5, 2, Released, a, 0),
		ev(0, 3, Ack, a, 60), ev(5, 3, Nak, a, 0),
		ev(0, 4, Offer, a, 60),
		ev(0, 1, Reply, p6, 60), ev(0, 1, Reply, a6, 60),
		ev(0, 2, Reply, a6, 60), ev(1, 2, Reply, a6, 0),
	})
	var addrs []string
	for _, l := range got {
		require.Equal(t, 1, l.Client)
		addrs = append(addrs, l.Addr.String())
	}
	require.Equal(t, []string{b, a6, p6}, addrs)
}

func BenchmarkVerify(b *testing.B) {
	var events []Event
	for i := range 200_000 {
		addr := netip.PrefixFrom(netip.AddrFrom4([4]byte{198, 18, byte(i / 2 >> 8), byte(i / 2)}), 32)
		e := ev(i%1000, i/2, Ack, "192.0.2.1/32", 3600)
		e.Addr, e.XID = addr, uint32(i)
		e.Client = i / 2
		events = append(events, e)
	}
	for b.Loop() {
		Verify(events[:100_000])
	}
}
