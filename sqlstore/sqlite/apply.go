package sqlite

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"

	"rowlock/sqlstore"
)

// Apply runs a batch of both families, inserts and updates together, in one
// durable transaction with one time. An item that the database refuses does
// not keep the others back.
func (s *Store) Apply(ctx context.Context, b *sqlstore.Batch) (*sqlstore.BatchResult, error) {
	var res *sqlstore.BatchResult
	err := s.w.write(ctx, "apply batch", func(t *transaction) error {
		res = &sqlstore.BatchResult{
			Inserts: make([]sqlstore.InsertResult, len(b.Inserts)),
			Updates: make([]sqlstore.UpdateResult, len(b.Updates)),
		}
		a := &applier{transaction: t, frontend: b.Fence.Frontend}
		if err := a.head(b.Fence, res); err != nil {
			return err
		}
		if !res.Alive {
			fenced(res)
			return nil
		}
		for i := range b.Inserts {
			var err error
			if res.Inserts[i], err = a.insert(&b.Inserts[i]); err != nil {
				return err
			}
		}
		return a.updates(b.Updates, res.Updates)
	})
	if err != nil {
		return nil, err
	}
	return res, nil
}

// applier carries what the items of a batch share.
type applier struct {
	*transaction
	frontend string
	events   bool // somebody consumes events
}

func (a *applier) head(f sqlstore.Fence, res *sqlstore.BatchResult) error {
	return a.one(0, "batch_head", func(v []driver.Value) error {
		a.now, res.Revision = integer(v[0]), integer(v[1])
		res.Alive, a.events = integer(v[2]) != 0, integer(v[3]) != 0
		return nil
	}, f.Frontend, f.Incarnation)
}

// fenced fills the result of a frontend that may not write.
func fenced(res *sqlstore.BatchResult) {
	for i := range res.Inserts {
		res.Inserts[i].Status = sqlstore.NotPlaced
	}
	for i := range res.Updates {
		res.Updates[i].Status = sqlstore.UpdateFenced
	}
}

// get reads the row of a key; ok is false when there is none.
func (t *transaction) get(f sqlstore.Family, key sqlstore.Key) (r row, ok bool, err error) {
	err = t.one(f, "lease_get", func(v []driver.Value) error {
		r = rowOf(f, v, t.now)
		return nil
	}, []byte(key))
	if errors.Is(err, sql.ErrNoRows) {
		return row{}, false, nil
	}
	return r, err == nil, err
}

func (a *applier) insert(in *sqlstore.Insert) (sqlstore.InsertResult, error) {
	if len(in.Former) > 0 {
		if res, found, err := a.find(in); found || err != nil {
			return res, err
		}
	}
	if in.Addr.IsValid() {
		l := a.newLease(in)
		n, err := a.exec(in.Family, "lease_insert", insertArgs(&l)...)
		switch {
		case refused(err):
			return sqlstore.InsertResult{Status: sqlstore.InsertData}, nil
		case err != nil:
			return sqlstore.InsertResult{}, err
		case n == 1:
			return sqlstore.InsertResult{Status: sqlstore.Inserted, Lease: l.Lease}, nil
		}
	}
	r, ok, err := a.get(in.Family, in.Key)
	if err != nil || !ok {
		return sqlstore.InsertResult{Status: sqlstore.NotPlaced}, err
	}
	return sqlstore.InsertResult{Status: sqlstore.KeyExists, Lease: r.Lease}, nil
}

// find looks for a row under the key, then under the former keys.
func (a *applier) find(in *sqlstore.Insert) (sqlstore.InsertResult, bool, error) {
	r, ok, err := a.get(in.Family, in.Key)
	if ok || err != nil {
		return sqlstore.InsertResult{Status: sqlstore.KeyExists, Lease: r.Lease}, ok, err
	}
	for _, key := range in.Former {
		if r, ok, err = a.get(in.Family, key); ok || err != nil {
			return sqlstore.InsertResult{Status: sqlstore.FormerRow, Lease: r.Lease}, ok, err
		}
	}
	return sqlstore.InsertResult{}, false, nil
}

// newLease is the row that an insert makes.
func (a *applier) newLease(in *sqlstore.Insert) row {
	r := row{Lease: sqlstore.Lease{
		Family: in.Family, Key: in.Key, VRF: in.VRF, Addr: in.Addr, PrefixLen: in.PrefixLen,
		SubnetID: in.SubnetID, PoolID: in.PoolID, PoolGen: in.PoolGen, State: sqlstore.Offered,
		ValidLft: in.ValidLft, PreferredLft: in.PrefLft, Rev: a.rev(0), Since: moment(a.now), Frontend: a.frontend, Client: in.Client,
	}}
	if in.Family == sqlstore.IPv4 {
		r.PrefixLen, r.PreferredLft, r.Client.IAID = 32, 0, 0
	}
	r.setExpires(until(a.now, in.OfferLft), a.now)
	return r
}

func insertArgs(r *row) []driver.Value {
	c := &r.Client
	return []driver.Value{
		keyValue(r.Key), int64(r.VRF), addrValue(r.Addr), int64(r.SubnetID), int64(r.PoolID), int64(r.PoolGen),
		int64(r.ValidLft), r.Since.UnixMicro(), r.expires, r.Rev, int64(r.PrefixLen), int64(r.PreferredLft), int64(c.IAID),
		blobValue(c.HWAddr), int64(c.HWType), int64(c.HWSource), blobValue(c.ClientID), addrValue(c.RelayAddr),
		blobValue(c.CircuitID), blobValue(c.RemoteID), blobValue(c.SubscriberID), blobValue(c.RelayID),
		c.Hostname, int64(c.FQDNFlags), c.Classes, r.Frontend,
	}
}

// refused tells whether a statement failed because of its own values. SQLite
// has undone that statement alone; the transaction goes on.
func refused(err error) bool {
	err = classify(err)
	return errors.Is(err, sqlstore.ErrData) || errors.Is(err, sqlstore.ErrConflict)
}
