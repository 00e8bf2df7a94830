package torture

import (
	"cmp"
	"fmt"
	"io"
	"net/netip"
	"slices"
	"strings"
	"time"

	"rowlock/cmd/rowperf/load"
	"rowlock/sqlstore"
)

// The rules, beside those of package load.
const (
	NotInDatabase = "not-in-database" // an acknowledged lease is in neither leases nor history, or not for all its time
	RowsOverlap   = "rows-overlap"    // the database says that two held an address, or one that contains it, at one time
	OfferRefused  = "offer-refused"   // a client was refused what had just been offered to it, while the offer was held
	TwoBindings   = "two-bindings"    // the database says that a client had two addresses by one key at one time
	NotARegister  = "not-a-register"  // no order of grants and ends explains who had an address
	EventMissing  = "event-missing"   // a holding began or ended, and no event came
	EventTooMany  = "event-too-many"  // an event came of nothing, or came twice
	LogBroken     = "log-broken"      // the numbers of the event log have a gap
	AddressLost   = "address-lost"    // an address of a pool is in no row, and nobody can get it
)

// Violation is a breach of a rule.
type Violation struct {
	Rule   string
	Prefix netip.Prefix // what it is about; not valid where it is about no address
	Text   string
}

func (v Violation) String() string { return fmt.Sprintf("%s: %s: %s", v.Rule, v.Prefix, v.Text) }

// Outage is a time in which the database was killed, until it answered again.
type Outage struct{ From, To time.Time }

// Record is what there is to be checked.
type Record struct {
	Seed    uint64       // that the clients' identities were made from
	Events  []load.Event // of all runs with that seed
	Tables  *Tables      // after all leases have ended
	Outages []Outage
	Hold    time.Duration // for at least so long an address that was offered is held for the client
}

// lateRelease is how long after a RELEASE or DECLINE a server may carry it out:
// retransmissions, the age up to which packets are taken, and room for a machine
// that is busy. What a client gets back within that time may be ended by it.
const lateRelease = 8 * time.Second

// Check returns the breaches of all rules, nil when there is none. That one copy
// of a request is granted and another one refused is no breach by itself: what
// stood in the way at one moment, as a pool without a free address, may be gone
// at the next. Refusals that are wrong at any moment are found by OfferRefused,
// and by load.OwnRefused.
func Check(r *Record) []Violation {
	events := r.certain()
	var out []Violation
	for _, v := range slices.Concat(load.Verify(events), load.VerifyRefusals(events), r.offers()) {
		if v.Kind != load.SplitAnswer {
			out = append(out, Violation{string(v.Kind), v.B.Addr, v.A.String() + "; " + v.B.String()})
		}
	}
	hs := load.Holdings(events)
	out = append(out, r.refusedOffers()...)
	out = append(out, r.register(hs)...)
	if r.Tables != nil {
		out = append(out, r.covered(hs)...)
		out = append(out, r.Tables.overlaps()...)
		out = append(out, r.Tables.events()...)
	}
	return out
}

// use is one client's use of one address.
type use struct {
	client int
	prefix netip.Prefix
}

// inOrder returns a copy of events in order of time.
func inOrder(events []load.Event) []load.Event {
	return slices.SortedStableFunc(slices.Values(events), func(a, b load.Event) int { return a.At.Compare(b.At) })
}

// certain leaves out the acknowledgements of what the same client had given back
// just before, where the database says that it was given back once more: a late
// copy of that message has ended the new lease too.
func (r *Record) certain() []load.Event {
	ended := map[use]time.Time{}
	return slices.DeleteFunc(inOrder(r.Events), func(e load.Event) bool {
		u := use{e.Client, e.Addr}
		switch e.Type {
		case load.Released, load.Declined:
			ended[u] = e.Sent
		case load.Ack, load.Reply:
			at, ok := ended[u]
			return ok && e.Sent.After(at) && e.Sent.Before(at.Add(lateRelease)) && r.ended(u, e.Sent, at.Add(lateRelease), sqlstore.Released, sqlstore.Declined)
		}
		return false
	})
}

// offers are breaches of "one DISCOVER, one address", but those around an
// outage, because a database may forget an offer when it is killed, and those
// where the first offer's time, or the client's lease, may have ended meanwhile.
func (r *Record) offers() []load.Violation {
	return slices.DeleteFunc(load.VerifyOffers(r.Events), func(v load.Violation) bool {
		return v.B.At.After(v.A.Sent.Add(r.Hold)) || r.outage(v.A.Sent, v.B.At) || r.ended(use{v.A.Client, v.A.Addr}, v.A.Sent, v.B.At)
	})
}

// refusedOffers are refusals of an address that was held for the client from the
// DISCOVER or SOLICIT on: it had been offered, its time was not over, the database
// had not been killed, and no lease of the client on it ended meanwhile.
func (r *Record) refusedOffers() (out []Violation) {
	offered := map[use]load.Event{}
	for _, e := range inOrder(r.Events) {
		u := use{e.Client, e.Addr}
		switch e.Type {
		case load.Offer, load.Advertise:
			offered[u] = e
		case load.Nak:
			o, ok := offered[u]
			if ok && !e.Sent.Before(o.At) && e.At.Before(o.Sent.Add(r.Hold)) && !r.outage(o.Sent, e.At) && !r.ended(u, o.Sent, e.At) {
				out = append(out, Violation{OfferRefused, e.Addr, o.String() + "; " + e.String()})
			}
		}
	}
	return out
}

// outage tells whether the database was away, or may have forgotten an offer,
// between two moments.
func (r *Record) outage(from, to time.Time) bool {
	return slices.ContainsFunc(r.Outages, func(o Outage) bool {
		return from.Before(o.To.Add(time.Second)) && to.After(o.From.Add(-time.Second))
	})
}

// ended tells whether a lease of the client ended between two moments, in one of
// some ways if any are given.
func (r *Record) ended(u use, from, to time.Time, by ...sqlstore.State) bool {
	if r.Tables == nil {
		return false
	}
	hwaddr := load.HWAddr(r.Seed, u.client)
	return slices.ContainsFunc(r.Tables.Spans, func(s Span) bool {
		return s.HWAddr == hwaddr && s.Prefix == u.prefix && s.End.After(from.Add(-slack)) && s.End.Before(to.Add(slack)) &&
			(len(by) == 0 || slices.Contains(by, s.EndedBy))
	})
}

// Write writes all that is known of an address: what clients saw of it, or of a
// prefix that overlaps it, and what the database says, in order of time.
func (r *Record) Write(w io.Writer, p netip.Prefix) {
	type line struct {
		at   time.Time
		text string
	}
	var lines []line
	for _, e := range r.Events {
		if e.Addr.IsValid() && e.Addr.Overlaps(p) {
			lines = append(lines, line{e.At, e.String()})
		}
	}
	if r.Tables != nil {
		for _, s := range r.Tables.Spans {
			if s.Prefix.Overlaps(p) {
				lines = append(lines, line{s.Since, s.String()})
			}
		}
		for _, e := range r.Tables.Log {
			if e.Prefix.Overlaps(p) {
				lines = append(lines, line{time.UnixMicro(e.Rev), e.String()})
			}
		}
	}
	for _, o := range r.Outages {
		lines = append(lines, line{o.From, "the database was killed, and answered again at " + clock(o.To)})
	}
	slices.SortStableFunc(lines, func(a, b line) int { return cmp.Compare(a.at.UnixNano(), b.at.UnixNano()) })
	var b strings.Builder
	for _, l := range lines {
		fmt.Fprintf(&b, "  %s %s\n", clock(l.at), l.text)
	}
	_, _ = io.WriteString(w, b.String())
}

// clock is a time of day, as all texts of this package have it.
func clock(t time.Time) string { return t.UTC().Format("15:04:05.000000") }
