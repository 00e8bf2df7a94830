package frontend

import (
	"cmp"
	"net/netip"
	"slices"

	"rowlock/sqlstore"
)

// index finds the network that a packet comes from. All look-ups are by map,
// one for each prefix length in use at most, so that the cost is the same for
// one subnet and for ten thousand.
//
// Where several VRFs have the same prefix or relay, that of VRF 0 is found; if
// there is none in VRF 0, none is found, because the packet does not tell.
type index struct {
	relays       map[netip.Addr]*network // giaddr or link-address, from the lists of subnets
	interfaceIDs map[string]*network     // DHCPv6
	interfaces   map[interfaceKey]*network
	prefixes     map[netip.Prefix]*network
	lengths      [2][]int // prefix lengths in use, longest first, by family
}

type interfaceKey struct {
	family sqlstore.Family
	name   string
}

func newIndex(networks []*network) index {
	x := index{
		relays: map[netip.Addr]*network{}, interfaceIDs: map[string]*network{},
		interfaces: map[interfaceKey]*network{}, prefixes: map[netip.Prefix]*network{},
	}
	// Networks that are closing come last: what replaces them is preferred.
	ordered := slices.Clone(networks)
	slices.SortStableFunc(ordered, func(a, b *network) int {
		return cmp.Compare(btoi(a.subnet.Closing), btoi(b.subnet.Closing))
	})
	for _, n := range ordered {
		x.add(n)
	}
	for f := range x.lengths {
		slices.SortFunc(x.lengths[f], func(a, b int) int { return cmp.Compare(b, a) })
		x.lengths[f] = slices.Compact(x.lengths[f])
	}
	return x
}

func (x *index) add(n *network) {
	sub := n.subnet
	claim(x.prefixes, sub.Prefix.Masked(), n)
	f := familyIndex(sub.Family())
	x.lengths[f] = append(x.lengths[f], sub.Prefix.Bits())
	for _, r := range sub.Relays {
		claim(x.relays, r, n)
	}
	if len(sub.InterfaceID) > 0 {
		claim(x.interfaceIDs, string(sub.InterfaceID), n)
	}
	if sub.Interface != "" {
		claim(x.interfaces, interfaceKey{sub.Family(), sub.Interface}, n)
	}
}

// claim enters n under k. The first network of a VRF stays; nil marks a key
// that several VRFs have.
func claim[K comparable](m map[K]*network, k K, n *network) {
	cur, taken := m[k]
	switch {
	case !taken:
		m[k] = n
	case n.subnet.Closing, cur != nil && cur.link.VRF == n.link.VRF:
	case n.link.VRF == 0:
		m[k] = n
	case cur != nil && cur.link.VRF != 0:
		m[k] = nil
	}
}

func btoi(b bool) int {
	if b {
		return 1
	}
	return 0
}

// containing returns the network with the longest prefix that has addr, or nil.
func (x *index) containing(addr netip.Addr) *network {
	if !addr.IsValid() || addr.IsUnspecified() {
		return nil
	}
	f := 1
	if addr.Is4() {
		f = 0
	}
	for _, bits := range x.lengths[f] {
		p, err := addr.Prefix(bits)
		if err != nil {
			continue
		}
		if n := x.prefixes[p]; n != nil {
			return n
		}
	}
	return nil
}

// incoming returns the network of an interface: that which names it, else that
// which has one of its addresses. It returns nil for a nil interface.
func (x *index) incoming(f sqlstore.Family, i *iface) *network {
	if i == nil {
		return nil
	}
	if n := x.interfaces[interfaceKey{f, i.name}]; n != nil {
		return n
	}
	for _, a := range i.addrs {
		if a.Addr().Is4() != (f == sqlstore.IPv4) || a.Addr().IsLinkLocalUnicast() {
			continue
		}
		if n := x.containing(a.Addr()); n != nil {
			return n
		}
	}
	return nil
}

// origin4 is what a DHCPv4 message tells about where it comes from. Zero
// fields are absent.
type origin4 struct {
	linkSelection   netip.Addr // sub-option 5 of option 82 (RFC 3527)
	subnetSelection netip.Addr // option 118 (RFC 3011)
	giaddr          netip.Addr
	ciaddr          netip.Addr
	unicast         bool // it was sent to an address of the server
	iface           *iface
}

// select4 returns the network that a DHCPv4 message belongs to, or nil.
//
// What a relay says in link-selection comes before what the client says in
// subnet-selection, and both before giaddr (RFC 3527 section 3, RFC 3011
// section 2); a subnet that they name and that is not configured is not
// replaced by another. A relay list comes before the prefix that giaddr is in.
// Without a relay, a unicast client has its ciaddr (a routed renewal); any
// other is on the incoming interface.
func (x *index) select4(o origin4) *network {
	switch {
	case o.linkSelection.IsValid():
		return x.containing(o.linkSelection)
	case o.subnetSelection.IsValid():
		return x.containing(o.subnetSelection)
	case o.giaddr.IsValid():
		if n := x.relays[o.giaddr]; n != nil {
			return n
		}
		return x.containing(o.giaddr)
	case o.unicast && o.ciaddr.IsValid():
		if n := x.containing(o.ciaddr); n != nil {
			return n
		}
	}
	return x.incoming(sqlstore.IPv4, o.iface)
}

// select6 returns the network that a DHCPv6 message belongs to, or nil.
// linkAddrs are the link-addresses of its relays that are not ::, the one
// closest to the client first; only that one counts (RFC 9915 section 13.1).
// interfaceID is that of the relay closest to the client, or empty; it tells
// where relays give no link-address (RFC 6221), and tells subnets behind one
// relay apart. i is the incoming interface, or nil.
func (x *index) select6(linkAddrs []netip.Addr, interfaceID []byte, i *iface) *network {
	var relay netip.Addr
	if len(linkAddrs) > 0 {
		relay = linkAddrs[0]
	}
	if relay.IsValid() {
		if n := x.relays[relay]; n != nil {
			return n
		}
	}
	if len(interfaceID) > 0 {
		if n := x.interfaceIDs[string(interfaceID)]; n != nil {
			return n
		}
	}
	if relay.IsValid() {
		return x.containing(relay)
	}
	return x.incoming(sqlstore.IPv6, i)
}
