package load

import (
	"net/netip"
	"time"

	"rowlock/sqlstore"
)

// verb is the message that an exchange sends and waits on.
type verb uint8

const (
	discover verb = iota // DISCOVER, SOLICIT
	request              // REQUEST
	renew                // REQUEST with ciaddr, RENEW
	rebind               // REQUEST with ciaddr, REBIND
	release              // RELEASE
	decline              // DECLINE
	verbs
)

// ends tells whether the message gives the client's leases up.
func (v verb) ends() bool { return v == release || v == decline }

// Limits of what goes into a packet, so that every one fits in packetSize.
const (
	maxText    = 64  // circuit prefix, interface-id
	maxDUID    = 130 // RFC 9915 11.1: 128 bytes and the type code
	packetSize = 1024
)

// message is all that the bytes of a packet depend on.
type message struct {
	verb     verb
	xid      uint32
	client   int
	elapsed  time.Duration
	relay    int // index
	serverID string
	asked    [2]netip.Prefix // address and prefix to name, by slot; may be invalid
}

// slot returns the place of a kind in a pair.
func slot(k sqlstore.Kind) int {
	if k == sqlstore.PD {
		return 1
	}
	return 0
}

// reply is what matters of a packet received; its slices point into the packet.
type reply struct {
	kind      EventType // Offer, Ack, Nak, Advertise or Reply
	xid       uint32
	serverID  []byte
	identity  []byte // chaddr, or the client's DUID
	relayAddr []byte // giaddr, or link-address
	peer      []byte // peer-address; DHCPv6
	relayInfo []byte // option 82, or interface-id; nil when absent
	grants    []grant
}

// grant is one address or prefix of a reply, or one IA without any.
type grant struct {
	kind      sqlstore.Kind
	iaid      uint32
	addr      netip.Prefix // not valid: the IA has none
	valid     uint32
	preferred uint32
}

// has tells whether the reply gives a lease of this kind.
func (r *reply) has(k sqlstore.Kind) bool {
	for _, g := range r.grants {
		if g.kind == k && g.addr.IsValid() && g.valid > 0 {
			return true
		}
	}
	return false
}

// drop is the reason why a packet is no answer to anything; empty: it is one.
type drop string

const (
	dropNone       drop = ""
	dropMalformed  drop = "malformed"
	dropType       drop = "message-type"
	dropXID        drop = "unknown-xid"
	dropIdentity   drop = "wrong-client"
	dropRelay      drop = "wrong-relay"       // giaddr, link-address or peer-address
	dropRelayInfo  drop = "relay-info"        // option 82 or interface-id not returned as sent
	dropServerID   drop = "no-server-id"      // RFC 2131 table 3, RFC 9915 16.3 and 16.10
	dropLifetime   drop = "no-lease-time"     // RFC 2131 table 3
	dropAddress    drop = "no-address"        // yiaddr is zero
	dropIA         drop = "wrong-ia"          // an IA that the client does not have
	dropUnexpected drop = "unexpected-answer" // of a type that the message sent does not have
)

// protocol is what differs between DHCPv4 and DHCPv6.
type protocol interface {
	// build writes the packet for m into buf, which has packetSize bytes, and
	// returns the part used.
	build(buf []byte, m *message) []byte
	// parse reads a packet into r, and tells why it is no reply.
	parse(b []byte, r *reply) drop
	// match tells whether a reply is for this client behind this relay.
	match(r *reply, client, relay int) drop
	// xid makes the n-th transaction id; they do not repeat within a run for
	// as long as late answers are waited for.
	xid(n uint32) uint32
	// newXID tells whether each message of an exchange has its own
	// transaction id (RFC 9915 16.1), or all have the same (RFC 2131 4.4.1).
	newXID() bool
}
