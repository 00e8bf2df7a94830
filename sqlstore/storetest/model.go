package storetest

import (
	"net/netip"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"rowlock/sqlstore"
	"rowlock/sqlstore/engine"
)

// testModel plays random lives of a few clients and compares each decision,
// and the tables, with a model that knows only the rules.
func testModel(t *testing.T, dialect string) {
	db := serving(t, dialect)
	store := Open(t, db.url)
	e := newEngine(t, store, "fe1")
	for _, v := range variants[:2] {
		t.Run(v.name, func(t *testing.T) {
			enough := time.Now().Add(modelTime)
			rapid.Check(t, func(r *rapid.T) {
				if time.Now().After(enough) {
					return
				}
				m := &model{T: t, variant: v, db: db, store: store, e: e, vrf: newVRF(), rows: map[int]*modelRow{}, blocked: map[netip.Addr]bool{}}
				m.set = sqlstore.NewPoolSet(m.pool(m.vrf, m.vrf, 1, 3))
				for range rapid.IntRange(3, 20).Draw(r, "steps") {
					m.step(r)
				}
				m.compare(r)
			})
		})
	}
}

// modelTime bounds how long lives are played; a slow machine plays fewer.
const modelTime = 2 * time.Second

type modelRow struct {
	addr  netip.Addr
	state sqlstore.State // Active means live; runout is a state of its own
	since time.Time
}

// runout marks a lease whose time has passed before the sweep came by.
const runout = sqlstore.State(100)

// model is what the store must look like: three addresses, four clients.
type model struct {
	*testing.T
	variant
	db      *database
	store   sqlstore.Store
	e       *engine.Engine
	vrf     uint32
	set     *sqlstore.PoolSet
	rows    map[int]*modelRow
	blocked map[netip.Addr]bool
	history int
}

func (m *model) step(r *rapid.T) {
	client := rapid.IntRange(1, 4).Draw(r, "client")
	row := m.rows[client]
	switch rapid.SampledFrom([]string{"offer", "select", "renew", "release", "decline", "time", "sweep"}).Draw(r, "what") {
	case "offer":
		m.offer(r, client, row)
	case "select":
		m.request(r, sqlstore.OpSelect, client, row)
	case "renew":
		m.request(r, sqlstore.OpRenew, client, row)
	case "release":
		m.end(r, sqlstore.OpRelease, client, row)
	case "decline":
		m.end(r, sqlstore.OpDecline, client, row)
	case "time":
		m.pass(client, row)
	case "sweep":
		m.sweep(r)
	}
}

func (m *model) ask(r *rapid.T, op sqlstore.Op, client int, want netip.Addr) sqlstore.Result {
	res, err := tryDecide(m.e, m.family, m.item(op, m.vrf, client, want, m.set))
	require.NoError(r, err)
	return res
}

// taken tells whether an address is in use by anybody.
func (m *model) taken(a netip.Addr) bool {
	for _, row := range m.rows {
		if row.addr == a {
			return true
		}
	}
	return m.blocked[a]
}

func (m *model) offer(r *rapid.T, client int, row *modelRow) {
	res := m.ask(r, sqlstore.OpOffer, client, netip.Addr{})
	if row == nil {
		if len(m.rows)+len(m.blocked) == 3 {
			require.Equal(r, sqlstore.Exhausted, res.Code)
			return
		}
		if res.Code == sqlstore.Exhausted {
			return // an address that has just come back may still be held for somebody
		}
		require.Equal(r, sqlstore.Granted, res.Code)
		require.False(r, m.taken(res.Lease.Addr))
		m.rows[client] = &modelRow{addr: res.Lease.Addr, state: sqlstore.Offered}
		return
	}
	require.Equal(r, sqlstore.Granted, res.Code)
	require.Equal(r, row.addr, res.Lease.Addr, "a client gets its own address")
	switch row.state {
	case runout:
		m.history++
		fallthrough
	case sqlstore.Expired, sqlstore.Released:
		row.state = sqlstore.Offered
	}
}

func (m *model) request(r *rapid.T, op sqlstore.Op, client int, row *modelRow) {
	want := m.addr(rapid.IntRange(1, 3).Draw(r, "want"))
	res := m.ask(r, op, client, want)
	if row == nil {
		switch {
		case m.family == sqlstore.IPv6 && op == sqlstore.OpSelect && m.taken(want):
			if res.Code == sqlstore.Exhausted {
				return
			}
			require.Equal(r, sqlstore.Granted, res.Code)
			require.False(r, m.taken(res.Lease.Addr))
			want = res.Lease.Addr
		case m.taken(want):
			require.NotEqual(r, sqlstore.Granted, res.Code)
			return
		}
		require.Equal(r, sqlstore.Granted.String(), res.Code.String())
		require.Equal(r, want, res.Lease.Addr)
		m.rows[client] = &modelRow{addr: want, state: sqlstore.Active, since: res.Lease.Since}
		return
	}
	if row.addr != want && m.family == sqlstore.IPv4 {
		require.Equal(r, sqlstore.WrongAddress, res.Code)
		require.Equal(r, row.addr, res.Lease.Addr)
		return
	}
	require.Equal(r, sqlstore.Granted, res.Code)
	require.Equal(r, row.addr, res.Lease.Addr)
	if row.state == sqlstore.Active {
		require.Equal(r, row.since, res.Lease.Since, "the same holding")
		return
	}
	if row.state == runout {
		m.history++
	}
	row.state, row.since = sqlstore.Active, res.Lease.Since
}

func (m *model) end(r *rapid.T, op sqlstore.Op, client int, row *modelRow) {
	want := m.addr(rapid.IntRange(1, 3).Draw(r, "want"))
	res := m.ask(r, op, client, want)
	if row == nil || row.addr != want || row.state != sqlstore.Active {
		require.Equal(r, sqlstore.NoBinding, res.Code)
		return
	}
	require.Equal(r, sqlstore.Done, res.Code)
	m.history++
	row.state = sqlstore.Released
	if op == sqlstore.OpDecline {
		delete(m.rows, client)
		m.blocked[want] = true
	}
}

// aMomentAgo is so long ago that a lease of an hour has run out since, but may
// not be reclaimed yet.
const aMomentAgo = 3630 * time.Second

// pass lets a client's time run out.
func (m *model) pass(client int, row *modelRow) {
	if row == nil || row.state != sqlstore.Active && row.state != sqlstore.Offered {
		return
	}
	m.db.age(m, m.family, m.key(m.vrf, client), aMomentAgo)
	if row.since = row.since.Add(-aMomentAgo); row.state == sqlstore.Active {
		row.state = runout
	}
}

func (m *model) sweep(r *rapid.T) {
	_, err := m.e.Sweep(m.Context())
	require.NoError(r, err)
	now := leases(m, m.store, m.family, m.vrf)
	for client, row := range m.rows {
		switch _, there := now[row.addr]; {
		case row.state == runout:
			row.state = sqlstore.Expired
			m.history++
		case row.state == sqlstore.Offered && !there:
			delete(m.rows, client)
		}
	}
}

// compare looks at the tables.
func (m *model) compare(r *rapid.T) {
	rows := leases(m, m.store, m.family, m.vrf)
	require.Len(r, rows, len(m.rows)+len(m.blocked))
	for client, row := range m.rows {
		l, ok := rows[row.addr]
		require.True(r, ok)
		require.Equal(r, m.key(m.vrf, client), l.Key)
		want := row.state
		if want == runout {
			want = sqlstore.Expired
		}
		require.Equal(r, want.String(), l.State.String())
	}
	for a := range m.blocked {
		require.Equal(r, sqlstore.Declined.String(), rows[a].State.String())
	}
	require.Len(r, m.db.history(m, m.family, m.vrf), m.history)
}
