package sqlstore

import (
	"fmt"
	"math"
)

// Family is the address family of a lease, and with it the protocol: IPv4 is
// DHCPv4 (RFC 2131), IPv6 is DHCPv6 (RFC 9915).
type Family uint8

// The two families. The numbers are those that the SQL tables use.
const (
	IPv4 Family = 4
	IPv6 Family = 6
)

func (f Family) String() string {
	if f == IPv6 {
		return "v6"
	}
	return "v4"
}

// State is the state column of a lease row.
type State int16

// The states of a binding. The numbers are public: SQL reports use them.
const (
	Offered  State = 1 // held for a client that has not requested it yet
	Active   State = 2 // acknowledged; counts as Expired once expires_at has passed
	Expired  State = 3 // ended by time; kept so that a returning client gets it back
	Released State = 4 // ended by the client; kept likewise
	Declined State = 5 // parked in quarantine after a DECLINE
	Parked   State = 6 // the address is still blocked, the client's key is free
	Reserved State = 7 // a reservation's own row while nobody uses it
)

var stateNames = map[State]string{
	Offered: "offered", Active: "active", Expired: "expired", Released: "released",
	Declined: "declined", Parked: "parked", Reserved: "reserved",
}

func (s State) String() string {
	if n, ok := stateNames[s]; ok {
		return n
	}
	return fmt.Sprintf("state(%d)", int16(s))
}

// ParseState returns the state with the given name.
func ParseState(name string) (State, error) {
	for s, n := range stateNames {
		if n == name {
			return s, nil
		}
	}
	return 0, fmt.Errorf("unknown lease state %q", name)
}

// Infinite is the lifetime that never ends (RFC 2131 section 3.3, RFC 9915
// section 7.7). In SQL such a lease expires at 9000-01-01 00:00:00 UTC.
const Infinite = math.MaxUint32

// Kind tells an address from a delegated prefix.
type Kind uint8

// The kinds of pool and of DHCPv6 binding. The numbers are the type byte of
// a DHCPv6 binding key.
const (
	NA Kind = 1 // addresses: IPv4, or IA_NA
	PD Kind = 2 // delegated prefixes: IA_PD
)

func (k Kind) String() string {
	if k == PD {
		return "pd"
	}
	return "na"
}
