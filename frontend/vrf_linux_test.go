//go:build linux

package frontend

import (
	"context"
	"log/slog"
	"net"
	"net/netip"
	"os"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/stretchr/testify/require"
	"github.com/vishvananda/netlink"
	"github.com/vishvananda/netns"
)

// farRelay4 makes a namespace with the interface far, 10.0.0.1/24, behind the
// interface near of this one, and returns a relay's socket in it.
func farRelay4(t *testing.T, near, far, addr string) *net.UDPConn {
	t.Helper()
	here, err := netns.Get()
	require.NoError(t, err)
	there, err := netns.New()
	require.NoError(t, err)
	t.Cleanup(func() {
		require.NoError(t, here.Close())
		require.NoError(t, there.Close())
	})
	require.NoError(t, netns.Set(here))
	require.NoError(t, netlink.LinkAdd(&netlink.Veth{
		LinkAttrs: netlink.LinkAttrs{Name: near}, PeerName: far, PeerNamespace: netlink.NsFd(there),
	}))
	addAddr4(t, near, addr)
	require.NoError(t, netns.Set(there))
	defer func() { require.NoError(t, netns.Set(here)) }()
	addAddr4(t, far, "10.0.0.1/24")
	awaitLink(t, far)
	c, err := net.ListenUDP("udp4", &net.UDPAddr{IP: net.IPv4(10, 0, 0, 1)})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, c.Close()) })
	require.NoError(t, c.SetDeadline(time.Now().Add(10*time.Second)))
	return c
}

// Relays with one address are behind two interfaces: each gets the answers of its
// own vrf, from one socket.
func TestRelaysWithOneAddressBehindTwoInterfaces(t *testing.T) {
	link4(t)
	for _, which := range []string{"all", "default"} { // where it is off already it may be that nobody may write it
		_ = os.WriteFile("/proc/sys/net/ipv4/conf/"+which+"/rp_filter", []byte("0"), 0)
	}
	relays := map[string]*net.UDPConn{
		"10.0.0.7": farRelay4(t, "srv7", "rel7", "10.0.0.7/24"), "10.0.0.8": farRelay4(t, "srv8", "rel8", "10.0.0.8/24"),
	}
	interfaces, err := net.Interfaces()
	require.NoError(t, err)
	s, err := New(Config{
		Logger: slog.New(slog.DiscardHandler), Registerer: prometheus.NewRegistry(),
		Leaser: newModel4(), Members: members4{}, Workers: 2, Deadline: 10 * time.Second, // a machine may be busy
		Listen4: []ListenConfig{{Kind: ListenUDP, Address: netip.MustParseAddrPort("0.0.0.0:0")}},
	})
	require.NoError(t, err)
	s.interfaces.list = func() ([]net.Interface, error) { return interfaces, nil } // the workers are in another namespace
	c, err := parseConfig4(`
		vrf 7 interface=srv7
		vrf 8 interface=srv8
		link
		subnet 10.0.0.0/24 vrf=7
		pool 10.0.0.70 10.0.0.79
		link
		subnet 10.0.0.0/24 vrf=8
		pool 10.0.0.80 10.0.0.89`)
	require.NoError(t, err)
	require.NoError(t, s.SetConfig(c))
	require.NoError(t, s.Start(context.Background()))
	t.Cleanup(func() { require.NoError(t, s.Shutdown(context.Background())) })
	for server, relay := range relays {
		to := netip.AddrPortFrom(netip.MustParseAddr(server), s.LocalAddrs()[0].Port())
		_, err := relay.WriteToUDPAddrPort(encode4(t, "DISCOVER\n giaddr 10.0.0.1\n 82.19"), to)
		require.NoError(t, err)
		buf := make([]byte, 1500)
		n, from, err := relay.ReadFromUDPAddrPort(buf)
		require.NoError(t, err, server)
		require.Equal(t, to, from)
		require.Equal(t, server+"0", decodeReply4(t, buf[:n]).yiaddr)
	}
}
