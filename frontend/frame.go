package frontend

import (
	"encoding/binary"
	"errors"
	"net"
	"net/netip"
)

// The lengths of the headers of a frame, and what stands in them.
const (
	ethernetLen   = 14
	ipv4Len       = 20
	udpLen        = 8
	etherTypeIPv4 = 0x0800
	protocolUDP   = 17
	replyTTL      = 64
)

// broadcast4 is the limited broadcast address, broadcastHW that of Ethernet.
var (
	broadcast4  = netip.AddrFrom4([4]byte{255, 255, 255, 255})
	broadcastHW = net.HardwareAddr{0xff, 0xff, 0xff, 0xff, 0xff, 0xff}
)

var errFrame = errors.New("not a UDP datagram over IPv4")

// parseFrame returns the payload of the UDP datagram in an Ethernet frame. The
// UDP checksum is not looked at: a local sender may have left it to hardware
// that the frame never meets.
func parseFrame(b []byte) (payload []byte, src, dst netip.AddrPort, err error) {
	if len(b) < ethernetLen+ipv4Len+udpLen || binary.BigEndian.Uint16(b[12:]) != etherTypeIPv4 {
		return nil, src, dst, errFrame
	}
	ip := b[ethernetLen:]
	header, total := int(ip[0]&0xf)*4, int(binary.BigEndian.Uint16(ip[2:]))
	if ip[0]>>4 != 4 || header < ipv4Len || ip[9] != protocolUDP ||
		total < header+udpLen || total > len(ip) || checksum(0, ip[:header]) != 0 {
		return nil, src, dst, errFrame
	}
	udp := ip[header:total]
	length := int(binary.BigEndian.Uint16(udp[4:]))
	if length < udpLen || length > len(udp) {
		return nil, src, dst, errFrame
	}
	src = netip.AddrPortFrom(netip.AddrFrom4([4]byte(ip[12:16])), binary.BigEndian.Uint16(udp))
	dst = netip.AddrPortFrom(netip.AddrFrom4([4]byte(ip[16:20])), binary.BigEndian.Uint16(udp[2:]))
	return udp[udpLen:length], src, dst, nil
}

// buildFrame returns the Ethernet frame of a reply: from o.from and the port
// that the packet answered came to, to o.to at o.hw.
func buildFrame(hw net.HardwareAddr, o *outgoing) []byte {
	b := make([]byte, 0, ethernetLen+ipv4Len+udpLen+len(o.data))
	b = append(append(b, o.hw...), hw...)
	b = binary.BigEndian.AppendUint16(b, etherTypeIPv4)
	src, dst := o.from.As4(), o.to.Addr().As4()
	length := uint16(udpLen + len(o.data))

	b = append(b, 0x45, 0x10) // low delay, as DHCP servers use
	b = binary.BigEndian.AppendUint16(b, ipv4Len+length)
	b = append(b, 0, 0, 0, 0, replyTTL, protocolUDP, 0, 0)
	b = append(append(b, src[:]...), dst[:]...)
	ip := b[ethernetLen:]
	binary.BigEndian.PutUint16(ip[10:], checksum(0, ip))

	b = binary.BigEndian.AppendUint16(b, o.in.dst.Port())
	b = binary.BigEndian.AppendUint16(b, o.to.Port())
	b = binary.BigEndian.AppendUint16(b, length)
	b = append(append(b, 0, 0), o.data...)
	udp := b[ethernetLen+ipv4Len:]
	sum := checksum(pseudo(src, dst, length), udp)
	if sum == 0 {
		sum = 0xffff // zero means no checksum (RFC 768)
	}
	binary.BigEndian.PutUint16(udp[6:], sum)
	return b
}

// pseudo returns the sum of the pseudo header of a UDP datagram (RFC 768).
func pseudo(src, dst [4]byte, length uint16) uint32 {
	sum := uint32(protocolUDP) + uint32(length)
	for _, a := range [][4]byte{src, dst} {
		sum += uint32(binary.BigEndian.Uint16(a[:])) + uint32(binary.BigEndian.Uint16(a[2:]))
	}
	return sum
}

// checksum returns the Internet checksum (RFC 1071) of b, begun with sum.
func checksum(sum uint32, b []byte) uint16 {
	for ; len(b) >= 2; b = b[2:] {
		sum += uint32(binary.BigEndian.Uint16(b))
	}
	if len(b) == 1 {
		sum += uint32(b[0]) << 8
	}
	for sum > 0xffff {
		sum = sum>>16 + sum&0xffff
	}
	return ^uint16(sum)
}
