package load

import (
	"fmt"
	"net/netip"
	"sync"
	"time"
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
)

var eventNames = [...]string{"", "offer", "ack", "nak", "advertise", "reply", "release"}

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
	At     time.Time // when it was received (Released: sent), client's clock
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
