package site

import (
	"fmt"
	"strings"

	"rowlock/sqlstore"
)

func (w *writer) keys(keys []sqlstore.TSIGKey) {
	if len(keys) > 0 {
		w.line("", "tsig_keys:")
	}
	for _, k := range keys {
		k = k.Identity()
		text := fmt.Sprintf("name: %s, algorithm: %s", quote(k.Name), quote(k.Algorithm))
		if k.Fingerprint != "" {
			text += ", fingerprint: " + doubleQuote(k.Fingerprint)
		}
		key := w.comment("  ", k.Comment)
		w.line("  ", "- %s", between(text, key))
	}
}

func (w *writer) zones(zones []sqlstore.DNSZone) {
	if len(zones) > 0 {
		w.line("", "dns_zones:")
	}
	for _, z := range zones {
		key := w.comment("  ", z.Comment)
		w.line("  ", "- name: %s", quote(z.Name))
		w.more("    ", key)
		w.line("    ", "servers:")
		for _, s := range z.Servers {
			w.line("      ", "- {%s}", strings.Join(serverParts(s, quote), ", "))
		}
	}
}

// serverParts returns the settings of a server that are not defaults.
func serverParts(s sqlstore.DNSServer, quote func(string) string) []string {
	parts := []string{"address: " + quote(s.Addr.Addr().String())}
	if s.Addr.Port() != defaultPort {
		parts = append(parts, fmt.Sprintf("port: %d", s.Addr.Port()))
	}
	if s.Transport != defaultTransport {
		parts = append(parts, "transport: "+quote(s.Transport))
	}
	if s.Key != "" {
		parts = append(parts, "tsig_key: "+quote(s.Key))
	}
	return parts
}
