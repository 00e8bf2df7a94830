//go:build linux

package frontend

import (
	"context"
	"log/slog"
	"net"
	"os"
	"runtime"
	"strconv"
	"testing"
	"time"

	"github.com/insomniacslk/dhcp/dhcpv6"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/stretchr/testify/require"
	"github.com/vishvananda/netlink"
	"github.com/vishvananda/netns"
)

// wire6 moves the calling goroutine into a network namespace of its own with a
// pair of interfaces, lan0 and cli0, that have link-local addresses. What it
// made ends with the test.
func wire6(t *testing.T) {
	t.Helper()
	if os.Geteuid() != 0 {
		if os.Getenv("ROWLOCK_TEST_REQUIRE") == "1" {
			t.Fatal("network namespaces need root")
		}
		t.Skip("network namespaces need root")
	}
	runtime.LockOSThread() // for good: the thread ends with the test's goroutine
	ns, err := netns.New()
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, ns.Close()) })
	pair := &netlink.Veth{LinkAttrs: netlink.LinkAttrs{Name: "lan0"}, PeerName: "cli0"}
	require.NoError(t, netlink.LinkAdd(pair))
	for _, name := range []string{"lan0", "cli0"} {
		// Duplicate address detection would keep the addresses back for a second.
		_ = os.WriteFile("/proc/sys/net/ipv6/conf/"+name+"/accept_dad", []byte("0"), 0o644)
		link, err := netlink.LinkByName(name)
		require.NoError(t, err)
		require.NoError(t, netlink.LinkSetUp(link))
	}
	// Not require.Eventually: its goroutine would be in the old namespace.
	for begin := time.Now(); !usable6(t, "lan0") || !usable6(t, "cli0"); time.Sleep(10 * time.Millisecond) {
		require.Less(t, time.Since(begin), 5*time.Second, "no link-local address")
	}
}

// usable6 tells whether an interface has a link-local address that may be used.
func usable6(t *testing.T, name string) bool {
	t.Helper()
	link, err := netlink.LinkByName(name)
	require.NoError(t, err)
	addrs, err := netlink.AddrList(link, netlink.FAMILY_V6)
	require.NoError(t, err)
	const tentative = 0x40
	return len(addrs) > 0 && addrs[0].Flags&tentative == 0
}

// A client multicasts from its link-local address to ff02::1:2 and gets the
// answer by unicast (RFC 9915 sections 7.1 and 18.3.10).
func TestDirectLink6(t *testing.T) {
	wire6(t)
	s, err := New(Config{
		Logger: slog.New(slog.DiscardHandler), Registerer: prometheus.NewRegistry(),
		Leaser: &leaser6{}, Members: nobody6{}, Workers: 2,
		Listen6: []ListenConfig{{Kind: ListenInterface, Interface: "lan0"}},
	})
	require.NoError(t, err)
	require.NoError(t, s.SetConfig(config6()))
	require.NoError(t, s.Start(context.Background()))
	t.Cleanup(func() { require.NoError(t, s.Shutdown(context.Background())) })

	own, err := net.InterfaceByName("cli0")
	require.NoError(t, err)
	server, err := net.InterfaceByName("lan0")
	require.NoError(t, err)
	zone := strconv.Itoa(own.Index)
	addrs, err := own.Addrs()
	require.NoError(t, err)
	c, err := net.ListenUDP("udp6", &net.UDPAddr{IP: addrs[0].(*net.IPNet).IP, Port: 546, Zone: zone})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, c.Close()) })
	require.NoError(t, c.SetDeadline(time.Now().Add(5*time.Second)))
	_, err = c.WriteToUDP(msg6(dhcpv6.MessageTypeSolicit, clientID6(), na6(1)), &net.UDPAddr{IP: net.ParseIP("ff02::1:2"), Port: 547, Zone: zone})
	require.NoError(t, err)

	buf := make([]byte, 1500)
	n, from, err := c.ReadFromUDPAddrPort(buf)
	require.NoError(t, err)
	msg, err := dhcpv6.MessageFromBytes(buf[:n])
	require.NoError(t, err)
	require.Equal(t, dhcpv6.MessageTypeAdvertise, msg.MessageType)
	require.Equal(t, [][]lease6{{{"2001:db8:1::1000", 4500, 7200}}}, leases6(msg))
	require.Equal(t, uint16(547), from.Port())
	require.True(t, from.Addr().IsLinkLocalUnicast(), from)
	serverAddrs, err := server.Addrs()
	require.NoError(t, err)
	require.Equal(t, serverAddrs[0].(*net.IPNet).IP.String(), from.Addr().WithZone("").String())
}
