package frontend

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"runtime"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"rowlock/sqlstore"
)

// listener is one ListenConfig with its sockets: a UDP socket, and for DHCPv4
// on an interface also a packet socket. The packet socket takes broadcasts and
// sends to clients without an address; the UDP socket takes and sends the rest
// and keeps the kernel from answering unicast renewals with ICMP.
type listener struct {
	family sqlstore.Family
	config ListenConfig
	udp    *socket
	raw    *socket // nil except for DHCPv4 on an interface
	iface  atomic.Pointer[iface]
}

// conn is one open socket of some kind. read and write may run at the same
// time, each in one goroutine.
type conn interface {
	// read waits for a message and puts it into buf. It sets p's addresses and
	// returns the length. truncated tells that the message was longer than buf.
	read(buf []byte, p *packet) (n int, truncated bool, err error)
	write(o *outgoing) error
	// stopReading ends read now and for good; write goes on. It and close do
	// nothing to a closed conn; there is nothing to be done about their errors.
	stopReading()
	close()
	addr() netip.AddrPort
}

// socket is a conn that can be replaced when its interface comes back as
// another, and the queue of what is to be sent.
type socket struct {
	out  chan outgoing
	mu   sync.Mutex
	conn conn
}

func newSocket(c conn, queue int) *socket {
	return &socket{conn: c, out: make(chan outgoing, queue)}
}

func (k *socket) current() conn {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.conn
}

// replace puts c in the place of the conn, which it closes.
func (k *socket) replace(c conn) {
	k.mu.Lock()
	old := k.conn
	k.conn = c
	k.mu.Unlock()
	old.close()
}

func (k *socket) addr() netip.AddrPort { return k.current().addr() }

// String names the listener in messages.
func (l ListenConfig) String() string {
	if l.Kind == ListenInterface {
		return fmt.Sprintf("interface %s port %d", l.Interface, l.Port)
	}
	return l.Address.String()
}

func openListener(ctx context.Context, f sqlstore.Family, c ListenConfig, queue int) (*listener, error) {
	l := &listener{family: f, config: c}
	if c.Kind == ListenInterface {
		if err := DirectLinks(runtime.GOOS); err != nil {
			return nil, err
		}
		i, err := findInterface(c.Interface)
		if err != nil {
			return nil, err
		}
		l.iface.Store(i)
	}
	udp, raw, err := l.open(ctx)
	if err != nil {
		return nil, explainBind(err)
	}
	l.udp = newSocket(udp, queue)
	if raw != nil {
		l.raw = newSocket(raw, queue)
	}
	return l, nil
}

// DirectLinks tells why the clients of a link cannot be served on a system, nil
// on Linux: that takes frames to clients without an address, and sockets that
// are bound to an interface. Relays are served on every system.
func DirectLinks(goos string) error {
	if goos == "linux" {
		return nil
	}
	return fmt.Errorf("an interface cannot be served on %s, which has no raw frames here (relayed mode only: listen on an address, and let a relay agent send to it)", goos)
}

// open makes the listener's sockets; raw is nil where there is none.
func (l *listener) open(ctx context.Context) (udp, raw conn, err error) {
	if l.config.Kind == ListenUDP {
		udp, err = openUDP(ctx, l.family, l.config.Address, nil)
		return udp, nil, err
	}
	i := l.iface.Load()
	wildcard := netip.IPv4Unspecified()
	if l.family == sqlstore.IPv6 {
		wildcard = netip.IPv6Unspecified()
	}
	if udp, err = openUDP(ctx, l.family, netip.AddrPortFrom(wildcard, l.config.Port), i); err != nil {
		return nil, nil, err
	}
	if l.family == sqlstore.IPv4 {
		if raw, err = openLink(i, l.config.Port); err != nil {
			udp.close()
			return nil, nil, err
		}
	}
	return udp, raw, nil
}

// explainBind adds what the operator should look for.
func explainBind(err error) error {
	switch {
	case errors.Is(err, syscall.EADDRINUSE):
		return fmt.Errorf("%w (is another DHCP server running?)", err)
	case errors.Is(err, os.ErrPermission):
		return fmt.Errorf("%w (it needs CAP_NET_BIND_SERVICE and CAP_NET_RAW, or a port above 1023)", err)
	}
	return err
}

func (l *listener) sockets() []*socket {
	if l.raw == nil {
		return []*socket{l.udp}
	}
	return []*socket{l.udp, l.raw}
}

func (l *listener) stopReading() {
	for _, k := range l.sockets() {
		k.current().stopReading()
	}
}

func (l *listener) stopWriting() {
	for _, k := range l.sockets() {
		close(k.out)
	}
}

func (l *listener) close() {
	for _, k := range l.sockets() {
		k.current().close()
	}
}

// serve starts the goroutines of a listener.
func (s *Server) serve(l *listener) {
	for _, k := range l.sockets() {
		s.readers.Go(func() { s.read(l, k) })
		s.writers.Go(func() { s.write(k) })
	}
	if l.config.Kind == ListenInterface {
		s.readers.Go(func() { s.watch(l) })
	}
}

// read is the one reader of a socket.
func (s *Server) read(l *listener, k *socket) {
	buf := make([]byte, maxPacket)
	for {
		c := k.current()
		p := &packet{family: l.family, listener: l}
		n, truncated, err := c.read(buf, p)
		p.received = s.cfg.Now()
		switch {
		case err != nil && s.stopping():
			return
		case err != nil:
			if k.current() == c {
				s.log.Warn("receive failed", "event", "socket.receive-failed", "family", l.family,
					"addr", c.addr(), "err", err)
				s.pause(time.Second)
			}
			continue
		case truncated:
			s.dropped(p, drop(ReasonTruncated, "longer than %d bytes", maxPacket))
			continue
		}
		p.data = append([]byte(nil), buf[:n]...)
		p.iface = l.iface.Load()
		s.enqueue(p)
	}
}

// write is the one writer of a socket.
func (s *Server) write(k *socket) {
	for o := range k.out {
		if err := k.current().write(&o); err != nil {
			s.dropped(o.in, drop(ReasonSendFailed, "send to %s: %w", o.to, err))
			continue
		}
		s.metrics.sentType(o.in.family, o.kind)
	}
}

// send hands a reply to the writer of its socket. Its error is a Drop.
func (s *Server) send(o outgoing) error {
	k := o.in.listener.udp
	if o.hw != nil {
		k = o.in.listener.raw
	}
	select {
	case k.out <- o:
		return nil
	default:
		return drop(ReasonSendQueueFull, "%d replies are waiting", cap(k.out))
	}
}

func (s *Server) stopping() bool {
	select {
	case <-s.stopped:
		return true
	default:
		return false
	}
}

// pause waits for d or for Shutdown.
func (s *Server) pause(d time.Duration) {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
	case <-s.stopped:
	}
}

// findInterface returns what is known of the interface now.
func findInterface(name string) (*iface, error) {
	i, err := net.InterfaceByName(name)
	if err != nil {
		return nil, fmt.Errorf("find interface %s: %w", name, err)
	}
	addrs, err := i.Addrs()
	if err != nil {
		return nil, fmt.Errorf("list addresses of %s: %w", name, err)
	}
	return &iface{name: i.Name, index: i.Index, hw: i.HardwareAddr, addrs: toPrefixes(addrs)}, nil
}

func toPrefixes(addrs []net.Addr) []netip.Prefix {
	var out []netip.Prefix
	for _, a := range addrs {
		n, ok := a.(*net.IPNet)
		if !ok {
			continue
		}
		addr, ok := netip.AddrFromSlice(n.IP)
		if !ok {
			continue
		}
		bits, _ := n.Mask.Size()
		out = append(out, netip.PrefixFrom(addr.Unmap(), bits))
	}
	return out
}
