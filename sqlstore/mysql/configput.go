package mysql

import (
	"context"
	"database/sql/driver"
	"fmt"
	"maps"
	"slices"

	"rowlock/sqlstore"
)

// ApplyConfig replaces the configuration in one transaction. An unchanged one
// does not raise the revision.
func (s *Store) ApplyConfig(ctx context.Context, base int64, next *sqlstore.Config, author, comment string) (rev int64, err error) {
	err = s.tx(ctx, func(c *conn) error {
		rev, err = c.applyConfig(base, next, author, comment)
		return err
	})
	if err != nil {
		return 0, err
	}
	next.Revision = rev
	return rev, nil
}

func (c *conn) applyConfig(base int64, next *sqlstore.Config, author, comment string) (int64, error) {
	if err := c.each(c.q.get("config_lock"), nil, func([]driver.Value) error { return nil }); err != nil {
		return 0, err
	}
	old, secret, err := c.loadConfig()
	if err != nil {
		return 0, err
	}
	if base != 0 && base != old.Revision {
		return 0, fmt.Errorf("configuration is at revision %d, not %d: %w", old.Revision, base, sqlstore.ErrConflict)
	}
	used, err := c.usedIDs()
	if err != nil {
		return 0, err
	}
	if err := sqlstore.Assign(old, next, secret, used); err != nil {
		return 0, err
	}
	if sqlstore.SameConfig(old, next) {
		return old.Revision, c.putConsumer()
	}
	if err := c.takeOver(sqlstore.EditsOf(old, next)); err != nil {
		return 0, err
	}
	if err := c.putConfig(old, next); err != nil {
		return 0, err
	}
	if err := c.putConsumer(); err != nil {
		return 0, err
	}
	if _, err := c.exec(c.q.get("config_raise")); err != nil {
		return 0, err
	}
	if _, err := c.exec(c.q.get("config_log"), author, comment); err != nil {
		return 0, err
	}
	return old.Revision + 1, nil
}

func (c *conn) usedIDs() (sqlstore.UsedIDs, error) {
	used := sqlstore.UsedIDs{Gens: map[uint32]uint32{}}
	err := c.each(c.q.get("config_gens"), nil, func(v []driver.Value) error {
		id := uint32(integer(v[1]))
		switch integer(v[0]) {
		case 1:
			used.Gens[id] = uint32(integer(v[2]))
		case 2:
			used.Link = id
		case 3:
			used.Subnet = id
		}
		return nil
	})
	return used, err
}

// putConfig brings the rows to what cfg says. Objects keep their rows, because
// other rows refer to them; settings are written anew.
func (c *conn) putConfig(old, cfg *sqlstore.Config) error {
	r := rowsOf(cfg)
	if err := c.putSteps([]configStep{
		{"config_clear_settings", nil},
		{"config_clear_parameters", nil},
		{"config_clear_relays", nil},
		{"config_clear_pools", &r.pools},
		{"config_clear_names", nil},
		{"config_put_links", &r.links},
		{"config_put_subnets", &r.subnets},
		{"config_put_relays", &r.relays},
		{"config_put_pools", &r.pools},
		{"config_clear_subnets", &r.subnets}, // only now: a pool may have moved from one
		{"config_clear_links", &r.links},
		{"config_put_gens", nil},
		{"config_clear_chunks", nil},
		{"config_clear_cursors", nil},
		{"config_clear_free", nil},
		{"config_put_options", &r.options},
		{"config_put_parameters", &r.params},
		{"config_clear_servers", nil},
		{"config_clear_zones", &r.zones},
		{"config_clear_keys", &r.keys},
	}); err != nil {
		return err
	}
	if err := c.putKeys(old.TSIGKeys, cfg.TSIGKeys); err != nil {
		return err
	}
	return c.putSteps([]configStep{{"config_put_zones", &r.zones}, {"config_put_servers", &r.servers}})
}

// configStep is a statement that writes rows of the configuration.
type configStep struct {
	query string
	rows  *items
}

func (c *conn) putSteps(steps []configStep) error {
	for _, step := range steps {
		var args []any
		if step.rows != nil {
			args = []any{step.rows.Text()}
		}
		if _, err := c.exec(c.q.get(step.query), args...); err != nil {
			return fmt.Errorf("%s: %w", step.query, err)
		}
	}
	return nil
}

// configRows are the rows of the configuration tables.
type configRows struct {
	links, subnets, relays, pools, options, params, keys, zones, servers items
}

func rowsOf(cfg *sqlstore.Config) *configRows {
	r := &configRows{}
	r.dns(cfg)
	r.settings("global", 0, cfg.Options, cfg.Parameters)
	for _, l := range cfg.Links {
		r.links.row(l.ID, l.Name, l.VRF)
		r.settings("link", l.ID, l.Options, l.Parameters)
		for _, s := range l.Subnets {
			r.subnet(s)
		}
	}
	return r
}

func (r *configRows) subnet(s *sqlstore.Subnet) {
	r.subnets.row(s.ID, s.LinkID, s.PreviousLinkID, s.Prefix.String(), s.Interface, fmt.Sprintf("%x", s.InterfaceID), s.Closing)
	for _, a := range s.Relays {
		r.relays.row(s.ID, a.String())
	}
	for i, p := range s.Pools {
		r.pools.row(p.ID, s.ID, uint32(i), uint32(p.Kind), p.First.String(), p.Last.String(), uint32(p.DelegatedLen), p.Gen, p.Closing && !s.Closing)
	}
	r.settings("subnet", s.ID, s.Options, s.Parameters)
}

func (r *configRows) settings(scope string, id uint32, options []sqlstore.OptionData, params sqlstore.Parameters) {
	for i, o := range options {
		r.options.row(scope, id, uint32(o.Family), uint32(o.Code), uint32(i), o.Name, o.Data, o.Hex, o.Always)
	}
	for _, name := range slices.Sorted(maps.Keys(params)) {
		r.params.row(scope, id, name, params[name])
	}
}

// row appends a row of numbers, texts and booleans.
func (b *items) row(values ...any) {
	b.Begin()
	for _, v := range values {
		switch v := v.(type) {
		case uint32:
			b.Number(int64(v))
		case string:
			b.String(v)
		case bool:
			b.Boolean(v)
		}
	}
	b.End()
}
