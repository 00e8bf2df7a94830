package sqlstore

import (
	"context"
	"net/netip"
	"time"
)

// EventKind is what happened to a lease.
type EventKind uint8

// The kinds of events. A renewal that changes neither name nor flags is none.
const (
	EventAssigned EventKind = iota + 1 // a holding began
	EventChanged                       // the name, or who keeps it in DNS, changed
	EventEnded                         // a holding ended; name and flags are those it had
)

// Event is one change of a lease.
type Event struct {
	ID        int64 // in lease_event; not in the order of commits
	Kind      EventKind
	Family    Family
	VRF       uint32
	Addr      netip.Addr
	PrefixLen uint8
	SubnetID  uint32
	Key       Key
	Hostname  string
	FQDNFlags uint8
	State     State
	Rev       int64
}

// Lead is a leadership that a transaction relies on: it changes nothing, and
// returns ErrFenced, unless the row still has this holder and number and has
// not run out. The row is locked until the transaction ends.
type Lead struct {
	Name   string
	Holder string
	Fence  int64 // as SweepStore.Lead returned it
}

// LogLimits bounds the event log; a limit of 0 is none.
type LogLimits struct {
	Age  time.Duration // what is older is deleted
	Rows int64         // of more than this the oldest are deleted
}

// The names of leaderships and consumers.
const (
	LeadSequence = "sequence" // who takes events out of the bag
	ConsumerDDNS = "ddns"     // there while the configuration has a dns_zone
)

// TrimStep is how many rows TrimLog looks at, and MaxBacklog how many events
// Backlog counts.
const (
	TrimStep   = 10_000
	MaxBacklog = 100_000
)

// EventStore takes lease changes from the bag (lease_event) to those who
// follow them. Events are written only while event_consumer has a row.
type EventStore interface {
	// Sequence takes up to limit committed events out of the bag, in one
	// transaction under the leadership: it appends them to event_log with the
	// next numbers, in the order of their ids, and marks names as NameStore.Mark
	// does: those that marks returns for the event, and all names that
	// dns_name_addr has for its address. An event whose transaction has not
	// ended is not seen and left for a later call. It returns how many it took.
	// marks is called for each event and must not use the store.
	Sequence(ctx context.Context, l Lead, limit int, marks func(*Event) []NameMark) (int, error)
	// TrimLog deletes up to TrimStep rows of event_log beyond the limits, oldest
	// first, and returns how many. The last row stays: the next number follows
	// from it.
	TrimLog(ctx context.Context, limits LogLimits) (int, error)
	// Backlog tells how many events are in the bag (counted up to MaxBacklog) and
	// how old the oldest is, by database time.
	Backlog(ctx context.Context) (events int64, oldest time.Duration, err error)
	// Consumer refreshes last_seen of a consumer and returns its seq; ErrNotFound
	// when there is no such row. A negative seq of ConsumerDDNS asks for a look at
	// all leases, because events may have been missed.
	Consumer(ctx context.Context, name string) (seq int64, err error)
	// SetConsumer sets seq of a consumer that exists, only when it still is old;
	// ErrConflict when it is not.
	SetConsumer(ctx context.Context, name string, old, seq int64) error
	// NamedLeases looks, without locks, at the next limit rows in key order, and
	// returns as events those that are live and have a bit of FQDNForward or
	// FQDNReverse; see SweepStore.Due for the rest.
	NamedLeases(ctx context.Context, f Family, after Key, limit int) (live []Event, last Key, done bool, err error)
}
