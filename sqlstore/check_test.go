package sqlstore

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func addressPool(first, last string) *Pool {
	p := &Pool{Kind: NA, First: netip.MustParseAddr(first), Last: netip.MustParseAddr(last)}
	p.DelegatedLen = uint8(p.First.BitLen())
	return p
}

func prefixPool(prefix string, length uint8) *Pool {
	base := netip.MustParsePrefix(prefix)
	_, last := prefixRange(base)
	return &Pool{
		Kind: PD, First: base.Addr(), DelegatedLen: length,
		Last: netip.PrefixFrom(last, int(length)).Masked().Addr(),
	}
}

func subnetOf(prefix string, pools ...*Pool) *Subnet {
	return &Subnet{Prefix: netip.MustParsePrefix(prefix), Pools: pools}
}

func lone(s *Subnet) *Link { return &Link{Subnets: []*Subnet{s}} }

// good is a configuration that breaks no rule: a shared network with two IPv4
// subnets, a lone IPv4 subnet and a lone IPv6 one.
func good() *Config {
	return &Config{
		Parameters: Parameters{"valid_lifetime": "3600", "reclaim_grace": "60"},
		Options:    []OptionData{{Family: IPv4, Code: 6, Name: "domain-name-servers", Data: "192.0.2.53"}},
		Links: []*Link{
			{Name: "north", Subnets: []*Subnet{
				subnetOf("192.0.2.0/25", addressPool("192.0.2.10", "192.0.2.20")),
				subnetOf("192.0.2.128/25", addressPool("192.0.2.130", "192.0.2.140")),
			}},
			lone(subnetOf("198.51.100.0/24", addressPool("198.51.100.10", "198.51.100.20"))),
			lone(subnetOf("2001:db8:1::/48",
				addressPool("2001:db8:1::1000", "2001:db8:1::1fff"), prefixPool("2001:db8:8000::/33", 56))),
		},
	}
}

func TestCheckGood(t *testing.T) {
	require.Empty(t, Check(good()))
	require.Empty(t, Check(&Config{}))
}

func TestCheckRules(t *testing.T) {
	north := func(c *Config) *Link { return c.Links[0] }
	first := func(c *Config) *Subnet { return c.Links[0].Subnets[0] }
	plain := func(c *Config) *Subnet { return c.Links[1].Subnets[0] }
	six := func(c *Config) *Subnet { return c.Links[2].Subnets[0] }
	cases := []struct {
		name string
		edit func(*Config)
		path string
		text string
	}{
		{
			"host bits", func(c *Config) { plain(c).Prefix = netip.MustParsePrefix("198.51.100.1/24") }, "subnets[0].subnet",
			"subnet 198.51.100.1/24: the host bits of a prefix must be zero, as in 198.51.100.0/24: 198.51.100.1/24",
		},
		{
			"no prefix", func(c *Config) { *plain(c) = Subnet{} }, "subnets[0].subnet",
			"subnet invalid Prefix: a subnet must have a prefix: invalid Prefix",
		},
		{
			"mapped prefix", func(c *Config) { six(c).Prefix = netip.MustParsePrefix("::ffff:192.0.2.0/120"); six(c).Pools = nil },
			"subnets[1].subnet", "subnet ::ffff:192.0.2.0/120: an IPv4 prefix must be written as IPv4: ::ffff:192.0.2.0/120",
		},
		{
			"multicast", func(c *Config) { c.Links[1] = lone(subnetOf("233.252.0.0/24")) }, "subnets[0].subnet",
			"subnet 233.252.0.0/24: a subnet must be unicast: 233.252.0.0/24",
		},
		{
			"subnets overlap", func(c *Config) { c.Links = append(c.Links, lone(subnetOf("192.0.2.64/26"))) }, "subnets[2].subnet",
			"subnet 192.0.2.64/26: subnets of a vrf must not overlap: overlaps subnet 192.0.2.0/25",
		},
		{
			"pool outside", func(c *Config) { plain(c).Pools[0].Last = netip.MustParseAddr("198.51.101.1") }, "subnets[0].pools[0].pool",
			"subnet 198.51.100.0/24 pool 198.51.100.10-198.51.101.1: a pool must lie within its subnet 198.51.100.0/24: 198.51.100.10-198.51.101.1",
		},
		{
			"pool backwards", func(c *Config) { plain(c).Pools[0].Last = netip.MustParseAddr("198.51.100.9") }, "subnets[0].pools[0].pool",
			"subnet 198.51.100.0/24 pool 198.51.100.10-198.51.100.9: the first address of a pool must not be above the last: 198.51.100.10-198.51.100.9",
		},
		{
			"pool of two families", func(c *Config) { plain(c).Pools[0].Last = netip.MustParseAddr("2001:db8::1") }, "subnets[0].pools[0].pool",
			"subnet 198.51.100.0/24 pool 198.51.100.10-2001:db8::1: both ends of a pool must be of one family: 198.51.100.10-2001:db8::1",
		},
		{
			"pools overlap", func(c *Config) { first(c).Pools = append(first(c).Pools, addressPool("192.0.2.20", "192.0.2.30")) },
			"shared_networks[0].subnets[0].pools[1].pool",
			"subnet 192.0.2.0/25 pool 192.0.2.20-192.0.2.30: pools of a vrf must not overlap: overlaps subnet 192.0.2.0/25 pool 192.0.2.10-192.0.2.20",
		},
		{
			"pd pools overlap", func(c *Config) { six(c).Pools = append(six(c).Pools, prefixPool("2001:db8:ffff::/48", 64)) },
			"subnets[1].pd_pools[1].prefix",
			"subnet 2001:db8:1::/48 pd_pool 2001:db8:ffff::/48 delegated_len 64: pools of a vrf must not overlap: overlaps subnet 2001:db8:1::/48 pd_pool 2001:db8:8000::/33 delegated_len 56",
		},
		{
			"pool in the last prefix of a pd pool", func(c *Config) {
				six(c).Pools[1] = prefixPool("2001:db8:1::/64", 64)
				six(c).Pools[0] = addressPool("2001:db8:1::ffff:1", "2001:db8:1::ffff:2")
			}, "subnets[1].pools[0].pool",
			"subnet 2001:db8:1::/48 pool 2001:db8:1::ffff:1-2001:db8:1::ffff:2: pools of a vrf must not overlap: overlaps subnet 2001:db8:1::/48 pd_pool 2001:db8:1::/64 delegated_len 64",
		},
		{
			"delegated length above 127", func(c *Config) { six(c).Pools[1] = prefixPool("2001:db8:8000::/112", 128) }, "subnets[1].pd_pools[0].delegated_len",
			"subnet 2001:db8:1::/48 pd_pool 2001:db8:8000::/112 delegated_len 128: a delegated length must be from 1 to 127: 128",
		},
		{
			"delegated length below the prefix", func(c *Config) { six(c).Pools[1].DelegatedLen = 16 }, "subnets[1].pd_pools[0].prefix",
			"subnet 2001:db8:1::/48 pd_pool 2001:db8:8000::-2001:db8:ffff:ff00:: delegated_len 16: a pd_pool must be one whole prefix with zero host bits, no longer than the delegated length 16: 2001:db8:8000::-2001:db8:ffff:ff00::",
		},
		{
			"pd pool under IPv4", func(c *Config) {
				plain(c).Pools, six(c).Pools = six(c).Pools[1:], nil
			}, "subnets[0].pd_pools[0].prefix",
			"subnet 198.51.100.0/24 pd_pool 2001:db8:8000::/33 delegated_len 56: a pd_pool must be in an IPv6 subnet: 198.51.100.0/24",
		},
		{
			"subnet id twice", func(c *Config) { first(c).ID, plain(c).ID = 7, 7 }, "subnets[0].id",
			"subnet 7 (198.51.100.0/24): an id must be used once only: 7 is subnet 7 (192.0.2.0/25)",
		},
		{
			"pool id twice", func(c *Config) { first(c).Pools[0].ID, plain(c).Pools[0].ID = 7, 7 }, "subnets[0].pools[0].id",
			"subnet 198.51.100.0/24 pool 198.51.100.10-198.51.100.20: an id must be used once only: 7 is subnet 192.0.2.0/25 pool 192.0.2.10-192.0.2.20",
		},
		{
			"id too large", func(c *Config) { plain(c).ID = MaxID + 1 }, "subnets[0].id",
			"subnet 2147483648 (198.51.100.0/24): an id must be from 1 to 2147483647: 2147483648",
		},
		{
			"vrf too large", func(c *Config) { c.Links[1].VRF = MaxID + 1 }, "subnets[0].vrf",
			"link 0: a vrf must be from 0 to 2147483647: 2147483648",
		},
		{
			"link name twice", func(c *Config) { c.Links = append(c.Links, &Link{Name: "north", VRF: 1}) }, "shared_networks[1].name",
			"shared_network north: a name must be used for one shared_network only: shared_network north",
		},
		{
			"link name", func(c *Config) { north(c).Name = "a\nb" }, "shared_networks[0].name",
			`shared_network "a\nb": a name must be printable text of at most 255 bytes: "a\nb"`,
		},
		{
			"lone link with two subnets", func(c *Config) { north(c).Name = "" }, "subnets[0]",
			"link 0: a link without a name must have one subnet: 2 subnets",
		},
		{
			"relay of the other family", func(c *Config) { plain(c).Relays = []netip.Addr{netip.MustParseAddr("2001:db8::1")} }, "subnets[0].relay[0]",
			"subnet 198.51.100.0/24 relay 2001:db8::1: a relay of a v4 subnet must be of that family: 2001:db8::1",
		},
		{
			"relay unspecified", func(c *Config) { plain(c).Relays = []netip.Addr{netip.IPv4Unspecified()} }, "subnets[0].relay[0]",
			"subnet 198.51.100.0/24 relay 0.0.0.0: a relay must be a unicast address: 0.0.0.0",
		},
		{
			"relay of two links", func(c *Config) {
				first(c).Relays, plain(c).Relays = []netip.Addr{plain(c).Prefix.Addr().Next()}, []netip.Addr{plain(c).Prefix.Addr().Next()}
			}, "subnets[0].relay[0]",
			"subnet 198.51.100.0/24 relay 198.51.100.1: the same relay must not select two links: also subnet 192.0.2.0/25",
		},
		{
			"relay twice", func(c *Config) {
				a := plain(c).Prefix.Addr().Next()
				plain(c).Relays = []netip.Addr{a, a}
			}, "subnets[0].relay[1]",
			"subnet 198.51.100.0/24 relay 198.51.100.1: a relay must be listed once only: 198.51.100.1",
		},
		{
			"interface of two links", func(c *Config) { first(c).Interface, plain(c).Interface = "eth1", "eth1" }, "subnets[0].interface",
			"subnet 198.51.100.0/24: the same interface must not select two links: also subnet 192.0.2.0/25",
		},
		{
			"interface name", func(c *Config) { plain(c).Interface = "eth 1" }, "subnets[0].interface",
			`subnet 198.51.100.0/24: an interface must be a name of 1 to 15 characters without space, slash and colon: "eth 1"`,
		},
		{
			"interface_id under IPv4", func(c *Config) { plain(c).InterfaceID = []byte{1, 2} }, "subnets[0].interface_id",
			"subnet 198.51.100.0/24: an interface_id must be in an IPv6 subnet: 0x0102",
		},
		{
			"unknown parameter", func(c *Config) { c.Parameters["lease_time"] = "1" }, "parameters.lease_time",
			"parameter lease_time: a parameter must be one that exists: lease_time",
		},
		{
			"parameter value", func(c *Config) { plain(c).Parameters = Parameters{"authoritative": "yes"} }, "subnets[0].parameters.authoritative",
			`subnet 198.51.100.0/24 parameter authoritative: the value must be of type boolean: "yes" is neither true nor false`,
		},
		{
			"parameter scope", func(c *Config) { north(c).Parameters = Parameters{"park_max": "60"} }, "shared_networks[0].parameters.park_max",
			"shared_network north parameter park_max: the parameter may be set globally only: 60",
		},
		{
			"zero lifetime", func(c *Config) { c.Parameters["valid_lifetime"] = "0" }, "parameters.valid_lifetime",
			"parameter valid_lifetime: the lifetime must not be zero: 0",
		},
		{
			"zero lifetime in more digits", func(c *Config) { plain(c).Parameters = Parameters{"offer_lifetime": "000"} }, "subnets[0].parameters.offer_lifetime",
			"subnet 198.51.100.0/24 parameter offer_lifetime: the lifetime must not be zero: 000",
		},
		{
			"RFC 2131 4.3.1 min above default", func(c *Config) { c.Parameters["min_valid_lifetime"] = "3601" }, "parameters.min_valid_lifetime",
			"parameter min_valid_lifetime: min_valid_lifetime must not be above valid_lifetime: 3601 and 3600",
		},
		{
			"RFC 2131 4.3.1 default above max", func(c *Config) { plain(c).Parameters = Parameters{"max_valid_lifetime": "3599"} }, "subnets[0].parameters.max_valid_lifetime",
			"subnet 198.51.100.0/24 parameter max_valid_lifetime: valid_lifetime must not be above max_valid_lifetime: 3600 and 3599",
		},
		{
			"RFC 9915 21.6 preferred above valid", func(c *Config) { six(c).Parameters = Parameters{"preferred_lifetime": "3601"} }, "subnets[1].parameters.preferred_lifetime",
			"subnet 2001:db8:1::/48 parameter preferred_lifetime: preferred_lifetime must not be above valid_lifetime: 3601 and 3600",
		},
		{
			"RFC 2131 4.4.5 T1 not below T2", func(c *Config) {
				c.Parameters["renew_timer"], c.Parameters["rebind_timer"] = "900", "900"
			}, "parameters.renew_timer",
			"parameter renew_timer: renew_timer must be below rebind_timer: 900 and 900",
		},
		{
			"RFC 2131 4.4.5 T2 not below the lifetime", func(c *Config) { c.Parameters["rebind_timer"] = "3600" }, "parameters.rebind_timer",
			"parameter rebind_timer: rebind_timer must be below valid_lifetime: 3600 and 3600",
		},
		{
			"RFC 9915 21.4 T1 percent", func(c *Config) { six(c).Parameters = Parameters{"t1_percent": "80"} }, "subnets[1].parameters.t1_percent",
			"subnet 2001:db8:1::/48 parameter t1_percent: t1_percent must be below t2_percent: 80 and 80",
		},
		{
			"comment too long", func(c *Config) { first(c).Comment = strings.Repeat("é", 2001) }, "shared_networks[0].subnets[0].comment",
			"subnet 192.0.2.0/25: a comment must have at most 4000 bytes: 4002 bytes",
		},
		{
			"comment with a control character", func(c *Config) { plain(c).Pools[0].Comment = "a\x1b[31m" }, "subnets[0].pools[0].comment",
			"subnet 198.51.100.0/24 pool 198.51.100.10-198.51.100.20: a comment must be UTF-8 without control characters, but for tabs and ends of lines: \"a\\x1b[31m\"",
		},
		{
			"comment that is no UTF-8", func(c *Config) { c.Comment = "\xff" }, "comment",
			"global: a comment must be UTF-8 without control characters, but for tabs and ends of lines: \"\\xff\"",
		},
		{
			"comment of a parameter", func(c *Config) { c.Notes = Notes{"valid_lifetime": "a\u2028b"} }, "parameters.valid_lifetime.comment",
			"parameter valid_lifetime: a comment must be UTF-8 without control characters, but for tabs and ends of lines: \"a\\u2028b\"",
		},
		{
			"comment of a parameter that is not set", func(c *Config) { north(c).Notes = Notes{"renew_timer": "x"} },
			"shared_networks[0].parameters.renew_timer",
			"shared_network north parameter renew_timer: a parameter that has a comment must be set: renew_timer",
		},
		{
			"id of a closing subnet twice", func(c *Config) { first(c).ID, plain(c).ID, plain(c).Closing = 7, 7, true }, "subnets[0].id",
			"subnet 7 (198.51.100.0/24): an id must be used once only: 7 is subnet 7 (192.0.2.0/25)",
		},
		{
			"vrf 0 with selectors", func(c *Config) { c.VRFs = []VRF{{Interfaces: []string{"eth1"}}} }, "vrfs[0].vrf",
			"vrf 0: a vrf with selectors must be from 1 to 2147483647: 0",
		},
		{
			"vrf twice", func(c *Config) { c.VRFs = []VRF{{ID: 7}, {ID: 7}} }, "vrfs[1].vrf", "vrf 7: a vrf must be there once only: 7",
		},
		{
			"vrf of a bad interface", func(c *Config) { c.VRFs = []VRF{{ID: 7, Interfaces: []string{""}}} }, "vrfs[0].interfaces[0]",
			`vrf 7: an interface must be a name of 1 to 15 characters without space, slash and colon: ""`,
		},
		{
			"vrf of a bad relay", func(c *Config) { c.VRFs = []VRF{{ID: 7, Relays: []netip.Addr{netip.MustParseAddr("ff02::1:2")}}} }, "vrfs[0].relays[0]",
			"vrf 7: a relay must be a unicast address: ff02::1:2",
		},
		{
			"interface of two vrfs", func(c *Config) {
				c.VRFs = []VRF{{ID: 7, Interfaces: []string{"eth1"}}, {ID: 8, Interfaces: []string{"eth2", "eth1"}}}
			}, "vrfs[1].interfaces[1]", "vrf 8: the same interface must not select two vrfs: eth1 also selects vrf 7",
		},
		{
			"relay of two vrfs", func(c *Config) {
				a := []netip.Addr{netip.MustParseAddr("192.0.2.1")}
				c.VRFs = []VRF{{ID: 7, Relays: a}, {ID: 8, Relays: a}}
			}, "vrfs[1].relays[0]", "vrf 8: the same relay must not select two vrfs: 192.0.2.1 also selects vrf 7",
		},
		{
			"interface of a vrf twice", func(c *Config) { c.VRFs = []VRF{{ID: 7, Interfaces: []string{"eth1", "eth1"}}} }, "vrfs[0].interfaces[1]",
			"vrf 7: an interface or relay must be listed once only: eth1",
		},
		{
			"option of the other family", func(c *Config) { six(c).Options = slices.Clone(c.Options) }, "subnets[1].option_data[0].family",
			"subnet 2001:db8:1::/48 option_data domain-name-servers: an option of a v6 subnet must be of that family: v4",
		},
		{
			"option of a lone link of the other family", func(c *Config) {
				c.Links[1].ID, c.Links[1].Options = 7, []OptionData{{Family: IPv6, Code: 23, Name: "dns-servers", Data: "2001:db8::53"}}
			}, "subnets[0].option_data[0].family",
			"link 7 option_data dns-servers: an option of a v4 subnet must be of that family: v6",
		},
		{
			"option without family", func(c *Config) { c.Options[0].Family = 0 }, "option_data[0].family",
			"option_data domain-name-servers: the family of an option must be v4 or v6: 0",
		},
		{
			"option without name", func(c *Config) { c.Options[0].Code, c.Options[0].Name = 0, "" }, "option_data[0]",
			"option_data 0: an option must have a name or a code: neither",
		},
		{
			"option twice", func(c *Config) { c.Options = append(c.Options, OptionData{Family: IPv4, Code: 6}) }, "option_data[1]",
			"option_data 6: an option must be set once only in a place: 6",
		},
	}
	for _, tc := range cases {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			c := good()
			tc.edit(c)
			found := Check(c)
			require.Len(t, found, 1, "%v", found)
			require.Equal(t, tc.path, found[0].Path)
			require.Equal(t, tc.text, found[0].String())
		})
	}
}

func TestCheckAllows(t *testing.T) {
	cases := map[string]func(*Config){
		"the same plan in two vrfs": func(c *Config) {
			again := good()
			for _, l := range again.Links {
				l.VRF = 1
				if l.Name != "" {
					l.Name = "south"
				}
			}
			c.Links = append(c.Links, again.Links...)
		},
		"a closing pool below its next generation": func(c *Config) {
			p := *c.Links[1].Subnets[0].Pools[0]
			p.Closing = true
			c.Links[1].Subnets[0].Pools = append(c.Links[1].Subnets[0].Pools, &p)
		},
		"a closing subnet over others": func(c *Config) {
			s := subnetOf("192.0.2.0/24", addressPool("192.0.2.1", "198.51.100.99"))
			s.Closing = true
			c.Links = append(c.Links, lone(s))
		},
		"comments": func(c *Config) {
			c.Comment = "first\n\n\tsecond é"
			c.Notes = Notes{"valid_lifetime": strings.Repeat("x", 4000)}
		},
		"an interface and a relay of one vrf": func(c *Config) {
			c.VRFs = []VRF{{ID: 1, Interfaces: []string{"eth1"}, Relays: []netip.Addr{netip.MustParseAddr("2001:db8::1")}}}
		},
		"one relay for two subnets of a link": func(c *Config) {
			for _, s := range c.Links[0].Subnets {
				s.Relays = []netip.Addr{netip.MustParseAddr("203.0.113.1")}
			}
		},
		"one interface for both families": func(c *Config) {
			c.Links[1].Subnets[0].Interface, c.Links[2].Subnets[0].Interface = "eth1", "eth1"
		},
		"an infinite lifetime":         func(c *Config) { c.Parameters["valid_lifetime"] = "4294967295" },
		"preferred above valid for v4": func(c *Config) { c.Links[1].Subnets[0].Parameters = Parameters{"preferred_lifetime": "9999"} },
		"a pd pool of one prefix":      func(c *Config) { c.Links[2].Subnets[0].Pools[1] = prefixPool("2001:db8:8000::/56", 56) },
		"pools that touch": func(c *Config) {
			s := c.Links[1].Subnets[0]
			s.Pools = append(s.Pools, addressPool("198.51.100.21", "198.51.100.255"))
		},
	}
	for name, edit := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := good()
			edit(c)
			require.Empty(t, Check(c))
		})
	}
}

// An outer scope that is wrong is reported once, not in every subnet.
func TestCheckReportsInheritedOnce(t *testing.T) {
	c := good()
	c.Parameters["renew_timer"], c.Parameters["rebind_timer"] = "900", "800"
	require.Len(t, Check(c), 1)
}

func TestPoolBase(t *testing.T) {
	for _, tc := range []struct {
		prefix string
		length uint8
	}{{"2001:db8::/33", 56}, {"2001:db8::/32", 127}, {"2001:db8:0:1::/64", 64}, {"2001:db8::/48", 112}, {"::/0", 127}} {
		base, whole := prefixPool(tc.prefix, tc.length).Base()
		require.True(t, whole, tc.prefix)
		require.Equal(t, tc.prefix, base.String())
	}
	p := prefixPool("2001:db8::/48", 56)
	p.Last = netip.MustParseAddr("2001:db8:0:fe00::")
	_, whole := p.Base()
	require.False(t, whole)
	p.First, p.Last = netip.MustParseAddr("2001:db8:0:100::"), netip.MustParseAddr("2001:db8:0:200::")
	_, whole = p.Base()
	require.False(t, whole)
}

// 10,000 subnets in reverse order, each overlapping its neighbour's pool space
// nowhere, are checked in well under the time a person would notice; a check
// of every pair would take minutes.
func TestCheckIsFast(t *testing.T) {
	c := &Config{}
	for i := 9999; i >= 0; i-- {
		net := fmt.Sprintf("10.%d.%d.", i/256, i%256)
		c.Links = append(c.Links, lone(subnetOf(net+"0/24", addressPool(net+"10", net+"99"), addressPool(net+"100", net+"250"))))
	}
	start := time.Now()
	require.Empty(t, Check(c))
	require.Less(t, time.Since(start), 5*time.Second)
}
