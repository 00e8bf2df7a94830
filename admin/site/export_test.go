package site_test

import (
	"fmt"
	"net/netip"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"rowlock/admin/site"
	"rowlock/sqlstore"
)

// configs draws configurations that break no rule: every subnet has a /24 or
// /48 of its own, and what it holds is a part of that.
func configs() *rapid.Generator[*sqlstore.Config] {
	return rapid.Custom(func(t *rapid.T) *sqlstore.Config {
		g := &generator{T: t}
		c := &sqlstore.Config{Comment: g.comment(), Options: g.options(sqlstore.IPv4, sqlstore.IPv6)}
		c.Parameters, c.Notes = g.parameters(true)
		g.vrfs(c)
		g.dns(c)
		for i := range rapid.IntRange(0, 3).Draw(t, "shared networks") {
			l := &sqlstore.Link{Name: g.text("name") + fmt.Sprint(i), ID: g.id("link"), VRF: g.vrf()}
			l.Comment, l.Options = g.comment(), g.options(sqlstore.IPv6)
			l.Parameters, l.Notes = g.parameters(false)
			for range rapid.IntRange(0, 3).Draw(t, "subnets") {
				l.Subnets = append(l.Subnets, g.subnet())
			}
			c.Links = append(c.Links, l)
		}
		for range rapid.IntRange(0, 3).Draw(t, "lone subnets") {
			c.Links = append(c.Links, &sqlstore.Link{VRF: g.vrf(), Subnets: []*sqlstore.Subnet{g.subnet()}})
		}
		return c
	})
}

type generator struct {
	*rapid.T
	subnets, ids int
}

func (g *generator) vrf() uint32 { return rapid.Uint32Range(0, 2).Draw(g.T, "vrf") }

// id draws no id, or one that nothing else has.
func (g *generator) id(what string) uint32 {
	g.ids++
	if rapid.Bool().Draw(g.T, what+" has an id") {
		return uint32(g.ids)
	}
	return 0
}

func (g *generator) text(what string) string {
	letters := append([]rune("aZ09 .-_:#,'\"\\{}[]&*!|>%@`~é😀ǅ"), []rune("nulltrue")...)
	return rapid.StringOfN(rapid.SampledFrom(letters), 1, 8, 40).Draw(g.T, what)
}

// comment draws no comment, or one that is made to be mistaken for YAML.
func (g *generator) comment() string {
	if !rapid.Bool().Draw(g.T, "comment") {
		return ""
	}
	letters := append([]rune("ab \t\n\n#:-'\"\\{}[]&*!|>%@`~é😀,\ufeff"), []rune("---...")...)
	return rapid.StringOfN(rapid.SampledFrom(letters), 0, 30, 100).Draw(g.T, "text")
}

func (g *generator) vrfs(c *sqlstore.Config) {
	for i := range rapid.IntRange(0, 2).Draw(g.T, "vrfs") {
		v := sqlstore.VRF{ID: uint32(i + 1), Comment: g.comment()}
		for j := range rapid.IntRange(0, 2).Draw(g.T, "interfaces") {
			v.Interfaces = append(v.Interfaces, rapid.SampledFrom([]string{"eth", "12", "é", "-", "\"'#"}).Draw(g.T, "interface")+fmt.Sprintf("%d.%d", i, j))
		}
		for j := range rapid.IntRange(0, 2).Draw(g.T, "vrf relays") {
			v.Relays = append(v.Relays, netip.MustParseAddr(fmt.Sprintf(rapid.SampledFrom([]string{"203.0.113.%d", "::%d"}).Draw(g.T, "vrf relay"), i*2+j+1)))
		}
		c.VRFs = append(c.VRFs, v)
	}
}

func (g *generator) parameters(global bool) (sqlstore.Parameters, sqlstore.Notes) {
	values := map[string][]string{
		"valid_lifetime": {"3600", "4294967295"}, "max_valid_lifetime": {"4294967295"}, "t1_percent": {"40", "12.5"},
		"authoritative": {"true", "false"}, "server_identifier": {"192.0.2.1"}, "preference": {"0", "255"},
		"ddns_qualifying_suffix": {"", "example.org"}, "ddns_replace_client_name": {"always", "when-not-present"},
		"hostname_char_replacement": {"", "-", "0"}, "ddns_ttl_percent": {"0", "33"},
	}
	if global {
		values["reclaim_grace"] = []string{"60", "00600"}
	}
	ps, notes := sqlstore.Parameters{}, sqlstore.Notes{}
	for _, d := range sqlstore.ParameterDefs {
		if v := values[d.Name]; v != nil && rapid.Bool().Draw(g.T, d.Name) {
			ps[d.Name] = rapid.SampledFrom(v).Draw(g.T, d.Name)
			if note := g.comment(); note != "" {
				notes[d.Name] = note
			}
		}
	}
	if len(ps) == 0 {
		return nil, nil
	}
	if len(notes) == 0 {
		notes = nil
	}
	return ps, notes
}

func (g *generator) options(families ...sqlstore.Family) []sqlstore.OptionData {
	var all []sqlstore.OptionData
	for _, f := range families {
		some := []sqlstore.OptionData{
			{Family: f, Code: 6, Name: "domain-name-servers", Data: "192.0.2.53, 192.0.2.54"},
			{Family: f, Code: 15, Name: "domain-name", Data: "example.org"},
			{Family: f, Code: 250, Data: "00:ff 10", Hex: true},
			{Family: f, Code: 251, Data: "", Hex: true},
		}
		if f == sqlstore.IPv6 {
			some = []sqlstore.OptionData{
				{Family: f, Code: 23, Name: "dns-servers", Data: "2001:db8::53"},
				{Family: f, Code: 24, Data: "example.org, example.net"},
				{Family: f, Code: 60000, Data: "0102", Hex: true},
			}
		}
		for _, o := range some {
			if rapid.Bool().Draw(g.T, fmt.Sprint("option ", o.Code)) {
				o.Always, o.Comment = rapid.Bool().Draw(g.T, "always"), g.comment()
				all = append(all, o)
			}
		}
	}
	return all
}

// dns draws keys as they are loaded, without secrets, and zones.
func (g *generator) dns(c *sqlstore.Config) {
	for i := range rapid.IntRange(0, 2).Draw(g.T, "keys") {
		c.TSIGKeys = append(c.TSIGKeys, sqlstore.TSIGKey{
			Comment:     g.comment(),
			Name:        fmt.Sprintf("%d_key.example.org", i),
			Algorithm:   rapid.SampledFrom(sqlstore.TSIGAlgorithms()).Draw(g.T, "algorithm"),
			Fingerprint: rapid.SampledFrom([]string{"", "1a2b3c4d", "12345678", "1e234567"}).Draw(g.T, "fingerprint"),
		})
	}
	names := []string{"0/25.2.0.192.in-addr.arpa", "2.0.192.in-addr.arpa", "8.b.d.0.1.0.0.2.ip6.arpa", "example.org", "null", "true"}
	for _, name := range names {
		if !rapid.Bool().Draw(g.T, name) {
			continue
		}
		z := sqlstore.DNSZone{Name: name, Comment: g.comment()}
		for i := range rapid.IntRange(1, 3).Draw(g.T, "servers") {
			s := sqlstore.DNSServer{Transport: rapid.SampledFrom([]string{"tcp", "udp"}).Draw(g.T, "transport")}
			port := rapid.SampledFrom([]uint16{53, 5353, 65535}).Draw(g.T, "port")
			addr := rapid.SampledFrom([]string{"192.0.2.%d", "2001:db8::%d", "::%d"}).Draw(g.T, "server")
			s.Addr = netip.AddrPortFrom(netip.MustParseAddr(fmt.Sprintf(addr, i+1)), port)
			if n := len(c.TSIGKeys); n > 0 && rapid.Bool().Draw(g.T, "signed") {
				s.Key = c.TSIGKeys[rapid.IntRange(0, n-1).Draw(g.T, "key")].Name
			}
			z.Servers = append(z.Servers, s)
		}
		c.Zones = append(c.Zones, z)
	}
}

func (g *generator) subnet() *sqlstore.Subnet {
	g.subnets++
	s := &sqlstore.Subnet{ID: g.id("subnet"), Comment: g.comment(), Closing: rapid.Bool().Draw(g.T, "closing")}
	number := g.subnets
	v6 := rapid.Bool().Draw(g.T, "IPv6")
	text := fmt.Sprintf("198.51.%d.%%d", number)
	if v6 {
		text = fmt.Sprintf("2001:db8:%x::%%x", number)
		s.Prefix = netip.MustParsePrefix(fmt.Sprintf("2001:db8:%x::/48", number))
		s.InterfaceID = rapid.SampledFrom([][]byte{nil, {0, 255}, []byte("0x41"), []byte("ge 0/1: \"a\""), {'~'}}).Draw(g.T, "interface_id")
		if s.InterfaceID != nil {
			s.InterfaceID = append(s.InterfaceID, byte('A'+number))
		}
	} else {
		s.Prefix = netip.MustParsePrefix(fmt.Sprintf("198.51.%d.0/24", number))
	}
	addr := func(n int) netip.Addr { return netip.MustParseAddr(fmt.Sprintf(text, n)) }
	for n := range rapid.IntRange(0, 2).Draw(g.T, "relays") {
		s.Relays = append(s.Relays, addr(n+1))
	}
	if rapid.Bool().Draw(g.T, "interface") {
		s.Interface = fmt.Sprintf("eth%d.%d", number, number)
	}
	s.Parameters, s.Notes = g.parameters(false)
	s.Options = g.options(s.Family())
	for n := range rapid.IntRange(0, 3).Draw(g.T, "pools") {
		size := rapid.SampledFrom([]int{1, 2, 3, 16, 32}).Draw(g.T, "size")
		first := 32 + n*32
		s.Pools = append(s.Pools, &sqlstore.Pool{
			ID: g.id("pool"), Comment: g.comment(), Closing: g.closing(s), Kind: sqlstore.NA, First: addr(first), Last: addr(first + size - 1), DelegatedLen: uint8(s.Prefix.Addr().BitLen()),
		})
	}
	if v6 {
		for n := range rapid.IntRange(0, 2).Draw(g.T, "pd pools") {
			base := netip.MustParseAddr(fmt.Sprintf("2001:db8:%x:%x::", number, 0x4000*(n+1)))
			p := &sqlstore.Pool{ID: g.id("pd pool"), Comment: g.comment(), Closing: g.closing(s), Kind: sqlstore.PD, First: base, Last: base, DelegatedLen: 50}
			if rapid.Bool().Draw(g.T, "several") {
				p.DelegatedLen = 56
				p.Last = netip.MustParseAddr(fmt.Sprintf("2001:db8:%x:%x::", number, 0x4000*(n+1)+0x3f00))
			}
			s.Pools = append(s.Pools, p)
		}
	}
	return s
}

// closing draws whether a pool is. In a closing subnet it goes without saying.
func (g *generator) closing(s *sqlstore.Subnet) bool {
	return !s.Closing && rapid.Bool().Draw(g.T, "closing")
}

func TestExportThenParseIsTheIdentity(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		c := configs().Draw(t, "config")
		require.Empty(t, sqlstore.Check(c))
		text, err := site.Export(c)
		require.NoError(t, err)
		again, err := site.Parse("export.yaml", text)
		require.NoError(t, err, string(text))
		require.Equal(t, c, again, string(text))
		require.Empty(t, sqlstore.Diff(c, again))
		same, err := site.Export(again)
		require.NoError(t, err)
		require.Equal(t, string(text), string(same))
	})
}

// What the database has is exported, and applied again without a change, as
// YAML and as JSON; what waits goes on waiting.
func TestExportThenApplyIsTheIdentity(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		stored := configs().Draw(t, "config")
		require.NoError(t, sqlstore.Assign(&sqlstore.Config{ServerDUID: []byte{0, 4}, TSIGKeys: slices.Clone(stored.TSIGKeys)}, stored, []byte("secret"), sqlstore.UsedIDs{}))
		for _, l := range stored.Links {
			for _, s := range l.Subnets {
				for _, p := range s.Pools {
					p.Waiting = rapid.Bool().Draw(t, "waiting")
				}
			}
		}
		text, err := site.Export(stored)
		require.NoError(t, err)
		asJSON, err := site.ToJSON(text)
		require.NoError(t, err)
		for _, document := range [][]byte{text, asJSON} {
			var notes []site.Note
			next, err := site.Parse("export", document, site.Notes(&notes))
			require.NoError(t, err, string(document))
			for _, n := range notes {
				require.NotContains(t, n.Text, "comment", string(document))
			}
			require.Empty(t, sqlstore.Diff(stored, next), string(document))
			require.NoError(t, sqlstore.Assign(stored, next, []byte("secret"), sqlstore.UsedIDs{}))
			require.True(t, sqlstore.SameConfig(stored, next), string(document))
			again, err := site.Export(next)
			require.NoError(t, err)
			require.Equal(t, string(text), string(again))
		}
	})
}

func TestExportText(t *testing.T) {
	c, err := site.Parse("site.yaml", []byte(whole))
	require.NoError(t, err)
	text, err := site.Export(c)
	require.NoError(t, err)
	require.Equal(t, `parameters:
  valid_lifetime: 3600
  authoritative: true
option_data:
  - {name: domain-name-servers, data: "192.0.2.53, 192.0.2.54"}
  - {code: 43, family: v4, hex: "0104c0000201", always_send: true}
shared_networks:
  - name: city-north
    vrf: 3
    parameters:
      renew_timer: 900
    subnets:
      - subnet: 192.0.2.0/24
        id: 10
        relay: [198.51.100.1, 198.51.100.2]
        interface: eth1
        pools:
          - {pool: "192.0.2.10 - 192.0.2.99", id: 1}
          - {pool: "192.0.2.128/25"}
subnets:
  - subnet: 2001:db8:20::/64
    interface_id: 0x0102ff
    option_data:
      - {name: dns-servers, data: "2001:db8::53"}
    pools:
      - {pool: "2001:db8:20::1000 - 2001:db8:20::ffff"}
    pd_pools:
      - {prefix: "2001:db8:8000::/33", delegated_len: 56}
`, string(text))
}

// What a link without a name has set for itself is written at its subnet,
// which has the last word.
func TestExportFoldsALoneLinkIntoItsSubnet(t *testing.T) {
	dns := func(data string) sqlstore.OptionData {
		return sqlstore.OptionData{Family: sqlstore.IPv4, Code: 6, Name: "domain-name-servers", Data: data}
	}
	domain := sqlstore.OptionData{Family: sqlstore.IPv4, Code: 15, Name: "domain-name", Data: "example.org"}
	subnet := &sqlstore.Subnet{
		ID: 4, Prefix: netip.MustParsePrefix("192.0.2.0/24"),
		Parameters: sqlstore.Parameters{"valid_lifetime": "600"},
		Options:    []sqlstore.OptionData{dns("192.0.2.53")},
		Pools: []*sqlstore.Pool{{
			ID: 1, Kind: sqlstore.NA, Closing: true, DelegatedLen: 32,
			First: netip.MustParseAddr("192.0.2.1"), Last: netip.MustParseAddr("192.0.2.2"),
		}},
	}
	c := &sqlstore.Config{Links: []*sqlstore.Link{
		{
			ID: 7, Parameters: sqlstore.Parameters{"valid_lifetime": "900", "renew_timer": "60"},
			Options: []sqlstore.OptionData{dns("198.51.100.53"), domain}, Subnets: []*sqlstore.Subnet{subnet},
		},
		{ID: 8, Subnets: []*sqlstore.Subnet{{ID: 5, Closing: true, Prefix: netip.MustParsePrefix("198.51.100.0/24"), Pools: []*sqlstore.Pool{{
			Kind: sqlstore.NA, Closing: true, DelegatedLen: 32, First: netip.MustParseAddr("198.51.100.1"), Last: netip.MustParseAddr("198.51.100.1"),
		}}}}},
	}}
	text, err := site.Export(c)
	require.NoError(t, err)
	require.Equal(t, `subnets:
  - subnet: 192.0.2.0/24
    id: 4
    parameters:
      valid_lifetime: 600
      renew_timer: 60
    option_data:
      - {name: domain-name-servers, data: "192.0.2.53"}
      - {name: domain-name, data: "example.org"}
    pools:
      - {pool: "192.0.2.1 - 192.0.2.2", id: 1, closing: true}
  - subnet: 198.51.100.0/24
    id: 5
    closing: true
    pools:
      - {pool: "198.51.100.1 - 198.51.100.1"}
`, string(text))
	require.Len(t, subnet.Options, 1, "the configuration itself is not changed")
}

func TestExportRefusesWhatNoDocumentCanSay(t *testing.T) {
	_, err := site.Export(&sqlstore.Config{Links: []*sqlstore.Link{{ID: 3, Subnets: []*sqlstore.Subnet{{}, {}}}}})
	require.EqualError(t, err, "export configuration: link 3 has no name and 2 subnets")
	_, err = site.Export(&sqlstore.Config{Links: []*sqlstore.Link{{Subnets: []*sqlstore.Subnet{{
		Prefix: netip.MustParsePrefix("2001:db8::/48"),
		Pools: []*sqlstore.Pool{{
			Kind: sqlstore.PD, First: netip.MustParseAddr("2001:db8::"), Last: netip.MustParseAddr("2001:db8:0:200::"), DelegatedLen: 56,
		}},
	}}}}})
	require.EqualError(t, err, "export configuration: pd_pool 2001:db8::-2001:db8:0:200:: with delegated_len 56 is not one prefix")
}

func TestExportNothing(t *testing.T) {
	text, err := site.Export(&sqlstore.Config{Revision: 9, ServerDUID: []byte{0, 4}})
	require.NoError(t, err)
	require.Equal(t, "{}\n", string(text))
}

// FuzzParse: no bytes make Parse panic or accept what Check refuses, and what
// it accepts survives Export.
func FuzzParse(f *testing.F) {
	f.Add([]byte(whole))
	f.Add([]byte(`{"subnets": [{"subnet": "192.0.2.0/24", "relay": ["198.51.100.1"]}]}`))
	f.Add([]byte(withNames))
	f.Add([]byte("tsig_keys: [{name: K., secret: c2VjcmV0c2VjcmV0c2VjcmV0, fingerprint: x}]\ndns_zones: [{name: 0/25.2.0.192.in-addr.arpa, servers: [{address: ::1, port: 1, tsig_key: k}]}]\n"))
	f.Add([]byte("a: &x [*x]\n? {b: !!str c}\n: |\n  d\n<<: {}\n"))
	f.Add([]byte("# head\r\n#\r\n\r\nparameters: # no\r\n  valid_lifetime: 1 # kept\r\n  # below\r\nvrfs: [{vrf: 1, relays: [::1]}] # v\r\n"))
	f.Add([]byte("subnets:\n# north\n-  # dash\n  {subnet: 192.0.2.0/24, comment: |\n  a\n\n  , closing: true, parameters: {renew_timer: {value: 1, comment: x}}}"))
	f.Add([]byte("a:\n-\na:\n- b:\n  - [{c, d: , \"e\":1}]\n...\n---\n"))
	f.Add([]byte("# yaml-language-server: a\ncomment: \"\\ufeff\\nyaml-language-server: b\"\n# secret: Zm9yZ290dGVuIGZvcmdvdHRlbg==\nvrfs: [{vrf: 1}]\n"))
	f.Add([]byte("subnets:\n- subnet: 2001:db8::/32\n  pd_pools:\n  - prefix: 2001:db8::/33\n    delegated_len: 0x7f\n"))
	f.Fuzz(func(t *testing.T, data []byte) {
		c, err := site.Parse("fuzz.yaml", data)
		if err != nil {
			require.NotEmpty(t, site.Problems(err))
			return
		}
		require.Empty(t, sqlstore.Check(c))
		text, err := site.Export(c)
		require.NoError(t, err)
		again, err := site.Parse("export.yaml", text)
		require.NoError(t, err, string(text))
		require.Empty(t, sqlstore.Diff(c, again), string(text))
		require.Empty(t, sqlstore.Diff(again, c), string(text))
		asJSON, err := site.ToJSON(text)
		require.NoError(t, err)
		again, err = site.Parse("export.json", asJSON)
		require.NoError(t, err, string(asJSON))
		require.Empty(t, sqlstore.Diff(c, again), string(asJSON))
		require.Empty(t, sqlstore.Diff(again, c), string(asJSON))
	})
}
