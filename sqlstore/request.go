package sqlstore

import (
	"net/netip"
	"time"
)

// Op is what a packet asks of a binding. The names are those of the client's
// states (RFC 2131 section 4.3.2 and figure 5, RFC 9915 section 18.2).
type Op uint8

// The operations. Each is one column of the transition table in
// sqlstore/engine/README.md.
const (
	OpOffer      Op = iota + 1 // DISCOVER, SOLICIT: find or make a binding and hold it
	OpAssign                   // rapid commit: offer and commit at once
	OpSelect                   // v4 REQUEST in SELECTING; v6 REQUEST
	OpInitReboot               // v4 REQUEST in INIT-REBOOT
	OpRenew                    // v4 REQUEST in RENEWING; v6 RENEW
	OpRebind                   // v4 REQUEST in REBINDING; v6 REBIND
	OpRelease                  // RELEASE
	OpDecline                  // DECLINE
	OpWithdraw                 // v4 REQUEST that took the offer of a server that is none of ours
)

var opNames = [...]string{"", "offer", "assign", "select", "init-reboot", "renew", "rebind", "release", "decline", "withdraw"}

func (o Op) String() string {
	if int(o) < len(opNames) {
		return opNames[o]
	}
	return "op"
}

// Request is one message: one item for DHCPv4, one per identity association
// for DHCPv6. The items of a message commit together or not at all.
// A Request must not be changed while the engine works on it.
type Request struct {
	Family   Family
	Revision int64 // of the snapshot that Items were made from
	Items    []Item
}

// Item asks for one binding.
type Item struct {
	Op     Op
	Key    Key
	Former []Key // keys under which the same client may have been known (design: re-keying)
	VRF    uint32
	Kind   Kind
	// Want is the address or prefix that the client names: requested address,
	// ciaddr, or the one in the IA. The zero Addr means none.
	Want netip.Addr
	// WantLen is the prefix length asked for in an IA_PD hint, 0 if none.
	WantLen uint8
	// Pools are those this client may have an address of, closing ones left out;
	// those that wait are there for what is held in them. Never nil, shared with
	// the snapshot and not changed.
	Pools *PoolSet
	// Reserved is the address reserved for this client; Key is then the
	// reservation's key. The zero Addr means none.
	Reserved netip.Addr

	ValidLft     uint32 // seconds to grant; Infinite for ever
	PreferredLft uint32 // seconds; DHCPv6
	OfferLft     uint32 // seconds for which an offer is held
	// CacheAge is the age of a lease, in seconds, up to which a renewal that
	// changes nothing is answered without a write; 0: each is written.
	CacheAge uint32
	Client   Client
	// Named returns the name and the flags that the binding has at an address,
	// instead of those of Client; nil: as in Client. It is called by the engine,
	// any number of times, and must not block.
	Named func(addr netip.Addr) (hostname string, fqdnFlags uint8)
	// KeepName says that a message without a name means no change: the row
	// keeps its name, and who keeps it in DNS. Otherwise the row of a client
	// that has no name loses FQDNForward and FQDNReverse; the name stays there
	// for reports.
	KeepName bool
}

// ClientAt is the item's client with the name that it has at an address.
func (it *Item) ClientAt(addr netip.Addr) Client {
	c := it.Client
	if it.Named != nil && addr.IsValid() {
		c.Hostname, c.FQDNFlags = it.Named(addr)
	}
	return c
}

// Unnames tells whether a row that was granted to the client has a name in DNS
// which the client does not have any more.
func (it *Item) Unnames(row *Lease) bool {
	return row.Client.FQDNFlags&(FQDNForward|FQDNReverse) != 0 && row.Client.Hostname != "" &&
		!it.KeepName && it.ClientAt(row.Addr).Hostname == ""
}

// Permits tells whether the client may go on holding addr, and from which pool
// (nil for a reserved address).
func (it *Item) Permits(addr netip.Addr) (*Pool, bool) {
	if it.Reserved.IsValid() {
		return it.Pools.Find(addr), addr == it.Reserved
	}
	p := it.Pools.Find(addr)
	return p, p != nil && p.Kind == it.Kind
}

// Gives is Permits for a client that does not hold addr yet: a pool that waits
// gives nothing new.
func (it *Item) Gives(addr netip.Addr) (*Pool, bool) {
	p, ok := it.Permits(addr)
	return p, ok && (p == nil || !p.Waiting)
}

// Keeps tells whether a row of the client may stay as it is, or be extended: its
// pool has the address still, with the same length; and where the pool waits,
// the row blocks that address now.
func (it *Item) Keeps(row *Lease) bool {
	p, ok := it.Permits(row.Addr)
	switch {
	case !ok || p == nil:
		return ok
	case p.DelegatedLen != row.PrefixLen:
		return false
	}
	return !p.Waiting || row.Live() || row.State == Offered && row.Remaining > 0
}

// Cacheable tells whether a renewal need not be written: the row is live, at
// the address that the client names, younger than CacheAge, and would have the
// same lifetimes and the same client as before.
func (it *Item) Cacheable(row *Lease) bool {
	if it.CacheAge == 0 || !row.Live() || row.Addr != it.Want || row.Key != it.Key ||
		row.ValidLft != it.ValidLft || row.Family == IPv6 && row.PreferredLft != it.PreferredLft {
		return false
	}
	left := time.Duration(row.ValidLft) * time.Second
	if age := left - row.Remaining; row.ValidLft != Infinite && (age >= time.Duration(it.CacheAge)*time.Second || row.Remaining < time.Second) {
		return false
	}
	return !it.Unnames(row) && it.ClientAt(row.Addr).Over(row.Client).Equal(row.Client)
}

// Code is the outcome for one item.
type Code uint8

// The outcomes. The frontend turns them into messages.
const (
	// Granted: Lease is the binding, offered (OpOffer) or committed.
	Granted Code = iota + 1
	// Done: a RELEASE or DECLINE changed the binding.
	Done
	// NoBinding: the client has no binding here (v4 renewing clients: NAK where
	// authoritative; INIT-REBOOT: silence; v6: status NoBinding).
	NoBinding
	// WrongAddress: the client may not use the address it named (v4: NAK;
	// v6: zero lifetimes for it). Lease is the client's own row, if it has one.
	WrongAddress
	// Exhausted: no address or prefix is free for this client.
	Exhausted
	// Unchanged: nothing to do and nothing to say (OpWithdraw without an offer).
	Unchanged
)

var codeNames = [...]string{"", "granted", "done", "no-binding", "wrong-address", "exhausted", "unchanged"}

func (c Code) String() string {
	if int(c) < len(codeNames) {
		return codeNames[c]
	}
	return "code"
}

// Result is the outcome for one item of a Request.
type Result struct {
	Code Code
	// Lease is the row as the database holds it after the decision; valid when
	// HasLease.
	Lease    Lease
	HasLease bool
	// Cached says that a renewal was granted without a write: the client is told
	// what is left of the Lease.
	Cached bool
	// Refused is the address named by the client that it may not use any more
	// (DHCPv6 answers it with zero lifetimes beside Lease). Zero if none.
	Refused netip.Addr
}

// Decision is the outcome of a Request. Results are parallel to its Items.
type Decision struct {
	// Revision is the newest configuration revision that the database named
	// while deciding. When it is newer than the request's and a result is
	// negative, the caller evaluates the packet once more on that revision.
	Revision int64
	Results  []Result
}

// Preview is what would become of one item if it were asked for now. Nothing was
// written.
type Preview struct {
	Result Result
	// Any says that the address of the Result stands for any free one of its pool:
	// which one it is, and whether there is one, is known when it is inserted.
	Any bool
	// Row is the client's own row as it is, nil if it has none. It may be one under
	// a former key.
	Row *Lease
	// Holder is the row of the address that the client wants, where it is another
	// client's; else nil.
	Holder *Lease
	Steps  []string // what would be done, in order, for people
}
