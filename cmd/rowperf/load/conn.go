package load

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"time"

	"golang.org/x/net/ipv4"
	"golang.org/x/net/ipv6"

	"rowlock/sqlstore"
)

const (
	maxServers = 16
	batchSize  = 64
	// maxSegments packets make one datagram of at most 64 KiB.
	maxSegments = 32
	// receiveSize is enough for any answer to packets as small as ours.
	receiveSize = 2048
	// socketBuffer is asked of the kernel, which may give less: bursts of
	// answers must not be lost at the client.
	socketBuffer = 4 << 20
)

// batcher is what ipv4.PacketConn and ipv6.PacketConn have in common; their
// message types are one.
type batcher interface {
	ReadBatch(ms []ipv4.Message, flags int) (int, error)
	WriteBatch(ms []ipv4.Message, flags int) (int, error)
}

// conn is a UDP socket that sends and receives several packets a system call.
type conn struct {
	udp     *net.UDPConn
	b       batcher
	in      []ipv4.Message
	targets []net.Addr

	packets [][]byte // buffers of the packets queued, and of those to come
	queued  []packet
	out     []ipv4.Message
	// segments: packets of one size to one server go down to the kernel as one
	// long datagram that it cuts (UDP_SEGMENT). It is given up at the first
	// error: not every network device does it.
	segments bool

	sent, sendErrors int
}

// packet is one that waits to be sent, to one server or, when target is
// negative, to all.
type packet struct {
	bytes  []byte
	target int
}

// listen opens a socket on a port of the kernel's choice, on all addresses:
// answers come to whatever address the relays have.
func listen(family sqlstore.Family, servers []netip.AddrPort) (*conn, error) {
	network := "udp4"
	if family == sqlstore.IPv6 {
		network = "udp6"
	}
	udp, err := net.ListenUDP(network, nil)
	if err != nil {
		return nil, fmt.Errorf("open socket: %w", err)
	}
	// Errors here only mean that the kernel's default size stays.
	_ = udp.SetReadBuffer(socketBuffer)
	_ = udp.SetWriteBuffer(socketBuffer)
	c := &conn{udp: udp, b: ipv4.NewPacketConn(udp), segments: segmentsOffered}
	if family == sqlstore.IPv6 {
		c.b = ipv6.NewPacketConn(udp)
	}
	for range batchSize {
		c.in = append(c.in, ipv4.Message{Buffers: [][]byte{make([]byte, receiveSize)}})
		c.packets = append(c.packets, make([]byte, packetSize))
	}
	for _, s := range servers {
		c.targets = append(c.targets, net.UDPAddrFromAddrPort(s))
	}
	return c, nil
}

func (c *conn) close() error { return c.udp.Close() }

// buffer returns the buffer for the next packet; what is queued is sent when
// none is left.
func (c *conn) buffer() []byte {
	if len(c.queued) == len(c.packets) {
		c.flush()
	}
	return c.packets[len(c.queued)]
}

// queue adds a packet made in the last buffer.
func (c *conn) queue(b []byte, target int) {
	c.queued = append(c.queued, packet{b, target})
}

// flush sends what is queued. A packet that the kernel refuses is counted and
// left out: the client sends it again later.
func (c *conn) flush() {
	for t := range c.targets {
		c.pack(t)
	}
	c.queued = c.queued[:0]
	ms := c.out
	c.out = c.out[:0]
	for len(ms) > 0 {
		n, err := c.b.WriteBatch(ms, 0)
		for i := range max(n, 0) {
			c.sent += len(ms[i].Buffers)
		}
		ms = ms[max(n, 0):]
		if err != nil && len(ms) > 0 {
			c.failed(&ms[0])
			ms = ms[1:]
		}
	}
}

// failed counts a packet that was refused. If it was several in one, they are
// sent one by one, and so are all from now on.
func (c *conn) failed(m *ipv4.Message) {
	if len(m.Buffers) == 1 {
		c.sendErrors++
		return
	}
	c.segments = false
	for _, b := range m.Buffers {
		single := []ipv4.Message{{Buffers: [][]byte{b}, Addr: m.Addr}}
		if n, err := c.b.WriteBatch(single, 0); err != nil || n != 1 {
			c.sendErrors++
		} else {
			c.sent++
		}
	}
}

// pack makes the messages for one server, in the order queued.
func (c *conn) pack(target int) {
	var last *ipv4.Message
	for _, p := range c.queued {
		if p.target >= 0 && p.target != target {
			continue
		}
		if last != nil && c.segments && len(last.Buffers[0]) == len(p.bytes) && len(last.Buffers) < maxSegments {
			last.Buffers = append(last.Buffers, p.bytes)
			if len(last.Buffers) == 2 {
				last.OOB = appendSegmentSize(last.OOB, len(p.bytes))
			}
			continue
		}
		last = c.next()
		last.Buffers = append(last.Buffers, p.bytes)
		last.Addr = c.targets[target]
	}
}

// next returns a message that is empty, with the memory of an earlier one.
func (c *conn) next() *ipv4.Message {
	n := len(c.out)
	if n < cap(c.out) {
		c.out = c.out[:n+1]
	} else {
		c.out = append(c.out, ipv4.Message{})
	}
	m := &c.out[n]
	m.Buffers, m.OOB = m.Buffers[:0], m.OOB[:0]
	return m
}

// receive waits for packets, at most so long, and returns those that came.
// They are valid until the next call.
func (c *conn) receive(wait time.Duration) ([]ipv4.Message, error) {
	if err := c.udp.SetReadDeadline(time.Now().Add(wait)); err != nil {
		return nil, fmt.Errorf("set deadline: %w", err)
	}
	n, err := c.b.ReadBatch(c.in, 0)
	if errors.Is(err, os.ErrDeadlineExceeded) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("receive: %w", err)
	}
	return c.in[:n], nil
}

// resolve finds the giaddr of each relay: its own address where this machine
// has it, else an address that the server can answer to.
func resolve(relays []Relay, server netip.AddrPort) ([]gateway, error) {
	var gateways []gateway
	for _, r := range relays {
		if isLocal(r.Addr) {
			gateways = append(gateways, gateway{relay: r, addr: r.Addr})
			continue
		}
		own, err := localAddr(server)
		if err != nil {
			return nil, fmt.Errorf("find an address for relay %s: %w", r.Addr, err)
		}
		gateways = append(gateways, gateway{relay: r, addr: own, link: r.Addr})
	}
	return gateways, nil
}

func isLocal(a netip.Addr) bool {
	c, err := net.ListenUDP("udp4", net.UDPAddrFromAddrPort(netip.AddrPortFrom(a, 0)))
	if err != nil {
		return false
	}
	c.Close()
	return true
}

// localAddr returns the address from which packets to the server leave.
func localAddr(server netip.AddrPort) (netip.Addr, error) {
	c, err := net.DialUDP("udp4", nil, net.UDPAddrFromAddrPort(server))
	if err != nil {
		return netip.Addr{}, err
	}
	defer c.Close()
	return c.LocalAddr().(*net.UDPAddr).AddrPort().Addr().Unmap(), nil
}
