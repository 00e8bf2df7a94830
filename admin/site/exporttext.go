package site

import (
	"fmt"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"rowlock/sqlstore"
)

// rangeText returns the range of a pool as a prefix where it is one of more
// than two addresses.
func rangeText(p *sqlstore.Pool) string {
	for n := p.First.BitLen() - 2; n > 0; n-- {
		whole := netip.PrefixFrom(p.First, n)
		if whole != whole.Masked() {
			break
		}
		if lastAddr(whole) == p.Last {
			return whole.String()
		}
	}
	return p.First.String() + " - " + p.Last.String()
}

// lineEnds are the ends of lines that YAML or a reader of it may know.
var lineEnds = strings.NewReplacer("\r\n", "\n", "\r", "\n", "\u0085", "\n", "\u2028", "\n", "\u2029", "\n")

// comment writes lines that begin with #, or returns the key comment with its value
// where such lines would not be read as the same. What sqlstore.Check refuses in a
// comment (rows have it at most) becomes U+FFFD: no text may end its line and go on
// as configuration.
func (w *writer) comment(indent, text string) (key string) {
	if text == "" {
		return ""
	}
	text = strings.Map(func(r rune) rune {
		if unicode.IsControl(r) && r != '\n' && r != '\t' {
			return utf8.RuneError
		}
		return r
	}, lineEnds.Replace(strings.ToValidUTF8(text, string(utf8.RuneError))))
	if strings.Contains(text, "\ufeff") || slices.ContainsFunc(strings.Split(text, "\n"), forEditor) {
		return "comment: " + doubleQuote(text)
	}
	for line := range strings.SplitSeq(text, "\n") {
		if line != "" {
			line = " " + line
		}
		w.line(indent, "#%s", line)
	}
	return ""
}

// more writes a line that there may be.
func (w *writer) more(indent, text string) {
	if text != "" {
		w.line(indent, "%s", text)
	}
}

// between writes the entries of a mapping in braces, but for empty ones.
func between(entries ...string) string {
	return "{" + strings.Join(slices.DeleteFunc(entries, func(e string) bool { return e == "" }), ", ") + "}"
}

// quote returns a YAML scalar for text: plain where it can only be read as
// that text, else in double quotes.
func quote(text string) string {
	special := func(r rune) bool { return !plain(r) }
	if text == "" || !alphanumeric(rune(text[0])) || strings.ContainsFunc(text, special) || strings.EqualFold(text, "null") {
		return doubleQuote(text)
	}
	return text
}

func alphanumeric(r rune) bool {
	return r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9'
}

func plain(r rune) bool { return alphanumeric(r) || strings.ContainsRune("-_./", r) }

// doubleQuote writes a YAML scalar in double quotes.
func doubleQuote(text string) string {
	var b strings.Builder
	b.WriteByte('"')
	for _, r := range text {
		switch {
		case r == '"' || r == '\\':
			b.WriteByte('\\')
			b.WriteRune(r)
		case strconv.IsPrint(r):
			b.WriteRune(r)
		case r > 0xffff:
			fmt.Fprintf(&b, `\U%08x`, r)
		default:
			fmt.Fprintf(&b, `\u%04x`, r)
		}
	}
	b.WriteByte('"')
	return b.String()
}
