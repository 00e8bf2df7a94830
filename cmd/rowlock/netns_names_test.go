//go:build linux

package main_test

import (
	"slices"
	"testing"

	"rowlock/cmd/rowlock/internal/netlab"
	"rowlock/ddns/dnsserver"
	"rowlock/sqlstore/storetest"
)

// Lifetimes of sites with names: an hour, and as short as a test can wait for.
const (
	longTimers  = "valid_lifetime: 3600"
	shortTimers = "valid_lifetime: 12, renew_timer: 4, rebind_timer: 8"
)

// nameCase is one test with a site, a DNS server and clients of its own.
type nameCase struct {
	name, timers string
	clients      int
	run          func(s *nameSite)
}

var nameCases = []nameCase{
	{"v4 life of a name dhclient", longTimers, 1, testName4},
	{"v4 expiry dhcpcd", shortTimers, 1, testNameExpiry4},
	{"dual stack dhclient", longTimers, 1, testNameDual},
	{"two clients want one name", longTimers, 2, testNameRivals},
}

// moreNameCases are run with every kind of DNS server, on PostgreSQL.
var moreNameCases = []nameCase{
	{"v6 life of a name dhclient", renewTimers, 1, testName6},
	{"hostile names", longTimers, len(hostileNames), testNamesHostile},
}

// TestClientsNames follows names from real clients to real DNS servers: every
// kind of DNS server on PostgreSQL, BIND on the other engines. Each test has a
// database and a DNS server of its own, and compares all that is in its zones.
func TestClientsNames(t *testing.T) {
	if testing.Short() {
		t.Skip("real clients take their time")
	}
	t.Parallel()
	netlab.NeedRoot(t)
	bin := buildRowlock(t)
	for _, engine := range storetest.Dialects {
		kinds, cases := []string{dnsserver.BIND}, nameCases
		if engine == "postgres" {
			kinds, cases = dnsserver.Kinds, slices.Concat(nameCases, moreNameCases)
		}
		for _, kind := range kinds {
			t.Run(engine+" "+kind, func(t *testing.T) {
				t.Parallel()
				for _, c := range cases {
					t.Run(c.name, func(t *testing.T) {
						t.Parallel()
						c.run(newNameSite(t, bin, engine, kind, c))
					})
				}
			})
		}
	}
}

// A name comes with the lease, changes with what the client is called, and goes
// with the lease.
func testName4(s *nameSite) {
	c := dhclient(s.t, s.lab, s.nodes[0], want4)
	c.configure(`send host-name "pc";`)
	c.start()
	addr := c.address(direct4)
	s.published(entry("pc.example.org", s.lease(addr, "active")))

	s.restart(c, fqdn("box"))
	c.told(c.says.fqdn, "box.example.org")
	s.published(entry("box.example.org", s.lease(addr, "active")))

	s.restart(c, fqdn("host.example.org."))
	c.told(c.says.fqdn, "host.example.org")
	s.published(entry("host.example.org", s.lease(addr, "active")))

	c.release()
	s.lease(addr, "released")
	s.published()
}

// A client that is gone keeps its name as long as its lease.
func testNameExpiry4(s *nameSite) {
	c := dhcpcd(s.t, s.lab, s.nodes[0], want4)
	c.configure("hostname pc\nfqdn both\n")
	c.start()
	addr := c.address(direct4)
	c.told(c.says.fqdn, "pc.example.org")
	s.published(entry("pc.example.org", s.lease(addr, "active")))
	s.restart(c, "hostname box\nfqdn both\n")
	s.published(entry("box.example.org", s.lease(addr, "active")))
	c.renew()
	s.published(entry("box.example.org", s.lease(addr, "active")))
	c.crash()
	s.published()
}

// The same in DHCPv6. A client that comes back only asks whether its address is
// right (RFC 9915 18.2.3): its new name comes with the next RENEW.
func testName6(s *nameSite) {
	c := dhclient(s.t, s.lab, s.nodes[0], wantNA)
	c.configure(fqdn("pc"))
	c.start()
	addr := c.address(direct6)
	c.told(c.says.fqdn, "pc.example.org")
	s.published(entry("pc.example.org", s.lease(addr, "active")))
	s.restart(c, fqdn("box"))
	c.told(c.says.fqdn, "box.example.org")
	s.published(entry("box.example.org", s.lease(addr, "active")))
	c.release()
	s.lease(addr, "released")
	s.published()
}

// A host that has one DUID for both protocols (RFC 4361) has one name: the
// records of one do not go with those of the other.
func testNameDual(s *nameSite) {
	four, six := dhclient(s.t, s.lab, s.nodes[0], want4), dhclient(s.t, s.lab, s.nodes[0], wantNA)
	four.argv = append([]string{four.argv[0], "-i"}, four.argv[1:]...)
	four.configure(fqdn("dual"))
	six.configure(fqdn("dual"))
	four.start()
	row4 := s.lease(four.address(direct4), "active")
	s.published(entry("dual.example.org", row4))
	six.start()
	row6 := s.lease(six.address(direct6), "active")
	s.published(entry("dual.example.org", row4, row6))
	four.release()
	s.published(entry("dual.example.org", row6))
	six.release()
	s.published()
}

// The client that comes second gets an address, and the name when the first is
// gone.
func testNameRivals(s *nameSite) {
	var rows []leaseRow
	var clients []*client
	for i, n := range s.nodes {
		c := dhclient(s.t, s.lab, n, want4)
		c.configure(fqdn("pc"))
		c.start()
		clients, rows = append(clients, c), append(rows, s.lease(c.address(direct4), "active"))
		if i == 0 {
			s.published(entry("pc.example.org", rows[0]))
		}
	}
	s.logged("event=ddns.rival name=pc.example.org addr=" + rows[1].Addr)
	s.published(entry("pc.example.org", rows[0]))
	clients[0].release()
	s.published(entry("pc.example.org", rows[1]))
	clients[1].release()
	s.published()
}
