package sqlstore

import (
	"encoding/base64"
	"net/netip"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

const secret = "Zmlyc3QgZmlyc3QgZmlyc3Q="

func TestFingerprint(t *testing.T) {
	f, err := Fingerprint(secret)
	require.NoError(t, err)
	require.Equal(t, "2598c934", f, "printf 'first first first' | sha256sum")
	for _, wrong := range []string{
		"", "c2hvcnQ=", secret[:len(secret)-1], secret + "\n", " " + secret, strings.ReplaceAll(secret, "Z", "-"),
		base64.StdEncoding.EncodeToString(make([]byte, maxSecret+1)),
	} {
		_, err := Fingerprint(wrong)
		require.Error(t, err)
		if wrong != "" {
			require.NotContains(t, err.Error(), wrong)
		}
	}
}

func TestKeepSecrets(t *testing.T) {
	key := func(k TSIGKey) *Config {
		k.Name = "k"
		if k.Algorithm == "" {
			k.Algorithm = DefaultTSIGAlgorithm
		}
		return &Config{TSIGKeys: []TSIGKey{k}}
	}
	stored := key(TSIGKey{Fingerprint: "2598c934"})
	for _, good := range []TSIGKey{{}, {Fingerprint: "2598c934"}, {Secret: secret}} {
		next := key(good)
		require.NoError(t, KeepSecrets(stored, next))
		require.Equal(t, "2598c934", next.TSIGKeys[0].Fingerprint)
		require.True(t, SameConfig(stored, next))
	}
	require.False(t, SameConfig(stored, key(TSIGKey{Secret: secret, Algorithm: "hmac-sha1"})))
	require.False(t, SameConfig(key(TSIGKey{}), key(TSIGKey{Secret: secret})), "one that somebody wrote may be another")
	require.NoError(t, KeepSecrets(key(TSIGKey{}), key(TSIGKey{})))
	require.ErrorIs(t, KeepSecrets(&Config{}, key(TSIGKey{})), ErrNotFound)
	require.ErrorIs(t, KeepSecrets(stored, key(TSIGKey{Fingerprint: "00000000"})), ErrConflict)
	require.EqualError(t, KeepSecrets(stored, key(TSIGKey{Secret: "c2hvcnQ="})), "tsig_key k: secret: 5 bytes: database refused the data")
}

func TestCheckNames(t *testing.T) {
	at := netip.MustParseAddrPort
	server := DNSServer{Addr: at("192.0.2.53:53"), Transport: "tcp", Key: "k"}
	good := func() *Config {
		return &Config{
			TSIGKeys: []TSIGKey{{Name: "k", Algorithm: "hmac-sha256"}, {Name: "_odd_.key", Algorithm: "hmac-sha1", Secret: secret, Fingerprint: "2598c934"}},
			Zones: []DNSZone{
				{Name: "example.org", Servers: []DNSServer{server, {Addr: at("[2001:db8::53]:53"), Transport: "udp"}}},
				{Name: "lan", Servers: []DNSServer{server}},
				{Name: "0/25.2.0.192.in-addr.arpa", Servers: []DNSServer{server}},
				{Name: "8.b.d.0.1.0.0.2.ip6.arpa", Servers: []DNSServer{server}},
			},
		}
	}
	require.Empty(t, Check(good()))
	for want, edit := range map[string]func(*Config){
		"tsig_keys[0].name":                  func(c *Config) { c.TSIGKeys[0].Name, c.Zones = "K", nil },
		"tsig_keys[1].name":                  func(c *Config) { c.TSIGKeys[1].Name = "k" },
		"tsig_keys[0].algorithm":             func(c *Config) { c.TSIGKeys[0].Algorithm = "" },
		"tsig_keys[0].secret":                func(c *Config) { c.TSIGKeys[0].Secret = "c2hvcnQ=" },
		"tsig_keys[1].fingerprint":           func(c *Config) { c.TSIGKeys[1].Fingerprint = "00000000" },
		"dns_zones[0].name":                  func(c *Config) { c.Zones[0].Name = "example.org." },
		"dns_zones[1].name":                  func(c *Config) { c.Zones[1].Name = "a/b.example.org" },
		"dns_zones[2].name":                  func(c *Config) { c.Zones[2].Name = "lan" },
		"dns_zones[3].servers":               func(c *Config) { c.Zones[3].Servers = nil },
		"dns_zones[0].servers[1].address":    func(c *Config) { c.Zones[0].Servers[1].Addr = server.Addr },
		"dns_zones[0].servers[0].address":    func(c *Config) { c.Zones[0].Servers[0].Addr = at("[::ffff:192.0.2.1]:53") },
		"dns_zones[1].servers[0].port":       func(c *Config) { c.Zones[1].Servers[0].Addr = at("192.0.2.53:0") },
		"dns_zones[2].servers[0].transport":  func(c *Config) { c.Zones[2].Servers[0].Transport = "tls" },
		"dns_zones[3].servers[0].tsig_key":   func(c *Config) { c.Zones[3].Servers[0].Key = "unknown" },
		"parameters.ddns_ttl_percent":        func(c *Config) { c.Parameters = Parameters{"ddns_ttl_percent": "101"} },
		"parameters.ddns_ttl":                func(c *Config) { c.Parameters = Parameters{"ddns_ttl": "300", "ddns_ttl_min": "60"} },
		"parameters.ddns_ttl_min":            func(c *Config) { c.Parameters = Parameters{"ddns_ttl_min": "61", "ddns_ttl_max": "60"} },
		"subnets[0].parameters.ddns_ttl":     inner(Parameters{"ddns_ttl_percent": "50"}, Parameters{"ddns_ttl": "60"}),
		"subnets[0].parameters.ddns_ttl_max": inner(Parameters{"ddns_ttl_min": "60"}, Parameters{"ddns_ttl_max": "30"}),
	} {
		c := good()
		edit(c)
		found := Check(c)
		require.Len(t, found, 1, "%s: %v", want, found)
		require.Equal(t, want, found[0].Path)
		require.NotContains(t, found[0].String(), "c2hvcnQ=")
	}
	unset := &Config{}
	inner(Parameters{"ddns_ttl_percent": "50", "ddns_ttl_min": "60"}, Parameters{"ddns_ttl": "60", "ddns_ttl_percent": "0", "ddns_ttl_min": "0"})(unset)
	require.Empty(t, Check(unset), "0 takes away what is inherited")
	require.True(t, DNSZone{Name: "2.0.192.in-addr.arpa"}.Reverse())
	require.False(t, DNSZone{Name: "xip6.arpa"}.Reverse())
}

// inner sets parameters globally and for a subnet.
func inner(global, subnet Parameters) func(*Config) {
	return func(c *Config) {
		s := subnetOf("192.0.2.0/24")
		c.Parameters, s.Parameters = global, subnet
		c.Links = []*Link{lone(s)}
	}
}
