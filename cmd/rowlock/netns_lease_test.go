//go:build linux

package main_test

import (
	"errors"
	"fmt"
	"net/netip"
	"time"

	"github.com/stretchr/testify/require"

	"rowlock/cmd/rowlock/internal/netlab"
)

// Prefixes of the link that the server is on itself, see site.yaml.
const (
	direct4  = "192.0.2.0/24"
	direct6  = "2001:db8:1::/64"
	directPD = "2001:db8:8000::/36"
)

// directNetwork is a client on the server's own link, and the server.
func directNetwork(s *site) (client, server *netlab.Node) {
	server, client = s.lab.Node("server"), s.lab.Node("client")
	s.lab.Link(server, "eth0", client, "eth0")
	server.Addr("eth0", "192.0.2.1/24", "2001:db8:1::1/64")
	server.Capture("eth0")
	return client, server
}

// A client on the server's own link has no address yet: it is reached by a raw
// frame (RFC 2131 4.1). It renews, gives its lease back, and gets it again.
func testLease4(s *site, p program) {
	node, server := directNetwork(s)
	s.serve(server, "one", "dhcp4: [{interface: eth0}]")
	c := p(s.t, s.lab, node, want4)
	c.start()
	addr := c.address(direct4)
	first := s.lease(addr, "active")
	require.Equal(s.t, "v4", first.Family)
	require.Equal(s.t, 1, first.SubnetID)
	require.Equal(s.t, node.HWAddr("eth0").String(), first.HWAddr)
	if c.clientID == "" {
		require.Empty(s.t, first.ClientID)
	} else {
		require.Regexp(s.t, "^"+c.clientID, first.ClientID)
	}
	addrs, err := node.Addrs("eth0")
	require.NoError(s.t, err)
	require.Contains(s.t, addrs, netip.PrefixFrom(addr, 24), "the mask is that of the subnet")
	c.told(c.says.server, "192.0.2.1")
	c.told(c.says.dns, "192.0.2.53")

	c.renew()
	s.kept(c, direct4, first)

	c.release()
	s.lease(addr, "released")
	s.gone(node, addr)

	c.start()
	require.Equal(s.t, addr, c.address(direct4), "a returning client gets its address back")
	s.lease(addr, "active")
}

// A DHCPv6 client speaks from its link-local address to ff02::1:2 (RFC 9915
// 7.1), and gets an address, a prefix, or both in one message.
func testLease6(s *site, p program, w want) {
	node, server := directNetwork(s)
	s.serve(server, "one", "dhcp6: [{interface: eth0}]")
	c := p(s.t, s.lab, node, w)
	c.start()
	var rows []leaseRow
	if w.address {
		row := s.lease(c.address(direct6), "active")
		require.Equal(s.t, 128, row.PrefixLen)
		rows = append(rows, row)
	}
	if w.prefix {
		prefix := c.prefix(directPD)
		require.Equal(s.t, 56, prefix.Bits())
		row := s.lease(prefix.Addr(), "active")
		require.Equal(s.t, 56, row.PrefixLen)
		rows = append(rows, row)
	}
	for _, row := range rows {
		require.Equal(s.t, "v6", row.Family)
		require.Equal(s.t, 3, row.SubnetID)
		require.NotEmpty(s.t, row.DUID)
		require.Equal(s.t, rows[0].DUID, row.DUID)
	}
	c.told(c.says.dns, "2001:db8:1::53")

	for _, row := range rows { // some programs renew each in a message of its own
		s.renewed(row)
	}
	c.more("a renewal", c.says.renewed, 0)

	c.release()
	for _, row := range rows {
		addr := netip.MustParseAddr(row.Addr)
		s.lease(addr, "released")
		s.gone(node, addr)
	}
}

// kept demands that the client still has the address of the row, and that the
// row was renewed and is the same holding.
func (s *site) kept(c *client, prefix string, first leaseRow) {
	s.t.Helper()
	addr := netip.MustParseAddr(first.Addr)
	require.Equal(s.t, addr, c.address(prefix))
	row := s.lease(addr, "active")
	require.Greater(s.t, row.Rev, first.Rev)
	require.Equal(s.t, first.Since, row.Since, "still the same holding")
	require.Zero(s.t, c.lost(), "the client never lost its address")
}

// renewed waits until the row is renewed, as the same holding, and returns it.
func (s *site) renewed(first leaseRow) leaseRow {
	s.t.Helper()
	var row leaseRow
	s.lab.Eventually(bindTime, "a renewal of "+first.Addr, func() error {
		row = s.lease(netip.MustParseAddr(first.Addr), "active")
		if row.Rev <= first.Rev {
			time.Sleep(time.Second) // each look is a process
			return fmt.Errorf("the row still has revision %d", row.Rev)
		}
		return nil
	})
	require.Equal(s.t, first.Since, row.Since, "still the same holding")
	return row
}

// gone waits until the interface has lost the address.
func (s *site) gone(n *netlab.Node, addr netip.Addr) {
	s.t.Helper()
	s.lab.Eventually(bindTime, fmt.Sprintf("eth0 without %v", addr), func() error {
		addrs, err := n.Addrs("eth0")
		for _, a := range addrs {
			if a.Addr() == addr {
				return errors.New("it is still there")
			}
		}
		return err
	})
}
