package site_test

import (
	"net/netip"
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/tools/txtar"

	"rowlock/admin/site"
	"rowlock/sqlstore"
)

const whole = `
parameters: {valid_lifetime: 3600, authoritative: true}
option_data:
  - {name: domain-name-servers, data: "192.0.2.53, 192.0.2.54"}
  - {code: 43, family: v4, hex: "0104c0000201", always_send: true}
shared_networks:
  - name: city-north
    vrf: 3
    parameters: {renew_timer: 900}
    subnets:
      - id: 10
        subnet: 192.0.2.0/24
        relay: [198.51.100.1, 198.51.100.2]
        interface: eth1
        pools: [{pool: "192.0.2.10 - 192.0.2.99", id: 1}, {pool: 192.0.2.128/25}]
subnets:
  - subnet: 2001:db8:20::/64
    interface_id: "0x0102ff"
    option_data: [{name: dns-servers, data: "2001:db8::53"}]
    pools: [{pool: "2001:db8:20::1000-2001:db8:20::ffff"}]
    pd_pools: [{prefix: 2001:db8:8000::/33, delegated_len: 56}]
`

func TestParse(t *testing.T) {
	c, err := site.Parse("site.yaml", []byte(whole))
	require.NoError(t, err)
	addr, prefix := netip.MustParseAddr, netip.MustParsePrefix
	require.Equal(t, &sqlstore.Config{
		Parameters: sqlstore.Parameters{"valid_lifetime": "3600", "authoritative": "true"},
		Options: []sqlstore.OptionData{
			{Family: sqlstore.IPv4, Code: 6, Name: "domain-name-servers", Data: "192.0.2.53, 192.0.2.54"},
			{Family: sqlstore.IPv4, Code: 43, Data: "0104c0000201", Hex: true, Always: true},
		},
		Links: []*sqlstore.Link{
			{Name: "city-north", VRF: 3, Parameters: sqlstore.Parameters{"renew_timer": "900"}, Subnets: []*sqlstore.Subnet{{
				ID: 10, Prefix: prefix("192.0.2.0/24"), Interface: "eth1",
				Relays: []netip.Addr{addr("198.51.100.1"), addr("198.51.100.2")},
				Pools: []*sqlstore.Pool{
					{ID: 1, Kind: sqlstore.NA, First: addr("192.0.2.10"), Last: addr("192.0.2.99"), DelegatedLen: 32},
					{Kind: sqlstore.NA, First: addr("192.0.2.128"), Last: addr("192.0.2.255"), DelegatedLen: 32},
				},
			}}},
			{Subnets: []*sqlstore.Subnet{{
				Prefix: prefix("2001:db8:20::/64"), InterfaceID: []byte{1, 2, 0xff},
				Options: []sqlstore.OptionData{{Family: sqlstore.IPv6, Code: 23, Name: "dns-servers", Data: "2001:db8::53"}},
				Pools: []*sqlstore.Pool{
					{Kind: sqlstore.NA, First: addr("2001:db8:20::1000"), Last: addr("2001:db8:20::ffff"), DelegatedLen: 128},
					{Kind: sqlstore.PD, First: addr("2001:db8:8000::"), Last: addr("2001:db8:ffff:ff00::"), DelegatedLen: 56},
				},
			}}},
		},
	}, c)
}

func TestParseJSON(t *testing.T) {
	c, err := site.Parse("site.json", []byte("{\"subnets\": [\n\t{\"subnet\": \"192.0.2.0\\/24\",\n\t \"parameters\": {\"valid_lifetime\": 600}}]}"))
	require.NoError(t, err)
	require.Equal(t, "192.0.2.0/24", c.Links[0].Subnets[0].Prefix.String())
	require.Equal(t, "600", c.Links[0].Subnets[0].Parameters["valid_lifetime"])
}

func TestParseEmptyNetwork(t *testing.T) {
	for _, text := range []string{"{}", "---\n{}\n", "subnets:\n", "subnets: []\nparameters:\n"} {
		c, err := site.Parse("site.yaml", []byte(text))
		require.NoError(t, err, text)
		require.Equal(t, &sqlstore.Config{}, c, text)
	}
}

// A file without content is not a network without content: it may have been
// cut off.
func TestParseNothing(t *testing.T) {
	for text, at := range map[string]string{
		"": "1:1", "\n\n": "1:1", "# only a comment\n": "1:1", "---\n": "1:1", "null": "1:1", "# a comment\n  ~\n": "2:3",
	} {
		c, err := site.Parse("site.yaml", []byte(text))
		require.EqualError(t, err, "site.yaml:"+at+": a document must be a mapping (write {} for an empty network): nothing", text)
		require.Nil(t, c, text)
		require.Len(t, site.Problems(err), 1)
	}
}

// Each file of testdata/bad is a document with the whole text of its error.
func TestParseReportsEveryProblemWithItsPlace(t *testing.T) {
	files, err := os.ReadDir("testdata/bad")
	require.NoError(t, err)
	require.NotEmpty(t, files)
	for _, f := range files {
		t.Run(f.Name(), func(t *testing.T) {
			t.Parallel()
			archive, err := txtar.ParseFile("testdata/bad/" + f.Name())
			require.NoError(t, err)
			require.Len(t, archive.Files, 2)
			c, err := site.Parse("site.yaml", archive.Files[0].Data)
			require.Error(t, err)
			require.Nil(t, c)
			require.Equal(t, strings.TrimSuffix(string(archive.Files[1].Data), "\n"), err.Error())
			require.Len(t, site.Problems(err), strings.Count(string(archive.Files[1].Data), "\n"))
		})
	}
}
