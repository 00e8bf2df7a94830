package frontend

import (
	"encoding/binary"
	"net"
	"net/netip"
	"slices"

	"github.com/insomniacslk/dhcp/dhcpv6"
)

// relay6 is one relay-forward message without the message inside it. Options
// that are absent are nil.
type relay6 struct {
	hops         uint8
	link         netip.Addr
	peer         netip.Addr
	interfaceID  []byte // RFC 9915 section 21.18
	remoteID     []byte // RFC 4649: enterprise number and identifier
	subscriberID []byte // RFC 4580
	relayID      []byte // RFC 5460: DUID of the relay
	linkLayer    []byte // RFC 6939: hardware type and address of the client
	port         []byte // RFC 8357: downstream port, two bytes
}

// decodeRelay6 decodes one relay-forward message (RFC 9915 section 9) and
// returns the message inside it.
func decodeRelay6(data []byte) (r relay6, inner []byte, err error) {
	if len(data) < dhcpv6.RelayHeaderSize {
		return r, nil, drop(ReasonMalformed, "relay message has %d bytes", len(data))
	}
	r.hops, r.link, r.peer = data[1], addr6(data[2:]), addr6(data[18:])
	opts, err := options6(data[dhcpv6.RelayHeaderSize:])
	if err != nil {
		return r, nil, err
	}
	for _, o := range opts {
		field := r.field(o.Code())
		v := o.ToBytes()
		switch {
		case o.Code() == dhcpv6.OptionRelayMsg:
			if inner != nil {
				return r, nil, drop(ReasonMalformed, "relay message has two messages inside")
			}
			inner = v
		case field == nil || *field != nil:
		case len(v) > maxRelayID:
			return r, nil, drop(ReasonOversize, "relay option %d has %d bytes, allowed are %d", o.Code(), len(v), maxRelayID)
		default:
			*field = v
		}
	}
	if inner == nil {
		return r, nil, drop(ReasonMalformed, "relay message has no message inside")
	}
	if r.port != nil && len(r.port) != 2 {
		return r, nil, drop(ReasonMalformed, "relay port has %d bytes", len(r.port))
	}
	return r, inner, nil
}

func (r *relay6) field(code dhcpv6.OptionCode) *[]byte {
	switch code {
	case dhcpv6.OptionInterfaceID:
		return &r.interfaceID
	case dhcpv6.OptionRemoteID:
		return &r.remoteID
	case dhcpv6.OptionRelayAgentSubscriberID:
		return &r.subscriberID
	case dhcpv6.OptionRelayID:
		return &r.relayID
	case dhcpv6.OptionClientLinkLayerAddr:
		return &r.linkLayer
	case dhcpv6.OptionRelayPort:
		return &r.port
	}
	return nil
}

// origin6 returns what selects the client's network: see index.select6.
func (q *query6) origin6(at place) origin6 {
	return origin6{place: at, link: q.linkAddr(), interfaceID: q.interfaceID(), relays: q.relays}
}

// linkAddr returns the link-address that tells the client's link: that of the
// relay nearest to the client that states one (RFC 9915 section 13.1; relays
// in switches leave it zero, RFC 6221). The zero Addr means none.
func (q *query6) linkAddr() netip.Addr {
	for _, r := range slices.Backward(q.relays) {
		if !r.link.IsUnspecified() {
			return r.link
		}
	}
	return netip.Addr{}
}

// relayOption returns an option of the relay nearest to the client that has
// it, nil if none has.
func (q *query6) relayOption(get func(*relay6) []byte) []byte {
	for _, r := range slices.Backward(q.relays) {
		if v := get(&r); v != nil {
			return v
		}
	}
	return nil
}

func (q *query6) interfaceID() []byte {
	return q.relayOption(func(r *relay6) []byte { return r.interfaceID })
}

// relayReply6 wraps a reply for the way back: a relay-reply for each
// relay-forward, with its addresses, hop count and the options that it wants
// back (RFC 9915 section 19.3, interface-id; RFC 8357 section 5.3, relay port).
func relayReply6(relays []relay6, msg dhcpv6.DHCPv6) dhcpv6.DHCPv6 {
	for _, r := range slices.Backward(relays) {
		out := &dhcpv6.RelayMessage{
			MessageType: dhcpv6.MessageTypeRelayReply,
			HopCount:    r.hops,
			LinkAddr:    net.IP(r.link.AsSlice()),
			PeerAddr:    net.IP(r.peer.AsSlice()),
		}
		if r.interfaceID != nil {
			out.AddOption(&dhcpv6.OptionGeneric{OptionCode: dhcpv6.OptionInterfaceID, OptionData: r.interfaceID})
		}
		if r.port != nil {
			out.AddOption(&dhcpv6.OptionGeneric{OptionCode: dhcpv6.OptionRelayPort, OptionData: r.port})
		}
		out.AddOption(dhcpv6.OptRelayMessage(msg))
		msg = out
	}
	return msg
}

// replyPort6 returns the port to which a reply goes: for a client and for a
// relay that uses a port of its own (RFC 8357) the one the packet came from,
// for other relays the given one.
func (q *query6) replyPort6(src, relay uint16) uint16 {
	if len(q.relays) > 0 && q.relays[0].port == nil {
		return relay
	}
	return src
}

// linkLayer6 reads the link-layer address that a relay saw (RFC 6939 section
// 4), else the one in the client's DUID (RFC 9915 sections 11.2 and 11.4).
// source is Kea's number for the origin, 0 if there is no address.
func (q *query6) linkLayer6() (addr []byte, hwtype uint16, source uint8) {
	const fromDUID, fromRelay = 4, 8
	const duidLLT, duidLL = 1, 3
	v := q.relayOption(func(r *relay6) []byte { return r.linkLayer })
	if len(v) > 2 && len(v) <= 2+maxHWAddr {
		return v[2:], binary.BigEndian.Uint16(v), fromRelay
	}
	d := q.clientID
	if len(d) < 4 {
		return nil, 0, 0
	}
	head := 0
	switch binary.BigEndian.Uint16(d) {
	case duidLLT:
		head = 8
	case duidLL:
		head = 4
	}
	if head == 0 || len(d) <= head || len(d) > head+maxHWAddr {
		return nil, 0, 0
	}
	return d[head:], binary.BigEndian.Uint16(d[2:]), fromDUID
}
