package frontend

import (
	"bytes"
	"fmt"
	"net/netip"
	"slices"
	"testing"

	"github.com/insomniacslk/dhcp/dhcpv6"
	"github.com/stretchr/testify/require"

	"rowlock/sqlstore"
)

func decoded6(t *testing.T, data []byte) *query6 {
	t.Helper()
	q, err := decode6(&packet{data: data})
	require.NoError(t, err)
	return q
}

func TestDecode6(t *testing.T) {
	t.Parallel()
	q := decoded6(t, msg6(dhcpv6.MessageTypeSolicit,
		clientID6(), opt6(dhcpv6.OptionElapsedTime, u16(100)), opt6(dhcpv6.OptionORO, u16(23), u16(24)),
		opt6(dhcpv6.OptionRapidCommit), opt6(dhcpv6.OptionFQDN, []byte("\x01\x04Host\x07example\x03org\x00")),
		na6(1, "2001:db8:1::1", "2001:db8:1::2", "2001:db8:1::1"), pd6(1, "2001:db8:100:100::/56"), na6(2, "::"), pd6(2, "::/60"),
		opt6(dhcpv6.OptionIATA, u32(7)), opt6(60000, []byte("unknown"))))
	require.Equal(t, dhcpv6.MessageTypeSolicit, q.kind)
	require.Equal(t, clientDUID6, q.clientID)
	require.Equal(t, []uint16{23, 24}, q.oro)
	require.True(t, q.rapid)
	host, flags := q.names.sent.plain()
	require.Equal(t, "host.example.org", host)
	require.Equal(t, uint8(1), flags)
	named := func(list ...string) (out []named6) {
		for _, s := range list {
			out = append(out, named6{prefix: netip.MustParsePrefix(s)})
		}
		return out
	}
	require.Equal(t, []ia6{
		{kind: sqlstore.NA, iaid: 1, named: named("2001:db8:1::1/128", "2001:db8:1::2/128")},
		{kind: sqlstore.PD, iaid: 1, named: named("2001:db8:100:100::/56")},
		{kind: sqlstore.NA, iaid: 2},
		{kind: sqlstore.PD, iaid: 2, hintLen: 60},
	}, q.ias)
	require.Equal(t, []uint32{7}, q.tas)
}

func TestDecode6Malformed(t *testing.T) {
	t.Parallel()
	solicit := func(options ...[]byte) []byte { return msg6(dhcpv6.MessageTypeSolicit, options...) }
	for name, data := range map[string][]byte{
		"empty":                       {},
		"cut header":                  {1, 2, 3},
		"option longer than message":  solicit(clientID6()[:9]),
		"bytes behind options":        append(solicit(clientID6()), 0, 1, 0),
		"cut IA_NA":                   solicit(opt6(dhcpv6.OptionIANA, u32(1), u32(0))),
		"cut IA_PD":                   solicit(opt6(dhcpv6.OptionIAPD, u32(1))),
		"cut IA_TA":                   solicit(opt6(dhcpv6.OptionIATA, u16(1))),
		"cut address":                 solicit(opt6(dhcpv6.OptionIANA, u32(1), u32(0), u32(0), opt6(dhcpv6.OptionIAAddr, addr16("2001:db8::1")))),
		"cut prefix":                  solicit(opt6(dhcpv6.OptionIAPD, u32(1), u32(0), u32(0), opt6(dhcpv6.OptionIAPrefix, u32(0), u32(0)))),
		"prefix length over 128":      solicit(opt6(dhcpv6.OptionIAPD, u32(1), u32(0), u32(0), opt6(dhcpv6.OptionIAPrefix, u32(0), u32(0), []byte{129}, addr16("2001:db8::")))),
		"bytes behind address":        solicit(opt6(dhcpv6.OptionIANA, u32(1), u32(0), u32(0), opt6(dhcpv6.OptionIAAddr, addr16("2001:db8::1"), u32(0), u32(0), []byte{1}))),
		"bytes behind prefix":         solicit(opt6(dhcpv6.OptionIAPD, u32(1), u32(0), u32(0), opt6(dhcpv6.OptionIAPrefix, u32(0), u32(0), []byte{56}, addr16("2001:db8::"), []byte{1}))),
		"options of an IA cut":        solicit(opt6(dhcpv6.OptionIANA, u32(1), u32(0), u32(0), u16(5), u16(9))),
		"odd option request":          solicit(opt6(dhcpv6.OptionORO, []byte{0, 23, 0})),
		"relay header cut":            {12, 0, 1},
		"relay without message":       relay6Msg(0, "::", "fe80::1", nil)[:34],
		"relay with empty message":    relay6Msg(0, "::", "fe80::1", nil),
		"relay with two messages":     relay6Msg(0, "::", "fe80::1", solicit(), opt6(dhcpv6.OptionRelayMsg, solicit())),
		"relay port of wrong length":  relay6Msg(0, "::", "fe80::1", solicit(), opt6(dhcpv6.OptionRelayPort, []byte{1})),
		"relay message inside is cut": relay6Msg(0, "::", "fe80::1", []byte{12, 0}),
	} {
		_, err := decode6(&packet{data: data})
		require.Equal(t, ReasonMalformed, reasonOf(err), "%s: %v", name, err)
	}
}

func TestDecode6Sizes(t *testing.T) {
	t.Parallel()
	long := bytes.Repeat([]byte{1}, 256)
	duid := func(n int) []byte {
		return msg6(dhcpv6.MessageTypeSolicit, opt6(dhcpv6.OptionClientID, long[:n]))
	}
	relay := func(code dhcpv6.OptionCode, n int) []byte {
		return relay6Msg(0, "::", "fe80::1", duid(10), opt6(code, long[:n]))
	}
	for _, tt := range []struct {
		name string
		data []byte
		ok   bool
	}{
		{"RFC9915 section 11.1: duid of 128 bytes and type", duid(130), true},
		{"RFC9915 section 11.1: longer duid", duid(131), false},
		{"RFC9915 section 11.1: shortest duid", duid(3), true},
		{"interface-id", relay(dhcpv6.OptionInterfaceID, 255), true},
		{"interface-id too long", relay(dhcpv6.OptionInterfaceID, 256), false},
		{"remote-id too long", relay(dhcpv6.OptionRemoteID, 256), false},
		{"subscriber-id too long", relay(dhcpv6.OptionRelayAgentSubscriberID, 256), false},
		{"relay-id too long", relay(dhcpv6.OptionRelayID, 256), false},
		{"link-layer address too long", relay(dhcpv6.OptionClientLinkLayerAddr, 256), false},
		{"unknown relay option", relay(40000, 256), true},
	} {
		_, err := decode6(&packet{data: tt.data})
		if tt.ok {
			require.NoError(t, err, tt.name)
		} else {
			require.Equal(t, ReasonOversize, reasonOf(err), tt.name)
		}
	}
	for n := range 3 {
		_, err := decode6(&packet{data: duid(n)})
		require.Equal(t, ReasonMalformed, reasonOf(err), "RFC9915 section 11.1: a duid has a type and at least one byte, not %d", n)
	}
}

func TestDecode6IALimit(t *testing.T) {
	t.Parallel()
	var parts [][]byte
	for i := range uint32(maxIAs6) {
		parts = append(parts, na6(i))
	}
	require.Len(t, decoded6(t, msg6(dhcpv6.MessageTypeSolicit, parts...)).ias, maxIAs6)
	// A repeated IAID is no further IA.
	require.Len(t, decoded6(t, msg6(dhcpv6.MessageTypeSolicit, append(parts, na6(3))...)).ias, maxIAs6)
	for _, more := range [][]byte{pd6(0), opt6(dhcpv6.OptionIATA, u32(9))} {
		_, err := decode6(&packet{data: msg6(dhcpv6.MessageTypeSolicit, append(slices.Clone(parts), more)...)})
		require.Equal(t, ReasonOversize, reasonOf(err))
	}
}

func TestRFC9915Section12FirstOfEqualIAIDsCounts(t *testing.T) {
	t.Parallel()
	q := decoded6(t, msg6(dhcpv6.MessageTypeSolicit, na6(1, "2001:db8:1::1"), na6(1, "2001:db8:1::2"), pd6(1)))
	require.Len(t, q.ias, 2)
	require.Equal(t, "2001:db8:1::1/128", q.ias[0].named[0].prefix.String())
	require.Equal(t, sqlstore.PD, q.ias[1].kind)
}

func TestRFC9915Section21FirstOfEqualOptionsCounts(t *testing.T) {
	t.Parallel()
	q := decoded6(t, msg6(dhcpv6.MessageTypeSolicit, clientID6(), opt6(dhcpv6.OptionClientID, []byte{9}), opt6(dhcpv6.OptionORO, u16(23)), opt6(dhcpv6.OptionORO, u16(24))))
	require.Equal(t, clientDUID6, q.clientID)
	require.Equal(t, []uint16{23}, q.oro)
}

func TestDecode6RelayDepth(t *testing.T) {
	t.Parallel()
	data := msg6(dhcpv6.MessageTypeSolicit, clientID6())
	for i := range maxRelays6 {
		data = relay6Msg(byte(i), fmt.Sprintf("2001:db8::%x", i+1), "fe80::1", data)
	}
	q := decoded6(t, data)
	require.Len(t, q.relays, maxRelays6)
	require.Equal(t, "2001:db8::1", q.linkAddr().String(), "the innermost")
	kind, fresh := peek6(data)
	require.Equal(t, "solicit", kind)
	require.True(t, fresh)
	data = relay6Msg(32, "::", "fe80::1", data)
	_, err := decode6(&packet{data: data})
	require.Equal(t, ReasonMalformed, reasonOf(err))
	kind, fresh = peek6(data)
	require.Equal(t, "unknown", kind)
	require.False(t, fresh)
}

// Options inside options, thousands deep, as only an attacker sends them. It
// counts allocations, so it runs alone.
func TestDecode6DeepNestingIsCheap(t *testing.T) {
	inner := []byte{}
	for len(inner) < 60000 {
		inner = opt6(dhcpv6.OptionIANA, u32(1), u32(0), u32(0), inner)
	}
	data := msg6(dhcpv6.MessageTypeSolicit, clientID6(), inner)
	allocs := testing.AllocsPerRun(5, func() {
		_, err := decode6(&packet{data: data})
		require.NoError(t, err)
	})
	require.Less(t, allocs, 100.0)
}

func TestPeek6(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		data  []byte
		kind  string
		fresh bool
	}{
		{nil, "unknown", false},
		{[]byte{1}, "solicit", true},
		{msg6(dhcpv6.MessageTypeRenew), "renew", false},
		{msg6(dhcpv6.MessageTypeAdvertise), "unknown", false},
		{relay6Msg(0, "::", "::", msg6(dhcpv6.MessageTypeRelease), opt6(dhcpv6.OptionInterfaceID, []byte("x"))), "release", false},
		{relay6Msg(0, "::", "::", nil)[:34], "unknown", false},
		{relay6Msg(0, "::", "::", msg6(dhcpv6.MessageTypeRelease))[:40], "unknown", false},
		{[]byte{12}, "unknown", false},
	} {
		kind, fresh := peek6(tt.data)
		require.Equal(t, tt.kind, kind)
		require.Equal(t, tt.fresh, fresh)
	}
}

func TestLinkLayer6(t *testing.T) {
	t.Parallel()
	mac := []byte{2, 0, 0x5e, 0x10, 0, 1}
	seen := []byte{2, 0, 0x5e, 0x10, 0, 2}
	solicit := func(duid []byte) []byte { return msg6(dhcpv6.MessageTypeSolicit, opt6(dhcpv6.OptionClientID, duid)) }
	with := func(v []byte) []byte {
		return relay6Msg(0, "::", "fe80::1", solicit(clientDUID6), opt6(dhcpv6.OptionClientLinkLayerAddr, v))
	}
	for _, tt := range []struct {
		name   string
		data   []byte
		addr   []byte
		hwtype uint16
		source uint8
	}{
		{"RFC6939 section 4", with(append(u16(1), seen...)), seen, 1, 8},
		{"RFC6939 option of no use", with(u16(1)), mac, 1, 4},
		{"RFC6939 address too long", with(make([]byte, 23)), mac, 1, 4},
		{"RFC9915 section 11.4 DUID-LL", solicit(clientDUID6), mac, 1, 4},
		{"RFC9915 section 11.2 DUID-LLT", solicit(append([]byte{0, 1, 0, 6, 1, 2, 3, 4}, mac...)), mac, 6, 4},
		{"RFC9915 section 11.3 DUID-EN", solicit(serverDUID6), nil, 0, 0},
		{"cut DUID-LL", solicit([]byte{0, 3, 0, 1}), nil, 0, 0},
		{"DUID-LL with a long address", solicit(append([]byte{0, 3, 0, 1}, make([]byte, 21)...)), nil, 0, 0},
	} {
		addr, hwtype, source := decoded6(t, tt.data).linkLayer6()
		require.Equal(t, tt.addr, addr, tt.name)
		require.Equal(t, tt.hwtype, hwtype, tt.name)
		require.Equal(t, tt.source, source, tt.name)
	}
}

func TestClient6OfRelays(t *testing.T) {
	t.Parallel()
	solicit := msg6(dhcpv6.MessageTypeSolicit, clientID6())
	near := relay6Msg(0, "::", "fe80::1", solicit, opt6(dhcpv6.OptionInterfaceID, []byte("port7")),
		opt6(dhcpv6.OptionRemoteID, u32(9), []byte("line")), opt6(dhcpv6.OptionRelayAgentSubscriberID, []byte("sub")))
	far := relay6Msg(1, "2001:db8:ffff::1", "fe80::2", near, opt6(dhcpv6.OptionInterfaceID, []byte("trunk")),
		opt6(dhcpv6.OptionRelayID, []byte{0, 3, 0, 1, 9}))
	c := client6(decoded6(t, far), 42)
	require.Equal(t, sqlstore.Client{
		HWAddr: clientDUID6[4:], HWType: 1, HWSource: 4, ClientID: clientDUID6, IAID: 42,
		RelayAddr: netip.MustParseAddr("2001:db8:ffff::1"), CircuitID: []byte("port7"),
		RemoteID: append(u32(9), "line"...), SubscriberID: []byte("sub"), RelayID: []byte{0, 3, 0, 1, 9},
	}, c)
}
