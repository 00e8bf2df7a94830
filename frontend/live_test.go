package frontend

import (
	"context"
	"fmt"
	"net/netip"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus/testutil"
	"github.com/stretchr/testify/require"

	"rowlock/sqlstore"
)

// withRelay is manySubnets for a server on loopback: the relay's own subnet
// comes first.
func withRelay(count int) *sqlstore.Config {
	c := manySubnets(count)
	own := &sqlstore.Subnet{ID: 1 << 20, LinkID: 1 << 20, Prefix: netip.MustParsePrefix("192.0.2.0/24"), Relays: []netip.Addr{netip.MustParseAddr("127.0.0.1")}}
	own.Pools = []*sqlstore.Pool{{
		ID: 1 << 20, Gen: 1, SubnetID: own.ID, LinkID: own.LinkID, Kind: sqlstore.NA, DelegatedLen: 32,
		First: netip.MustParseAddr("192.0.2.10"), Last: netip.MustParseAddr("192.0.2.99"),
	}}
	c.Links = append([]*sqlstore.Link{{ID: own.LinkID, Subnets: []*sqlstore.Subnet{own}}}, c.Links...)
	return c
}

// TestSubnetsAddedWhilePacketsFlow grows a network from 500 subnets to 4,000 and
// shrinks it again while clients ask: every packet of theirs is answered, and
// each new subnet serves as soon as its configuration is taken.
func TestSubnetsAddedWhilePacketsFlow(t *testing.T) {
	t.Parallel()
	s, at := loopback4(t, newModel4(), func(c *Config) { c.Deadline = 20 * time.Second })
	whole := withRelay(4000)
	var stop atomic.Bool
	var asked atomic.Int64
	var clients sync.WaitGroup
	for client := range 3 {
		relay := relay4(t)
		clients.Go(func() {
			for !stop.Load() {
				m := exchange4(t, relay, at, fmt.Sprintf("DISCOVER\n hw 02005e1000%02x", client))
				if m.kind != "OFFER" {
					t.Error("no offer but ", m.kind)
				}
				asked.Add(1)
			}
		})
	}
	relay := relay4(t)
	var sizes []int
	for n := 500; n <= 4000; n += 500 {
		sizes = append(sizes, n)
	}
	back := slices.Clone(sizes[:len(sizes)-1])
	slices.Reverse(back)
	for i, n := range append(sizes, back...) {
		next := *whole
		next.Revision = int64(i + 2)
		next.Links = whole.Links[:n+1]
		require.NoError(t, s.SetConfig(&next))
		last := next.Links[n].Subnets[0]
		m := exchange4(t, relay, at, fmt.Sprintf("DISCOVER\n hw 02005e10%04x\n 82.5 addr %s", i, last.Prefix.Addr()))
		require.True(t, last.Prefix.Contains(netip.MustParseAddr(m.yiaddr)), "%s of %s", m.yiaddr, last.Prefix)
	}
	stop.Store(true)
	clients.Wait()
	require.Positive(t, asked.Load())
	require.EqualValues(t, 16, s.Revision())
	for _, r := range Reasons() {
		require.Zero(t, testutil.ToFloat64(s.metrics.drops.WithLabelValues("v4", string(r))), r)
	}
}

// A packet that is being decided when the configuration changes is answered from
// the one that it began with.
func TestPacketsInFlightFinishOnTheirSnapshot(t *testing.T) {
	t.Parallel()
	model, entered, release := newModel4(), make(chan struct{}, 1), make(chan struct{})
	b := newBench4(t, lan4, onLink4)
	b.cfg.Leaser = leaserFunc(func(ctx context.Context, r *sqlstore.Request) (*sqlstore.Decision, error) {
		if r.Revision == 1 {
			entered <- struct{}{}
			<-release
		}
		return model.Do(ctx, r)
	})
	p := b.packet(encode4(t, "DISCOVER"), "0.0.0.0:68", "255.255.255.255:67")
	done := make(chan error, 1)
	var o *outgoing
	go func() {
		var err error
		o, err = b.run(p)
		done <- err
	}()
	<-entered
	c, err := parseConfig4("revision 2\n link\n subnet 198.51.100.0/24 interface=eth0\n pool 198.51.100.10 198.51.100.20")
	require.NoError(t, err)
	require.NoError(t, b.SetConfig(c))
	close(release)
	require.NoError(t, <-done)
	require.Equal(t, "192.0.2.10", decodeReply4(t, o.data).yiaddr)
	_, m, err := b.ask(t, "DISCOVER\n hw 02005e1000ff")
	require.NoError(t, err)
	require.Equal(t, "198.51.100.10", m.yiaddr)
}
