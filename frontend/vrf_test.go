package frontend

import (
	"net"
	"net/netip"
	"testing"

	"github.com/insomniacslk/dhcp/dhcpv6"
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
		{"giaddr and source of one vrf", origin4{giaddr: a("192.0.2.1"), place: place{src: a("198.51.100.8")}}, 8, "192.0.2.0/25"},
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
		{"that, of an address in vrf 0, to an interface of a subnet", origin4{ciaddr: a("192.0.2.99"), unicast: true, place: onInterface("eth9")}, 0, "192.0.2.0/24"},
		{"that, of an address which both have", origin4{ciaddr: a("192.0.2.9"), unicast: true, place: onInterface("eth9")}, 9, "192.0.2.0/26"},
		{"that, of an address behind relays", origin4{ciaddr: a("10.7.0.9"), unicast: true, place: onInterface("eth9")}, 9, ""},
		{"that, of an address which nobody has, to an interface of a subnet", origin4{ciaddr: a("203.0.113.9"), unicast: true, place: onInterface("eth9")}, 9, "192.0.2.0/26"},
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

// A subnet of a vrf names the interface that clients of vrf 0 send their renewals to.
func TestRenewalPastTheRelayByAnInterfaceOfASubnet(t *testing.T) {
	t.Parallel()
	b := newBench4(t, `
		vrf 7 interface=eth7
		link
		subnet 198.51.100.0/24 vrf=9 interface=eth0
		link
		subnet 192.0.2.0/24
		pool 192.0.2.10 192.0.2.20`, "listen interface eth0 198.51.100.1/24")
	send := func(text, from string) (*outgoing, error) {
		return b.run(b.packet(encode4(t, text), from, "198.51.100.1:67"))
	}
	o, err := send("REQUEST\n giaddr 192.0.2.1\n ciaddr 192.0.2.10", "192.0.2.1:67")
	require.NoError(t, err)
	require.Equal(t, "ACK", decodeReply4(t, o.data).kind)
	o, err = send("REQUEST\n ciaddr 192.0.2.10", "192.0.2.10:68")
	require.NoError(t, err)
	require.Equal(t, "ACK", decodeReply4(t, o.data).kind)
	_, err = send("RELEASE\n ciaddr 192.0.2.10", "192.0.2.10:68")
	require.NoError(t, err)
	require.EqualValues(t, 0, b.model.last().VRF)
}

// What a client writes into giaddr or a link-address does not take it to another
// vrf than that of the relay which forwards it.
func TestRelaysOfTwoVRFs(t *testing.T) {
	t.Parallel()
	b := newBench4(t, fourPlans, "listen udp 198.51.100.67")
	for from, reason := range map[string]Reason{"198.51.100.7": ReasonVRFMismatch, "198.51.100.8": ReasonExhausted, "203.0.113.99": ReasonExhausted} {
		o, err := b.run(b.packet(encode4(t, "DISCOVER\n giaddr 192.0.2.1"), from+":67", "198.51.100.67:67"))
		require.Nil(t, o)
		requireDrop(t, reason, err)
		if reason == ReasonVRFMismatch {
			require.ErrorContains(t, err, "192.0.2.1 is a relay of vrf 8, 198.51.100.7 of vrf 7")
		}
	}
	snap := b.snap.Load()
	a := netip.MustParseAddr
	ours, others := relay6{link: a("2001:db8:7::7")}, relay6{link: a("2001:db8:8::8")}
	known := place{src: ours.link}
	for _, c := range []struct {
		name   string
		relays []relay6 // the outermost first
		at     place
		vrf    int // -1: torn
	}{
		{"source and link-address", []relay6{others}, known, -1},
		{"the outer and the inner relay", []relay6{ours, others}, place{}, -1},
		{"those, by an interface of a vrf", []relay6{ours, others}, place{via: "eth7"}, 7},
		{"both of one vrf", []relay6{ours, ours}, known, 7},
		{"an inner one that no vrf lists", []relay6{ours, {link: a("2001:db8:1::5")}}, place{}, 7},
	} {
		q := &query6{relays: c.relays}
		n, err := locate6(q, c.at, snap, nil)
		if c.vrf < 0 {
			require.Nil(t, n, c.name)
			requireDrop(t, ReasonVRFMismatch, err)
			continue
		}
		o := q.origin6(c.at)
		var in claim
		snap.index.claim(&in, sqlstore.IPv6, &c.at, o.link, o.relays)
		require.EqualValues(t, c.vrf, in.vrf, c.name)
		require.NotEqual(t, ReasonVRFMismatch, reasonOf(err), c.name)
	}
	x := explained(t, fourPlans, Sample{Type: "discover", Relay: a("192.0.2.1")}, "")
	require.Equal(t, ReasonExhausted, x.Drop.Reason)
	in, err := (&Sample{Type: "discover", HWAddr: []byte{2, 0, 0x5e, 0x10, 0, 1}, Relay: a("192.0.2.1")}).Input()
	require.NoError(t, err)
	in.From = netip.MustParseAddrPort("198.51.100.7:67")
	x, err = Explain(t.Context(), snap.config, in)
	require.NoError(t, err)
	require.Equal(t, &ExplainedDrop{Reason: ReasonVRFMismatch, Text: "192.0.2.1 is a relay of vrf 8, 198.51.100.7 of vrf 7"}, x.Drop)
	require.Nil(t, x.VRF)
	require.Empty(t, x.Candidates)
}

// Two vrfs have the same addresses behind different interfaces: a reply leaves by
// the one that its request came in by, also from a socket that serves both.
func TestRepliesStayInTheVRFOfTheInterface(t *testing.T) {
	t.Parallel()
	const subnets = `
		link
		subnet 10.0.0.0/24 vrf=7
		pool 10.0.0.10 10.0.0.20
		link
		subnet 10.0.0.0/24 vrf=8
		pool 10.0.0.30 10.0.0.40
		link
		subnet 2001:db8:1::/64 vrf=7
		link
		subnet 2001:db8:1::/64 vrf=8
		link
		subnet 10.9.0.0/24
		pool 10.9.0.10 10.9.0.20
		link
		subnet 2001:db8:9::/64`
	for selectors, bound := range map[string]bool{
		"vrf 7 interface=eth7\n vrf 8 interface=eth8\n": true, "vrf 7 relay=10.0.0.1 relay=2001:db8:1::1\n vrf 8 interface=eth8\n": false,
	} {
		c, err := parseConfig4(selectors + subnets)
		require.NoError(t, err)
		c.ServerDUID = serverDUID6
		b, b6 := newBench4(t, selectors+subnets, "listen udp 198.51.100.67"), newBench6Of(t, c)
		list := func() ([]net.Interface, error) {
			return []net.Interface{{Index: 2, Name: "eth0"}, {Index: 17, Name: "eth7"}, {Index: 18, Name: "eth8"}}, nil
		}
		b.interfaces.list, b6.interfaces.list = list, list
		for ifindex, want := range map[int]int{2: 0, 17: map[bool]int{true: 17}[bound], 18: 18} {
			giaddr, link := "10.0.0.1", "2001:db8:1::1"
			if ifindex == 2 {
				giaddr, link = "10.9.0.1", "2001:db8:9::1"
			}
			p := b.packet(encode4(t, "DISCOVER\n giaddr "+giaddr), giaddr+":67", "198.51.100.67:67")
			p.ifindex = ifindex
			o, err := b.run(p)
			require.NoError(t, err)
			require.Equal(t, giaddr+":67", o.to.String())
			require.Equal(t, want, o.ifindex)
			p = b6.relayed(relay6Msg(0, link, "fe80::9", msg6(dhcpv6.MessageTypeSolicit, clientID6(), na6(1))))
			p.ifindex = ifindex
			o, _, err = b6.run(p)
			require.NoError(t, err)
			require.Equal(t, want, o.ifindex)
		}
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
	n := snap.index.whole.containing(&snap.index.whole.open, netip.MustParseAddr("2001:db8:1::1"))
	ia := &ia6{kind: sqlstore.NA, iaid: 1}
	it := item6(sqlstore.OpRenew, &query6{clientID: clientDUID6, ias: []ia6{*ia}, names: namer{home: n}}, ia, n)
	require.Equal(t, []sqlstore.Key{sqlstore.IAKey(9, sqlstore.KeyDUID, clientDUID6, 1, sqlstore.NA, 0)}, it.Former)
}
