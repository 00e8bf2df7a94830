package frontend

import (
	"context"
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/stretchr/testify/require"

	"rowlock/sqlstore"
)

// members4 is a fixed membership.
type members4 map[netip.Addr]sqlstore.Ownership

func (m members4) Owner(a netip.Addr) sqlstore.Ownership { return m[a] }

// bench4 is a server without sockets: replies stay in its listener's queues.
type bench4 struct {
	*Server
	model    *model4
	members  members4
	listener *listener
	registry *prometheus.Registry
}

// newBench4 makes a server from the text of a configuration (see parseConfig4)
// and of its place in the network (see place).
func newBench4(t testing.TB, config, place string) *bench4 {
	t.Helper()
	b := &bench4{model: newModel4(), members: members4{}, registry: prometheus.NewRegistry()}
	var err error
	b.Server, err = New(Config{
		Logger: slog.New(slog.DiscardHandler), Registerer: b.registry,
		Leaser: b.model, Members: b.members, Deadline: time.Minute,
	})
	require.NoError(t, err)
	c, err := parseConfig4(config)
	require.NoError(t, err)
	require.NoError(t, b.SetConfig(c))
	require.NoError(t, b.place(place))
	b.base = context.Background()
	return b
}

// place reads "listen interface NAME ADDR/BITS", "listen udp ADDR" and "live
// ADDR", "dead ADDR" (siblings), one a line.
func (b *bench4) place(text string) error {
	for line := range strings.Lines(text) {
		f := strings.Fields(line)
		switch {
		case len(f) == 0:
		case f[0] == "live":
			b.members[netip.MustParseAddr(f[1])] = sqlstore.OwnerLive
		case f[0] == "dead":
			b.members[netip.MustParseAddr(f[1])] = sqlstore.OwnerDead
		case f[0] == "listen" && f[1] == "udp":
			b.listener = &listener{
				family: sqlstore.IPv4, udp: newSocket(nil, 8),
				config: ListenConfig{Kind: ListenUDP, ClientPort: 68, RelayPort: 67},
			}
			b.members[netip.MustParseAddr(f[2])] = sqlstore.OwnerSelf
		case f[0] == "listen" && f[1] == "interface":
			b.listener = &listener{
				family: sqlstore.IPv4, udp: newSocket(nil, 8), raw: newSocket(nil, 8),
				config: ListenConfig{Kind: ListenInterface, Interface: f[2], Port: 67, ClientPort: 68, RelayPort: 67},
			}
			i := &iface{name: f[2], index: 2, hw: net.HardwareAddr{2, 0, 0x5e, 0, 0, 1}}
			for _, a := range f[3:] {
				i.addrs = append(i.addrs, netip.MustParsePrefix(a))
			}
			b.listener.iface.Store(i)
		default:
			return fmt.Errorf("unknown line %q", line)
		}
	}
	return nil
}

// packet makes a packet as the listener's sockets would.
func (b *bench4) packet(data []byte, src, dst string) *packet {
	p := &packet{
		family: sqlstore.IPv4, data: data, listener: b.listener, iface: b.listener.iface.Load(),
		src: netip.MustParseAddrPort(src), dst: netip.MustParseAddrPort(dst), received: time.Now(),
	}
	if p.dst.Addr() != broadcast4 {
		p.local = p.dst.Addr()
	}
	return p
}

// run handles a packet and returns what it sends, nil for nothing.
func (b *bench4) run(p *packet) (*outgoing, error) {
	err := b.handle4(context.Background(), p)
	for _, k := range b.listener.sockets() {
		select {
		case o := <-k.out:
			return &o, err
		default:
		}
	}
	return nil, err
}

// ask is run for a message in the text form of encode4, broadcast by a client
// on the link.
func (b *bench4) ask(t testing.TB, text string) (*outgoing, message4, error) {
	t.Helper()
	o, err := b.run(b.packet(encode4(t, text), "0.0.0.0:68", "255.255.255.255:67"))
	if o == nil {
		return nil, message4{}, err
	}
	return o, decodeReply4(t, o.data), err
}

// requireDrop requires that err is a drop for the reason.
func requireDrop(t testing.TB, reason Reason, err error) {
	t.Helper()
	require.Error(t, err)
	require.Equal(t, reason, reasonOf(err), err)
}

// parseConfig4 reads a configuration: "revision N"; "vrf N [interface=NAME]
// [relay=A]" says which packets belong to a VRF; "link [NAME]" begins a
// link, "subnet PREFIX [relay=A] [interface=NAME] [interface-id=TEXT] [vrf=N] [previous=N]
// [closing]" a subnet of it, "pool FIRST LAST [closing]" is in that; "param
// NAME VALUE" and "option NAME[!] DATA" belong to the nearest of these above
// them, else to all.
func parseConfig4(text string) (*sqlstore.Config, error) {
	c := &sqlstore.Config{Revision: 1, Parameters: sqlstore.Parameters{}}
	var link *sqlstore.Link
	var subnet *sqlstore.Subnet
	var pools uint32
	params, options := c.Parameters, &c.Options
	for line := range strings.Lines(text) {
		f := strings.Fields(line)
		if len(f) == 0 {
			continue
		}
		switch f[0] {
		case "revision":
			c.Revision, _ = strconv.ParseInt(f[1], 10, 64)
		case "vrf":
			c.VRFs = append(c.VRFs, parseVRF4(f[1:]))
		case "link":
			link = &sqlstore.Link{ID: uint32(len(c.Links) + 1), Parameters: sqlstore.Parameters{}}
			if len(f) > 1 {
				link.Name = f[1]
			}
			c.Links = append(c.Links, link)
			params, options = link.Parameters, &link.Options
		case "subnet":
			subnet = parseSubnet4(link, f[1:])
			params, options = subnet.Parameters, &subnet.Options
		case "pool":
			pools++
			subnet.Pools = append(subnet.Pools, &sqlstore.Pool{
				ID: pools, Gen: 1, SubnetID: subnet.ID, LinkID: link.ID, VRF: link.VRF, Kind: sqlstore.NA,
				First: netip.MustParseAddr(f[1]), Last: netip.MustParseAddr(f[2]), DelegatedLen: 32,
				Closing: len(f) > 3,
			})
		case "param":
			params[f[1]] = f[2]
		case "option":
			name, always := strings.CutSuffix(f[1], "!")
			*options = append(*options, sqlstore.OptionData{
				Family: sqlstore.IPv4, Name: name, Always: always, Data: strings.Join(f[2:], " "),
			})
		default:
			return nil, fmt.Errorf("unknown line %q", line)
		}
	}
	return c, nil
}

func parseVRF4(f []string) sqlstore.VRF {
	n, _ := strconv.ParseUint(f[0], 10, 32)
	v := sqlstore.VRF{ID: uint32(n)}
	for _, w := range f[1:] {
		switch k, value, _ := strings.Cut(w, "="); k {
		case "interface":
			v.Interfaces = append(v.Interfaces, value)
		case "relay":
			v.Relays = append(v.Relays, netip.MustParseAddr(value))
		}
	}
	return v
}

func parseSubnet4(link *sqlstore.Link, f []string) *sqlstore.Subnet {
	s := &sqlstore.Subnet{
		ID: link.ID*10 + uint32(len(link.Subnets)), LinkID: link.ID,
		Prefix: netip.MustParsePrefix(f[0]), Parameters: sqlstore.Parameters{},
	}
	for _, w := range f[1:] {
		k, v, _ := strings.Cut(w, "=")
		n, _ := strconv.ParseUint(v, 10, 32)
		switch k {
		case "relay":
			s.Relays = append(s.Relays, netip.MustParseAddr(v))
		case "interface":
			s.Interface = v
		case "interface-id":
			s.InterfaceID = []byte(v)
		case "vrf":
			link.VRF = uint32(n)
		case "previous":
			s.PreviousLinkID = uint32(n)
		case "closing":
			s.Closing = true
		}
	}
	link.Subnets = append(link.Subnets, s)
	return s
}
