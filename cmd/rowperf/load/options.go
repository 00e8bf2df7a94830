package load

import (
	"errors"
	"fmt"
	"net/netip"
	"time"

	"rowlock/sqlstore"
)

// Scenario is what each client does in its exchange.
type Scenario uint8

// The scenarios.
const (
	// New is DISCOVER to ACK, or SOLICIT to REPLY, naming no address.
	New Scenario = iota
	// Returning is the same, naming the address of Options.Leases as a wish.
	Returning
	// Renew is a REQUEST with ciaddr (RFC 2131 4.3.2, through the relay, as a
	// REBINDING client sends it), or RENEW (RFC 9915 18.2.4).
	Renew
	// Rebind is a REQUEST with ciaddr, or REBIND (RFC 9915 18.2.5).
	Rebind
	// Release is a DHCPv4 RELEASE, which has no answer, or a DHCPv6 RELEASE.
	Release
	// Decline is a DECLINE (RFC 2131 4.4.1, RFC 9915 18.2.8); DHCPv4 has no
	// answer to it.
	Decline
)

var scenarioNames = [...]string{"new", "returning", "renew", "rebind", "release", "decline"}

func (s Scenario) String() string { return scenarioNames[s] }

// Mode says when exchanges begin.
type Mode uint8

// The modes.
const (
	// Rate begins Options.Rate exchanges a second.
	Rate Mode = iota
	// Ramp goes from Options.Rate to Options.RampTo within Options.RampTime
	// and stays there.
	Ramp
	// Saturate keeps Options.Outstanding exchanges under way.
	Saturate
)

// Relay is one relay agent that clients sit behind; client number n is behind
// Relays[n modulo their count].
type Relay struct {
	// Addr selects the subnet: giaddr (RFC 2131) or link-address (RFC 9915).
	// A DHCPv4 relay address that this machine does not have cannot be answered
	// to; it is then sent as link selection (RFC 3527), with an address of this
	// machine as giaddr.
	Addr netip.Addr
	// CircuitPrefix begins the DHCPv4 circuit-id (RFC 3046); eight hexadecimal
	// digits of the client number follow. The remote-id is the client's
	// hardware address.
	CircuitPrefix string
	// InterfaceID is the DHCPv6 interface-id (RFC 9915 21.18); empty: not sent.
	InterfaceID string
}

// Options describe a run. Zero values of the fields that say so are replaced
// by their defaults.
type Options struct {
	Family  sqlstore.Family
	Servers []netip.AddrPort
	// Spread sends each packet to one of the servers, taking turns by client
	// and transmission; otherwise every packet goes to all of them.
	Spread bool
	Relays []Relay

	Clients int // how many clients take part
	First   int // number of the first one
	// Seed makes the identities: the same seed and number is the same client.
	Seed uint64
	// ClientIDs makes DHCPv4 clients send option 61 (RFC 4361).
	ClientIDs bool

	Scenario Scenario
	// NA and PD are what DHCPv6 clients ask for; neither means NA.
	NA, PD bool
	// Leases are what clients hold from an earlier run: needed by Renew, Rebind,
	// Release and Decline, where clients without one take no part; used by Returning.
	Leases []Lease

	Mode     Mode
	Rate     float64 // exchanges a second; Ramp: at the beginning
	RampTo   float64
	RampTime time.Duration
	// Outstanding is how many exchanges are under way at once: the aim of
	// Saturate, and the limit of the other modes. Default 256 or 65,536.
	Outstanding int
	// Duration ends the beginning of exchanges; 0: when all clients had theirs.
	Duration time.Duration
	// Repeat begins again with the first client until Duration is over.
	Repeat bool

	// Timeout is the wait before the first retransmission; it doubles with each
	// (RFC 2131 4.1, RFC 9915 15, without the random part). Default 1 s.
	Timeout time.Duration
	// MaxTimeout bounds the doubling. Default 16 s.
	MaxTimeout time.Duration
	// Tries is how often a message is sent in all. Default 3.
	Tries int
	// Restarts is how often a refused client begins again. Default 2;
	// a negative number means never.
	Restarts int
	// Linger is the longest wait for late answers at the end. Default 500 ms.
	Linger time.Duration

	Record        Recorder // may be nil
	Progress      func(Stats)
	ProgressEvery time.Duration // default 1 s
}

// Validate tells what is wrong with the options, and nothing about defaults.
func (o *Options) Validate() error {
	if o.Family != sqlstore.IPv4 && o.Family != sqlstore.IPv6 {
		return fmt.Errorf("family %d: must be 4 or 6", o.Family)
	}
	if len(o.Servers) == 0 || len(o.Relays) == 0 {
		return errors.New("at least one server and one relay are needed")
	}
	if len(o.Servers) > maxServers {
		return fmt.Errorf("%d servers: at most %d", len(o.Servers), maxServers)
	}
	for _, s := range o.Servers {
		if err := o.checkAddr("server", s.Addr()); err != nil {
			return err
		}
	}
	for _, r := range o.Relays {
		if err := o.checkAddr("relay", r.Addr); err != nil {
			return err
		}
		if len(r.CircuitPrefix) > maxText || len(r.InterfaceID) > maxText {
			return fmt.Errorf("relay %s: circuit prefix or interface-id over %d bytes", r.Addr, maxText)
		}
	}
	if o.Clients < 1 || o.First < 0 || uint64(o.First)+uint64(o.Clients) > 1<<32 {
		return fmt.Errorf("clients %d to %d: numbers must be within 32 bits", o.First, o.First+o.Clients-1)
	}
	if o.Scenario > Decline {
		return fmt.Errorf("scenario %d: unknown", o.Scenario)
	}
	return o.validatePace()
}

func (o *Options) validatePace() error {
	switch o.Mode {
	case Rate:
		if !(o.Rate > 0) {
			return errors.New("rate must be above zero")
		}
	case Ramp:
		if !(o.Rate > 0) || !(o.RampTo > 0) || o.RampTime <= 0 {
			return errors.New("ramp needs two rates and a time above zero")
		}
	case Saturate:
		if o.Family == sqlstore.IPv4 && o.Scenario >= Release {
			return fmt.Errorf("a DHCPv4 %s has no answer: give a rate", o.Scenario)
		}
	default:
		return fmt.Errorf("mode %d: unknown", o.Mode)
	}
	if o.Repeat && o.Duration <= 0 {
		return errors.New("repeat needs a duration")
	}
	if o.Repeat && o.Scenario >= Release {
		return fmt.Errorf("a %s cannot be repeated", o.Scenario)
	}
	if o.Timeout < 0 || o.MaxTimeout < 0 || o.Tries < 0 || o.Outstanding < 0 || o.Linger < 0 {
		return errors.New("timeouts, tries and outstanding must not be negative")
	}
	return nil
}

func (o *Options) checkAddr(what string, a netip.Addr) error {
	if !a.IsValid() || a.Is4() != (o.Family == sqlstore.IPv4) || a.Is4In6() {
		return fmt.Errorf("%s %s: not an address of family %s", what, a, o.Family)
	}
	return nil
}

// withDefaults returns the options with the documented defaults filled in.
func (o Options) withDefaults() Options {
	if o.Family == sqlstore.IPv4 || !o.PD {
		o.NA = true
	}
	if o.Family == sqlstore.IPv4 {
		o.PD = false
	}
	if o.Outstanding == 0 {
		o.Outstanding = 1 << 16
		if o.Mode == Saturate {
			o.Outstanding = 256
		}
	}
	setDefault(&o.Timeout, time.Second)
	setDefault(&o.MaxTimeout, 16*time.Second)
	setDefault(&o.Linger, 500*time.Millisecond)
	setDefault(&o.ProgressEvery, time.Second)
	setDefault(&o.Tries, 3)
	setDefault(&o.Restarts, 2)
	return o
}

func setDefault[T comparable](p *T, v T) {
	var zero T
	if *p == zero {
		*p = v
	}
}
