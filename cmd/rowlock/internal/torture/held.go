package torture

import (
	"fmt"
	"net/netip"
	"slices"
	"time"

	"rowlock/cmd/rowperf/load"
	"rowlock/sqlstore"
)

// slack is by how much the clocks of clients and database may differ on one
// machine: SQLite's counts milliseconds.
const slack = 5 * time.Millisecond

// covered looks for holdings that the rows of their client and address do not
// cover: what was acknowledged must be in the database for all its time.
func (r *Record) covered(hs []load.Holding) (out []Violation) {
	type place struct {
		hwaddr [6]byte
		prefix netip.Prefix
	}
	rows := map[place][]Span{}
	for _, s := range r.Tables.Spans {
		p := place{s.HWAddr, s.Prefix}
		rows[p] = append(rows[p], s)
	}
	for _, list := range rows {
		sortSpans(list)
	}
	for _, h := range hs {
		p := place{load.HWAddr(r.Seed, h.Client), h.Prefix}
		if at := uncovered(h, rows[p]); !at.IsZero() {
			out = append(out, Violation{NotInDatabase, h.Prefix, fmt.Sprintf(
				"client %d (%x) held it from %s to %s, and no row says so for %s", h.Client, p.hwaddr, clock(h.From), clock(h.To), clock(at))})
		}
	}
	return out
}

// uncovered is the first moment of a holding that is in no row; zero if none.
func uncovered(h load.Holding, rows []Span) time.Time {
	at := h.From
	for _, s := range rows {
		if s.Since.After(at.Add(slack)) {
			break
		}
		if s.End.After(at) {
			at = s.End
		}
	}
	if at.Add(slack).Before(h.To) {
		return at
	}
	return time.Time{}
}

func sortSpans(list []Span) {
	slices.SortStableFunc(list, func(a, b Span) int { return a.Since.Compare(b.Since) })
}

func (s *Span) overlaps(o *Span) bool { return s.Since.Before(o.End) && o.Since.Before(s.End) }

// overlaps looks for two holdings of one address, or of one within another, and
// for two addresses of one key, at one time.
func (t *Tables) overlaps() (out []Violation) {
	type place struct {
		vrf    uint32
		prefix netip.Prefix
	}
	byPlace, byKey := map[place][]*Span{}, map[sqlstore.Key][]*Span{}
	lengths := map[int]bool{}
	for i := range t.Spans {
		s := &t.Spans[i]
		p := place{s.VRF, s.Prefix}
		byPlace[p], byKey[s.Key] = append(byPlace[p], s), append(byKey[s.Key], s)
		lengths[s.Prefix.Bits()] = true
	}
	report := func(rule string, a, b *Span) {
		out = append(out, Violation{rule, b.Prefix, a.String() + "; " + b.String()})
	}
	for i := range t.Spans {
		s := &t.Spans[i]
		for bits := range lengths {
			if bits >= s.Prefix.Bits() {
				continue
			}
			outer, err := s.Prefix.Addr().Prefix(bits)
			if err != nil {
				continue // a length of the other family
			}
			for _, o := range byPlace[place{s.VRF, outer}] {
				if s.overlaps(o) {
					report(RowsOverlap, o, s)
				}
			}
		}
	}
	for _, list := range byPlace {
		pairs(list, func(a, b *Span) { report(RowsOverlap, a, b) })
	}
	for _, list := range byKey {
		pairs(list, func(a, b *Span) {
			if a.Prefix != b.Prefix { // else it is reported already
				report(TwoBindings, a, b)
			}
		})
	}
	return out
}

// pairs calls report for the pairs that overlap; it sorts list by begin.
func pairs(list []*Span, report func(a, b *Span)) {
	slices.SortStableFunc(list, func(a, b *Span) int { return a.Since.Compare(b.Since) })
	for i, a := range list {
		for _, b := range list[i+1:] {
			if !b.Since.Before(a.End) {
				break // so do those behind it
			}
			if a.overlaps(b) {
				report(a, b)
			}
		}
	}
}

// Handovers counts the holdings of addresses that another client had before.
func (t *Tables) Handovers() (n int) {
	spans := slices.Clone(t.Spans)
	sortSpans(spans)
	last := map[netip.Prefix]sqlstore.Key{}
	for _, s := range spans {
		if before, ok := last[s.Prefix]; ok && before != s.Key {
			n++
		}
		last[s.Prefix] = s.Key
	}
	return n
}
