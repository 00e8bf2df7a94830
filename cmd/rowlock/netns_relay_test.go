//go:build linux

package main_test

import (
	"encoding/hex"
	"fmt"
	"net/netip"

	"github.com/stretchr/testify/require"

	"rowlock/cmd/rowlock/internal/netlab"
)

// Prefixes of the link behind the relay, see site.yaml.
const (
	access4  = "198.51.100.0/24"
	access6  = "2001:db8:2::/64"
	accessPD = "2001:db8:9000::/36"
)

// accessLink is a link with clients behind a relay. The relay is the first
// address there, and has the number in the core network, where the server is
// number 1.
type accessLink struct {
	net4, net6 string
	number     int
}

var (
	nearLink = accessLink{"192.0.2.", "2001:db8:1::", 3}
	farLink  = accessLink{"198.51.100.", "2001:db8:2::", 2}
)

// agent is a relay agent between the interfaces down0 and up0 of a node.
type agent struct {
	start func(n *netlab.Node, link accessLink)
	// circuitID is what it calls down0 for DHCPv4, if it does
	circuitID string
	// interfaceID says that it names down0 for DHCPv6, clientMAC that it tells
	// the client's hardware address (RFC 6939)
	interfaceID, clientMAC bool
}

var (
	dhcrelay4 = agent{circuitID: "down0", start: func(n *netlab.Node, _ accessLink) {
		n.Start("relay4", "dhcrelay", "-4", "-d", "--no-pid", "-a", "-id", "down0", "-iu", "up0", "203.0.113.1")
	}}
	dhcrelay6 = agent{interfaceID: true, start: func(n *netlab.Node, _ accessLink) {
		n.Start("relay6", "dhcrelay", "-6", "-d", "--no-pid", "-I", "-l", "down0", "-u", "2001:db8:ffff::1%up0")
	}}
	dnsmasq4 = agent{start: func(n *netlab.Node, link accessLink) {
		n.Start("relay4", append(dnsmasq, "--dhcp-relay="+link.net4+"1,203.0.113.1")...)
	}}
	dnsmasq6 = agent{clientMAC: true, start: func(n *netlab.Node, link accessLink) {
		n.Start("relay6", append(dnsmasq, "--dhcp-relay="+link.net6+"1,2001:db8:ffff::1")...)
	}}
	dnsmasq = []string{"dnsmasq", "--no-daemon", "--conf-file=/dev/null", "--port=0", "--user=root", "--pid-file=", "--log-dhcp"}
)

// port is an interface that a node is to get.
type port struct {
	node  *netlab.Node
	iface string
}

// router makes a node between an access link and the core network, where the
// interface of the server's side is.
func (s *site) router(link accessLink, access, core port) *netlab.Node {
	s.t.Helper()
	n := s.lab.Node(fmt.Sprintf("router%d", link.number))
	s.lab.Link(n, "down0", access.node, access.iface)
	s.lab.Link(n, "up0", core.node, core.iface)
	n.Forward()
	n.Addr("down0", link.net4+"1/24", link.net6+"1/64")
	n.Addr("up0", fmt.Sprintf("203.0.113.%d/24", link.number), fmt.Sprintf("2001:db8:ffff::%d/64", link.number))
	return n
}

// inCore puts the server's interface into the core network, with routes to the
// access links.
func inCore(server *netlab.Node, iface string, links ...accessLink) {
	server.Addr(iface, "203.0.113.1/24", "2001:db8:ffff::1/64")
	for _, link := range links {
		server.Route(link.net4+"0/24", fmt.Sprintf("203.0.113.%d", link.number))
		server.Route(link.net6+"/64", fmt.Sprintf("2001:db8:ffff::%d", link.number))
	}
}

// relayNetwork is a client, a router for a relay agent, and a server on another
// link.
func relayNetwork(s *site) (client, router, server *netlab.Node) {
	client, server = s.lab.Node("client"), s.lab.Node("server")
	router = s.router(farLink, port{client, "eth0"}, port{server, "eth0"})
	inCore(server, "eth0", farLink)
	server.Capture("eth0")
	return client, router, server
}

// hexText is text as lease list prints bytes.
func hexText(s string) string { return hex.EncodeToString([]byte(s)) }

// A relay agent may add option 82 (RFC 3046); the row keeps it, also when the
// client later renews without the agent, by unicast through the router.
func testRelay4(s *site, a agent) {
	node, router, server := relayNetwork(s)
	s.serve(server, "one", "dhcp4: [{address: 203.0.113.1, port: 67}]")
	a.start(router, farLink)
	c := dhclient(s.t, s.lab, node, want4)
	c.start()
	addr := c.address(access4)
	first := s.lease(addr, "active")
	require.Equal(s.t, 2, first.SubnetID)
	require.Equal(s.t, node.HWAddr("eth0").String(), first.HWAddr)
	require.Equal(s.t, "198.51.100.1", first.Relay)
	require.Equal(s.t, hexText(a.circuitID), first.CircuitID)

	c.renew()
	s.kept(c, access4, first)
	require.Equal(s.t, hexText(a.circuitID), s.lease(addr, "active").CircuitID)

	c.release()
	s.lease(addr, "released")
}

// A DHCPv6 relay agent wraps the messages (RFC 9915 19) and may name its
// interface (interface-id); the client renews through it.
func testRelay6(s *site, a agent) {
	node, router, server := relayNetwork(s)
	s.serve(server, "one", `dhcp6: [{address: "2001:db8:ffff::1", port: 547}]`)
	a.start(router, farLink)
	c := dhclient(s.t, s.lab, node, wantBoth)
	c.start()
	first := s.lease(c.address(access6), "active")
	pd := s.lease(c.prefix(accessPD).Addr(), "active")
	for _, row := range []leaseRow{first, pd} {
		require.Equal(s.t, 4, row.SubnetID)
		require.Equal(s.t, "2001:db8:2::1", row.Relay)
		require.Equal(s.t, a.interfaceID, row.InterfaceID != "")
		if a.clientMAC {
			require.Equal(s.t, node.HWAddr("eth0").String(), row.HWAddr)
		}
	}
	c.renew()
	s.renewed(first)
	s.renewed(pd)

	c.release()
	s.lease(netip.MustParseAddr(first.Addr), "released")
	s.lease(netip.MustParseAddr(pd.Addr), "released")
}

// twoRouters is a client on each of two access links, their routers, and the
// server that both routers lead to.
func twoRouters(s *site) (clients, routers [2]*netlab.Node, server *netlab.Node) {
	core := s.lab.Node("core")
	server = s.lab.Node("server")
	s.lab.Link(server, "eth0", core, "port1")
	ports := []string{"port1"}
	for i, link := range []accessLink{nearLink, farLink} {
		up := port{core, fmt.Sprintf("port%d", link.number)}
		clients[i] = s.lab.Node(fmt.Sprintf("client%d", link.number))
		routers[i] = s.router(link, port{clients[i], "eth0"}, up)
		ports = append(ports, up.iface)
	}
	core.Bridge("br0", ports...)
	inCore(server, "eth0", nearLink, farLink)
	server.Capture("eth0")
	return clients, routers, server
}

// Two relays of different make lead to one server: each client gets an address
// of its own link, and renews it through its own router.
func testTwoRelays4(s *site) {
	nodes, routers, server := twoRouters(s)
	s.serve(server, "one", "dhcp4: [{address: 203.0.113.1, port: 67}]")
	dhcrelay4.start(routers[0], nearLink)
	dnsmasq4.start(routers[1], farLink)
	near, far := dhclient(s.t, s.lab, nodes[0], want4), dhclient(s.t, s.lab, nodes[1], want4)
	near.start()
	far.start()
	first, second := s.lease(near.address(direct4), "active"), s.lease(far.address(access4), "active")
	require.Equal(s.t, 1, first.SubnetID)
	require.Equal(s.t, "192.0.2.1", first.Relay)
	require.Equal(s.t, 2, second.SubnetID)
	require.Equal(s.t, "198.51.100.1", second.Relay)
	near.renew()
	far.renew()
	s.kept(near, direct4, first)
	s.kept(far, access4, second)
}

// The same with DHCPv6, where renewals go through the relays.
func testTwoRelays6(s *site) {
	nodes, routers, server := twoRouters(s)
	s.serve(server, "one", `dhcp6: [{address: "2001:db8:ffff::1", port: 547}]`)
	dhcrelay6.start(routers[0], nearLink)
	dnsmasq6.start(routers[1], farLink)
	near, far := dhclient(s.t, s.lab, nodes[0], wantBoth), dhclient(s.t, s.lab, nodes[1], wantBoth)
	near.start()
	far.start()
	first, second := s.lease(near.address(direct6), "active"), s.lease(far.address(access6), "active")
	require.Equal(s.t, 3, s.lease(near.prefix(directPD).Addr(), "active").SubnetID)
	require.Equal(s.t, 4, s.lease(far.prefix(accessPD).Addr(), "active").SubnetID)
	require.Equal(s.t, "2001:db8:1::1", first.Relay)
	require.Equal(s.t, "2001:db8:2::1", second.Relay)
	near.renew()
	far.renew()
	s.renewed(first)
	s.renewed(second)
}

// A relay behind a relay wraps a message twice (RFC 9915 19.1.2). The row names
// the one that is next to the client; the answer finds its way back.
func testRelayChain6(s *site) {
	node, inner, server := s.lab.Node("client"), s.lab.Node("inner"), s.lab.Node("server")
	s.lab.Link(node, "eth0", inner, "down0")
	inner.Addr("down0", "2001:db8:2::1/64")
	middle := accessLink{"192.0.2.", "2001:db8:3::", 2}
	outer := s.router(middle, port{inner, "up0"}, port{server, "eth0"})
	inner.Addr("up0", "2001:db8:3::2/64")
	inCore(server, "eth0", middle)
	server.Capture("eth0")
	s.serve(server, "one", `dhcp6: [{address: "2001:db8:ffff::1", port: 547}]`)
	dhcrelay6.start(outer, middle)
	inner.Start("relay6", "dhcrelay", "-6", "-d", "--no-pid", "-I", "-l", "down0", "-u", "2001:db8:3::1%up0")
	c := dhclient(s.t, s.lab, node, wantBoth)
	c.start()
	first := s.lease(c.address(access6), "active")
	pd := s.lease(c.prefix(accessPD).Addr(), "active")
	require.Equal(s.t, 4, first.SubnetID)
	require.Equal(s.t, "2001:db8:2::1", first.Relay)
	c.renew()
	s.renewed(first)
	s.renewed(pd)
	c.release()
	s.lease(netip.MustParseAddr(first.Addr), "released")
	s.lease(netip.MustParseAddr(pd.Addr), "released")
}
