package mysql

import (
	"database/sql/driver"
	"fmt"
	"slices"

	"rowlock/sqlstore"
)

func (l *configLoader) key(v []driver.Value) error {
	l.cfg.TSIGKeys = append(l.cfg.TSIGKeys, sqlstore.TSIGKey{Name: text(v[0]), Algorithm: text(v[1]), Fingerprint: text(v[2])})
	return nil
}

func (l *configLoader) server(v []driver.Value) error {
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

// putKeys writes keys that are new or have changed.
func (c *conn) putKeys(old, next []sqlstore.TSIGKey) error {
	run := func(query string, args ...any) error {
		if _, err := c.exec(c.q.get(query), args...); err != nil {
			return fmt.Errorf("%s: %w", query, err)
		}
		return nil
	}
	for _, k := range next {
		if !slices.ContainsFunc(old, func(o sqlstore.TSIGKey) bool { return o.Name == k.Name }) {
			if err := run("config_put_key", k.Name, k.Algorithm, k.Secret, k.Fingerprint); err != nil {
				return err
			}
			continue
		}
		if err := run("config_set_key", k.Algorithm, k.Name, k.Algorithm); err != nil {
			return err
		}
		if k.Secret == "" {
			continue
		}
		if err := run("config_set_secret", k.Secret, k.Fingerprint, k.Name, k.Fingerprint); err != nil {
			return err
		}
	}
	return nil
}

// putConsumer keeps the row of the zones' keeper among the consumers.
func (c *conn) putConsumer() error {
	for _, query := range []string{"config_put_consumer", "config_clear_consumer"} {
		if _, err := c.exec(c.q.get(query)); err != nil {
			return fmt.Errorf("%s: %w", query, err)
		}
	}
	return nil
}

func (r *configRows) dns(cfg *sqlstore.Config) {
	for _, k := range cfg.TSIGKeys {
		r.keys.row(k.Name)
	}
	for _, z := range cfg.Zones {
		r.zones.row(z.Name)
		for i, s := range z.Servers {
			r.servers.row(z.Name, uint32(i), s.Addr.Addr().String(), uint32(s.Addr.Port()), s.Transport, s.Key)
		}
	}
}
