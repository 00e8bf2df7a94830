package frontend

import (
	"context"
	"log/slog"
	"net"
	"net/netip"
	"testing"
	"time"

	"github.com/insomniacslk/dhcp/dhcpv6"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"
	"github.com/stretchr/testify/require"
)

// serve6 starts a server for relayed traffic on a loopback port that the
// system chooses.
func serve6(t *testing.T, relayPort uint16) (*Server, *leaser6) {
	t.Helper()
	leaser := &leaser6{}
	s, err := New(Config{
		Logger: slog.New(slog.DiscardHandler), Registerer: prometheus.NewRegistry(),
		Leaser: leaser, Members: nobody6{}, Workers: 4,
		Listen6: []ListenConfig{{Kind: ListenUDP, Address: netip.MustParseAddrPort("[::1]:0"), RelayPort: relayPort}},
	})
	require.NoError(t, err)
	require.NoError(t, s.SetConfig(config6()))
	require.NoError(t, s.Start(context.Background()))
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
		defer cancel()
		require.NoError(t, s.Shutdown(ctx))
	})
	return s, leaser
}

func relaySocket6(t *testing.T) *net.UDPConn {
	t.Helper()
	c, err := net.ListenUDP("udp6", net.UDPAddrFromAddrPort(netip.MustParseAddrPort("[::1]:0")))
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, c.Close()) })
	require.NoError(t, c.SetDeadline(time.Now().Add(5*time.Second)))
	return c
}

func read6(t *testing.T, c *net.UDPConn) (*dhcpv6.RelayMessage, netip.AddrPort) {
	t.Helper()
	buf := make([]byte, 4096)
	n, from, err := c.ReadFromUDPAddrPort(buf)
	require.NoError(t, err)
	msg, err := dhcpv6.RelayMessageFromBytes(buf[:n])
	require.NoError(t, err)
	return msg, from
}

func TestRelayedOverUDP6(t *testing.T) {
	t.Parallel()
	plain, other := relaySocket6(t), relaySocket6(t)
	relayPort := plain.LocalAddr().(*net.UDPAddr).AddrPort().Port()
	s, _ := serve6(t, relayPort)
	to := s.LocalAddrs()[0]

	// A relay with a port of its own (RFC 8357) gets its answer there.
	solicit := msg6(dhcpv6.MessageTypeSolicit, clientID6(), na6(1), pd6(1))
	_, err := other.WriteToUDPAddrPort(relay6Msg(0, "2001:db8:1::1", "fe80::9", solicit, opt6(dhcpv6.OptionRelayPort, u16(0))), to)
	require.NoError(t, err)
	msg, from := read6(t, other)
	require.Equal(t, to, from, "from the address that was asked")
	require.Equal(t, dhcpv6.MessageTypeAdvertise, msg.Options.RelayMessage().Type())

	// The others get theirs at the port of relays, wherever they sent from.
	request := request6Of(dhcpv6.MessageTypeRequest, na6(1, "2001:db8:1::1000"))
	_, err = other.WriteToUDPAddrPort(relay6Msg(0, "2001:db8:1::1", "fe80::9", request), to)
	require.NoError(t, err)
	msg, _ = read6(t, plain)
	require.Equal(t, dhcpv6.MessageTypeReply, msg.Options.RelayMessage().Type())
	require.Equal(t, [][]lease6{{{"2001:db8:1::1000", 4500, 7200}}}, leases6(msg.Options.RelayMessage().(*dhcpv6.Message)))
}

func TestGarbageOverUDP6IsCounted(t *testing.T) {
	t.Parallel()
	c := relaySocket6(t)
	s, leaser := serve6(t, 547)
	for _, data := range [][]byte{{12}, {1, 2}, msg6(dhcpv6.MessageTypeSolicit, clientID6(), na6(1))} {
		_, err := c.WriteToUDPAddrPort(data, s.LocalAddrs()[0])
		require.NoError(t, err)
	}
	drops := func(r Reason) float64 { return counter6(t, s, r) }
	require.Eventually(t, func() bool { return drops(ReasonMalformed) == 2 && drops(ReasonUnicast) == 1 }, 5*time.Second, 5*time.Millisecond)
	require.Empty(t, leaser.items())
}

func counter6(t *testing.T, s *Server, r Reason) float64 {
	t.Helper()
	c, err := s.metrics.drops.GetMetricWithLabelValues("v6", string(r))
	require.NoError(t, err)
	return testutil.ToFloat64(c)
}
