package load

import (
	"bytes"
	"net"
	"net/netip"
	"testing"
	"time"

	"github.com/insomniacslk/dhcp/dhcpv4"
	"github.com/insomniacslk/dhcp/dhcpv6"
	"github.com/stretchr/testify/require"

	"rowlock/sqlstore"
)

// offer4 is a proper OFFER to testClient, made by the second implementation
// and then changed.
func offer4(t testing.TB, p *v4, change func(*dhcpv4.DHCPv4)) []byte {
	t.Helper()
	req, err := dhcpv4.FromBytes(p.build(make([]byte, packetSize), &message{client: testClient, xid: 7}))
	require.NoError(t, err)
	rep, err := dhcpv4.NewReplyFromRequest(req,
		dhcpv4.WithMessageType(dhcpv4.MessageTypeOffer), dhcpv4.WithYourIP(net.IPv4(198, 51, 100, 9)),
		dhcpv4.WithLeaseTime(600), dhcpv4.WithOption(dhcpv4.OptServerIdentifier(net.IPv4(192, 0, 2, 99))),
		dhcpv4.WithGeneric(dhcpv4.OptionRelayAgentInformation, req.Options.Get(dhcpv4.OptionRelayAgentInformation)))
	require.NoError(t, err)
	if change != nil {
		change(rep)
	}
	return rep.ToBytes()
}

func TestParse4(t *testing.T) {
	t.Parallel()
	p := newV4(newIdentities(1), []gateway{testRelay4}, true)
	generic := func(code uint8) dhcpv4.OptionCode { return dhcpv4.GenericOptionCode(code) }
	for _, c := range []struct {
		name   string
		change func(*dhcpv4.DHCPv4)
		want   drop
	}{
		{"proper", nil, dropNone},
		{"a request", func(d *dhcpv4.DHCPv4) { d.OpCode = dhcpv4.OpcodeBootRequest }, dropType},
		{"not Ethernet", func(d *dhcpv4.DHCPv4) { d.HWType = 6 }, dropType},
		{"inform", func(d *dhcpv4.DHCPv4) { d.UpdateOption(dhcpv4.OptMessageType(dhcpv4.MessageTypeInform)) }, dropType},
		{"no type", func(d *dhcpv4.DHCPv4) { d.Options.Del(generic(53)) }, dropMalformed},
		{"no server identifier", func(d *dhcpv4.DHCPv4) { d.Options.Del(generic(54)) }, dropServerID},
		{"no lease time", func(d *dhcpv4.DHCPv4) { d.Options.Del(generic(51)) }, dropLifetime},
		{"no address", func(d *dhcpv4.DHCPv4) { d.YourIPAddr = net.IPv4zero }, dropAddress},
		{"another client", func(d *dhcpv4.DHCPv4) { d.ClientHWAddr[5]++ }, dropIdentity},
		{"another relay", func(d *dhcpv4.DHCPv4) { d.GatewayIPAddr = net.IPv4(192, 0, 2, 2) }, dropRelay},
		{"no option 82", func(d *dhcpv4.DHCPv4) { d.Options.Del(generic(82)) }, dropRelayInfo},
		{"changed option 82", func(d *dhcpv4.DHCPv4) { d.Options[82][3]++ }, dropRelayInfo},
		{"nak without address", func(d *dhcpv4.DHCPv4) {
			d.UpdateOption(dhcpv4.OptMessageType(dhcpv4.MessageTypeNak))
			d.YourIPAddr = net.IPv4zero
			d.Options.Del(generic(51))
		}, dropNone},
	} {
		t.Run(c.name, func(t *testing.T) {
			var r reply
			got := p.parse(offer4(t, p, c.change), &r)
			if got == dropNone {
				got = p.match(&r, testClient, 0)
			}
			require.Equal(t, c.want, got)
		})
	}
	var r reply
	require.Equal(t, dropNone, p.parse(offer4(t, p, nil), &r))
	require.Equal(t, Offer, r.kind)
	require.EqualValues(t, 7, r.xid)
	require.Equal(t, []byte{192, 0, 2, 99}, r.serverID)
	require.Equal(t, []grant{{kind: sqlstore.NA, addr: netip.MustParsePrefix("198.51.100.9/32"), valid: 600}}, r.grants)
}

func TestParse4OptionOverloadRFC2131Section4_1(t *testing.T) {
	t.Parallel()
	p := newV4(newIdentities(1), []gateway{testRelay4}, false)
	b := offer4(t, p, func(d *dhcpv4.DHCPv4) {
		d.Options.Del(dhcpv4.OptionServerIdentifier)
		d.Options.Del(dhcpv4.OptionIPAddressLeaseTime)
		d.UpdateOption(dhcpv4.OptGeneric(dhcpv4.OptionOptionOverload, []byte{3}))
	})
	copy(b[at4File:], []byte{54, 4, 192, 0, 2, 99, 255})
	copy(b[at4SName:], []byte{51, 4, 0, 0, 0, 60, 255})
	var r reply
	require.Equal(t, dropNone, p.parse(b, &r))
	require.Equal(t, []byte{192, 0, 2, 99}, r.serverID)
	require.EqualValues(t, 60, r.grants[0].valid)
	b[at4File+1] = 200 // the option runs out of its field
	require.Equal(t, dropMalformed, p.parse(b, &r))
}

// reply6 is a proper REPLY to testClient's REQUEST, changed.
func reply6(t testing.TB, p *v6, change func(*dhcpv6.Message), around func(*dhcpv6.RelayMessage)) []byte {
	t.Helper()
	duid := &dhcpv6.DUIDLL{HWType: 1, LinkLayerAddr: net.HardwareAddr{2, 0, 0, 0, 0, 9}}
	m := message{verb: request, client: testClient, xid: 7, serverID: string(duid.ToBytes()), asked: asked6}
	packet, err := dhcpv6.FromBytes(p.build(make([]byte, packetSize), &m))
	require.NoError(t, err)
	relay := packet.(*dhcpv6.RelayMessage)
	req, err := relay.GetInnerMessage()
	require.NoError(t, err)
	rep, err := dhcpv6.NewReplyFromMessage(req, dhcpv6.WithServerID(duid))
	require.NoError(t, err)
	na := &dhcpv6.OptIANA{IaId: req.Options.OneIANA().IaId}
	na.Options.Add(&dhcpv6.OptIAAddress{IPv6Addr: net.ParseIP("2001:db8::77"), PreferredLifetime: 300 * time.Second, ValidLifetime: 600 * time.Second})
	pd := &dhcpv6.OptIAPD{IaId: req.Options.OneIAPD().IaId}
	_, prefix, _ := net.ParseCIDR("2001:db8:7700::/56")
	pd.Options.Add(&dhcpv6.OptIAPrefix{Prefix: prefix, PreferredLifetime: 300 * time.Second, ValidLifetime: 600 * time.Second})
	rep.AddOption(na)
	rep.AddOption(pd)
	if change != nil {
		change(rep)
	}
	out, err := dhcpv6.NewRelayReplFromRelayForw(relay, rep)
	require.NoError(t, err)
	if around != nil {
		around(out.(*dhcpv6.RelayMessage))
	}
	return out.ToBytes()
}

func TestParse6(t *testing.T) {
	t.Parallel()
	p := newV6(newIdentities(1), []Relay{testRelay6}, true, true)
	type msg = dhcpv6.Message
	type rly = dhcpv6.RelayMessage
	for _, c := range []struct {
		name   string
		change func(*msg)
		around func(*rly)
		want   drop
	}{
		{"proper", nil, nil, dropNone},
		{"not for a relay", nil, func(r *rly) { r.MessageType = dhcpv6.MessageTypeRelayForward }, dropType},
		{"a request", func(m *msg) { m.MessageType = dhcpv6.MessageTypeRequest }, nil, dropType},
		{"no server identifier", func(m *msg) { m.Options.Del(dhcpv6.OptionServerID) }, nil, dropServerID},
		{"no client identifier", func(m *msg) { m.Options.Del(dhcpv6.OptionClientID) }, nil, dropIdentity},
		{"another client", func(m *msg) { m.UpdateOption(dhcpv6.OptClientID(m.Options.ServerID())) }, nil, dropIdentity},
		{"another link", nil, func(r *rly) { r.LinkAddr[15]++ }, dropRelay},
		{"another peer", nil, func(r *rly) { r.PeerAddr[15]++ }, dropRelay},
		{"no interface-id", nil, func(r *rly) { r.Options.Del(dhcpv6.OptionInterfaceID) }, dropRelayInfo},
		{"nothing inside", nil, func(r *rly) { r.Options.Del(dhcpv6.OptionRelayMsg) }, dropMalformed},
		{"another IAID", func(m *msg) { m.Options.OneIANA().IaId[0]++ }, nil, dropIA},
	} {
		t.Run(c.name, func(t *testing.T) {
			var r reply
			got := p.parse(reply6(t, p, c.change, c.around), &r)
			if got == dropNone {
				got = p.match(&r, testClient, 0)
			}
			require.Equal(t, c.want, got)
		})
	}
	var r reply
	require.Equal(t, dropNone, p.parse(reply6(t, p, nil, nil), &r))
	require.Equal(t, Reply, r.kind)
	require.EqualValues(t, 7, r.xid)
	iaid := p.ids.iaid(testClient)
	require.Equal(t, []grant{
		{sqlstore.NA, iaid, asked6[0], 600, 300},
		{sqlstore.PD, iaid, asked6[1], 600, 300},
	}, r.grants)
	only := newV6(newIdentities(1), []Relay{testRelay6}, true, false)
	require.Equal(t, dropIA, only.match(&r, testClient, 0), "a prefix that nobody asked for")
}

func TestParse6IgnoresPreferredAboveValidRFC9915Section21_6(t *testing.T) {
	t.Parallel()
	p := newV6(newIdentities(1), []Relay{testRelay6}, true, true)
	b := reply6(t, p, func(m *dhcpv6.Message) {
		m.Options.OneIANA().Options.OneAddress().PreferredLifetime = 601 * time.Second
	}, nil)
	var r reply
	require.Equal(t, dropNone, p.parse(b, &r))
	require.False(t, r.has(sqlstore.NA))
	require.True(t, r.has(sqlstore.PD))
}

func TestParseCutPackets(t *testing.T) {
	t.Parallel()
	p4 := newV4(newIdentities(1), []gateway{testRelay4}, true)
	p6 := newV6(newIdentities(1), []Relay{testRelay6}, true, true)
	var r reply
	whole := offer4(t, p4, nil)
	for n := range at4Option {
		require.Equal(t, dropMalformed, p4.parse(whole[:n], &r), "%d bytes", n)
	}
	whole = reply6(t, p6, nil, nil)
	for n := range whole {
		if p6.parse(whole[:n], &r) == dropNone { // cut between two options
			require.Equal(t, dropRelayInfo, p6.match(&r, testClient, 0), "%d bytes", n)
		}
	}
}

func FuzzParse4(f *testing.F) {
	p := newV4(newIdentities(1), []gateway{testRelay4}, true)
	f.Add(offer4(f, p, nil))
	f.Add(offer4(f, p, func(d *dhcpv4.DHCPv4) { d.UpdateOption(dhcpv4.OptGeneric(dhcpv4.OptionOptionOverload, []byte{3})) }))
	f.Fuzz(func(t *testing.T, b []byte) {
		var r reply
		before := bytes.Clone(b)
		why := p.parse(b, &r)
		require.Equal(t, before, b, "parsing changes nothing")
		if why != dropNone {
			return
		}
		p.match(&r, testClient, 0)
		d, err := dhcpv4.FromBytes(b)
		if err != nil || len(d.Options[52]) > 0 || len(d.Options[54]) != 4 {
			return // stricter, or it joins split options, which this parser does not
		}
		require.Equal(t, d.TransactionID[:], []byte{byte(r.xid >> 24), byte(r.xid >> 16), byte(r.xid >> 8), byte(r.xid)})
		require.Equal(t, []byte(d.ServerIdentifier().To4()), r.serverID)
		if r.kind != Nak {
			require.Equal(t, []byte(d.YourIPAddr.To4()), r.grants[0].addr.Addr().AsSlice())
		}
	})
}

func FuzzParse6(f *testing.F) {
	p := newV6(newIdentities(1), []Relay{testRelay6}, true, true)
	f.Add(reply6(f, p, nil, nil))
	f.Add(reply6(f, p, func(m *dhcpv6.Message) { m.MessageType = dhcpv6.MessageTypeAdvertise }, nil))
	f.Fuzz(func(t *testing.T, b []byte) {
		var r reply
		before := bytes.Clone(b)
		why := p.parse(b, &r)
		require.Equal(t, before, b, "parsing changes nothing")
		if why != dropNone {
			return
		}
		p.match(&r, testClient, 0)
		require.Less(t, r.xid, uint32(1<<24))
		for _, g := range r.grants {
			require.LessOrEqual(t, g.preferred, g.valid)
			if g.addr.IsValid() {
				require.Equal(t, g.addr.Masked(), g.addr)
				require.Equal(t, g.kind, prefixKind(g.addr))
			}
		}
		packet, err := dhcpv6.FromBytes(b)
		if err != nil {
			return // stricter
		}
		inner, err := packet.GetInnerMessage()
		if err == nil && inner.Options.ServerID() != nil && packet.(*dhcpv6.RelayMessage).Options.RelayMessage() == inner {
			require.Equal(t, inner.TransactionID[:], []byte{byte(r.xid >> 16), byte(r.xid >> 8), byte(r.xid)})
		}
	})
}
