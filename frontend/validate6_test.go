package frontend

import (
	"net/netip"
	"testing"

	"github.com/insomniacslk/dhcp/dhcpv6"
	"github.com/stretchr/testify/require"
)

func other6() []byte { return opt6(dhcpv6.OptionServerID, []byte{0, 2, 0, 0, 0x7e, 0xd9, 9}) }

// TestRFC9915Section16Validation has the rules of sections 16.2 to 16.12 for a
// server, one case each.
func TestRFC9915Section16Validation(t *testing.T) {
	t.Parallel()
	ia := na6(1, "2001:db8:1::1000")
	for _, tt := range []struct {
		name   string
		data   []byte
		reason Reason // empty: valid
	}{
		{"16.2 solicit without client identifier", msg6(dhcpv6.MessageTypeSolicit, ia), ReasonNoIdentity},
		{"16.2 solicit with server identifier", msg6(dhcpv6.MessageTypeSolicit, clientID6(), serverID6(), ia), ReasonServerIDExtra},
		{"16.2 solicit", msg6(dhcpv6.MessageTypeSolicit, clientID6(), ia), ""},
		{"16.3 advertise", msg6(dhcpv6.MessageTypeAdvertise, clientID6(), serverID6()), ReasonWrongType},
		{"16.4 request without server identifier", msg6(dhcpv6.MessageTypeRequest, clientID6(), ia), ReasonServerIDNeeded},
		{"16.4 request to another server", msg6(dhcpv6.MessageTypeRequest, clientID6(), other6(), ia), ReasonForeignServer},
		{"16.4 request without client identifier", msg6(dhcpv6.MessageTypeRequest, serverID6(), ia), ReasonNoIdentity},
		{"16.4 request", msg6(dhcpv6.MessageTypeRequest, clientID6(), serverID6(), ia), ""},
		{"16.5 confirm without client identifier", msg6(dhcpv6.MessageTypeConfirm, ia), ReasonNoIdentity},
		{"16.5 confirm with server identifier", msg6(dhcpv6.MessageTypeConfirm, clientID6(), serverID6(), ia), ReasonServerIDExtra},
		{"16.5 confirm", msg6(dhcpv6.MessageTypeConfirm, clientID6(), ia), ""},
		{"16.6 renew without server identifier", msg6(dhcpv6.MessageTypeRenew, clientID6(), ia), ReasonServerIDNeeded},
		{"16.6 renew to another server", msg6(dhcpv6.MessageTypeRenew, clientID6(), other6(), ia), ReasonForeignServer},
		{"16.6 renew without client identifier", msg6(dhcpv6.MessageTypeRenew, serverID6(), ia), ReasonNoIdentity},
		{"16.6 renew", msg6(dhcpv6.MessageTypeRenew, clientID6(), serverID6(), ia), ""},
		{"16.7 rebind without client identifier", msg6(dhcpv6.MessageTypeRebind, ia), ReasonNoIdentity},
		{"16.7 rebind with server identifier", msg6(dhcpv6.MessageTypeRebind, clientID6(), serverID6(), ia), ReasonServerIDExtra},
		{"16.7 rebind", msg6(dhcpv6.MessageTypeRebind, clientID6(), ia), ""},
		{"16.8 decline without server identifier", msg6(dhcpv6.MessageTypeDecline, clientID6(), ia), ReasonServerIDNeeded},
		{"16.8 decline to another server", msg6(dhcpv6.MessageTypeDecline, clientID6(), other6(), ia), ReasonForeignServer},
		{"16.8 decline without client identifier", msg6(dhcpv6.MessageTypeDecline, serverID6(), ia), ReasonNoIdentity},
		{"16.8 decline", msg6(dhcpv6.MessageTypeDecline, clientID6(), serverID6(), ia), ""},
		{"16.9 release without server identifier", msg6(dhcpv6.MessageTypeRelease, clientID6(), ia), ReasonServerIDNeeded},
		{"16.9 release to another server", msg6(dhcpv6.MessageTypeRelease, clientID6(), other6(), ia), ReasonForeignServer},
		{"16.9 release without client identifier", msg6(dhcpv6.MessageTypeRelease, serverID6(), ia), ReasonNoIdentity},
		{"16.9 release", msg6(dhcpv6.MessageTypeRelease, clientID6(), serverID6(), ia), ""},
		{"16.10 reply", msg6(dhcpv6.MessageTypeReply, clientID6(), serverID6()), ReasonWrongType},
		{"16.11 reconfigure", msg6(dhcpv6.MessageTypeReconfigure, clientID6(), serverID6()), ReasonWrongType},
		{"16.12 information-request with an IA", msg6(dhcpv6.MessageTypeInformationRequest, clientID6(), ia), ReasonMalformed},
		{"16.12 information-request with an IA_TA", msg6(dhcpv6.MessageTypeInformationRequest, opt6(dhcpv6.OptionIATA, u32(1))), ReasonMalformed},
		{"16.12 information-request to another server", msg6(dhcpv6.MessageTypeInformationRequest, other6()), ReasonForeignServer},
		{"16.12 information-request to us", msg6(dhcpv6.MessageTypeInformationRequest, serverID6()), ""},
		{"16.12 information-request without identifiers", msg6(dhcpv6.MessageTypeInformationRequest), ""},
		{"16.14 relay-reply", msg6(dhcpv6.MessageTypeRelayReply, clientID6()), ReasonWrongType},
		{"16 unknown type", msg6(200, clientID6()), ReasonWrongType},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			b := newBench6(t)
			if tt.reason != "" {
				b.requireDrop(t, b.direct(tt.data), tt.reason)
				return
			}
			require.Equal(t, [3]byte{10, 11, 12}, [3]byte(b.answer(t, tt.data).TransactionID))
		})
	}
}

// A client must send to the multicast address; Server Unicast is no more.
func TestRFC9915Section16UnicastIsDiscarded(t *testing.T) {
	t.Parallel()
	for _, kind := range []dhcpv6.MessageType{
		dhcpv6.MessageTypeSolicit, dhcpv6.MessageTypeRebind, dhcpv6.MessageTypeConfirm, dhcpv6.MessageTypeInformationRequest,
	} {
		b := newBench6(t)
		p := b.direct(msg6(kind, clientID6()))
		p.dst = netip.MustParseAddrPort("[2001:db8:1::1]:547")
		b.requireDrop(t, p, ReasonUnicast)
	}
	for _, kind := range []dhcpv6.MessageType{
		dhcpv6.MessageTypeRequest, dhcpv6.MessageTypeRenew, dhcpv6.MessageTypeRelease, dhcpv6.MessageTypeDecline,
	} {
		b := newBench6(t)
		p := b.direct(msg6(kind, clientID6(), serverID6(), na6(1, "2001:db8:1::1000")))
		p.dst = netip.MustParseAddrPort("[2001:db8:1::1]:547")
		b.requireDrop(t, p, ReasonUnicast)
	}
}

func TestNoAnswerWithoutServerDUID(t *testing.T) {
	t.Parallel()
	b := newBench6(t)
	c := config6()
	c.Revision, c.ServerDUID = 6, nil
	require.NoError(t, b.SetConfig(c))
	b.requireDrop(t, b.direct(msg6(dhcpv6.MessageTypeSolicit, clientID6())), ReasonNoServerID)
}
