package frontend

import (
	"encoding/hex"
	"net/netip"
	"slices"

	"github.com/insomniacslk/dhcp/dhcpv4"

	"rowlock/sqlstore"
)

// message4 takes a DHCPv4 message through handle4, step by step.
func (x *explainer) message4() error {
	x.out.Packet.Family = sqlstore.IPv4.String()
	p := x.packet(sqlstore.IPv4, 67, 68, 67)
	x.addresses4(p)
	x.out.Packet.XID = xid(p)
	x.out.Packet.Type, _ = peek4(p.data)
	q, err := decode4(p)
	if err != nil {
		return err
	}
	x.read4(p, q)
	q.origin.place = x.server.place(p, x.snap)
	t := &trace{}
	n, err := locate4(p, q, x.snap, t)
	x.selected(n, t, facts4(&q.origin))
	if err != nil {
		return err
	}
	x.standIn4(p, q)
	as, err := x.server.name4(p, q, n)
	if err != nil {
		return err
	}
	ask, err := request4(q, n, as, x.snap.revision)
	if err != nil {
		return err
	}
	if err := x.decide4(q, n, ask); err != nil {
		return err
	}
	at := n
	if ask.decision != nil && ask.decision.Results[0].HasLease {
		if home := n.segment.find(ask.decision.Results[0].Lease.Addr); home != nil && ask.decision.Results[0].Code == sqlstore.Granted {
			at = home
		}
	}
	x.settings(at)
	w, err := reply4(q, n, as, ask)
	if err != nil || w == nil {
		return err
	}
	return x.answer4(p, q, at, w)
}

// addresses4 fills in where the message came from and went to. What relays send
// goes to an address of the server, and so does what a client sends that has an
// address and no need to search.
func (x *explainer) addresses4(p *packet) {
	var m inbound4
	if len(p.data) < headerLen4 {
		return
	}
	m.data = p.data
	giaddr, ciaddr := m.giaddr(), m.ciaddr()
	if !p.src.IsValid() {
		p.src = netip.AddrPortFrom(netip.IPv4Unspecified(), 68)
		switch {
		case giaddr.IsValid():
			p.src = netip.AddrPortFrom(giaddr, 67)
		case ciaddr.IsValid():
			p.src = netip.AddrPortFrom(ciaddr, 68)
		}
	}
	if !p.dst.IsValid() {
		p.dst = netip.AddrPortFrom(broadcast4, 67)
		if giaddr.IsValid() || ciaddr.IsValid() {
			p.dst = netip.AddrPortFrom(standIn, 67)
		}
	}
}

// standIn4 lends an address to a server that is not known: the one that the
// message names, else one that nobody has.
func (x *explainer) standIn4(p *packet, q *query4) {
	if p.local.IsValid() && p.local != standIn || p.iface != nil && p.iface.addr4().IsValid() {
		return
	}
	if p.local = standIn; q.serverID.IsValid() {
		p.local = q.serverID
	}
	if p.iface != nil {
		own := *p.iface
		own.addrs = append(slices.Clip(own.addrs), netip.PrefixFrom(p.local, 32))
		p.iface = &own
	}
}

func (x *explainer) read4(p *packet, q *query4) {
	v, c := &x.out.Packet, &q.client
	v.Type = kinds4[q.kind]
	v.From, v.To, v.Interface = p.src.String(), p.dst.String(), x.in.Interface
	if p.dst.Addr() == standIn {
		v.To = "server"
	}
	if q.origin.giaddr.IsValid() {
		v.Relays = []string{q.origin.giaddr.String()}
	}
	if q.serverID.IsValid() {
		v.ServerID = q.serverID.String()
	}
	for _, code := range q.params {
		v.Asks = append(v.Asks, uint16(code))
	}
	v.client(c)
}

// client shows what is stored about a client.
func (v *ExplainedPacket) client(c *sqlstore.Client) {
	if len(c.HWAddr) > 0 {
		v.HWAddr = hwText(c.HWAddr)
	}
	v.ClientID, v.Hostname = hex.EncodeToString(c.ClientID), c.Hostname
	v.CircuitID, v.RemoteID = hex.EncodeToString(c.CircuitID), hex.EncodeToString(c.RemoteID)
	v.SubscriberID, v.RelayID = hex.EncodeToString(c.SubscriberID), hex.EncodeToString(c.RelayID)
	if v.Asks == nil {
		v.Asks = []uint16{}
	}
}

// facts4 are the values that a subnet may be chosen by, in the order of select4.
func facts4(o *origin4) []fact {
	list := []fact{{rule: ruleLinkSelection, addr: o.linkSelection}, {rule: ruleSubnetSelection, addr: o.subnetSelection}}
	list = append(list, fact{rule: ruleRelayList, addr: o.giaddr, relay: true}, fact{rule: ruleGiaddr, addr: o.giaddr})
	if o.unicast {
		list = append(list, fact{rule: ruleCiaddr, addr: o.ciaddr})
	}
	return append(list, interfaceFacts(sqlstore.IPv4, o.iface)...)
}

// decide4 asks what would be decided, where the database is asked at all.
func (x *explainer) decide4(q *query4, n *network, ask *ask4) error {
	b := ExplainedBinding{Op: ask.op.String(), Kind: sqlstore.NA.String(), Steps: []string{}}
	if ask.op == 0 {
		return nil // INFORM is about no binding
	}
	if ask.want.IsValid() {
		b.Want = ask.want.String()
	}
	if ask.request == nil {
		b.Outcome = ask.decision.Results[0].Code.String()
		b.Steps = append(b.Steps, b.Want+" is in no subnet of the link, so the database is not asked")
		x.out.Bindings = append(x.out.Bindings, b)
		return nil
	}
	d, previews, err := x.preview(ask.request)
	if err != nil {
		return err
	}
	ask.decision = d
	b.take(sqlstore.IPv4, &ask.request.Items[0], &previews[0])
	x.out.Bindings = append(x.out.Bindings, b)
	x.named(&q.names, n, &previews[0])
	return nil
}

// answer4 shows the reply.
func (x *explainer) answer4(p *packet, q *query4, at *network, w *writer4) error {
	x.out.Reply = &ExplainedReply{Type: kindNames4[w.kind]}
	if w.as != standIn {
		x.out.Reply.ServerID = w.as.String()
	}
	for _, o := range w.list {
		x.sent4(q, at, o)
	}
	if w.kind != dhcpv4.MessageTypeNak {
		x.unsent(sqlstore.IPv4, at)
	}
	out, err := route4(p, q, w)
	if err != nil {
		return err
	}
	if x.out.Reply.To = out.to.String(); out.hw != nil {
		x.out.Reply.To += " at " + hwText(out.hw)
	}
	return nil
}

func (x *explainer) sent4(q *query4, at *network, o coded4) {
	configured, ok := at.options.get(uint16(o.code))
	_, copied := q.msg.options.get(dhcpv4.GenericOptionCode(o.code))
	switch dhcpv4.GenericOptionCode(o.code) {
	case dhcpv4.GenericOptionCode(dhcpv4.OptionServerIdentifier.Code()):
		if netip.AddrFrom4([4]byte(o.data)) == standIn {
			return
		}
		ok, copied = false, false
	case dhcpv4.GenericOptionCode(dhcpv4.OptionDHCPMessageType.Code()), dhcpv4.GenericOptionCode(dhcpv4.OptionIPAddressLeaseTime.Code()),
		dhcpv4.GenericOptionCode(dhcpv4.OptionFQDN.Code()), dhcpv4.GenericOptionCode(dhcpv4.OptionHostName.Code()):
		copied = false
	}
	x.sent(sqlstore.IPv4, uint16(o.code), o.data, configured, ok, copied)
}
