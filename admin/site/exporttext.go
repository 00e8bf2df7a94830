package site

import (
	"fmt"
	"net/netip"
	"strconv"
	"strings"

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
