package sqlite

import (
	"database/sql/driver"
	"errors"

	"rowlock/sqlstore"
)

// updates runs all updates of a batch, those of one message together.
func (a *applier) updates(list []sqlstore.Update, res []sqlstore.UpdateResult) error {
	var messages map[int][]*change
	var order []int
	for i := range list {
		c := &change{u: &list[i], res: &res[i]}
		if c.u.Count <= 1 {
			if err := a.message([]*change{c}); err != nil {
				return err
			}
			continue
		}
		if messages == nil {
			messages = map[int][]*change{}
		}
		if messages[c.u.Message] == nil {
			order = append(order, c.u.Message)
		}
		messages[c.u.Message] = append(messages[c.u.Message], c)
	}
	for _, n := range order {
		if err := a.message(messages[n]); err != nil {
			return err
		}
	}
	return nil
}

// message reads the rows of one message and changes all of them or none.
func (a *applier) message(items []*change) error {
	whole := len(items) >= items[0].u.Count
	for _, c := range items {
		r, found, err := a.get(c.u.Family, c.u.Key)
		if err != nil {
			return err
		}
		if !found {
			c.res.Status, whole = sqlstore.NoRow, false
			continue
		}
		// what it stays, unless all rows of the message can be changed
		c.old, c.res.Lease, c.res.Status = r, r.Lease, sqlstore.Mismatch
		if !permitted(c.u, &c.old, a.now) {
			whole = false
		}
	}
	if !whole {
		return nil
	}
	for _, c := range items {
		a.plan(c)
	}
	return a.perform(items)
}

// perform writes the changes of a message. Where that takes more than one
// statement, a savepoint takes back the first ones when a later one is refused.
func (a *applier) perform(items []*change) error {
	many := len(items) > 1
	for _, c := range items {
		many = many || c.ends || (a.events && c.event != 0)
	}
	if !many {
		err := a.save(items[0])
		return settle(items, items[0], err)
	}
	if _, err := a.exec(0, "save"); err != nil {
		return err
	}
	var failed *change
	var failure error
	for _, c := range items {
		if failure = a.save(c); failure != nil {
			failed = c
			break
		}
	}
	if failure != nil {
		if !refused(failure) {
			return failure
		}
		if _, err := a.exec(0, "save_rollback"); err != nil {
			return err
		}
	}
	if _, err := a.exec(0, "save_release"); err != nil {
		return err
	}
	return settle(items, failed, failure)
}

// settle fills the results: all changed, or none because failed was refused.
func settle(items []*change, failed *change, err error) error {
	switch {
	case err == nil:
		for _, c := range items {
			c.res.Status, c.res.Lease, c.res.Fresh = sqlstore.Updated, c.next.Lease, c.fresh
		}
	case !refused(err):
		return err
	case !errors.Is(classify(err), sqlstore.ErrConflict):
		failed.res.Status = sqlstore.UpdateData
	}
	// a key that is taken stays a Mismatch: somebody else was first
	return nil
}

// save writes one change: history, event, row.
func (a *applier) save(c *change) error {
	if c.ends {
		if err := a.history(c); err != nil {
			return err
		}
	}
	if a.events && c.event != 0 {
		if err := a.recordEvent(c); err != nil {
			return err
		}
	}
	f, o, n := c.u.Family, &c.old, &c.next
	var err error
	switch {
	case c.u.Action == sqlstore.Activate || c.u.Action == sqlstore.Hold:
		query := "lease_renew"
		if o.reclaim != 0 || string(o.Client.HWAddr) != string(n.Client.HWAddr) {
			query = "lease_revive"
		}
		_, err = a.exec(f, query, grantArgs(n)...)
	case n.Key != o.Key:
		_, err = a.exec(f, "lease_move", n.rowid, int64(n.State), n.expires, timeValue(n.reclaim), n.Rev, n.Frontend, keyValue(n.Key), keyValue(n.ParkedKey))
	default:
		_, err = a.exec(f, "lease_end", n.rowid, int64(n.State), n.expires, timeValue(n.reclaim), n.Rev, n.Frontend)
	}
	return err
}

func grantArgs(r *row) []driver.Value {
	c := &r.Client
	return []driver.Value{
		r.rowid, int64(r.State), int64(r.ValidLft), r.Since.UnixMicro(), r.expires, r.Rev, int64(r.PreferredLft),
		blobValue(c.HWAddr), int64(c.HWType), int64(c.HWSource), blobValue(c.ClientID), addrValue(c.RelayAddr),
		blobValue(c.CircuitID), blobValue(c.RemoteID), blobValue(c.SubscriberID), blobValue(c.RelayID),
		c.Hostname, int64(c.FQDNFlags), c.Classes, r.Frontend,
	}
}
