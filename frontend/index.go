package frontend

import (
	"cmp"
	"maps"
	"net/netip"
	"slices"

	"rowlock/sqlstore"
)

// index finds the network that a packet comes from: first its VRF, then what is
// in that. All look-ups are by map, one for each prefix length that the VRF uses
// at most, so that the cost is the same for one subnet and for ten thousand.
type index struct {
	// plans are the address plans by VRF. They are nil where no VRF says which
	// packets are its own: whole is used then.
	plans map[uint32]*plan
	// whole is the plan of all VRFs together. Where several have the same prefix or
	// relay, that of VRF 0 is found; if there is none in VRF 0, none is found,
	// because the packet does not tell.
	whole      *plan
	interfaces map[string]uint32     // VRFs by incoming interface,
	relays     map[netip.Addr]uint32 // and by relay
	// behindRelays are the VRFs that list relays.
	behindRelays []uint32
	// named are the networks that name an interface, of any VRF: an interface
	// selects one link.
	named map[interfaceKey]*network
}

type interfaceKey struct {
	family sqlstore.Family
	name   string
}

// plan is what selects a network within a VRF. Networks that are closing are apart:
// one of them is found only where nothing that is open is, so that it does not
// stand in the way of what replaces it.
type plan struct{ open, closing directory }

// directory is what selects some networks. Its maps are nil until something is in
// them.
type directory struct {
	relays       map[netip.Addr]*network // giaddr or link-address, from the lists of subnets
	interfaceIDs map[string]*network     // DHCPv6
	interfaces   map[interfaceKey]*network
	prefixes     map[netip.Prefix]*network
	lengths      [2][]int // prefix lengths in use, longest first, by family
}

var noPlan = &plan{}

func newIndex(vrfs []sqlstore.VRF, networks []*network) index {
	x := index{named: map[interfaceKey]*network{}}
	x.selectors(vrfs)
	size := 0
	if x.plans == nil {
		size = len(networks)
		x.whole = &plan{}
	}
	var closing map[interfaceKey]*network
	for _, n := range networks {
		if n.subnet.Closing {
			x.planOf(n).closing.add(n, 0)
			enterInterface(&closing, n)
		} else {
			x.planOf(n).open.add(n, size)
			enterInterface(&x.named, n)
		}
	}
	without(closing, x.named)
	maps.Copy(x.named, closing)
	for _, p := range x.plans {
		p.finish()
	}
	if x.whole != nil {
		x.whole.finish()
	}
	return x
}

// selectors takes what VRFs say about packets.
func (x *index) selectors(vrfs []sqlstore.VRF) {
	for i := range vrfs {
		v := &vrfs[i]
		if len(v.Interfaces)+len(v.Relays) > 0 && x.plans == nil {
			x.plans, x.interfaces, x.relays = map[uint32]*plan{}, map[string]uint32{}, map[netip.Addr]uint32{}
		}
		for _, name := range v.Interfaces {
			x.interfaces[name] = v.ID
		}
		if len(v.Relays) > 0 {
			x.behindRelays = append(x.behindRelays, v.ID)
		}
		for _, a := range v.Relays {
			x.relays[a] = v.ID
		}
	}
}

// planOf returns the plan that a network belongs in.
func (x *index) planOf(n *network) *plan {
	if x.whole != nil {
		return x.whole
	}
	p := x.plans[n.link.VRF]
	if p == nil {
		p = &plan{}
		x.plans[n.link.VRF] = p
	}
	return p
}

// add enters a network; size is how many there will be, or 0.
func (d *directory) add(n *network, size int) {
	sub := n.subnet
	enter(&d.prefixes, sub.Prefix.Masked(), n, size)
	if f, bits := familyIndex(sub.Family()), sub.Prefix.Bits(); !slices.Contains(d.lengths[f], bits) {
		d.lengths[f] = append(d.lengths[f], bits)
	}
	for _, r := range sub.Relays {
		enter(&d.relays, r, n, 0)
	}
	if len(sub.InterfaceID) > 0 {
		enter(&d.interfaceIDs, string(sub.InterfaceID), n, 0)
	}
	enterInterface(&d.interfaces, n)
}

func enterInterface(m *map[interfaceKey]*network, n *network) {
	if n.subnet.Interface != "" {
		enter(m, interfaceKey{n.subnet.Family(), n.subnet.Interface}, n, 0)
	}
}

// finish is called once, when all networks are in the plan.
func (p *plan) finish() {
	without(p.closing.relays, p.open.relays)
	without(p.closing.interfaceIDs, p.open.interfaceIDs)
	without(p.closing.interfaces, p.open.interfaces)
	for _, d := range [...]*directory{&p.open, &p.closing} {
		for f := range d.lengths {
			slices.SortFunc(d.lengths[f], func(a, b int) int { return cmp.Compare(b, a) })
		}
	}
}

// enter puts n under k. The first network of a VRF stays; nil marks a key that
// several VRFs have.
func enter[K comparable](m *map[K]*network, k K, n *network, size int) {
	if *m == nil {
		*m = make(map[K]*network, size)
	}
	cur, taken := (*m)[k]
	switch {
	case !taken:
		(*m)[k] = n
	case cur != nil && cur.link.VRF == n.link.VRF:
	case n.link.VRF == 0:
		(*m)[k] = n
	case cur != nil && cur.link.VRF != 0:
		(*m)[k] = nil
	}
}

// has tells whether addr is in a prefix of the plan. p may be nil.
func (p *plan) has(addr netip.Addr) bool {
	if p == nil {
		return false
	}
	_, known := p.open.lookup(addr)
	if !known {
		_, known = p.closing.lookup(addr)
	}
	return known
}

// without takes those keys from m that other has, also where several VRFs have them.
func without[K comparable](m, other map[K]*network) {
	maps.DeleteFunc(m, func(k K, _ *network) bool {
		_, there := other[k]
		return there
	})
}

// containing returns the network of d, which is a part of p, with the longest prefix
// that has addr, or nil, also where that is the prefix of several VRFs: neither a
// shorter one is a better guess, nor one that is closing.
func (p *plan) containing(d *directory, addr netip.Addr) *network {
	n, _ := d.lookup(addr)
	if n != nil && d == &p.closing {
		if _, known := p.open.lookup(addr); known {
			return nil
		}
	}
	return n
}

// lookup returns the network with the longest prefix that has addr, nil where
// several VRFs have that, and whether there is such a prefix.
func (d *directory) lookup(addr netip.Addr) (n *network, known bool) {
	if !addr.IsValid() || addr.IsUnspecified() {
		return nil, false
	}
	f := 1
	if addr.Is4() {
		f = 0
	}
	for _, bits := range d.lengths[f] {
		prefix, err := addr.Prefix(bits)
		if err != nil {
			continue
		}
		if n, known := d.prefixes[prefix]; known {
			return n, true
		}
	}
	return nil, false
}
