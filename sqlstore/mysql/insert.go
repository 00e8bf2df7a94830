package mysql

import (
	"context"
	"database/sql/driver"
	"errors"
	"time"

	"rowlock/sqlstore"
)

// Apply runs a batch: inserts on an offer connection, updates on a commit
// connection. A batch must not have both.
func (s *Store) Apply(ctx context.Context, b *sqlstore.Batch) (*sqlstore.BatchResult, error) {
	res := &sqlstore.BatchResult{
		Inserts: make([]sqlstore.InsertResult, len(b.Inserts)),
		Updates: make([]sqlstore.UpdateResult, len(b.Updates)),
	}
	switch {
	case len(b.Inserts) > 0 && len(b.Updates) > 0:
		return nil, errors.New("a batch has either inserts or updates")
	case len(b.Inserts) > 0:
		return res, s.onLane(ctx, s.offers, func(c *conn) error { return c.insert(b, res) })
	case len(b.Updates) > 0:
		return res, s.onLane(ctx, s.commits, func(c *conn) error { return c.update(b, res) })
	}
	return res, nil
}

// insert sends the exclusive items as one transaction and then each solo item
// as one of its own, all in one round trip. What was committed before an error
// stays; the caller repeats the batch and finds those rows under their keys.
func (c *conn) insert(b *sqlstore.Batch, res *sqlstore.BatchResult) error {
	var groups [][]int
	var together []int
	for i := range b.Inserts {
		res.Inserts[i].Status = sqlstore.NotPlaced
		if b.Inserts[i].Solo {
			groups = append(groups, []int{i})
		} else {
			together = append(together, i)
		}
	}
	if len(together) > 0 {
		groups = append(groups, together)
	}
	res.Alive = true // until one of the transactions finds otherwise
	p := &packet{}
	for _, g := range groups {
		c.addInserts(p, b, g, res)
	}
	return c.send(p, p.row)
}

// addInserts adds one transaction for some of the items.
func (c *conn) addInserts(p *packet, b *sqlstore.Batch, group []int, res *sqlstore.BatchResult) {
	f := b.Inserts[0].Family
	rows, former := &items{}, false
	for _, i := range group {
		in := &b.Inserts[i]
		former = former || len(in.Former) > 0
		rows.insert(i, in)
	}
	found := func(v []driver.Value) error {
		res.Inserts[integer(v[0])] = sqlstore.InsertResult{Status: sqlstore.InsertStatus(integer(v[1])), Lease: leaseOf(f, v[2:])}
		return nil
	}
	p.add(c.q.get("tx_begin"))
	p.add(c.q.of(f, "lane_items"), b.Fence.Frontend, b.Fence.Incarnation, rows.Text(), len(group))
	p.add(c.q.execute(f, "lane_clock"))
	p.add(c.q.execute(f, "lease_insert"))
	p.add(c.q.execute(f, "lane_placed"))
	p.ask(func(v []driver.Value) error {
		h := headOf(v)
		res.Revision, res.Alive = h.revision, res.Alive && h.alive
		if h.placed == len(group) {
			for _, i := range group {
				res.Inserts[i] = sqlstore.InsertResult{Status: sqlstore.Inserted, Lease: b.Inserts[i].Offered(b.Fence.Frontend, h.now)}
			}
		}
		return nil
	}, c.q.execute(f, "lane_head"))
	p.ask(found, c.q.execute(f, "lease_read_own"))
	if former {
		p.ask(found, c.q.execute(f, "lease_read_former"))
	}
	p.add(c.q.get("tx_commit"))
}

// head is the row of lane_head.
type head struct {
	revision int64
	alive    bool
	now      time.Time
	placed   int // of a batch of inserts
	consumed bool
}

func headOf(v []driver.Value) head {
	return head{integer(v[0]), boolean(v[1]), time.UnixMicro(integer(v[2])).UTC(), int(integer(v[3])), boolean(v[4])}
}

// insert appends the row of an item, in the order that lease_insert reads.
func (b *items) insert(n int, in *sqlstore.Insert) {
	b.Begin()
	b.Number(int64(n))
	b.key(in.Key)
	b.Number(int64(in.VRF))
	b.Addr(in.Addr)
	for _, v := range []uint32{in.SubnetID, in.PoolID, in.PoolGen, in.ValidLft, in.OfferLft, uint32(in.PrefixLen), in.PrefLft, in.Client.IAID} {
		b.Number(int64(v))
	}
	c := &in.Client
	b.Bytes(c.HWAddr)
	b.Optional(int64(c.HWType))
	b.Optional(int64(c.HWSource))
	b.Bytes(c.ClientID)
	b.Addr(c.RelayAddr)
	b.Bytes(c.CircuitID)
	b.Bytes(c.RemoteID)
	b.Words(c.Hostname)
	b.Optional(int64(c.FQDNFlags))
	b.Words(c.Classes)
	b.Bytes(c.SubscriberID)
	b.Bytes(c.RelayID)
	for i := range 2 {
		if i < len(in.Former) {
			b.key(in.Former[i])
		} else {
			b.Null()
		}
	}
	b.End()
}
