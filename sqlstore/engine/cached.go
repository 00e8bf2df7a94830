package engine

import "rowlock/sqlstore"

// settleCached decides renewals that need no write once all items of their
// message have been looked up: when every one is such, they are granted as they
// are; otherwise all are written, so that the items of a message stay of one
// age and their timers agree.
func (m *message) settleCached() {
	cached := 0
	for i := range m.items {
		switch m.items[i].next.kind {
		case stepCached:
			cached++
		case stepLookup, stepInsert:
			return
		}
	}
	if cached == 0 {
		return
	}
	for i := range m.items {
		it := &m.items[i]
		if it.next.kind != stepCached {
			continue
		}
		if cached < len(m.items) {
			it.next = update(sqlstore.Activate, it.next.row)
			continue
		}
		it.next = final(sqlstore.Granted, it.next.row)
		it.result.Cached = true
		m.e.metrics.cached.Inc()
	}
}
