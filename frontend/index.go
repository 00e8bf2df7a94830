package frontend

import (
	"cmp"
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
	relayed    []uint32              // VRFs that list relays
	// named are the networks that name an interface, of any VRF: an interface
	// selects one link.
	named map[interfaceKey]*network
}

type interfaceKey struct {
	family sqlstore.Family
	name   string
}

// plan is what selects a network within a VRF. Its maps are nil until something
// is in them.
type plan struct {
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
	// Networks that are closing come last: what replaces them is preferred.
	for _, closing := range []bool{false, true} {
		for _, n := range networks {
			if n.subnet.Closing == closing {
				x.add(n, size)
			}
		}
	}
	for _, p := range x.plans {
		p.sort()
	}
	if x.whole != nil {
		x.whole.sort()
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
			x.relayed = append(x.relayed, v.ID)
		}
		for _, a := range v.Relays {
			x.relays[a] = v.ID
		}
	}
}

// add enters a network; size is how many there will be in its plan, or 0.
func (x *index) add(n *network, size int) {
	p := x.whole
	if p == nil {
		if p = x.plans[n.link.VRF]; p == nil {
			p = &plan{}
			x.plans[n.link.VRF] = p
		}
	}
	p.add(n, size)
	if n.subnet.Interface != "" {
		enter(&x.named, interfaceKey{n.subnet.Family(), n.subnet.Interface}, n, 0)
	}
}

func (p *plan) add(n *network, size int) {
	sub := n.subnet
	enter(&p.prefixes, sub.Prefix.Masked(), n, size)
	if f, bits := familyIndex(sub.Family()), sub.Prefix.Bits(); !slices.Contains(p.lengths[f], bits) {
		p.lengths[f] = append(p.lengths[f], bits)
	}
	for _, r := range sub.Relays {
		enter(&p.relays, r, n, 0)
	}
	if len(sub.InterfaceID) > 0 {
		enter(&p.interfaceIDs, string(sub.InterfaceID), n, 0)
	}
	if sub.Interface != "" {
		enter(&p.interfaces, interfaceKey{sub.Family(), sub.Interface}, n, 0)
	}
}

func (p *plan) sort() {
	for f := range p.lengths {
		slices.SortFunc(p.lengths[f], func(a, b int) int { return cmp.Compare(b, a) })
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
	case n.subnet.Closing, cur != nil && cur.link.VRF == n.link.VRF:
	case n.link.VRF == 0:
		(*m)[k] = n
	case cur != nil && cur.link.VRF != 0:
		(*m)[k] = nil
	}
}

// containing returns the network with the longest prefix that has addr, or nil,
// also where that is the prefix of several VRFs: a shorter one is no better guess.
func (p *plan) containing(addr netip.Addr) *network {
	n, _ := p.lookup(addr)
	return n
}

// lookup is containing, and tells whether any prefix has addr. p may be nil.
func (p *plan) lookup(addr netip.Addr) (n *network, known bool) {
	if p == nil || !addr.IsValid() || addr.IsUnspecified() {
		return nil, false
	}
	f := 1
	if addr.Is4() {
		f = 0
	}
	for _, bits := range p.lengths[f] {
		prefix, err := addr.Prefix(bits)
		if err != nil {
			continue
		}
		if n, known := p.prefixes[prefix]; known {
			return n, true
		}
	}
	return nil, false
}
