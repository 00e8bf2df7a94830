package site_test

import (
	"net/netip"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"rowlock/admin/site"
	"rowlock/sqlstore"
)

// said is a configuration with one comment everywhere.
func said(text string) *sqlstore.Config {
	subnet := func(prefix string) *sqlstore.Subnet {
		p := netip.MustParsePrefix(prefix)
		return &sqlstore.Subnet{Prefix: p, Comment: text, Pools: []*sqlstore.Pool{
			{Kind: sqlstore.NA, First: p.Addr().Next(), Last: p.Addr().Next(), DelegatedLen: 32, Comment: text},
		}}
	}
	return &sqlstore.Config{
		Comment: text, Parameters: sqlstore.Parameters{"renew_timer": "60"}, Notes: sqlstore.Notes{"renew_timer": text},
		Options:  []sqlstore.OptionData{{Family: sqlstore.IPv4, Code: 15, Name: "domain-name", Data: "example.org", Comment: text}},
		VRFs:     []sqlstore.VRF{{ID: 7, Comment: text}},
		TSIGKeys: []sqlstore.TSIGKey{{Name: "k", Algorithm: "hmac-sha256", Fingerprint: "1a2b3c4d", Comment: text}},
		Zones:    []sqlstore.DNSZone{{Name: "example.org", Comment: text, Servers: []sqlstore.DNSServer{{Addr: netip.MustParseAddrPort("192.0.2.53:53"), Transport: "tcp"}}}},
		Links: []*sqlstore.Link{
			{Name: "north", Comment: text, Subnets: []*sqlstore.Subnet{subnet("192.0.2.0/24")}},
			{Subnets: []*sqlstore.Subnet{subnet("198.51.100.0/24")}},
		},
	}
}

// silent takes the comments out, which may come back as others.
func silent(c *sqlstore.Config) *sqlstore.Config {
	c.Comment, c.Notes, c.Options[0].Comment, c.VRFs[0].Comment, c.TSIGKeys[0].Comment, c.Zones[0].Comment = "", nil, "", "", "", ""
	for _, l := range c.Links {
		l.Comment, l.Subnets[0].Comment, l.Subnets[0].Pools[0].Comment = "", "", ""
	}
	return c
}

// What stands in a comment is no configuration, whatever its line ends are.
func TestExportOfCommentsFromRows(t *testing.T) {
	for _, end := range []string{"\r", "\n", "\r\n", "\n\r", "\u0085", "\u2028", "\u2029", "\v", "\f", "\x00", "\x1b", "\ufeff", "\xff", "\xc2"} {
		text, err := site.Export(said("a" + end + "parameters: {valid_lifetime: 1}" + end + "closing: true" + end))
		require.NoError(t, err)
		c, err := site.Parse("export.yaml", text)
		require.NoError(t, err, "%q\n%s", end, text)
		require.Empty(t, sqlstore.Diff(silent(said("x")), silent(c)), "%q\n%s", end, text)
	}
}

func TestExportOfAnyComment(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		comment := string(rapid.SliceOfN(rapid.Byte(), 1, 30).Draw(t, "bytes")) + rapid.String().Draw(t, "text")
		text, err := site.Export(said(comment))
		require.NoError(t, err)
		c, err := site.Parse("export.yaml", text)
		require.NoError(t, err, "%s", text)
		require.Empty(t, sqlstore.Diff(silent(said("x")), silent(c)), "%s", text)
	})
}

// A document that says something else than the rows must not pass for them.
func TestValidRefusesWhatCheckRefuses(t *testing.T) {
	require.NoError(t, site.Valid("revision 3", said("a\nb")))
	for _, text := range []string{"a\r\nb", "a\x1b[2J", "\xe9"} {
		err := site.Valid("revision 3", said(text))
		require.ErrorContains(t, err, "revision 3: global: a comment must be UTF-8 without control characters")
		require.Len(t, site.Problems(err), 11)
	}
}

func TestParseRefusesOtherEncodings(t *testing.T) {
	for name, tc := range map[string]struct{ text, want string }{
		"first":    {"\xff", "site.yaml:1:1: a document must be UTF-8: byte 0xff"},
		"Latin-1":  {"subnets:\r\n  # für Köln: caf\xe9\r\n  - subnet: 192.0.2.0/24\r\n", "site.yaml:2:18: a document must be UTF-8: byte 0xe9"},
		"cut off":  {"a\rb: \xe2\x82", "site.yaml:2:4: a document must be UTF-8: byte 0xe2"},
		"utf-16":   {"\xff\xfe{\x00}\x00", "site.yaml:1:1: a document must be UTF-8: byte 0xff"},
		"with BOM": {"\ufeff# \xe9\n", "site.yaml:1:3: a document must be UTF-8: byte 0xe9"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := site.Parse("site.yaml", []byte(tc.text))
			require.EqualError(t, err, tc.want)
			_, err = site.ToJSON([]byte(tc.text))
			require.Error(t, err)
		})
	}
	c, err := site.Parse("site.yaml", []byte("# caf\ufffd\n\n{}\n"))
	require.NoError(t, err, "the character itself is text")
	require.Equal(t, "caf\ufffd", c.Comment)
}

func TestParseSkipsAByteOrderMark(t *testing.T) {
	for _, text := range []string{"parameters: {renew_timer: 60}", `{"parameters": {"renew_timer": 60}}`, "# head\n\nparameters:\n  renew_timer: 60\n"} {
		c, err := site.Parse("site.yaml", []byte("\ufeff"+text))
		require.NoError(t, err)
		require.Equal(t, sqlstore.Parameters{"renew_timer": "60"}, c.Parameters)
		_, err = site.Parse("site.yaml", []byte("\ufeffx: 1\n"))
		require.ErrorContains(t, err, "site.yaml:1:1: unknown key")
	}
}

// What a document says does not act on the terminal.
func TestProblemIsOneVisibleLine(t *testing.T) {
	_, err := site.Parse("site.yaml", []byte(`subnets: [{subnet: "\e[2J\nx"}]`))
	require.EqualError(t, err, `site.yaml:1:20: subnet \x1b[2J\nx: subnet must be a prefix such as 192.0.2.0/24 or 2001:db8::/32: "\x1b[2J\nx"`)
}
