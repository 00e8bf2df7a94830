//go:build linux

package netlab

import (
	"errors"
	"net"
	"time"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"
)

// linkLocalTime is how long the kernel may take to make a link-local address;
// it does so some time after both ends of a link are up.
const linkLocalTime = 10 * time.Second

// Link joins two nodes by a veth pair, one interface in each, brings both ends
// up, and returns when both have a link-local address that can be used.
// Interface names have at most 15 bytes. Hardware addresses are those for
// documentation (RFC 7042), numbered within the lab: by random ones some programs
// fail at random, as dhclient does by an IAID with a quotation mark in it.
func (l *Lab) Link(a *Node, ifaceA string, b *Node, ifaceB string) {
	l.t.Helper()
	attrs := netlink.NewLinkAttrs()
	attrs.Name, attrs.HardwareAddr = ifaceA, l.hwaddr()
	a.check("make veth", a.nl.LinkAdd(&netlink.Veth{
		LinkAttrs:        attrs,
		PeerName:         ifaceB,
		PeerHardwareAddr: l.hwaddr(),
		PeerNamespace:    netlink.NsFd(b.ns),
	}))
	a.Up(ifaceA)
	b.Up(ifaceB)
	a.waitLinkLocal(ifaceA)
	b.waitLinkLocal(ifaceB)
}

// hwaddr returns a hardware address that no interface of the lab has yet.
func (l *Lab) hwaddr() net.HardwareAddr {
	l.t.Helper()
	number := 0x80 + l.interfaces
	if l.interfaces++; number > 0xff {
		l.t.Fatalf("a lab has at most %d interfaces", 0x80)
	}
	return net.HardwareAddr{0x00, 0x00, 0x5e, 0x00, 0x53, byte(number)}
}

func (n *Node) waitLinkLocal(iface string) {
	n.lab.t.Helper()
	link := n.link(iface)
	n.lab.Eventually(linkLocalTime, "a link-local address of "+n.name+" "+iface, func() error {
		list, err := n.nl.AddrList(link, netlink.FAMILY_V6)
		if err != nil {
			return err
		}
		for _, a := range list {
			if a.IP.IsLinkLocalUnicast() && a.Flags&unix.IFA_F_TENTATIVE == 0 {
				return nil
			}
		}
		return errors.New("there is none")
	})
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
		n.Plug(name, p)
	}
	n.Up(name)
}

// Plug makes an interface a port of a bridge of the node, and of no other.
func (n *Node) Plug(bridge, port string) {
	n.lab.t.Helper()
	n.check("add port "+port, n.nl.LinkSetMaster(n.link(port), n.link(bridge)))
}
