package mysql

import (
	"database/sql/driver"
	"fmt"

	"rowlock/sqlstore"
)

func (l *configLoader) key(v []driver.Value) error {
	l.cfg.TSIGKeys = append(l.cfg.TSIGKeys, sqlstore.TSIGKey{Name: text(v[0]), Algorithm: text(v[1]), Fingerprint: text(v[2]), Comment: text(v[3])})
	return nil
}

func (l *configLoader) server(v []driver.Value) error {
	var server *sqlstore.DNSServer
	if v[1] != nil { // else it is a zone without a server
		s, err := sqlstore.NewDNSServer(text(v[1]), integer(v[2]), text(v[3]), text(v[4]))
		if err != nil {
			return err
		}
		server = &s
	}
	l.cfg.AddServer(text(v[0]), server)
	l.cfg.Zones[len(l.cfg.Zones)-1].Comment = text(v[5])
	return nil
}

// putGlobal brings what is outside of links, apart from settings, to what next
// says.
func (c *configTx) putGlobal(old, next *sqlstore.Config) error {
	if old.Comment != next.Comment {
		if err := c.run("config_put_comment", next.Comment); err != nil {
			return fmt.Errorf("config_put_comment: %w", err)
		}
	}
	if was, is := vrfRows(old), vrfRows(next); was.text() != is.text() {
		if err := c.putAnew([]string{"config_clear_vrfs"}, []configStep{
			{"config_put_vrfs", &is.vrfs}, {"config_put_vrf_interfaces", &is.interfaces}, {"config_put_vrf_relays", &is.relays},
		}); err != nil {
			return err
		}
	}
	zones := func() error { return nil }
	if was, is := dnsRows(old), dnsRows(next); was.text() != is.text() {
		// keys that are not used any more can go only without these
		if err := c.putAnew([]string{"config_clear_servers", "config_clear_zones"}, nil); err != nil {
			return err
		}
		zones = func() error {
			return c.putSteps([]configStep{{"config_put_zones", &is.zones}, {"config_put_servers", &is.servers}})
		}
	}
	if err := c.putKeys(old.TSIGKeys, next.TSIGKeys); err != nil {
		return err
	}
	return zones()
}

// putAnew runs statements that empty tables, and fills them.
func (c *configTx) putAnew(empty []string, steps []configStep) error {
	for _, query := range empty {
		if err := c.run(query); err != nil {
			return fmt.Errorf("%s: %w", query, err)
		}
	}
	return c.putSteps(steps)
}

// putKeys writes keys that are new or have changed, and deletes the others.
func (c *configTx) putKeys(old, next []sqlstore.TSIGKey) error {
	run := func(query string, args ...any) error {
		if err := c.run(query, args...); err != nil {
			return fmt.Errorf("%s: %w", query, err)
		}
		return nil
	}
	was, names := map[string]sqlstore.TSIGKey{}, &items{}
	for _, k := range old {
		was[k.Name] = k
	}
	for _, k := range next {
		names.row(k.Name)
		o, known := was[k.Name]
		delete(was, k.Name)
		var err error
		switch {
		case !known:
			err = run("config_put_key", k.Name, k.Algorithm, k.Secret, k.Fingerprint, k.Comment)
		case o.Algorithm != k.Algorithm || o.Comment != k.Comment:
			err = run("config_set_key", k.Algorithm, k.Comment, k.Name)
		}
		if err == nil && known && k.Secret != "" {
			err = run("config_set_secret", k.Secret, k.Fingerprint, k.Name, k.Fingerprint)
		}
		if err != nil {
			return err
		}
	}
	if len(was) == 0 {
		return nil
	}
	return run("config_clear_keys", names.Text())
}

// PutConsumer keeps the row of the zones' keeper among the consumers.
func (c *configTx) PutConsumer() error {
	return c.putAnew([]string{"config_put_consumer", "config_clear_consumer"}, nil)
}

// globalRows are rows of the tables that are not of links.
type globalRows struct{ vrfs, interfaces, relays, zones, servers items }

func (r *globalRows) text() string {
	return r.vrfs.Text() + r.interfaces.Text() + r.relays.Text() + r.zones.Text() + r.servers.Text()
}

func vrfRows(c *sqlstore.Config) *globalRows {
	r := &globalRows{}
	for _, v := range c.VRFs {
		r.vrfs.row(v.ID, v.Comment)
		for _, name := range v.Interfaces {
			r.interfaces.row(v.ID, name)
		}
		for _, a := range v.Relays {
			r.relays.row(v.ID, a.String())
		}
	}
	return r
}

func dnsRows(c *sqlstore.Config) *globalRows {
	r := &globalRows{}
	for _, z := range c.Zones {
		r.zones.row(z.Name, z.Comment)
		for i, s := range z.Servers {
			r.servers.row(z.Name, uint32(i), s.Addr.Addr().String(), uint32(s.Addr.Port()), s.Transport, s.Key)
		}
	}
	return r
}
