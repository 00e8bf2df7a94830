package sqlite

import (
	"slices"

	"rowlock/sqlstore"
)

func (l *loader) key(v []any) error {
	l.cfg.TSIGKeys = append(l.cfg.TSIGKeys, sqlstore.TSIGKey{Name: text(v[0]), Algorithm: text(v[1]), Fingerprint: text(v[2])})
	return nil
}

func (l *loader) server(v []any) error {
	if v[1] == nil { // a zone without a server
		l.cfg.AddServer(text(v[0]), nil)
		return nil
	}
	s, err := sqlstore.NewDNSServer(text(v[1]), integer(v[2]), text(v[3]), text(v[4]))
	if err != nil {
		return err
	}
	l.cfg.AddServer(text(v[0]), &s)
	return nil
}

// keyRow stands for the secret with its fingerprint.
type keyRow struct{ algorithm, fingerprint string }

func (r *rowSet) dns(c *sqlstore.Config) {
	for _, k := range c.TSIGKeys {
		r.keys[k.Name] = keyRow{k.Algorithm, k.Fingerprint}
	}
	for _, z := range c.Zones {
		r.zones[z.Name] = z.Servers
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
		w.run(query, name, r.algorithm, secrets[name], r.fingerprint)
	})
	for name, servers := range next.zones {
		was, known := old.zones[name]
		switch {
		case !known:
			w.run("zone_put", name)
		case slices.Equal(was, servers):
			continue
		default:
			w.run("server_clear", name)
		}
		for i, s := range servers {
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

// putConsumer keeps the row of the zones' keeper among the consumers, and tells
// whether it changed.
func (t *transaction) putConsumer() (changed bool, err error) {
	for _, query := range []string{"consumer_put", "consumer_clear"} {
		n, err := t.exec(0, query)
		if err != nil {
			return false, err
		}
		changed = changed || n > 0
	}
	return changed, nil
}
