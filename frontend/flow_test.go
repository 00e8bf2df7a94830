package frontend

import (
	"hash/maphash"
	"testing"

	"github.com/insomniacslk/dhcp/dhcpv6"
	"github.com/stretchr/testify/require"

	"rowlock/sqlstore"
)

func TestOrigin4(t *testing.T) {
	t.Parallel()
	at := func(text string) origin { return originOf(&packet{family: sqlstore.IPv4, data: encode4(t, text)}) }
	require.Equal(t, origin{}, at("DISCOVER"))
	require.Equal(t, origin{relay: []byte{192, 0, 2, 1}}, at("DISCOVER\n giaddr 192.0.2.1"))
	require.Equal(t, origin{relay: []byte{192, 0, 2, 1}, circuit: []byte("port 1"), remote: []byte("mac")},
		at("DISCOVER\n giaddr 192.0.2.1\n 12 text name\n 82.1 text port 1\n 82.2 text mac"))
	require.Equal(t, origin{circuit: []byte("port 1")}, at("DISCOVER\n 82.5 addr 192.0.2.9\n 82.1 text port 1"))
	whole := encode4(t, "DISCOVER\n giaddr 192.0.2.1\n 82.1 text port 1")
	for n := range whole {
		o := wireOrigin4(whole[:n])
		require.Equal(t, n >= headerLen4, o.relay != nil)
	}
}

func TestOrigin6(t *testing.T) {
	t.Parallel()
	at := func(data []byte) origin { return originOf(&packet{family: sqlstore.IPv6, data: data}) }
	solicit := msg6(dhcpv6.MessageTypeSolicit, clientID6(), na6(1))
	require.Equal(t, origin{}, at(solicit))
	port := func(s string) []byte { return opt6(dhcpv6.OptionInterfaceID, []byte(s)) }
	one := relay6Msg(0, "2001:db8:1::1", "fe80::1", solicit, port("port 1"), opt6(dhcpv6.OptionRemoteID, []byte("0000id")))
	require.Equal(t, origin{relay: addr16("2001:db8:1::1"), circuit: []byte("port 1"), remote: []byte("0000id")}, at(one))
	require.Equal(t, at(one), at(relay6Msg(1, "2001:db8:2::2", "fe80::2", one, port("uplink"))), "the nearest to the client counts")
	bridge := relay6Msg(0, "::", "fe80::1", solicit, port("port 2")) // RFC 6221: it has no link-address
	require.Equal(t, origin{relay: addr16("2001:db8:2::2"), circuit: []byte("port 2")}, at(relay6Msg(1, "2001:db8:2::2", "fe80::2", bridge, port("uplink"))))
	for n := range one {
		wireOrigin6(one[:n])
	}
	deep := solicit
	for range maxRelays6 + 10 {
		deep = relay6Msg(0, "2001:db8:1::1", "fe80::1", deep)
	}
	require.Equal(t, addr16("2001:db8:1::1"), at(deep).relay)
}

func TestFlowsDiffer(t *testing.T) {
	t.Parallel()
	seed, p := maphash.MakeSeed(), &packet{ifindex: 3}
	direct := origin{}
	require.EqualValues(t, 3, direct.relayFlow(seed, p, 7))
	_, ok := direct.circuitFlow(seed, p, 7)
	require.False(t, ok)
	seen := map[uint64]bool{}
	for _, o := range []origin{
		{circuit: []byte("ab")},
		{circuit: []byte("a"), remote: []byte("b")},
		{remote: []byte("ab")},
		{relay: []byte{192, 0, 2, 1}, circuit: []byte("ab")},
		{relay: []byte{192, 0, 2, 2}, circuit: []byte("ab")},
	} {
		for _, vrf := range []uint32{0, 7}[:min(2, 1+len(o.relay))] { // without a relay the interface counts
			flow, ok := o.circuitFlow(seed, p, vrf)
			require.True(t, ok)
			require.False(t, seen[flow], o)
			seen[flow] = true
			again, _ := o.circuitFlow(seed, p, vrf)
			require.Equal(t, flow, again)
		}
	}
}
