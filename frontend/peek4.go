package frontend

import "github.com/insomniacslk/dhcp/dhcpv4"

// The fixed part of a DHCPv4 message (RFC 2131 section 2).
const (
	headerLen4 = 240 // up to and with the magic cookie
	snameAt4   = 44
	fileAt4    = 108
	cookieAt4  = 236
)

// kinds4 are the names of the message types that are received.
var kinds4 = map[dhcpv4.MessageType]string{
	dhcpv4.MessageTypeDiscover: "discover", dhcpv4.MessageTypeRequest: "request",
	dhcpv4.MessageTypeDecline: "decline", dhcpv4.MessageTypeRelease: "release",
	dhcpv4.MessageTypeInform: "inform",
}

// peek4 finds the message type of a DHCPv4 message without decoding it.
func peek4(data []byte) (kind string, fresh bool) {
	for b := data[min(headerLen4, len(data)):]; len(b) > 0; {
		switch code := b[0]; {
		case code == dhcpv4.OptionPad.Code():
			b = b[1:]
			continue
		case code == dhcpv4.OptionEnd.Code() || len(b) < 2 || len(b) < 2+int(b[1]):
			return "unknown", false
		case code == dhcpv4.OptionDHCPMessageType.Code() && b[1] == 1:
			t := dhcpv4.MessageType(b[2])
			if kind = kinds4[t]; kind == "" {
				return "unknown", false
			}
			return kind, t == dhcpv4.MessageTypeDiscover
		}
		b = b[2+int(b[1]):]
	}
	return "unknown", false
}
