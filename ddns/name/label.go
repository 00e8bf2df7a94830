package name

import "strings"

// Limits of RFC 1035 section 2.3.4. A name of 253 characters has 255 bytes on
// the wire: a length before the first label and the root label.
const (
	maxLabel = 63
	maxWire  = 255
	maxText  = maxWire - 2
)

// Canonical returns the name in lower case and without its final dot. Only
// ASCII letters change, as in the DNS (RFC 4343 section 3).
func Canonical(name string) string {
	b := []byte(strings.TrimSuffix(name, "."))
	for i, c := range b {
		if c >= 'A' && c <= 'Z' {
			b[i] = c + 'a' - 'A'
		}
	}
	return string(b)
}

// Check refuses what is not a host name (RFC 952 as changed by RFC 1123
// section 2.1): letters, digits and hyphens in labels of 1 to 63 bytes that
// neither begin nor end with a hyphen. It is for names that an administrator
// writes; nothing is mended. A final dot is allowed.
func Check(name string) error {
	text := strings.TrimSuffix(name, ".")
	switch {
	case text == "":
		return refuse(name, ReasonEmpty)
	case len(text) > maxText:
		return refuse(name, ReasonNameLong)
	}
	for l := range strings.SplitSeq(text, ".") {
		if r := checkLabel(l); r != "" {
			return refuse(name, r)
		}
	}
	return nil
}

func checkLabel(l string) Reason {
	switch {
	case l == "":
		return ReasonEmptyLabel
	case l == "*":
		return ReasonWildcard
	case len(l) > maxLabel:
		return ReasonLabelLong
	case !ascii(l):
		return ReasonNotASCII
	case l[0] == '-' || l[len(l)-1] == '-':
		return ReasonCharacter
	}
	for i := range len(l) {
		if ldh(l[i]) == 0 {
			return ReasonCharacter
		}
	}
	return ""
}

// clean makes a host name of what a client sent: lower case; what is not a
// letter, digit or hyphen becomes replacement ("" leaves it out); no hyphen at
// the ends of a label. A label in the form of an internationalised name
// (xn--...) stays; the bytes of an unencoded one are refused, as nobody can
// say what character set they are in (RFC 4702 section 2.3.1). Bytes of zero
// at the end are not part of the name (RFC 2132 section 2).
func clean(raw, replacement string) (string, error) {
	text := strings.TrimSuffix(trimZeros(raw), ".")
	switch {
	case text == "":
		return "", refuse(raw, ReasonEmpty)
	case !ascii(text):
		return "", refuse(raw, ReasonNotASCII)
	}
	var b strings.Builder
	for l := range strings.SplitSeq(text, ".") {
		if l == "*" {
			return "", refuse(raw, ReasonWildcard)
		}
		c := cleanLabel(l, replacement)
		switch {
		case c == "" && len(l) == len(text):
			return "", refuse(raw, ReasonEmpty)
		case c == "":
			return "", refuse(raw, ReasonEmptyLabel)
		case len(c) > maxLabel:
			return "", refuse(raw, ReasonLabelLong)
		}
		if b.Len() > 0 {
			b.WriteByte('.')
		}
		b.WriteString(c)
	}
	if b.Len() > maxText {
		return "", refuse(raw, ReasonNameLong)
	}
	return b.String(), nil
}

func cleanLabel(l, replacement string) string {
	var b strings.Builder
	for i := range len(l) {
		if c := ldh(l[i]); c != 0 {
			b.WriteByte(c)
		} else {
			b.WriteString(replacement)
		}
	}
	return strings.Trim(b.String(), "-")
}

// ldh returns the letter in lower case, the digit or the hyphen; 0 for all
// other bytes.
func ldh(c byte) byte {
	switch {
	case c >= 'A' && c <= 'Z':
		return c + 'a' - 'A'
	case c >= 'a' && c <= 'z', c >= '0' && c <= '9', c == '-':
		return c
	}
	return 0
}

func ascii(s string) bool {
	for i := range len(s) {
		if s[i] >= 0x80 {
			return false
		}
	}
	return true
}

// Dotted tells whether a name counts as fully qualified where its form cannot
// say so: in the Host Name option, in the ASCII form of option 81 (RFC 4702
// section 2.3.1) and in a reservation. It does when it has a dot.
func Dotted(name string) bool { return strings.Contains(name, ".") }

// numeric tells whether the last label has digits only. Such a name would be
// taken for an IPv4 address (RFC 1123 section 2.1).
func numeric(name string) bool {
	last := name[strings.LastIndexByte(name, '.')+1:]
	return strings.Trim(last, "0123456789") == ""
}

func trimZeros(s string) string { return strings.TrimRight(s, "\x00") }

// under tells whether name is domain or below it, label by label. Both are
// canonical; nothing is under "".
func under(name, domain string) bool {
	rest, ok := strings.CutSuffix(name, domain)
	return ok && domain != "" && (rest == "" || strings.HasSuffix(rest, "."))
}
