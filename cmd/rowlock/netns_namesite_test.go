//go:build linux

package main_test

import (
	"encoding/hex"
	"fmt"
	"net"
	"net/netip"
	"os/exec"
	"slices"
	"strings"
	"testing"
	"time"

	"rowlock/cmd/rowlock/internal/netlab"
	"rowlock/ddns/dnsserver"
	"rowlock/ddns/name"
	"rowlock/sqlstore"
)

// nameSite is a site whose names are kept in a DNS server on the server's
// loopback, with clients on the server's link.
type nameSite struct {
	*site
	dns     *dnsserver.Server
	serving *netlab.Process
	nodes   []*netlab.Node
}

// www is a name that was made by hand.
const (
	www      = "www.example.org"
	wwwLine  = www + " 60 A 192.0.2.80"
	nameTime = time.Minute
)

var nameZones = []string{dnsserver.Forward, "example.com", dnsserver.Reverse4, dnsserver.Reverse6}

// newNameSite makes one. The zone example.com is ours as well, and no client's.
func newNameSite(t *testing.T, program, engine, kind string, c nameCase) *nameSite {
	t.Helper()
	var zones strings.Builder
	fmt.Fprintf(&zones, "tsig_keys: [{name: %s, algorithm: %s, secret: %s}]\ndns_zones:\n", dnsserver.Key, dnsserver.Algorithm, dnsserver.Secret)
	for _, z := range nameZones {
		fmt.Fprintf(&zones, "  - {name: %s, servers: [{address: 127.0.0.1, tsig_key: %s}]}\n", z, dnsserver.Key)
	}
	parameters := c.timers + ", ddns_send_updates: true, ddns_qualifying_suffix: " + dnsserver.Forward
	s := &nameSite{site: newSite(t, program, engine, parameters, zones.String())}
	server, lan := s.lab.Node("server"), s.lab.Node("lan")
	s.lab.Link(server, "eth0", lan, "port0")
	ports := []string{"port0"}
	for i := range c.clients {
		node, port := s.lab.Node(fmt.Sprintf("client%d", i)), fmt.Sprintf("port%d", i+1)
		s.lab.Link(node, "eth0", lan, port)
		s.nodes, ports = append(s.nodes, node), append(ports, port)
	}
	lan.Bridge("br0", ports...)
	server.Addr("eth0", "192.0.2.1/24", "2001:db8:1::1/64")
	server.Capture("eth0")
	s.dns = dnsserver.Start(t, kind, dnsserver.Options{
		Zones: nameZones, Records: map[string][]string{dnsserver.Forward: {www + ". 60 IN A 192.0.2.80"}}, Port: 53,
		Start: func(cmd *exec.Cmd) error { return server.Do(cmd.Start) },
		Dial: func(network, addr string) (conn net.Conn, err error) {
			err = server.Do(func() error {
				conn, err = net.DialTimeout(network, addr, time.Second)
				return err
			})
			return conn, err
		},
	})
	s.serving = s.serveRoles(server, "one", "dhcp4, dhcp6, ddns", "dhcp4: [{interface: eth0}]", "dhcp6: [{interface: eth0}]")
	return s
}

// published waits until the zones have the entries and nothing else, beside
// what was there in the beginning.
func (s *nameSite) published(entries ...[]string) {
	s.t.Helper()
	want := slices.Sorted(slices.Values(append(slices.Concat(entries...), wwwLine)))
	s.lab.Eventually(nameTime, "the names in DNS", func() error {
		var got []string
		for _, z := range nameZones {
			got = append(got, s.dns.Zone(z)...)
		}
		if slices.Sort(got); slices.Equal(got, want) {
			return nil
		}
		time.Sleep(nameStep)
		return fmt.Errorf("there are\n%s\nand not\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	})
}

const nameStep = 250 * time.Millisecond

// logged waits until the server has logged a text.
func (s *nameSite) logged(text string) {
	s.t.Helper()
	s.lab.Eventually(nameTime, text, func() error {
		if log := s.serving.Log(); !strings.Contains(log, text) {
			return fmt.Errorf("the log has no such line")
		}
		return nil
	})
}

// restart gives a client another name, as somebody does who changes its
// configuration and turns it off and on: the lease is not given back.
func (s *nameSite) restart(c *client, lines string) {
	s.t.Helper()
	bound := c.count(c.says.bound)
	c.crash()
	c.configure(lines)
	c.start()
	c.more("a lease after the restart", c.says.bound, bound)
}

// entry is what the zones have for leases of one client with one name: the
// addresses, the mark of the client (RFC 4701), and the way back.
func entry(host string, rows ...leaseRow) (lines []string) {
	for _, row := range rows {
		addr := netip.MustParseAddr(row.Addr)
		kind := "A"
		if addr.Is6() {
			kind = "AAAA"
		}
		ttl := name.TTL{}.Of(row.ValidLft)
		lines = append(lines, fmt.Sprintf("%s %d %s %s", host, ttl, kind, addr),
			fmt.Sprintf("%s %d PTR %s", name.Reverse(addr), ttl, host))
	}
	return append(lines, fmt.Sprintf("%s %d DHCID %s", host, name.TTL{}.Of(rows[0].ValidLft), dhcid(host, rows[0])))
}

// dhcid is the data of the record that marks the name as that of the client.
func dhcid(host string, row leaseRow) string {
	c, family := &sqlstore.Client{HWType: 1}, sqlstore.IPv4
	id := row.ClientID
	if row.Family == "v6" {
		family, id = sqlstore.IPv6, row.DUID
	}
	if hw, err := net.ParseMAC(row.HWAddr); err == nil {
		c.HWAddr = hw
	}
	var data []byte
	var err error
	if c.ClientID, err = hex.DecodeString(id); err == nil {
		var identity name.Identity
		if identity, err = name.ClientIdentity(family, c); err == nil {
			data, err = name.DHCID(identity, host)
		}
	}
	if err != nil {
		return err.Error()
	}
	return name.DHCIDText(data)
}
