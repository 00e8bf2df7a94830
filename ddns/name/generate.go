package name

import (
	"net/netip"
	"strings"
)

// DefaultPrefix begins generated names where the site sets nothing else.
const DefaultPrefix = "host"

// maxPrefix leaves room in a label for a hyphen and a full IPv6 address.
const maxPrefix = maxLabel - len("-2001-0db8-0000-0000-0000-0000-0000-0001")

// Generate returns the name of an address: prefix, address, suffix, as in
// host-192-0-2-1.example.org. No two addresses have the same name, and no
// label begins or ends with a hyphen.
func (r *Rules) Generate(addr netip.Addr) (string, error) {
	if !addr.IsValid() {
		return "", refuse("", ReasonNoAddress)
	}
	return Qualify(r.generatedLabel(addr.Unmap().WithZone("")), r.cfg.Suffix, false)
}

func (r *Rules) generatedLabel(addr netip.Addr) string {
	if addr.Is4() {
		return r.cfg.Prefix + "-" + strings.ReplaceAll(addr.String(), ".", "-")
	}
	full := r.cfg.Prefix + "-" + strings.ReplaceAll(addr.StringExpanded(), ":", "-")
	if !r.cfg.Compressed {
		return full
	}
	short := r.cfg.Prefix + "-" + strings.ReplaceAll(addr.String(), ":", "-")
	if strings.HasSuffix(short, "-") {
		// 2001:db8:: would end in a hyphen. No address is written 2001:db8::0
		// (RFC 5952), so the name is still its own.
		short += "0"
	}
	if reservedLabel(short) {
		return full
	}
	return short
}

// reservedLabel tells whether a label has hyphens in third and fourth place,
// which belong to internationalised names (RFC 5890 section 2.3.1).
func reservedLabel(l string) bool { return len(l) >= 4 && l[2:4] == "--" }
