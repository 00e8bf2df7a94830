package site_test

import (
	"net/netip"
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"rowlock/admin/site"
	"rowlock/sqlstore"
)

const (
	secret      = "Zmlyc3QgZmlyc3QgZmlyc3Q="
	fingerprint = "2598c934"
)

const withNames = `
parameters: {ddns_send_updates: true, ddns_qualifying_suffix: Example.ORG.}
tsig_keys:
  - {name: Rowlock.Example.org., algorithm: HMAC-SHA512, secret: "` + secret + `"}
  - {name: kept}
dns_zones:
  - name: Example.org.
    servers:
      - {address: 192.0.2.53, tsig_key: ROWLOCK.example.org.}
      - {address: "2001:db8::53", port: 5353, transport: udp, tsig_key: kept}
  - name: 2.0.192.IN-ADDR.ARPA
    servers: [{address: 192.0.2.53}]
`

func TestParseNames(t *testing.T) {
	c, err := site.Parse("site.yaml", []byte(withNames))
	require.NoError(t, err)
	at := netip.MustParseAddrPort
	require.Equal(t, []sqlstore.TSIGKey{
		{Name: "kept", Algorithm: "hmac-sha256"},
		{Name: "rowlock.example.org", Algorithm: "hmac-sha512", Fingerprint: fingerprint, Secret: secret},
	}, c.TSIGKeys)
	require.Equal(t, []sqlstore.DNSZone{
		{Name: "2.0.192.in-addr.arpa", Servers: []sqlstore.DNSServer{{Addr: at("192.0.2.53:53"), Transport: "tcp"}}},
		{Name: "example.org", Servers: []sqlstore.DNSServer{
			{Addr: at("192.0.2.53:53"), Transport: "tcp", Key: "rowlock.example.org"},
			{Addr: at("[2001:db8::53]:5353"), Transport: "udp", Key: "kept"},
		}},
	}, c.Zones)
}

// What is exported has no secret, and is the same configuration where the
// secret is stored.
func TestExportHasNoSecret(t *testing.T) {
	c, err := site.Parse("site.yaml", []byte(withNames))
	require.NoError(t, err)
	text, err := site.Export(c)
	require.NoError(t, err)
	require.Equal(t, `parameters:
  ddns_send_updates: true
  ddns_qualifying_suffix: Example.ORG.
tsig_keys:
  - {name: kept, algorithm: hmac-sha256}
  - {name: rowlock.example.org, algorithm: hmac-sha512, fingerprint: "2598c934"}
dns_zones:
  - name: 2.0.192.in-addr.arpa
    servers:
      - {address: 192.0.2.53}
  - name: example.org
    servers:
      - {address: 192.0.2.53, tsig_key: rowlock.example.org}
      - {address: "2001:db8::53", port: 5353, transport: udp, tsig_key: kept}
`, string(text))
	again, err := site.Parse("export.yaml", text)
	require.NoError(t, err)
	require.NoError(t, sqlstore.KeepSecrets(c, again))
	require.True(t, sqlstore.SameConfig(c, again))
	require.Empty(t, sqlstore.Diff(c, again))
}

func TestSecretFile(t *testing.T) {
	const document = "tsig_keys: [{name: k.example.org, secret_file: key.txt}]"
	key := func(text string) string {
		return "key \"k.example.org\" {\n\talgorithm hmac-sha384;\n\t" + text + "\n};\n"
	}
	parse := func(document, text string) (*sqlstore.Config, error) {
		return site.Parse("site.yaml", []byte(document), site.SecretFiles(func(path string) ([]byte, error) {
			require.Equal(t, "key.txt", path)
			if text == "" {
				return nil, os.ErrNotExist
			}
			return []byte(text), nil
		}))
	}
	for _, good := range []struct{ text, algorithm string }{
		{secret, "hmac-sha256"},
		{secret[:10] + "\n" + secret[10:] + "\r\n", "hmac-sha256"},
		{key(`secret "` + secret + `";`), "hmac-sha384"},
		{key(`secret ` + secret + ` ;`), "hmac-sha384"},
		{"# made by hand\n" + key("/* secret \"no\"; */ secret \""+secret+"\"; // that is it"), "hmac-sha384"},
	} {
		c, err := parse(document, good.text)
		require.NoError(t, err, good.text)
		require.Equal(t, []sqlstore.TSIGKey{{Name: "k.example.org", Algorithm: good.algorithm, Secret: secret, Fingerprint: fingerprint}}, c.TSIGKeys)
	}
	slashes := strings.Repeat("////", 6)
	c, err := parse(document, key(`secret "`+slashes+`";`))
	require.NoError(t, err, "what is quoted is no comment")
	require.Equal(t, slashes, c.TSIGKeys[0].Secret)

	hidden := "aGlkZGVu"
	for text, want := range map[string]string{
		"":                                       "secret_file must be readable: file does not exist",
		" \n":                                    "it is empty",
		hidden:                                   "at least 16 bytes in base64: 6 bytes",
		hidden + "!":                             "at least 16 bytes in base64: not base64",
		strings.Repeat(hidden, 10000):            "it is too large",
		"options { secret \"" + hidden + "\"; }": "it is not one key statement",
		key("secret \"" + hidden + "!\";"):       "has not one algorithm and one secret",
		key(strings.Repeat("secret \""+secret+"\";", 2)):                            "has not one algorithm and one secret",
		strings.Replace(key("secret \""+secret+"\";"), "k.example", "x.example", 1): `secret_file must be of the same name: "x.example.org"`,
	} {
		_, err := parse(document, text)
		require.ErrorContains(t, err, want)
		require.ErrorContains(t, err, "site.yaml:1:")
		require.NotContains(t, err.Error(), hidden)
		require.NotContains(t, err.Error(), secret)
	}
	_, err = parse("tsig_keys: [{name: k.example.org, algorithm: hmac-sha1, secret_file: key.txt}]", key(`secret "`+secret+`";`))
	require.ErrorContains(t, err, `secret_file must be of the same algorithm: "hmac-sha384"`)
	_, err = site.Parse("site.yaml", []byte(document))
	require.ErrorContains(t, err, "at the command line")
	require.Len(t, site.Problems(err), 1)
}
