package sqlite

import (
	"database/sql/driver"
	"math"

	"rowlock/sqlstore"
)

// Put turns the rows of old into those of next. Names are taken away before they
// are given, referenced rows are written before those that refer to them, and
// deleted after them.
func (c *configTx) Put(from, to *sqlstore.Config) error {
	w := &rowWriter{c: c}
	old, next := rowsOf(from), rowsOf(to)
	if err := c.written(old); err != nil {
		return err
	}
	w.topology(old, next)
	w.settings(old, next)
	w.vrfs(old, next)
	w.dns(old, next, secretsOf(to))
	return w.err
}

// written puts into rows what a Config does not tell of them: which numbers stand
// for an order, and whether a pool of a closing subnet is closing itself.
func (c *configTx) written(rows *rowSet) error {
	err := c.read("pool_written", func(v []any) error {
		id := uint32(integer(v[0]))
		r, ok := rows.pools[id]
		if r.position, r.closing = int(integer(v[1])), integer(v[2]) != 0; ok {
			rows.pools[id] = r
		}
		return nil
	})
	if err != nil {
		return err
	}
	return c.read("option_written", func(v []any) error {
		k := optionKey{text(v[0]), uint32(integer(v[1])), sqlstore.Family(integer(v[2])), uint16(integer(v[3]))}
		r, ok := rows.options[k]
		if r.position = int(integer(v[4])); ok {
			rows.options[k] = r
		}
		return nil
	})
}

func (w *rowWriter) topology(old, next *rowSet) {
	put(next.links, old.links, func(id uint32, _ linkRow) { w.run("link_unname", id) })
	put(old.links, next.links, func(id uint32, r linkRow) { w.run("link_put", id, r.name, r.vrf, r.comment) })
	put(old.subnets, next.subnets, func(id uint32, r subnetRow) {
		w.run("subnet_put", id, r.link, r.previous, r.earlier, r.prefix, r.iface, []byte(r.ifaceID), r.closing, r.comment)
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
}

func (w *rowWriter) settings(old, next *rowSet) {
	drop(old.options, next.options, func(k optionKey, _ optionRow) { w.run("option_delete", k.scope, k.id, k.family, k.code) })
	put(old.options, next.options, func(k optionKey, r optionRow) {
		w.run("option_put", k.scope, k.id, k.family, k.code, r.position, r.name, r.data, r.hex, r.always, r.comment)
	})
	drop(old.parameters, next.parameters, func(k parameterKey, _ parameterRow) { w.run("parameter_delete", k.scope, k.id, k.name) })
	put(old.parameters, next.parameters, func(k parameterKey, r parameterRow) {
		w.run("parameter_put", k.scope, k.id, k.name, r.value, r.comment)
	})
	if old.comment != next.comment {
		w.run("config_set_comment", next.comment)
	}
}

func (w *rowWriter) vrfs(old, next *rowSet) {
	put(old.vrfs, next.vrfs, func(id uint32, comment string) { w.run("vrf_put", id, comment) })
	put(old.interfaces, next.interfaces, func(name string, vrf uint32) { w.run("vrf_interface_put", name, vrf) })
	put(old.vrfRelays, next.vrfRelays, func(addr string, vrf uint32) { w.run("vrf_relay_put", addr, vrf) })
	drop(old.interfaces, next.interfaces, func(name string, _ uint32) { w.run("vrf_interface_delete", name) })
	drop(old.vrfRelays, next.vrfRelays, func(addr string, _ uint32) { w.run("vrf_relay_delete", addr) })
	drop(old.vrfs, next.vrfs, func(id uint32, _ string) { w.run("vrf_delete", id) })
}

// rowWriter runs statements until one fails.
type rowWriter struct {
	c   *configTx
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
	w.err = w.c.change(query, values...)
}

// pool writes a pool. Hints of an earlier generation are void: the cursor of
// the new one comes by all its addresses.
func (w *rowWriter) pool(id uint32, r poolRow, oldGen uint32) {
	w.run("pool_put", id, r.subnet, r.position, r.kind, r.first, r.last, r.length, r.gen, r.closing, r.waiting, r.comment)
	if r.gen != oldGen {
		w.run("pool_gen_put", id, r.gen, r.first, r.last, r.length, w.c.now, r.vrf)
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
