package frontend

import (
	"fmt"
	"net"
	"net/netip"
	"time"

	afpacket "github.com/mdlayher/packet"
	"golang.org/x/net/bpf"
	"golang.org/x/sys/unix"
)

// linkConn is a packet socket: it takes the DHCPv4 broadcasts of a link and
// sends frames to clients that have no address yet (RFC 2131 section 4.1).
type linkConn struct {
	c     *afpacket.Conn
	hw    net.HardwareAddr
	local netip.AddrPort
	index int
}

// openLink opens the packet socket of an Ethernet interface for a server port.
func openLink(i *iface, server uint16) (*linkConn, error) {
	if len(i.hw) != 6 {
		return nil, fmt.Errorf("interface %s is not Ethernet", i.name)
	}
	filter, err := broadcastFilter(server)
	if err != nil {
		return nil, fmt.Errorf("assemble packet filter: %w", err)
	}
	c, err := afpacket.Listen(&net.Interface{Index: i.index, Name: i.name, HardwareAddr: i.hw},
		afpacket.Raw, unix.ETH_P_IP, &afpacket.Config{Filter: filter})
	if err != nil {
		return nil, fmt.Errorf("open packet socket on %s: %w", i.name, err)
	}
	return &linkConn{
		c: c, hw: i.hw, index: i.index,
		local: netip.AddrPortFrom(netip.IPv4Unspecified(), server),
	}, nil
}

// packetOtherHost is the kernel's PACKET_OTHERHOST (linux/if_packet.h): a frame
// that is not for this interface.
const packetOtherHost = 3

// broadcastFilter passes whole UDP datagrams to 255.255.255.255 and the port.
// Frames of a VLAN, whose tag the kernel took off, belong to another
// interface. Where no interface has that VLAN the kernel takes the tag out of
// the frame's description too, and marks the frame as one for another host.
func broadcastFilter(port uint16) ([]bpf.RawInstruction, error) {
	return bpf.Assemble([]bpf.Instruction{
		bpf.LoadExtension{Num: bpf.ExtType},
		bpf.JumpIf{Cond: bpf.JumpEqual, Val: packetOtherHost, SkipTrue: 14},
		bpf.LoadExtension{Num: bpf.ExtVLANTagPresent},
		bpf.JumpIf{Cond: bpf.JumpNotEqual, Val: 0, SkipTrue: 12},
		bpf.LoadAbsolute{Off: 12, Size: 2},
		bpf.JumpIf{Cond: bpf.JumpNotEqual, Val: unix.ETH_P_IP, SkipTrue: 10},
		bpf.LoadAbsolute{Off: 23, Size: 1},
		bpf.JumpIf{Cond: bpf.JumpNotEqual, Val: unix.IPPROTO_UDP, SkipTrue: 8},
		bpf.LoadAbsolute{Off: 20, Size: 2}, // fragment bits and offset
		bpf.JumpIf{Cond: bpf.JumpBitsSet, Val: 0x3fff, SkipTrue: 6},
		bpf.LoadAbsolute{Off: 30, Size: 4},
		bpf.JumpIf{Cond: bpf.JumpNotEqual, Val: 0xffffffff, SkipTrue: 4},
		bpf.LoadMemShift{Off: 14}, // X = length of the IP header
		bpf.LoadIndirect{Off: 16, Size: 2},
		bpf.JumpIf{Cond: bpf.JumpNotEqual, Val: uint32(port), SkipTrue: 1},
		bpf.RetConstant{Val: 0xffff},
		bpf.RetConstant{Val: 0},
	})
}

func (l *linkConn) read(buf []byte, p *packet) (n int, truncated bool, err error) {
	n, _, err = l.c.ReadFrom(buf)
	if err != nil {
		return 0, false, err
	}
	p.ifindex = l.index
	payload, src, dst, err := parseFrame(buf[:n])
	if err != nil {
		// The decoder refuses an empty message, so that it is counted.
		return 0, n == len(buf), nil
	}
	p.src, p.dst = src, dst
	return copy(buf, payload), false, nil
}

func (l *linkConn) write(o *outgoing) error {
	_, err := l.c.WriteTo(buildFrame(l.hw, o), &afpacket.Addr{HardwareAddr: o.hw})
	return err
}

func (l *linkConn) stopReading() { _ = l.c.SetReadDeadline(time.Unix(1, 0)) }

func (l *linkConn) close() { _ = l.c.Close() }

func (l *linkConn) addr() netip.AddrPort { return l.local }
