package storetest

import (
	"net/netip"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"rowlock/sqlstore"
)

// legalHand is statements, and what they mean for the configuration.
type legalHand struct {
	name       string
	statements []string
	want       func(testing.TB, *sqlstore.Config)
}

// Each legal statement has the effect that it seems to have, and raises the
// revision.
func handLegal(t *testing.T, h *hand) {
	for _, x := range slices.Concat(legalTopology(h.db), legalPools(), legalSettings()) {
		h.apply(t, handSite())
		want := h.load(t)
		before := want.Revision
		h.does(t, x.statements...)
		got := h.load(t)
		require.Greater(t, got.Revision, before, x.name)
		x.want(t, want)
		slices.SortFunc(want.Links, func(a, b *sqlstore.Link) int { return int(a.ID) - int(b.ID) })
		require.True(t, sqlstore.SameConfig(want, got), "%s: %v", x.name, sqlstore.Diff(want, got))
		require.Empty(t, sqlstore.Check(got), x.name)
	}
}

func legalTopology(db *database) []legalHand {
	ip, prefix := netip.MustParseAddr, netip.MustParsePrefix
	return []legalHand{
		{"subnet of a shared network", []string{
			"INSERT INTO subnet (id, link_id, prefix, comment) VALUES (12, 1, '198.51.100.0/24', 'third')",
			newPool(120, 12, "198.51.100.10", "198.51.100.20"),
		}, func(t testing.TB, c *sqlstore.Config) {
			s := &sqlstore.Subnet{ID: 12, LinkID: 1, Prefix: prefix("198.51.100.0/24"), Comment: "third"}
			s.Pools = []*sqlstore.Pool{pool4(120, s, 0, "198.51.100.10", "198.51.100.20")}
			linkOf(t, c, 1).Subnets = append(linkOf(t, c, 1).Subnets, s)
		}},
		{"link with a subnet", []string{
			"INSERT INTO link (id, vrf) VALUES (70, 7)",
			"INSERT INTO subnet (id, link_id, prefix, interface) VALUES (70, 70, '198.51.100.0/24', 'eth7')",
			"INSERT INTO subnet_relay (subnet_id, addr) VALUES (70, '192.0.2.251'), (70, '192.0.2.250')",
			newPool(700, 70, "198.51.100.10", "198.51.100.20"),
		}, func(_ testing.TB, c *sqlstore.Config) {
			s := &sqlstore.Subnet{ID: 70, LinkID: 70, Prefix: prefix("198.51.100.0/24"), Interface: "eth7"}
			s.Relays = []netip.Addr{ip("192.0.2.250"), ip("192.0.2.251")}
			s.Pools = []*sqlstore.Pool{pool4(700, s, 7, "198.51.100.10", "198.51.100.20")}
			c.Links = append(c.Links, &sqlstore.Link{ID: 70, VRF: 7, Subnets: []*sqlstore.Subnet{s}})
		}},
		{"moved subnet", []string{"UPDATE subnet SET link_id = 4 WHERE id = 10"}, func(t testing.TB, c *sqlstore.Config) {
			s, from := subnetOf(t, c, 10), linkOf(t, c, 1)
			from.Subnets = from.Subnets[1:]
			s.LinkID, s.PreviousLinkID = 4, 1
			for _, p := range s.Pools {
				p.LinkID = 4
			}
			linkOf(t, c, 4).Subnets = []*sqlstore.Subnet{s}
		}},
		{"closing subnet", []string{"UPDATE subnet SET closing = true WHERE id = 10"}, func(t testing.TB, c *sqlstore.Config) {
			s := subnetOf(t, c, 10)
			s.Closing = true
			for _, p := range s.Pools {
				p.Closing = true
			}
		}},
		{"in the place of a closing subnet", []string{
			"UPDATE subnet SET closing = true WHERE id = 10", "INSERT INTO subnet (id, link_id, prefix) VALUES (41, 4, '192.0.2.0/27')",
		}, func(t testing.TB, c *sqlstore.Config) {
			s := subnetOf(t, c, 10)
			s.Closing = true
			for _, p := range s.Pools {
				p.Closing = true
			}
			linkOf(t, c, 4).Subnets = []*sqlstore.Subnet{{ID: 41, LinkID: 4, Prefix: prefix("192.0.2.0/27")}}
		}},
		{"larger subnet", []string{"UPDATE subnet SET prefix = '203.0.112.0/23' WHERE id = 50"}, func(t testing.TB, c *sqlstore.Config) {
			subnetOf(t, c, 50).Prefix = prefix("203.0.112.0/23")
		}},
		{"selectors", []string{
			"UPDATE subnet SET interface = 'eth1' WHERE id = 11", "UPDATE subnet SET interface = 'eth1', interface_id = " + db.bytes([]byte{0, 'x', 255}) + " WHERE id = 20",
			"UPDATE subnet_relay SET addr = '198.51.100.2' WHERE subnet_id = 10", "INSERT INTO subnet_relay (subnet_id, addr) VALUES (30, '198.51.100.2')",
			"DELETE FROM subnet_relay WHERE subnet_id = 20",
		}, func(t testing.TB, c *sqlstore.Config) {
			subnetOf(t, c, 11).Interface = "eth1" // of the same link
			s := subnetOf(t, c, 20)               // of another family
			s.Interface, s.InterfaceID, s.Relays = "eth1", []byte{0, 'x', 255}, nil
			subnetOf(t, c, 10).Relays = []netip.Addr{ip("198.51.100.2")}
			subnetOf(t, c, 30).Relays = []netip.Addr{ip("198.51.100.2")} // of another vrf
		}},
		{"names", []string{
			"UPDATE link SET name = NULL WHERE id = 5", "UPDATE link SET name = 'annex', comment = 'once empty' WHERE id = 4",
		}, func(t testing.TB, c *sqlstore.Config) {
			linkOf(t, c, 5).Name, linkOf(t, c, 4).Name, linkOf(t, c, 4).Comment = "", "annex", "once empty"
		}},
		{"link removed", []string{
			"DELETE FROM pool WHERE subnet_id IN (10, 11)", "DELETE FROM subnet WHERE link_id = 1", "DELETE FROM link WHERE id = 1",
			// what was set there must not come back with the id
			"INSERT INTO link (id, name) VALUES (1, 'again')", "INSERT INTO subnet (id, link_id, prefix) VALUES (10, 1, '198.51.100.0/24')",
		}, func(t testing.TB, c *sqlstore.Config) {
			*linkOf(t, c, 1) = sqlstore.Link{ID: 1, Name: "again", Subnets: []*sqlstore.Subnet{{ID: 10, LinkID: 1, Prefix: prefix("198.51.100.0/24")}}}
		}},
		{"subnet removed", []string{"DELETE FROM pool WHERE subnet_id = 30", "DELETE FROM subnet WHERE id = 30"}, func(t testing.TB, c *sqlstore.Config) {
			linkOf(t, c, 3).Subnets = nil
		}},
		{"vrfs", []string{
			"DELETE FROM vrf WHERE id = 7", "INSERT INTO vrf (id, comment) VALUES (8, 'new'), (9, '')", "INSERT INTO vrf_interface (name, vrf) VALUES ('vrf7', 8), ('b', 8)",
			"INSERT INTO vrf_relay (addr, vrf) VALUES ('2001:db8::1', 8), ('198.51.100.77', 8)", "UPDATE vrf_interface SET vrf = 9 WHERE name = 'b'",
		}, func(_ testing.TB, c *sqlstore.Config) {
			c.VRFs = []sqlstore.VRF{
				{ID: 8, Comment: "new", Interfaces: []string{"vrf7"}, Relays: []netip.Addr{ip("198.51.100.77"), ip("2001:db8::1")}},
				{ID: 9, Interfaces: []string{"b"}},
			}
		}},
	}
}

// pool4 is a pool as a row that somebody has just written.
func pool4(id uint32, s *sqlstore.Subnet, vrf uint32, first, last string) *sqlstore.Pool {
	return &sqlstore.Pool{
		ID: id, Gen: 1, SubnetID: s.ID, LinkID: s.LinkID, VRF: vrf, Kind: sqlstore.NA, First: netip.MustParseAddr(first), Last: netip.MustParseAddr(last), DelegatedLen: 32,
	}
}

func legalPools() []legalHand {
	ip := netip.MustParseAddr
	// the generations of these pools rise with each case: what is there is taken as it was
	edited := func(p *sqlstore.Pool) { p.Gen, p.Waiting = p.Gen+1, p.Family() == sqlstore.IPv6 }
	return []legalHand{
		{"grown", []string{"UPDATE pool SET last_addr = '192.0.2.29', comment = 'more' WHERE id = 100"}, func(t testing.TB, c *sqlstore.Config) {
			p := poolOf(t, c, 100)
			edited(p)
			p.Last, p.Comment = ip("192.0.2.29"), "more"
		}},
		{"shifted both", []string{
			"UPDATE pool SET first_addr = '192.0.2.50', last_addr = '192.0.2.60' WHERE id = 100",
			"UPDATE pool SET first_addr = '192.0.2.10', last_addr = '192.0.2.49' WHERE id = 101",
		}, func(t testing.TB, c *sqlstore.Config) {
			a, b := poolOf(t, c, 100), poolOf(t, c, 101)
			edited(a)
			edited(b)
			a.First, a.Last, b.First, b.Last = ip("192.0.2.50"), ip("192.0.2.60"), ip("192.0.2.10"), ip("192.0.2.49")
		}},
		{"one address", []string{"UPDATE pool SET first_addr = '192.0.2.20' WHERE id = 100"}, func(t testing.TB, c *sqlstore.Config) {
			p := poolOf(t, c, 100)
			edited(p)
			p.First = p.Last
		}},
		{"its own columns", []string{"UPDATE pool SET gen = 99, comment = 'kept' WHERE id = 100"}, func(t testing.TB, c *sqlstore.Config) {
			poolOf(t, c, 100).Comment = "kept"
		}},
		{"order", []string{"UPDATE pool SET position = 9 WHERE id = 100"}, func(t testing.TB, c *sqlstore.Config) {
			s := subnetOf(t, c, 10)
			s.Pools = append(s.Pools[1:], s.Pools[0])
		}},
		{"removed", []string{"DELETE FROM pool WHERE id = 101"}, func(t testing.TB, c *sqlstore.Config) {
			s := subnetOf(t, c, 10)
			s.Pools = slices.Delete(s.Pools, 1, 2)
		}},
		{"made again", []string{"DELETE FROM pool WHERE id = 110", newPool(110, 11, "192.0.2.140", "192.0.2.150")}, func(t testing.TB, c *sqlstore.Config) {
			edited(poolOf(t, c, 110))
		}},
		{
			"closing and another in its place",
			[]string{"UPDATE pool SET closing = true WHERE id = 110", newPool(111, 11, "192.0.2.145", "192.0.2.160")},
			func(t testing.TB, c *sqlstore.Config) {
				s := subnetOf(t, c, 11)
				s.Pools[0].Closing = true
				s.Pools = append(s.Pools, pool4(111, s, 0, "192.0.2.145", "192.0.2.160"))
			},
		},
		{
			"moved",
			[]string{"UPDATE pool SET subnet_id = 11, first_addr = '192.0.2.200', last_addr = '192.0.2.210', position = 5 WHERE id = 101"},
			func(t testing.TB, c *sqlstore.Config) {
				s, to := subnetOf(t, c, 10), subnetOf(t, c, 11)
				p := s.Pools[1]
				edited(p)
				p.SubnetID, p.First, p.Last = 11, ip("192.0.2.200"), ip("192.0.2.210")
				s.Pools, to.Pools = slices.Delete(s.Pools, 1, 2), append(to.Pools, p)
			},
		},
		{"v6", []string{
			"UPDATE pool SET last_addr = '2001:db8:1::2fff' WHERE id = 200",
			"UPDATE pool SET last_addr = '2001:db8:80ff:fff0::', delegated_len = 60 WHERE id = 201",
			"INSERT INTO pool (id, subnet_id, position, kind, first_addr, last_addr, delegated_len, gen) VALUES (202, 20, 9, 2, '2001:db8:9000::', '2001:db8:9000::', 56, 70)",
		}, func(t testing.TB, c *sqlstore.Config) {
			s := subnetOf(t, c, 20)
			for _, p := range s.Pools {
				edited(p)
			}
			s.Pools[0].Last, s.Pools[1].Last, s.Pools[1].DelegatedLen = ip("2001:db8:1::2fff"), ip("2001:db8:80ff:fff0::"), 60
			s.Pools = append(s.Pools, &sqlstore.Pool{
				ID: 202, Gen: 1, SubnetID: 20, LinkID: 2, Kind: sqlstore.PD, First: ip("2001:db8:9000::"), Last: ip("2001:db8:9000::"), DelegatedLen: 56, Waiting: true,
			})
		}},
	}
}

func legalSettings() []legalHand {
	return []legalHand{
		{"parameters", []string{
			"INSERT INTO parameter (scope, name, value, comment) VALUES ('global', 'cache_threshold', '0.25', 'a quarter')",
			"UPDATE parameter SET value = '7200' WHERE scope = 'global' AND name = 'valid_lifetime'",
			"DELETE FROM parameter WHERE scope = 'link'",
			"INSERT INTO parameter (scope, scope_id, name, value) VALUES ('subnet', 20, 'ddns_replace_client_name', 'when-present')",
			"INSERT INTO parameter (scope, scope_id, name, value) VALUES ('link', 4, 'server_identifier', '192.0.2.1')",
			"UPDATE parameter SET scope_id = 11 WHERE scope = 'subnet' AND name = 'authoritative'",
		}, func(t testing.TB, c *sqlstore.Config) {
			c.Parameters = sqlstore.Parameters{"valid_lifetime": "7200", "cache_threshold": "0.25"}
			c.Notes = sqlstore.Notes{"cache_threshold": "a quarter"}
			linkOf(t, c, 1).Parameters = nil
			linkOf(t, c, 4).Parameters = sqlstore.Parameters{"server_identifier": "192.0.2.1"}
			subnetOf(t, c, 20).Parameters = sqlstore.Parameters{"ddns_replace_client_name": "when-present"}
			a, b := subnetOf(t, c, 10), subnetOf(t, c, 11)
			b.Parameters, b.Notes, a.Parameters, a.Notes = a.Parameters, a.Notes, nil, nil
		}},
		{"options", []string{
			"INSERT INTO option_data (scope, scope_id, family, code, data, comment) VALUES ('subnet', 20, 6, 23, '2001:db8::53', 'resolver')",
			"UPDATE option_data SET data = '192.0.2.2', always = true WHERE scope = 'subnet' AND scope_id = 10",
			"DELETE FROM option_data WHERE scope = 'global'",
		}, func(t testing.TB, c *sqlstore.Config) {
			c.Options = nil
			o := &subnetOf(t, c, 10).Options[0]
			o.Data, o.Always = "192.0.2.2", true
			subnetOf(t, c, 20).Options = []sqlstore.OptionData{{Family: sqlstore.IPv6, Code: 23, Data: "2001:db8::53", Comment: "resolver"}}
		}},
		{"names in DNS", []string{
			"INSERT INTO tsig_key (name, algorithm, secret, comment) VALUES ('hand', 'hmac-sha1', '" + firstSecret + "', 'old')",
			"INSERT INTO dns_zone (name, comment) VALUES ('z.example.org', 'last')",
			"INSERT INTO dns_server (zone, addr, tsig_key) VALUES ('z.example.org', '192.0.2.53', 'hand')",
			"UPDATE dns_server SET position = 9 WHERE zone = 'dyn.example.org' AND position = 0",
			"DELETE FROM dns_zone WHERE name = 'example.org'",
		}, func(_ testing.TB, c *sqlstore.Config) {
			c.TSIGKeys = append(c.TSIGKeys, sqlstore.TSIGKey{Name: "hand", Algorithm: "hmac-sha1", Comment: "old"})
			s := c.Zones[1].Servers
			c.Zones[1].Servers = []sqlstore.DNSServer{s[1], s[2], s[0]}
			c.Zones[2] = sqlstore.DNSZone{Name: "z.example.org", Comment: "last", Servers: []sqlstore.DNSServer{
				{Addr: netip.MustParseAddrPort("192.0.2.53:53"), Transport: "tcp", Key: "hand"},
			}}
		}},
		{"comments", []string{
			"UPDATE config_head SET comment = 'all of it', change_comment = 'for the record'", "UPDATE link SET comment = 'l' WHERE id = 6",
			"UPDATE subnet SET comment = 's' WHERE id = 10", "UPDATE pool SET comment = 'p' WHERE id = 201", "UPDATE vrf SET comment = 'v'",
			"UPDATE tsig_key SET comment = 'k' WHERE name = 'a_key'", "UPDATE dns_zone SET comment = 'z' WHERE name = 'example.org'",
			"UPDATE parameter SET comment = 'g' WHERE scope = 'global'", "UPDATE option_data SET comment = 'o' WHERE scope = 'subnet'",
		}, func(t testing.TB, c *sqlstore.Config) {
			c.Comment, linkOf(t, c, 6).Comment, subnetOf(t, c, 10).Comment, poolOf(t, c, 201).Comment = "all of it", "l", "s", "p"
			c.VRFs[0].Comment, c.TSIGKeys[0].Comment, c.Zones[2].Comment = "v", "k", "z"
			c.Notes, subnetOf(t, c, 10).Options[0].Comment = sqlstore.Notes{"valid_lifetime": "g"}, "o"
		}},
	}
}
