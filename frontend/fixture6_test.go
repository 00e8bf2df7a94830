package frontend

import (
	"context"
	"encoding/binary"
	"log/slog"
	"net/netip"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/insomniacslk/dhcp/dhcpv6"
	"github.com/insomniacslk/dhcp/iana"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/stretchr/testify/require"

	"rowlock/sqlstore"
)

var (
	serverDUID6 = []byte{0, 2, 0, 0, 0x7e, 0xd9, 1, 2, 3, 4}
	clientDUID6 = []byte{0, 3, 0, 1, 2, 0, 0x5e, 0x10, 0, 1} // DUID-LL, Ethernet 02:00:5e:10:00:01
)

// config6 has two links: "access" with a subnet that is open and one that is
// closing, and a lone subnet with rapid commit and a preference.
func config6() *sqlstore.Config {
	option := func(name, data string, always bool) sqlstore.OptionData {
		return sqlstore.OptionData{Family: sqlstore.IPv6, Name: name, Data: data, Always: always}
	}
	access := &sqlstore.Link{ID: 1, Name: "access", Subnets: []*sqlstore.Subnet{
		{
			ID: 1, LinkID: 1, Prefix: netip.MustParsePrefix("2001:db8:1::/64"), Interface: "lan0", PreviousLinkID: 9,
			Relays: []netip.Addr{netip.MustParseAddr("2001:db8:ffff::1")},
			Pools: []*sqlstore.Pool{
				pool6(11, 1, 1, "2001:db8:1::1000", "2001:db8:1::1fff", 128),
				pool6(12, 1, 1, "2001:db8:100::", "2001:db8:100:ff00::", 56),
			},
		},
		{ID: 2, LinkID: 1, Prefix: netip.MustParsePrefix("2001:db8:2::/64"), Closing: true, Pools: []*sqlstore.Pool{
			pool6(13, 2, 1, "2001:db8:200::", "2001:db8:200:ff00::", 56),
		}},
	}}
	lone := &sqlstore.Link{ID: 3, Subnets: []*sqlstore.Subnet{{
		ID: 3, LinkID: 3, Prefix: netip.MustParsePrefix("2001:db8:3::/64"), InterfaceID: []byte("port7"),
		Parameters: sqlstore.Parameters{
			"rapid_commit": "true", "preference": "7", "min_valid_lifetime": "600", "max_valid_lifetime": "86400",
			"renew_timer": "100", "rebind_timer": "160", "preferred_lifetime": "3000",
		},
		Pools: []*sqlstore.Pool{pool6(31, 3, 3, "2001:db8:3::1000", "2001:db8:3::1fff", 128)},
	}}}
	return &sqlstore.Config{
		Revision: 5, ServerDUID: serverDUID6, Links: []*sqlstore.Link{access, lone},
		Options: []sqlstore.OptionData{
			option("dns-servers", "2001:db8::53", false), option("domain-search", "example.org", false),
			option("sntp-servers", "2001:db8::7b", true), option("information-refresh-time", "7200", true),
		},
	}
}

func pool6(id, subnet, link uint32, first, last string, bits uint8) *sqlstore.Pool {
	p := &sqlstore.Pool{
		ID: id, Gen: 1, SubnetID: subnet, LinkID: link, Kind: sqlstore.NA,
		First: netip.MustParseAddr(first), Last: netip.MustParseAddr(last), DelegatedLen: bits,
	}
	if bits < 128 {
		p.Kind = sqlstore.PD
	}
	return p
}

// leaser6 is a Leaser that does what a test says. Without a say it grants what
// is wanted, else the first address of the first pool.
type leaser6 struct {
	mu       sync.Mutex
	decide   func(r *sqlstore.Request) (*sqlstore.Decision, error)
	requests []*sqlstore.Request
}

func (l *leaser6) Do(_ context.Context, r *sqlstore.Request) (*sqlstore.Decision, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.requests = append(l.requests, r)
	if l.decide != nil {
		return l.decide(r)
	}
	d := &sqlstore.Decision{Revision: r.Revision}
	for i := range r.Items {
		d.Results = append(d.Results, grant6(&r.Items[i], r.Items[i].Want))
	}
	return d, nil
}

func (l *leaser6) items() []sqlstore.Item {
	l.mu.Lock()
	defer l.mu.Unlock()
	var all []sqlstore.Item
	for _, r := range l.requests {
		all = append(all, r.Items...)
	}
	return all
}

// grant6 grants addr to an item; Done where the item ends a binding.
func grant6(it *sqlstore.Item, addr netip.Addr) sqlstore.Result {
	if it.Op == sqlstore.OpRelease || it.Op == sqlstore.OpDecline {
		return sqlstore.Result{Code: sqlstore.Done}
	}
	p := it.Pools.Find(addr)
	if p == nil {
		all := slices.Collect(it.Pools.Open)
		if len(all) == 0 {
			return sqlstore.Result{Code: sqlstore.Exhausted}
		}
		p, addr = all[0], all[0].First
	}
	return sqlstore.Result{Code: sqlstore.Granted, HasLease: true, Lease: sqlstore.Lease{
		Family: sqlstore.IPv6, Key: it.Key, Addr: addr, PrefixLen: p.DelegatedLen, State: sqlstore.Active,
		ValidLft: it.ValidLft, PreferredLft: it.PreferredLft,
	}}
}

// say6 makes a decision with one result for each item.
func say6(results ...sqlstore.Result) func(r *sqlstore.Request) (*sqlstore.Decision, error) {
	return func(r *sqlstore.Request) (*sqlstore.Decision, error) {
		return &sqlstore.Decision{Revision: r.Revision, Results: results}, nil
	}
}

type nobody6 struct{}

func (nobody6) Owner(netip.Addr) sqlstore.Ownership { return sqlstore.OwnerNone }

// bench6 is a server without sockets: replies stay in its listener's queue.
type bench6 struct {
	*Server
	leaser   *leaser6
	listener *listener
}

func newBench6(t testing.TB) *bench6 {
	t.Helper()
	return newBench6Of(t, config6())
}

// newBench6Of makes a server with a configuration.
func newBench6Of(t testing.TB, config *sqlstore.Config) *bench6 {
	t.Helper()
	b := &bench6{leaser: &leaser6{}}
	var err error
	b.Server, err = New(Config{
		Logger: slog.New(slog.DiscardHandler), Registerer: prometheus.NewRegistry(),
		Leaser: b.leaser, Members: nobody6{}, Deadline: time.Minute,
	})
	require.NoError(t, err)
	require.NoError(t, b.SetConfig(config))
	b.listener = &listener{
		family: sqlstore.IPv6, config: ListenConfig{Kind: ListenInterface, Interface: "lan0", Port: 547, ClientPort: 546, RelayPort: 547},
		udp: newSocket(nil, 4),
	}
	return b
}

// direct is a packet that a client multicast on lan0.
func (b *bench6) direct(data []byte) *packet {
	return &packet{
		family: sqlstore.IPv6, data: data, listener: b.listener, ifindex: 4,
		src:   netip.MustParseAddrPort("[fe80::5eff:fe10:1%lan0]:546"),
		dst:   netip.MustParseAddrPort("[ff02::1:2]:547"),
		iface: &iface{name: "lan0", index: 4},
	}
}

// relayed is a packet that a relay sent to the server's address.
func (b *bench6) relayed(data []byte) *packet {
	return &packet{
		family: sqlstore.IPv6, data: data, listener: b.listener, ifindex: 5,
		src: netip.MustParseAddrPort("[2001:db8:ffff::1]:40000"),
		dst: netip.MustParseAddrPort("[2001:db8::5]:547"), local: netip.MustParseAddr("2001:db8::5"),
	}
}

// run handles a packet and returns what it sends, which is decoded by the
// codec's full decoder.
func (b *bench6) run(p *packet) (*outgoing, dhcpv6.DHCPv6, error) {
	if err := b.handle6(context.Background(), p); err != nil {
		return nil, nil, err
	}
	o := <-b.listener.udp.out
	msg, err := dhcpv6.FromBytes(o.data)
	return &o, msg, err
}

// answer is run for a direct message whose answer must come.
func (b *bench6) answer(t testing.TB, data []byte) *dhcpv6.Message {
	t.Helper()
	_, msg, err := b.run(b.direct(data))
	require.NoError(t, err)
	return msg.(*dhcpv6.Message)
}

// requireDrop requires that a packet is dropped for the reason and that the
// database was not asked.
func (b *bench6) requireDrop(t testing.TB, p *packet, reason Reason) {
	t.Helper()
	_, _, err := b.run(p)
	require.Error(t, err)
	require.Equal(t, reason, reasonOf(err), err)
	require.Empty(t, b.leaser.requests)
}

func u16(n int) []byte { return binary.BigEndian.AppendUint16(nil, uint16(n)) }

func u32(n uint32) []byte { return binary.BigEndian.AppendUint32(nil, n) }

func addr16(s string) []byte { return netip.MustParseAddr(s).AsSlice() }

// opt6 builds an option from the parts of its value.
func opt6(code dhcpv6.OptionCode, parts ...[]byte) []byte {
	value := slices.Concat(parts...)
	return slices.Concat(u16(int(code)), u16(len(value)), value)
}

// msg6 builds a message with the transaction id 0a0b0c.
func msg6(t dhcpv6.MessageType, options ...[]byte) []byte {
	return slices.Concat([]byte{byte(t), 0x0a, 0x0b, 0x0c}, slices.Concat(options...))
}

func clientID6() []byte { return opt6(dhcpv6.OptionClientID, clientDUID6) }

func serverID6() []byte { return opt6(dhcpv6.OptionServerID, serverDUID6) }

// na6 builds an IA_NA with addresses, pd6 an IA_PD with prefixes.
func na6(iaid uint32, addrs ...string) []byte {
	parts := [][]byte{u32(iaid), u32(0), u32(0)}
	for _, a := range addrs {
		parts = append(parts, opt6(dhcpv6.OptionIAAddr, addr16(a), u32(0), u32(0)))
	}
	return opt6(dhcpv6.OptionIANA, parts...)
}

func pd6(iaid uint32, prefixes ...string) []byte {
	parts := [][]byte{u32(iaid), u32(0), u32(0)}
	for _, s := range prefixes {
		p := netip.MustParsePrefix(s)
		parts = append(parts, opt6(dhcpv6.OptionIAPrefix, u32(0), u32(0), []byte{byte(p.Bits())}, p.Addr().AsSlice()))
	}
	return opt6(dhcpv6.OptionIAPD, parts...)
}

// relay6Msg wraps a message as a relay does.
func relay6Msg(hops byte, link, peer string, inner []byte, options ...[]byte) []byte {
	head := slices.Concat([]byte{byte(dhcpv6.MessageTypeRelayForward), hops}, addr16(link), addr16(peer))
	return slices.Concat(head, slices.Concat(options...), opt6(dhcpv6.OptionRelayMsg, inner))
}

// status6Of returns the status code among options; Success when there is none.
func status6Of(o dhcpv6.Options) iana.StatusCode {
	if s, ok := o.GetOne(dhcpv6.OptionStatusCode).(*dhcpv6.OptStatusCode); ok {
		return s.StatusCode
	}
	return iana.StatusSuccess
}
