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

// Explanation is what would become of a message, and why. Its JSON form is
// documented in cmd/rowlock/README.md; fields are only added to it.
type Explanation struct {
	Revision   int64                `json:"revision"`
	Packet     ExplainedPacket      `json:"packet"`
	VRF        *ExplainedVRF        `json:"vrf,omitempty"`
	Selection  []ExplainedRule      `json:"selection"`
	Candidates []ExplainedSubnet    `json:"candidates"`
	Link       *ExplainedLink       `json:"link,omitempty"`
	Subnet     *ExplainedSubnet     `json:"subnet,omitempty"`
	Bindings   []ExplainedBinding   `json:"bindings"`
	Pools      []ExplainedPool      `json:"pools"`
	Parameters []ExplainedParameter `json:"parameters"`
	Options    []ExplainedOption    `json:"options"`
	Name       *ExplainedName       `json:"name,omitempty"`
	Reply      *ExplainedReply      `json:"reply,omitempty"`
	Drop       *ExplainedDrop       `json:"drop,omitempty"`
}

// ExplainedPacket is what was read from the message.
type ExplainedPacket struct {
	Family       string   `json:"family"`
	Type         string   `json:"type"`
	XID          string   `json:"xid"`
	From         string   `json:"from"`
	To           string   `json:"to"`
	Interface    string   `json:"interface,omitempty"`
	Relays       []string `json:"relays,omitempty"` // giaddr, or link-addresses, the nearest to the client first
	HWAddr       string   `json:"hwaddr,omitempty"`
	ClientID     string   `json:"client_id,omitempty"` // hex; the DUID of a DHCPv6 client
	CircuitID    string   `json:"circuit_id,omitempty"`
	RemoteID     string   `json:"remote_id,omitempty"`
	SubscriberID string   `json:"subscriber_id,omitempty"`
	RelayID      string   `json:"relay_id,omitempty"`
	ServerID     string   `json:"server_id,omitempty"`
	Hostname     string   `json:"hostname,omitempty"`
	Asks         []uint16 `json:"asks"` // codes of the options it asks for
}

// ExplainedVRF is the address plan that the packet belongs to.
type ExplainedVRF struct {
	ID    uint32 `json:"id"`
	Rule  string `json:"rule"`
	Value string `json:"value,omitempty"`
}

// ExplainedRule is a rule of subnet selection that was tried.
type ExplainedRule struct {
	Rule   string `json:"rule"`
	Value  string `json:"value"`
	Subnet uint32 `json:"subnet,omitempty"`
	Chosen bool   `json:"chosen"`
	Text   string `json:"text"`
}

// ExplainedSubnet is a subnet: the one chosen, or one that might have been.
type ExplainedSubnet struct {
	ID      uint32 `json:"id"`
	Prefix  string `json:"prefix"`
	VRF     uint32 `json:"vrf"`
	Link    uint32 `json:"link"`
	Closing bool   `json:"closing,omitempty"`
	Why     string `json:"why"`
}

// ExplainedLink is the link of the subnet, with all subnets of the family.
type ExplainedLink struct {
	ID            uint32            `json:"id"`
	SharedNetwork string            `json:"shared_network,omitempty"`
	Former        []uint32          `json:"former,omitempty"` // links that subnets of it came from
	Subnets       []ExplainedSubnet `json:"subnets"`
}

// ExplainedBinding is what the message asks for: an address, or for DHCPv6 one of
// its identity associations.
type ExplainedBinding struct {
	Op         string   `json:"op,omitempty"`
	Kind       string   `json:"kind"`
	IAID       *uint32  `json:"iaid,omitempty"`
	Identity   string   `json:"identity,omitempty"` // what the key is made of
	Key        string   `json:"key,omitempty"`      // hex, as in the lease tables
	FormerKeys []string `json:"former_keys,omitempty"`
	Want       string   `json:"want,omitempty"`
	Outcome    string   `json:"outcome"`
	Address    string   `json:"address,omitempty"`
	AnyOfPool  uint32   `json:"any_of_pool,omitempty"` // Address is whatever is free there
	Valid      uint32   `json:"valid_lifetime,omitempty"`
	Preferred  uint32   `json:"preferred_lifetime,omitempty"`
	Steps      []string `json:"steps"`

	Preview *sqlstore.Preview `json:"-"` // nil where the database is not asked
}

// ExplainedPool is a pool of the link, in the order of allocation.
type ExplainedPool struct {
	ID     uint32 `json:"id"`
	Subnet uint32 `json:"subnet"`
	Kind   string `json:"kind"`
	First  string `json:"first"`
	Last   string `json:"last"`
	Length uint8  `json:"delegated_len"`
	Size   uint64 `json:"size"`
	State  string `json:"state"` // open, waiting, closing
}

// ExplainedParameter is a parameter in force, and the scope it comes from:
// default, global, link, subnet.
type ExplainedParameter struct {
	Name  string `json:"name"`
	Value string `json:"value"`
	From  string `json:"from"`
}

// ExplainedOption is an option of the reply, or one that is configured and not in
// it. From is the scope of a configured one, packet for what is sent back, server
// for what the server says itself.
type ExplainedOption struct {
	Code  uint16 `json:"code"`
	Name  string `json:"name,omitempty"`
	Value string `json:"value"`
	From  string `json:"from"`
	Sent  bool   `json:"sent"`
	Why   string `json:"why"`
}

// ExplainedName is the name of the client in DNS.
type ExplainedName struct {
	Name    string `json:"name,omitempty"`
	Forward bool   `json:"forward"` // the server keeps the address record
	Reverse bool   `json:"reverse"`
	Refused string `json:"refused,omitempty"` // why the client does not have the name it sent
}

// ExplainedReply is the answer.
type ExplainedReply struct {
	Type     string `json:"type"`
	To       string `json:"to,omitempty"`
	ServerID string `json:"server_id,omitempty"` // empty where each frontend has its own
}

// ExplainedDrop says why there is no answer.
type ExplainedDrop struct {
	Reason Reason `json:"reason"`
	Text   string `json:"text"`
}

// Explain tells what a server with this configuration does with a message, by the
// very steps of the packet path, and changes nothing. What depends on load (queue,
// buckets, deadlines) is left out. Its error is one of the configuration, of the
// input or of Preview; a message that is not answered has a Drop instead.
func Explain(ctx context.Context, c *sqlstore.Config, in ExplainInput) (*Explanation, error) {
	if len(in.Message) > maxPacket {
		return nil, fmt.Errorf("explain: the message has %d bytes, more than %d", len(in.Message), maxPacket)
	}
	snap, err := compile(c, nil)
	if err != nil {
		return nil, fmt.Errorf("compile configuration: %w", err)
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
