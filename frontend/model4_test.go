package frontend

import (
	"context"
	"net/netip"
	"sync"

	"rowlock/sqlstore"
)

// model4 is a Leaser in memory with the transitions of the lease tables that
// these tests need; leases do not run out. A say of the test comes first.
type model4 struct {
	mu       sync.Mutex
	rows     map[sqlstore.Key]*sqlstore.Lease
	holders  map[netip.Addr]sqlstore.Key
	requests []*sqlstore.Request
	say      func(r *sqlstore.Request) (*sqlstore.Decision, error)
}

func newModel4() *model4 {
	return &model4{rows: map[sqlstore.Key]*sqlstore.Lease{}, holders: map[netip.Addr]sqlstore.Key{}}
}

func (m *model4) Do(_ context.Context, r *sqlstore.Request) (*sqlstore.Decision, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.requests = append(m.requests, r)
	if m.say != nil {
		if d, err := m.say(r); d != nil || err != nil {
			return d, err
		}
	}
	d := &sqlstore.Decision{Revision: r.Revision}
	for i := range r.Items {
		d.Results = append(d.Results, m.decide(&r.Items[i]))
	}
	return d, nil
}

// last returns the item of the last request.
func (m *model4) last() sqlstore.Item {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.requests[len(m.requests)-1].Items[0]
}

func (m *model4) decide(it *sqlstore.Item) sqlstore.Result {
	row := m.rows[it.Key]
	switch it.Op {
	case sqlstore.OpOffer:
		if row == nil {
			row = m.place(it)
		}
		if row == nil {
			return sqlstore.Result{Code: sqlstore.Exhausted}
		}
		return granted(row)
	case sqlstore.OpRelease, sqlstore.OpDecline:
		if row == nil || row.Addr != it.Want || row.State != sqlstore.Active {
			return sqlstore.Result{Code: sqlstore.NoBinding}
		}
		row.State = sqlstore.Released
		if it.Op == sqlstore.OpDecline {
			delete(m.rows, it.Key)
			m.holders[it.Want] = sqlstore.ParkedKey(it.Key, it.Want)
		}
		return sqlstore.Result{Code: sqlstore.Done}
	case sqlstore.OpWithdraw:
		if row != nil && row.State == sqlstore.Offered {
			delete(m.rows, it.Key)
			delete(m.holders, row.Addr)
		}
		return sqlstore.Result{Code: sqlstore.Unchanged}
	case sqlstore.OpInitReboot:
		if row == nil {
			return sqlstore.Result{Code: sqlstore.NoBinding}
		}
	}
	if row == nil {
		row = m.insert(it, it.Want)
	}
	if row == nil || row.Addr != it.Want {
		return sqlstore.Result{Code: sqlstore.WrongAddress}
	}
	row.State, row.ValidLft = sqlstore.Active, it.ValidLft
	renamed(row, it)
	return granted(row)
}

// renamed gives the row of a granted item its name, as the engine does.
func renamed(row *sqlstore.Lease, it *sqlstore.Item) {
	switch c := it.ClientAt(row.Addr); {
	case c.Hostname != "":
		row.Client.Hostname, row.Client.FQDNFlags = c.Hostname, c.FQDNFlags
	case it.Unnames(row):
		row.Client.FQDNFlags &^= sqlstore.FQDNForward | sqlstore.FQDNReverse
	}
}

func granted(row *sqlstore.Lease) sqlstore.Result {
	return sqlstore.Result{Code: sqlstore.Granted, Lease: *row, HasLease: true}
}

// place finds the client an address: the one it wants, else the first free.
func (m *model4) place(it *sqlstore.Item) *sqlstore.Lease {
	if row := m.insert(it, it.Want); row != nil {
		return row
	}
	for p := range it.Pools.Open {
		for i := range p.Size() {
			if row := m.insert(it, p.At(i)); row != nil {
				return row
			}
		}
	}
	return nil
}

func (m *model4) insert(it *sqlstore.Item, addr netip.Addr) *sqlstore.Lease {
	pool, ok := it.Gives(addr)
	if !ok || m.holders[addr] != "" {
		return nil
	}
	row := &sqlstore.Lease{
		Family: sqlstore.IPv4, Key: it.Key, Addr: addr, PrefixLen: 32, SubnetID: pool.SubnetID,
		State: sqlstore.Offered, ValidLft: it.ValidLft, Client: it.ClientAt(addr),
	}
	m.rows[it.Key], m.holders[addr] = row, it.Key
	return row
}
