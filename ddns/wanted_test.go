package ddns

import (
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"rowlock/ddns/name"
	"rowlock/sqlstore"
)

func holder(addr, host string, flags uint8, c sqlstore.Client, since int) sqlstore.NameHolder {
	a := netip.MustParseAddr(addr)
	h := sqlstore.NameHolder{
		Addr: a, Live: true, Family: v4, SubnetID: 1, Hostname: host, FQDNFlags: flags, ValidLft: 3600, Since: time.Unix(int64(since), 0), Client: c,
	}
	if a.Is6() {
		h.Family = v6
	}
	return h
}

func third(_, lifetime uint32) uint32 { return name.TTL{}.Of(lifetime) }

func text(rs records) string { return strings.ReplaceAll(rs.String(), "\n", "; ") }

func TestWantForward(t *testing.T) {
	t.Parallel()
	const n = "pc.example.org"
	id := func(c sqlstore.Client) string { return "DHCID " + idText(v4, c, n) }
	one := holder("192.0.2.1", n, both, mac(1), 10)
	two := holder("192.0.2.2", n, both, mac(2), 20)
	short := one
	short.Addr, short.ValidLft = netip.MustParseAddr("192.0.2.3"), 1800
	ended := sqlstore.NameHolder{Addr: netip.MustParseAddr("192.0.2.4")}
	odd := holder("192.0.2.5", n, both, sqlstore.Client{HWType: 300, HWAddr: []byte{1}}, 1)
	for _, c := range []struct {
		what      string
		holders   []sqlstore.NameHolder
		published string
		want      string
		rivals    int
		stale     int
		err       error
	}{
		{what: "nobody"},
		{what: "one", holders: []sqlstore.NameHolder{one}, want: "1200 A 192.0.2.1; 1200 " + id(mac(1))},
		{what: "the older one", holders: []sqlstore.NameHolder{two, one}, want: "1200 A 192.0.2.1; 1200 " + id(mac(1)), rivals: 1},
		{
			what: "the published one", holders: []sqlstore.NameHolder{one, two}, published: "60 A 192.0.2.2\n60 " + id(mac(2)),
			want: "60 A 192.0.2.2; 60 " + id(mac(2)), rivals: 1,
		},
		{
			what: "the published one is gone", holders: []sqlstore.NameHolder{one}, published: "60 A 192.0.2.2\n60 " + id(mac(2)),
			want: "1200 A 192.0.2.1; 1200 " + id(mac(1)),
		},
		{what: "two addresses, the shorter TTL", holders: []sqlstore.NameHolder{one, short}, want: "600 A 192.0.2.1; 600 A 192.0.2.3; 600 " + id(mac(1))},
		{
			what: "a TTL is kept", holders: []sqlstore.NameHolder{one, short}, published: "77 A 192.0.2.3\n78 " + id(mac(1)),
			want: "77 A 192.0.2.1; 77 A 192.0.2.3; 78 " + id(mac(1)),
		},
		{
			what: "a TTL of what goes is not", holders: []sqlstore.NameHolder{one}, published: "77 A 192.0.2.3\n78 " + id(mac(1)),
			want: "1200 A 192.0.2.1; 78 " + id(mac(1)),
		},
		{what: "ended", holders: []sqlstore.NameHolder{ended}, stale: 1},
		{what: "renamed", holders: []sqlstore.NameHolder{holder("192.0.2.1", "other.example.org", both, mac(1), 1)}, stale: 1},
		{what: "not ours to keep", holders: []sqlstore.NameHolder{holder("192.0.2.1", n, sqlstore.FQDNReverse, mac(1), 1)}, stale: 1},
		{what: "no identity", holders: []sqlstore.NameHolder{odd}, err: name.ReasonHWType},
		{what: "no identity, but another has it", holders: []sqlstore.NameHolder{odd, one}, want: "1200 A 192.0.2.1; 1200 " + id(mac(1))},
	} {
		published, err := parseRecords(c.published)
		require.NoError(t, err)
		w := wantForward(n, c.holders, published, third)
		require.Equal(t, c.want, text(w.recs), c.what)
		require.Len(t, w.rivals, c.rivals, c.what)
		require.Len(t, w.stale, c.stale, c.what)
		require.ErrorIs(t, w.err, c.err, c.what)
	}
	bad := wantForward("a..b", []sqlstore.NameHolder{holder("192.0.2.1", "a..b", both, mac(1), 1)}, nil, third)
	require.ErrorIs(t, bad.err, name.ReasonEmptyLabel)
	require.Empty(t, bad.recs)
}

func TestWantReverse(t *testing.T) {
	t.Parallel()
	const n = "1.2.0.192.in-addr.arpa"
	at := func(host string, flags uint8, forward string) sqlstore.NameHolder {
		h := holder("192.0.2.1", host, flags, mac(1), 1)
		h.Forward = forward
		return h
	}
	other := at("b.example.org", sqlstore.FQDNReverse, "")
	other.VRF, other.Since = 7, time.Unix(99, 0)
	for _, c := range []struct {
		what      string
		holders   []sqlstore.NameHolder
		published string
		want      string
		stale     int
		err       error
	}{
		{what: "nobody"},
		{what: "only the pointer is ours", holders: []sqlstore.NameHolder{at("A.example.org.", sqlstore.FQDNReverse, "")}, want: "1200 PTR a.example.org"},
		{what: "forward is not there yet", holders: []sqlstore.NameHolder{at("a.example.org", both, "")}},
		{what: "forward has another address", holders: []sqlstore.NameHolder{at("a.example.org", both, "60 A 192.0.2.9")}},
		{what: "forward cannot be read", holders: []sqlstore.NameHolder{at("a.example.org", both, "60 A")}},
		{what: "forward is there", holders: []sqlstore.NameHolder{at("a.example.org", both, "60 A 192.0.2.1")}, want: "1200 PTR a.example.org"},
		{what: "the TTL is kept", holders: []sqlstore.NameHolder{at("a.example.org", both, "60 A 192.0.2.1")}, published: "77 PTR a.example.org", want: "77 PTR a.example.org"},
		{what: "two VRFs", holders: []sqlstore.NameHolder{other, at("a.example.org", sqlstore.FQDNReverse, "")}, want: "1200 PTR a.example.org"},
		{
			what: "two VRFs, one published", holders: []sqlstore.NameHolder{other, at("a.example.org", sqlstore.FQDNReverse, "")},
			published: "60 PTR b.example.org", want: "60 PTR b.example.org",
		},
		{what: "ended", holders: []sqlstore.NameHolder{{Addr: netip.MustParseAddr("192.0.2.1")}}, stale: 1},
		{what: "another's address", holders: []sqlstore.NameHolder{holder("192.0.2.7", "a.example.org", sqlstore.FQDNReverse, mac(1), 1)}, stale: 1},
		{what: "no name", holders: []sqlstore.NameHolder{at("", sqlstore.FQDNReverse, "")}, stale: 1},
		{what: "not ours to keep", holders: []sqlstore.NameHolder{at("a.example.org", sqlstore.FQDNForward, "60 A 192.0.2.1")}, stale: 1},
		{what: "no host name", holders: []sqlstore.NameHolder{at("a b.example.org", sqlstore.FQDNReverse, "")}, err: name.ReasonCharacter},
	} {
		published, err := parseRecords(c.published)
		require.NoError(t, err)
		w := wantReverse(n, c.holders, published, third)
		require.Equal(t, c.want, text(w.recs), c.what)
		require.Len(t, w.stale, c.stale, c.what)
		require.ErrorIs(t, w.err, c.err, c.what)
	}
}

func TestSnapshot(t *testing.T) {
	t.Parallel()
	c := &sqlstore.Config{
		Revision: 3, Parameters: sqlstore.Parameters{"ddns_ttl_percent": "10", "ddns_ttl_min": "30"},
		TSIGKeys: []sqlstore.TSIGKey{{Name: "k", Algorithm: "hmac-sha512"}},
		Zones: []sqlstore.DNSZone{
			{Name: "example.org", Servers: []sqlstore.DNSServer{{Addr: netip.MustParseAddrPort("192.0.2.53:53"), Transport: "udp", Key: "k"}}},
			{Name: "lab.example.org", Servers: []sqlstore.DNSServer{{Addr: netip.MustParseAddrPort("[2001:db8::53]:53"), Transport: "tcp"}}},
			{Name: "2.0.192.in-addr.arpa"},
		},
		Links: []*sqlstore.Link{{Parameters: sqlstore.Parameters{"ddns_ttl_max": "1000"}, Subnets: []*sqlstore.Subnet{
			{ID: 1}, {ID: 2, Parameters: sqlstore.Parameters{"ddns_ttl": "5"}}, {ID: 3, Parameters: sqlstore.Parameters{"ddns_ttl_percent": "50"}},
		}}},
	}
	s, err := newSnapshot(c, map[string]string{"k": "c2VjcmV0"}, newHealths())
	require.NoError(t, err)
	for n, want := range map[string]string{
		"a.example.org": "example.org", "a.b.example.org": "example.org", "a.lab.example.org": "lab.example.org", "lab.example.org": "example.org",
		"example.org": "", "org": "", "aexample.org": "", "a.example.com": "", "1.2.0.192.in-addr.arpa": "2.0.192.in-addr.arpa", "": "", ".example.org": "example.org",
	} {
		require.Equal(t, want, s.zoneOf(n), n)
	}
	require.EqualValues(t, 360, s.ttl(1, 3600))
	require.EqualValues(t, 5, s.ttl(2, 3600))
	require.EqualValues(t, 1000, s.ttl(3, 3600))
	require.EqualValues(t, 360, s.ttl(9, 3600), "a subnet that is gone")
	require.EqualValues(t, 30, s.ttl(1, 60))
	srv := s.zones["example.org"].servers[0].server
	require.Equal(t, server{addr: netip.MustParseAddrPort("192.0.2.53:53"), udp: true, key: "k", algorithm: "hmac-sha512", secret: "c2VjcmV0"}, srv)
	require.Equal(t, "192.0.2.53:53 key k", srv.String())
	require.Equal(t, "[2001:db8::53]:53", s.zones["lab.example.org"].servers[0].String())
	_, err = newSnapshot(c, nil, newHealths())
	require.EqualError(t, err, "zone example.org: TSIG key k has no secret")
}

func TestMarks(t *testing.T) {
	t.Parallel()
	s, err := newSnapshot(&sqlstore.Config{Zones: []sqlstore.DNSZone{{Name: "example.org"}, {Name: "2.0.192.in-addr.arpa"}}}, nil, newHealths())
	require.NoError(t, err)
	e := func(kind sqlstore.EventKind, host string, flags uint8) *sqlstore.Event {
		return &sqlstore.Event{Kind: kind, Family: v4, VRF: 4, Addr: netip.MustParseAddr("192.0.2.1"), PrefixLen: 32, Hostname: host, FQDNFlags: flags}
	}
	names := func(e *sqlstore.Event) (out []string) {
		for _, m := range s.marks(e) {
			require.EqualValues(t, 4, m.VRF)
			require.Equal(t, e.Addr, m.Addr)
			out = append(out, m.Name+" "+m.Zone)
		}
		return out
	}
	const rev = "1.2.0.192.in-addr.arpa 2.0.192.in-addr.arpa"
	require.Equal(t, []string{"a.example.org example.org"}, names(e(sqlstore.EventAssigned, "A.example.org.", both)))
	require.Equal(t, []string{"a.example.com "}, names(e(sqlstore.EventChanged, "a.example.com", sqlstore.FQDNForward)))
	require.Equal(t, []string{rev}, names(e(sqlstore.EventAssigned, "a.example.org", sqlstore.FQDNReverse)))
	require.Equal(t, []string{"a.example.org example.org", rev}, names(e(sqlstore.EventEnded, "a.example.org", both)))
	require.Empty(t, names(e(sqlstore.EventEnded, "a.example.org", 0x0f)))
	require.Empty(t, names(e(sqlstore.EventAssigned, "", sqlstore.FQDNForward)))
	pd := e(sqlstore.EventAssigned, "a.example.org", both)
	pd.Family, pd.PrefixLen = v6, 56
	require.Empty(t, names(pd))
}
