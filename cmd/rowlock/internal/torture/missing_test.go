package torture

import (
	"net/netip"
	"testing"

	"github.com/stretchr/testify/require"

	"rowlock/cmd/rowperf/load"
)

// A record of next to nothing proves nothing, and says why.
func TestMissing(t *testing.T) {
	t.Parallel()
	require.Len(t, Missing(nil), len(least))

	var events []load.Event
	ack := func(kind load.EventType, client int, addr netip.Addr, bits int) {
		e := saw(float64(len(events)), client, kind, netip.PrefixFrom(addr, bits).String(), 60)
		events = append(events, e)
	}
	a4, a6, p := netip.MustParseAddr("192.0.2.1"), netip.MustParseAddr("2001:db8::1"), netip.MustParseAddr("2001:db8:100::")
	for i := range 100 {
		ack(load.Ack, i/10, a4, 32) // ten owners, one after the other
		ack(load.Reply, 1, a6, 128)
		ack(load.Reply, 1, p, 56)
		ack(load.Offer, i, a4, 32) // says nothing
	}
	require.Equal(t, []string{"changes of owner: 9 of 10", "declines: 0 of 10", "releases: 0 of 10"}, Missing(events))
	ack(load.Ack, 10, a4, 32)
	for i := range 10 {
		events = append(events, saw(500, i, load.Released, a, 0), saw(500, i, load.Declined, b, 0))
	}
	require.Empty(t, Missing(events))

	var copies []load.Event // of one answer: the lease was acknowledged once
	for range 200 {
		copies = append(copies, saw(0, 1, load.Ack, a, 60))
	}
	require.Contains(t, Missing(copies), "leases acknowledged again: 0 of 100")
}
