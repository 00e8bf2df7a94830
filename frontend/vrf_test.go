package frontend

import (
	"net/netip"
	"testing"

	"github.com/stretchr/testify/require"

	"rowlock/sqlstore"
)

// Four address plans with the same addresses: 7 by interface, 8 by relay, 9 by
// what a subnet names, and 0.
const fourPlans = `
	vrf 7 interface=eth7 relay=198.51.100.7 relay=2001:db8:7::7
	vrf 8 relay=192.0.2.1 relay=198.51.100.8 relay=2001:db8:8::8
	vrf 10 interface=eth10
	link
	subnet 192.0.2.0/24 vrf=0 relay=203.0.113.1
	link
	subnet 192.0.2.0/24 vrf=7 relay=203.0.113.1
	link
	subnet 192.0.2.0/25 vrf=8 relay=203.0.113.1
	link
	subnet 192.0.2.0/26 vrf=9 interface=eth9
	link
	subnet 198.18.0.0/27 interface=eth0
	link
	subnet 10.7.0.0/16 vrf=7
	link
	subnet 2001:db8:1::/64 vrf=0 interface-id=port1
	link
	subnet 2001:db8:1::/64 vrf=7 interface-id=port1
	link
	subnet 2001:db8:1::/64 vrf=8 interface-id=port1 relay=2001:db8:1::1`

func onInterface(name string, addrs ...string) place {
	i := &iface{name: name}
	for _, a := range addrs {
		i.addrs = append(i.addrs, netip.MustParsePrefix(a))
	}
	return place{via: name, iface: i}
}

func TestSelect4WithinTheVRF(t *testing.T) {
	t.Parallel()
	a := netip.MustParseAddr
	x := &compile4(t, fourPlans+"\n link\n subnet 10.9.0.0/16 vrf=9").index
	for _, c := range []struct {
		name string
		o    origin4
		vrf  uint32
		want string // "": no subnet
	}{
		{"none says so: vrf 0", origin4{giaddr: a("192.0.2.129")}, 0, "192.0.2.0/24"},
		{"the longest prefix of vrf 0 only", origin4{giaddr: a("192.0.2.40")}, 0, "192.0.2.0/24"},
		{"the relay is that of a vrf", origin4{giaddr: a("192.0.2.1")}, 8, "192.0.2.0/25"},
		{"what is in vrf 7 only is not found in vrf 0", origin4{giaddr: a("10.7.0.1")}, 0, ""},
		{"the source of the packet", origin4{giaddr: a("10.7.0.1"), place: place{src: a("198.51.100.7")}}, 7, "10.7.0.0/16"},
		{"giaddr before the source", origin4{giaddr: a("192.0.2.1"), place: place{src: a("198.51.100.7")}}, 8, "192.0.2.0/25"},
		{"interface before relay", origin4{giaddr: a("192.0.2.1"), place: place{via: "eth7"}}, 7, "192.0.2.0/24"},
		{"relay list in vrf 0", origin4{giaddr: a("203.0.113.1")}, 0, "192.0.2.0/24"},
		{"relay list in vrf 7", origin4{giaddr: a("203.0.113.1"), place: place{via: "eth7"}}, 7, "192.0.2.0/24"},
		{"relay list in vrf 8", origin4{giaddr: a("203.0.113.1"), place: place{src: a("198.51.100.8")}}, 8, "192.0.2.0/25"},
		{"link-selection in the vrf", origin4{linkSelection: a("10.7.0.9"), giaddr: a("192.0.2.1"), place: place{via: "eth7"}}, 7, "10.7.0.0/16"},
		{"subnet-selection in the vrf", origin4{subnetSelection: a("10.7.0.0"), giaddr: a("192.0.2.1")}, 8, ""},
		{"renewal by unicast", origin4{ciaddr: a("10.7.0.9"), unicast: true, place: place{src: a("198.51.100.7")}}, 7, "10.7.0.0/16"},
		{"renewal past the relay", origin4{ciaddr: a("10.7.0.9"), unicast: true}, 0, ""},
		{"that, to an interface of vrf 0", origin4{ciaddr: a("10.7.0.9"), unicast: true, place: onInterface("eth0")}, 0, ""},
		{"that, to an interface of a vrf", origin4{ciaddr: a("192.0.2.9"), unicast: true, place: onInterface("eth7")}, 7, "192.0.2.0/24"},
		{"that, of an address which vrf 0 has too", origin4{ciaddr: a("192.0.2.9"), unicast: true}, 0, "192.0.2.0/24"},
		{"that, of an address which nobody has", origin4{ciaddr: a("203.0.113.9"), unicast: true, place: onInterface("eth0")}, 0, "198.18.0.0/27"},
		{"that, of an address in a vrf without relays", origin4{ciaddr: a("10.9.0.9"), unicast: true, place: onInterface("eth0")}, 0, "198.18.0.0/27"},
		{"by broadcast on a link", origin4{ciaddr: a("10.7.0.9"), place: onInterface("eth0")}, 0, "198.18.0.0/27"},
		{"direct, the vrf's interface by address", origin4{place: onInterface("eth7", "10.7.0.1/16")}, 7, "10.7.0.0/16"},
		{"direct, a subnet names the interface", origin4{place: onInterface("eth9")}, 9, "192.0.2.0/26"},
		{"direct, a subnet of vrf 0 does", origin4{place: onInterface("eth0", "192.0.2.200/24")}, 0, "198.18.0.0/27"},
		{"relayed, to the interface that a subnet names", origin4{giaddr: a("192.0.2.200"), place: onInterface("eth9")}, 0, "192.0.2.0/24"},
		{"direct, by address in vrf 0", origin4{place: onInterface("eth1", "192.0.2.200/24")}, 0, "192.0.2.0/24"},
		{"a vrf without subnets", origin4{giaddr: a("192.0.2.1"), place: place{via: "eth10"}}, 10, ""},
		{"nothing", origin4{}, 0, ""},
	} {
		tr := &trace{}
		n, got := x.select4(&c.o, tr), ""
		if n != nil {
			got = n.subnet.Prefix.String()
			require.Equal(t, c.vrf, n.link.VRF, c.name)
			require.Same(t, n, tr.looks[len(tr.looks)-1].found, c.name)
		}
		require.Equal(t, c.want, got, c.name)
		require.Equal(t, c.vrf, tr.vrfID, c.name)
		require.Same(t, n, x.select4(&c.o, nil), "%s: the same without a trace", c.name)
	}
}

func TestSelect6WithinTheVRF(t *testing.T) {
	t.Parallel()
	a := netip.MustParseAddr
	x := &compile4(t, fourPlans).index
	port := []byte("port1")
	for _, c := range []struct {
		name string
		o    origin6
		vrf  int // -1: no subnet
	}{
		{"link-address in vrf 0", origin6{link: a("2001:db8:1::1")}, 0},
		{"interface-id in vrf 0", origin6{interfaceID: port}, 0},
		{"interface-id, source is a relay of vrf 7", origin6{interfaceID: port, place: place{src: a("2001:db8:7::7")}}, 7},
		{"link-address, source is a relay of vrf 8", origin6{link: a("2001:db8:1::1"), place: place{src: a("2001:db8:8::8")}}, 8},
		{"relay's own link-address", origin6{link: a("2001:db8:8::8"), interfaceID: port}, 8},
		{"interface first", origin6{link: a("2001:db8:8::8"), interfaceID: port, place: place{via: "eth7"}}, 7},
		{"a link-address that no subnet has", origin6{link: a("2001:db8:8::8"), place: place{via: "eth7"}}, -1},
		{"unknown interface-id", origin6{interfaceID: []byte("port2"), place: place{via: "eth7"}}, -1},
	} {
		n := x.select6(&c.o, nil)
		if c.vrf < 0 {
			require.Nil(t, n, c.name)
			continue
		}
		require.NotNil(t, n, c.name)
		require.EqualValues(t, c.vrf, n.link.VRF, c.name)
	}
}

// A client whose VRF only its relay tells is not refused in another one when it
// sends past that, and is heard again when it comes by broadcast.
func TestRenewalPastTheRelayOfAVRF(t *testing.T) {
	t.Parallel()
	const config = `
		vrf 8 relay=10.8.0.1
		link
		subnet 192.0.2.0/24
		pool 192.0.2.10 192.0.2.20
		link
		subnet 10.8.0.0/24 vrf=8
		pool 10.8.0.10 10.8.0.20`
	for place, reason := range map[string]Reason{"listen interface eth0 192.0.2.1/24": "", "listen udp 192.0.2.1": ReasonNotRelayed} {
		b := newBench4(t, config, place)
		send := func(text, from string) (*outgoing, error) {
			return b.run(b.packet(encode4(t, text), from, "192.0.2.1:67"))
		}
		o, err := send("REQUEST\n giaddr 10.8.0.1\n ciaddr 10.8.0.10", "10.8.0.1:67")
		require.NoError(t, err)
		require.Equal(t, "10.8.0.10", decodeReply4(t, o.data).yiaddr)
		for _, text := range []string{"REQUEST\n ciaddr 10.8.0.10", "RELEASE\n ciaddr 10.8.0.10", "INFORM\n ciaddr 10.8.0.10"} {
			o, err = send(text, "10.8.0.10:68")
			require.Nil(t, o, text)
			requireDrop(t, ReasonUnknownVRF, err)
		}
		o, err = send("REQUEST\n ciaddr 203.0.113.9", "203.0.113.9:68")
		if reason != "" {
			requireDrop(t, reason, err)
			continue
		}
		require.NoError(t, err)
		require.Equal(t, "NAK", decodeReply4(t, o.data).kind, "an address of no vrf")
		_, m, err := b.ask(t, "REQUEST\n ciaddr 10.8.0.10")
		require.NoError(t, err)
		require.Equal(t, "NAK", m.kind, "by broadcast it is on this link")
	}
}

// A client of DHCPv6 whose subnet came from another link is known by its binding
// there, also where another subnet of the link is the one that its relay names.
func TestFormerLinksOfSiblings6(t *testing.T) {
	t.Parallel()
	c, err := parseConfig4("link floor\n subnet 2001:db8:1::/64\n subnet 2001:db8:2::/64 previous=9")
	require.NoError(t, err)
	snap, err := compile(c, nil)
	require.NoError(t, err)
	n := snap.index.whole.containing(netip.MustParseAddr("2001:db8:1::1"))
	ia := &ia6{kind: sqlstore.NA, iaid: 1}
	it := item6(sqlstore.OpRenew, &query6{clientID: clientDUID6, ias: []ia6{*ia}, names: namer{home: n}}, ia, n)
	require.Equal(t, []sqlstore.Key{sqlstore.IAKey(9, sqlstore.KeyDUID, clientDUID6, 1, sqlstore.NA, 0)}, it.Former)
}
