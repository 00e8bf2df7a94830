package postgres

import (
	"maps"
	"slices"

	"rowlock/sqlstore"
)

// configStep is a statement that writes the configuration.
type configStep struct {
	query string
	args  []any
}

// Put brings the rows to what next says. Objects keep their rows, because other
// rows refer to them; settings are written anew.
func (c *configTx) Put(_, next *sqlstore.Config) error {
	r := configRows(next)
	steps := []configStep{
		{"config_set_comment", []any{next.Comment}},
		{"config_clear_settings", nil},
		{"config_clear_parameters", nil},
		{"config_clear_relays", nil},
		{"config_clear_vrfs", nil},
		{"config_clear_pools", []any{r.pools.id}},
		{"config_clear_names", nil},
		{"config_put_vrfs", []any{r.vrfs.id, r.vrfs.comment}},
		{"config_put_vrf_interfaces", []any{r.vrfs.ifaceOf, r.vrfs.iface}},
		{"config_put_vrf_relays", []any{r.vrfs.relayOf, r.vrfs.relay}},
		{"config_put_links", []any{r.links.id, r.links.name, r.links.vrf, r.links.comment}},
		{"config_put_subnets", []any{
			r.subnets.id, r.subnets.link, r.subnets.previous, r.subnets.earlier, r.subnets.prefix, r.subnets.iface, r.subnets.ifaceID,
			r.subnets.closing, r.subnets.comment,
		}},
		{"config_put_relays", []any{r.relays.subnet, r.relays.addr}},
		{"config_put_pools", []any{
			r.pools.id, r.pools.subnet, r.pools.position, r.pools.kind, r.pools.first, r.pools.last, r.pools.length, r.pools.gen, r.pools.closing,
			r.pools.waiting, r.pools.comment,
		}},
		{"config_clear_subnets", []any{r.subnets.id}}, // only now: a pool may have moved from one
		{"config_clear_links", []any{r.links.id}},
		{"config_put_gens", nil},
		{"config_put_last", nil},
		{"config_clear_chunks", nil},
		{"config_clear_cursors", nil},
		{"config_clear_free", nil},
		{"config_put_options", []any{
			r.options.scope, r.options.id, r.options.family, r.options.code, r.options.position, r.options.name, r.options.data,
			r.options.hex, r.options.always, r.options.comment,
		}},
		{"config_put_parameters", []any{r.params.scope, r.params.id, r.params.name, r.params.value, r.params.comment}},
	}
	for _, step := range append(steps, dnsSteps(next)...) {
		if err := c.run(step.query, step.args...); err != nil {
			return err
		}
	}
	return nil
}

// rowArrays are the configuration tables as columns.
type rowArrays struct {
	links struct {
		id            []int32
		name, comment []string
		vrf           []int32
	}
	vrfs struct {
		id, ifaceOf, relayOf  []int32
		comment, iface, relay []string
	}
	subnets struct {
		id, link, previous, earlier []int32
		prefix, iface, comment      []string
		ifaceID                     [][]byte
		closing                     []bool
	}
	relays struct {
		subnet []int32
		addr   []string
	}
	pools struct {
		id, subnet, position, kind []int32
		first, last, comment       []string
		length, gen                []int32
		closing, waiting           []bool
	}
	options struct {
		scope                      []string
		id, family, code, position []int32
		name, data, comment        []string
		hex, always                []bool
	}
	params struct {
		scope                []string
		id                   []int32
		name, value, comment []string
	}
}

func configRows(cfg *sqlstore.Config) *rowArrays {
	r := &rowArrays{}
	r.links.id, r.subnets.id, r.pools.id = []int32{}, []int32{}, []int32{}
	r.settings("global", 0, cfg.Options, cfg.Parameters, cfg.Notes)
	for _, v := range cfg.VRFs {
		r.vrf(v)
	}
	for _, l := range cfg.Links {
		r.links.id = append(r.links.id, int32(l.ID))
		r.links.name = append(r.links.name, l.Name)
		r.links.vrf, r.links.comment = append(r.links.vrf, int32(l.VRF)), append(r.links.comment, l.Comment)
		r.settings("link", l.ID, l.Options, l.Parameters, l.Notes)
		for _, s := range l.Subnets {
			r.subnet(s)
		}
	}
	return r
}

func (r *rowArrays) vrf(v sqlstore.VRF) {
	t := &r.vrfs
	t.id, t.comment = append(t.id, int32(v.ID)), append(t.comment, v.Comment)
	for _, name := range v.Interfaces {
		t.ifaceOf, t.iface = append(t.ifaceOf, int32(v.ID)), append(t.iface, name)
	}
	for _, a := range v.Relays {
		t.relayOf, t.relay = append(t.relayOf, int32(v.ID)), append(t.relay, a.String())
	}
}

func (r *rowArrays) subnet(s *sqlstore.Subnet) {
	t := &r.subnets
	t.id, t.link = append(t.id, int32(s.ID)), append(t.link, int32(s.LinkID))
	t.previous, t.earlier = append(t.previous, int32(s.PreviousLinkID)), append(t.earlier, int32(s.EarlierLinkID))
	t.prefix, t.iface = append(t.prefix, s.Prefix.String()), append(t.iface, s.Interface)
	t.ifaceID, t.closing = append(t.ifaceID, append([]byte{}, s.InterfaceID...)), append(t.closing, s.Closing)
	t.comment = append(t.comment, s.Comment)
	for _, a := range s.Relays {
		r.relays.subnet, r.relays.addr = append(r.relays.subnet, int32(s.ID)), append(r.relays.addr, a.String())
	}
	for i, p := range s.Pools {
		t := &r.pools
		t.id, t.subnet, t.position = append(t.id, int32(p.ID)), append(t.subnet, int32(s.ID)), append(t.position, int32(i))
		t.kind, t.first, t.last = append(t.kind, int32(p.Kind)), append(t.first, p.First.String()), append(t.last, p.Last.String())
		t.length, t.gen, t.closing = append(t.length, int32(p.DelegatedLen)), append(t.gen, int32(p.Gen)), append(t.closing, p.Closing && !s.Closing)
		t.waiting, t.comment = append(t.waiting, p.Waiting), append(t.comment, p.Comment)
	}
	r.settings("subnet", s.ID, s.Options, s.Parameters, s.Notes)
}

func (r *rowArrays) settings(scope string, id uint32, options []sqlstore.OptionData, params sqlstore.Parameters, notes sqlstore.Notes) {
	for i, o := range options {
		t := &r.options
		t.scope, t.id, t.family = append(t.scope, scope), append(t.id, int32(id)), append(t.family, int32(o.Family))
		t.code, t.position, t.name = append(t.code, int32(o.Code)), append(t.position, int32(i)), append(t.name, o.Name)
		t.data, t.hex, t.always = append(t.data, o.Data), append(t.hex, o.Hex), append(t.always, o.Always)
		t.comment = append(t.comment, o.Comment)
	}
	for _, name := range slices.Sorted(maps.Keys(params)) {
		t := &r.params
		t.scope, t.id = append(t.scope, scope), append(t.id, int32(id))
		t.name, t.value = append(t.name, name), append(t.value, params[name])
		t.comment = append(t.comment, notes[name])
	}
}
