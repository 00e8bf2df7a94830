package frontend

import (
	"net/netip"
	"slices"

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
}

// plan returns what selects a network for a message: the address plan of the
// VRF that the incoming interface belongs to, else its relay, else the address
// that sent it. Clients on an interface that a subnet names are in the VRF of
// that subnet; all others in VRF 0. t may be nil.
func (x *index) plan(f sqlstore.Family, at *place, relay netip.Addr, t *trace) *plan {
	if x.plans == nil {
		return x.whole
	}
	v, _ := x.vrf(f, at, relay, t)
	p := x.plans[v]
	if p == nil {
		return noPlan // a VRF without subnets
	}
	return p
}

// vrf returns the VRF of a message; claimed tells that it says so itself of its
// interface or relay.
func (x *index) vrf(f sqlstore.Family, at *place, relay netip.Addr, t *trace) (id uint32, claimed bool) {
	if v, ok := x.interfaces[at.via]; ok && at.via != "" {
		t.vrf(ruleVRFInterface, at.via, v)
		return v, true
	}
	for _, a := range [...]netip.Addr{relay, at.src} {
		if v, ok := x.relays[a]; ok {
			if t != nil {
				t.vrf(ruleVRFRelay, a.String(), v)
			}
			return v, true
		}
	}
	if at.iface != nil && !relay.IsValid() {
		if n := x.named[interfaceKey{f, at.iface.name}]; n != nil {
			t.vrf(ruleVRFSubnet, at.iface.name, n.link.VRF)
			return n.link.VRF, false
		}
	}
	t.vrf(ruleVRFDefault, "", 0)
	return 0, false
}

// strayed tells whether a client with an address may be in another VRF than the one
// that vrf returns: a client that renews sends past the relay which its VRF is known
// by (RFC 2131 section 4.3.2), and no interface tells. Such a client has an address
// that is strange here and at home in a VRF with relays.
func (x *index) strayed(o *origin4) bool {
	if !o.unicast || !o.ciaddr.IsValid() || o.giaddr.IsValid() || len(x.relayed) == 0 {
		return false
	}
	v, claimed := x.vrf(sqlstore.IPv4, &o.place, o.giaddr, nil)
	if _, here := x.plans[v].lookup(o.ciaddr); here || claimed {
		return false
	}
	return slices.ContainsFunc(x.relayed, func(other uint32) bool {
		_, there := x.plans[other].lookup(o.ciaddr)
		return there
	})
}

// select4 returns the network that a DHCPv4 message belongs to, or nil. t may be
// nil; otherwise it has each rule that was tried.
//
// What a relay says in link-selection comes before what the client says in
// subnet-selection, and both before giaddr (RFC 3527 section 3, RFC 3011
// section 2); a subnet that they name and that is not configured is not
// replaced by another. A relay list comes before the prefix that giaddr is in.
// Without a relay, a unicast client has its ciaddr (a routed renewal); any
// other is on the incoming interface. A message that strayed from a VRF behind
// relays belongs to none.
func (x *index) select4(o *origin4, t *trace) *network {
	p := x.plan(sqlstore.IPv4, &o.place, o.giaddr, t)
	switch {
	case x.strayed(o):
		return t.addr(ruleCiaddr, o.ciaddr, nil)
	case o.linkSelection.IsValid():
		return t.addr(ruleLinkSelection, o.linkSelection, p.containing(o.linkSelection))
	case o.subnetSelection.IsValid():
		return t.addr(ruleSubnetSelection, o.subnetSelection, p.containing(o.subnetSelection))
	case o.giaddr.IsValid():
		if n := t.addr(ruleRelayList, o.giaddr, p.relays[o.giaddr]); n != nil {
			return n
		}
		return t.addr(ruleGiaddr, o.giaddr, p.containing(o.giaddr))
	case o.unicast && o.ciaddr.IsValid():
		if n := t.addr(ruleCiaddr, o.ciaddr, p.containing(o.ciaddr)); n != nil {
			return n
		}
	}
	return p.incoming(sqlstore.IPv4, o.iface, t)
}

// select6 returns the network that a DHCPv6 message belongs to, or nil: that
// which lists its relay, else the one with its interface-id, else that of the
// link-address, else that of the incoming interface. t is as in select4.
func (x *index) select6(o *origin6, t *trace) *network {
	p := x.plan(sqlstore.IPv6, &o.place, o.link, t)
	if o.link.IsValid() {
		if n := t.addr(ruleRelayList, o.link, p.relays[o.link]); n != nil {
			return n
		}
	}
	if len(o.interfaceID) > 0 {
		if n := t.id(ruleInterfaceID, o.interfaceID, p.interfaceIDs[string(o.interfaceID)]); n != nil {
			return n
		}
	}
	if o.link.IsValid() {
		return t.addr(ruleLinkAddress, o.link, p.containing(o.link))
	}
	return p.incoming(sqlstore.IPv6, o.iface, t)
}

// incoming returns the network of an interface: that which names it, else that
// which has one of its addresses. It returns nil for a nil interface.
func (p *plan) incoming(f sqlstore.Family, i *iface, t *trace) *network {
	if i == nil {
		return nil
	}
	if n := t.text(ruleInterface, i.name, p.interfaces[interfaceKey{f, i.name}]); n != nil {
		return n
	}
	for _, a := range i.addrs {
		if a.Addr().Is4() != (f == sqlstore.IPv4) || a.Addr().IsLinkLocalUnicast() {
			continue
		}
		if n := t.addr(ruleInterfaceAddress, a.Addr(), p.containing(a.Addr())); n != nil {
			return n
		}
	}
	return nil
}
