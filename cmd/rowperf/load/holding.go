package load

import (
	"cmp"
	"net/netip"
	"slices"
	"time"

	"rowlock/sqlstore"
)

// Holding is a span of time in which a client certainly held an address or
// prefix.
type Holding struct {
	Client   int
	Prefix   netip.Prefix
	From, To time.Time // From is when the acknowledgement arrived; To is not included
	Sent     time.Time // when the request that began it was first sent
}

// Holdings returns what the clients of a history certainly held, in order of
// begin.
func Holdings(events []Event) []Holding {
	hs := holdings(events)
	sortHoldings(hs)
	out := make([]Holding, 0, len(hs))
	for _, h := range hs {
		out = append(out, Holding{h.client, h.prefix, h.from, h.to, h.event.Sent})
	}
	return out
}

// holding is a span of time, begin included and end not, in which a client
// certainly held an address or prefix.
type holding struct {
	client   int
	prefix   netip.Prefix
	from, to time.Time
	sent     time.Time // when the message acknowledged last was sent
	event    Event     // the acknowledgement that began it
}

func (h *holding) overlaps(o *holding) bool {
	return h.from.Before(o.to) && o.from.Before(h.to)
}

// kind tells addresses from prefixes by their length.
func (h *holding) kind() sqlstore.Kind { return prefixKind(h.prefix) }

func prefixKind(p netip.Prefix) sqlstore.Kind {
	if p.IsSingleIP() {
		return sqlstore.NA
	}
	return sqlstore.PD
}

// holdingKey names one client's use of one address.
type holdingKey struct {
	client int
	prefix netip.Prefix
}

// ledger turns events into holdings.
type ledger struct {
	open     map[holdingKey]*holding
	released map[holdingKey]time.Time
	all      []*holding
	refused  func(*holding, Event) // a refusal of what the client held all the time
}

// holdings returns what the clients held. A holding begins when the
// acknowledgement arrived. It ends with its lifetime, which the client counts
// from the moment it first sent the request (RFC 2131 4.4.1): the server
// counts from a later one. A release, a refusal or a zero lifetime ends it
// when the message was sent, because the server acted after that. So does a
// DECLINE: the client does not use what it declines.
func holdings(events []Event) []*holding {
	return holdingsOf(events, func(*holding, Event) {})
}

func holdingsOf(events []Event, refused func(*holding, Event)) []*holding {
	l := ledger{open: map[holdingKey]*holding{}, released: map[holdingKey]time.Time{}, refused: refused}
	for _, e := range inOrder(events) {
		if !e.Addr.IsValid() {
			continue
		}
		k := holdingKey{e.Client, e.Addr}
		switch e.Type {
		case Ack, Reply:
			if e.Valid == 0 {
				l.end(k, e.Sent)
			} else {
				l.acknowledge(k, e)
			}
		case Nak:
			l.refuse(k, e)
			l.end(k, e.Sent)
		case Released, Declined:
			l.end(k, e.Sent)
			l.released[k] = e.Sent
		}
	}
	return slices.DeleteFunc(l.all, func(h *holding) bool { return !h.from.Before(h.to) })
}

// acknowledge begins a holding or prolongs the open one.
func (l *ledger) acknowledge(k holdingKey, e Event) {
	if at, ok := l.released[k]; ok && !e.Sent.After(at) {
		return // a late answer: the client has given the lease back meanwhile
	}
	end := e.Sent.Add(time.Duration(e.Valid) * time.Second)
	if h := l.open[k]; h != nil && !h.to.Before(e.At) {
		switch e.Sent.Compare(h.sent) {
		case 1:
			h.sent, h.to = e.Sent, end
		case 0: // two answers to one request: which commit came last is unknown
			if end.Before(h.to) {
				h.to = end
			}
		}
		return
	}
	h := &holding{client: e.Client, prefix: e.Addr, from: e.At, to: end, sent: e.Sent, event: e}
	l.open[k] = h
	l.all = append(l.all, h)
}

// refuse reports a refusal of a lease that the client held from before it asked
// until after it was refused.
func (l *ledger) refuse(k holdingKey, e Event) {
	if h := l.open[k]; h != nil && !e.Sent.Before(h.from) && e.At.Before(h.to) {
		l.refused(h, e)
	}
}

func (l *ledger) end(k holdingKey, at time.Time) {
	if h := l.open[k]; h != nil {
		if at.Before(h.to) {
			h.to = at
		}
		delete(l.open, k)
	}
}

// conflicts calls report for each holding that overlaps an earlier one of
// another owner, with the one of these that ends last. hs is sorted by begin.
func conflicts[K comparable](hs []*holding, owner func(*holding) K, report func(a, b *holding)) {
	var first, second *holding // the last to end, and the last to end of another owner
	for _, h := range hs {
		for _, o := range [...]*holding{first, second} {
			if o != nil && owner(o) != owner(h) && o.overlaps(h) {
				report(o, h)
				break
			}
		}
		switch {
		case first == nil || owner(first) == owner(h):
			if first == nil || h.to.After(first.to) {
				first = h
			}
		case h.to.After(first.to):
			first, second = h, first
		case second == nil || h.to.After(second.to):
			second = h
		}
	}
}

func sortHoldings(hs []*holding) {
	slices.SortStableFunc(hs, func(a, b *holding) int {
		return cmp.Or(a.from.Compare(b.from), cmp.Compare(a.client, b.client))
	})
}
