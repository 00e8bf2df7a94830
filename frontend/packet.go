package frontend

import (
	"net"
	"net/netip"
	"time"

	"rowlock/sqlstore"
)

// maxPacket is the longest message that is taken; longer ones are dropped.
const maxPacket = 4096

// packet is one message as it came in. It is owned by the step that has it;
// data is its own copy, which others may keep.
type packet struct {
	family sqlstore.Family
	data   []byte
	src    netip.AddrPort
	// dst is the address that the sender used and the local port. Broadcasts
	// and multicasts are dst too: see local.
	dst netip.AddrPort
	// local is the address of ours that received it, where the system says so:
	// a reply by UDP leaves from there.
	local    netip.Addr
	ifindex  int
	received time.Time
	listener *listener
	fresh    bool   // it begins a conversation (DISCOVER, SOLICIT)
	flow     uint64 // stands for its relay, in a fresh one
	// iface is the incoming interface of a ListenInterface listener, else nil.
	iface *iface
}

// iface is what is known of an interface at some moment; it is not changed.
type iface struct {
	name  string
	index int
	hw    net.HardwareAddr
	addrs []netip.Prefix // all addresses, in the order of the system
}

// addr4 returns the first IPv4 address, the zero Addr if there is none.
func (i *iface) addr4() netip.Addr {
	for _, a := range i.addrs {
		if a.Addr().Is4() {
			return a.Addr()
		}
	}
	return netip.Addr{}
}

// has tells whether addr is an address of the interface.
func (i *iface) has(addr netip.Addr) bool {
	for _, a := range i.addrs {
		if a.Addr() == addr {
			return true
		}
	}
	return false
}

// outgoing is one reply on its way to a socket.
type outgoing struct {
	data []byte
	to   netip.AddrPort
	// from is the source address; the zero Addr leaves it to the system.
	from netip.Addr
	// ifindex binds the reply to an interface; 0 leaves it to the system.
	ifindex int
	// hw makes the reply a raw frame to this link-layer address.
	hw net.HardwareAddr
	// kind is the message type, for the counter.
	kind string
	// in is the packet that is answered.
	in *packet
}
