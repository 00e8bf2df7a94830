package ddns

import (
	"fmt"
	"strconv"
	"strings"
	"sync/atomic"

	"rowlock/ddns/name"
	"rowlock/sqlstore"
)

// snapshot is what the configuration of one revision says about the DNS. It is
// not changed; what is known about its servers is (health).
type snapshot struct {
	revision int64
	zones    map[string]*zone
	subnets  map[uint32]name.TTL
	global   name.TTL
}

// zone is a zone and its servers.
type zone struct {
	name    string
	servers []*target
	worked  atomic.Int32 // the server to begin with: it did its work last
}

// newSnapshot makes a snapshot, whose servers note in h how they do.
func newSnapshot(c *sqlstore.Config, secrets map[string]string, h *healths) (*snapshot, error) {
	s := &snapshot{revision: c.Revision, zones: map[string]*zone{}, subnets: map[uint32]name.TTL{}, global: ttlSettings(c.Parameters)}
	keys := map[string]sqlstore.TSIGKey{}
	for _, k := range c.TSIGKeys {
		keys[k.Name] = k
	}
	for _, z := range c.Zones {
		out := &zone{name: z.Name}
		for _, srv := range z.Servers {
			t := &target{server: server{addr: srv.Addr, udp: srv.Transport == "udp"}}
			if srv.Key != "" {
				t.key, t.algorithm, t.secret = srv.Key, keys[srv.Key].Algorithm, secrets[srv.Key]
				if t.secret == "" || t.algorithm == "" {
					return nil, fmt.Errorf("zone %s: TSIG key %s has no secret", z.Name, srv.Key)
				}
			}
			t.host, t.here = h.get(t.server.String()), h.get(t.server.String()+" "+z.Name)
			out.servers = append(out.servers, t)
		}
		s.zones[z.Name] = out
	}
	for _, l := range c.Links {
		for _, sub := range l.Subnets {
			s.subnets[sub.ID] = ttlSettings(sub.Parameters, l.Parameters, c.Parameters)
		}
	}
	return s, nil
}

// zoneOf returns the zone of ours that a name is in: the longest one that it is
// below, "" for none. The name of a zone itself is never a client's.
func (s *snapshot) zoneOf(n string) string {
	for {
		_, parent, ok := strings.Cut(n, ".")
		if !ok {
			return ""
		}
		if s.zones[parent] != nil {
			return parent
		}
		n = parent
	}
}

// ttl returns the TTL for a lease; that of a subnet that is gone follows the
// global settings.
func (s *snapshot) ttl(subnet, lifetime uint32) uint32 {
	t, ok := s.subnets[subnet]
	if !ok {
		t = s.global
	}
	return t.Of(lifetime)
}

// ttlSettings reads the parameters of a TTL, nearest scope first.
func ttlSettings(scopes ...sqlstore.Parameters) name.TTL {
	seconds := func(param string) uint32 {
		v, _ := sqlstore.LookupSeconds(param, scopes...)
		return min(v, maxTTL)
	}
	percent, _ := strconv.ParseFloat(sqlstore.Lookup("ddns_ttl_percent", scopes...), 64)
	return name.TTL{
		Fixed: seconds("ddns_ttl"), Percent: uint8(min(max(percent, 0), 100)),
		Min: seconds("ddns_ttl_min"), Max: seconds("ddns_ttl_max"),
	}
}

// under tells whether a name is below a domain.
func under(n, domain string) bool { return strings.HasSuffix(n, "."+domain) }
