package frontend

import (
	"net/netip"
	"slices"

	"rowlock/sqlstore"
)

// claim is the VRF that a message belongs to, and by which rule.
type claim struct {
	vrf  uint32
	rule string     // one of those of trace.go
	addr netip.Addr // that decided, if one did
	// other is a relay of another VRF that the message names too: it belongs to none.
	other netip.Addr
}

// claim puts the VRF of a message into c, which is zero: that of the incoming
// interface, else the one that lists a relay that it names or the address which sent
// it. These must be of one VRF: what is in giaddr or a link-address may come from the
// client. Clients on an interface that a subnet names are in the VRF of that subnet;
// all others in VRF 0.
func (x *index) claim(c *claim, f sqlstore.Family, at *place, relay netip.Addr, relays []relay6) {
	if at.via != "" {
		if v, ok := x.interfaces[at.via]; ok {
			c.vrf, c.rule = v, ruleVRFInterface
			return
		}
	}
	if relay.IsValid() {
		x.relayed(c, relay)
	}
	for i := range relays {
		if relays[i].link != relay {
			x.relayed(c, relays[i].link)
		}
	}
	x.relayed(c, at.src)
	if c.rule != "" {
		return
	}
	c.rule = ruleVRFDefault
	if at.iface != nil && !relay.IsValid() {
		if n := x.named[interfaceKey{f, at.iface.name}]; n != nil {
			c.vrf, c.rule = n.link.VRF, ruleVRFSubnet
		}
	}
}

// relayed adds to c what the list of a VRF says about an address.
func (x *index) relayed(c *claim, a netip.Addr) {
	v, ok := x.relays[a]
	switch {
	case !ok:
	case c.rule == "":
		c.vrf, c.rule, c.addr = v, ruleVRFRelay, a
	case c.vrf != v:
		c.other = a
	}
}

// claim4 is claim of a DHCPv4 message. A client that renews or releases an
// address of VRF 0 may come in by an interface that a subnet of another VRF names.
func (x *index) claim4(c *claim, o *origin4) {
	x.claim(c, sqlstore.IPv4, &o.place, o.giaddr, nil)
	if c.rule == ruleVRFSubnet && o.routed() && !x.plans[c.vrf].has(o.ciaddr) && x.plans[0].has(o.ciaddr) {
		c.vrf, c.rule, c.addr = 0, ruleVRFCiaddr, o.ciaddr
	}
}

// routed tells whether a client sent to the server itself, from an address that it
// has: past its relay, if there is one (RFC 2131 section 4.3.2).
func (o *origin4) routed() bool { return o.unicast && o.ciaddr.IsValid() && !o.giaddr.IsValid() }

// strayed tells whether a client with an address may be in another VRF than the one
// claimed: a client that renews sends past the relay which its VRF is known by, and
// no interface tells. Such a client has an address that is strange here and at home
// in a VRF with relays.
func (x *index) strayed(o *origin4, c *claim) bool {
	if len(x.behindRelays) == 0 || !o.routed() || c.rule == ruleVRFInterface || c.rule == ruleVRFRelay || x.plans[c.vrf].has(o.ciaddr) {
		return false
	}
	return slices.ContainsFunc(x.behindRelays, func(other uint32) bool { return x.plans[other].has(o.ciaddr) })
}

// plan returns what selects a network in the VRF of a claim.
func (x *index) plan(c *claim) *plan {
	if p := x.plans[c.vrf]; p != nil {
		return p
	}
	return noPlan // a VRF without subnets
}

// contradicts returns the Drop of a message that names relays of two VRFs.
func (x *index) contradicts(c *claim) error {
	return drop(ReasonVRFMismatch, "%s is a relay of vrf %d, %s of vrf %d", c.addr, c.vrf, c.other, x.relays[c.other])
}
