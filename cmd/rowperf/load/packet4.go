package load

import (
	"encoding/binary"
	"math/rand/v2"
	"net/netip"
	"time"
)

// Places in the fixed part of a DHCPv4 message (RFC 2131 section 2).
const (
	at4XID    = 4
	at4Secs   = 8
	at4CIAddr = 12
	at4YIAddr = 16
	at4GIAddr = 24
	at4CHAddr = 28
	at4SName  = 44
	at4File   = 108
	at4Cookie = 236
	at4Option = 240

	// minBOOTP is the size that old relays and servers insist on (RFC 1542 2.1).
	minBOOTP = 300
)

// DHCPv4 options and relay agent sub-options used here.
const (
	opt4Hostname      = 12
	opt4Requested     = 50
	opt4LeaseTime     = 51
	opt4Overload      = 52
	opt4MessageType   = 53
	opt4ServerID      = 54
	opt4ParameterList = 55
	opt4ClientID      = 61
	opt4RelayInfo     = 82
	opt4End           = 255

	sub4CircuitID     = 1
	sub4RemoteID      = 2
	sub4LinkSelection = 5
	sub4SourcePort    = 19
)

// clientIDLen is the length of an RFC 4361 client identifier: type 255, IAID
// and DUID.
const clientIDLen = 5 + duidLen

var cookie4 = [4]byte{99, 130, 83, 99}

// template4 is a DHCPv4 message with the places that differ between clients.
// A place of 0 means that the message does not have it.
type template4 struct {
	bytes                         []byte
	hostname, requested, serverID int
	clientID, circuit, remote     int
	relayInfo                     [2]int // begin and end of the value of option 82
}

// v4 is the DHCPv4 protocol.
type v4 struct {
	ids       identities
	xidBase   uint32
	relays    [][verbs]template4
	hinted    []template4 // DISCOVER with a requested address
	scratch   [packetSize]byte
	clientIDs bool
}

// gateway is a relay resolved: giaddr, and the link selection if that is not
// the relay's own address.
type gateway struct {
	relay Relay
	addr  netip.Addr
	link  netip.Addr
}

func newV4(ids identities, gateways []gateway, clientIDs bool) *v4 {
	p := &v4{ids: ids, xidBase: rand.Uint32(), clientIDs: clientIDs}
	for _, g := range gateways {
		var t [verbs]template4
		for v := range verbs {
			t[v] = p.template(v, g, v == request || v == decline)
		}
		p.relays = append(p.relays, t)
		p.hinted = append(p.hinted, p.template(discover, g, true))
	}
	return p
}

func (p *v4) newXID() bool { return false }

// xid scatters n by an odd factor, which maps 32 bits one to one.
func (p *v4) xid(n uint32) uint32 { return p.xidBase + n*0x9e3779b1 }

// template builds the message of a verb. Which options each has follows
// RFC 2131 table 5.
func (p *v4) template(v verb, g gateway, requested bool) template4 {
	b := make([]byte, at4Option, packetSize)
	b[0], b[1], b[2], b[3] = 1, 1, 6, 1 // BOOTREQUEST, Ethernet, one relay
	giaddr := g.addr.As4()
	copy(b[at4GIAddr:], giaddr[:])
	copy(b[at4Cookie:], cookie4[:])
	var t template4
	b = append(b, opt4MessageType, 1, [...]byte{1, 3, 3, 3, 7, 4}[v])
	if p.clientIDs {
		t.clientID = len(b) + 2
		b = append(append(b, opt4ClientID, clientIDLen), make([]byte, clientIDLen)...)
	}
	if requested {
		t.requested = len(b) + 2
		b = append(b, opt4Requested, 4, 0, 0, 0, 0)
	}
	if v == request || v.ends() {
		t.serverID = len(b) + 2
		b = append(b, opt4ServerID, 4, 0, 0, 0, 0)
	}
	if !v.ends() {
		b = append(b, opt4ParameterList, 6, 1, 3, 6, 15, 58, 59)
		b = append(b, opt4Hostname, 13)
		t.hostname = len(b) + 5
		b = append(b, "host-00000000"...)
	}
	b = t.appendRelayInfo(b, g)
	b = append(b, opt4End)
	if n := minBOOTP - len(b); n > 0 {
		b = append(b, make([]byte, n)...)
	}
	t.bytes = b
	return t
}

// appendRelayInfo writes option 82, which comes last (RFC 3046 2.1).
func (t *template4) appendRelayInfo(b []byte, g gateway) []byte {
	begin := len(b) + 2
	b = append(b, opt4RelayInfo, 0)
	b = append(b, sub4CircuitID, byte(len(g.relay.CircuitPrefix)+8))
	b = append(b, g.relay.CircuitPrefix...)
	t.circuit = len(b)
	b = append(b, "00000000"...)
	b = append(b, sub4RemoteID, 6)
	t.remote = len(b)
	b = append(b, make([]byte, 6)...)
	if g.link.IsValid() {
		b = append(append(b, sub4LinkSelection, 4), g.link.AsSlice()...)
	}
	b = append(b, sub4SourcePort, 0) // RFC 8357 4.1: no value
	b[begin-1] = byte(len(b) - begin)
	t.relayInfo = [2]int{begin, len(b)}
	return b
}

func (p *v4) build(buf []byte, m *message) []byte {
	t := &p.relays[m.relay][m.verb]
	if m.verb == discover && m.asked[0].IsValid() {
		t = &p.hinted[m.relay]
	}
	b := buf[:copy(buf, t.bytes)]
	binary.BigEndian.PutUint32(b[at4XID:], m.xid)
	binary.BigEndian.PutUint16(b[at4Secs:], uint16(min(m.elapsed/time.Second, 0xffff)))
	mac := p.ids.hwaddr(m.client)
	copy(b[at4CHAddr:], mac[:])
	if m.verb >= renew && m.verb != decline {
		ciaddr := m.asked[0].Addr().As4()
		copy(b[at4CIAddr:], ciaddr[:])
	}
	if t.requested > 0 {
		addr := m.asked[0].Addr().As4()
		copy(b[t.requested:], addr[:])
	}
	if t.serverID > 0 {
		copy(b[t.serverID:t.serverID+4], m.serverID)
	}
	if t.hostname > 0 {
		putDigits(b[t.hostname:], m.client)
	}
	if t.clientID > 0 {
		p.putClientID(b[t.clientID:], m.client)
	}
	putDigits(b[t.circuit:], m.client)
	copy(b[t.remote:], mac[:])
	return b
}

func (p *v4) putClientID(b []byte, client int) {
	b[0] = 255
	binary.BigEndian.PutUint32(b[1:], p.ids.iaid(client))
	duid := p.ids.duid(client)
	copy(b[5:], duid[:])
}

// expectedRelayInfo returns the value of option 82 that the client's packets
// carry; it is valid until the next call.
func (p *v4) expectedRelayInfo(client, relay int) []byte {
	t := &p.relays[relay][discover]
	from, to := t.relayInfo[0], t.relayInfo[1]
	b := p.scratch[:to-from]
	copy(b, t.bytes[from:to])
	putDigits(b[t.circuit-from:], client)
	mac := p.ids.hwaddr(client)
	copy(b[t.remote-from:], mac[:])
	return b
}
