//go:build linux

package main_test

import (
	"encoding/hex"
	"errors"
	"fmt"
	"net/netip"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"rowlock/cmd/rowlock/internal/netlab"
)

// Timers of the sites: an hour, an hour with renewals after a few seconds, and
// lifetimes that a test can wait for.
const (
	longTimers  = "valid_lifetime: 3600"
	renewTimers = "valid_lifetime: 3600, renew_timer: 3, rebind_timer: 3000"
	shortTimers = "valid_lifetime: 40, renew_timer: 5, rebind_timer: 10"
)

// serverID is the name under which dhclient tells its script who gave a lease.
const serverID = "new_dhcp_server_identifier"

// TestClients runs ISC's client and relay agent against the server in network
// namespaces, on every engine. Each test has a database of its own and looks at
// both ends: what the client has, and the row that holds it.
func TestClients(t *testing.T) {
	if testing.Short() {
		t.Skip("real clients take their time")
	}
	netlab.NeedRoot(t)
	program := buildRowlock(t)
	tests := []struct {
		name   string
		timers string
		run    func(t *testing.T, s *site)
		only   string // engine, if the test makes sense on one only
	}{
		{"v4 direct", longTimers, testDirect4, ""},
		{"v4 behind relay with option 82", renewTimers, testRelay4, ""},
		{"v6 address and prefix direct", longTimers, testDirect6, ""},
		{"v6 address and prefix behind relay", renewTimers, testRelay6, ""},
		{"v4 renewal taken over", shortTimers, testTakeover4, "postgres"},
		{"v6 renewal taken over", shortTimers, testTakeover6, "postgres"},
	}
	for _, engine := range []string{"sqlite", "postgres"} {
		t.Run(engine, func(t *testing.T) {
			for _, test := range tests {
				if test.only != "" && test.only != engine {
					continue
				}
				t.Run(test.name, func(t *testing.T) {
					t.Parallel()
					test.run(t, newSite(t, program, engine, test.timers))
				})
			}
		})
	}
}

// A client on the server's own link has no address yet: it is reached by a raw
// frame (RFC 2131 4.1). Its RELEASE ends the lease.
func testDirect4(t *testing.T, s *site) {
	server, client := s.lab.Node("server"), s.lab.Node("client")
	s.lab.Link(server, "eth0", client, "eth0")
	server.Addr("eth0", "192.0.2.1/24")
	server.Capture("eth0")
	s.serve(server, "one", "dhcp4: [{interface: eth0}]")

	c := startDhclient(t, s.lab, client, "dhclient", "-4")
	addr := c.address("192.0.2.0/24")
	row := s.lease(addr, "active")
	require.Equal(t, "v4", row.Family)
	require.Equal(t, 1, row.SubnetID)
	require.Equal(t, client.HWAddr("eth0").String(), row.HWAddr)
	require.Equal(t, "192.0.2.1", c.value(serverID))
	require.Equal(t, "192.0.2.53", c.value("new_domain_name_servers"))

	c.release()
	s.lease(addr, "released")

	again := startDhclient(t, s.lab, client, "again", "-4")
	require.Equal(t, addr, again.address("192.0.2.0/24"), "a returning client gets its address back")
	s.lease(addr, "active")
}

// hexText is text as lease list prints bytes.
func hexText(s string) string { return hex.EncodeToString([]byte(s)) }

// relayNetwork is a client, a router with a relay agent, and a server on
// another link. It returns the three nodes with their addresses set.
func relayNetwork(s *site) (client, relay, server *netlab.Node) {
	client, relay, server = s.lab.Node("client"), s.lab.Node("relay"), s.lab.Node("server")
	s.lab.Link(client, "eth0", relay, "down0")
	s.lab.Link(relay, "up0", server, "eth0")
	relay.Forward()
	relay.Addr("down0", "198.51.100.1/24", "2001:db8:2::1/64")
	relay.Addr("up0", "203.0.113.2/24", "2001:db8:ffff::2/64")
	server.Addr("eth0", "203.0.113.1/24", "2001:db8:ffff::1/64")
	server.Route("198.51.100.0/24", "203.0.113.2")
	server.Route("2001:db8:2::/64", "2001:db8:ffff::2")
	server.Capture("eth0")
	return client, relay, server
}

// A relay agent adds option 82 (RFC 3046); the row keeps it, also when the
// client later renews.
func testRelay4(t *testing.T, s *site) {
	client, relay, server := relayNetwork(s)
	s.serve(server, "one", "dhcp4: [{address: 203.0.113.1, port: 67}]")
	relay.Start("dhcrelay", "dhcrelay", "-4", "-d", "--no-pid", "-a", "-id", "down0", "-iu", "up0", "203.0.113.1")

	c := startDhclient(t, s.lab, client, "dhclient", "-4")
	addr := c.address("198.51.100.0/24")
	first := s.lease(addr, "active")
	require.Equal(t, 2, first.SubnetID)
	require.Equal(t, client.HWAddr("eth0").String(), first.HWAddr)
	require.Equal(t, "198.51.100.1", first.Relay)
	require.Equal(t, hexText("down0"), first.CircuitID)

	s.lab.Eventually(bindTime, "a renewal", func() error {
		if c.told("RENEW") == 0 {
			return errors.New("the client has not renewed")
		}
		return nil
	})
	renewed := s.lease(addr, "active")
	require.Greater(t, renewed.Rev, first.Rev)
	require.Equal(t, first.Since, renewed.Since, "still the same holding")
	require.Equal(t, hexText("down0"), renewed.CircuitID)

	c.release()
	s.lease(addr, "released")
}

// A DHCPv6 client speaks from its link-local address to ff02::1:2 (RFC 9915
// 7.1) and gets an address and a prefix in one message.
func testDirect6(t *testing.T, s *site) {
	server, client := s.lab.Node("server"), s.lab.Node("client")
	s.lab.Link(server, "eth0", client, "eth0")
	server.Addr("eth0", "2001:db8:1::1/64")
	server.Capture("eth0")
	s.serve(server, "one", "dhcp6: [{interface: eth0}]")

	c := startDhclient(t, s.lab, client, "dhclient", "-6", "-N", "-P")
	addr := c.address("2001:db8:1::/64")
	prefix := c.prefix("2001:db8:8000::/36")
	require.Equal(t, 56, prefix.Bits())
	na, pd := s.lease(addr, "active"), s.lease(prefix.Addr(), "active")
	require.Equal(t, "v6", na.Family)
	require.Equal(t, 128, na.PrefixLen)
	require.Equal(t, 56, pd.PrefixLen)
	require.Equal(t, 3, na.SubnetID)
	require.NotEmpty(t, na.DUID)
	require.Equal(t, na.DUID, pd.DUID)

	c.release()
	s.lease(addr, "released")
	s.lease(prefix.Addr(), "released")
}

// A DHCPv6 relay agent wraps the messages (RFC 9915 19) and names its interface
// (interface-id); the client renews through it.
func testRelay6(t *testing.T, s *site) {
	client, relay, server := relayNetwork(s)
	s.serve(server, "one", `dhcp6: [{address: "2001:db8:ffff::1", port: 547}]`)
	relay.Start("dhcrelay", "dhcrelay", "-6", "-d", "--no-pid", "-I", "-l", "down0", "-u", "2001:db8:ffff::1%up0")

	c := startDhclient(t, s.lab, client, "dhclient", "-6", "-N", "-P")
	addr := c.address("2001:db8:2::/64")
	prefix := c.prefix("2001:db8:9000::/36")
	first, pd := s.lease(addr, "active"), s.lease(prefix.Addr(), "active")
	require.Equal(t, 4, first.SubnetID)
	require.Equal(t, "2001:db8:2::1", first.Relay)
	require.NotEmpty(t, first.InterfaceID)
	require.Equal(t, first.InterfaceID, pd.InterfaceID)

	s.lab.Eventually(bindTime, "a renewal", func() error {
		if rev := s.lease(addr, "active").Rev; rev <= first.Rev {
			return fmt.Errorf("the row still has revision %d", rev)
		}
		return nil
	})

	c.release()
	s.lease(addr, "released")
	s.lease(prefix.Addr(), "released")
}

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

// takenOver waits until the frontend has written the row and the client has
// heard of it, both after the call.
func (s *site) takenOver(c *dhclient, addr netip.Addr, frontend string, reasons ...string) {
	s.t.Helper()
	before, told := s.lease(addr, "active"), c.told(reasons...)
	s.lab.Eventually(time.Minute, "a renewal by "+frontend, func() error {
		if row := s.lease(addr, "active"); row.Frontend != frontend || row.Rev <= before.Rev {
			return fmt.Errorf("the row has revision %d of %s", row.Rev, row.Frontend)
		}
		if c.told(reasons...) <= told {
			return errors.New("the client has not heard of it")
		}
		return nil
	})
}

// The frontend that a client got its lease from dies. The client renews in vain
// by unicast (RFC 2131 4.4.5, RENEWING), then asks everybody (REBINDING): the
// other frontend finds the row and extends the lease.
func testTakeover4(t *testing.T, s *site) {
	client, servers := twoFrontends(s, "dhcp4: [{interface: eth0}]")
	c := startDhclient(t, s.lab, client, "dhclient", "-4")
	addr := c.address("192.0.2.0/24")
	first := s.lease(addr, "active")
	server := c.value(serverID)
	id := map[string]string{"192.0.2.1": "one", "192.0.2.2": "two"}[server]
	require.NotEmpty(t, id, "the client names %s", server)
	require.Equal(t, id, first.Frontend, "who acknowledged wrote the row")

	require.NoError(t, servers[id].Kill())
	// dhclient calls it RENEW also when it has gone over to broadcasts
	s.takenOver(c, addr, other(id), "RENEW", "REBIND")
	require.NotEqual(t, server, c.value(serverID), "the client now knows the other frontend")
	row := s.lease(addr, "active")
	require.Equal(t, first.Since, row.Since, "the same holding: it never ended")
	require.Equal(t, addr, c.address("192.0.2.0/24"))
	require.Zero(t, c.told("EXPIRE", "FAIL"), "the client never lost its address")
	require.Equal(t, 1, c.told("BOUND"))
}

// Both frontends are one DHCPv6 server with one DUID: the RENEW that a client
// multicasts is answered by the one that lives.
func testTakeover6(t *testing.T, s *site) {
	client, servers := twoFrontends(s, "dhcp6: [{interface: eth0}]")
	c := startDhclient(t, s.lab, client, "dhclient", "-6", "-N", "-P")
	addr := c.address("2001:db8:1::/64")
	prefix := c.prefix("2001:db8:8000::/36")
	first := s.lease(addr, "active")
	require.NotEmpty(t, first.Frontend)

	require.NoError(t, servers[first.Frontend].Kill())
	s.takenOver(c, addr, other(first.Frontend), "RENEW6", "REBIND6")
	row := s.lease(addr, "active")
	require.Equal(t, first.Since, row.Since, "the same holding: it never ended")
	require.Equal(t, addr, c.address("2001:db8:1::/64"))
	require.Equal(t, prefix, c.prefix("2001:db8:8000::/36"))
	require.Equal(t, other(first.Frontend), s.lease(prefix.Addr(), "active").Frontend)
	require.Zero(t, c.told("EXPIRE6", "DEPREF6"), "the client never lost its address")
}
