package load

import (
	"bytes"
	"encoding/binary"
	"net/netip"

	"rowlock/sqlstore"
)

// fields4 are the options that the checks need; nil means absent.
type fields4 struct {
	messageType, serverID, leaseTime, relayInfo, overload []byte
}

func (p *v4) parse(b []byte, r *reply) drop {
	if len(b) < at4Option || [4]byte(b[at4Cookie:at4Option]) != cookie4 {
		return dropMalformed
	}
	if b[0] != 2 || b[1] != 1 || b[2] != 6 {
		return dropType
	}
	f, ok := options4(b)
	if !ok || len(f.messageType) != 1 {
		return dropMalformed
	}
	switch f.messageType[0] {
	case 2:
		r.kind = Offer
	case 5:
		r.kind = Ack
	case 6:
		r.kind = Nak
	default:
		return dropType
	}
	if len(f.serverID) != 4 {
		return dropServerID
	}
	r.xid = binary.BigEndian.Uint32(b[at4XID:])
	r.serverID = f.serverID
	r.identity = b[at4CHAddr : at4CHAddr+6]
	r.relayAddr = b[at4GIAddr : at4GIAddr+4]
	r.relayInfo = f.relayInfo
	r.grants = r.grants[:0]
	if r.kind == Nak {
		return dropNone
	}
	return lease4(b, f.leaseTime, r)
}

// lease4 adds the lease that an OFFER or ACK gives.
func lease4(b, leaseTime []byte, r *reply) drop {
	if len(leaseTime) != 4 {
		return dropLifetime
	}
	addr := netip.AddrFrom4([4]byte(b[at4YIAddr:]))
	if addr.IsUnspecified() {
		return dropAddress
	}
	r.grants = append(r.grants, grant{
		kind:  sqlstore.NA,
		addr:  netip.PrefixFrom(addr, 32),
		valid: binary.BigEndian.Uint32(leaseTime),
	})
	return dropNone
}

// options4 reads the options field, and the file and sname fields where the
// message says that options are there (RFC 2131 4.1).
func options4(b []byte) (fields4, bool) {
	var f fields4
	if !f.scan(b[at4Option:]) {
		return f, false
	}
	if f.overload == nil {
		return f, true
	}
	if len(f.overload) != 1 || f.overload[0] < 1 || f.overload[0] > 3 {
		return f, false
	}
	if f.overload[0]&1 != 0 && !f.scan(b[at4File:at4Cookie]) {
		return f, false
	}
	return f, f.overload[0]&2 == 0 || f.scan(b[at4SName:at4File])
}

// scan notes the options of one area. The first of several with one code
// counts: none of those used here is ever long enough to be split.
func (f *fields4) scan(b []byte) bool {
	for len(b) > 0 && b[0] != opt4End {
		if b[0] == 0 {
			b = b[1:]
			continue
		}
		if len(b) < 2 || len(b) < 2+int(b[1]) {
			return false
		}
		value := b[2 : 2+int(b[1])]
		switch b[0] {
		case opt4MessageType:
			keepFirst(&f.messageType, value)
		case opt4ServerID:
			keepFirst(&f.serverID, value)
		case opt4LeaseTime:
			keepFirst(&f.leaseTime, value)
		case opt4RelayInfo:
			keepFirst(&f.relayInfo, value)
		case opt4Overload:
			keepFirst(&f.overload, value)
		}
		b = b[2+len(value):]
	}
	return true
}

func keepFirst(p *[]byte, value []byte) {
	if *p == nil {
		*p = value
	}
}

func (p *v4) match(r *reply, client, relay int) drop {
	mac := p.ids.hwaddr(client)
	if [6]byte(r.identity) != mac {
		return dropIdentity
	}
	giaddr := p.relays[relay][discover].bytes[at4GIAddr : at4GIAddr+4]
	if !bytes.Equal(r.relayAddr, giaddr) {
		return dropRelay
	}
	// RFC 3046 2.2: the server returns the whole option as it came.
	if !bytes.Equal(r.relayInfo, p.expectedRelayInfo(client, relay)) {
		return dropRelayInfo
	}
	return dropNone
}
