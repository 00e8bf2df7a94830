package frontend

import (
	"context"
	"fmt"
	"net"
	"net/netip"
	"syscall"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"

	"rowlock/sqlstore"
)

// receiveBuffer is what the kernel is asked to hold for a socket; it may give
// less.
const receiveBuffer = 4 << 20

// udpConn is a UDP socket that knows which local address a packet came to.
type udpConn struct {
	c      *net.UDPConn
	family sqlstore.Family
	local  netip.AddrPort
	// skipBroadcast leaves broadcasts to the packet socket beside it.
	skipBroadcast bool
	oob           []byte // of the reader
}

// openUDP binds a UDP socket, to the interface if one is given; a DHCPv6
// socket of an interface joins ff02::1:2 (RFC 9915 section 7.1).
func openUDP(ctx context.Context, f sqlstore.Family, at netip.AddrPort, i *iface) (*udpConn, error) {
	lc := net.ListenConfig{Control: func(_, _ string, raw syscall.RawConn) error {
		var err error
		if e := raw.Control(func(fd uintptr) { err = setOptions(int(fd), f, i) }); e != nil {
			return e
		}
		return err
	}}
	network := "udp4"
	if f == sqlstore.IPv6 {
		network = "udp6"
	}
	pc, err := lc.ListenPacket(ctx, network, at.String())
	if err != nil {
		return nil, err
	}
	c := pc.(*net.UDPConn)
	// The kernel's own limit is good enough where it refuses.
	_ = c.SetReadBuffer(receiveBuffer)
	local := c.LocalAddr().(*net.UDPAddr).AddrPort()
	return &udpConn{
		c: c, family: f, local: netip.AddrPortFrom(local.Addr().Unmap(), local.Port()),
		skipBroadcast: i != nil && f == sqlstore.IPv4, oob: make([]byte, 128),
	}, nil
}

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

func (u *udpConn) read(buf []byte, p *packet) (n int, truncated bool, err error) {
	for {
		n, oobn, flags, src, err := u.c.ReadMsgUDPAddrPort(buf, u.oob)
		if err != nil {
			return 0, false, err
		}
		p.src = netip.AddrPortFrom(src.Addr().Unmap(), src.Port())
		dst := u.local.Addr()
		if err := readInfo(u.oob[:oobn], p, &dst); err != nil {
			return 0, false, err
		}
		p.dst = netip.AddrPortFrom(dst, u.local.Port())
		if u.skipBroadcast && dst == broadcast4 {
			continue
		}
		return n, flags&unix.MSG_TRUNC != 0, nil
	}
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

func (u *udpConn) write(o *outgoing) error {
	_, _, err := u.c.WriteMsgUDPAddrPort(o.data, writeInfo(u.family, o), o.to)
	return err
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

func (u *udpConn) stopReading() { _ = u.c.SetReadDeadline(time.Unix(1, 0)) }

func (u *udpConn) close() { _ = u.c.Close() }

func (u *udpConn) addr() netip.AddrPort { return u.local }
