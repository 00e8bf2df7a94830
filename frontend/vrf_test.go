package frontend

import (
	"errors"
	"net"
	"net/netip"
	"testing"
	"time"

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
	x := &compile4(t, fourPlans).index
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

// A packet that comes in by a socket for relays belongs to the VRF of the
// interface that it came in by.
func TestVRFOfTheIncomingInterface(t *testing.T) {
	t.Parallel()
	lo, err := net.InterfaceByName("lo")
	if err != nil {
		t.Skip("no loopback interface: ", err)
	}
	b := newBench4(t, `
		vrf 7 interface=lo
		link
		subnet 192.0.2.0/24
		pool 192.0.2.10 192.0.2.20
		link
		subnet 192.0.2.0/24 vrf=7
		pool 192.0.2.30 192.0.2.40`, "listen udp 198.51.100.1")
	p := b.packet(encode4(t, "DISCOVER\n giaddr 192.0.2.1"), "192.0.2.1:67", "198.51.100.1:67")
	_, err = b.run(p)
	require.NoError(t, err)
	require.EqualValues(t, 0, b.model.last().VRF)
	p.ifindex = lo.Index
	o, err := b.run(p)
	require.NoError(t, err)
	require.EqualValues(t, 7, b.model.last().VRF)
	require.Equal(t, "192.0.2.30", decodeReply4(t, o.data).yiaddr)
}

// Interfaces are listed again for a name that is old and for an index that is new,
// but not for every packet of one that is not there.
func TestInterfaceNamesAreListedAgain(t *testing.T) {
	t.Parallel()
	now, all, failure, lists := time.Now(), []net.Interface{{Index: 2, Name: "eth7"}}, error(nil), 0
	i := &interfaceNames{list: func() ([]net.Interface, error) {
		lists++
		return all, failure
	}}
	for _, c := range []struct {
		name  string
		after time.Duration // since the first
		do    func()
		index int
		want  string
		lists int
	}{
		{"first", 0, func() {}, 2, "eth7", 1},
		{"known", watchEvery - 1, func() { all[0].Name = "lan7" }, 2, "eth7", 1},
		{"old", watchEvery, func() {}, 2, "lan7", 2},
		{"not there", watchEvery + relistEvery - 1, func() {}, 3, "", 2},
		{"new", watchEvery + relistEvery, func() { all = append(all, net.Interface{Index: 3, Name: "eth8"}) }, 3, "eth8", 3},
		{"not told", 2 * (watchEvery + relistEvery), func() { failure = errors.New("refused") }, 3, "", 4},
		{"told again", 2*(watchEvery+relistEvery) + relistEvery, func() { failure = nil }, 3, "eth8", 5},
		{"a packet that waited", 0, func() {}, 4, "", 5},
	} {
		c.do()
		require.Equal(t, c.want, i.name(c.index, now.Add(c.after)), c.name)
		require.Equal(t, c.lists, lists, c.name)
	}
}

// What comes by an interface without a name is in no vrf, where interfaces tell.
func TestUnknownInterface(t *testing.T) {
	t.Parallel()
	const subnets = "link\n subnet 192.0.2.0/24\n pool 192.0.2.10 192.0.2.20\n link\n subnet 2001:db8:1::/64"
	for selectors, known := range map[string]bool{"": true, "vrf 7 relay=198.51.100.7\n": true, "vrf 7 interface=eth7\n": false} {
		b := newBench4(t, selectors+subnets, "listen udp 198.51.100.1")
		b.interfaces.list = func() ([]net.Interface, error) { return nil, nil }
		p := b.packet(encode4(t, "DISCOVER\n giaddr 192.0.2.1"), "192.0.2.1:67", "198.51.100.1:67")
		p.ifindex = 3
		o, err := b.run(p)
		q6 := &query6{relays: []relay6{{link: netip.MustParseAddr("2001:db8:1::1")}}}
		n, err6 := locate6(q6, b.Server.place(p, b.snap.Load()), b.snap.Load(), nil)
		if known {
			require.NoError(t, err, selectors)
			require.NotNil(t, o, selectors)
			require.NoError(t, err6, selectors)
			require.NotNil(t, n, selectors)
			continue
		}
		requireDrop(t, ReasonUnknownInterface, err)
		require.Nil(t, o)
		requireDrop(t, ReasonUnknownInterface, err6)
		require.Nil(t, n)
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
