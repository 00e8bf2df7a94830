package engine

import (
	"context"
	"fmt"
	"math/rand/v2"
	"time"

	"rowlock/sqlstore"
)

func (m *message) updateRound(ctx context.Context, items []*item) error {
	j := &job{ctx: ctx, incarnation: m.incarnation}
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
		if it.next = onNone(f, it.Item); it.next.kind == stepFinal && len(it.Former) > 0 {
			it.next = step{kind: stepLookup} // before that is said: a row under a former key
		}
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
