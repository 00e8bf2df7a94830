package doctor

import (
	"fmt"
	"net"
	"net/netip"
	"slices"
	"time"

	"rowlock/sqlstore"
)

// Host is what is asked of this machine; tests give answers of their own.
type Host struct {
	Proc       string // where the kernel tells of itself, as /proc; without it what only Linux tells is left out
	Now        func() time.Time
	Interfaces func() ([]Interface, error)
	// Route returns the local address from which packets to another one leave.
	// It sends nothing.
	Route func(to netip.Addr) (netip.Addr, error)
}

// Interface is a network interface of this machine.
type Interface struct {
	Name     string
	Up       bool
	Ethernet bool // has a hardware address of six bytes
	Addrs    []netip.Addr
}

// ThisHost is the machine that the program runs on.
func ThisHost() Host {
	return Host{Proc: "/proc", Now: time.Now, Interfaces: listInterfaces, Route: route}
}

func listInterfaces() ([]Interface, error) {
	all, err := net.Interfaces()
	if err != nil {
		return nil, err
	}
	var out []Interface
	for _, i := range all {
		one := Interface{Name: i.Name, Up: i.Flags&net.FlagUp != 0, Ethernet: len(i.HardwareAddr) == 6}
		addrs, err := i.Addrs()
		if err != nil {
			continue // it went away meanwhile
		}
		for _, a := range addrs {
			if n, ok := a.(*net.IPNet); ok {
				if addr, ok := netip.AddrFromSlice(n.IP); ok {
					one.Addrs = append(one.Addrs, addr.Unmap())
				}
			}
		}
		out = append(out, one)
	}
	return out, nil
}

// route connects a UDP socket, which chooses the route and sends nothing.
func route(to netip.Addr) (netip.Addr, error) {
	c, err := net.DialUDP("udp", nil, net.UDPAddrFromAddrPort(netip.AddrPortFrom(to, 67)))
	if err != nil {
		return netip.Addr{}, err
	}
	defer c.Close()
	return c.LocalAddr().(*net.UDPAddr).AddrPort().Addr().Unmap().WithZone(""), nil
}

func (h Host) interfaceNames() ([]string, error) {
	all, err := h.Interfaces()
	var names []string
	for _, i := range all {
		names = append(names, i.Name)
	}
	return names, err
}

// interfaces looks at what the process file listens on.
func (d *doctor) interfaces() {
	all, err := d.Host.Interfaces()
	if err != nil {
		d.unread("interface.list", "list the interfaces", err)
		return
	}
	for _, l := range d.Listen {
		switch {
		case l.Interface != "":
			d.listenInterface(l, all)
		case !l.Address.IsUnspecified():
			d.listenAddress(l, all)
		}
	}
}

func (d *doctor) listenAddress(l Listen, all []Interface) {
	name := id("address.ADDRESS.present", l.Address.String())
	at := slices.IndexFunc(all, func(i Interface) bool { return slices.Contains(i.Addrs, l.Address.WithZone("")) })
	if at < 0 {
		d.found.Add(name, sqlstore.FindingProblem, fmt.Sprintf("%s: no interface of this host has the address %s", l.Key, l.Address),
			"the server cannot listen there and does not start", fmt.Sprintf("ip address show; then mend %s in the process file, or: ip address add %s dev INTERFACE", l.Key, l.Address))
		return
	}
	d.found.OK(name, "%s: %s has the address %s", l.Key, all[at].Name, l.Address)
}

func (d *doctor) listenInterface(l Listen, all []Interface) {
	if d.LinksRefused != nil {
		d.found.Add(id("interface.NAME.system", l.Interface), sqlstore.FindingProblem, l.Key+": "+d.LinksRefused.Error(),
			"the server cannot listen there and does not start", "write {address: ADDRESS} for it in the process file")
		return
	}
	at := slices.IndexFunc(all, func(i Interface) bool { return i.Name == l.Interface })
	if at < 0 {
		d.found.Add(id("interface.NAME.present", l.Interface), sqlstore.FindingProblem, fmt.Sprintf("%s: this host has no interface %s", l.Key, l.Interface),
			"the server cannot listen there and does not start", "ip link show; then mend "+l.Key+" in the process file")
		return
	}
	i := all[at]
	d.found.OK(id("interface.NAME.present", i.Name), "%s: %s is there", l.Key, i.Name)
	if i.Up {
		d.found.OK(id("interface.NAME.up", i.Name), "%s is up", i.Name)
	} else {
		d.found.Add(id("interface.NAME.up", i.Name), sqlstore.FindingProblem, i.Name+" is down", "no client is heard there", "ip link set "+i.Name+" up")
	}
	if l.Family == sqlstore.IPv4 && !i.Ethernet {
		d.found.Add(id("interface.NAME.ethernet", i.Name), sqlstore.FindingProblem, i.Name+" is not Ethernet",
			"clients without an address are answered by Ethernet frames only", "listen on an address and let a relay agent send to it")
	}
	pattern, what, fits := "interface.NAME.address4", "IPv4", netip.Addr.Is4
	missing, advice := "the server has no identifier (option 54) to answer with", "ip address add ADDRESS/LENGTH dev "+i.Name
	if l.Family == sqlstore.IPv6 {
		pattern, what, fits = "interface.NAME.address6", "link-local IPv6", func(a netip.Addr) bool { return a.Is6() && a.IsLinkLocalUnicast() }
		missing, advice = "DHCPv6 clients of a link are answered from it", "sysctl -w net.ipv6.conf."+i.Name+".disable_ipv6=0, and see that the link is up"
	}
	name := id(pattern, i.Name)
	if n := slices.IndexFunc(i.Addrs, fits); n >= 0 {
		d.found.OK(name, "%s has the %s address %s", i.Name, what, i.Addrs[n])
	} else {
		d.found.Add(name, sqlstore.FindingProblem, i.Name+" has no "+what+" address", missing, advice)
	}
}
