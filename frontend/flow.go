package frontend

import (
	"encoding/binary"
	"hash/maphash"
	"net/netip"

	"github.com/insomniacslk/dhcp/dhcpv4"
	"github.com/insomniacslk/dhcp/dhcpv6"

	"rowlock/sqlstore"
)

// origin is where a message came from, as far as it can be told without
// decoding it, for any bytes.
type origin struct {
	relay   []byte // giaddr or link-address; nil: from a client directly
	circuit []byte // circuit-id, interface-id; nil if there is none
	remote  []byte // remote-id; nil if there is none
}

func originOf(p *packet) origin {
	if p.family == sqlstore.IPv6 {
		return wireOrigin6(p.data)
	}
	return wireOrigin4(p.data)
}

// wireOrigin4 reads giaddr and the first option 82 (RFC 3046).
func wireOrigin4(data []byte) (o origin) {
	if len(data) < headerLen4 {
		return o
	}
	if giaddr := data[24:28]; binary.BigEndian.Uint32(giaddr) != 0 {
		o.relay = giaddr
	}
	info := findOption4(data[headerLen4:], dhcpv4.OptionRelayAgentInformation.Code())
	o.circuit = findOption4(info, dhcpv4.AgentCircuitIDSubOption.Code())
	o.remote = findOption4(info, dhcpv4.AgentRemoteIDSubOption.Code())
	return o
}

// findOption4 returns the value of the first option with the code, nil if there is
// none.
func findOption4(b []byte, code uint8) []byte {
	for len(b) > 0 {
		switch {
		case b[0] == dhcpv4.OptionPad.Code():
			b = b[1:]
			continue
		case b[0] == dhcpv4.OptionEnd.Code() || len(b) < 2 || len(b) < 2+int(b[1]):
			return nil
		case b[0] == code:
			return b[2 : 2+int(b[1])]
		}
		b = b[2+int(b[1]):]
	}
	return nil
}

// wireOrigin6 goes through the relays from the outermost: the last value that
// is there, nearest to the client, counts.
func wireOrigin6(data []byte) (o origin) {
	for range maxRelays6 {
		if len(data) < dhcpv6.RelayHeaderSize || data[0] != byte(dhcpv6.MessageTypeRelayForward) {
			return o
		}
		if link := data[2:18]; [16]byte(link) != [16]byte{} {
			o.relay = link
		}
		var inner []byte
		for b := data[dhcpv6.RelayHeaderSize:]; len(b) >= 4; {
			n := 4 + int(binary.BigEndian.Uint16(b[2:]))
			if n > len(b) {
				break
			}
			switch dhcpv6.OptionCode(binary.BigEndian.Uint16(b)) {
			case dhcpv6.OptionInterfaceID:
				o.circuit = b[4:n]
			case dhcpv6.OptionRemoteID:
				o.remote = b[4:n]
			case dhcpv6.OptionRelayMsg:
				if inner == nil {
					inner = b[4:n]
				}
			}
			b = b[n:]
		}
		data = inner
	}
	return o
}

// relayFlow is the number that stands for the relay of a packet, or for the
// interface that a direct one came in by. Relays of several VRFs may have one address.
func (o *origin) relayFlow(seed maphash.Seed, p *packet, vrf uint32) uint64 {
	if o.relay == nil {
		return uint64(p.ifindex)
	}
	var room [4 + 16]byte
	return maphash.Bytes(seed, append(binary.BigEndian.AppendUint32(room[:0], vrf), o.relay...))
}

// circuitFlow stands for the circuit behind a relay; ok is false when it is
// not named.
func (o *origin) circuitFlow(seed maphash.Seed, p *packet, vrf uint32) (flow uint64, ok bool) {
	if o.circuit == nil && o.remote == nil {
		return 0, false
	}
	var h maphash.Hash
	h.SetSeed(seed)
	maphash.WriteComparable(&h, o.relayFlow(seed, p, vrf))
	maphash.WriteComparable(&h, len(o.circuit))
	_, _ = h.Write(o.circuit) // never fails
	_, _ = h.Write(o.remote)
	return h.Sum64(), true
}

// flowVRF returns the VRF of a packet as far as it can be told without decoding it.
// Its error is the Drop of a packet that belongs to none, which must not use up what
// others have.
func (s *Server) flowVRF(p *packet, snap *snapshot, from *origin) (uint32, error) {
	if snap == nil || snap.index.plans == nil {
		return 0, nil
	}
	at := s.place(p, snap)
	if err := at.named(); err != nil {
		return 0, err
	}
	relay, _ := netip.AddrFromSlice(from.relay)
	var c claim
	snap.index.claim(&c, p.family, &at, relay, nil)
	if c.other.IsValid() {
		return 0, snap.index.contradicts(&c)
	}
	return c.vrf, nil
}
