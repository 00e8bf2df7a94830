package sqlstore

import (
	"strconv"
	"strings"
	"unicode/utf8"
)

// Visible returns a text that comes from rows, fit for a terminal: what cannot be
// seen, and what is no UTF-8, is written as Go writes it within quotes. What keep
// has stays as it is.
func Visible(text, keep string) string {
	hidden := func(r rune) bool { return !strconv.IsGraphic(r) && !strings.ContainsRune(keep, r) }
	if utf8.ValidString(text) && !strings.ContainsFunc(text, hidden) {
		return text
	}
	var b strings.Builder
	for i := 0; i < len(text); {
		r, size := utf8.DecodeRuneInString(text[i:])
		part := text[i : i+size]
		if r == utf8.RuneError && size == 1 || hidden(r) {
			quoted := strconv.QuoteToGraphic(part)
			part = quoted[1 : len(quoted)-1]
		}
		b.WriteString(part)
		i += size
	}
	return b.String()
}
