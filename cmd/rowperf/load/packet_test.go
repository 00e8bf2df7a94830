package load

import (
	"encoding/binary"
	"fmt"
	"net"
	"net/netip"
	"testing"
	"time"

	"github.com/insomniacslk/dhcp/dhcpv4"
	"github.com/insomniacslk/dhcp/dhcpv6"
	"github.com/insomniacslk/dhcp/iana"
	"github.com/stretchr/testify/require"
)

var (
	testRelay4 = gateway{
		relay: Relay{Addr: netip.MustParseAddr("198.51.100.1"), CircuitPrefix: "port-"},
		addr:  netip.MustParseAddr("192.0.2.1"), link: netip.MustParseAddr("198.51.100.1"),
	}
	testRelay6 = Relay{Addr: netip.MustParseAddr("2001:db8:1::1"), InterfaceID: "if-1"}
	asked4     = [2]netip.Prefix{netip.MustParsePrefix("198.51.100.77/32")}
	asked6     = [2]netip.Prefix{netip.MustParsePrefix("2001:db8::77/128"), netip.MustParsePrefix("2001:db8:7700::/56")}
)

const testClient = 0x1234

func build4(t *testing.T, m message) *dhcpv4.DHCPv4 {
	t.Helper()
	p := newV4(newIdentities(1), []gateway{testRelay4}, true)
	m.client, m.xid, m.elapsed = testClient, 0xdeadbeef, 3900*time.Millisecond
	b := p.build(make([]byte, packetSize), &m)
	require.GreaterOrEqual(t, len(b), 300)
	d, err := dhcpv4.FromBytes(b)
	require.NoError(t, err)
	mac := p.ids.hwaddr(testClient)
	require.Equal(t, dhcpv4.OpcodeBootRequest, d.OpCode)
	require.Equal(t, dhcpv4.TransactionID{0xde, 0xad, 0xbe, 0xef}, d.TransactionID)
	require.EqualValues(t, 1, d.HopCount)
	require.EqualValues(t, 3, d.NumSeconds)
	require.Equal(t, net.HardwareAddr(mac[:]), d.ClientHWAddr)
	require.Equal(t, "192.0.2.1", d.GatewayIPAddr.String())
	require.True(t, d.YourIPAddr.IsUnspecified() && d.ServerIPAddr.IsUnspecified())
	return d
}

func TestBuild4RFC2131Table5(t *testing.T) {
	t.Parallel()
	const (
		serverID = dhcpv4.GenericOptionCode(54)
		wanted   = dhcpv4.GenericOptionCode(50)
		prl      = dhcpv4.GenericOptionCode(55)
	)
	for _, c := range []struct {
		name    string
		m       message
		kind    dhcpv4.MessageType
		ciaddr  bool
		has     []dhcpv4.OptionCode
		without []dhcpv4.OptionCode
	}{
		{
			"discover",
			message{verb: discover},
			dhcpv4.MessageTypeDiscover, false,
			[]dhcpv4.OptionCode{prl},
			[]dhcpv4.OptionCode{serverID, wanted},
		},
		{
			"discover with a wish",
			message{verb: discover, asked: asked4},
			dhcpv4.MessageTypeDiscover, false,
			[]dhcpv4.OptionCode{prl, wanted},
			[]dhcpv4.OptionCode{serverID},
		},
		{
			"selecting",
			message{verb: request, asked: asked4},
			dhcpv4.MessageTypeRequest, false,
			[]dhcpv4.OptionCode{prl, wanted, serverID},
			nil,
		},
		{
			"renewing",
			message{verb: renew, asked: asked4},
			dhcpv4.MessageTypeRequest, true,
			[]dhcpv4.OptionCode{prl},
			[]dhcpv4.OptionCode{serverID, wanted},
		},
		{
			"rebinding",
			message{verb: rebind, asked: asked4},
			dhcpv4.MessageTypeRequest, true,
			[]dhcpv4.OptionCode{prl},
			[]dhcpv4.OptionCode{serverID, wanted},
		},
		{
			"release",
			message{verb: release, asked: asked4},
			dhcpv4.MessageTypeRelease, true,
			[]dhcpv4.OptionCode{serverID},
			[]dhcpv4.OptionCode{wanted, prl, dhcpv4.OptionHostName},
		},
		{
			"decline",
			message{verb: decline, asked: asked4},
			dhcpv4.MessageTypeDecline, false,
			[]dhcpv4.OptionCode{serverID, wanted},
			[]dhcpv4.OptionCode{prl, dhcpv4.OptionHostName},
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			c.m.serverID = "\xc0\x00\x02\x63"
			d := build4(t, c.m)
			require.Equal(t, c.kind, d.MessageType())
			for _, o := range c.has {
				require.True(t, d.Options.Has(o), "option %d", o.Code())
			}
			for _, o := range c.without {
				require.False(t, d.Options.Has(o), "option %d", o.Code())
			}
			if d.Options.Has(wanted) {
				require.Equal(t, "198.51.100.77", d.RequestedIPAddress().String())
			}
			if d.Options.Has(serverID) {
				require.Equal(t, "192.0.2.99", d.ServerIdentifier().String())
			}
			if c.ciaddr {
				require.Equal(t, "198.51.100.77", d.ClientIPAddr.String())
			} else {
				require.True(t, d.ClientIPAddr.IsUnspecified())
			}
		})
	}
}

func TestBuild4RelayAgentInformationRFC3046RFC3527RFC8357(t *testing.T) {
	t.Parallel()
	d := build4(t, message{verb: discover})
	info := d.RelayAgentInfo()
	require.Equal(t, "port-00001234", string(info.Get(dhcpv4.GenericOptionCode(1))))
	require.Equal(t, []byte(d.ClientHWAddr), info.Get(dhcpv4.GenericOptionCode(2)))
	require.Equal(t, []byte{198, 51, 100, 1}, info.Get(dhcpv4.GenericOptionCode(5)))
	require.True(t, info.Has(dhcpv4.GenericOptionCode(19)))
	require.Empty(t, info.Get(dhcpv4.GenericOptionCode(19)), "RFC 8357 4.1: no value")
	require.Equal(t, "host-00001234", d.HostName())
}

func TestBuild4ClientIdentifierRFC4361(t *testing.T) {
	t.Parallel()
	d := build4(t, message{verb: discover})
	id := d.Options.Get(dhcpv4.OptionClientIdentifier)
	require.Len(t, id, 15)
	require.EqualValues(t, 255, id[0])
	duid, err := dhcpv6.DUIDFromBytes(id[5:])
	require.NoError(t, err)
	require.Equal(t, &dhcpv6.DUIDLL{HWType: iana.HWTypeEthernet, LinkLayerAddr: d.ClientHWAddr}, duid)
	without := newV4(newIdentities(1), []gateway{testRelay4}, false)
	d, err = dhcpv4.FromBytes(without.build(make([]byte, packetSize), &message{}))
	require.NoError(t, err)
	require.False(t, d.Options.Has(dhcpv4.OptionClientIdentifier))
}

func TestBuild4ElapsedStopsAtTheLargest(t *testing.T) {
	t.Parallel()
	p := newV4(newIdentities(1), []gateway{testRelay4}, false)
	b := p.build(make([]byte, packetSize), &message{elapsed: 100 * time.Hour})
	require.EqualValues(t, 0xffff, binary.BigEndian.Uint16(b[at4Secs:]))
}

func TestBuild6(t *testing.T) {
	t.Parallel()
	duid := &dhcpv6.DUIDLL{HWType: iana.HWTypeEthernet, LinkLayerAddr: net.HardwareAddr{2, 0, 0, 0, 0, 9}}
	for _, c := range []struct {
		verb     verb
		kind     dhcpv6.MessageType
		serverID bool // RFC 9915 16: which messages must and must not have it
	}{
		{discover, dhcpv6.MessageTypeSolicit, false},
		{request, dhcpv6.MessageTypeRequest, true},
		{renew, dhcpv6.MessageTypeRenew, true},
		{rebind, dhcpv6.MessageTypeRebind, false},
		{release, dhcpv6.MessageTypeRelease, true},
		{decline, dhcpv6.MessageTypeDecline, true},
	} {
		t.Run(c.kind.String(), func(t *testing.T) {
			t.Parallel()
			p := newV6(newIdentities(1), []Relay{testRelay6}, true, true)
			m := message{
				verb: c.verb, xid: 0xabcdef, client: testClient, elapsed: 1500 * time.Millisecond,
				serverID: string(duid.ToBytes()), asked: asked6,
			}
			packet, err := dhcpv6.FromBytes(p.build(make([]byte, packetSize), &m))
			require.NoError(t, err)
			relay := packet.(*dhcpv6.RelayMessage)
			require.Equal(t, dhcpv6.MessageTypeRelayForward, relay.Type())
			require.Zero(t, relay.HopCount)
			require.Equal(t, "2001:db8:1::1", relay.LinkAddr.String())
			require.True(t, relay.PeerAddr.IsLinkLocalUnicast())
			require.Equal(t, "if-1", string(relay.Options.InterfaceID()))
			require.Zero(t, relay.Options.RelayPort().DownstreamSourcePort, "RFC 8357 4.2")
			inner, err := relay.GetInnerMessage()
			require.NoError(t, err)
			require.Equal(t, c.kind, inner.Type())
			require.Equal(t, dhcpv6.TransactionID{0xab, 0xcd, 0xef}, inner.TransactionID)
			mac := p.ids.hwaddr(testClient)
			require.Equal(t, &dhcpv6.DUIDLL{HWType: iana.HWTypeEthernet, LinkLayerAddr: mac[:]}, inner.Options.ClientID())
			require.Equal(t, 1500*time.Millisecond, inner.Options.ElapsedTime())
			require.Equal(t, c.serverID, inner.Options.ServerID() != nil)
			if c.serverID {
				require.Equal(t, duid, inner.Options.ServerID())
			}
			require.Equal(t, !c.verb.ends(), inner.GetOneOption(dhcpv6.OptionORO) != nil)
			na, pd := inner.Options.OneIANA(), inner.Options.OneIAPD()
			require.Equal(t, "2001:db8::77", na.Options.OneAddress().IPv6Addr.String())
			require.Equal(t, "2001:db8:7700::/56", pd.Options.Prefixes()[0].Prefix.String())
			require.Equal(t, p.ids.iaid(testClient), binary.BigEndian.Uint32(na.IaId[:]))
			require.Equal(t, na.IaId, pd.IaId)
		})
	}
}

func TestBuild6AsksOnlyForWhatIsWanted(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ na, pd bool }{{true, false}, {false, true}} {
		p := newV6(newIdentities(1), []Relay{testRelay6}, c.na, c.pd)
		packet, err := dhcpv6.FromBytes(p.build(make([]byte, packetSize), &message{verb: discover}))
		require.NoError(t, err)
		inner, err := packet.GetInnerMessage()
		require.NoError(t, err)
		require.Equal(t, c.na, inner.Options.OneIANA() != nil)
		require.Equal(t, c.pd, inner.Options.OneIAPD() != nil)
	}
}

func TestLongestPacketFits(t *testing.T) {
	t.Parallel()
	long := string(make([]byte, maxText))
	p6 := newV6(newIdentities(1), []Relay{{Addr: testRelay6.Addr, InterfaceID: long}}, true, true)
	m := message{verb: request, serverID: string(make([]byte, maxDUID)), asked: asked6}
	require.Less(t, len(p6.build(make([]byte, packetSize), &m)), packetSize)
	g := testRelay4
	g.relay.CircuitPrefix = long
	p4 := newV4(newIdentities(1), []gateway{g}, true)
	b := p4.build(make([]byte, packetSize), &message{verb: request, asked: asked4})
	_, err := dhcpv4.FromBytes(b)
	require.NoError(t, err)
}

func TestIdentities(t *testing.T) {
	t.Parallel()
	a, again, b := newIdentities(1), newIdentities(1), newIdentities(2)
	seen := map[[6]byte]bool{}
	for n := range 100_000 {
		mac := a.hwaddr(n)
		if seen[mac] || mac[0]&3 != 2 || mac != again.hwaddr(n) {
			t.Fatalf("client %d: %x comes twice, is not local unicast, or is not always the same", n, mac)
		}
		seen[mac] = true
	}
	for n := range 100_000 {
		if seen[b.hwaddr(n)] {
			t.Fatalf("client %d of another seed is one of this", n)
		}
	}
}

func TestXIDsDoNotRepeat(t *testing.T) {
	t.Parallel()
	p6, p4 := &v6{xidBase: 12345}, &v4{xidBase: 12345}
	seen4, seen6 := map[uint32]bool{}, make([]bool, 1<<24)
	for n := range uint32(1 << 21) {
		x := p6.xid(n)
		if x >= 1<<24 || seen6[x] {
			t.Fatalf("xid %x is too long or comes twice", x)
		}
		seen6[x] = true
		if n < 1<<16 {
			require.False(t, seen4[p4.xid(n)])
			seen4[p4.xid(n)] = true
		}
	}
}

func TestDigits(t *testing.T) {
	t.Parallel()
	for _, n := range []int{0, 1, 0xabcdef01, 0xffffffff} {
		b := make([]byte, 8)
		putDigits(b, n)
		require.Equal(t, fmt.Sprintf("%08x", n), string(b))
	}
}
