package mysql

import (
	"fmt"
	"maps"
	"slices"

	"rowlock/sqlstore"
)

// Put brings the rows to what next says. A link that changed is written anew
// with all that is in it, and others are left alone: the triggers make a row that
// is written dear. Objects keep their rows, because other rows refer to them.
func (c *configTx) Put(old, next *sqlstore.Config) error {
	r := changedRows(old, next)
	if err := c.putSteps([]configStep{
		{"config_clear_options", &r.scopes},
		{"config_clear_parameters", &r.scopes},
		{"config_clear_relays", &r.oldSubnets},
		{"config_clear_pools", &r.gonePools},
		{"config_clear_names", &r.oldLinks},
		{"config_put_links", &r.links},
		{"config_put_subnets", &r.subnets},
		{"config_put_relays", &r.relays},
		{"config_put_pools", &r.pools},
		{"config_clear_subnets", &r.goneSubnets}, // only now: a pool may have moved from one
		{"config_clear_links", &r.goneLinks},
		{"config_put_gens", &r.pools},
		{"config_clear_chunks", &r.oldPools},
		{"config_clear_cursors", &r.oldPools},
		{"config_clear_free", &r.gonePools},
		{"config_put_options", &r.options},
		{"config_put_parameters", &r.params},
	}); err != nil {
		return err
	}
	if err := c.run("config_put_ids"); err != nil {
		return fmt.Errorf("config_put_ids: %w", err)
	}
	return c.putGlobal(old, next)
}

// configStep is a statement that writes rows of the configuration.
type configStep struct {
	query string
	rows  *items
}

// putSteps runs the statements that have rows.
func (c *conn) putSteps(steps []configStep) error {
	for _, step := range steps {
		if step.rows.Empty() {
			continue
		}
		if err := c.run(step.query, step.rows.Text()); err != nil {
			return fmt.Errorf("%s: %w", step.query, err)
		}
	}
	return nil
}

// configRows are rows of the tables of links, and what goes before them.
type configRows struct {
	links, subnets, relays, pools, options, params items

	scopes                            items // whose settings are written anew
	oldLinks, oldSubnets, oldPools    items // of links that changed
	goneLinks, goneSubnets, gonePools items
}

// changedRows are those of the links that differ, and of what is outside of
// links where that differs.
func changedRows(old, next *sqlstore.Config) *configRows {
	r := &configRows{}
	if a, b := rowsOf(globalScope(old)), rowsOf(globalScope(next)); a.text() != b.text() {
		r.scopes.row(uint32(0), "global")
		r.settings("global", 0, next.Options, next.Parameters, next.Notes)
	}
	kept := &kept{map[uint32]bool{}, map[uint32]bool{}, map[uint32]bool{}}
	was := map[uint32]*sqlstore.Link{}
	for _, l := range old.Links {
		was[l.ID] = l
	}
	var before []*sqlstore.Link
	for _, l := range next.Links {
		kept.link(l)
		o := was[l.ID]
		delete(was, l.ID)
		if o != nil && rowsOf(o).text() == rowsOf(l).text() {
			continue
		}
		if o != nil {
			before = append(before, o)
		}
		r.link(l)
	}
	before = append(before, slices.Collect(maps.Values(was))...)
	for _, l := range before {
		r.forget(l, kept)
	}
	return r
}

// globalScope is what of a configuration has rows like those of a link.
func globalScope(c *sqlstore.Config) *sqlstore.Link {
	return &sqlstore.Link{Options: c.Options, Parameters: c.Parameters, Notes: c.Notes}
}

// kept are the ids that the next configuration has.
type kept struct{ links, subnets, pools map[uint32]bool }

func (k *kept) link(l *sqlstore.Link) {
	k.links[l.ID] = true
	for _, s := range l.Subnets {
		k.subnets[s.ID] = true
		for _, p := range s.Pools {
			k.pools[p.ID] = true
		}
	}
}

// forget lists what a link had before.
func (r *configRows) forget(l *sqlstore.Link, now *kept) {
	list := func(all, gone *items, id uint32, kept bool) {
		all.row(id)
		if !kept {
			gone.row(id)
		}
	}
	list(&r.oldLinks, &r.goneLinks, l.ID, now.links[l.ID])
	r.scopes.row(l.ID, "link")
	for _, s := range l.Subnets {
		list(&r.oldSubnets, &r.goneSubnets, s.ID, now.subnets[s.ID])
		r.scopes.row(s.ID, "subnet")
		for _, p := range s.Pools {
			list(&r.oldPools, &r.gonePools, p.ID, now.pools[p.ID])
		}
	}
}

func rowsOf(l *sqlstore.Link) *configRows {
	r := &configRows{}
	r.link(l)
	return r
}

// text is all rows, to be compared.
func (r *configRows) text() string {
	return r.links.Text() + r.subnets.Text() + r.relays.Text() + r.pools.Text() + r.options.Text() + r.params.Text()
}

func (r *configRows) link(l *sqlstore.Link) {
	r.links.row(l.ID, l.Name, l.VRF, l.Comment)
	r.settings("link", l.ID, l.Options, l.Parameters, l.Notes)
	for _, s := range l.Subnets {
		r.subnet(s)
	}
}

func (r *configRows) subnet(s *sqlstore.Subnet) {
	r.subnets.row(s.ID, s.LinkID, s.PreviousLinkID, s.EarlierLinkID, s.Prefix.String(), s.Interface, fmt.Sprintf("%x", s.InterfaceID), s.Closing, s.Comment)
	for _, a := range s.Relays {
		r.relays.row(s.ID, a.String())
	}
	for i, p := range s.Pools {
		r.pools.row(p.ID, s.ID, uint32(i), uint32(p.Kind), p.First.String(), p.Last.String(), uint32(p.DelegatedLen), p.Gen,
			p.Closing && !s.Closing, p.Waiting, p.Comment)
	}
	r.settings("subnet", s.ID, s.Options, s.Parameters, s.Notes)
}

func (r *configRows) settings(scope string, id uint32, options []sqlstore.OptionData, params sqlstore.Parameters, notes sqlstore.Notes) {
	for i, o := range options {
		r.options.row(scope, id, uint32(o.Family), uint32(o.Code), uint32(i), o.Name, o.Data, o.Hex, o.Always, o.Comment)
	}
	for _, name := range slices.Sorted(maps.Keys(params)) {
		r.params.row(scope, id, name, params[name], notes[name])
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
