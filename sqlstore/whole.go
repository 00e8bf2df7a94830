package sqlstore

import (
	"encoding/hex"
	"maps"
	"slices"
	"strings"
)

// Whole returns the one subnet of a link without a name together with
// what is set at the link, for which the document has no place of its own. Options
// of the other family, which Check refuses, are left out.
func (l *Link) Whole() *Subnet {
	s := *l.Subnets[0]
	s.Comment = joined(l.Comment, s.Comment)
	s.Notes = l.wholeNotes()
	if len(l.Parameters) > 0 {
		all := maps.Clone(l.Parameters)
		maps.Copy(all, s.Parameters)
		s.Parameters = all
	}
	s.Options = slices.Clone(s.Options)
	for _, o := range l.Options {
		same := func(x OptionData) bool { return x.Family == o.Family && x.Code == o.Code }
		if o.Family == s.Family() && !slices.ContainsFunc(s.Options, same) {
			s.Options = append(s.Options, o)
		}
	}
	return &s
}

// joined returns two comments as one.
func joined(a, b string) string {
	if a == "" || b == "" {
		return a + b
	}
	return a + "\n" + b
}

// wholeNotes returns the notes of the one subnet and of those parameters of the
// link that it does not set itself.
func (l *Link) wholeNotes() Notes {
	s := l.Subnets[0]
	if len(l.Notes) == 0 {
		return s.Notes
	}
	all := maps.Clone(s.Notes)
	if all == nil {
		all = Notes{}
	}
	for name, note := range l.Notes {
		if _, own := s.Parameters[name]; !own {
			all[name] = note
		}
	}
	return all
}

// InterfaceIDText writes an interface-id as text where it is printable, else as
// 0x and hex digits.
func InterfaceIDText(id []byte) string {
	text := string(id)
	printable := !strings.ContainsFunc(text, func(r rune) bool { return r < ' ' || r > '~' })
	if printable && !strings.HasPrefix(text, "0x") {
		return text
	}
	return "0x" + hex.EncodeToString(id)
}
