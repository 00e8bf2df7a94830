package frontend

import (
	"encoding/binary"

	"github.com/insomniacslk/dhcp/dhcpv6"
)

// peek6 finds the type of the client's message, through its relays, without
// decoding anything else.
func peek6(data []byte) (kind string, fresh bool) {
	for range maxRelays6 + 1 {
		if len(data) == 0 {
			break
		}
		t := dhcpv6.MessageType(data[0])
		if t != dhcpv6.MessageTypeRelayForward {
			r, known := rules6(t)
			if !known {
				break
			}
			return r.name, t == dhcpv6.MessageTypeSolicit
		}
		data = relayed6(data)
	}
	return "unknown", false
}

// relayed6 returns the message inside a relay message, nil if there is none.
func relayed6(data []byte) []byte {
	for b := data[min(dhcpv6.RelayHeaderSize, len(data)):]; len(b) >= 4; {
		code, n := binary.BigEndian.Uint16(b), 4+int(binary.BigEndian.Uint16(b[2:]))
		if n > len(b) {
			return nil
		}
		if dhcpv6.OptionCode(code) == dhcpv6.OptionRelayMsg {
			return b[4:n]
		}
		b = b[n:]
	}
	return nil
}
