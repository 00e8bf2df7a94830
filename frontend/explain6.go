package frontend

import (
	"encoding/hex"
	"net/netip"
	"slices"

	"github.com/insomniacslk/dhcp/dhcpv6"

	"rowlock/sqlstore"
)

// allServers6 is All_DHCP_Relay_Agents_and_Servers (RFC 9915 section 7.1).
var allServers6 = netip.MustParseAddr("ff02::1:2")

// unknownDUID stands for the server identifier of a configuration that has none
// yet: it is chosen with the database.
var unknownDUID = []byte{0, 3, 0, 1, 0, 0, 0, 0, 0, 0}

// message6 takes a DHCPv6 message through handle6, step by step.
func (x *explainer) message6() error {
	x.out.Packet.Family = sqlstore.IPv6.String()
	x.out.Packet.Asks = []uint16{}
	p := x.packet(sqlstore.IPv6, 547, 546, 547)
	x.out.Packet.XID = xid(p)
	x.out.Packet.Type, _ = peek6(p.data)
	q, err := decode6(p)
	if err != nil {
		return err
	}
	x.addresses6(p, q)
	x.read6(p, q)
	duid := x.duid(q)
	if err := validate6(q, duid, !p.dst.Addr().IsMulticast()); err != nil {
		return err
	}
	at, t := x.server.place(p, x.snap), &trace{}
	n, err := locate6(q, at, x.snap, t)
	o := q.origin6(at)
	x.selected(n, t, facts6(&o))
	if err != nil {
		return err
	}
	asked := request6(q, n, x.snap.revision)
	dec, err := x.decide6(q, n, asked)
	if err != nil {
		return err
	}
	home := n
	if dec != nil {
		home, _ = granted6At(n, asked, dec)
	}
	x.settings(home)
	msg, err := reply6(q, n, duid, asked, dec)
	if err != nil {
		return err
	}
	x.answer6(p, q, home, msg)
	return nil
}

// duid returns the server identifier to answer with.
func (x *explainer) duid(q *query6) []byte {
	switch {
	case len(x.snap.duid) > 0:
		return x.snap.duid
	case q.serverID != nil:
		return q.serverID
	}
	return unknownDUID
}

func (x *explainer) addresses6(p *packet, q *query6) {
	if !p.src.IsValid() {
		p.src = netip.AddrPortFrom(netip.IPv6Unspecified(), 546)
		if len(q.relays) > 0 {
			p.src = netip.AddrPortFrom(q.relays[0].link, 547)
		}
	}
	if !p.dst.IsValid() {
		p.dst = netip.AddrPortFrom(allServers6, 547)
	}
}

func (x *explainer) read6(p *packet, q *query6) {
	v, c := &x.out.Packet, client6(q, 0)
	v.Type, v.XID = typeName6(q.kind), hex.EncodeToString(q.xid[:]) // of the client's message, within its relays
	v.From, v.To, v.Interface = p.src.String(), p.dst.String(), x.in.Interface
	if !x.in.To.IsValid() && len(q.relays) > 0 {
		v.To = "server"
	}
	for _, r := range slices.Backward(q.relays) {
		v.Relays = append(v.Relays, r.link.String())
	}
	v.ServerID, v.Asks = hex.EncodeToString(q.serverID), q.oro
	v.client(&c)
}

// facts6 are the values that a subnet may be chosen by, in the order of select6.
func facts6(o *origin6) []fact {
	return append([]fact{
		{rule: ruleRelayList, addr: o.link, relay: true}, {rule: ruleInterfaceID, id: o.interfaceID}, {rule: ruleLinkAddress, addr: o.link},
	}, interfaceFacts(sqlstore.IPv6, o.iface)...)
}

// decide6 asks what would be decided about each IA.
func (x *explainer) decide6(q *query6, n *network, asked asked6) (*sqlstore.Decision, error) {
	var dec *sqlstore.Decision
	var previews []sqlstore.Preview
	if asked.request != nil {
		var err error
		if dec, previews, err = x.preview(asked.request); err != nil {
			return nil, err
		}
	}
	for i := range q.ias {
		ia := &q.ias[i]
		b := ExplainedBinding{Kind: ia.kind.String(), IAID: &ia.iaid, Steps: []string{}}
		if asked.op != 0 {
			b.Op = asked.op.String()
		}
		for _, named := range ia.named[:min(1, len(ia.named))] {
			b.Want = prefixText(named.prefix)
		}
		if at := asked.items[i]; at >= 0 {
			b.take(sqlstore.IPv6, &asked.request.Items[at], &previews[at])
			if ia.kind == sqlstore.NA {
				x.named(&q.names, n, &previews[at])
			}
		} else {
			b.Outcome = "not-asked"
			b.Steps = append(b.Steps, "answered from the configuration alone: the database is not asked")
		}
		x.out.Bindings = append(x.out.Bindings, b)
	}
	return dec, nil
}

// answer6 shows the reply.
func (x *explainer) answer6(p *packet, q *query6, at *network, msg *dhcpv6.Message) {
	x.out.Reply = &ExplainedReply{Type: typeName6(msg.MessageType), To: netip.AddrPortFrom(p.src.Addr(), q.replyPort6(p.src.Port(), p.listener.config.RelayPort)).String()}
	for _, o := range msg.Options.Options {
		code := o.Code()
		data := o.ToBytes()
		if code == dhcpv6.OptionServerID {
			if slices.Equal(data, unknownDUID) {
				continue
			}
			x.out.Reply.ServerID = hex.EncodeToString(data)
		}
		configured, ok := at.options.get(uint16(code))
		x.sent(sqlstore.IPv6, uint16(code), data, configured, ok, code == dhcpv6.OptionClientID)
	}
	x.unsent(sqlstore.IPv6, at)
}
