package frontend

import (
	"encoding/binary"
	"net"
	"net/netip"
	"slices"

	"github.com/insomniacslk/dhcp/dhcpv4"

	"rowlock/sqlstore"
)

// reply4 makes the answer from the decision. It returns nil for a message that
// takes none (RELEASE, DECLINE). as is the server identifier.
func reply4(q *query4, n *network, as netip.Addr, a *ask4) (*dhcpv4.DHCPv4, error) {
	if a.op == 0 {
		return informed4(q, n, as), nil
	}
	r := &a.decision.Results[0]
	switch a.op {
	case sqlstore.OpWithdraw:
		return nil, drop(ReasonForeignServer, "the client took the offer of %s", q.serverID)
	case sqlstore.OpRelease, sqlstore.OpDecline:
		if r.Code == sqlstore.Done {
			return nil, nil
		}
		return nil, drop(ReasonNoBinding, "%s of %s: %s", a.op, a.want, r.Code)
	}
	switch r.Code {
	case sqlstore.Granted:
		return granted4(q, n, as, a, r)
	case sqlstore.Exhausted:
		return nil, drop(ReasonExhausted, "subnet %s", n.subnet.Prefix)
	case sqlstore.WrongAddress, sqlstore.NoBinding:
		return refused4(q, n, as, a, r)
	}
	return nil, drop(ReasonInternal, "%s came back as %s", a.op, r.Code)
}

// granted4 is an OFFER or ACK with options and lifetimes of the subnet that
// the address is in.
func granted4(q *query4, n *network, as netip.Addr, a *ask4, r *sqlstore.Result) (*dhcpv4.DHCPv4, error) {
	addr, kind := r.Lease.Addr, dhcpv4.MessageTypeAck
	valid, _ := lifetimes(r)
	if a.op == sqlstore.OpOffer {
		// The client is told what it will get, not what is left of a lease that
		// it may have.
		kind, valid = dhcpv4.MessageTypeOffer, a.request.Items[0].ValidLft
	}
	at := n.segment.find(addr)
	if !r.HasLease || at == nil {
		return nil, drop(ReasonInternal, "granted %s, which is in no subnet of the link", addr)
	}
	w := newWriter4(q, at, kind, as)
	w.msg.YourIPAddr = addr.AsSlice()
	if kind == dhcpv4.MessageTypeAck {
		w.msg.ClientIPAddr = q.msg.ClientIPAddr // RFC 2131 table 3
	}
	w.seconds(dhcpv4.OptionIPAddressLeaseTime, valid)
	if t1, t2, ok := at.settings.timers4(valid); ok {
		w.seconds(dhcpv4.OptionRenewTimeValue, t1)
		w.seconds(dhcpv4.OptionRebindingTimeValue, t2)
	}
	w.mask(at)
	w.configured(q, at.options)
	w.name(q, &r.Lease)
	return w.msg, nil
}

// informed4 answers an INFORM: an ACK without an address and lifetimes
// (RFC 2131 section 4.3.5). It has no name: the Client FQDN option answers a
// DISCOVER or REQUEST only (RFC 4702 section 4).
func informed4(q *query4, n *network, as netip.Addr) *dhcpv4.DHCPv4 {
	at := n
	if own := n.segment.find(q.origin.ciaddr); own != nil {
		at = own
	}
	w := newWriter4(q, at, dhcpv4.MessageTypeAck, as)
	w.msg.ClientIPAddr = q.msg.ClientIPAddr
	w.mask(at)
	w.configured(q, at.options)
	return w.msg
}

// refused4 is a NAK, or silence where we may not tell (RFC 2131 section
// 4.3.2): INIT-REBOOT of a client that we do not know, and anything but an
// answer to our own offer where the server is not authoritative.
func refused4(q *query4, n *network, as netip.Addr, a *ask4, r *sqlstore.Result) (*dhcpv4.DHCPv4, error) {
	switch {
	case a.op == sqlstore.OpOffer:
		return nil, drop(ReasonInternal, "%s came back as %s", a.op, r.Code)
	case a.op == sqlstore.OpInitReboot && r.Code == sqlstore.NoBinding:
		return nil, drop(ReasonNotOurs, "INIT-REBOOT of an unknown client for %s", a.want)
	case a.op != sqlstore.OpSelect && !n.settings.authoritative:
		return nil, drop(ReasonNotOurs, "not authoritative: %s of %s: %s", a.op, a.want, r.Code)
	}
	w := newWriter4(q, n, dhcpv4.MessageTypeNak, as)
	if q.origin.giaddr.IsValid() {
		w.msg.SetBroadcast() // the client may not have an address (RFC 2131 section 4.3.2)
	}
	return w.msg, nil
}

// writer4 puts a reply together within the size that the client takes.
type writer4 struct {
	msg  *dhcpv4.DHCPv4
	room int // bytes left for options
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

// newWriter4 begins a reply: what the tables of RFC 2131 section 4.3.1 copy
// from the message, and the options that every reply has.
func newWriter4(q *query4, n *network, kind dhcpv4.MessageType, as netip.Addr) *writer4 {
	w := &writer4{
		msg: &dhcpv4.DHCPv4{
			OpCode: dhcpv4.OpcodeBootReply, HWType: q.msg.HWType, TransactionID: q.msg.TransactionID,
			Flags: q.msg.Flags, GatewayIPAddr: q.msg.GatewayIPAddr, ClientHWAddr: q.msg.ClientHWAddr,
			ClientIPAddr: net.IPv4zero, YourIPAddr: net.IPv4zero, ServerIPAddr: net.IPv4zero,
			Options: dhcpv4.Options{},
		},
		room: min(q.maxSize, maxReply) - headersLen - headerLen4 - 1,
	}
	w.put(dhcpv4.OptionDHCPMessageType, []byte{byte(kind)})
	w.put(dhcpv4.OptionServerIdentifier, as.AsSlice())
	if n.settings.echoClientID {
		w.echo(q, dhcpv4.OptionClientIdentifier) // RFC 6842 section 3
	}
	w.echo(q, dhcpv4.OptionRelayAgentInformation) // RFC 3046 section 2.2; the codec puts it last
	w.echo(q, dhcpv4.OptionSubnetSelection)       // RFC 3011 section 2
	return w
}

// put sets an option that has to be there, whatever the size.
func (w *writer4) put(code dhcpv4.OptionCode, v []byte) {
	w.msg.Options[code.Code()] = v
	w.room -= optionSize4(v)
}

// optionSize4 is the length of an option with its headers, split where it is
// too long for one (RFC 3396).
func optionSize4(v []byte) int { return len(v) + 2*max(1, (len(v)+254)/255) }

func (w *writer4) echo(q *query4, code dhcpv4.OptionCode) {
	if v, ok := q.msg.Options[code.Code()]; ok {
		w.put(code, v)
	}
}

func (w *writer4) seconds(code dhcpv4.OptionCode, n uint32) {
	w.put(code, binary.BigEndian.AppendUint32(nil, n))
}

// mask sets the subnet mask: that of the prefix unless the site has another.
func (w *writer4) mask(n *network) {
	mask := []byte(net.CIDRMask(n.subnet.Prefix.Bits(), 32))
	if o, ok := n.options.get(uint16(dhcpv4.OptionSubnetMask.Code())); ok {
		mask = o.data
	}
	w.put(dhcpv4.OptionSubnetMask, mask)
}

// configured adds the options that are always sent, then those that the client
// asks for in its order (RFC 2132 section 9.8), or all if it has no list.
// What the server sets itself stays, and what finds no room is left out.
func (w *writer4) configured(q *query4, set optionSet) {
	for _, o := range set {
		if o.always || q.params == nil {
			w.offer(o)
		}
	}
	for _, code := range q.params {
		if o, ok := set.get(uint16(code)); ok {
			w.offer(o)
		}
	}
}

// name tells the client its name, where there is still room: by the Client FQDN
// option if it sent that (RFC 4702 section 4), and by the Host Name option if it
// asks for that.
func (w *writer4) name(q *query4, l *sqlstore.Lease) {
	if q.names.sent.has {
		if v, err := q.names.option(l.Addr).Append4(nil); err == nil {
			w.offer(wireOption{code: uint16(dhcpv4.OptionFQDN.Code()), data: v})
		}
	}
	host := dhcpv4.OptionHostName.Code()
	if !slices.Contains(q.params, host) {
		return
	}
	if n := q.names.hostname(l); n != "" {
		w.offer(wireOption{code: uint16(host), data: []byte(n)})
	}
}

func (w *writer4) offer(o wireOption) {
	if _, set := w.msg.Options[uint8(o.code)]; set || o.code > 254 || optionSize4(o.data) > w.room {
		return
	}
	w.put(dhcpv4.GenericOptionCode(o.code), o.data)
}

// timers4 returns T1 and T2 of a lease; ok is false when it has none: it never
// ends, or is too short for T1 < T2 < lifetime (RFC 2131 section 4.4.5).
func (s *settings) timers4(valid uint32) (t1, t2 uint32, ok bool) {
	if valid == sqlstore.Infinite || valid < 3 {
		return 0, 0, false
	}
	t1, t2 = s.renew, s.rebind
	if t2 == 0 {
		t2 = uint32(float64(valid) * s.t2)
	}
	if t1 == 0 {
		t1 = uint32(float64(valid) * s.t1)
	}
	t2 = min(max(t2, 2), valid-1)
	return min(max(t1, 1), t2-1), t2, true
}
