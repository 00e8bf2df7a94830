package load

import (
	"encoding/binary"
	"math/rand/v2"
	"time"
)

// DHCPv6 message types and options used here (RFC 9915 7.3 and 21).
const (
	msg6Advertise = 2
	msg6Reply     = 7
	msg6Forward   = 12
	msg6RelayRepl = 13

	opt6ClientID     = 1
	opt6ServerID     = 2
	opt6IANA         = 3
	opt6IAAddr       = 5
	opt6ORO          = 6
	opt6ElapsedTime  = 8
	opt6RelayMessage = 9
	opt6StatusCode   = 13
	opt6InterfaceID  = 18
	opt6IAPD         = 25
	opt6IAPrefix     = 26
	opt6SourcePort   = 135
)

// relayHeader6 is the length of the fixed part of a relay message: type, hop
// count, link-address, peer-address.
const relayHeader6 = 34

// template6 is a RELAY-FORW up to and including the options that every message
// of a verb has.
type template6 struct {
	bytes   []byte
	message int // where the client's message begins
	duid    int
	elapsed int
}

// v6 is the DHCPv6 protocol.
type v6 struct {
	ids     identities
	xidBase uint32
	na, pd  bool
	relays  [][verbs]template6
	ifaceID [][]byte
}

func newV6(ids identities, relays []Relay, na, pd bool) *v6 {
	p := &v6{ids: ids, xidBase: rand.Uint32(), na: na, pd: pd}
	for _, r := range relays {
		var t [verbs]template6
		for v := range verbs {
			t[v] = newTemplate6(v, r)
		}
		p.relays = append(p.relays, t)
		p.ifaceID = append(p.ifaceID, []byte(r.InterfaceID))
	}
	return p
}

func (p *v6) newXID() bool { return true }

// xid scatters n by an odd factor, which maps 24 bits one to one.
func (p *v6) xid(n uint32) uint32 { return (p.xidBase + n*0x9e3779b1) & 0xffffff }

func newTemplate6(v verb, r Relay) template6 {
	b := make([]byte, relayHeader6, packetSize)
	b[0] = msg6Forward
	link := r.Addr.As16()
	copy(b[2:], link[:])
	if r.InterfaceID != "" {
		b = appendOption6(b, opt6InterfaceID, []byte(r.InterfaceID))
	}
	// RFC 8357 4.2: the downstream port is 0, this relay alone uses its own.
	b = appendOption6(b, opt6SourcePort, []byte{0, 0})
	b = append(b, 0, opt6RelayMessage, 0, 0)
	t := template6{message: len(b)}
	b = append(b, [...]byte{1, 3, 5, 6, 8, 9}[v], 0, 0, 0)
	t.duid = len(b) + 4
	b = appendOption6(b, opt6ClientID, make([]byte, duidLen))
	t.elapsed = len(b) + 4
	b = appendOption6(b, opt6ElapsedTime, []byte{0, 0})
	if !v.ends() {
		b = appendOption6(b, opt6ORO, []byte{0, 23, 0, 24}) // DNS servers, search list
	}
	t.bytes = b
	return t
}

func appendOption6(b []byte, code uint16, value []byte) []byte {
	b = binary.BigEndian.AppendUint16(b, code)
	b = binary.BigEndian.AppendUint16(b, uint16(len(value)))
	return append(b, value...)
}

func (p *v6) build(buf []byte, m *message) []byte {
	t := &p.relays[m.relay][m.verb]
	b := buf[:copy(buf, t.bytes)]
	peer := p.ids.linkLocal(m.client)
	copy(b[18:], peer[:])
	b[t.message+1], b[t.message+2], b[t.message+3] = byte(m.xid>>16), byte(m.xid>>8), byte(m.xid)
	duid := p.ids.duid(m.client)
	copy(b[t.duid:], duid[:])
	// RFC 9915 21.9: hundredths of a second since the exchange began.
	hundredths := min(m.elapsed/(10*time.Millisecond), 0xffff)
	binary.BigEndian.PutUint16(b[t.elapsed:], uint16(hundredths))
	if m.verb != discover && m.verb != rebind {
		b = binary.BigEndian.AppendUint16(b, opt6ServerID)
		b = binary.BigEndian.AppendUint16(b, uint16(len(m.serverID)))
		b = append(b, m.serverID...)
	}
	if p.na {
		b = p.appendNA(b, m)
	}
	if p.pd {
		b = p.appendPD(b, m)
	}
	binary.BigEndian.PutUint16(b[t.message-2:], uint16(len(b)-t.message))
	return b
}

// appendIA writes the begin of an IA: T1 and T2 are the server's to choose.
func (p *v6) appendIA(b []byte, code byte, m *message, length byte) []byte {
	b = append(b, 0, code, 0, 12+length)
	b = binary.BigEndian.AppendUint32(b, p.ids.iaid(m.client))
	return append(b, 0, 0, 0, 0, 0, 0, 0, 0)
}

func (p *v6) appendNA(b []byte, m *message) []byte {
	if !m.asked[0].IsValid() {
		return p.appendIA(b, opt6IANA, m, 0)
	}
	b = p.appendIA(b, opt6IANA, m, 28)
	addr := m.asked[0].Addr().As16()
	b = append(append(b, 0, opt6IAAddr, 0, 24), addr[:]...)
	return append(b, 0, 0, 0, 0, 0, 0, 0, 0)
}

func (p *v6) appendPD(b []byte, m *message) []byte {
	if !m.asked[1].IsValid() {
		return p.appendIA(b, opt6IAPD, m, 0)
	}
	b = p.appendIA(b, opt6IAPD, m, 29)
	addr := m.asked[1].Addr().As16()
	b = append(b, 0, opt6IAPrefix, 0, 25, 0, 0, 0, 0, 0, 0, 0, 0, byte(m.asked[1].Bits()))
	return append(b, addr[:]...)
}
