package frontend

import (
	"context"
	"net"
	"net/netip"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"rowlock/sqlstore"
)

// ReceiveBuffer is what the kernel is asked to hold for a socket; it may give
// less.
const ReceiveBuffer = 4 << 20

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
	if err := askInfo(c, f); err != nil {
		_ = c.Close()
		return nil, err
	}
	// The kernel's own limit is good enough where it refuses.
	_ = c.SetReadBuffer(ReceiveBuffer)
	local := c.LocalAddr().(*net.UDPAddr).AddrPort()
	return &udpConn{
		c: c, family: f, local: netip.AddrPortFrom(local.Addr().Unmap(), local.Port()),
		skipBroadcast: i != nil && f == sqlstore.IPv4, oob: make([]byte, 128),
	}, nil
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

func (u *udpConn) write(o *outgoing) error {
	_, _, err := u.c.WriteMsgUDPAddrPort(o.data, writeInfo(u.family, o), o.to)
	return err
}

func (u *udpConn) stopReading() { _ = u.c.SetReadDeadline(time.Unix(1, 0)) }

func (u *udpConn) close() { _ = u.c.Close() }

func (u *udpConn) addr() netip.AddrPort { return u.local }
