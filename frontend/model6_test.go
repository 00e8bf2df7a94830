package frontend

import (
	"net/netip"

	"rowlock/sqlstore"
)

// model6 decides as the lease table would, in memory, as far as these tests
// need it; leases do not run out.
type model6 struct {
	rows    map[sqlstore.Key]sqlstore.Lease
	holders map[netip.Addr]sqlstore.Key
}

func newModel6() *model6 {
	return &model6{rows: map[sqlstore.Key]sqlstore.Lease{}, holders: map[netip.Addr]sqlstore.Key{}}
}

func (m *model6) decide(r *sqlstore.Request) (*sqlstore.Decision, error) {
	d := &sqlstore.Decision{Revision: r.Revision}
	for i := range r.Items {
		d.Results = append(d.Results, m.item(&r.Items[i]))
	}
	return d, nil
}

func (m *model6) item(it *sqlstore.Item) sqlstore.Result {
	row, known := m.rows[it.Key]
	active := known && row.State == sqlstore.Active
	switch it.Op {
	case sqlstore.OpRelease, sqlstore.OpDecline:
		switch {
		case !active:
			return sqlstore.Result{Code: sqlstore.NoBinding}
		case row.Addr != it.Want:
			return sqlstore.Result{Code: sqlstore.WrongAddress, Lease: row, HasLease: true}
		}
		row.State = sqlstore.Released
		m.rows[it.Key] = row
		if it.Op == sqlstore.OpDecline {
			delete(m.rows, it.Key)
			m.holders[it.Want] = sqlstore.ParkedKey(it.Key, it.Want)
		}
		return sqlstore.Result{Code: sqlstore.Done}
	case sqlstore.OpRenew, sqlstore.OpRebind:
		if !active && (!it.Want.IsValid() || !m.free(it, it.Want)) {
			return sqlstore.Result{Code: sqlstore.NoBinding}
		}
	}
	if !known {
		addr, ok := m.place(it)
		if !ok {
			return sqlstore.Result{Code: sqlstore.Exhausted}
		}
		row = sqlstore.Lease{Family: sqlstore.IPv6, Key: it.Key, Addr: addr, State: sqlstore.Offered}
		row.PrefixLen = it.Pools.Find(addr).DelegatedLen
		m.holders[addr] = it.Key
	}
	row.ValidLft, row.PreferredLft = it.ValidLft, it.PreferredLft
	if it.Op != sqlstore.OpOffer {
		row.State = sqlstore.Active
	}
	renamed(&row, it)
	m.rows[it.Key] = row
	res := sqlstore.Result{Code: sqlstore.Granted, Lease: row, HasLease: true}
	if it.Want.IsValid() && it.Want != row.Addr {
		res.Refused = it.Want
	}
	return res
}

func (m *model6) free(it *sqlstore.Item, addr netip.Addr) bool {
	_, ok := it.Gives(addr)
	return ok && m.holders[addr] == ""
}

// place finds the address that is wanted, else the first one that is free.
func (m *model6) place(it *sqlstore.Item) (netip.Addr, bool) {
	if m.free(it, it.Want) {
		return it.Want, true
	}
	for p := range it.Pools.Open {
		for i := range p.Size() {
			if a := p.At(i); m.free(it, a) {
				return a, true
			}
		}
	}
	return netip.Addr{}, false
}
