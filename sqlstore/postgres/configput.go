package postgres

import (
	"context"
	"fmt"
	"maps"
	"slices"

	"github.com/jackc/pgx/v5"

	"rowlock/sqlstore"
)

// ApplyConfig replaces the configuration in one transaction.
func (s *Store) ApplyConfig(ctx context.Context, base int64, next *sqlstore.Config, author, comment string) (rev int64, err error) {
	err = pgx.BeginFunc(ctx, s.general, func(tx pgx.Tx) error {
		if err := tx.QueryRow(ctx, s.q.get("config_lock")).Scan(&rev); err != nil {
			return err
		}
		if base != 0 && base != rev {
			return fmt.Errorf("configuration is at revision %d, not %d: %w", rev, base, sqlstore.ErrConflict)
		}
		old, secret, err := s.loadConfig(ctx, tx)
		if err != nil {
			return err
		}
		used, err := s.usedIDs(ctx, tx)
		if err != nil {
			return err
		}
		if err := sqlstore.Assign(old, next, secret, used); err != nil {
			return err
		}
		next.Revision = old.Revision
		if sqlstore.SameConfig(old, next) {
			return s.putConsumer(ctx, tx)
		}
		if err := s.takeOver(ctx, tx, sqlstore.EditsOf(old, next)); err != nil {
			return err
		}
		if err := s.putConfig(ctx, tx, next); err != nil {
			return err
		}
		if err := s.putConsumer(ctx, tx); err != nil {
			return err
		}
		return tx.QueryRow(ctx, s.q.get("config_raise"), author, comment).Scan(&rev)
	})
	next.Revision = rev
	return rev, classifyConfig(err)
}

func (s *Store) usedIDs(ctx context.Context, tx pgx.Tx) (sqlstore.UsedIDs, error) {
	used := sqlstore.UsedIDs{Gens: map[uint32]uint32{}}
	rows, err := tx.Query(ctx, s.q.get("config_gens"))
	if err != nil {
		return used, err
	}
	var what, id, gen int32
	_, err = pgx.ForEachRow(rows, []any{&what, &id, &gen}, func() error {
		switch what {
		case 1:
			used.Gens[uint32(id)] = uint32(gen)
		case 2:
			used.Link = uint32(id)
		case 3:
			used.Subnet = uint32(id)
		}
		return nil
	})
	return used, err
}

// configStep is a statement that writes the configuration.
type configStep struct {
	query string
	args  []any
}

// putConfig brings the rows to what cfg says. Objects keep their rows, because
// other rows refer to them; settings are written anew.
func (s *Store) putConfig(ctx context.Context, tx pgx.Tx, cfg *sqlstore.Config) error {
	r := configRows(cfg)
	steps := []configStep{
		{"config_clear_settings", nil},
		{"config_clear_parameters", nil},
		{"config_clear_relays", nil},
		{"config_clear_pools", []any{r.pools.id}},
		{"config_clear_names", nil},
		{"config_put_links", []any{r.links.id, r.links.name, r.links.vrf}},
		{"config_put_subnets", []any{
			r.subnets.id, r.subnets.link, r.subnets.previous, r.subnets.prefix, r.subnets.iface, r.subnets.ifaceID, r.subnets.closing,
		}},
		{"config_put_relays", []any{r.relays.subnet, r.relays.addr}},
		{"config_put_pools", []any{
			r.pools.id, r.pools.subnet, r.pools.position, r.pools.kind, r.pools.first, r.pools.last, r.pools.length, r.pools.gen, r.pools.closing,
		}},
		{"config_clear_subnets", []any{r.subnets.id}}, // only now: a pool may have moved from one
		{"config_clear_links", []any{r.links.id}},
		{"config_put_gens", nil},
		{"config_clear_chunks", nil},
		{"config_clear_cursors", nil},
		{"config_clear_free", nil},
		{"config_put_options", []any{
			r.options.scope, r.options.id, r.options.family, r.options.code, r.options.position, r.options.name, r.options.data,
			r.options.hex, r.options.always,
		}},
		{"config_put_parameters", []any{r.params.scope, r.params.id, r.params.name, r.params.value}},
	}
	for _, step := range append(steps, dnsSteps(cfg)...) {
		if _, err := tx.Exec(ctx, s.q.get(step.query), step.args...); err != nil {
			return fmt.Errorf("%s: %w", step.query, err)
		}
	}
	return nil
}

// rowArrays are the configuration tables as columns.
type rowArrays struct {
	links struct {
		id   []int32
		name []string
		vrf  []int32
	}
	subnets struct {
		id, link, previous []int32
		prefix, iface      []string
		ifaceID            [][]byte
		closing            []bool
	}
	relays struct {
		subnet []int32
		addr   []string
	}
	pools struct {
		id, subnet, position, kind []int32
		first, last                []string
		length, gen                []int32
		closing                    []bool
	}
	options struct {
		scope                      []string
		id, family, code, position []int32
		name, data                 []string
		hex, always                []bool
	}
	params struct {
		scope       []string
		id          []int32
		name, value []string
	}
}

func configRows(cfg *sqlstore.Config) *rowArrays {
	r := &rowArrays{}
	r.links.id, r.subnets.id, r.pools.id = []int32{}, []int32{}, []int32{}
	r.settings("global", 0, cfg.Options, cfg.Parameters)
	for _, l := range cfg.Links {
		r.links.id = append(r.links.id, int32(l.ID))
		r.links.name = append(r.links.name, l.Name)
		r.links.vrf = append(r.links.vrf, int32(l.VRF))
		r.settings("link", l.ID, l.Options, l.Parameters)
		for _, s := range l.Subnets {
			r.subnet(s)
		}
	}
	return r
}

func (r *rowArrays) subnet(s *sqlstore.Subnet) {
	t := &r.subnets
	t.id, t.link, t.previous = append(t.id, int32(s.ID)), append(t.link, int32(s.LinkID)), append(t.previous, int32(s.PreviousLinkID))
	t.prefix, t.iface = append(t.prefix, s.Prefix.String()), append(t.iface, s.Interface)
	t.ifaceID, t.closing = append(t.ifaceID, append([]byte{}, s.InterfaceID...)), append(t.closing, s.Closing)
	for _, a := range s.Relays {
		r.relays.subnet, r.relays.addr = append(r.relays.subnet, int32(s.ID)), append(r.relays.addr, a.String())
	}
	for i, p := range s.Pools {
		t := &r.pools
		t.id, t.subnet, t.position = append(t.id, int32(p.ID)), append(t.subnet, int32(s.ID)), append(t.position, int32(i))
		t.kind, t.first, t.last = append(t.kind, int32(p.Kind)), append(t.first, p.First.String()), append(t.last, p.Last.String())
		t.length, t.gen, t.closing = append(t.length, int32(p.DelegatedLen)), append(t.gen, int32(p.Gen)), append(t.closing, p.Closing && !s.Closing)
	}
	r.settings("subnet", s.ID, s.Options, s.Parameters)
}

func (r *rowArrays) settings(scope string, id uint32, options []sqlstore.OptionData, params sqlstore.Parameters) {
	for i, o := range options {
		t := &r.options
		t.scope, t.id, t.family = append(t.scope, scope), append(t.id, int32(id)), append(t.family, int32(o.Family))
		t.code, t.position, t.name = append(t.code, int32(o.Code)), append(t.position, int32(i)), append(t.name, o.Name)
		t.data, t.hex, t.always = append(t.data, o.Data), append(t.hex, o.Hex), append(t.always, o.Always)
	}
	for _, name := range slices.Sorted(maps.Keys(params)) {
		t := &r.params
		t.scope, t.id = append(t.scope, scope), append(t.id, int32(id))
		t.name, t.value = append(t.name, name), append(t.value, params[name])
	}
}
