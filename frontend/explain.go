package frontend

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"net/netip"

	"rowlock/sqlstore"
)

// ExplainInput is a message, and how it came in.
type ExplainInput struct {
	Message []byte // the payload of the datagram
	// From and To are the addresses of the datagram. The zero value stands for those
	// that such a message has: from its relay, or from a client on the link.
	From, To netip.AddrPort
	// Interface is the incoming interface, where its clients are served directly;
	// "" for a socket that only relays send to. InterfaceAddrs are its addresses.
	Interface      string
	InterfaceAddrs []netip.Prefix
	// Preview tells what would be decided about a request, without doing it, with
	// one answer for each item.
	Preview func(ctx context.Context, r *sqlstore.Request) ([]sqlstore.Preview, error)
}

// ErrConfig is the error of a configuration that no server takes into use.
var ErrConfig = errors.New("configuration cannot be used")

// Explain tells what a server with this configuration does with a message, by the
// very steps of the packet path, and changes nothing. What depends on load (queue,
// buckets, deadlines) is left out. Its error is one of the configuration
// (ErrConfig), of the input or of Preview; a message that is not answered has a Drop instead.
func Explain(ctx context.Context, c *sqlstore.Config, in ExplainInput) (*Explanation, error) {
	if len(in.Message) > maxPacket {
		return nil, fmt.Errorf("explain: the message has %d bytes, more than %d", len(in.Message), maxPacket)
	}
	snap, err := compile(c, nil)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrConfig, err)
	}
	x := &explainer{ctx: ctx, in: in, snap: snap, server: &Server{cfg: Config{Members: nobody{}}}, out: &Explanation{
		Revision: c.Revision, Selection: []ExplainedRule{}, Candidates: []ExplainedSubnet{}, Bindings: []ExplainedBinding{},
		Pools: []ExplainedPool{}, Parameters: []ExplainedParameter{}, Options: []ExplainedOption{},
	}}
	run := x.message6
	if FamilyOf(in.Message) == sqlstore.IPv4 {
		run = x.message4
	}
	err = run()
	if d, ok := errors.AsType[*Drop](err); ok {
		x.out.Drop = &ExplainedDrop{Reason: d.Reason, Text: d.Error()}
		if d.Err != nil {
			x.out.Drop.Text = d.Err.Error()
		}
		err = nil
	}
	if err != nil {
		return nil, fmt.Errorf("explain: %w", err)
	}
	return x.out, nil
}

// FamilyOf tells the protocol of a message: DHCPv4 has the magic cookie (RFC 2131
// section 3) behind its header, anything else is taken for DHCPv6.
func FamilyOf(message []byte) sqlstore.Family {
	if len(message) >= headerLen4 && binary.BigEndian.Uint32(message[cookieAt4:]) == magicCookie {
		return sqlstore.IPv4
	}
	return sqlstore.IPv6
}

// nobody is a membership without siblings.
type nobody struct{}

func (nobody) Owner(netip.Addr) sqlstore.Ownership { return sqlstore.OwnerNone }

// explainer follows one message.
type explainer struct {
	ctx    context.Context
	in     ExplainInput
	snap   *snapshot
	server *Server
	out    *Explanation
}

// standIn is the address of a server that is not known.
var standIn = netip.AddrFrom4([4]byte{127, 0, 0, 1})

// packet makes a packet of the input.
func (x *explainer) packet(family sqlstore.Family, server, client, relay uint16) *packet {
	p := &packet{
		family: family, data: x.in.Message, src: x.in.From, dst: x.in.To,
		listener: &listener{family: family, config: ListenConfig{Kind: ListenUDP, Port: server, ClientPort: client, RelayPort: relay}},
	}
	if x.in.Interface != "" {
		p.listener.config.Kind = ListenInterface
		p.iface = &iface{name: x.in.Interface, addrs: x.in.InterfaceAddrs}
	}
	if a := p.dst.Addr(); a.IsValid() && !a.IsMulticast() && a != broadcast4 {
		p.local = a
	}
	return p
}

// preview asks what would be decided, and notes it.
func (x *explainer) preview(r *sqlstore.Request) (*sqlstore.Decision, []sqlstore.Preview, error) {
	all, err := x.in.Preview(x.ctx, r)
	if err != nil {
		return nil, nil, err
	}
	if len(all) != len(r.Items) {
		return nil, nil, fmt.Errorf("%d previews for %d items", len(all), len(r.Items))
	}
	d := &sqlstore.Decision{Revision: r.Revision}
	for i := range all {
		d.Results = append(d.Results, all[i].Result)
	}
	return d, all, nil
}
