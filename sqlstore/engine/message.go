package engine

import (
	"context"
	"fmt"
	"math/rand/v2"
	"net/netip"
	"slices"
	"time"

	"rowlock/sqlstore"
)

const (
	maxRounds = 1000 // steps of one message, most of them tries of taken addresses; its time ends it before
	maxRaces  = 3    // lost races of one item
)

// message is one request on its way through the lanes.
type message struct {
	e        *Engine
	req      *sqlstore.Request
	items    []item
	decision sqlstore.Decision // Revision is that which the database named last

	itemRoom   [1]item // what a message of one item needs, in one piece
	resultRoom [1]sqlstore.Result
	keyRoom    [2]sqlstore.Key
}

// newMessage begins a request. Its keys are those of its items, and of rows that
// may be theirs.
func newMessage(e *Engine, r *sqlstore.Request) (m *message, keys []sqlstore.Key) {
	m = &message{e: e, req: r}
	m.items = append(m.itemRoom[:0], make([]item, len(r.Items))...)
	m.decision.Results = append(m.resultRoom[:0], make([]sqlstore.Result, len(r.Items))...)
	keys = m.keyRoom[:0]
	for i := range r.Items {
		m.items[i] = item{Item: &r.Items[i], next: first(r.Family, &r.Items[i]), result: &m.decision.Results[i]}
		keys = append(keys, r.Items[i].Key)
	}
	return m, keys
}

// item is the state of one of its items.
type item struct {
	*sqlstore.Item
	next     step
	done     bool
	result   *sqlstore.Result
	races    int
	firstRev int64      // of a RELEASE or DECLINE: it is never repeated with a newer one
	tried    netip.Addr // the wanted address was tried and is taken
	hint     *candidate // what the insert under way uses
	checking bool       // a lookup tells whether the key or the address was in the way
	only     bool       // the insert under way accepts no other address
	assigned bool       // v6: the address asked for is refused, any will do
}

// run takes the message to its end. What is decided is answered, also when its
// time is over by then; only a further step needs time that is left. A candidate
// whose fate is not known when it ends early is tried again later.
func (m *message) run(ctx context.Context) error {
	defer func() {
		for i := range m.items {
			m.e.hints.unknown(m.items[i].takeHint())
		}
	}()
	for range maxRounds {
		inserts, updates := m.pending()
		if len(inserts)+len(updates) > 0 && ctx.Err() != nil {
			return sqlstore.ErrBusy // but what is decided is answered: the work is done
		}
		switch {
		case len(inserts) > 0:
			if err := m.insertRound(ctx, inserts); err != nil {
				return err
			}
		case len(updates) > 0:
			if err := m.updateRound(ctx, updates); err != nil {
				return err
			}
		default:
			return nil
		}
	}
	return fmt.Errorf("no decision after %d steps: %w", maxRounds, sqlstore.ErrBusy)
}

// pending sorts the open items: inserts and look-ups go first, one by one; the
// updates of a message go together when nothing else is open.
func (m *message) pending() (inserts, updates []*item) {
	m.settleCached()
	for i := range m.items {
		it := &m.items[i]
		if it.next.kind == stepFinal && !it.done {
			m.finish(it)
		}
		switch {
		case it.done:
		case it.next.kind == stepCached: // waits for the others
		case it.next.kind == stepUpdate:
			updates = append(updates, it)
		default:
			inserts = append(inserts, it)
		}
	}
	return inserts, updates
}

func (m *message) finish(it *item) {
	it.done = true
	it.result.Code = it.next.code
	if it.next.row != nil {
		it.result.Lease, it.result.HasLease = *it.next.row, true
	}
	if !it.Want.IsValid() || m.req.Family != sqlstore.IPv6 {
		return
	}
	switch it.Op {
	case sqlstore.OpSelect, sqlstore.OpRenew, sqlstore.OpRebind:
		if it.result.Code != sqlstore.Granted || it.result.Lease.Addr != it.Want {
			it.result.Refused = it.Want
		}
	}
}

func (m *message) insertRound(ctx context.Context, items []*item) error {
	jobs := make([]*job, 0, len(items))
	sent := make([]*item, 0, len(items))
	var failed error
	for i, it := range items {
		in, ok, err := m.prepareInsert(ctx, it)
		if err != nil {
			failed = err // what was sent is waited for: its keys are in use
			m.giveBack(items[i:])
			break
		}
		if !ok {
			continue // exhausted: next is final
		}
		j := newInsert(ctx, in)
		m.e.offerLane(m.req.Family).submit(j)
		jobs, sent = append(jobs, j), append(sent, it)
	}
	for i, j := range jobs {
		<-j.done
		if j.err != nil {
			failed = j.err
			if !j.sent { // it was shed
				m.giveBack(sent[i : i+1])
			}
			m.e.hints.unknown(sent[i].takeHint())
			continue
		}
		m.decision.Revision = max(m.decision.Revision, j.revision)
		m.inserted(sent[i], j.insertDone[0])
	}
	return failed
}

// giveBack returns the hints of items that were not sent.
func (m *message) giveBack(items []*item) {
	for _, it := range items {
		m.e.hints.giveBack(it.takeHint())
	}
}

func (it *item) takeHint() *candidate {
	h := it.hint
	it.hint = nil
	return h
}

// prepareInsert makes the statement's item. A candidate is taken at once if
// there is one; a client that has a row needs none, so without one the row is
// looked for first, and only then is a candidate waited for. It is looked for
// first too where the client names an address: nearly all that do have a row, and
// to insert such an address takes a transaction of its own.
func (m *message) prepareInsert(ctx context.Context, it *item) (in sqlstore.Insert, ok bool, err error) {
	in = sqlstore.Insert{
		Family: m.req.Family, Key: it.Key, Former: it.Former, VRF: it.VRF,
		ValidLft: it.ValidLft, PrefLft: it.PreferredLft, OfferLft: it.OfferLft, Client: it.Client,
	}
	if it.next.kind == stepLookup || it.checking {
		return in, true, nil
	}
	it.only = it.next.only.IsValid() || it.Reserved.IsValid()
	var pool *sqlstore.Pool
	if addr := m.preferred(it); addr.IsValid() {
		if !it.next.only.IsValid() && !it.next.wait { // who names an address mostly has it
			it.next = step{kind: stepLookup, thenInsert: true}
			return in, true, nil
		}
		pool, _ = it.Permits(addr)
		in.Addr, in.Solo = addr, true
	} else {
		if it.hint == nil {
			it.hint = m.e.hints.tryTake(it.Item)
		}
		if it.hint == nil && !it.next.wait {
			it.next = step{kind: stepLookup, thenInsert: true}
			return in, true, nil
		}
		if it.hint == nil {
			if it.hint, err = m.e.hints.take(ctx, it.Item); err != nil {
				return in, false, err
			}
		}
		if it.hint == nil {
			it.next = final(sqlstore.Exhausted, nil)
			return in, false, nil
		}
		pool, in.Addr, in.Solo = it.hint.pool, it.hint.Addr, !it.hint.exclusive()
	}
	in.PrefixLen = uint8(in.Addr.BitLen())
	if pool != nil {
		in.SubnetID, in.PoolID, in.PoolGen, in.PrefixLen = pool.SubnetID, pool.ID, pool.Gen, pool.DelegatedLen
	}
	in.Client = it.ClientAt(in.Addr)
	return in, true, nil
}

// preferred returns the address to try before any hint: the reserved one, the
// only one that will do, or the one the client wants.
func (m *message) preferred(it *item) netip.Addr {
	switch {
	case it.Reserved.IsValid():
		return it.Reserved
	case it.next.only.IsValid():
		return it.next.only
	case it.Want.IsValid() && it.tried != it.Want && !it.assigned:
		if _, ok := it.Permits(it.Want); ok {
			return it.Want
		}
	}
	return netip.Addr{}
}

// inserted takes the outcome of an insert or look-up to the next step.
func (m *message) inserted(it *item, r *sqlstore.InsertResult) {
	f := m.req.Family
	switch r.Status {
	case sqlstore.Inserted:
		m.e.hints.spent(it.takeHint())
		if it.Op == sqlstore.OpOffer {
			it.next = final(sqlstore.Granted, &r.Lease)
		} else {
			it.next = update(sqlstore.Activate, &r.Lease)
		}
	case sqlstore.KeyExists:
		m.e.hints.giveBack(it.takeHint())
		it.checking = false
		it.next = onRow(f, it.Item, &r.Lease)
	case sqlstore.FormerRow:
		if !belongs(it.Item, &r.Lease) {
			it.disown(r.Lease.Key) // the same step again: with the hint, if it has one
			return
		}
		m.e.hints.giveBack(it.takeHint())
		it.checking = false
		it.next = update(sqlstore.Rekey, &r.Lease)
		if !permitted(it.Item, &r.Lease) || r.Lease.Key == it.Key {
			it.next = update(sqlstore.Park, &r.Lease)
		}
	case sqlstore.NotPlaced:
		m.notPlaced(it)
	case sqlstore.InsertData:
		m.e.hints.unknown(it.takeHint())
		it.next = final(sqlstore.Unchanged, nil)
	}
}

// disown takes a key from the former ones of the item: its row is another
// binding, on a link where the same client is known too. The request is the
// caller's and stays as it is.
func (it *item) disown(key sqlstore.Key) {
	own := *it.Item
	own.Former = slices.DeleteFunc(slices.Clone(own.Former), func(k sqlstore.Key) bool { return k == key })
	it.Item = &own
}

// notPlaced: after a look-up there is no row; after an insert a look-up tells
// whether the address or the key was taken.
func (m *message) notPlaced(it *item) {
	switch {
	case it.checking: // no row under the key: the address is somebody's
		it.checking = false
		m.e.metrics.conflicts.Inc()
		m.e.hints.spent(it.takeHint())
		if it.only {
			it.next = onTaken(m.req.Family)
			if it.Reserved.IsValid() {
				it.next = final(sqlstore.Exhausted, nil)
			}
			return
		}
		it.tried = it.Want
		it.next = step{kind: stepInsert}
	case it.next.kind == stepLookup && it.next.thenInsert:
		it.next = step{kind: stepInsert, wait: true} // a new client
	case it.next.kind == stepLookup:
		it.next = onNone(m.req.Family, it.Item)
	default:
		it.checking = true
	}
}

func (m *message) updateRound(ctx context.Context, items []*item) error {
	j := &job{ctx: ctx}
	j.updates = j.updateItem[:0]
	for i, it := range items {
		if it.next.action == sqlstore.Rekey {
			// the only change of a key that may collide: alone in its batch
			items = items[i : i+1]
			j.updates, j.alone = append(j.updates[:0], m.update(it)), true
			break
		}
		j.updates = append(j.updates, m.update(it))
	}
	m.e.commitLane(m.req.Family).submit(j)
	<-j.done
	if j.err != nil {
		return j.err
	}
	m.decision.Revision = max(m.decision.Revision, j.revision)
	race := false
	for i, it := range items {
		lost, err := m.updated(it, j.updateDone[i])
		if err != nil {
			return err
		}
		race = race || lost
	}
	if race {
		time.Sleep(time.Millisecond + time.Duration(rand.Int64N(int64(4*time.Millisecond))))
	}
	return nil
}

func (m *message) update(it *item) sqlstore.Update {
	t := m.e.times.Load()
	u := sqlstore.Update{
		Family: m.req.Family, Action: it.next.action, Key: it.next.key, Addr: it.next.addr, Rev: it.next.rev,
		ValidLft: it.ValidLft, PrefLft: it.PreferredLft, OfferLft: it.OfferLft, Grace: t.grace, ParkMax: t.parkMax, Client: it.ClientAt(it.next.addr),
	}
	if row := it.next.unname; row != nil {
		u.Client.Hostname = row.Client.Hostname
		u.Client.FQDNFlags = row.Client.FQDNFlags &^ (sqlstore.FQDNForward | sqlstore.FQDNReverse)
	}
	switch u.Action {
	case sqlstore.Quarantine:
		u.Grace = t.probation
		u.NewKey = sqlstore.ParkedKey(u.Key, u.Addr)
	case sqlstore.Park:
		u.NewKey = sqlstore.ParkedKey(u.Key, u.Addr)
	case sqlstore.Rekey:
		u.NewKey = it.Key
	}
	return u
}

// updated takes the outcome of an update to the next step; lost tells of a
// race.
func (m *message) updated(it *item, r *sqlstore.UpdateResult) (lost bool, err error) {
	f := m.req.Family
	switch r.Status {
	case sqlstore.Updated:
		it.next = m.afterUpdate(it, &r.Lease)
		return false, nil
	case sqlstore.NoRow:
		it.next = onNone(f, it.Item)
		return false, nil
	case sqlstore.UpdateFenced:
		return false, sqlstore.ErrFenced
	case sqlstore.UpdateData:
		it.next = final(sqlstore.Unchanged, nil)
		return false, nil
	case sqlstore.Mismatch:
		if it.Op == sqlstore.OpRelease || it.Op == sqlstore.OpDecline {
			if it.firstRev != 0 && it.firstRev != r.Lease.Rev {
				it.next = final(sqlstore.NoBinding, nil)
				return false, nil
			}
			it.firstRev = r.Lease.Rev
		}
		if it.next.action == sqlstore.Rekey || r.Lease.Key != it.Key {
			it.next = step{kind: stepLookup} // a row under a former key
		} else {
			it.next = onRow(f, it.Item, &r.Lease)
		}
	}
	// locked by somebody else, or changed since it was read
	m.e.metrics.races.Inc()
	if it.races++; it.races > maxRaces {
		return true, fmt.Errorf("lost %d races: %w", it.races, sqlstore.ErrBusy)
	}
	return r.Status == sqlstore.Locked, nil
}

func (m *message) afterUpdate(it *item, row *sqlstore.Lease) step {
	switch it.next.action {
	case sqlstore.Release, sqlstore.Quarantine:
		return final(sqlstore.Done, row)
	case sqlstore.Withdraw:
		return final(sqlstore.Unchanged, nil)
	case sqlstore.Park:
		it.assigned = true
		return onParked(m.req.Family, it.Item)
	case sqlstore.Rekey:
		return onRow(m.req.Family, it.Item, row)
	}
	if it.Unnames(row) {
		return unname(it.next.action, row)
	}
	return final(sqlstore.Granted, row)
}
