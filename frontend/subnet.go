package frontend

import (
	"net/netip"

	"rowlock/sqlstore"
)

// place is where a message came in, and by whom it was forwarded. Zero fields
// are absent.
type place struct {
	via   string     // name of the incoming interface
	src   netip.Addr // that it was sent from
	iface *iface     // the interface, where its own clients are served
	// unnamed is the index of the incoming interface where via is needed and not known.
	unnamed int
	// bound is the index of the incoming interface where a VRF lists that, else 0: an
	// address means something on that interface only, so a reply must leave by it.
	bound int
}

// origin4 is what a DHCPv4 message tells about where it comes from. Zero
// fields are absent.
type origin4 struct {
	place
	linkSelection   netip.Addr // sub-option 5 of option 82 (RFC 3527)
	subnetSelection netip.Addr // option 118 (RFC 3011)
	giaddr          netip.Addr
	ciaddr          netip.Addr
	unicast         bool // it was sent to an address of the server
}

// origin6 is the same of a DHCPv6 message.
type origin6 struct {
	place
	// link is the link-address of the relay closest to the client that has one;
	// only that one counts (RFC 9915 section 13.1).
	link netip.Addr
	// interfaceID is that of the relay closest to the client. It tells where relays
	// give no link-address (RFC 6221), and tells subnets behind one relay apart.
	interfaceID []byte
	relays      []relay6 // all, the outermost first
}

// select4 returns the network that a DHCPv4 message belongs to, or nil. t may be
// nil; otherwise it has each rule that was tried. A message that strayed from a VRF
// behind relays belongs to none, nor does one that names relays of two.
func (x *index) select4(o *origin4, t *trace) *network {
	if x.plans == nil {
		return x.whole.select4(o, t)
	}
	var c claim
	x.claim4(&c, o)
	t.vrf(&c, &o.place)
	switch {
	case c.other.IsValid():
		return nil
	case x.strayed(o, &c):
		return t.addr(ruleCiaddr, o.ciaddr, nil)
	}
	return x.plan(&c).select4(o, t)
}

// select4 is that of the index, within a VRF: an open network by any rule comes
// before one that is closing. But an address that the client has is known by the
// prefix that it is in, closing or not, before the interface counts.
func (p *plan) select4(o *origin4, t *trace) *network {
	if n := p.by4(&p.open, o, t); n != nil {
		return n
	}
	tried := t.len()
	n := p.by4(&p.closing, o, t)
	t.prune(tried)
	if n != nil || !o.byAddress() {
		return n
	}
	if n := p.incoming(&p.open, sqlstore.IPv4, o.iface, t); n != nil {
		return n
	}
	tried = t.len()
	n = p.incoming(&p.closing, sqlstore.IPv4, o.iface, t)
	t.prune(tried)
	return n
}

// byAddress tells whether a message says nothing that comes before the address
// which the client has.
func (o *origin4) byAddress() bool {
	return o.routed() && !o.linkSelection.IsValid() && !o.subnetSelection.IsValid()
}

// by4 returns the network of d that a message is from.
//
// What a relay says in link-selection comes before what the client says in
// subnet-selection, and both before giaddr (RFC 3527 section 3, RFC 3011
// section 2); a subnet that they name and that is not configured is not
// replaced by another. A relay list comes before the prefix that giaddr is in.
// Without a relay, a unicast client has its ciaddr (a routed renewal); any
// other is on the incoming interface.
func (p *plan) by4(d *directory, o *origin4, t *trace) *network {
	switch {
	case o.linkSelection.IsValid():
		return t.addr(ruleLinkSelection, o.linkSelection, p.containing(d, o.linkSelection))
	case o.subnetSelection.IsValid():
		return t.addr(ruleSubnetSelection, o.subnetSelection, p.containing(d, o.subnetSelection))
	case o.giaddr.IsValid():
		if n := t.addr(ruleRelayList, o.giaddr, d.relays[o.giaddr]); n != nil {
			return n
		}
		return t.addr(ruleGiaddr, o.giaddr, p.containing(d, o.giaddr))
	case o.routed():
		return t.addr(ruleCiaddr, o.ciaddr, p.containing(d, o.ciaddr))
	}
	return p.incoming(d, sqlstore.IPv4, o.iface, t)
}

// select6 returns the network that a DHCPv6 message belongs to, or nil: that
// which lists its relay, else the one with its interface-id, else that of the
// link-address, else that of the incoming interface; one that is closing only where
// none is open. t is as in select4.
func (x *index) select6(o *origin6, t *trace) *network {
	p := x.whole
	if x.plans != nil {
		var c claim
		x.claim(&c, sqlstore.IPv6, &o.place, o.link, o.relays)
		t.vrf(&c, &o.place)
		if c.other.IsValid() {
			return nil
		}
		p = x.plan(&c)
	}
	if n := p.by6(&p.open, o, t); n != nil {
		return n
	}
	tried := t.len()
	n := p.by6(&p.closing, o, t)
	t.prune(tried)
	return n
}

// by6 returns the network of d that a message is from.
func (p *plan) by6(d *directory, o *origin6, t *trace) *network {
	if o.link.IsValid() {
		if n := t.addr(ruleRelayList, o.link, d.relays[o.link]); n != nil {
			return n
		}
	}
	if len(o.interfaceID) > 0 {
		if n := t.id(ruleInterfaceID, o.interfaceID, d.interfaceIDs[string(o.interfaceID)]); n != nil {
			return n
		}
	}
	if o.link.IsValid() {
		return t.addr(ruleLinkAddress, o.link, p.containing(d, o.link))
	}
	return p.incoming(d, sqlstore.IPv6, o.iface, t)
}

// incoming returns the network of d that an interface has: that which names it,
// else that which has one of its addresses. It returns nil for a nil interface.
func (p *plan) incoming(d *directory, f sqlstore.Family, i *iface, t *trace) *network {
	if i == nil {
		return nil
	}
	if n := t.text(ruleInterface, i.name, d.interfaces[interfaceKey{f, i.name}]); n != nil {
		return n
	}
	for _, a := range i.addrs {
		if a.Addr().Is4() != (f == sqlstore.IPv4) || a.Addr().IsLinkLocalUnicast() {
			continue
		}
		if n := t.addr(ruleInterfaceAddress, a.Addr(), p.containing(d, a.Addr())); n != nil {
			return n
		}
	}
	return nil
}
