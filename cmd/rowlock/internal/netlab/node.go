//go:build linux

package netlab

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"runtime"

	"github.com/vishvananda/netlink"
	"github.com/vishvananda/netns"
)

// Node is one network namespace and one mount namespace. A thread of its own
// stays in them: whatever must happen inside (sockets, new processes, sysctls,
// mounts) is done on that thread.
type Node struct {
	lab       *Lab
	name      string
	calls     chan func()
	ended     chan struct{}
	ns        netns.NsHandle
	nl        *netlink.Handle
	processes []*Process
}

// Node adds a namespace with the loopback interface up. Duplicate address
// detection and router solicitation are off, so that link-local addresses are
// usable at once. In /sys are the node's own interfaces, and it is read-only.
func (l *Lab) Node(name string) *Node {
	l.t.Helper()
	n := &Node{lab: l, name: name, calls: make(chan func()), ended: make(chan struct{})}
	ready := make(chan error)
	go n.serve(ready)
	if err := <-ready; err != nil {
		l.t.Fatalf("make namespace %s: %v", name, err)
	}
	l.nodes = append(l.nodes, n)
	for _, conf := range []string{"all", "default"} {
		n.sysctl("net/ipv6/conf/"+conf+"/accept_dad", "0")
		n.sysctl("net/ipv6/conf/"+conf+"/accept_ra", "0")
	}
	n.Up("lo")
	return n
}

// serve runs on the node's own thread. The thread is never unlocked, so the
// runtime ends it with the goroutine and it is not used for anything else.
func (n *Node) serve(ready chan<- error) {
	defer close(n.ended)
	runtime.LockOSThread()
	var err error
	if n.ns, err = netns.New(); err == nil {
		n.nl, err = netlink.NewHandle()
	}
	if err == nil {
		err = ownMounts()
	}
	ready <- err
	if err != nil {
		return
	}
	for call := range n.calls {
		call()
	}
}

// Do runs f on the node's thread and returns its error. Sockets that f opens
// stay in the namespace wherever they are used later.
func (n *Node) Do(f func() error) error {
	done := make(chan error, 1)
	n.calls <- func() { done <- f() }
	return <-done
}

func (n *Node) close() {
	close(n.calls)
	<-n.ended
	n.nl.Close()
	_ = n.ns.Close()
}

// check fails the test if err is not nil.
func (n *Node) check(what string, err error) {
	n.lab.t.Helper()
	if err != nil {
		n.lab.t.Fatalf("%s: %s: %v", n.name, what, err)
	}
}

func (n *Node) sysctl(key, value string) {
	n.lab.t.Helper()
	n.check("set "+key, n.Do(func() error {
		return os.WriteFile(filepath.Join("/proc/sys", key), []byte(value), 0o644)
	}))
}

// Forward makes the node a router.
func (n *Node) Forward() {
	n.lab.t.Helper()
	n.sysctl("net/ipv4/ip_forward", "1")
	n.sysctl("net/ipv6/conf/all/forwarding", "1")
}

// link finds an interface of the node.
func (n *Node) link(iface string) netlink.Link {
	n.lab.t.Helper()
	link, err := n.nl.LinkByName(iface)
	n.check("find interface "+iface, err)
	return link
}

// Up brings an interface up.
func (n *Node) Up(iface string) {
	n.lab.t.Helper()
	n.check("bring up "+iface, n.nl.LinkSetUp(n.link(iface)))
}

// Down takes an interface down.
func (n *Node) Down(iface string) {
	n.lab.t.Helper()
	n.check("take down "+iface, n.nl.LinkSetDown(n.link(iface)))
}

// Addr gives an interface addresses, each with its prefix length.
func (n *Node) Addr(iface string, prefixes ...string) {
	n.lab.t.Helper()
	link := n.link(iface)
	for _, p := range prefixes {
		addr, err := netlink.ParseAddr(p)
		n.check("parse "+p, err)
		n.check("add "+p, n.nl.AddrAdd(link, addr))
	}
}

// Route adds a route to a prefix by way of a neighbour.
func (n *Node) Route(prefix, via string) {
	n.lab.t.Helper()
	_, dst, err := net.ParseCIDR(prefix)
	n.check("parse "+prefix, err)
	n.check("add route", n.nl.RouteAdd(&netlink.Route{Dst: dst, Gw: net.ParseIP(via)}))
}

// Name returns the name that the node was made with.
func (n *Node) Name() string { return n.name }

// HWAddr returns the hardware address of an interface.
func (n *Node) HWAddr(iface string) net.HardwareAddr {
	n.lab.t.Helper()
	return n.link(iface).Attrs().HardwareAddr
}

// Addrs lists the addresses that an interface has, link-local ones left out.
func (n *Node) Addrs(iface string) ([]netip.Prefix, error) {
	link, err := n.nl.LinkByName(iface)
	if err != nil {
		return nil, fmt.Errorf("find interface %s: %w", iface, err)
	}
	list, err := n.nl.AddrList(link, netlink.FAMILY_ALL)
	if err != nil {
		return nil, fmt.Errorf("list addresses of %s: %w", iface, err)
	}
	var out []netip.Prefix
	for _, a := range list {
		addr, ok := netip.AddrFromSlice(a.IP)
		if !ok {
			return nil, errors.New("kernel reports an address of neither family")
		}
		if addr = addr.Unmap(); addr.IsLinkLocalUnicast() {
			continue
		}
		ones, _ := a.Mask.Size()
		out = append(out, netip.PrefixFrom(addr, ones))
	}
	return out, nil
}
