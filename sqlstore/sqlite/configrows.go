package sqlite

import (
	"database/sql/driver"
	"math"

	"rowlock/sqlstore"
)

// The configuration as table rows. Two configurations are compared row by row,
// so that a change of one subnet among thousands writes one row and does not
// keep the lease lanes waiting.

type linkRow struct {
	name string
	vrf  uint32
}

type subnetRow struct {
	link, previous         uint32
	prefix, iface, ifaceID string
	closing                bool
}

type relayKey struct {
	subnet uint32
	addr   string
}

type poolRow struct {
	subnet      uint32
	position    int
	kind        sqlstore.Kind
	first, last string
	length      uint8
	gen         uint32
	closing     bool
}

type optionKey struct {
	scope  string
	id     uint32
	family sqlstore.Family
	code   uint16
}

type optionRow struct {
	position    int
	name, data  string
	hex, always bool
}

type parameterKey struct {
	scope string
	id    uint32
	name  string
}

// rowSet is a whole configuration as rows by primary key.
type rowSet struct {
	links      map[uint32]linkRow
	subnets    map[uint32]subnetRow
	relays     map[relayKey]struct{}
	pools      map[uint32]poolRow
	options    map[optionKey]optionRow
	parameters map[parameterKey]string
	keys       map[string]keyRow
	zones      map[string][]sqlstore.DNSServer
}

func rowsOf(c *sqlstore.Config) *rowSet {
	r := &rowSet{
		links: map[uint32]linkRow{}, subnets: map[uint32]subnetRow{}, relays: map[relayKey]struct{}{}, pools: map[uint32]poolRow{},
		options: map[optionKey]optionRow{}, parameters: map[parameterKey]string{},
		keys: map[string]keyRow{}, zones: map[string][]sqlstore.DNSServer{},
	}
	r.dns(c)
	r.settings("global", 0, c.Options, c.Parameters)
	for _, l := range c.Links {
		r.links[l.ID] = linkRow{l.Name, l.VRF}
		r.settings("link", l.ID, l.Options, l.Parameters)
		for _, s := range l.Subnets {
			r.subnet(s)
		}
	}
	return r
}

func (r *rowSet) subnet(s *sqlstore.Subnet) {
	r.subnets[s.ID] = subnetRow{s.LinkID, s.PreviousLinkID, s.Prefix.String(), s.Interface, string(s.InterfaceID), s.Closing}
	r.settings("subnet", s.ID, s.Options, s.Parameters)
	for _, a := range s.Relays {
		r.relays[relayKey{s.ID, a.String()}] = struct{}{}
	}
	for i, p := range s.Pools {
		// a closing subnet closes its pools when they are loaded; the rows keep
		// what was said of the pool itself
		r.pools[p.ID] = poolRow{s.ID, i, p.Kind, p.First.String(), p.Last.String(), p.DelegatedLen, p.Gen, p.Closing && !s.Closing}
	}
}

func (r *rowSet) settings(scope string, id uint32, options []sqlstore.OptionData, params sqlstore.Parameters) {
	for i, o := range options {
		r.options[optionKey{scope, id, o.Family, o.Code}] = optionRow{i, o.Name, o.Data, o.Hex, o.Always}
	}
	for name, value := range params {
		r.parameters[parameterKey{scope, id, name}] = value
	}
}

// writeRows turns the rows of old into those of next. Names are taken away
// before they are given, referenced rows are written before those that refer
// to them, and deleted after them. secrets are those of keys that are given.
func (t *transaction) writeRows(old, next *rowSet, secrets map[string]string) error {
	w := &rowWriter{t: t}
	put(next.links, old.links, func(id uint32, _ linkRow) { w.run("link_unname", id) })
	put(old.links, next.links, func(id uint32, r linkRow) { w.run("link_put", id, r.name, r.vrf) })
	put(old.subnets, next.subnets, func(id uint32, r subnetRow) {
		w.run("subnet_put", id, r.link, r.previous, r.prefix, r.iface, []byte(r.ifaceID), r.closing)
	})
	put(old.pools, next.pools, func(id uint32, r poolRow) { w.pool(id, r, old.pools[id].gen) })
	drop(old.pools, next.pools, func(id uint32, _ poolRow) {
		w.run("pool_delete", id)
		w.clearHints(id, math.MaxUint32)
	})
	drop(old.relays, next.relays, func(k relayKey, _ struct{}) { w.run("relay_delete", k.subnet, k.addr) })
	put(old.relays, next.relays, func(k relayKey, _ struct{}) { w.run("relay_put", k.subnet, k.addr) })
	drop(old.subnets, next.subnets, func(id uint32, _ subnetRow) { w.run("subnet_delete", id) })
	drop(old.links, next.links, func(id uint32, _ linkRow) { w.run("link_delete", id) })
	drop(old.options, next.options, func(k optionKey, _ optionRow) { w.run("option_delete", k.scope, k.id, k.family, k.code) })
	put(old.options, next.options, func(k optionKey, r optionRow) {
		w.run("option_put", k.scope, k.id, k.family, k.code, r.position, r.name, r.data, r.hex, r.always)
	})
	drop(old.parameters, next.parameters, func(k parameterKey, _ string) { w.run("parameter_delete", k.scope, k.id, k.name) })
	put(old.parameters, next.parameters, func(k parameterKey, value string) { w.run("parameter_put", k.scope, k.id, k.name, value) })
	w.dns(old, next, secrets)
	return w.err
}

// rowWriter runs statements until one fails.
type rowWriter struct {
	t   *transaction
	err error
}

func (w *rowWriter) run(query string, args ...any) {
	if w.err != nil {
		return
	}
	values := make([]driver.Value, len(args))
	for i, a := range args {
		values[i] = configValue(a)
	}
	_, w.err = w.t.exec(0, query, values...)
}

// pool writes a pool. Hints of an earlier generation are void: the cursor of
// the new one comes by all its addresses.
func (w *rowWriter) pool(id uint32, r poolRow, oldGen uint32) {
	w.run("pool_put", id, r.subnet, r.position, r.kind, r.first, r.last, r.length, r.gen, r.closing)
	if r.gen != oldGen {
		w.run("pool_gen_put", id, r.gen, r.first, r.last, r.length, w.t.now)
		w.clearHints(id, r.gen)
	}
}

func (w *rowWriter) clearHints(pool, before uint32) {
	w.run("hint_clear_chunks", pool, before)
	w.run("hint_clear_cursors", pool, before)
	w.run("hint_clear_free", pool)
}

func configValue(a any) driver.Value {
	switch v := a.(type) {
	case uint32:
		return int64(v)
	case uint16:
		return int64(v)
	case uint8:
		return int64(v)
	case int:
		return int64(v)
	case sqlstore.Kind:
		return int64(v)
	case sqlstore.Family:
		return int64(v)
	case bool:
		return flag(v)
	}
	return a
}

// put calls write for the rows that are new or different.
func put[K, R comparable](old, next map[K]R, write func(K, R)) {
	for k, r := range next {
		if was, ok := old[k]; !ok || was != r {
			write(k, r)
		}
	}
}

// drop calls write for the rows that are gone.
func drop[K, R comparable](old, next map[K]R, write func(K, R)) {
	for k, r := range old {
		if _, ok := next[k]; !ok {
			write(k, r)
		}
	}
}
