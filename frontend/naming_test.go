package frontend

import (
	"net/netip"
	"testing"

	"github.com/stretchr/testify/require"

	"rowlock/ddns/name"
	"rowlock/sqlstore"
)

// compiled makes a snapshot of the text of a configuration.
func compiled(t testing.TB, text string, zones ...string) (*snapshot, error) {
	t.Helper()
	c, err := parseConfig4(text)
	require.NoError(t, err)
	for _, z := range zones {
		c.Zones = append(c.Zones, sqlstore.DNSZone{
			Name: z, Servers: []sqlstore.DNSServer{{Addr: netip.MustParseAddrPort("192.0.2.53:53"), Transport: "tcp"}},
		})
	}
	return compile(c, nil)
}

func namingOf(t testing.TB, s *snapshot, addr string) *naming {
	t.Helper()
	n := s.index.whole.containing(&s.index.whole.open, netip.MustParseAddr(addr))
	require.NotNil(t, n)
	return n.naming
}

func TestNamingOfScopes(t *testing.T) {
	t.Parallel()
	s, err := compiled(t, `
		param ddns_send_updates true
		param ddns_qualifying_suffix example.org
		link
		subnet 192.0.2.0/24
		link
		param ddns_qualifying_suffix example.com
		param ddns_override_no_update true
		subnet 198.51.100.0/24
		param ddns_send_updates false
		link
		subnet 203.0.113.0/25
		param ddns_replace_client_name always
		param ddns_generated_prefix pool
		param hostname_char_replacement -
		param ddns_override_client_update true
		link
		subnet 203.0.113.128/25
		param valid_lifetime 600`)
	require.NoError(t, err)
	global := namingOf(t, s, "192.0.2.1")
	require.Equal(t, name.Policy{SendUpdates: true}, global.policy)
	require.Same(t, global, namingOf(t, s, "203.0.113.129"), "what is the same is shared")
	require.Equal(t, name.Policy{OverrideNoUpdate: true}, namingOf(t, s, "198.51.100.1").policy)
	n, err := namingOf(t, s, "198.51.100.1").rules.Client("pc", false)
	require.NoError(t, err)
	require.Equal(t, "pc.example.com", n)
	own := namingOf(t, s, "203.0.113.1")
	require.Equal(t, name.Policy{SendUpdates: true, OverrideClientUpdate: true}, own.policy)
	got := own.rules.Choose(name.Sources{Hostname: "pc", Addr: netip.MustParseAddr("203.0.113.1")})
	require.Equal(t, "pool-203-0-113-1.example.org", got.Name)
	n, err = own.rules.Client("a b", false)
	require.NoError(t, err)
	require.Equal(t, "a-b.example.org", n)
}

func TestEqualNamingsAreShared(t *testing.T) {
	t.Parallel()
	const own = "param ddns_send_updates true\n param ddns_qualifying_suffix example.org\n"
	s, err := compiled(t, "link\n subnet 192.0.2.0/24\n "+own+"link\n subnet 198.51.100.0/24\n "+own)
	require.NoError(t, err)
	require.Same(t, namingOf(t, s, "192.0.2.1"), namingOf(t, s, "198.51.100.1"))
}

func TestNamingConfinesToTheSuffix(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]name.Reason{
		"": "", // no suffix, nothing to confine to
		"param ddns_qualifying_suffix example.org\n":                                     name.ReasonOutside,
		"param ddns_qualifying_suffix example.org\nparam ddns_confine_to_suffix false\n": "",
	} {
		s, err := compiled(t, text+lan4)
		require.NoError(t, err)
		_, err = namingOf(t, s, "192.0.2.1").rules.Client("pc.example.com", true)
		require.Equal(t, want, name.ReasonOf(err), text)
	}
}

// Forward zones are not for clients; reverse zones may have names that no host
// has (RFC 2317).
func TestNamingKnowsTheZones(t *testing.T) {
	t.Parallel()
	s, err := compiled(t, lan4, "0/25.2.0.192.in-addr.arpa", "corp.example.com", "example.org")
	require.NoError(t, err)
	rules := namingOf(t, s, "192.0.2.1").rules
	for raw, want := range map[string]name.Reason{
		"corp.example.com": name.ReasonApex, "example.com": name.ReasonApex, "example.org": name.ReasonApex,
		"pc.corp.example.com": "", "pc.example.net": "",
	} {
		_, err := rules.Client(raw, true)
		require.Equal(t, want, name.ReasonOf(err), raw)
	}
}

func TestNamingThatIsWrongIsRefused(t *testing.T) {
	t.Parallel()
	subnet := "link\n subnet 192.0.2.0/24\n "
	for text, want := range map[string]string{
		subnet + "param ddns_ttl 600\n param ddns_ttl_percent 50":        "subnet 10 (192.0.2.0/24)",
		"param ddns_ttl 600\n" + subnet + "param ddns_ttl_max 900":       "subnet 10 (192.0.2.0/24)",
		subnet + "param ddns_ttl_min 900\n param ddns_ttl_max 600":       "subnet 10 (192.0.2.0/24)",
		subnet + "param ddns_generated_prefix -x":                        "subnet 10 (192.0.2.0/24)",
		subnet + "param ddns_qualifying_suffix a..b":                     "subnet 10 (192.0.2.0/24)",
		"param ddns_replace_client_name sometimes\n" + subnet:            "ddns_replace_client_name",
		"link\n param hostname_char_replacement _\n subnet 192.0.2.0/24": "hostname_char_replacement",
	} {
		_, err := compiled(t, text)
		require.ErrorContains(t, err, want, text)
	}
}

// The rules hold without the checks of sqlstore too.
func TestNamingsAreChecked(t *testing.T) {
	t.Parallel()
	for want, p := range map[string]sqlstore.Parameters{
		"global parameters: the parameters of names must go together: ttl: a fixed value leaves nothing to percent, min and max": {"ddns_ttl": "600", "ddns_ttl_percent": "50"},
		"global parameters: the parameters of names must go together: ttl: max is below min":                                     {"ddns_ttl_min": "900", "ddns_ttl_max": "600"},
		"together: suffix: ":  {"ddns_qualifying_suffix": "a..b"},
		"together: replace: ": {"ddns_replace_client_name": "sometimes"},
	} {
		_, err := newNamings(&sqlstore.Config{}).of("global", nil, p)
		require.ErrorContains(t, err, want)
	}
}
