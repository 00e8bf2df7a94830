package ddns

import "slices"

// prereqKind is a kind of prerequisite (RFC 2136 section 2.4).
type prereqKind uint8

const (
	nameFree  prereqKind = iota + 1 // no record at the name
	rrsetIs                         // the RRset has exactly these records
	rrsetGone                       // the name has no RRset of the type
)

type prereq struct {
	kind prereqKind
	typ  string
	recs records // of rrsetIs
}

// changeKind is a kind of change (RFC 2136 section 2.5).
type changeKind uint8

const (
	addRecord changeKind = iota + 1
	deleteRecord
	deleteRRset
)

type change struct {
	kind changeKind
	rec  record // of deleteRRset only the type
}

// step is one try at one name. All changes are made, when all prerequisites
// hold, or none is.
type step struct {
	prereqs []prereq
	changes []change
	yes     int // which step comes when the prerequisites hold, or how it ends
	no      int // which step comes when they do not
}

// How the steps of a name end.
const (
	endDone     = -1
	endConflict = -2 // the name is somebody else's
)

// plan returns the steps that bring a name from what the DNS has (published,
// for certain) or may have (attempted) to what it shall have. No step: nothing
// is to be sent. Every step may be repeated, because a reply may be lost: what
// is certain by then is not known before the first one has been answered.
func plan(n string, published, attempted, want records) []step {
	if len(attempted) == 0 && slices.Equal(published, want) {
		return nil
	}
	switch rev := reverseName(n); {
	case rev && len(want) == 0:
		return reverseRemoval(published, attempted)
	case rev:
		return reverseUpdate(published, want)
	case len(want) == 0:
		return forwardRemoval(published, attempted)
	}
	return forwardUpdate(published, attempted, want)
}

// forwardUpdate follows RFC 4703 section 5.3: a name is taken when it is not in
// use, or when its DHCID is ours. Only what is known goes, record by record:
// deleting RRsets would be simpler, and costs some servers a look at the whole
// zone.
func forwardUpdate(published, attempted, want records) []step {
	all := published.union(attempted)
	gone := all.without(want)
	take := step{prereqs: []prereq{{kind: nameFree}}, changes: adds(want)}
	own := func(id record) step {
		add := want
		if len(attempted) == 0 && published.has(id) {
			add = want.changed(published)
		}
		return step{prereqs: []prereq{isOnly(id)}, changes: slices.Concat(adds(add), deletes(gone))}
	}
	ours := want.of(typeDHCID)
	confirmed := published.of(typeDHCID)
	var steps []step
	for _, id := range confirmed {
		steps = append(steps, own(id))
	}
	if len(confirmed) == 0 {
		steps = append(steps, take, adopt(all, want))
	}
	for _, id := range attempted.union(ours).of(typeDHCID).without(confirmed) {
		if len(confirmed) > 0 || !ours.has(id) {
			steps = append(steps, own(id))
		}
	}
	if len(confirmed) > 0 {
		steps = append(steps, take, adopt(all, want))
	}
	// once more, in case the name went between the two tries (RFC 4703 5.3.3)
	return chain(append(steps, take), endConflict)
}

// adopt takes a name whose DHCID is ours though we know nothing of it: it is
// from another database, or from the server before. The addresses there are
// not known, so the RRsets that we have records for are replaced; an RRset of
// the other family may be another server's.
func adopt(all, want records) step {
	s := step{prereqs: []prereq{isOnly(want.of(typeDHCID)[0])}}
	gone := all.without(want)
	for _, typ := range []string{typeA, typeAAAA} {
		if len(want.of(typ)) > 0 {
			s.changes = append(s.changes, change{kind: deleteRRset, rec: record{typ: typ}})
			gone = gone.without(gone.of(typ))
		}
	}
	s.changes = slices.Concat(s.changes, adds(want), deletes(gone))
	return s
}

// forwardRemoval takes our addresses away, and the DHCID when no address is
// left (RFC 4703 section 5.5). A name without our DHCID has nothing of ours.
func forwardRemoval(published, attempted records) []step {
	all := published.union(attempted)
	addrs := all.of(typeA, typeAAAA)
	ids := append(published.of(typeDHCID), attempted.of(typeDHCID).without(published)...)
	var steps []step
	for _, id := range ids {
		next := len(steps) + 2
		if len(addrs) == 0 {
			next--
		} else {
			steps = append(steps, step{prereqs: []prereq{isOnly(id)}, changes: deletes(addrs), yes: len(steps) + 1, no: next})
		}
		free := []prereq{isOnly(id), {kind: rrsetGone, typ: typeA}, {kind: rrsetGone, typ: typeAAAA}}
		// where the prerequisites do not hold, an address of another server is
		// left and keeps the name; or the DHCID is one of the others
		no := endDone
		if len(addrs) == 0 {
			no = next
		}
		steps = append(steps, step{prereqs: free, changes: deletes(records{id}), yes: endDone, no: no})
	}
	return closed(steps)
}

// reverseUpdate adds the PTR record of an address, or replaces what is there:
// the address is ours, so its name is (RFC 4703 section 5.4).
func reverseUpdate(published, want records) []step {
	first := step{prereqs: []prereq{{kind: nameFree}}, changes: adds(want)}
	if len(published) > 0 {
		add := want.changed(published)
		if len(add) == 0 {
			add = want // an update that changes nothing, to know what is there
		}
		first = step{prereqs: []prereq{isOnly(published...)}, changes: slices.Concat(adds(add), deletes(published.without(want)))}
	}
	replace := step{changes: append([]change{{kind: deleteRRset, rec: record{typ: typePTR}}}, adds(want)...)}
	return chain([]step{first, replace}, endDone)
}

// reverseRemoval deletes a PTR record that is ours: the address may be
// another's by now.
func reverseRemoval(published, attempted records) []step {
	var steps []step
	for _, r := range append(slices.Clone(published), attempted.without(published)...) {
		steps = append(steps, step{prereqs: []prereq{isOnly(r)}, changes: deletes(records{r})})
	}
	return chain(steps, endDone)
}

// chain makes the steps alternatives: the first whose prerequisites hold is
// the last one.
func chain(steps []step, otherwise int) []step {
	for i := range steps {
		steps[i].yes, steps[i].no = endDone, i+1
		if i == len(steps)-1 {
			steps[i].no = otherwise
		}
	}
	return steps
}

// closed ends those steps that lead beyond the last one.
func closed(steps []step) []step {
	for i := range steps {
		if steps[i].no >= len(steps) {
			steps[i].no = endDone
		}
	}
	return steps
}

func isOnly(recs ...record) prereq { return prereq{kind: rrsetIs, typ: recs[0].typ, recs: recs} }

func adds(recs records) (out []change) {
	for _, r := range recs {
		out = append(out, change{kind: addRecord, rec: r})
	}
	return out
}

func deletes(recs records) (out []change) {
	for _, r := range recs {
		out = append(out, change{kind: deleteRecord, rec: r})
	}
	return out
}
