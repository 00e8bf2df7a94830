package sqlstore

import (
	"bytes"
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

// Over returns what a row has when it had old and c is granted: a message that
// lacks something (a unicast renewal has no relay) takes nothing away.
func (c Client) Over(old Client) Client {
	c.IAID = old.IAID
	if len(c.HWAddr) == 0 {
		c.HWAddr, c.HWType, c.HWSource = old.HWAddr, old.HWType, old.HWSource
	}
	if !c.RelayAddr.IsValid() {
		c.RelayAddr = old.RelayAddr
	}
	if c.Hostname == "" {
		c.Hostname, c.FQDNFlags = old.Hostname, old.FQDNFlags
	}
	for _, p := range []struct{ to, from *[]byte }{
		{&c.ClientID, &old.ClientID},
		{&c.CircuitID, &old.CircuitID},
		{&c.RemoteID, &old.RemoteID},
		{&c.SubscriberID, &old.SubscriberID},
		{&c.RelayID, &old.RelayID},
	} {
		if len(*p.to) == 0 {
			*p.to = *p.from
		}
	}
	return c
}

// Equal tells whether two clients are stored alike.
func (c Client) Equal(other Client) bool {
	return bytes.Equal(c.HWAddr, other.HWAddr) && c.HWType == other.HWType && c.HWSource == other.HWSource &&
		bytes.Equal(c.ClientID, other.ClientID) && c.IAID == other.IAID && c.RelayAddr == other.RelayAddr &&
		bytes.Equal(c.CircuitID, other.CircuitID) && bytes.Equal(c.RemoteID, other.RemoteID) &&
		bytes.Equal(c.SubscriberID, other.SubscriberID) && bytes.Equal(c.RelayID, other.RelayID) &&
		c.Hostname == other.Hostname && c.FQDNFlags == other.FQDNFlags && c.Classes == other.Classes
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

// Left returns the whole seconds that are left of the lifetimes; Infinite for
// ever, 0 for what has run out.
func (l *Lease) Left() (valid, preferred uint32) {
	if l.ValidLft == Infinite {
		return Infinite, l.PreferredLft
	}
	valid = uint32(min(max(l.Remaining, 0)/time.Second, time.Duration(l.ValidLft)))
	age := l.ValidLft - valid
	return valid, l.PreferredLft - min(l.PreferredLft, age)
}

// Kind tells whether the lease is an address or a delegated prefix.
func (l *Lease) Kind() Kind {
	if l.Family == IPv6 && l.PrefixLen < 128 {
		return PD
	}
	return NA
}
