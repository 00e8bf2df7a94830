package frontend

import "strings"

// maxHostname is the longest host name that the lease table holds, in bytes.
const maxHostname = 255

// hostname returns the part of a client's host name that is fit to be stored:
// lower case, letters, digits, hyphen, underscore and dots between labels.
// Anything else is left out; a name never makes a message fail.
func hostname(raw string) string {
	var b strings.Builder
	for i := 0; i < len(raw) && b.Len() < maxHostname; i++ {
		switch c := raw[i]; {
		case c >= 'A' && c <= 'Z':
			b.WriteByte(c + 'a' - 'A')
		case c >= 'a' && c <= 'z', c >= '0' && c <= '9', c == '-', c == '_', c == '.':
			b.WriteByte(c)
		}
	}
	return strings.Trim(b.String(), ".-")
}

// fqdnWire is the E flag of option 81: the name is in the form of DNS messages
// (RFC 4702 section 2.1).
const fqdnWire = 0x04

// fqdnName returns the name in option 81 as text, "" when it is malformed.
func fqdnName(flags byte, v []byte) string {
	if flags&fqdnWire == 0 {
		return string(v)
	}
	var labels []string
	for len(v) > 0 && v[0] != 0 {
		n := int(v[0])
		if n > 63 || len(v) < 1+n {
			return ""
		}
		labels = append(labels, string(v[1:1+n]))
		v = v[1+n:]
	}
	return strings.Join(labels, ".")
}
