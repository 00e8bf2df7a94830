package frontend

import (
	"encoding/binary"
	"net/netip"
	"slices"

	"github.com/insomniacslk/dhcp/dhcpv6"

	"rowlock/ddns/name"
)

// Limits on what one DHCPv6 packet may ask for.
const (
	maxRelays6 = 32  // relay-forward messages around the client's message
	maxIAs6    = 16  // identity associations in a message
	minDUID    = 3   // the two bytes of its type and one more (RFC 9915 section 11.1)
	maxDUID    = 130 // 128 bytes and the two of its type
)

// query6 is a DHCPv6 message as decoded. Its slices are parts of the packet.
type query6 struct {
	kind     dhcpv6.MessageType
	xid      dhcpv6.TransactionID
	relays   []relay6 // outermost first; empty for a direct client
	clientID []byte   // nil if absent
	serverID []byte   // nil if absent
	ias      []ia6    // IA_NA and IA_PD in the order of the message
	tas      []uint32 // IAIDs of IA_TA options, which get no addresses
	oro      []uint16
	rapid    bool // has the Rapid Commit option
	names    namer
	bound    int // see place; decide6 sets it
}

// decode6 decodes a packet. It takes the relay messages off one after the
// other and looks into options only where the protocol has options inside
// options, so that no nesting of the sender's choice costs stack or time.
func decode6(p *packet) (*query6, error) {
	q := &query6{}
	data := p.data
	for {
		if len(data) == 0 {
			return nil, drop(ReasonMalformed, "message is empty")
		}
		if t := dhcpv6.MessageType(data[0]); t != dhcpv6.MessageTypeRelayForward {
			break
		}
		if len(q.relays) == maxRelays6 {
			return nil, drop(ReasonMalformed, "more than %d relay messages", maxRelays6)
		}
		r, inner, err := decodeRelay6(data)
		if err != nil {
			return nil, err
		}
		q.relays = append(q.relays, r)
		data = inner
	}
	if len(data) < dhcpv6.MessageHeaderSize {
		return nil, drop(ReasonMalformed, "message has %d bytes", len(data))
	}
	q.kind = dhcpv6.MessageType(data[0])
	q.xid = dhcpv6.TransactionID(data[1:4])
	opts, err := options6(data[dhcpv6.MessageHeaderSize:])
	if err != nil {
		return nil, err
	}
	return q, q.take(opts)
}

// options6 splits bytes into options and leaves their values alone.
func options6(data []byte) (dhcpv6.Options, error) {
	var o dhcpv6.Options
	err := o.FromBytesWithParser(data, func(code dhcpv6.OptionCode, value []byte) (dhcpv6.Option, error) {
		return &dhcpv6.OptionGeneric{OptionCode: code, OptionData: value}, nil
	})
	if err != nil {
		return nil, drop(ReasonMalformed, "decode options: %w", err)
	}
	return o, nil
}

// take reads the options of the client's message. Of an option that may stand
// only once the first counts (RFC 9915 section 21).
func (q *query6) take(opts dhcpv6.Options) error {
	seen := map[dhcpv6.OptionCode]bool{}
	for _, o := range opts {
		code, v := o.Code(), o.ToBytes()
		var err error
		switch code {
		case dhcpv6.OptionIANA, dhcpv6.OptionIAPD, dhcpv6.OptionIATA:
			if err = q.takeIA(code, v); err != nil {
				return err
			}
			continue
		}
		if seen[code] {
			continue
		}
		seen[code] = true
		switch code {
		case dhcpv6.OptionClientID:
			q.clientID, err = duid6(v)
		case dhcpv6.OptionServerID:
			q.serverID, err = duid6(v)
		case dhcpv6.OptionORO:
			q.oro, err = oro6(v)
		case dhcpv6.OptionRapidCommit:
			q.rapid = true
		case dhcpv6.OptionFQDN:
			q.names.sent.take(v, name.Parse6)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func duid6(v []byte) ([]byte, error) {
	if len(v) < minDUID {
		return nil, drop(ReasonMalformed, "duid has %d bytes, the fewest are %d", len(v), minDUID)
	}
	if len(v) > maxDUID {
		return nil, drop(ReasonOversize, "duid has %d bytes, the most are %d", len(v), maxDUID)
	}
	return v, nil
}

func oro6(v []byte) ([]uint16, error) {
	if len(v)%2 != 0 {
		return nil, drop(ReasonMalformed, "option request has %d bytes", len(v))
	}
	codes := make([]uint16, 0, len(v)/2)
	for ; len(v) > 0; v = v[2:] {
		codes = append(codes, binary.BigEndian.Uint16(v))
	}
	return codes, nil
}

// wants tells whether the client asked for an option.
func (q *query6) wants(code uint16) bool {
	return slices.Contains(q.oro, code)
}

// addr6 returns the address in the first 16 bytes of b.
func addr6(b []byte) netip.Addr { return netip.AddrFrom16([16]byte(b)) }
