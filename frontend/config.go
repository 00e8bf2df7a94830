package frontend

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/netip"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"rowlock/sqlstore"
)

// Leaser decides about bindings; sqlstore/engine has the one that asks the
// database. Do must be safe for concurrent use, keep to the deadline of ctx
// and return the errors of sqlstore. A request is not changed once passed.
type Leaser interface {
	Do(ctx context.Context, r *sqlstore.Request) (*sqlstore.Decision, error)
}

// Members tells who a DHCPv4 server identifier belongs to. Owner must be safe
// for concurrent use and must not block.
type Members interface {
	Owner(addr netip.Addr) sqlstore.Ownership
}

// ListenKind says how packets are received.
type ListenKind string

// The kinds of listening.
const (
	// ListenUDP is a UDP socket on an address: for relayed traffic, and for
	// clients that have an address already.
	ListenUDP ListenKind = "udp"
	// ListenInterface serves the clients of a link directly: broadcasts and
	// replies to clients without an address (DHCPv4), ff02::1:2 (DHCPv6).
	ListenInterface ListenKind = "interface"
)

// ListenConfig is one place to listen. The zero port means the protocol's own.
type ListenConfig struct {
	Kind       ListenKind
	Address    netip.AddrPort // ListenUDP: local address and port; port 0 lets the system choose
	Interface  string         // ListenInterface: name of the interface
	Port       uint16         // ListenInterface: server port (67, 547)
	ClientPort uint16         // port of clients (68, 546)
	RelayPort  uint16         // port of relays that do not use RFC 8357 (67, 547)
}

// Defaults of Config.
const (
	DefaultWorkers  = 1024
	DefaultQueueLen = 8192
	DefaultDeadline = time.Second
)

// Config is what a Server is made of.
type Config struct {
	Logger     *slog.Logger          // must not be nil
	Registerer prometheus.Registerer // must not be nil
	Leaser     Leaser                // must not be nil
	Members    Members               // must not be nil
	Listen4    []ListenConfig        // where DHCPv4 is served
	Listen6    []ListenConfig        // where DHCPv6 is served
	// Workers is how many packets are handled at once; so many may wait for the
	// database together. 0 means DefaultWorkers.
	Workers int
	// QueueLen is how many packets may wait for a worker, and how many replies
	// for each socket. 0 means DefaultQueueLen.
	QueueLen int
	// Deadline is how old a packet may get. An older one is dropped before it
	// costs a transaction: its client has sent another or given up. One that
	// begins a conversation may spend half of it in the queue: under overload
	// all that are served have waited as long as they may, and need the rest for
	// the database. 0 means DefaultDeadline.
	Deadline time.Duration
	// Now is the clock by which packets age; nil means time.Now. Leases never
	// depend on it.
	Now func() time.Time
}

// Validate tells what is wrong with the configuration, as "field: fault".
func (c *Config) Validate() error {
	switch {
	case c.Logger == nil:
		return errors.New("logger: missing")
	case c.Registerer == nil:
		return errors.New("registerer: missing")
	case c.Leaser == nil:
		return errors.New("leaser: missing")
	case c.Members == nil:
		return errors.New("members: missing")
	case c.Workers < 0:
		return fmt.Errorf("workers: %d is negative", c.Workers)
	case c.QueueLen < 0:
		return fmt.Errorf("queue_len: %d is negative", c.QueueLen)
	case c.Deadline < 0:
		return fmt.Errorf("deadline: %v is negative", c.Deadline)
	}
	for i, l := range c.Listen4 {
		if err := l.validate(sqlstore.IPv4); err != nil {
			return fmt.Errorf("listen4[%d]: %w", i, err)
		}
	}
	for i, l := range c.Listen6 {
		if err := l.validate(sqlstore.IPv6); err != nil {
			return fmt.Errorf("listen6[%d]: %w", i, err)
		}
	}
	return nil
}

func (l *ListenConfig) validate(f sqlstore.Family) error {
	switch l.Kind {
	case ListenUDP:
		if a := l.Address.Addr(); !a.IsValid() || a.Is4() != (f == sqlstore.IPv4) || a.Is4In6() {
			return fmt.Errorf("address %q is not an IP%s address and port", l.Address, f)
		}
		if l.Interface != "" {
			return errors.New("kind udp takes no interface")
		}
	case ListenInterface:
		if l.Interface == "" {
			return errors.New("kind interface needs an interface")
		}
		if l.Address.IsValid() {
			return errors.New("kind interface takes no address")
		}
	default:
		return fmt.Errorf("kind %q is neither udp nor interface", l.Kind)
	}
	return nil
}

// withDefaults returns a copy in which no field is zero.
func (c Config) withDefaults() Config {
	if c.Workers == 0 {
		c.Workers = DefaultWorkers
	}
	if c.QueueLen == 0 {
		c.QueueLen = DefaultQueueLen
	}
	if c.Deadline == 0 {
		c.Deadline = DefaultDeadline
	}
	if c.Now == nil {
		c.Now = time.Now
	}
	c.Listen4 = withPorts(c.Listen4, 67, 68)
	c.Listen6 = withPorts(c.Listen6, 547, 546)
	return c
}

func withPorts(in []ListenConfig, server, client uint16) []ListenConfig {
	out := make([]ListenConfig, len(in))
	for i, l := range in {
		if l.Port == 0 {
			l.Port = server
		}
		if l.ClientPort == 0 {
			l.ClientPort = client
		}
		if l.RelayPort == 0 {
			l.RelayPort = server
		}
		out[i] = l
	}
	return out
}
