package torture

import (
	"cmp"
	"fmt"
	"net/netip"
	"slices"

	"rowlock/sqlstore"
)

// binding is a key with an address that it had.
type binding struct {
	key    sqlstore.Key
	vrf    uint32
	prefix netip.Prefix
}

// events compares the event log with the holdings: each holding has one event of
// its begin and one of its end, in order of rev. A new holding of the same client
// that follows at once needs no event of the end before it.
func (t *Tables) events() (out []Violation) {
	for i := 1; i < len(t.Log); i++ {
		if t.Log[i].Seq != t.Log[i-1].Seq+1 {
			out = append(out, Violation{LogBroken, t.Log[i].Prefix, fmt.Sprintf("number %d follows %d", t.Log[i].Seq, t.Log[i-1].Seq)})
		}
	}
	log, held := map[binding][]LogEvent{}, map[binding][]Span{}
	for _, e := range t.Log {
		if b := (binding{e.Key, e.VRF, e.Prefix}); e.Kind != sqlstore.EventChanged {
			log[b] = append(log[b], e)
		}
	}
	for _, s := range t.Spans {
		b := binding{s.Key, s.VRF, s.Prefix}
		held[b] = append(held[b], s)
	}
	for b, spans := range held {
		sortSpans(spans)
		out = append(out, match(spans, log[b])...)
		delete(log, b)
	}
	for _, events := range log {
		out = append(out, tooMany(events[0]))
	}
	return out
}

func tooMany(e LogEvent) Violation {
	return Violation{EventTooMany, e.Prefix, "no holding began or ended with " + e.String()}
}

// match compares the holdings of a binding with its events; what follows the
// first difference is not looked at.
func match(spans []Span, events []LogEvent) []Violation {
	slices.SortStableFunc(events, func(a, b LogEvent) int { return cmp.Compare(a.Rev, b.Rev) })
	next := func(kind sqlstore.EventKind) bool {
		if len(events) == 0 || events[0].Kind != kind {
			return false
		}
		events = events[1:]
		return true
	}
	missing := func(what string, s Span) []Violation {
		if len(events) > 0 {
			what += "; in its place came " + events[0].String()
		}
		return []Violation{{EventMissing, s.Prefix, "no event of " + what + ": " + s.String()}}
	}
	for _, s := range spans {
		if !next(sqlstore.EventAssigned) {
			return missing("the begin", s)
		}
		if !s.Live && !next(sqlstore.EventEnded) && s.EndedBy != sqlstore.Active {
			return missing("the end", s)
		}
	}
	if len(events) > 0 {
		return []Violation{tooMany(events[0])}
	}
	return nil
}
