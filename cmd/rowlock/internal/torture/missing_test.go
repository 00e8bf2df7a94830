package torture

import (
	"testing"

	"github.com/stretchr/testify/require"

	"rowlock/cmd/rowperf/load"
)

// A record of next to nothing proves nothing, and says why.
func TestMissing(t *testing.T) {
	t.Parallel()
	require.Len(t, Missing(nil), len(least))

	var events []load.Event
	second := 0.0
	see := func(client int, kind load.EventType, addr string) {
		second++
		events = append(events, saw(second, client, kind, addr, 60))
	}
	const a6 = "2001:db8::1/128"
	for i := range 100 {
		see(i/10, load.Ack, a) // ten owners, one after the other
		see(1, load.Reply, a6)
		see(1, load.Reply, p56)
		see(i, load.Offer, a) // says nothing
	}
	see(0, load.Released, a) // has run out
	none := []string{"changes of owner: 9 of 10", "declines in time: 0 of 10", "refusals: 0 of 10", "releases in time: 0 of 10"}
	require.Equal(t, none, Missing(events))
	for range 10 {
		see(10, load.Ack, a)
		see(10, load.Released, a)
		see(10, load.Released, a) // is no lease any more
		see(10, load.Ack, b)
		see(10, load.Declined, b)
		see(10, load.Nak, b)
	}
	require.Empty(t, Missing(events))

	var copies []load.Event // of one answer: nobody has renewed
	for range 200 {
		copies = append(copies, saw(0, 1, load.Ack, a, 60))
	}
	require.Contains(t, Missing(copies), "renewals in time: 0 of 100")
}
