package sqlstore

import (
	"net/netip"
	"slices"
	"strconv"
	"strings"
)

// Limits of a name in DNS (RFC 1035 section 2.3.4), as text.
const (
	maxDNSName  = 253
	maxDNSLabel = 63
)

// What the labels of a name may have beside letters and digits. Zones that hold
// hosts have names of hosts; a reverse zone may be a part of a /24 (RFC 2317);
// keys are called all kinds of things.
const (
	hostCharacters    = "-"
	reverseCharacters = "-_/"
	keyCharacters     = "-_"
)

// CanonicalName returns a name in DNS in lower case and without its final dot.
// Only ASCII letters change (RFC 4343 section 3).
func CanonicalName(name string) string { return strings.TrimSuffix(lowerASCII(name), ".") }

func lowerASCII(s string) string {
	b := []byte(s)
	for i, c := range b {
		if c >= 'A' && c <= 'Z' {
			b[i] = c + 'a' - 'A'
		}
	}
	return string(b)
}

// dnsName tells whether a name is canonical: labels in lower case, no final dot.
func dnsName(name, more string) bool {
	if name == "" || len(name) > maxDNSName {
		return false
	}
	for label := range strings.SplitSeq(name, ".") {
		if !dnsLabel(label, more) {
			return false
		}
	}
	return true
}

func dnsLabel(label, more string) bool {
	if label == "" || len(label) > maxDNSLabel || label[0] == '-' || label[len(label)-1] == '-' {
		return false
	}
	for i := range len(label) {
		c := label[i]
		if (c < 'a' || c > 'z') && (c < '0' || c > '9') && !strings.ContainsRune(more, rune(c)) {
			return false
		}
	}
	return true
}

// dns checks keys, zones and their servers.
func (k *checker) dns(c *Config) {
	keys := map[string]bool{}
	for i, key := range c.TSIGKeys {
		at := (*place)(nil).item("tsig_keys", i).named("%s", dnsObject("tsig_key", key.Name))
		k.comment(at, key.Comment)
		k.tsigKey(at, key)
		if keys[key.Name] {
			k.add(at.key("name"), key.Name, "a key must be there once only")
		}
		keys[key.Name] = true
	}
	zones := map[string]bool{}
	for i, z := range c.Zones {
		at := (*place)(nil).item("dns_zones", i).named("%s", dnsObject("dns_zone", z.Name))
		k.comment(at, z.Comment)
		k.dnsZone(at, z, keys)
		if zones[z.Name] {
			k.add(at.key("name"), z.Name, "a zone must be there once only")
		}
		zones[z.Name] = true
	}
}

func dnsObject(what, name string) string {
	if !printable(name) {
		name = strconv.Quote(name)
	}
	return what + " " + name
}

func (k *checker) tsigKey(at *place, key TSIGKey) {
	if !dnsName(key.Name, keyCharacters) {
		k.add(at.key("name"), strconv.Quote(key.Name), "the name of a key must be labels of letters, digits, - and _, in lower case and without a final dot")
	}
	if !slices.Contains(TSIGAlgorithms(), key.Algorithm) {
		k.add(at.key("algorithm"), strconv.Quote(key.Algorithm), "the algorithm must be one of %s", strings.Join(TSIGAlgorithms(), ", "))
	}
	if key.Secret == "" {
		return
	}
	// what is wrong with a secret is told without it
	f, err := Fingerprint(key.Secret)
	if err != nil {
		k.add(at.key("secret"), err.Error(), "the secret must be base64 of %d to %d bytes", minSecret, maxSecret)
	} else if key.Fingerprint != "" && key.Fingerprint != f {
		k.add(at.key("fingerprint"), key.Fingerprint, "the fingerprint must be that of the secret, %s", f)
	}
}

func (k *checker) dnsZone(at *place, z DNSZone, keys map[string]bool) {
	more := hostCharacters
	if z.Reverse() {
		more = reverseCharacters
	}
	if !dnsName(z.Name, more) {
		k.add(at.key("name"), strconv.Quote(z.Name), "the name of a zone must be labels of letters, digits and - (a reverse zone also _ and /), in lower case and without a final dot")
	}
	if len(z.Servers) == 0 {
		k.add(at.key("servers"), "none", "a zone must have a server")
	}
	seen := map[netip.AddrPort]bool{}
	for i, s := range z.Servers {
		here := at.item("servers", i)
		if s.Addr.IsValid() {
			here = here.of("server %s", s.Addr)
		} else {
			here = here.of("server")
		}
		k.dnsServer(here, s, keys)
		if s.Addr.IsValid() && seen[s.Addr] {
			k.add(here.key("address"), s.Addr.String(), "a server must be there once only in a zone")
		}
		seen[s.Addr] = true
	}
}

func (k *checker) dnsServer(at *place, s DNSServer, keys map[string]bool) {
	a := s.Addr.Addr()
	if !a.IsValid() || a.Zone() != "" || a.Is4In6() || a.IsUnspecified() || a.IsMulticast() {
		k.add(at.key("address"), a.String(), "the address of a server must be a unicast address without a zone")
	}
	if s.Addr.Port() == 0 {
		k.add(at.key("port"), "0", "a port must be from 1 to 65535")
	}
	if s.Transport != "tcp" && s.Transport != "udp" {
		k.add(at.key("transport"), strconv.Quote(s.Transport), "the transport must be tcp or udp")
	}
	if s.Key != "" && !keys[s.Key] {
		k.add(at.key("tsig_key"), strconv.Quote(s.Key), "the key of a server must be among tsig_keys")
	}
}
