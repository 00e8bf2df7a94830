package site_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"rowlock/admin/site"
	"rowlock/sqlstore"
)

func TestDiff(t *testing.T) {
	cases := []struct {
		name, old, next string
		lines           []string
	}{
		{"nothing", whole, whole, nil},
		{
			"first document", "{}", whole, []string{
				"+ global parameter authoritative: true",
				"+ global parameter valid_lifetime: 3600",
				`+ global option_data v4 domain-name-servers: "192.0.2.53, 192.0.2.54"`,
				"+ global option_data v4 43: hex 0104c0000201 always",
				"+ shared_network city-north: vrf 3",
				"+ shared_network city-north parameter renew_timer: 900",
				"+ subnet 192.0.2.0/24 vrf 3",
				"+ subnet 192.0.2.0/24 vrf 3 shared_network: city-north",
				"+ subnet 192.0.2.0/24 vrf 3 relay: 198.51.100.1, 198.51.100.2",
				"+ subnet 192.0.2.0/24 vrf 3 interface: eth1",
				"+ subnet 192.0.2.0/24 vrf 3 pool: 192.0.2.10-192.0.2.99",
				"+ subnet 192.0.2.0/24 vrf 3 pool: 192.0.2.128-192.0.2.255",
				"+ subnet 2001:db8:20::/64",
				"+ subnet 2001:db8:20::/64 interface_id: 0x0102ff",
				`+ subnet 2001:db8:20::/64 option_data v6 dns-servers: "2001:db8::53"`,
				"+ subnet 2001:db8:20::/64 pool: 2001:db8:20::1000-2001:db8:20::ffff",
				"+ subnet 2001:db8:20::/64 pd_pool: 2001:db8:8000::/33 delegated_len 56",
			},
		},
		{
			"values",
			"parameters: {valid_lifetime: 3600, renew_timer: 900}\noption_data: [{name: domain-name, data: example.org}]\nsubnets: [{subnet: 192.0.2.0/24}]",
			"parameters: {valid_lifetime: 7200}\noption_data: [{name: domain-name, data: example.net}]\nsubnets: [{subnet: 192.0.2.0/24, parameters: {renew_timer: 60}}]",
			[]string{
				"- global parameter renew_timer: 900",
				"~ global parameter valid_lifetime: 3600 -> 7200",
				`~ global option_data v4 domain-name: "example.org" -> "example.net"`,
				"+ subnet 192.0.2.0/24 parameter renew_timer: 60",
			},
		},
		{
			"a subnet goes and one comes",
			"subnets: [{subnet: 192.0.2.0/24, id: 1, pools: [{pool: 192.0.2.8/29}]}]",
			"subnets: [{subnet: 198.51.100.0/24}]",
			[]string{"- subnet 192.0.2.0/24", "- subnet 192.0.2.0/24 pool: 192.0.2.8-192.0.2.15", "+ subnet 198.51.100.0/24"},
		},
		{
			"ids are kept where the document has none",
			"subnets: [{subnet: 192.0.2.0/24, id: 1, pools: [{pool: 192.0.2.8/29, id: 4}]}]",
			"subnets: [{subnet: 192.0.2.0/24, pools: [{pool: 192.0.2.8/29}]}]",
			nil,
		},
		{
			"an object with the same id is the same one",
			"subnets: [{subnet: 192.0.2.0/25, id: 1, pools: [{pool: 192.0.2.8/29, id: 4}]}]",
			"subnets: [{subnet: 192.0.2.0/24, id: 1, pools: [{pool: 192.0.2.0/28, id: 4}]}]",
			[]string{
				"~ subnet 192.0.2.0/25: 192.0.2.0/25 -> 192.0.2.0/24",
				"~ subnet 192.0.2.0/25 pool: 192.0.2.8-192.0.2.15 -> 192.0.2.0-192.0.2.15",
			},
		},
		{
			"another id is another subnet",
			"subnets: [{subnet: 192.0.2.0/24, id: 1}]",
			"subnets: [{subnet: 192.0.2.0/24, id: 2}]",
			[]string{"- subnet 192.0.2.0/24", "+ subnet 192.0.2.0/24"},
		},
		{
			"a subnet joins a shared network",
			"subnets: [{subnet: 192.0.2.0/24}]",
			"shared_networks: [{name: north, subnets: [{subnet: 192.0.2.0/24}]}]",
			[]string{"+ shared_network north: vrf 0", "+ subnet 192.0.2.0/24 shared_network: north"},
		},
		{
			"keys and zones",
			`tsig_keys: [{name: k, fingerprint: 1a2b3c4d}, {name: kept, fingerprint: "00000001"}, {name: old, algorithm: hmac-sha1}]
dns_zones: [{name: example.org, servers: [{address: 192.0.2.53, tsig_key: k}]}, {name: example.net, servers: [{address: 192.0.2.53}]}]`,
			`tsig_keys: [{name: k, algorithm: hmac-sha512, secret: Zmlyc3QgZmlyc3QgZmlyc3Q=}, {name: kept}, {name: new, secret: Zmlyc3QgZmlyc3QgZmlyc3Q=}]
dns_zones:
- {name: example.org, servers: [{address: "2001:db8::53", port: 5353, transport: udp}, {address: 192.0.2.53, tsig_key: k}]}
- {name: 2.0.192.in-addr.arpa, servers: [{address: 192.0.2.53, tsig_key: new}]}`,
			[]string{
				"- tsig_key old: hmac-sha1",
				"- tsig_key old secret: fingerprint not known",
				"- dns_zone example.net",
				"- dns_zone example.net servers: 192.0.2.53 tcp",
				"~ tsig_key k: hmac-sha256 -> hmac-sha512",
				"~ tsig_key k secret: fingerprint 1a2b3c4d -> fingerprint 2598c934",
				"+ tsig_key new: hmac-sha256",
				"+ tsig_key new secret: fingerprint 2598c934",
				"+ dns_zone 2.0.192.in-addr.arpa",
				"+ dns_zone 2.0.192.in-addr.arpa servers: 192.0.2.53 tcp key new",
				"~ dns_zone example.org servers: 192.0.2.53 tcp key k -> 2001:db8::53 port 5353 udp, 192.0.2.53 tcp key k",
			},
		},
		{
			"closing and open again",
			"subnets: [{subnet: 192.0.2.0/24, closing: true}, {subnet: 198.51.100.0/24, pools: [{pool: 198.51.100.8/29, id: 4}]}]",
			"subnets: [{subnet: 192.0.2.0/24}, {subnet: 198.51.100.0/24, pools: [{pool: 198.51.100.8/29, id: 4, closing: true}]}]",
			[]string{
				"- subnet 192.0.2.0/24 closing: true",
				"~ subnet 198.51.100.0/24 pool: 198.51.100.8-198.51.100.15 -> 198.51.100.8-198.51.100.15 closing",
			},
		},
		{
			"vrfs",
			"vrfs: [{vrf: 7, interfaces: [eth1]}, {vrf: 9}]",
			"vrfs: [{vrf: 8, relays: [192.0.2.2, 192.0.2.1]}, {vrf: 7, interfaces: [eth2, eth1]}]",
			[]string{"- vrf 9", "~ vrf 7 interfaces: eth1 -> eth1, eth2", "+ vrf 8", "+ vrf 8 relays: 192.0.2.1, 192.0.2.2"},
		},
		{
			"relays have no order",
			"subnets: [{subnet: 192.0.2.0/24, relay: [192.0.2.1, 192.0.2.2]}]",
			"subnets: [{subnet: 192.0.2.0/24, relay: [192.0.2.2, 192.0.2.1]}]",
			nil,
		},
		{
			"comments",
			"parameters:\n  # long\n  valid_lifetime: 3600\nsubnets: [{subnet: 192.0.2.0/24, comment: a, pools: [{pool: 192.0.2.8/29, comment: b}]}]",
			`# one
# two

parameters: {valid_lifetime: 3600}
vrfs: [{vrf: 1, comment: v}]
option_data: [{name: domain-name, data: example.org, comment: o}]
tsig_keys: [{name: k, comment: k}]
dns_zones: [{name: example.org, comment: z, servers: [{address: 192.0.2.53}]}]
shared_networks: [{name: north, comment: n}]
subnets: [{subnet: 192.0.2.0/24, comment: A, pools: [{pool: 192.0.2.8/29, comment: B}]}]`,
			[]string{
				`- global parameter valid_lifetime comment: "long"`,
				`+ global comment: "one\ntwo"`,
				`+ global option_data v4 domain-name: "example.org"`,
				`+ global option_data v4 domain-name comment: "o"`,
				"+ vrf 1",
				`+ vrf 1 comment: "v"`,
				"+ tsig_key k: hmac-sha256",
				`+ tsig_key k comment: "k"`,
				"+ tsig_key k secret: fingerprint not known",
				"+ dns_zone example.org",
				`+ dns_zone example.org comment: "z"`,
				"+ dns_zone example.org servers: 192.0.2.53 tcp",
				"+ shared_network north: vrf 0",
				`+ shared_network north comment: "n"`,
				`~ subnet 192.0.2.0/24 comment: "a" -> "A"`,
				`~ subnet 192.0.2.0/24 pool 192.0.2.8-192.0.2.15 comment: "b" -> "B"`,
			},
		},
		{
			"pools in another order",
			"subnets: [{subnet: 192.0.2.0/24, pools: [{pool: 192.0.2.8/29}, {pool: 192.0.2.16/29}]}]",
			"subnets: [{subnet: 192.0.2.0/24, pools: [{pool: 192.0.2.16/29}, {pool: 192.0.2.8/29}]}]",
			[]string{"~ subnet 192.0.2.0/24 order of pools: 192.0.2.8-192.0.2.15, 192.0.2.16-192.0.2.23 -> 192.0.2.16-192.0.2.23, 192.0.2.8-192.0.2.15"},
		},
	}
	for _, tc := range cases {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			old, err := site.Parse("old.yaml", []byte(tc.old))
			require.NoError(t, err)
			next, err := site.Parse("new.yaml", []byte(tc.next))
			require.NoError(t, err)
			var lines []string
			for _, c := range sqlstore.Diff(old, next) {
				lines = append(lines, c.String())
			}
			require.Equal(t, tc.lines, lines)
		})
	}
}

func TestDiffOfNil(t *testing.T) {
	require.Empty(t, sqlstore.Diff(nil, nil))
	c, err := site.Parse("site.yaml", []byte("subnets: [{subnet: 192.0.2.0/24}]"))
	require.NoError(t, err)
	require.Len(t, sqlstore.Diff(nil, c), 1)
	require.Len(t, sqlstore.Diff(c, nil), 1)
}

// That a pool waits, and the pools of a closing subnet, are no differences of
// documents.
func TestDiffLeavesOutWhatFollows(t *testing.T) {
	parse := func() *sqlstore.Config {
		c, err := site.Parse("site.yaml", []byte("subnets: [{subnet: 192.0.2.0/24, closing: true, pools: [{pool: 192.0.2.8/29}]}]"))
		require.NoError(t, err)
		return c
	}
	old := parse()
	p := old.Links[0].Subnets[0].Pools[0]
	p.Closing, p.Waiting = true, true
	require.Empty(t, sqlstore.Diff(old, parse()))
	require.Empty(t, sqlstore.Diff(parse(), old))
}
