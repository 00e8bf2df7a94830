package frontend

import (
	"fmt"
	"net"
	"net/netip"
	"unsafe"

	"golang.org/x/sys/unix"

	"rowlock/sqlstore"
)

// askInfo has nothing left to do: setOptions asks for destination and interface
// before a packet can come in.
func askInfo(*net.UDPConn, sqlstore.Family) error { return nil }

// setOptions binds a socket to the interface, if one is given.
func setOptions(fd int, f sqlstore.Family, i *iface) error {
	if i != nil {
		if err := unix.BindToDevice(fd, i.name); err != nil {
			return fmt.Errorf("bind to device %s: %w", i.name, err)
		}
	}
	if f == sqlstore.IPv4 {
		return unix.SetsockoptInt(fd, unix.IPPROTO_IP, unix.IP_PKTINFO, 1)
	}
	if err := unix.SetsockoptInt(fd, unix.IPPROTO_IPV6, unix.IPV6_RECVPKTINFO, 1); err != nil {
		return err
	}
	if i == nil {
		return nil
	}
	group := unix.IPv6Mreq{
		Multiaddr: netip.MustParseAddr("ff02::1:2").As16(), Interface: uint32(i.index),
	}
	if err := unix.SetsockoptIPv6Mreq(fd, unix.IPPROTO_IPV6, unix.IPV6_JOIN_GROUP, &group); err != nil {
		return fmt.Errorf("join ff02::1:2 on %s: %w", i.name, err)
	}
	return nil
}

// readInfo takes destination, local address and interface from the control
// message.
func readInfo(oob []byte, p *packet, dst *netip.Addr) error {
	for len(oob) > 0 {
		h, data, rest, err := unix.ParseOneSocketControlMessage(oob)
		if err != nil {
			return fmt.Errorf("read control message: %w", err)
		}
		switch {
		case h.Level == unix.IPPROTO_IP && h.Type == unix.IP_PKTINFO && len(data) >= unix.SizeofInet4Pktinfo:
			info := (*unix.Inet4Pktinfo)(unsafe.Pointer(&data[0]))
			*dst = netip.AddrFrom4(info.Addr)
			p.local = netip.AddrFrom4(info.Spec_dst)
			p.ifindex = int(info.Ifindex)
		case h.Level == unix.IPPROTO_IPV6 && h.Type == unix.IPV6_PKTINFO && len(data) >= unix.SizeofInet6Pktinfo:
			info := (*unix.Inet6Pktinfo)(unsafe.Pointer(&data[0]))
			*dst = netip.AddrFrom16(info.Addr)
			if !dst.IsMulticast() {
				p.local = *dst
			}
			p.ifindex = int(info.Ifindex)
		}
		oob = rest
	}
	return nil
}

// writeInfo returns the control message that fixes source and interface.
func writeInfo(f sqlstore.Family, o *outgoing) []byte {
	if !o.from.IsValid() && o.ifindex == 0 {
		return nil
	}
	if f == sqlstore.IPv4 {
		info := unix.Inet4Pktinfo{Ifindex: int32(o.ifindex)}
		if o.from.Is4() {
			info.Spec_dst = o.from.As4()
		}
		return unix.PktInfo4(&info)
	}
	info := unix.Inet6Pktinfo{Ifindex: uint32(o.ifindex)}
	if o.from.Is6() {
		info.Addr = o.from.As16()
	}
	return unix.PktInfo6(&info)
}
