//go:build linux

package main_test

import (
	"fmt"

	"github.com/stretchr/testify/require"

	"rowlock/cmd/rowlock/internal/netlab"
)

// twoFrontends is a client and two servers on one link, and one database.
// It returns the client and the servers' processes by frontend id.
func twoFrontends(s *site, listen string) (client *netlab.Node, servers map[string]*netlab.Process) {
	lan := s.lab.Node("lan")
	client = s.lab.Node("client")
	s.lab.Link(client, "eth0", lan, "port0")
	servers = map[string]*netlab.Process{}
	ports := []string{"port0"}
	nodes := map[string]*netlab.Node{}
	for i, id := range []string{"one", "two"} {
		n := s.lab.Node(id)
		port := fmt.Sprintf("port%d", i+1)
		s.lab.Link(n, "eth0", lan, port)
		n.Addr("eth0", fmt.Sprintf("192.0.2.%d/24", i+1), fmt.Sprintf("2001:db8:1::%d/64", i+1))
		ports = append(ports, port)
		nodes[id] = n
	}
	lan.Bridge("br0", ports...)
	lan.Capture("br0")
	for id, n := range nodes {
		servers[id] = s.serve(n, id, listen)
	}
	return client, servers
}

// other is the frontend that is not the given one.
func other(id string) string { return map[string]string{"one": "two", "two": "one"}[id] }

// The frontend that a client got its lease from dies. The client renews in vain
// by unicast (RFC 2131 4.4.5, RENEWING), then asks everybody (REBINDING): the
// other frontend finds the row and extends the lease.
func testTakeover4(s *site, p program) {
	node, servers := twoFrontends(s, "dhcp4: [{interface: eth0}]")
	c := p(s.t, s.lab, node, want4)
	c.start()
	addr := c.address(direct4)
	first := s.lease(addr, "active")
	servers4 := map[string]string{"one": "192.0.2.1", "two": "192.0.2.2"}
	id := "one"
	if c.told(c.says.server, servers4["one"], servers4["two"]) == servers4["two"] {
		id = "two"
	}
	require.Equal(s.t, id, first.Frontend, "who acknowledged wrote the row")

	bound := c.count(c.says.bound)
	require.NoError(s.t, servers[id].Kill())
	last := s.lease(addr, "active") // it may have been renewed meanwhile
	c.renew()
	require.Equal(s.t, other(id), s.renewed(last).Frontend)
	s.kept(c, direct4, first)
	c.told(c.says.server, servers4[other(id)]) // the client now knows the other frontend
	require.Equal(s.t, bound, c.count(c.says.bound), "it did not begin anew")
}

// Both frontends are one DHCPv6 server with one DUID: the RENEW that a client
// multicasts is answered by the one that lives.
func testTakeover6(s *site) {
	node, servers := twoFrontends(s, "dhcp6: [{interface: eth0}]")
	c := dhclient(s.t, s.lab, node, wantBoth)
	c.start()
	addr, prefix := c.address(direct6), c.prefix(directPD)
	first := s.lease(addr, "active")
	require.NoError(s.t, servers["one"].Kill())
	// until now both may have answered
	last, pd := s.lease(addr, "active"), s.lease(prefix.Addr(), "active")
	c.renew()
	require.Equal(s.t, "two", s.renewed(last).Frontend)
	require.Equal(s.t, "two", s.renewed(pd).Frontend)
	require.Equal(s.t, first.Since, last.Since, "still the same holding")
	require.Equal(s.t, addr, c.address(direct6))
	require.Equal(s.t, prefix, c.prefix(directPD))
	require.Zero(s.t, c.lost(), "the client never lost its address")
}
