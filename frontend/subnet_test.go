package frontend

import (
	"fmt"
	"net/netip"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"rowlock/sqlstore"
)

func compile4(t testing.TB, text string) *snapshot {
	t.Helper()
	c, err := parseConfig4(text)
	require.NoError(t, err)
	snap, err := compile(c, nil)
	require.NoError(t, err)
	return snap
}

func TestSelect4(t *testing.T) {
	t.Parallel()
	x := &compile4(t, `
		link
		subnet 10.0.0.0/8
		link
		subnet 192.0.2.0/25 relay=10.1.0.1
		link
		subnet 192.0.2.128/25 interface=eth0
		link shared
		subnet 198.51.100.0/25
		subnet 198.51.100.128/25 relay=203.0.113.9
		link
		subnet 172.16.0.0/24 vrf=7
		link
		subnet 172.16.0.0/24 vrf=8 relay=203.0.113.8
		link
		subnet 172.17.0.0/24 vrf=7
		link
		subnet 172.17.0.0/24
		link
		subnet 172.18.0.0/24 closing
		link
		subnet 172.18.0.0/16
		link
		subnet 100.64.0.0/24 vrf=7
		link
		subnet 100.64.0.0/24 vrf=8
		link
		subnet 100.64.0.0/10 vrf=9
		link
		subnet 100.65.0.0/24 vrf=8 closing relay=203.0.113.7
		link
		subnet 100.65.0.0/24 vrf=7 closing relay=203.0.113.7
		link
		subnet 100.66.0.0/24 vrf=7 closing
		link
		subnet 100.66.0.0/24 closing
		link
		subnet 198.18.0.0/24 vrf=7
		link
		subnet 198.18.0.0/24 vrf=8
		link
		subnet 198.18.0.0/16 vrf=8 closing
		link
		subnet 198.19.0.0/24 closing
		link
		subnet 198.19.0.0/16 vrf=7 closing`).index
	a := netip.MustParseAddr
	eth0 := &iface{name: "eth0", addrs: []netip.Prefix{netip.MustParsePrefix("192.0.2.1/25")}}
	eth1 := &iface{name: "eth1", addrs: []netip.Prefix{netip.MustParsePrefix("fe80::1/64"), netip.MustParsePrefix("198.51.100.3/24")}}
	for _, tc := range []struct {
		name string
		o    origin4
		want string
	}{
		{"giaddr in prefix", origin4{giaddr: a("192.0.2.1")}, "192.0.2.0/25"},
		{"giaddr in relay list, not in its prefix", origin4{giaddr: a("10.1.0.1")}, "192.0.2.0/25"},
		{"giaddr in the prefix of another", origin4{giaddr: a("10.1.0.2")}, "10.0.0.0/8"},
		{"giaddr before interface", origin4{giaddr: a("192.0.2.1"), place: place{iface: eth0}}, "192.0.2.0/25"},
		{"unknown giaddr is not replaced by the interface", origin4{giaddr: a("203.0.113.1"), place: place{iface: eth0}}, ""},
		{"RFC 3527: link-selection before giaddr", origin4{linkSelection: a("192.0.2.129"), giaddr: a("10.1.0.1")}, "192.0.2.128/25"},
		{"RFC 3527: link-selection before subnet-selection", origin4{linkSelection: a("192.0.2.129"), subnetSelection: a("10.0.0.0")}, "192.0.2.128/25"},
		{"RFC 3527: unknown link is not replaced by giaddr", origin4{linkSelection: a("203.0.113.1"), giaddr: a("10.1.0.1")}, ""},
		{"RFC 3011: subnet-selection before giaddr", origin4{subnetSelection: a("198.51.100.0"), giaddr: a("10.1.0.1")}, "198.51.100.0/25"},
		{"RFC 3011: unknown subnet is not replaced by giaddr", origin4{subnetSelection: a("203.0.113.0"), giaddr: a("10.1.0.1")}, ""},
		{"relay list in a shared network", origin4{giaddr: a("203.0.113.9")}, "198.51.100.128/25"},
		{"interface by name before its address", origin4{place: place{iface: eth0}}, "192.0.2.128/25"},
		{"interface by address", origin4{place: place{iface: eth1}}, "198.51.100.0/25"},
		{"broadcast of a client with an address: the interface", origin4{ciaddr: a("10.9.9.9"), place: place{iface: eth1}}, "198.51.100.0/25"},
		{"unicast renewal: ciaddr", origin4{ciaddr: a("10.9.9.9"), unicast: true, place: place{iface: eth1}}, "10.0.0.0/8"},
		{"unicast from an unknown subnet: the interface", origin4{ciaddr: a("203.0.113.9"), unicast: true, place: place{iface: eth1}}, "198.51.100.0/25"},
		{"unicast without interface", origin4{ciaddr: a("203.0.113.9"), unicast: true}, ""},
		{"prefix of two VRFs, neither 0", origin4{giaddr: a("172.16.0.1")}, ""},
		{"relay list tells VRFs apart", origin4{giaddr: a("203.0.113.8")}, "172.16.0.0/24"},
		{"prefix of two VRFs, one is 0", origin4{giaddr: a("172.17.0.1")}, "172.17.0.0/24"},
		{"no shorter prefix of a third VRF", origin4{giaddr: a("100.64.0.1")}, ""},
		{"which has what is its own", origin4{giaddr: a("100.64.1.1")}, "100.64.0.0/10"},
		{"closing ones of two VRFs in an open one of a third", origin4{giaddr: a("100.65.0.1")}, "100.64.0.0/10"},
		{"a relay of two VRFs, closing", origin4{giaddr: a("203.0.113.7")}, ""},
		{"open ones of two VRFs in one that is closing", origin4{giaddr: a("198.18.0.1")}, ""},
		{"which has what is its own", origin4{giaddr: a("198.18.1.1")}, "198.18.0.0/16"},
		{"the longest of those that are closing", origin4{giaddr: a("198.19.0.1")}, "198.19.0.0/24"},
		{"an open subnet around one that is closing", origin4{giaddr: a("172.18.0.1")}, "172.18.0.0/16"},
		{"nothing", origin4{}, ""},
	} {
		got := ""
		n := x.select4(&tc.o, nil)
		if n != nil {
			got = n.subnet.Prefix.String()
		}
		require.Equal(t, tc.want, got, tc.name)
	}
	require.EqualValues(t, 0, x.select4(&origin4{giaddr: a("172.17.0.1")}, nil).link.VRF)
	require.EqualValues(t, 8, x.select4(&origin4{giaddr: a("203.0.113.8")}, nil).link.VRF)
}

// What several VRFs have is that of VRF 0, else nobody's, also where all of them are
// closing; and there is no way around it by one that is.
func TestClosingSubnetsOfSeveralVRFs(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]int{ // the VRF; -1: nobody's
		"vrf=7 closing; vrf=8 closing":                -1,
		"vrf=8 closing; vrf=7 closing":                -1,
		"vrf=7 closing; vrf=0 closing":                0,
		"vrf=0 closing; vrf=7 closing":                0,
		"vrf=7 closing; vrf=8 closing; vrf=0 closing": 0,
		"vrf=7 closing; vrf=0":                        0,
		"vrf=0 closing; vrf=7":                        7,
		"vrf=7 closing; vrf=8":                        8,
		"vrf=7; vrf=8; vrf=9 closing":                 -1,
		"vrf=9 closing; vrf=7 closing; vrf=7; vrf=8":  -1,
		"vrf=7 closing; vrf=7; vrf=8 closing":         7,
	} {
		var config strings.Builder
		places, name := strings.Split(text, "; "), " interface=eth0"
		if len(places)-strings.Count(text, "closing") > 1 {
			name = "" // an interface selects one open link
		}
		for _, p := range places {
			fmt.Fprintf(&config, "link\n subnet 192.0.2.0/24 relay=203.0.113.1 %s%s\n", p, name)
			fmt.Fprintf(&config, "link\n subnet 2001:db8:1::/64 relay=2001:db8::1 interface-id=port %s%s\n", p, name)
		}
		x := &compile4(t, config.String()).index
		a := netip.MustParseAddr
		for name, o := range map[string]origin4{
			"giaddr": {giaddr: a("192.0.2.1")}, "relay list": {giaddr: a("203.0.113.1")}, "interface": {place: onInterface("eth0")},
			"address of the interface": {place: onInterface("eth1", "192.0.2.1/24")}, "ciaddr": {ciaddr: a("192.0.2.9"), unicast: true},
		} {
			requireVRF(t, want, x.select4(&o, nil), text+": "+name)
		}
		for name, o := range map[string]origin6{
			"link-address": {link: a("2001:db8:1::1")}, "relay list": {link: a("2001:db8::1")}, "interface-id": {interfaceID: []byte("port")}, "interface": {place: onInterface("eth0")},
		} {
			requireVRF(t, want, x.select6(&o, nil), text+": "+name)
		}
	}
}

// requireVRF requires a network of that VRF, or none for -1.
func requireVRF(t *testing.T, want int, n *network, name string) {
	t.Helper()
	got := -1
	if n != nil {
		got = int(n.link.VRF)
	}
	require.Equal(t, want, got, name)
}

func TestSelect4PrefersOpenSubnetOverClosing(t *testing.T) {
	t.Parallel()
	for _, text := range []string{
		"link\n subnet 192.0.2.0/24 closing interface=eth0\n link\n subnet 192.0.2.0/24 interface=eth0",
		"link\n subnet 192.0.2.0/24 interface=eth0\n link\n subnet 192.0.2.0/24 closing interface=eth0",
	} {
		snap := compile4(t, text)
		require.False(t, snap.index.select4(&origin4{giaddr: netip.MustParseAddr("192.0.2.1")}, nil).subnet.Closing)
		require.False(t, snap.index.select4(&origin4{place: place{iface: &iface{name: "eth0"}}}, nil).subnet.Closing)
	}
	snap := compile4(t, "link\n subnet 192.0.2.0/24 closing\n pool 192.0.2.1 192.0.2.9")
	n := snap.index.select4(&origin4{giaddr: netip.MustParseAddr("192.0.2.1")}, nil)
	require.NotNil(t, n, "its clients are told to move")
	require.Empty(t, n.pools.All())
	require.Same(t, n, n.segment.find(netip.MustParseAddr("192.0.2.5")))
}

// A subnet that is closing does not stand in the way of the open one around it or
// beside it, whatever selects them.
func TestSelectOpenBeforeClosing(t *testing.T) {
	t.Parallel()
	a := netip.MustParseAddr
	const config = `
		link
		subnet 10.0.0.0/24 closing relay=10.0.1.1 interface=eth0
		link
		subnet 10.0.0.0/23
		link
		subnet 10.0.9.0/24 closing relay=203.0.113.9 interface=eth9
		link
		subnet 2001:db8:0:1::/64 closing relay=2001:db8:0:2::1 interface-id=port1 interface=eth0
		link
		subnet 2001:db8::/48
		link
		subnet 2001:db8:9::/64 closing interface-id=port9`
	for _, strict := range []string{"", "vrf 7 relay=198.51.100.7\n"} {
		x := &compile4(t, strict+config).index
		for _, c := range []struct {
			name string
			o    origin4
			want string
		}{
			{"giaddr", origin4{giaddr: a("10.0.0.1")}, "10.0.0.0/23"},
			{"relay list", origin4{giaddr: a("10.0.1.1")}, "10.0.0.0/23"},
			{"link-selection", origin4{linkSelection: a("10.0.0.1"), giaddr: a("203.0.113.9")}, "10.0.0.0/23"},
			{"subnet-selection", origin4{subnetSelection: a("10.0.0.0")}, "10.0.0.0/23"},
			{"ciaddr", origin4{ciaddr: a("10.0.0.9"), unicast: true}, "10.0.0.0/23"},
			{"interface", origin4{place: onInterface("eth0", "10.0.0.1/23")}, "10.0.0.0/23"},
			{"address of an interface", origin4{place: onInterface("eth1", "10.0.0.1/23")}, "10.0.0.0/23"},
			{"giaddr, closing only", origin4{giaddr: a("10.0.9.1")}, "10.0.9.0/24"},
			{"relay list, closing only", origin4{giaddr: a("203.0.113.9")}, "10.0.9.0/24"},
			{"interface, closing only", origin4{place: onInterface("eth9")}, "10.0.9.0/24"},
			{"address of an interface, closing only", origin4{place: onInterface("eth1", "10.0.9.1/24")}, "10.0.9.0/24"},
			{"ciaddr, closing only, before the interface", origin4{ciaddr: a("10.0.9.9"), unicast: true, place: onInterface("eth1", "10.0.0.1/23")}, "10.0.9.0/24"},
			{"ciaddr of no subnet: the open one of the interface", origin4{ciaddr: a("203.0.113.1"), unicast: true, place: onInterface("eth0", "10.0.0.1/23")}, "10.0.0.0/23"},
			{"ciaddr of no subnet: the closing one", origin4{ciaddr: a("203.0.113.1"), unicast: true, place: onInterface("eth9")}, "10.0.9.0/24"},
			{"unknown link-selection, closing giaddr", origin4{linkSelection: a("203.0.113.1"), giaddr: a("10.0.9.1")}, ""},
		} {
			tr := &trace{}
			requireSubnet(t, c.want, x.select4(&c.o, tr), tr, c.name)
		}
		for _, c := range []struct {
			name string
			o    origin6
			want string
		}{
			{"link-address", origin6{link: a("2001:db8:0:1::1")}, "2001:db8::/48"},
			{"relay list", origin6{link: a("2001:db8:0:2::1")}, "2001:db8::/48"},
			{"interface-id", origin6{link: a("2001:db8:0:1::1"), interfaceID: []byte("port1")}, "2001:db8::/48"},
			{"interface", origin6{interfaceID: []byte("port1"), place: onInterface("eth0", "2001:db8::1/48")}, "2001:db8::/48"},
			{"interface-id, closing only", origin6{interfaceID: []byte("port9")}, "2001:db8:9::/64"},
			{"link-address, closing only", origin6{link: a("2001:db8:9::1")}, "2001:db8:9::/64"},
			{"nothing", origin6{link: a("2001:db8:99::1")}, ""},
		} {
			tr := &trace{}
			requireSubnet(t, c.want, x.select6(&c.o, tr), tr, c.name)
		}
	}
}

// requireSubnet requires the network of that prefix, "" for none, and that the trace
// ends with it and has no other.
func requireSubnet(t *testing.T, want string, n *network, tr *trace, name string) {
	t.Helper()
	got := ""
	if n != nil {
		got = n.subnet.Prefix.String()
	}
	require.Equal(t, want, got, name)
	for i, l := range tr.looks {
		if i == len(tr.looks)-1 {
			require.Same(t, n, l.found, name)
		} else {
			require.Nil(t, l.found, name)
		}
	}
}

// Clients get addresses of the open subnet and keep them, though the address of
// their relay is in the one that is closing; leases in that are still known where no
// other subnet has their address.
func TestOpenSubnetAroundOneThatIsClosing(t *testing.T) {
	t.Parallel()
	b := newBench4(t, "link\n subnet 10.0.0.0/24\n link\n subnet 10.0.9.0/24\n pool 10.0.9.10 10.0.9.20", relayed4)
	relayed := func(text string) (message4, error) {
		o, err := b.run(b.packet(encode4(t, text), "10.0.0.1:67", "198.51.100.67:67"))
		if o == nil {
			return message4{}, err
		}
		return decodeReply4(t, o.data), err
	}
	_, err := relayed("REQUEST\n giaddr 10.0.9.1\n ciaddr 10.0.9.10")
	require.NoError(t, err)
	c, err := parseConfig4(`
		link
		subnet 10.0.0.0/24 closing
		pool 10.0.0.10 10.0.0.20
		link
		subnet 10.0.9.0/24 closing
		pool 10.0.9.10 10.0.9.20
		link
		subnet 10.0.0.0/23
		pool 10.0.1.10 10.0.1.20`)
	require.NoError(t, err)
	require.NoError(t, b.SetConfig(c))
	m, err := relayed("DISCOVER\n hw 02005e100002\n giaddr 10.0.0.1")
	require.NoError(t, err)
	require.Equal(t, "10.0.1.10", m.yiaddr)
	m, err = relayed("REQUEST\n hw 02005e100002\n giaddr 10.0.0.1\n ciaddr 10.0.1.10")
	require.NoError(t, err)
	require.Equal(t, "ACK", m.kind)
	o, err := b.run(b.packet(encode4(t, "RELEASE\n ciaddr 10.0.9.10\n 54 addr 198.51.100.67"), "10.0.9.10:68", "198.51.100.67:67"))
	require.NoError(t, err)
	require.Nil(t, o)
	require.Equal(t, sqlstore.OpRelease, b.model.last().Op)
	require.EqualValues(t, 2, b.model.last().Key.Link())
}

func TestSharedNetworkHasThePoolsOfAllItsSubnets(t *testing.T) {
	t.Parallel()
	b := newBench4(t, `
		option routers 203.0.113.1
		link floor
		option domain-name floor.example.org
		subnet 192.0.2.0/28
		pool 192.0.2.5 192.0.2.5
		option routers 192.0.2.1
		subnet 198.51.100.0/24 closing
		pool 198.51.100.9 198.51.100.9
		subnet 192.0.2.16/28 interface=eth0
		pool 192.0.2.21 192.0.2.21
		pool 192.0.2.22 192.0.2.22 closing
		param valid_lifetime 600`, onLink4)
	for _, tc := range []struct{ hw, addr, router string }{
		{"02005e100001", "192.0.2.21", "203.0.113.1"},
		{"02005e100002", "192.0.2.5", "192.0.2.1"},
	} {
		_, m, err := b.ask(t, "DISCOVER\n hw "+tc.hw)
		require.NoError(t, err)
		require.Equal(t, tc.addr, m.yiaddr, "own pools first, closing ones not at all")
		require.Equal(t, tc.router, m.addr(3), "options of the subnet that has the address")
		require.Equal(t, "floor.example.org", string(m.options[15]))
	}
	_, _, err := b.ask(t, "DISCOVER\n hw 02005e100003")
	requireDrop(t, ReasonExhausted, err)
	_, m, err := b.ask(t, "REQUEST\n hw 02005e100002\n 50 addr 192.0.2.5\n 54 addr 192.0.2.1")
	require.NoError(t, err)
	require.EqualValues(t, 7200, m.seconds(51), "lifetimes too")
}

func TestFormerLinksGiveFormerKeys(t *testing.T) {
	t.Parallel()
	b := newBench4(t, `
		link floor
		subnet 192.0.2.0/28 previous=9
		subnet 192.0.2.16/28 interface=eth0 previous=1
		pool 192.0.2.21 192.0.2.21`, onLink4)
	_, _, err := b.ask(t, "DISCOVER\n 61 0007")
	require.NoError(t, err)
	require.Equal(t, []sqlstore.Key{sqlstore.ClientKey(9, sqlstore.KeyClientID, []byte{0, 7})}, b.model.last().Former)
}

func TestBadConfigurationIsRefusedAndTheOldOneKept(t *testing.T) {
	t.Parallel()
	b := newBench4(t, lan4, onLink4)
	for text, want := range map[string]string{
		"revision 7\n link\n subnet 192.0.2.0/24\n link\n subnet 192.0.2.0/25":  "revision 7: subnet 20 (192.0.2.0/25): subnets of a vrf must not overlap",
		"revision 8\n link\n subnet 192.0.2.0/24\n option routers nonsense":     "subnet 10 (192.0.2.0/24) option_data routers: an option must have a value that fits its definition: option routers",
		"revision 9\n link\n option routers nonsense\n subnet 192.0.2.0/24":     "link 1 option_data routers: an option must have",
		"revision 10\n option routers nonsense\n link\n subnet 192.0.2.0/24\n ": "global option_data routers: an option must have",
	} {
		c, err := parseConfig4(text)
		require.NoError(t, err)
		err = b.SetConfig(c)
		require.ErrorContains(t, err, want)
		require.EqualValues(t, 1, b.Revision())
	}
	require.EqualValues(t, 10, b.Seen())
	require.Error(t, b.SetConfig(nil))
	_, _, err := b.ask(t, "DISCOVER")
	require.NoError(t, err)
}
