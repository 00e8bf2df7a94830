package load

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"sync"
	"testing"
	"time"

	"github.com/insomniacslk/dhcp/dhcpv4"
	"github.com/insomniacslk/dhcp/dhcpv6"
	"github.com/insomniacslk/dhcp/iana"
	"github.com/stretchr/testify/require"

	"rowlock/sqlstore"
)

// book is the memory that responders share: one lease for each client.
type book struct {
	mu     sync.Mutex
	leases map[string]netip.Prefix
	free   int
}

func newBook() *book { return &book{leases: map[string]netip.Prefix{}} }

func (b *book) lease(client string, n func(int) netip.Prefix) netip.Prefix {
	b.mu.Lock()
	defer b.mu.Unlock()
	p, ok := b.leases[client]
	if !ok {
		b.free++
		p = n(b.free)
		b.leases[client] = p
	}
	return p
}

func (b *book) release(client string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	delete(b.leases, client)
}

func (b *book) size() int {
	b.mu.Lock()
	defer b.mu.Unlock()
	return len(b.leases)
}

// responder is a small DHCP server on loopback made with a second
// implementation of the protocol, which also checks what the clients send.
type responder struct {
	conn *net.UDPConn
	addr netip.AddrPort
	book *book
	done chan struct{}

	// What a test may set before the first packet.
	lifetime time.Duration
	lose     func(n int) bool                   // drops the n-th request, counted from 1
	send     func(reply []byte) [][]byte        // replaces one reply by others
	edit4    func(req, rep *dhcpv4.DHCPv4)      // changes a reply
	edit6    func(req, rep *dhcpv6.Message)     // changes a reply
	refuse   func(client string) bool           // NAK, or no lease
	seen4    func(req *dhcpv4.DHCPv4, port int) // looks at a request
	errs     []error
}

// serve starts a responder of a family and stops it when the test ends, which
// fails if a packet was not as it should be.
func serve(t testing.TB, family sqlstore.Family, b *book, set func(*responder)) *responder {
	t.Helper()
	ip := net.IPv4(127, 0, 0, 1)
	if family == sqlstore.IPv6 {
		ip = net.IPv6loopback
	}
	conn, err := net.ListenUDP("udp", &net.UDPAddr{IP: ip})
	require.NoError(t, err)
	// The slowest of several responders must not lose packets.
	require.NoError(t, conn.SetReadBuffer(4<<20))
	r := &responder{conn: conn, book: b, done: make(chan struct{}), lifetime: time.Hour}
	r.addr = conn.LocalAddr().(*net.UDPAddr).AddrPort()
	r.addr = netip.AddrPortFrom(r.addr.Addr().Unmap(), r.addr.Port())
	if set != nil {
		set(r)
	}
	go r.run(family)
	t.Cleanup(func() {
		r.stop()
		require.NoError(t, errors.Join(r.errs...))
	})
	return r
}

// stop ends the responder; then a test may look at what its functions noted.
func (r *responder) stop() {
	r.conn.Close()
	<-r.done
}

func (r *responder) run(family sqlstore.Family) {
	defer close(r.done)
	buf := make([]byte, 2048)
	for n := 1; ; n++ {
		size, from, err := r.conn.ReadFromUDPAddrPort(buf)
		if err != nil {
			return
		}
		if r.lose != nil && r.lose(n) {
			continue
		}
		from = netip.AddrPortFrom(from.Addr().Unmap(), from.Port())
		var out []byte
		to := from
		if family == sqlstore.IPv4 {
			out, to, err = r.answer4(buf[:size], from)
		} else {
			out, err = r.answer6(buf[:size])
		}
		if err != nil && len(r.errs) < 10 {
			r.errs = append(r.errs, err)
		}
		if out == nil {
			continue
		}
		packets := [][]byte{out}
		if r.send != nil {
			packets = r.send(out)
		}
		for _, p := range packets {
			if _, err := r.conn.WriteToUDPAddrPort(p, to); err != nil && !errors.Is(err, net.ErrClosed) {
				r.errs = append(r.errs, err)
			}
		}
	}
}

func addr4(n int) netip.Prefix {
	return netip.PrefixFrom(netip.AddrFrom4([4]byte{192, 0, 2 + byte(n>>8), byte(n)}), 32)
}

func addr6(n int) netip.Prefix {
	return netip.MustParsePrefix(fmt.Sprintf("2001:db8::%x/128", n))
}

func prefix6(n int) netip.Prefix {
	return netip.MustParsePrefix(fmt.Sprintf("2001:db8:8000:%x::/64", n))
}

// answer4 checks a request and makes the reply to it; the reply goes to
// giaddr, and to the sender's port where the relay says so (RFC 8357 5.1).
func (r *responder) answer4(b []byte, from netip.AddrPort) ([]byte, netip.AddrPort, error) {
	req, err := dhcpv4.FromBytes(b)
	if err != nil {
		return nil, from, err
	}
	if r.seen4 != nil {
		r.seen4(req, int(from.Port()))
	}
	info := req.RelayAgentInfo()
	if info == nil || !info.Has(dhcpv4.GenericOptionCode(sub4SourcePort)) || len(info.Get(dhcpv4.GenericOptionCode(sub4SourcePort))) != 0 {
		return nil, from, fmt.Errorf("request without relay source port: %s", req.Summary())
	}
	giaddr, _ := netip.AddrFromSlice(req.GatewayIPAddr.To4())
	to := netip.AddrPortFrom(giaddr, from.Port())
	client := req.ClientHWAddr.String()
	rep, err := r.reply4(req, client)
	if rep == nil || err != nil {
		return nil, to, err
	}
	if r.edit4 != nil {
		r.edit4(req, rep)
	}
	return rep.ToBytes(), to, nil
}

func (r *responder) reply4(req *dhcpv4.DHCPv4, client string) (*dhcpv4.DHCPv4, error) {
	kind := dhcpv4.MessageTypeOffer
	switch req.MessageType() {
	case dhcpv4.MessageTypeDiscover:
	case dhcpv4.MessageTypeRequest:
		kind = dhcpv4.MessageTypeAck
	case dhcpv4.MessageTypeRelease, dhcpv4.MessageTypeDecline:
		r.book.release(client)
		return nil, nil
	default:
		return nil, fmt.Errorf("unexpected message: %s", req.Summary())
	}
	lease := r.book.lease(client, addr4)
	mods := []dhcpv4.Modifier{
		dhcpv4.WithServerIP(net.IPv4zero),
		dhcpv4.WithOption(dhcpv4.OptServerIdentifier(net.IPv4(192, 0, 2, 255))),
		dhcpv4.WithGeneric(dhcpv4.OptionRelayAgentInformation, req.Options.Get(dhcpv4.OptionRelayAgentInformation)),
	}
	if kind == dhcpv4.MessageTypeAck && r.refuse != nil && r.refuse(client) {
		mods = append(mods, dhcpv4.WithMessageType(dhcpv4.MessageTypeNak))
		return dhcpv4.NewReplyFromRequest(req, mods...)
	}
	mods = append(mods, dhcpv4.WithMessageType(kind),
		dhcpv4.WithYourIP(lease.Addr().AsSlice()), dhcpv4.WithLeaseTime(uint32(r.lifetime.Seconds())))
	return dhcpv4.NewReplyFromRequest(req, mods...)
}

// answer6 checks a relayed request and makes the relayed reply.
func (r *responder) answer6(b []byte) ([]byte, error) {
	packet, err := dhcpv6.FromBytes(b)
	if err != nil {
		return nil, err
	}
	relay, ok := packet.(*dhcpv6.RelayMessage)
	if !ok || relay.Options.RelayPort() == nil || relay.Options.RelayPort().DownstreamSourcePort != 0 {
		return nil, fmt.Errorf("request without relay source port: %s", packet.Summary())
	}
	req, err := relay.GetInnerMessage()
	if err != nil {
		return nil, err
	}
	rep, err := r.reply6(req)
	if err != nil {
		return nil, err
	}
	if r.edit6 != nil {
		r.edit6(req, rep)
	}
	out, err := dhcpv6.NewRelayReplFromRelayForw(relay, rep)
	if err != nil {
		return nil, err
	}
	return out.ToBytes(), nil
}

func (r *responder) reply6(req *dhcpv6.Message) (*dhcpv6.Message, error) {
	duid := &dhcpv6.DUIDLL{HWType: iana.HWTypeEthernet, LinkLayerAddr: net.HardwareAddr{2, 0, 0, 0, 0, 9}}
	client := req.Options.ClientID().String()
	var mods []dhcpv6.Modifier
	mods = append(mods, dhcpv6.WithServerID(duid))
	for _, ia := range req.Options.IANA() {
		mods = append(mods, r.addNA(req, ia, client))
	}
	for _, ia := range req.Options.IAPD() {
		mods = append(mods, r.addPD(req, ia, client))
	}
	switch req.Type() {
	case dhcpv6.MessageTypeSolicit:
		return dhcpv6.NewAdvertiseFromSolicit(req, mods...)
	case dhcpv6.MessageTypeRelease, dhcpv6.MessageTypeDecline:
		r.book.release(client + "na")
		r.book.release(client + "pd")
		req.MessageType = dhcpv6.MessageTypeRelease // the codec makes no reply to a DECLINE; it is the same
		return dhcpv6.NewReplyFromMessage(req, mods[0])
	case dhcpv6.MessageTypeRequest, dhcpv6.MessageTypeRenew:
		if s := req.Options.ServerID(); s == nil || !s.Equal(duid) {
			return nil, fmt.Errorf("%s names server %v", req.Type(), s)
		}
	}
	return dhcpv6.NewReplyFromMessage(req, mods...)
}

func (r *responder) refuses(req *dhcpv6.Message, client string) bool {
	return req.Type() != dhcpv6.MessageTypeSolicit && r.refuse != nil && r.refuse(client)
}

func (r *responder) addNA(req *dhcpv6.Message, ia *dhcpv6.OptIANA, client string) dhcpv6.Modifier {
	out := &dhcpv6.OptIANA{IaId: ia.IaId}
	if r.refuses(req, client) {
		out.Options.Add(&dhcpv6.OptStatusCode{StatusCode: iana.StatusNoBinding})
		return dhcpv6.WithOption(out)
	}
	out.Options.Add(&dhcpv6.OptIAAddress{
		IPv6Addr:          r.book.lease(client+"na", addr6).Addr().AsSlice(),
		PreferredLifetime: r.lifetime / 2, ValidLifetime: r.lifetime,
	})
	return dhcpv6.WithOption(out)
}

func (r *responder) addPD(req *dhcpv6.Message, ia *dhcpv6.OptIAPD, client string) dhcpv6.Modifier {
	out := &dhcpv6.OptIAPD{IaId: ia.IaId}
	if r.refuses(req, client) {
		out.Options.Add(&dhcpv6.OptStatusCode{StatusCode: iana.StatusNoBinding})
		return dhcpv6.WithOption(out)
	}
	p := r.book.lease(client+"pd", prefix6)
	out.Options.Add(&dhcpv6.OptIAPrefix{
		Prefix:            &net.IPNet{IP: p.Addr().AsSlice(), Mask: net.CIDRMask(p.Bits(), 128)},
		PreferredLifetime: r.lifetime / 2, ValidLifetime: r.lifetime,
	})
	return dhcpv6.WithOption(out)
}
