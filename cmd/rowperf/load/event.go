package load

import (
	"cmp"
	"fmt"
	"maps"
	"net/netip"
	"slices"
	"sync"
	"time"

	"rowlock/sqlstore"
)

// EventType says what happened.
type EventType uint8

// The event types.
const (
	Offer     EventType = iota + 1 // DHCPv4 OFFER
	Ack                            // DHCPv4 ACK
	Nak                            // DHCPv4 NAK, or a DHCPv6 REPLY without the lease asked for
	Advertise                      // DHCPv6 ADVERTISE
	Reply                          // DHCPv6 REPLY with an address or prefix
	Released                       // the client sent RELEASE, and uses the address no more
	Declined                       // the client sent DECLINE: the address is somebody else's
)

var eventNames = [...]string{"", "offer", "ack", "nak", "advertise", "reply", "release", "decline"}

func (t EventType) String() string {
	if int(t) < len(eventNames) {
		return eventNames[t]
	}
	return fmt.Sprintf("event(%d)", uint8(t))
}

func parseEventType(s string) (EventType, error) {
	for i, n := range eventNames {
		if n == s && i > 0 {
			return EventType(i), nil
		}
	}
	return 0, fmt.Errorf("unknown event type %q", s)
}

// Event is one thing that a client saw or did about one address or prefix. A
// message about two leases makes two events.
type Event struct {
	At     time.Time // when it was received (Released, Declined: sent), client's clock
	Sent   time.Time // when the message that it answers was first sent
	Client int
	Type   EventType
	// Addr is the address (full length) or prefix. Nak: the one refused; not
	// valid when none was asked for.
	Addr netip.Prefix
	// Asked is what the client asked for by name in the message answered.
	Asked    netip.Prefix
	Valid    uint32         // lifetime in seconds; 0 in a Reply takes the address away
	ServerID string         // bytes of the server identifier
	From     netip.AddrPort // where the answer came from
	XID      uint32
}

// Recorder keeps events. Record is called by one goroutine per Run, in the
// order of Event.At, and must not block for long.
type Recorder interface {
	Record(Event)
}

// Log is a Recorder that keeps events in memory. The zero Log is ready; it is
// safe for concurrent use.
type Log struct {
	mu     sync.Mutex
	events []Event
}

// Record appends the event.
func (l *Log) Record(e Event) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.events = append(l.events, e)
}

// Events returns a copy of all events, in the order recorded.
func (l *Log) Events() []Event {
	l.mu.Lock()
	defer l.mu.Unlock()
	return append([]Event(nil), l.events...)
}

// Tee is a Recorder that hands each event to all of its recorders.
type Tee []Recorder

// Record hands on the event.
func (t Tee) Record(e Event) {
	for _, r := range t {
		r.Record(e)
	}
}

// Leases returns what clients hold at the end of a history, by family,
// client and kind: the last acknowledgement of each that no release or refusal followed.
// Lifetimes are not looked at.
func Leases(events []Event) []Lease {
	type key struct {
		client int
		is4    bool
		kind   sqlstore.Kind
	}
	held := map[key]Lease{}
	for _, e := range inOrder(events) {
		if !e.Addr.IsValid() {
			continue
		}
		k := key{e.Client, e.Addr.Addr().Is4(), prefixKind(e.Addr)}
		switch {
		case (e.Type == Ack || e.Type == Reply) && e.Valid > 0:
			held[k] = leaseOf(e)
		case e.Type == Nak || e.Type == Released || e.Type == Declined || e.Type == Reply:
			if held[k].Addr == e.Addr {
				delete(held, k)
			}
		}
	}
	return slices.SortedFunc(maps.Values(held), func(a, b Lease) int {
		return cmp.Or(cmp.Compare(a.Family, b.Family), cmp.Compare(a.Client, b.Client), cmp.Compare(a.Kind, b.Kind))
	})
}

func leaseOf(e Event) Lease {
	family := sqlstore.IPv6
	if e.Addr.Addr().Is4() {
		family = sqlstore.IPv4
	}
	return Lease{
		Client: e.Client, Family: family, Kind: prefixKind(e.Addr), Addr: e.Addr,
		Valid: e.Valid, ServerID: e.ServerID, Server: e.From, At: e.Sent,
	}
}

// inOrder returns a copy of events in order of time.
func inOrder(events []Event) []Event {
	return slices.SortedStableFunc(slices.Values(events), func(a, b Event) int { return a.At.Compare(b.At) })
}
