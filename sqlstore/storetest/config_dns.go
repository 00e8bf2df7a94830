package storetest

import (
	"fmt"
	"net/netip"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"rowlock/sqlstore"
)

// Secrets of 32 bytes, and the fingerprints of them.
const (
	firstSecret  = "Zmlyc3QgZmlyc3QgZmlyc3QgZmlyc3QgZmlyc3QgISE="
	secondSecret = "c2Vjb25kIHNlY29uZCBzZWNvbmQgc2Vjb25kIHNlYyE="
)

// siteKeys and siteZones have something in every field.
func siteKeys() []sqlstore.TSIGKey {
	return []sqlstore.TSIGKey{
		{Name: "a_key", Algorithm: "hmac-sha512", Secret: secondSecret, Comment: "of the second server"},
		{Name: "ddns.example.org", Algorithm: "hmac-sha256", Secret: firstSecret},
	}
}

func siteZones() []sqlstore.DNSZone {
	at := netip.MustParseAddrPort
	return []sqlstore.DNSZone{
		{Name: "0/25.2.0.192.in-addr.arpa", Servers: []sqlstore.DNSServer{{Addr: at("192.0.2.53:53"), Transport: "udp"}}},
		{Name: "dyn.example.org", Servers: []sqlstore.DNSServer{
			{Addr: at("[2001:db8::53]:5353"), Transport: "tcp", Key: "ddns.example.org"},
			{Addr: at("192.0.2.53:53"), Transport: "tcp", Key: "a_key"},
			{Addr: at("192.0.2.54:53"), Transport: "udp"},
		}},
		{Name: "example.org", Comment: "hosts", Servers: []sqlstore.DNSServer{{Addr: at("192.0.2.53:53"), Transport: "tcp", Key: "ddns.example.org"}}},
	}
}

// withZones is a configuration with nothing but keys and zones.
func withZones() *sqlstore.Config {
	return &sqlstore.Config{TSIGKeys: siteKeys(), Zones: siteZones()}
}

func fingerprint(t testing.TB, secret string) string {
	t.Helper()
	f, err := sqlstore.Fingerprint(secret)
	require.NoError(t, err)
	return f
}

// storedKeys returns the rows of tsig_key, with their secrets.
func (c *configured) storedKeys(t testing.TB) [][]string {
	return c.db.rows(t, "SELECT name, algorithm, secret, fingerprint FROM tsig_key ORDER BY 1")
}

func configZones(t *testing.T, c *configured) {
	c.apply(t, withZones())
	got := c.load(t)
	require.Equal(t, []sqlstore.TSIGKey{
		{Name: "a_key", Algorithm: "hmac-sha512", Fingerprint: fingerprint(t, secondSecret), Comment: "of the second server"},
		{Name: "ddns.example.org", Algorithm: "hmac-sha256", Fingerprint: fingerprint(t, firstSecret)},
	}, got.TSIGKeys, "secrets are not read")
	require.Equal(t, siteZones(), got.Zones)
	require.Empty(t, sqlstore.Check(got))

	// servers change places, one goes, a zone goes, another comes
	next := withZones()
	next.Zones[1].Servers[0], next.Zones[1].Servers[1] = next.Zones[1].Servers[1], next.Zones[1].Servers[0]
	next.Zones[1].Servers = next.Zones[1].Servers[:2]
	next.Zones[0].Name = "2.0.192.in-addr.arpa"
	next.TSIGKeys[0].Name, next.Zones[1].Servers[0].Key = "b_key", "b_key"
	require.EqualValues(t, 2, c.apply(t, next))
	require.Equal(t, next.Zones, c.load(t).Zones)
	require.Equal(t, "b_key", c.load(t).TSIGKeys[0].Name)

	backwards := withZones()
	backwards.TSIGKeys[0], backwards.TSIGKeys[1] = backwards.TSIGKeys[1], backwards.TSIGKeys[0]
	backwards.Zones[0], backwards.Zones[2] = backwards.Zones[2], backwards.Zones[0]
	rev := c.apply(t, backwards)
	require.Equal(t, siteZones(), c.load(t).Zones, "the order of zones says nothing")
	require.Equal(t, rev, c.apply(t, withZones()))

	c.apply(t, &sqlstore.Config{})
	require.Empty(t, c.load(t).Zones)
	require.Empty(t, c.load(t).TSIGKeys)
	for _, table := range []string{"tsig_key", "dns_zone", "dns_server"} {
		require.Zero(t, c.db.number(t, "SELECT count(*) FROM %s", table), table)
	}
}

// A secret is written and never read: what does not give it keeps it.
func configSecrets(t *testing.T, c *configured) {
	rev := c.apply(t, withZones())
	first := [][]string{
		{"a_key", "hmac-sha512", secondSecret, fingerprint(t, secondSecret)},
		{"ddns.example.org", "hmac-sha256", firstSecret, fingerprint(t, firstSecret)},
	}
	require.Equal(t, first, c.storedKeys(t))

	silent := withZones()
	silent.TSIGKeys[0].Secret, silent.TSIGKeys[1].Secret = "", ""
	require.Equal(t, rev, c.apply(t, silent), "nothing has changed")
	silent = c.load(t)
	silent.Zones = silent.Zones[:2]
	require.Equal(t, rev+1, c.apply(t, silent))
	require.Equal(t, first, c.storedKeys(t), "a change of something else keeps the secrets")

	next := c.load(t)
	next.TSIGKeys[0].Algorithm = "hmac-sha384"
	next.TSIGKeys[1].Secret, next.TSIGKeys[1].Fingerprint = secondSecret, ""
	require.Equal(t, rev+2, c.apply(t, next))
	require.Equal(t, [][]string{
		{"a_key", "hmac-sha384", secondSecret, fingerprint(t, secondSecret)},
		{"ddns.example.org", "hmac-sha256", secondSecret, fingerprint(t, secondSecret)},
	}, c.storedKeys(t))

	before := c.load(t)
	for _, wrong := range []struct {
		key  sqlstore.TSIGKey
		want error
	}{
		{sqlstore.TSIGKey{Name: "new", Algorithm: "hmac-sha256"}, sqlstore.ErrNotFound},
		{sqlstore.TSIGKey{Name: "a_key", Algorithm: "hmac-sha384", Fingerprint: fingerprint(t, firstSecret)}, sqlstore.ErrConflict},
		{sqlstore.TSIGKey{Name: "a_key", Algorithm: "hmac-sha384", Secret: "c2hvcnQ="}, sqlstore.ErrData},
		{sqlstore.TSIGKey{Name: "a_key", Algorithm: "hmac-md5", Secret: firstSecret}, sqlstore.ErrData},
		{sqlstore.TSIGKey{Name: "A_KEY", Algorithm: "hmac-sha256", Secret: firstSecret}, sqlstore.ErrData},
	} {
		next := &sqlstore.Config{TSIGKeys: []sqlstore.TSIGKey{wrong.key}}
		_, err := c.store.ApplyConfig(t.Context(), sqlstore.AnyRevision, next, "author", "")
		require.ErrorIs(t, err, wrong.want, "%+v", wrong.key)
		require.ErrorContains(t, err, "tsig_key "+wrong.key.Name)
		require.NotContains(t, err.Error(), "c2hvcnQ")
		require.NotContains(t, err.Error(), firstSecret)
		require.Equal(t, before, c.load(t))
	}
}

// Lease changes are written down while there are zones, and only then.
func configConsumer(t *testing.T, c *configured) {
	consumers := func() [][]string { return c.db.rows(t, "SELECT name, seq FROM event_consumer ORDER BY name") }
	c.db.exec(t, "INSERT INTO event_consumer (name, seq) VALUES ('other', 4)")
	c.apply(t, oneSubnet())
	require.Equal(t, [][]string{{"other", "4"}}, consumers())
	c.apply(t, withZones())
	require.Equal(t, [][]string{{"ddns", "-1"}, {"other", "4"}}, consumers(), "all leases are to be looked at")
	c.db.exec(t, "UPDATE event_consumer SET seq = 7 WHERE name = 'ddns'")
	next := withZones()
	next.Zones = next.Zones[2:]
	c.apply(t, next)
	c.apply(t, next)
	require.Equal(t, [][]string{{"ddns", "7"}, {"other", "4"}}, consumers(), "a change of zones is none of its business")
	next.Zones = nil
	c.apply(t, next)
	require.Equal(t, [][]string{{"other", "4"}}, consumers())
	c.apply(t, withZones())
	require.Equal(t, [][]string{{"ddns", "-1"}, {"other", "4"}}, consumers())

	// by hand one of the two may have been forgotten
	rev := c.load(t).Revision
	c.db.exec(t, "DELETE FROM event_consumer WHERE name = 'ddns'")
	require.Equal(t, rev, c.apply(t, c.load(t)), "nothing else to change")
	require.Equal(t, [][]string{{"ddns", "-1"}, {"other", "4"}}, consumers())
}

// Rows that somebody wrote have no fingerprint, and defaults.
func configByHand(t *testing.T, c *configured) {
	c.apply(t, oneSubnet())
	for _, statement := range []string{
		"INSERT INTO tsig_key (name, algorithm, secret) VALUES ('hand', 'hmac-sha1', '" + firstSecret + "')",
		"INSERT INTO dns_zone (name) VALUES ('example.org')",
		"INSERT INTO dns_zone (name) VALUES ('empty.example.org')",
		"INSERT INTO dns_server (zone, addr) VALUES ('example.org', '192.0.2.53')",
		"INSERT INTO dns_server (zone, position, addr, port, transport, tsig_key) VALUES ('example.org', 9, '2001:db8::53', 5300, 'udp', 'hand')",
	} {
		c.db.exec(t, "%s", statement)
	}
	got := c.load(t)
	require.Equal(t, []sqlstore.TSIGKey{{Name: "hand", Algorithm: "hmac-sha1"}}, got.TSIGKeys)
	require.Equal(t, []sqlstore.DNSZone{{Name: "empty.example.org"}, {Name: "example.org", Servers: []sqlstore.DNSServer{
		{Addr: netip.MustParseAddrPort("192.0.2.53:53"), Transport: "tcp"},
		{Addr: netip.MustParseAddrPort("[2001:db8::53]:5300"), Transport: "udp", Key: "hand"},
	}}}, got.Zones)
	require.Len(t, sqlstore.Check(got), 1, "a zone has no server")
	rev := got.Revision
	require.Equal(t, rev, c.apply(t, got), "nothing has changed")
	require.EqualValues(t, 1, c.db.number(t, "SELECT count(*) FROM event_consumer WHERE name = 'ddns' AND seq = -1"))

	got.Zones = got.Zones[1:]
	require.Equal(t, rev+1, c.apply(t, got))
	require.Equal(t, [][]string{{"hand", "hmac-sha1", firstSecret, ""}}, c.storedKeys(t))
	got.Zones[0].Servers[1].Addr = netip.MustParseAddrPort("[2001:db8::54]:53")
	require.Equal(t, rev+2, c.apply(t, got))
	require.Equal(t, got.Zones, c.load(t).Zones)
	got.TSIGKeys[0].Fingerprint = fingerprint(t, firstSecret)
	_, err := c.store.ApplyConfig(t.Context(), sqlstore.AnyRevision, got, "author", "")
	require.ErrorIs(t, err, sqlstore.ErrConflict, "nobody can tell whether it is that secret")
	got.TSIGKeys[0].Secret = firstSecret
	require.Equal(t, rev+3, c.apply(t, got))
	require.Equal(t, [][]string{{"hand", "hmac-sha1", firstSecret, fingerprint(t, firstSecret)}}, c.storedKeys(t))
}

// What no program would write is refused by the database as well.
func configWrongRows(t *testing.T, c *configured) {
	c.apply(t, withZones())
	before := c.load(t)
	key := func(name, algorithm, secret string) string {
		return fmt.Sprintf("INSERT INTO tsig_key (name, algorithm, secret) VALUES ('%s', '%s', '%s')", name, algorithm, secret)
	}
	wrong := []string{
		key("", "hmac-sha256", firstSecret),
		key("Upper", "hmac-sha256", firstSecret),
		key("dot.", "hmac-sha256", firstSecret),
		key(strings.Repeat("a", 256), "hmac-sha256", firstSecret),
		key("md5", "hmac-md5", firstSecret),
		key("none", "hmac-sha256", ""),
		key("a_key", "hmac-sha256", firstSecret),
		"INSERT INTO dns_zone (name) VALUES ('')",
		"INSERT INTO dns_zone (name) VALUES ('Example.net')",
		"INSERT INTO dns_zone (name) VALUES ('example.net.')",
		"INSERT INTO dns_zone (name) VALUES ('example.org')",
		"INSERT INTO dns_server (zone, position, addr) VALUES ('example.net', 9, '192.0.2.1')",
		"INSERT INTO dns_server (zone, position, addr) VALUES ('example.org', 0, '192.0.2.1')",
		"INSERT INTO dns_server (zone, position, addr) VALUES ('example.org', -1, '192.0.2.1')",
		"INSERT INTO dns_server (zone, position, addr) VALUES ('example.org', 9, '')",
		"INSERT INTO dns_server (zone, position, addr, port) VALUES ('example.org', 9, '192.0.2.1', 0)",
		"INSERT INTO dns_server (zone, position, addr, port) VALUES ('example.org', 9, '192.0.2.1', 65536)",
		"INSERT INTO dns_server (zone, position, addr, transport) VALUES ('example.org', 9, '192.0.2.1', 'tls')",
		"INSERT INTO dns_server (zone, position, addr, tsig_key) VALUES ('example.org', 9, '192.0.2.1', 'unknown')",
		"DELETE FROM tsig_key",
	}
	if c.db.dialect != "sqlite" {
		wrong = append(wrong, "INSERT INTO dns_server (zone, position, addr) VALUES ('example.org', 9, 'ns.example.org')")
	}
	for _, statement := range wrong {
		_, err := c.db.query(t, statement)
		require.Error(t, err, statement)
	}
	require.Equal(t, before, c.load(t))
}
