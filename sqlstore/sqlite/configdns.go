package sqlite

import (
	"slices"

	"rowlock/sqlstore"
)

func (l *loader) key(v []any) error {
	l.cfg.TSIGKeys = append(l.cfg.TSIGKeys, sqlstore.TSIGKey{Name: text(v[0]), Algorithm: text(v[1]), Fingerprint: text(v[2]), Comment: text(v[3])})
	return nil
}

func (l *loader) server(v []any) error {
	var server *sqlstore.DNSServer
	if v[2] != nil { // else a zone without a server
		s, err := sqlstore.NewDNSServer(text(v[2]), integer(v[3]), text(v[4]), text(v[5]))
		if err != nil {
			return err
		}
		server = &s
	}
	l.cfg.AddServer(text(v[0]), server)
	l.cfg.Zones[len(l.cfg.Zones)-1].Comment = text(v[1])
	return nil
}

// keyRow stands for the secret with its fingerprint.
type keyRow struct{ algorithm, fingerprint, comment string }

type zoneRow struct {
	comment string
	servers []sqlstore.DNSServer
}

func (r *rowSet) dns(c *sqlstore.Config) {
	for _, k := range c.TSIGKeys {
		r.keys[k.Name] = keyRow{k.Algorithm, k.Fingerprint, k.Comment}
	}
	for _, z := range c.Zones {
		r.zones[z.Name] = zoneRow{z.Comment, z.Servers}
	}
}

func secretsOf(c *sqlstore.Config) map[string]string {
	out := map[string]string{}
	for _, k := range c.TSIGKeys {
		out[k.Name] = k.Secret
	}
	return out
}

// dns writes keys, zones and servers. What refers to a row goes before it and
// comes after it. The servers of a zone are written anew when one is different:
// in rows that somebody wrote, position is any number.
func (w *rowWriter) dns(old, next *rowSet, secrets map[string]string) {
	put(old.keys, next.keys, func(name string, r keyRow) {
		query := "key_set"
		if _, known := old.keys[name]; !known {
			query = "key_put"
		}
		w.run(query, name, r.algorithm, secrets[name], r.fingerprint, r.comment)
	})
	for name, zone := range next.zones {
		was, known := old.zones[name]
		if !known || was.comment != zone.comment {
			w.run("zone_put", name, zone.comment)
		}
		if slices.Equal(was.servers, zone.servers) {
			continue
		}
		w.run("server_clear", name)
		for i, s := range zone.servers {
			w.run("server_put", name, i, s.Addr.Addr().String(), s.Addr.Port(), s.Transport, s.Key)
		}
	}
	for name := range old.zones {
		if _, still := next.zones[name]; !still {
			w.run("zone_delete", name)
		}
	}
	drop(old.keys, next.keys, func(name string, _ keyRow) { w.run("key_delete", name) })
}
