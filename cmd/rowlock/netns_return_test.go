//go:build linux

package main_test

import (
	"errors"
	"net/netip"

	"github.com/stretchr/testify/require"

	"rowlock/cmd/rowlock/internal/netlab"
)

// returns is how often a client may come back until it does so in one go: some
// wait only a moment for an answer before they begin anew.
const returns = 5

// A client that comes back asks for its address without naming a server (RFC
// 2131 4.3.2, INIT-REBOOT), and discovers nobody.
func testReboot4(s *site, p program) {
	node, server := directNetwork(s)
	s.serve(server, "one", "dhcp4: [{interface: eth0}]")
	c := p(s.t, s.lab, node, want4)
	c.start()
	addr := c.address(direct4)
	for range returns {
		first := s.lease(addr, "active")
		discovers := s.packets(server, "received", "v4", "discover")
		bound := c.count(c.says.bound)
		if c.carrier {
			node.Down("eth0")
			s.gone(node, addr)
			node.Up("eth0")
		} else {
			c.crash()
			c.start()
		}
		c.more("a lease after the return", c.says.bound, bound)
		require.Equal(s.t, addr, c.address(direct4))
		s.renewed(first)
		if discovers == s.packets(server, "received", "v4", "discover") {
			return
		}
	}
	s.t.Fatal("the client always discovers servers when it comes back")
}

// A DHCPv6 client that comes back asks whether its address still fits the link
// (RFC 9915 18.2.3), which the server affirms from its configuration.
func testConfirm6(s *site, p program) {
	node, server := directNetwork(s)
	s.serve(server, "one", "dhcp6: [{interface: eth0}]")
	c := p(s.t, s.lab, node, wantNA)
	c.start()
	addr := c.address(direct6)
	s.lease(addr, "active")
	c.crash()

	solicits := s.packets(server, "received", "v6", "solicit")
	inUse := c.says.bound + "|" + c.says.renewed
	before := c.count(inUse)
	c.start()
	s.lab.Eventually(bindTime, "a CONFIRM", func() error {
		if s.packets(server, "received", "v6", "confirm") == 0 {
			return errors.New("none was received")
		}
		return nil
	})
	c.more("word of the lease", inUse, before)
	require.Equal(s.t, addr, c.address(direct6))
	s.lease(addr, "active")
	require.Equal(s.t, solicits, s.packets(server, "received", "v6", "solicit"))
}

// switchboard is a client that may be plugged into the server's own link, br1,
// or into the one behind a router, br2.
func switchboard(s *site) (client, lan, router, server *netlab.Node) {
	client, lan, server = s.lab.Node("client"), s.lab.Node("lan"), s.lab.Node("server")
	s.lab.Link(client, "eth0", lan, "port0")
	s.lab.Link(server, "eth0", lan, "port1")
	server.Addr("eth0", "192.0.2.1/24", "2001:db8:1::1/64")
	router = s.router(farLink, port{lan, "port2"}, port{server, "eth1"})
	inCore(server, "eth1", farLink)
	lan.Bridge("br1", "port0", "port1")
	lan.Bridge("br2", "port2")
	server.Capture("any")
	return client, lan, router, server
}

// A client that was moved asks for an address of its former link and is denied
// it (RFC 2131 4.3.2: NAK for a wrong network), then gets one of its new link.
func testMoved4(s *site, p program) {
	node, lan, router, server := switchboard(s)
	s.serve(server, "one", "dhcp4: [{interface: eth0}, {interface: eth1}]")
	dhcrelay4.start(router, farLink)
	c := p(s.t, s.lab, node, want4)
	c.start()
	addr := c.address(direct4)
	require.Zero(s.t, s.packets(server, "sent", "v4", "nak"))
	c.crash()
	lan.Plug("br2", "port0")
	c.start()
	moved := s.lease(c.address(access4), "active")
	require.Equal(s.t, 2, moved.SubnetID)
	require.Positive(s.t, s.packets(server, "sent", "v4", "nak"))
	s.gone(node, addr)
}

// The same with DHCPv6: the CONFIRM of the moved client is answered by NotOnLink
// (RFC 9915 18.3.3), and it solicits.
func testMoved6(s *site, p program) {
	node, lan, router, server := switchboard(s)
	s.serve(server, "one", "dhcp6: [{interface: eth0}, {interface: eth1}]")
	dhcrelay6.start(router, farLink)
	c := p(s.t, s.lab, node, wantNA)
	c.start()
	c.address(direct6)
	require.Zero(s.t, s.packets(server, "received", "v6", "confirm"))
	solicits := s.packets(server, "received", "v6", "solicit")
	c.crash()
	lan.Plug("br2", "port0")
	c.start()
	moved := s.lease(c.address(access6), "active")
	require.Equal(s.t, 4, moved.SubnetID)
	require.Positive(s.t, s.packets(server, "received", "v6", "confirm"))
	require.Greater(s.t, s.packets(server, "received", "v6", "solicit"), solicits)
}

// The server is killed and comes back: it has forgotten nothing, and the client
// renews as if nothing had been.
func testRestart4(s *site, p program) {
	node, server := directNetwork(s)
	process := s.serve(server, "one", "dhcp4: [{interface: eth0}]")
	c := p(s.t, s.lab, node, want4)
	c.start()
	addr := c.address(direct4)
	first := s.lease(addr, "active")
	bound := c.count(c.says.bound)
	require.NoError(s.t, process.Kill())
	s.serve(server, "one", "dhcp4: [{interface: eth0}]")
	c.renew()
	s.kept(c, direct4, first)
	require.Equal(s.t, bound, c.count(c.says.bound), "the client began anew")
}

// While the server is away a client's RENEW stays without answer. At T2 it asks
// every server (RFC 9915 18.2.5); the one that came back extends what it has.
func testRebind6(s *site, p program) {
	node, server := directNetwork(s)
	process := s.serve(server, "one", "dhcp6: [{interface: eth0}]")
	c := p(s.t, s.lab, node, wantBoth)
	c.start()
	addr, prefix := c.address(direct6), c.prefix(directPD)
	first, pd := s.lease(addr, "active"), s.lease(prefix.Addr(), "active")
	require.NoError(s.t, process.Kill())
	c.more("a REBIND", c.says.rebinding, 0)
	renewals := c.count(c.says.renewed)
	s.serve(server, "one", "dhcp6: [{interface: eth0}]")
	c.more("a renewal", c.says.renewed, renewals)
	require.Positive(s.t, s.packets(server, "received", "v6", "rebind"))
	s.renewed(first)
	s.renewed(pd)
	require.Equal(s.t, addr, c.address(direct6))
	require.Equal(s.t, prefix, c.prefix(directPD))
	require.Equal(s.t, first.DUID, s.lease(netip.MustParseAddr(first.Addr), "active").DUID)
	require.Zero(s.t, c.lost(), "the client never lost its address")
}
