package sqlstore

import (
	"fmt"
	"strings"
)

// dns adds keys, without their secrets, and zones. A key of a document, which has
// no revision, keeps the secret of old where it says nothing about it; in a row
// that says nothing somebody has written a secret.
func (f *facts) dns(c *Config) {
	for _, k := range c.TSIGKeys {
		k = k.Identity()
		object := "tsig_key " + k.Name
		f.add(object, object, k.Algorithm)
		f.comment(object, object, k.Comment)
		secret := "fingerprint not known"
		if k.Fingerprint != "" {
			secret = "fingerprint " + k.Fingerprint
		} else if f.old != nil && c.Revision == 0 {
			if kept, known := f.old.facts[object+within+"secret"]; known {
				secret = kept.value
			}
		}
		f.add(object+within+"secret", object+" secret", secret)
	}
	for _, z := range c.Zones {
		object := "dns_zone " + z.Name
		f.add(object, object, z.Name)
		f.comment(object, object, z.Comment)
		servers := make([]string, len(z.Servers))
		for i, s := range z.Servers {
			servers[i] = serverText(s)
		}
		if len(servers) > 0 {
			f.add(object+within+"servers", object+" servers", strings.Join(servers, ", "))
		}
	}
}

// serverText is a server on a part of a line: "192.0.2.53 port 5353 udp key k".
func serverText(s DNSServer) string {
	text := s.Addr.Addr().String()
	if s.Addr.Port() != 53 {
		text += fmt.Sprintf(" port %d", s.Addr.Port())
	}
	text += " " + s.Transport
	if s.Key != "" {
		text += " key " + s.Key
	}
	return text
}
