//go:build !linux

package frontend

import (
	"fmt"
	"net"
	"net/netip"

	"golang.org/x/net/ipv4"
	"golang.org/x/net/ipv6"

	"rowlock/sqlstore"
)

// setOptions has nothing to do: sockets are bound to addresses only.
func setOptions(int, sqlstore.Family, *iface) error { return nil }

// askInfo asks for destination and interface of what is received.
func askInfo(c *net.UDPConn, f sqlstore.Family) error {
	if f == sqlstore.IPv4 {
		return ipv4.NewPacketConn(c).SetControlMessage(ipv4.FlagDst|ipv4.FlagInterface, true)
	}
	return ipv6.NewPacketConn(c).SetControlMessage(ipv6.FlagDst|ipv6.FlagInterface, true)
}

// readInfo takes destination, local address and interface from the control
// message.
func readInfo(oob []byte, p *packet, dst *netip.Addr) error {
	var to net.IP
	if p.family == sqlstore.IPv4 {
		var m ipv4.ControlMessage
		if err := m.Parse(oob); err != nil {
			return fmt.Errorf("read control message: %w", err)
		}
		to, p.ifindex = m.Dst, m.IfIndex
	} else {
		var m ipv6.ControlMessage
		if err := m.Parse(oob); err != nil {
			return fmt.Errorf("read control message: %w", err)
		}
		to, p.ifindex = m.Dst, m.IfIndex
	}
	if a, ok := netip.AddrFromSlice(to); ok {
		*dst = a.Unmap()
		if !dst.IsMulticast() && *dst != broadcast4 {
			p.local = *dst
		}
	}
	return nil
}

// writeInfo returns the control message that fixes source and interface. Where
// the system has none for IPv4 (FreeBSD), the source is the address that the
// socket is bound to, or that of the route.
func writeInfo(f sqlstore.Family, o *outgoing) []byte {
	if !o.from.IsValid() && o.ifindex == 0 {
		return nil
	}
	if f == sqlstore.IPv4 {
		return (&ipv4.ControlMessage{Src: o.from.AsSlice(), IfIndex: o.ifindex}).Marshal()
	}
	return (&ipv6.ControlMessage{Src: o.from.AsSlice(), IfIndex: o.ifindex}).Marshal()
}
