package load

import (
	"fmt"
	"net/netip"
	"slices"

	"rowlock/sqlstore"
)

// ViolationKind says which rule was broken.
type ViolationKind string

// The rules.
const (
	// DoubleAllocation: an address or prefix was acknowledged to two clients at
	// one time, or one that contains it.
	DoubleAllocation ViolationKind = "double-allocation"
	// TwoAddresses: a client had two addresses, or two prefixes, at one time.
	// Each client of this package has one IA of a kind.
	TwoAddresses ViolationKind = "two-addresses"
	// OtherAddress: a DHCPv4 ACK for another address than the one requested
	// (RFC 2131 4.3.2).
	OtherAddress ViolationKind = "other-address"
	// SplitAnswer: one request was acknowledged and refused.
	SplitAnswer ViolationKind = "split-answer"
	// OwnRefused: a client was refused a lease that it held all the time.
	OwnRefused ViolationKind = "own-refused"
	// OtherOffer: one DISCOVER or SOLICIT was answered with different addresses.
	OtherOffer ViolationKind = "other-offer"
)

// Violation is one breach. A is the earlier event.
type Violation struct {
	Kind ViolationKind
	A, B Event
}

func (v Violation) String() string {
	return fmt.Sprintf("%s: %s and %s", v.Kind, v.A, v.B)
}

func (e Event) String() string {
	return fmt.Sprintf("%s of %s to client %d by %s (asked %s, valid %d s) at %s",
		e.Type, e.Addr, e.Client, e.From, e.Asked, e.Valid, e.At.Format("15:04:05.000000"))
}

// Verify checks a history, in whatever order, and returns its breaches of all
// rules but OtherOffer and OwnRefused, sorted by time; nil when there is none. All events must
// come from runs with the same seed, against one address space. It does not
// change events.
func Verify(events []Event) []Violation {
	var vs []Violation
	add := func(kind ViolationKind, a, b Event) {
		if b.At.Before(a.At) {
			a, b = b, a
		}
		vs = append(vs, Violation{kind, a, b})
	}
	hs := holdings(events)
	sortHoldings(hs)
	verifyAddresses(hs, add)
	verifyClients(hs, add)
	verifyAnswers(events, add)
	slices.SortStableFunc(vs, func(a, b Violation) int { return a.B.At.Compare(b.B.At) })
	return vs
}

// verifyAddresses looks for double allocations: of the same prefix, then of
// each prefix within a shorter one.
func verifyAddresses(hs []*holding, add func(ViolationKind, Event, Event)) {
	byPrefix := map[netip.Prefix][]*holding{}
	lengths := map[bool][]int{} // shorter than a full address, by whether IPv4
	for _, h := range hs {
		byPrefix[h.prefix] = append(byPrefix[h.prefix], h)
		is4 := h.prefix.Addr().Is4()
		if h.kind() == sqlstore.PD && !slices.Contains(lengths[is4], h.prefix.Bits()) {
			lengths[is4] = append(lengths[is4], h.prefix.Bits())
		}
	}
	report := func(a, b *holding) { add(DoubleAllocation, a.event, b.event) }
	for _, h := range hs {
		if same := byPrefix[h.prefix]; same[0] == h {
			conflicts(same, func(h *holding) int { return h.client }, report)
		}
		for _, n := range lengths[h.prefix.Addr().Is4()] {
			if n >= h.prefix.Bits() {
				continue
			}
			outer, err := h.prefix.Addr().Prefix(n)
			if err != nil {
				continue // n is a valid length of this family, so this cannot be
			}
			for _, o := range byPrefix[outer] {
				if o.client != h.client && o.overlaps(h) {
					report(o, h)
				}
			}
		}
	}
}

// verifyClients looks for clients with two leases of a kind at one time.
func verifyClients(hs []*holding, add func(ViolationKind, Event, Event)) {
	type key struct {
		client int
		is4    bool
		kind   sqlstore.Kind
	}
	byClient := map[key][]*holding{}
	var keys []key
	for _, h := range hs {
		k := key{h.client, h.prefix.Addr().Is4(), h.kind()}
		if byClient[k] == nil {
			keys = append(keys, k)
		}
		byClient[k] = append(byClient[k], h)
	}
	for _, k := range keys {
		conflicts(byClient[k], func(h *holding) netip.Prefix { return h.prefix },
			func(a, b *holding) { add(TwoAddresses, a.event, b.event) })
	}
}

// requestKey names one message of one client, retransmissions included.
type requestKey struct {
	client int
	xid    uint32
	sent   int64
	kind   sqlstore.Kind
}

// verifyAnswers looks for answers that do not fit their request, or each other.
func verifyAnswers(events []Event, add func(ViolationKind, Event, Event)) {
	acks, naks := map[requestKey]Event{}, map[requestKey]Event{}
	for _, e := range events {
		k := requestKey{client: e.Client, xid: e.XID, sent: e.Sent.UnixNano()}
		if e.Type == Ack && e.Asked.IsValid() && e.Asked != e.Addr {
			add(OtherAddress, e, e)
		}
		if e.Type == Nak && e.Addr.IsValid() {
			k.kind = prefixKind(e.Addr)
			keepEarliest(naks, k, e)
		}
		if (e.Type == Ack || e.Type == Reply) && e.Addr.IsValid() && e.Valid > 0 {
			k.kind = prefixKind(e.Addr)
			keepEarliest(acks, k, e)
		}
	}
	for k, nak := range naks {
		if ack, ok := acks[k]; ok {
			add(SplitAnswer, ack, nak)
		}
	}
}

func keepEarliest(m map[requestKey]Event, k requestKey, e Event) {
	if old, ok := m[k]; !ok || e.At.Before(old.At) {
		m[k] = e
	}
}

// VerifyOffers checks that servers that share their leases offer a client the
// same address however many of them answer. A server that may forget an offer,
// as when its database crashes, can break this without harm, so Verify leaves
// it out. It returns nil when there is no breach.
func VerifyOffers(events []Event) []Violation {
	first := map[requestKey]Event{}
	var vs []Violation
	for _, e := range inOrder(events) {
		if (e.Type != Offer && e.Type != Advertise) || !e.Addr.IsValid() || e.Valid == 0 {
			continue
		}
		k := requestKey{e.Client, e.XID, e.Sent.UnixNano(), prefixKind(e.Addr)}
		if old, ok := first[k]; !ok {
			first[k] = e
		} else if old.Addr != e.Addr {
			vs = append(vs, Violation{OtherOffer, old, e})
		}
	}
	return vs
}

// VerifyRefusals checks that no client was refused a lease that it held all the
// time from its request to the refusal. A change of the configuration may do
// that rightly, so Verify leaves it out. It returns nil when there is no breach.
func VerifyRefusals(events []Event) []Violation {
	var vs []Violation
	holdingsOf(events, func(h *holding, nak Event) { vs = append(vs, Violation{OwnRefused, h.event, nak}) })
	return vs
}
