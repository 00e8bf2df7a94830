package sqlstore

import "slices"

// ChangeKind says what a Change does to its object.
type ChangeKind byte

// The kinds of change, as they are printed.
const (
	Added   ChangeKind = '+'
	Changed ChangeKind = '~'
	Removed ChangeKind = '-'
)

// Change is one difference between two configurations.
type Change struct {
	Kind   ChangeKind
	Object string // "subnet 192.0.2.0/24 parameter valid_lifetime"
	Old    string // value before, for Changed and Removed; may be empty
	New    string // value after, for Changed and Added; may be empty
	// Effects tell what becomes of leases that live, where Plan found any.
	Effects []Effect
}

// String returns the change on one line, as in
// "~ subnet 192.0.2.0/24 parameter valid_lifetime: 3600 -> 7200". What cannot be
// seen in it is written as Visible does.
func (c Change) String() string {
	text := string(c.Kind) + " " + c.Object
	switch {
	case c.Kind == Changed:
		text += ": " + c.Old + " -> " + c.New
	case c.Kind == Added && c.New != "":
		text += ": " + c.New
	case c.Kind == Removed && c.Old != "":
		text += ": " + c.Old
	}
	return Visible(text, "")
}

// Diff returns what has to change in old to make it next: first what is
// removed, in the order of old, then the rest in the order of next. A subnet
// or pool is the same one when it has the same id, or, where next gives no id,
// the same prefix or range. That a pool waits is no difference: it passes by
// itself. Nil stands for an empty configuration.
func Diff(old, next *Config) []Change {
	d := compare(old, next)
	return append(d.changes, reordered(d.before, d.after)...)
}

// Planned returns next with the ids that its objects will have when it takes the
// place of old, which is stored; next itself where it cannot. With it Diff tells
// the same as it will about the revision, an edit of a pool for example.
func Planned(old, next *Config) *Config {
	if old == nil || next == nil {
		return next
	}
	out := *next
	out.TSIGKeys = slices.Clone(next.TSIGKeys)
	out.Links = make([]*Link, len(next.Links))
	for i, l := range next.Links {
		link := *l
		link.Subnets = make([]*Subnet, len(l.Subnets))
		for j, s := range l.Subnets {
			subnet := *s
			subnet.Pools = make([]*Pool, len(s.Pools))
			for k, p := range s.Pools {
				pool := *p
				subnet.Pools[k] = &pool
			}
			link.Subnets[j] = &subnet
		}
		out.Links[i] = &link
	}
	order := slices.Clone(out.Links)
	if err := Assign(old, &out, nil, UsedIDs{}); err != nil {
		return next // whoever applies it is told
	}
	out.Links = order
	return &out
}

// difference is what compare finds: changes by the keys of what they change.
type difference struct {
	before, after *facts
	changes       []Change
	at            map[string]int // key -> index in changes
}

func compare(old, next *Config) *difference {
	d := &difference{before: newFacts(nil), after: newFacts(nil), at: map[string]int{}}
	if old != nil {
		d.before.config(old)
	}
	if next != nil {
		d.after = newFacts(d.before)
		d.after.config(next)
	}
	for _, key := range d.before.order {
		if _, still := d.after.facts[key]; !still {
			f := d.before.facts[key]
			d.add(key, Change{Kind: Removed, Object: f.object, Old: f.own()})
		}
	}
	for _, key := range d.after.order {
		f := d.after.facts[key]
		was, known := d.before.facts[key]
		switch {
		case !known:
			d.add(key, Change{Kind: Added, Object: f.object, New: f.own()})
		case was.value != f.value:
			d.add(key, Change{Kind: Changed, Object: was.object, Old: was.value, New: f.value})
		}
	}
	return d
}

func (d *difference) add(key string, c Change) {
	d.at[key] = len(d.changes)
	d.changes = append(d.changes, c)
}

// reordered returns a change for each subnet whose pools, which are used in
// their order, are the same ones in another order.
func reordered(before, after *facts) []Change {
	var changes []Change
	for _, key := range after.places {
		common := func(f, other *facts) []string {
			return slices.DeleteFunc(slices.Clone(f.pools[key]), func(p string) bool {
				_, both := other.facts[p]
				return !both
			})
		}
		was, is := common(before, after), common(after, before)
		if !slices.Equal(was, is) {
			changes = append(changes, Change{
				Kind: Changed, Object: after.facts[key].object + " order of pools",
				Old: after.values(was), New: after.values(is),
			})
		}
	}
	return changes
}
