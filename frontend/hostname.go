package frontend

import (
	"net/netip"
	"strings"

	"rowlock/ddns/name"
)

// maxHostname is the longest host name that the lease table holds, in bytes.
const maxHostname = 255

// hostname returns the part of a client's host name that is fit to be stored
// where names are not kept in DNS: lower case, letters, digits, hyphen, underscore and dots between labels.
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

// sentName is what a message says about the name of its sender.
type sentName struct {
	fqdn  name.FQDN // the Client FQDN option; has tells whether it was there and well-formed
	has   bool
	flags uint8  // of the option, as sent
	host  string // Host Name option, as sent; DHCPv4 only
	bad   error  // why the Client FQDN option counts as not sent
}

// clientFlags are the bits that are stored of an option's flags.
const clientFlags = 0x0f

// take reads a Client FQDN option by one of name.Parse4 and name.Parse6.
func (s *sentName) take(v []byte, parse func([]byte) (name.FQDN, error)) {
	f, err := parse(v)
	if err != nil {
		s.bad = err
		return
	}
	s.fqdn, s.has, s.flags = f, true, v[0]&clientFlags
}

// plain returns the name and flags of a client whose name is not kept in DNS.
func (s *sentName) plain() (string, uint8) {
	if n := hostname(s.fqdn.Name); n != "" {
		return n, s.flags
	}
	return hostname(s.host), s.flags
}

// silent tells whether the message has no name, which is not the same as one
// that cannot be used, nor as an option that asks for a name.
func (s *sentName) silent() bool { return !s.has && s.host == "" }

func (s *sentName) sources(addr netip.Addr) name.Sources {
	src := name.Sources{Hostname: s.host, Addr: addr}
	if s.has {
		src.FQDN = &s.fqdn
	}
	return src
}
