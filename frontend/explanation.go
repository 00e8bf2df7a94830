package frontend

import "rowlock/sqlstore"

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
