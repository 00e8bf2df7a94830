package frontend

import (
	"cmp"
	"encoding/binary"
	"net"
	"net/netip"
	"slices"

	"github.com/insomniacslk/dhcp/dhcpv4"

	"rowlock/sqlstore"
)

// writer4 puts a reply together within the size that the client takes.
type writer4 struct {
	q              *query4
	kind           dhcpv4.MessageType
	as             netip.Addr // server identifier
	ciaddr, yiaddr netip.Addr
	flags          uint16
	list           []coded4
	has            [4]uint64 // by code
	room           int       // bytes left for options
	space          [16]coded4
	numbers        [16]byte // values of four bytes, see four
	used           int      // of numbers
}

// The sizes of RFC 2131 section 2 and RFC 2132 section 9.10 count the IP and
// UDP headers. Configured options end where an Ethernet frame does. What has to
// be in the reply is in it whatever its size: an echoed option 82 (RFC 3046
// section 2.2) may make it longer, but not by much more than the message, which
// had at most maxPacket bytes, so that it always fits a UDP datagram.
const (
	headersLen = ipv4Len + udpLen
	maxReply   = 1500
)

// minReply is the length that BOOTP messages have at least (RFC 951 section 3);
// relay agents and clients are known that drop shorter ones.
const minReply = 300

// newWriter4 begins a reply: what the tables of RFC 2131 section 4.3.1 copy
// from the message, and the options that every reply has.
func newWriter4(q *query4, n *network, kind dhcpv4.MessageType, as netip.Addr) *writer4 {
	w := &writer4{q: q, kind: kind, as: as, flags: q.msg.flags(), room: min(q.maxSize, maxReply) - headersLen - headerLen4 - 1}
	w.list = w.space[:0]
	w.put(dhcpv4.OptionDHCPMessageType, kindBytes4[kind:kind+1])
	if as.Is4() {
		w.put(dhcpv4.OptionServerIdentifier, w.four(as.As4()))
	}
	if n.settings.echoClientID {
		w.echo(dhcpv4.OptionClientIdentifier) // RFC 6842 section 3
	}
	w.echo(dhcpv4.OptionRelayAgentInformation) // RFC 3046 section 2.2
	w.echo(dhcpv4.OptionSubnetSelection)       // RFC 3011 section 2
	return w
}

// kindBytes4 has each message type at its number.
var kindBytes4 = []byte{0, 1, 2, 3, 4, 5, 6, 7, 8}

// kindNames4 are the names of the message types that are sent.
var kindNames4 = map[dhcpv4.MessageType]string{
	dhcpv4.MessageTypeOffer: "offer", dhcpv4.MessageTypeAck: "ack", dhcpv4.MessageTypeNak: "nak",
}

// four keeps a value of four bytes.
func (w *writer4) four(v [4]byte) []byte {
	if w.used+4 > len(w.numbers) {
		return v[:]
	}
	b := w.numbers[w.used : w.used+4 : w.used+4]
	w.used += copy(b, v[:])
	return b
}

// put sets an option that has to be there, whatever the size.
func (w *writer4) put(code dhcpv4.OptionCode, v []byte) { w.set(code.Code(), v) }

func (w *writer4) set(code uint8, v []byte) {
	w.has[code/64] |= 1 << (code % 64)
	w.list = append(w.list, coded4{code, v})
	w.room -= optionSize4(v)
}

// optionSize4 is the length of an option with its headers, split where it is
// too long for one (RFC 3396).
func optionSize4(v []byte) int { return len(v) + 2*max(1, (len(v)+254)/255) }

func (w *writer4) echo(code dhcpv4.OptionCode) {
	if v, ok := w.q.msg.options.get(code); ok {
		w.put(code, v)
	}
}

func (w *writer4) seconds(code dhcpv4.OptionCode, n uint32) {
	var b [4]byte
	binary.BigEndian.PutUint32(b[:], n)
	w.put(code, w.four(b))
}

// mask sets the subnet mask: that of the prefix unless the site has another.
func (w *writer4) mask(n *network) {
	if o, ok := n.options.get(uint16(dhcpv4.OptionSubnetMask.Code())); ok {
		w.put(dhcpv4.OptionSubnetMask, o.data)
		return
	}
	w.seconds(dhcpv4.OptionSubnetMask, uint32(uint64(0xffffffff)<<(32-n.subnet.Prefix.Bits())))
}

// configured adds the options that are always sent, then those that the client
// asks for in its order (RFC 2132 section 9.8), or all if it has no list, or one
// without an entry.
// What the server sets itself stays, and what finds no room is left out.
func (w *writer4) configured(set optionSet) {
	for _, o := range set {
		if o.always || len(w.q.params) == 0 {
			w.offer(o)
		}
	}
	for _, code := range w.q.params {
		if o, ok := set.get(uint16(code)); ok {
			w.offer(o)
		}
	}
}

// name tells the client its name, where there is still room: by the Client FQDN
// option if it sent that (RFC 4702 section 4), and by the Host Name option if it
// asks for that.
func (w *writer4) name(l *sqlstore.Lease) {
	names := &w.q.names
	if names.sent.has {
		if v, err := names.option(l.Addr).Append4(nil); err == nil {
			w.offer(wireOption{code: uint16(dhcpv4.OptionFQDN.Code()), data: v})
		}
	}
	host := dhcpv4.OptionHostName.Code()
	if !slices.Contains(w.q.params, host) {
		return
	}
	if n := names.hostname(l); n != "" {
		w.offer(wireOption{code: uint16(host), data: []byte(n)})
	}
}

func (w *writer4) offer(o wireOption) {
	if o.code > 254 || w.has[o.code/64]&(1<<(o.code%64)) != 0 || optionSize4(o.data) > w.room {
		return
	}
	w.set(uint8(o.code), o.data)
}

// bytes returns the message: options in order of their codes, but option 82
// last (RFC 3046 section 2.1).
func (w *writer4) bytes() []byte {
	last := func(code uint8) int {
		if code == dhcpv4.OptionRelayAgentInformation.Code() {
			return 256
		}
		return int(code)
	}
	slices.SortFunc(w.list, func(a, b coded4) int { return cmp.Compare(last(a.code), last(b.code)) })
	size := headerLen4 + 1
	for i := range w.list {
		size += optionSize4(w.list[i].data)
	}
	b := make([]byte, headerLen4, max(size, minReply))
	w.header(b)
	for _, o := range w.list {
		b = appendOption4(b, o)
	}
	b = append(b, dhcpv4.OptionEnd.Code())
	return b[:max(len(b), minReply)] // the rest are pad options
}

func (w *writer4) header(b []byte) {
	m := &w.q.msg
	hw := m.chaddr()
	b[0], b[1], b[2] = byte(dhcpv4.OpcodeBootReply), byte(m.hwType()), byte(len(hw))
	copy(b[4:], m.xid())
	binary.BigEndian.PutUint16(b[10:], w.flags)
	if w.ciaddr.IsValid() {
		copy(b[12:], w.ciaddr.AsSlice())
	}
	if w.yiaddr.IsValid() {
		copy(b[16:], w.yiaddr.AsSlice())
	}
	copy(b[24:28], m.data[24:28])
	copy(b[28:], hw)
	binary.BigEndian.PutUint32(b[cookieAt4:], magicCookie)
}

func appendOption4(b []byte, o coded4) []byte {
	for v := o.data; ; {
		n := min(len(v), 255)
		b = append(append(b, o.code, byte(n)), v[:n]...)
		if v = v[n:]; len(v) == 0 {
			return b
		}
	}
}

// ethernet returns the hardware address that the reply is for, if it is one of
// Ethernet.
func (w *writer4) ethernet() (hw net.HardwareAddr, ok bool) {
	hw = w.q.msg.chaddr()
	return hw, w.q.msg.hwType() == 1 && len(hw) == len(broadcastHW)
}
