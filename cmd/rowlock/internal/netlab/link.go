//go:build linux

package netlab

import (
	"github.com/vishvananda/netlink"
)

// Link joins two nodes by a veth pair, one interface in each, and brings both
// ends up. Interface names have at most 15 bytes.
func (l *Lab) Link(a *Node, ifaceA string, b *Node, ifaceB string) {
	l.t.Helper()
	attrs := netlink.NewLinkAttrs()
	attrs.Name = ifaceA
	a.check("make veth", a.nl.LinkAdd(&netlink.Veth{
		LinkAttrs:     attrs,
		PeerName:      ifaceB,
		PeerNamespace: netlink.NsFd(b.ns),
	}))
	a.Up(ifaceA)
	b.Up(ifaceB)
}

// Bridge makes the node an Ethernet switch between its interfaces. Spanning
// tree is off: ports forward at once.
func (n *Node) Bridge(name string, ports ...string) {
	n.lab.t.Helper()
	attrs := netlink.NewLinkAttrs()
	attrs.Name = name
	snooping := false
	bridge := &netlink.Bridge{LinkAttrs: attrs, MulticastSnooping: &snooping}
	n.check("make bridge", n.nl.LinkAdd(bridge))
	for _, p := range ports {
		n.check("add port "+p, n.nl.LinkSetMaster(n.link(p), bridge))
	}
	n.Up(name)
}
