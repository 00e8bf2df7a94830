package sqlstore

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"
)

// MaxComment is how long a comment may be, in bytes.
const MaxComment = 4000

// comment checks what people say about an object.
func (k *checker) comment(at *place, text string) {
	switch {
	case text == "":
	case len(text) > MaxComment:
		k.add(at.key("comment"), fmt.Sprintf("%d bytes", len(text)), "a comment must have at most %d bytes", MaxComment)
	case !LegalComment(text):
		k.add(at.key("comment"), fmt.Sprintf("%q", shortened(text)), "a comment must be %s", CommentRule)
	}
}

// CheckComment tells why a text cannot be a comment on an object or a change, in
// words that follow what it is called; nil when it can.
func CheckComment(text string) error {
	switch {
	case len(text) > MaxComment:
		return fmt.Errorf("must have at most %d bytes: %d bytes", MaxComment, len(text))
	case !LegalComment(text):
		return fmt.Errorf("must be %s: %q", CommentRule, shortened(text))
	}
	return nil
}

// CommentRule is what LegalComment looks for, in words.
const CommentRule = "UTF-8 without control characters, but for tabs and ends of lines"

// LegalComment tells whether a text may be a comment on an object or a change.
// How long it is, is not looked at.
func LegalComment(text string) bool {
	return utf8.ValidString(text) && !strings.ContainsFunc(text, noComment)
}

// noComment tells of control characters, and of what some readers take for the
// end of a line.
func noComment(r rune) bool {
	return unicode.IsControl(r) && r != '\n' && r != '\t' || r == '\u2028' || r == '\u2029'
}

// shortened cuts a text that is shown only.
func shortened(text string) string {
	const most = 60
	if len(text) <= most {
		return text
	}
	return text[:most] + "..."
}

// notes checks the comments of parameters.
func (k *checker) notes(at *place, ps Parameters, notes Notes) {
	if len(notes) == 0 {
		return
	}
	for _, name := range slices.Sorted(maps.Keys(notes)) {
		here := at.parameter(name)
		if _, set := ps[name]; !set {
			k.add(here, name, "a parameter that has a comment must be set")
			continue
		}
		k.comment(here, notes[name])
	}
}
