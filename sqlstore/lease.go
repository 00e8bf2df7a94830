package sqlstore

import (
	"net/netip"
	"time"
)

// Client is what a packet tells about its sender; it is stored with the lease
// for reports and for later packets that lack it. Slices may be nil.
type Client struct {
	HWAddr       []byte // link-layer address without its type, at most 20 bytes
	HWType       uint16 // RFC 826 hardware type
	HWSource     uint8  // where HWAddr came from, as in Kea: 1 raw, 2 link-local, 4 DUID, 8 RFC 6939
	ClientID     []byte // DHCPv4 option 61 (column client_id), DHCPv6 DUID (column duid)
	IAID         uint32 // DHCPv6 only
	RelayAddr    netip.Addr
	CircuitID    []byte // DHCPv4 82.1; DHCPv6 interface-id (column interface_id)
	RemoteID     []byte // DHCPv4 82.2; DHCPv6 option 37
	SubscriberID []byte // DHCPv4 82.6; DHCPv6 option 38
	RelayID      []byte // DHCPv4 82.12; DHCPv6 option 53
	Hostname     string // lower case, printable ASCII, at most 255 bytes
	FQDNFlags    uint8  // flags byte of option 81 or 39
	Classes      string // names of the client's classes, separated by commas
}

// Lease is one row of lease4 or lease6: a binding of a client to an address
// or prefix. Remaining is computed by the database in the statement that read
// the row; the times are for display and never compared with a local clock.
type Lease struct {
	Family       Family
	Key          Key
	ParkedKey    Key // the client's key before the row was parked, else empty
	VRF          uint32
	Addr         netip.Addr
	PrefixLen    uint8 // 32 or 128 for an address, else the delegated length
	SubnetID     uint32
	PoolID       uint32 // 0: in no pool (a reservation outside of them)
	PoolGen      uint32
	State        State
	ValidLft     uint32 // seconds, as last granted
	PreferredLft uint32 // seconds; DHCPv6 only
	Rev          int64  // changes with every change of the row and never repeats for a key or address
	Remaining    time.Duration
	Since        time.Time // when this holding began
	Expires      time.Time
	ReclaimAt    time.Time // zero while the binding is live
	Frontend     string    // id of the frontend that wrote the row last
	Client       Client
}

// Prefix returns the address or delegated prefix with its length.
func (l *Lease) Prefix() netip.Prefix { return netip.PrefixFrom(l.Addr, int(l.PrefixLen)) }

// Live tells whether the row is an active lease that had not run out when it
// was read.
func (l *Lease) Live() bool { return l.State == Active && l.Remaining > 0 }

// Kind tells whether the lease is an address or a delegated prefix.
func (l *Lease) Kind() Kind {
	if l.Family == IPv6 && l.PrefixLen < 128 {
		return PD
	}
	return NA
}
