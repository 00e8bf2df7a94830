package site

import (
	"cmp"
	"fmt"
	"net/netip"
	"slices"
	"strconv"
	"strings"

	"rowlock/sqlstore"
)

// What a server has where the document does not say.
const (
	defaultPort      = 53
	defaultTransport = "tcp"
)

// dns reads keys and zones; Parse puts them in order when they were checked.
func (r *reader) dns(f fields, c *sqlstore.Config) {
	for item := range r.list(f, "tsig_keys") {
		c.TSIGKeys = append(c.TSIGKeys, r.tsigKey(item))
	}
	for item := range r.list(f, "dns_zones") {
		c.Zones = append(c.Zones, r.dnsZone(item))
	}
}

// tsigKey reads a key. Nothing that may be a secret gets into a problem.
func (r *reader) tsigKey(n *node) sqlstore.TSIGKey {
	if n.kind == scalar {
		r.report(n, "tsig_key", "must be a mapping of "+strings.Join(keyFields, ", "), "")
	}
	k := sqlstore.TSIGKey{}
	f := fields{node: n, object: "tsig_key"}
	if n.kind != scalar {
		f = r.mapping(n, "tsig_key", keyFields...)
	}
	name, ok := r.required(f, "name")
	if ok {
		k.Name = sqlstore.CanonicalName(name)
		f.object += " " + k.Name
	} else {
		r.unnamed(n, &k.Name)
	}
	algorithm, _ := r.word(f, "algorithm")
	k.Algorithm = sqlstore.CanonicalName(algorithm)
	k.Fingerprint, _ = r.word(f, "fingerprint")
	k.Comment = r.comment(f)
	r.secret(f, &k)
	if k.Algorithm == "" {
		k.Algorithm = sqlstore.DefaultTSIGAlgorithm
	}
	return k
}

// unnamed gives an object whose name was reported a name that no other has.
func (r *reader) unnamed(n *node, name *string) {
	*name = fmt.Sprintf("\x00%d:%d", n.line, n.column)
	r.broken[n.find("name")] = true
}

// secret reads the secret of a key from its place, or from the file that is
// named there.
func (r *reader) secret(f fields, k *sqlstore.TSIGKey) {
	at, given := f.values["secret"]
	file, named := f.values["secret_file"]
	switch {
	case given && named:
		r.report(file, f.object, "a key must have either secret or secret_file", "")
	case given && (at.kind != scalar || at.text == ""):
		r.report(at, f.object, "secret must be base64 text", "")
	case given:
		k.Secret = strings.Join(strings.Fields(at.text), "")
	case named:
		r.secretFile(f, file, k)
	}
}

func (r *reader) secretFile(f fields, at *node, k *sqlstore.TSIGKey) {
	path, ok := r.word(f, "secret_file")
	switch {
	case !ok:
		return
	case r.readFile == nil:
		r.report(at, f.object, "secret_file is for documents that are applied at the command line; give secret here", "")
		return
	}
	data, err := r.readFile(path)
	if err != nil {
		r.report(at, f.object, "secret_file must be readable", err.Error())
		return
	}
	file, err := parseSecretFile(string(data))
	if err != nil {
		r.report(at, f.object, "secret_file must hold base64 text, or a key as tsig-keygen prints it", err.Error())
		return
	}
	for _, part := range []struct {
		what, have, file string
		set              *string
	}{
		{"name", k.Name, file.Name, &k.Name},
		{"algorithm", k.Algorithm, file.Algorithm, &k.Algorithm},
	} {
		switch {
		case part.have == "":
			*part.set = part.file
		case part.file != "" && part.file != part.have:
			r.report(at, f.object, "secret_file must be of the same "+part.what, strconv.Quote(part.file))
		}
	}
	if k.Secret = file.Secret; !r.broken[at] {
		// what Check finds in the secret belongs to the file
		if _, err := sqlstore.Fingerprint(k.Secret); err != nil {
			r.report(at, f.object, "secret_file must hold a secret of at least 16 bytes in base64", err.Error())
			k.Secret = ""
		}
	}
}

func (r *reader) dnsZone(n *node) sqlstore.DNSZone {
	f := r.mapping(n, "dns_zone", zoneKeys...)
	z := sqlstore.DNSZone{Comment: r.comment(f)}
	if name, ok := r.required(f, "name"); ok {
		z.Name = sqlstore.CanonicalName(name)
		f.object += " " + z.Name
	} else {
		r.unnamed(n, &z.Name)
		r.broken[n.find("servers")] = true
	}
	for item := range r.list(f, "servers") {
		z.Servers = append(z.Servers, r.dnsServer(item, f.object))
	}
	return z
}

func (r *reader) dnsServer(n *node, object string) sqlstore.DNSServer {
	f := r.mapping(n, object+" server", serverKeys...)
	text, ok := r.required(f, "address")
	a, legal := address(text)
	switch {
	case !ok:
		r.broken[n.find("address")] = true
	case !legal:
		r.report(f.values["address"], f.object, "address must be an address such as 192.0.2.53", strconv.Quote(text))
	default:
		f.object += " " + text
	}
	s := sqlstore.DNSServer{Transport: defaultTransport}
	port := uint32(defaultPort)
	if _, given := f.values["port"]; given {
		port = r.number(f, "port", 1, 65535)
	}
	s.Addr = netip.AddrPortFrom(a, uint16(port))
	if transport, ok := r.word(f, "transport"); ok {
		s.Transport = transport
	}
	if key, ok := r.word(f, "tsig_key"); ok {
		s.Key = sqlstore.CanonicalName(key)
	}
	return s
}

// order puts vrfs, keys and zones in the order that a Config has, and fills in the
// fingerprints of secrets.
func order(c *sqlstore.Config) {
	for i := range c.TSIGKeys {
		c.TSIGKeys[i].Fingerprint = c.TSIGKeys[i].Identity().Fingerprint
	}
	slices.SortFunc(c.TSIGKeys, func(x, y sqlstore.TSIGKey) int { return cmp.Compare(x.Name, y.Name) })
	slices.SortFunc(c.VRFs, func(x, y sqlstore.VRF) int { return cmp.Compare(x.ID, y.ID) })
	slices.SortFunc(c.Zones, func(x, y sqlstore.DNSZone) int { return cmp.Compare(x.Name, y.Name) })
}
