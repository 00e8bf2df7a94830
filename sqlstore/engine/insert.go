package engine

import (
	"context"
	"fmt"
	"net/netip"
	"slices"

	"rowlock/sqlstore"
)

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
		j := newInsert(ctx, m.incarnation, in)
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

// formersAtOnce is how many former keys a statement of the offer lane looks for. A
// link made of many has more; then they are looked for some at a time.
const formersAtOnce = 2

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
	if in.Former = it.Former[it.searched:]; len(in.Former) > formersAtOnce {
		in.Former, it.searching = in.Former[:formersAtOnce], true // none of these may have the row before there is a new one
		return in, true, nil
	}
	if it.next.kind == stepLookup || it.checking {
		return in, true, nil
	}
	if err := m.e.loader.stuck(); err != nil {
		return in, false, fmt.Errorf("%w: %w", sqlstore.ErrFenced, err)
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
		if _, ok := it.Gives(it.Want); ok {
			return it.Want
		}
	}
	return netip.Addr{}
}

// inserted takes the outcome of an insert or look-up to the next step.
func (m *message) inserted(it *item, r *sqlstore.InsertResult) {
	f, searching := m.req.Family, it.searching
	it.searching = false
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
		if it.Op == sqlstore.OpRelease || it.Op == sqlstore.OpDecline || it.Op == sqlstore.OpWithdraw {
			it.next = onRow(f, it.Item, &r.Lease) // it ends as it is
			return
		}
		it.next = update(sqlstore.Rekey, &r.Lease)
		if !it.Keeps(&r.Lease) || r.Lease.Key == it.Key {
			it.next = update(sqlstore.Park, &r.Lease)
		}
	case sqlstore.NotPlaced:
		if searching {
			it.searched += formersAtOnce
			m.searches++
			return
		}
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
