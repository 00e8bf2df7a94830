package sqlstore

import (
	"cmp"
	"slices"
	"strings"
	"unicode/utf8"
)

const (
	maxNameRow = 255 // bytes that dns_name.name holds

	// MaxNameError is how much of an error dns_name keeps, in bytes.
	MaxNameError = 500
)

// SortMarks prepares marks for the statements of a dialect: each name once, in
// the order in which all lock them, and the addresses that may have them. What
// cannot be a name is left out: an event must not stop those behind it.
func SortMarks(marks []NameMark) (names, addrs []NameMark) {
	sorted := slices.DeleteFunc(slices.Clone(marks), func(m NameMark) bool { return !isDNSName(m.Name) })
	slices.SortFunc(sorted, func(a, b NameMark) int {
		return cmp.Or(strings.Compare(a.Name, b.Name), cmp.Compare(a.VRF, b.VRF), a.Addr.Compare(b.Addr))
	})
	for _, m := range sorted {
		if n := len(names); n == 0 || names[n-1].Name != m.Name {
			names = append(names, NameMark{Name: m.Name, Zone: m.Zone})
		} else if names[n-1].Zone == "" {
			names[n-1].Zone = m.Zone
		}
		m.Zone = ""
		if n := len(addrs); m.Addr.IsValid() && (n == 0 || addrs[n-1] != m) {
			addrs = append(addrs, m)
		}
	}
	return names, addrs
}

// isDNSName tells whether every engine takes the text as a name.
func isDNSName(name string) bool {
	return name != "" && len(name) <= maxNameRow && utf8.ValidString(name) && !strings.Contains(name, "\x00")
}

// MergeRecords returns the lines of some texts, each once, in their order.
func MergeRecords(texts ...string) string {
	var lines []string
	for _, text := range texts {
		for line := range strings.SplitSeq(text, "\n") {
			if line != "" && !slices.Contains(lines, line) {
				lines = append(lines, line)
			}
		}
	}
	return strings.Join(lines, "\n")
}

// cutError bounds what is kept of an error, without cutting a character.
func cutError(text string) string {
	text = strings.ReplaceAll(strings.ToValidUTF8(text, "?"), "\x00", "")
	if len(text) <= MaxNameError {
		return text
	}
	end := MaxNameError
	for !utf8.RuneStart(text[end]) {
		end--
	}
	return text[:end]
}

// NameRow is what a dialect has locked of a row of dns_name.
type NameRow struct {
	Version   int64
	Claim     int64
	Holder    string
	Attempted string
}

// held tells whether a claim still counts.
func (r NameRow) held(holder string, claim int64) bool { return r.Holder == holder && r.Claim == claim }

// PlanAttempts sorts attempts on locked rows, by name: those whose claim still
// counts, in order of name and with what was attempted before, and the names
// of the others.
func PlanAttempts(holder string, rows map[string]NameRow, attempts []NameAttempt) (keep []NameAttempt, lost []string) {
	for _, a := range attempts {
		row, there := rows[a.Name]
		if !there || !row.held(holder, a.Claim) {
			lost = append(lost, a.Name)
			continue
		}
		a.Attempted = MergeRecords(row.Attempted, a.Attempted)
		keep = append(keep, a)
	}
	slices.SortFunc(keep, func(a, b NameAttempt) int { return strings.Compare(a.Name, b.Name) })
	return keep, lost
}

// NameFinish is what FinishNames does to locked rows, in this order.
type NameFinish struct {
	Keep   []NameOutcome // claims that end; Attempted and Error are as the rows have them then
	Stale  []NameMark    // addresses to delete
	Delete []string      // names to delete
	Lost   []NameAttempt // what rows whose claim was lost have as attempted from now on
	Marks  []NameMark    // those, and the names touched
}

// FinishMarks returns the marks of all names that FinishNames works on. Their
// rows are locked, and made where they are missing, before it is planned.
func FinishMarks(outcomes []NameOutcome) []NameMark {
	var all []NameMark
	for i := range outcomes {
		all = append(all, NameMark{Name: outcomes[i].Name, Zone: outcomes[i].Zone})
		for _, t := range outcomes[i].Touch {
			all = append(all, NameMark{Name: t.Name, Zone: t.Zone})
		}
	}
	return all
}

// PlanFinish decides what becomes of outcomes whose rows are locked, by name.
func PlanFinish(holder string, rows map[string]NameRow, outcomes []NameOutcome) NameFinish {
	var f NameFinish
	touched := map[string]bool{}
	for i := range outcomes {
		for _, t := range outcomes[i].Touch {
			touched[t.Name] = true
			f.Marks = append(f.Marks, t)
		}
	}
	for _, o := range outcomes {
		row := rows[o.Name]
		if !row.held(holder, o.Claim) {
			f.Lost = append(f.Lost, NameAttempt{Name: o.Name, Attempted: MergeRecords(row.Attempted, o.Attempted, o.Published)})
			f.Marks = append(f.Marks, NameMark{Name: o.Name})
			continue
		}
		o.Error, o.State = cutError(o.Error), max(o.State, NamePending)
		marked := row.Version != o.Version
		if marked {
			o.Attempted = MergeRecords(row.Attempted, o.Attempted)
		}
		if marked || touched[o.Name] {
			f.Keep = append(f.Keep, o)
			continue
		}
		for _, s := range o.Stale {
			f.Stale = append(f.Stale, NameMark{Name: o.Name, VRF: s.VRF, Addr: s.Addr})
		}
		if o.Delete {
			f.Delete = append(f.Delete, o.Name)
		} else {
			f.Keep = append(f.Keep, o)
		}
	}
	slices.SortFunc(f.Keep, func(a, b NameOutcome) int { return strings.Compare(a.Name, b.Name) })
	return f
}

// LostNames returns the names whose claim was lost.
func (f *NameFinish) LostNames() []string {
	var names []string
	for _, l := range f.Lost {
		names = append(names, l.Name)
	}
	return names
}
