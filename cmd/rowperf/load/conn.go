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
	udp *net.UDPConn
	b   batcher

	in []ipv4.Message

	out     []ipv4.Message
	queued  int
	packets [][]byte // buffers, one for each message of out; copies share one
	targets []net.Addr

	sent, sendErrors int
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
	c := &conn{udp: udp, b: ipv4.NewPacketConn(udp)}
	if family == sqlstore.IPv6 {
		c.b = ipv6.NewPacketConn(udp)
	}
	c.in = messages(batchSize, receiveSize)
	c.out = messages(batchSize, 0)
	for range batchSize {
		c.packets = append(c.packets, make([]byte, packetSize))
	}
	for _, s := range servers {
		c.targets = append(c.targets, net.UDPAddrFromAddrPort(s))
	}
	return c, nil
}

func messages(n, size int) []ipv4.Message {
	ms := make([]ipv4.Message, n)
	for i := range ms {
		ms[i].Buffers = [][]byte{make([]byte, size)}
	}
	return ms
}

func (c *conn) close() error { return c.udp.Close() }

// buffer returns the buffer for the next packet, with room in the queue for a
// copy to every server.
func (c *conn) buffer() []byte {
	if c.queued+len(c.targets) > len(c.out) {
		c.flush()
	}
	return c.packets[c.queued]
}

// queue adds a packet made in the last buffer: to one server, or to all when
// target is negative.
func (c *conn) queue(packet []byte, target int) {
	from, to := target, target+1
	if target < 0 {
		from, to = 0, len(c.targets)
	}
	for _, addr := range c.targets[from:to] {
		m := &c.out[c.queued]
		m.Buffers[0] = packet
		m.Addr = addr
		c.queued++
	}
}

// flush sends what is queued. A packet that the kernel refuses is counted and
// left out: the client sends it again later.
func (c *conn) flush() {
	ms := c.out[:c.queued]
	c.queued = 0
	for len(ms) > 0 {
		n, err := c.b.WriteBatch(ms, 0)
		n = max(n, 0)
		c.sent += n
		if err != nil || n == 0 {
			c.sendErrors++
			n = min(n+1, len(ms))
		}
		ms = ms[n:]
	}
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
