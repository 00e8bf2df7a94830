package mysql

import (
	"database/sql/driver"
	"errors"

	"rowlock/sqlstore"
)

// change is what becomes of one Update.
type change struct {
	u       *sqlstore.Update
	res     *sqlstore.UpdateResult
	locked  bool // the row is ours, and in res.Lease as it was
	live    bool // it was active and had not run out
	running bool // its expires_at is ahead
	ok      bool // the guard holds
	whole   bool // and that of all its siblings
	plain   bool // and nothing but times and the state changes
}

// update locks the rows of a batch and looks at them, decides which changes are
// to be made, and sends these together with the commit.
func (c *conn) update(b *sqlstore.Batch, res *sqlstore.BatchResult) error {
	f := b.Updates[0].Family
	changes, h, err := c.lock(f, b, res)
	if err != nil {
		return err
	}
	decide(changes)
	p, alive := &packet{}, h.alive
	if alive {
		c.addChanges(p, f, changes, h.consumed)
		p.ask(func(v []driver.Value) error { alive = boolean(v[0]); return nil }, c.q.execute(f, "lane_alive"))
	}
	if missing := missingRows(changes); missing != nil {
		p.ask(func(v []driver.Value) error {
			changes[integer(v[0])].res.Status = sqlstore.Locked
			return nil
		}, c.q.of(f, "lease_exists"), missing.Text())
	}
	p.add(c.q.get("tx_commit"))
	c.noLimit(p)
	err = c.send(p, p.row)
	if err != nil && len(b.Updates) == 1 && b.Updates[0].Action == sqlstore.Rekey && errors.Is(classify(err), sqlstore.ErrConflict) {
		res.Updates[0].Status, res.Alive = sqlstore.Mismatch, true // or there would have been no update
		return c.rollback(nil)
	}
	if err != nil {
		return err
	}
	if res.Alive = alive; !alive {
		for i := range res.Updates {
			res.Updates[i].Status = sqlstore.UpdateFenced
		}
		return nil
	}
	for i := range changes {
		if ch := &changes[i]; ch.plain {
			ch.res.Status, ch.res.Fresh, ch.res.Lease = sqlstore.Updated, ch.fresh(), ch.activated(b.Fence.Frontend, h.now)
		}
	}
	return nil
}

// lock begins the transaction, locks the rows of all items that nobody else
// holds, and reads them.
func (c *conn) lock(f sqlstore.Family, b *sqlstore.Batch, res *sqlstore.BatchResult) (changes []change, h head, err error) {
	changes = make([]change, len(b.Updates))
	keys, at := make([]any, 0, len(b.Updates)), make(map[sqlstore.Key]int, len(b.Updates))
	for i := range b.Updates {
		u := &b.Updates[i]
		changes[i].u, changes[i].res = u, &res.Updates[i]
		changes[i].res.Status = sqlstore.NoRow
		if _, twice := at[u.Key]; !twice { // of two items with one row the first may change it
			at[u.Key] = i
			keys = append(keys, hexKey(u.Key))
		}
	}
	p := &packet{}
	p.add(c.q.get("tx_begin"))
	c.limit(p)
	p.add(c.q.of(f, "lane_items"), b.Fence.Frontend, b.Fence.Incarnation, "[]", 0)
	p.add(c.q.execute(f, "lane_clock"))
	p.ask(func(v []driver.Value) error {
		h = headOf(v)
		res.Revision, res.Alive = h.revision, h.alive
		return nil
	}, c.q.execute(f, "lane_head"))
	p.ask(func(v []driver.Value) error {
		l := leaseOf(f, v[2:])
		ch := &changes[at[l.Key]]
		ch.locked, ch.live, ch.running = true, boolean(v[0]), boolean(v[1])
		ch.res.Status, ch.res.Lease = sqlstore.Mismatch, l
		return nil
	}, c.q.forKeys(f, "lease_lock", len(keys)), keys...)
	return changes, h, c.send(p, p.row)
}

// decide applies the guards, to all items of a message or to none.
func decide(changes []change) {
	passed := map[int]int{}
	for i := range changes {
		ch := &changes[i]
		if ch.ok = ch.guard(); ch.ok {
			passed[ch.u.Message]++
		}
	}
	for i := range changes {
		ch := &changes[i]
		ch.whole = ch.ok && passed[ch.u.Message] >= ch.u.Count
	}
}

// guard tells whether the row is one that the action may be done to.
func (ch *change) guard() bool {
	l := &ch.res.Lease
	if !ch.locked || l.Addr != ch.u.Addr {
		return false
	}
	if ch.u.Rev != 0 && l.Rev != ch.u.Rev || ch.u.Rev == 0 && l.State != sqlstore.Offered && !ch.live {
		return false
	}
	switch ch.u.Action {
	case sqlstore.Hold:
		return !ch.live
	case sqlstore.Release, sqlstore.Quarantine:
		return l.State == sqlstore.Active
	case sqlstore.Expire:
		return !ch.running && (l.State == sqlstore.Offered || l.State == sqlstore.Active)
	case sqlstore.Withdraw:
		return l.State == sqlstore.Offered
	}
	return true
}

// begins tells whether the action gives the row to its client.
func (ch *change) begins() bool {
	return ch.u.Action == sqlstore.Activate || ch.u.Action == sqlstore.Hold
}

// fresh tells whether a new holding begins.
func (ch *change) fresh() bool { return ch.u.Action == sqlstore.Activate && !ch.live }

// endedBy returns the state that ends a holding, for its history row; 0 when
// none ends.
func (ch *change) endedBy() sqlstore.State {
	if ch.res.Lease.State != sqlstore.Active {
		return 0
	}
	switch ch.u.Action {
	case sqlstore.Release:
		return sqlstore.Released
	case sqlstore.Expire:
		return sqlstore.Expired
	case sqlstore.Quarantine:
		return sqlstore.Declined
	case sqlstore.Park:
		return sqlstore.Parked
	case sqlstore.Activate, sqlstore.Hold:
		if !ch.live {
			return sqlstore.Active
		}
	}
	return 0
}

// The kinds of lease_event.
const (
	eventAssigned = 1
	eventChanged  = 2
	eventEnded    = 3
)

// event returns the kind of event that the change is, 0 if none.
func (ch *change) event() int64 {
	switch c, l := &ch.u.Client, &ch.res.Lease.Client; {
	case ch.fresh():
		return eventAssigned
	case ch.u.Action == sqlstore.Activate && c.Hostname != "" && (c.Hostname != l.Hostname || c.FQDNFlags != l.FQDNFlags):
		return eventChanged
	case ch.endedBy() != 0:
		return eventEnded
	}
	return 0
}

// addChanges adds the statements that make the changes, and read back those rows
// that are not known without.
func (c *conn) addChanges(p *packet, f sqlstore.Family, changes []change, consumed bool) {
	rows := &items{}
	var ends, moves, tells bool
	for i := range changes {
		ch := &changes[i]
		if !ch.whole {
			continue
		}
		if ch.plain = ch.isPlain(); ch.plain {
			continue
		}
		rows.change(i, ch)
		ends, moves = ends || ch.endedBy() != 0, moves || ch.u.NewKey != ""
		tells = tells || consumed && ch.event() != 0
	}
	p.add(c.q.execute(f, "lane_fence"))
	c.addPlain(p, f, changes, consumed)
	if rows.Empty() {
		return
	}
	p.add(c.q.of(f, "lane_changes"), rows.Text())
	if ends {
		p.add(c.q.execute(f, "lease_history"))
	}
	if moves {
		p.add(c.q.execute(f, "lease_move"))
	} else {
		p.add(c.q.execute(f, "lease_update"))
	}
	if tells {
		p.add(c.q.execute(f, "lease_event"))
	}
	p.ask(func(v []driver.Value) error {
		ch := &changes[integer(v[0])]
		ch.res.Status, ch.res.Fresh, ch.res.Lease = sqlstore.Updated, ch.fresh(), leaseOf(f, v[1:])
		return nil
	}, c.q.execute(f, "lease_read_changed"))
}
