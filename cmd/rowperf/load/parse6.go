package load

import (
	"bytes"
	"encoding/binary"
	"net/netip"

	"rowlock/sqlstore"
)

// options6 walks the options of b. It stops with false at one that does not
// fit, or where f says so.
func options6(b []byte, f func(code uint16, value []byte) bool) bool {
	for len(b) > 0 {
		if len(b) < 4 {
			return false
		}
		n := 4 + int(binary.BigEndian.Uint16(b[2:]))
		if len(b) < n || !f(binary.BigEndian.Uint16(b), b[4:n]) {
			return false
		}
		b = b[n:]
	}
	return true
}

func (p *v6) parse(b []byte, r *reply) drop {
	if len(b) < relayHeader6 {
		return dropMalformed
	}
	if b[0] != msg6RelayRepl {
		return dropType
	}
	r.relayAddr, r.peer, r.relayInfo = b[2:18], b[18:34], nil
	var inner []byte
	ok := options6(b[relayHeader6:], func(code uint16, value []byte) bool {
		switch code {
		case opt6RelayMessage:
			keepFirst(&inner, value)
		case opt6InterfaceID:
			keepFirst(&r.relayInfo, value)
		}
		return true
	})
	if !ok || len(inner) < 4 {
		return dropMalformed
	}
	return r.parseMessage6(inner)
}

// parseMessage6 reads the message inside the relay's.
func (r *reply) parseMessage6(b []byte) drop {
	switch b[0] {
	case msg6Advertise:
		r.kind = Advertise
	case msg6Reply:
		r.kind = Reply
	default:
		return dropType
	}
	r.xid = uint32(b[1])<<16 | uint32(b[2])<<8 | uint32(b[3])
	r.serverID, r.identity, r.grants = nil, nil, r.grants[:0]
	ok := options6(b[4:], func(code uint16, value []byte) bool {
		switch code {
		case opt6ClientID:
			keepFirst(&r.identity, value)
		case opt6ServerID:
			keepFirst(&r.serverID, value)
		case opt6StatusCode:
			return len(value) >= 2
		case opt6IANA:
			return r.parseIA(sqlstore.NA, value)
		case opt6IAPD:
			return r.parseIA(sqlstore.PD, value)
		}
		return true
	})
	if !ok {
		return dropMalformed
	}
	// RFC 9915 16.3 and 16.10: both identifiers must be there. A DUID has a
	// two-byte type and at most 128 bytes more (11.1).
	if len(r.serverID) < 3 || len(r.serverID) > maxDUID {
		return dropServerID
	}
	if r.identity == nil {
		return dropIdentity
	}
	return dropNone
}

// parseIA adds a grant for each address or prefix of an IA, and one without
// address when there is none.
func (r *reply) parseIA(kind sqlstore.Kind, b []byte) bool {
	if len(b) < 12 {
		return false
	}
	before := len(r.grants)
	iaid := binary.BigEndian.Uint32(b)
	ok := options6(b[12:], func(code uint16, value []byte) bool {
		g := grant{kind: kind, iaid: iaid}
		switch {
		case code == opt6IAAddr && kind == sqlstore.NA:
			if len(value) < 24 {
				return false
			}
			g.addr = netip.PrefixFrom(netip.AddrFrom16([16]byte(value)), 128)
			g.preferred = binary.BigEndian.Uint32(value[16:])
			g.valid = binary.BigEndian.Uint32(value[20:])
		case code == opt6IAPrefix && kind == sqlstore.PD:
			if len(value) < 25 || value[8] == 0 || value[8] >= 128 {
				return false
			}
			g.preferred = binary.BigEndian.Uint32(value)
			g.valid = binary.BigEndian.Uint32(value[4:])
			g.addr = netip.PrefixFrom(netip.AddrFrom16([16]byte(value[9:])), int(value[8])).Masked()
		case code == opt6StatusCode:
			return len(value) >= 2
		default:
			return true
		}
		if g.addr.Addr().Is4In6() {
			return false
		}
		// RFC 9915 21.6 and 21.22: preferred above valid: the option is ignored.
		if g.preferred <= g.valid {
			r.grants = append(r.grants, g)
		}
		return true
	})
	if len(r.grants) == before {
		r.grants = append(r.grants, grant{kind: kind, iaid: iaid})
	}
	return ok
}

func (p *v6) match(r *reply, client, relay int) drop {
	if duid := p.ids.duid(client); !bytes.Equal(r.identity, duid[:]) {
		return dropIdentity
	}
	// RFC 9915 19.3: both addresses and the interface-id are copied.
	peer := p.ids.linkLocal(client)
	if !bytes.Equal(r.relayAddr, p.relays[relay][discover].bytes[2:18]) || [16]byte(r.peer) != peer {
		return dropRelay
	}
	if !bytes.Equal(r.relayInfo, p.ifaceID[relay]) {
		return dropRelayInfo
	}
	for _, g := range r.grants {
		if g.iaid != p.ids.iaid(client) || (g.kind == sqlstore.NA && !p.na) || (g.kind == sqlstore.PD && !p.pd) {
			return dropIA
		}
	}
	return dropNone
}
