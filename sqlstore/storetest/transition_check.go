package storetest

import (
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"rowlock/sqlstore"
)

// outcome is what a word of the transition tables means.
type outcome struct {
	code    sqlstore.Code
	lease   bool           // the result has the client's row
	frozen  bool           // nothing in the tables has changed
	created bool           // the row is a new one
	state   sqlstore.State // of the client's row afterwards
	fresh   bool           // since is the time of the decision
	expires time.Duration  // after the decision; 0: as it was; -1: at the decision
	event   int64          // kind of the event, 0 if none
	history sqlstore.State // ended_by of the history row where the row was live, 0 if none
	parked  bool           // the row the client had was put aside
}

const (
	offerTime = 60 * time.Second
	leaseTime = 7200 * time.Second
	atOnce    = time.Duration(-1)
)

var outcomes = map[string]outcome{
	"offer":       {code: sqlstore.Granted, lease: true, created: true, state: sqlstore.Offered, fresh: true, expires: offerTime},
	"assign":      {code: sqlstore.Granted, lease: true, created: true, state: sqlstore.Active, fresh: true, expires: leaseTime, event: assigned},
	"same":        {code: sqlstore.Granted, lease: true, frozen: true},
	"hold":        {code: sqlstore.Granted, lease: true, state: sqlstore.Offered, fresh: true, expires: offerTime},
	"grant":       {code: sqlstore.Granted, lease: true, state: sqlstore.Active, fresh: true, expires: leaseTime, event: assigned},
	"renew":       {code: sqlstore.Granted, lease: true, state: sqlstore.Active, expires: leaseTime},
	"nak":         {code: sqlstore.WrongAddress, frozen: true},
	"nak-own":     {code: sqlstore.WrongAddress, lease: true, frozen: true},
	"silent":      {code: sqlstore.NoBinding, frozen: true},
	"none":        {code: sqlstore.NoBinding, frozen: true},
	"nothing":     {code: sqlstore.Unchanged, frozen: true},
	"exhausted":   {code: sqlstore.Exhausted, frozen: true},
	"withdraw":    {code: sqlstore.Unchanged, state: sqlstore.Offered, expires: atOnce},
	"release":     {code: sqlstore.Done, lease: true, state: sqlstore.Released, expires: atOnce, event: endedEv, history: sqlstore.Released},
	"quarantine":  {code: sqlstore.Done, lease: true, state: sqlstore.Declined, expires: atOnce, event: endedEv, history: sqlstore.Declined},
	"park-offer":  {code: sqlstore.Granted, lease: true, created: true, state: sqlstore.Offered, fresh: true, expires: offerTime, parked: true},
	"park-assign": {code: sqlstore.Granted, lease: true, created: true, state: sqlstore.Active, fresh: true, expires: leaseTime, event: assigned, parked: true},
	"park-nak":    {code: sqlstore.WrongAddress, parked: true},
}

// picture is all that is stored about the link of a cell.
type picture struct {
	rows    map[netip.Addr]sqlstore.Lease
	history []ended
	events  []event
}

func (c *cell) look(t *testing.T) picture {
	return picture{leases(t, c.store, c.family, c.vrf), c.db.history(t, c.family, c.vrf), c.db.events(t, c.family, c.vrf)}
}

// own returns the row that the client has under its key.
func (c *cell) own(p picture) (sqlstore.Lease, bool) {
	for _, l := range p.rows {
		if l.Key == c.item.Key {
			return l, true
		}
	}
	return sqlstore.Lease{}, false
}

func (c *cell) check(t *testing.T, before, after picture, res sqlstore.Result, from, to time.Time) {
	want, ok := outcomes[c.want]
	require.True(t, ok, "no outcome %q", c.want)
	require.Equal(t, want.code.String(), res.Code.String())
	require.Equal(t, want.lease, res.HasLease)
	c.checkRefused(t, res)
	if want.frozen {
		require.Equal(t, before, after)
		if res.HasLease {
			own, _ := c.own(after)
			c.sameRow(t, own, res.Lease)
		}
		return
	}
	old, had := c.own(before)
	if want.parked {
		c.checkParked(t, old, after.rows[old.Addr])
	}
	if want.state != 0 {
		c.checkRow(t, want, old, had, after, res, from, to)
	}
	c.checkHistory(t, want, old, had, before, after, from, to)
	c.checkEvents(t, want, old, had, before, after)
}

// sameRow: the decision shows the row as the table has it.
func (c *cell) sameRow(t *testing.T, stored, shown sqlstore.Lease) {
	shown.Remaining = 0
	if shown.State == sqlstore.Active && stored.State == sqlstore.Expired {
		shown.State = sqlstore.Expired // active, but its time has passed
	}
	require.Equal(t, stored, shown)
}

// RFC 9915 18.3.4: an address that is not the client's goes back with zero
// lifetimes.
func (c *cell) checkRefused(t *testing.T, res sqlstore.Result) {
	refused := netip.Addr{}
	switch c.item.Op {
	case sqlstore.OpSelect, sqlstore.OpRenew, sqlstore.OpRebind:
		if c.family == sqlstore.IPv6 && c.item.Want.IsValid() && (res.Code != sqlstore.Granted || res.Lease.Addr != c.item.Want) {
			refused = c.item.Want
		}
	}
	require.Equal(t, refused, res.Refused)
}

func (c *cell) checkRow(t *testing.T, want outcome, old sqlstore.Lease, had bool, after picture, res sqlstore.Result, from, to time.Time) {
	own, has := c.own(after)
	if want.state == sqlstore.Declined {
		own, has = after.rows[old.Addr], true
		require.Equal(t, sqlstore.ParkedKey(c.item.Key, old.Addr), own.Key)
		require.Equal(t, c.item.Key, own.ParkedKey)
	}
	require.True(t, has, "the client has no row")
	if res.HasLease {
		c.sameRow(t, own, res.Lease)
	}
	state := want.state
	if state == sqlstore.Released && c.item.Key.IsReserved() {
		state = sqlstore.Reserved
	}
	require.Equal(t, state.String(), own.State.String())
	require.Equal(t, c.length, own.PrefixLen)
	require.Equal(t, "fe1", own.Frontend)
	require.Equal(t, c.item.Client, own.Client)
	if want.created {
		c.checkPlace(t, own)
	} else {
		require.True(t, had)
		require.Equal(t, old.Addr, own.Addr)
		require.Greater(t, own.Rev, old.Rev)
	}
	if want.fresh {
		between(t, own.Since, from, to)
	} else {
		require.Equal(t, old.Since, own.Since)
	}
	switch want.expires {
	case atOnce:
		between(t, own.Expires, from, to)
	default:
		between(t, own.Expires, from.Add(want.expires), to.Add(want.expires))
		require.EqualValues(t, leaseTime.Seconds(), own.ValidLft)
	}
	c.checkReclaim(t, own, from, to)
}

// checkPlace: a new row is where the client wants it, if it may be there.
func (c *cell) checkPlace(t *testing.T, own sqlstore.Lease) {
	switch {
	case c.item.Reserved.IsValid():
		require.Equal(t, c.item.Reserved, own.Addr)
	case c.row == "none":
		require.Equal(t, c.item.Want, own.Addr)
	default:
		if c.row != "none-any" && c.row != "none-foreign" {
			require.NotEqual(t, c.a, own.Addr, "the address is taken")
		}
		pool := c.item.Pools.Find(own.Addr)
		require.NotNil(t, pool)
		require.Equal(t, [3]uint32{pool.ID, pool.Gen, pool.SubnetID}, [3]uint32{own.PoolID, own.PoolGen, own.SubnetID})
	}
}

func (c *cell) checkReclaim(t *testing.T, own sqlstore.Lease, from, to time.Time) {
	grace := time.Duration(0)
	switch own.State {
	case sqlstore.Released:
		grace = time.Minute
	case sqlstore.Declined:
		grace = 24 * time.Hour
	default:
		require.True(t, own.ReclaimAt.IsZero())
		return
	}
	between(t, own.ReclaimAt, from.Add(grace), to.Add(grace))
}

// checkParked: the key is free, the address is not before the lease has run out.
func (c *cell) checkParked(t *testing.T, old, parked sqlstore.Lease) {
	require.Equal(t, sqlstore.Parked.String(), parked.State.String())
	require.Equal(t, sqlstore.ParkedKey(old.Key, old.Addr), parked.Key)
	require.Equal(t, old.Key, parked.ParkedKey)
	require.Greater(t, parked.Rev, old.Rev)
	require.Equal(t, old.Expires, parked.Expires)
	require.Equal(t, old.Since, parked.Since)
	require.Equal(t, old.Client, parked.Client)
	if state, _, _ := strings.Cut(c.row, "-"); state == "offered" || state == "active" || c.row == "reserved-moved" {
		require.Equal(t, old.Expires.Add(time.Minute), parked.ReclaimAt)
	} else {
		require.True(t, parked.ReclaimAt.After(old.Expires))
	}
}

// held tells whether the client's row was a holding before.
func (c *cell) held() (holding, live bool) {
	switch c.row {
	case "active", "active-other", "active-gone", "reserved-active", "reserved-moved":
		return true, true
	case "runout", "runout-other", "runout-gone", "reserved-runout":
		return true, false
	}
	return false, false
}

// checkHistory: a holding that ends has one row, from since to its end.
func (c *cell) checkHistory(t *testing.T, want outcome, old sqlstore.Lease, had bool, before, after picture, from, to time.Time) {
	require.GreaterOrEqual(t, len(after.history), len(before.history))
	added := after.history[len(before.history):]
	holding, live := c.held()
	by := want.history
	switch {
	case want.parked && holding:
		by = sqlstore.Parked
	case holding && !live && (want.state == sqlstore.Active || want.state == sqlstore.Offered):
		by = sqlstore.Active
	}
	if by == 0 {
		require.Empty(t, added)
		return
	}
	require.Len(t, added, 1)
	require.Equal(t, by.String(), added[0].By.String())
	require.Equal(t, old.Addr, added[0].Addr)
	require.Equal(t, old.Key, added[0].Key)
	require.Equal(t, old.Since, added[0].Since)
	if live {
		between(t, added[0].EndedA, from, to)
	} else {
		require.Equal(t, old.Expires, added[0].EndedA)
	}
}

// checkEvents: one for each holding that begins or ends, with the client's
// key; none where nobody listens.
func (c *cell) checkEvents(t *testing.T, want outcome, old sqlstore.Lease, had bool, before, after picture) {
	if !c.events {
		require.Empty(t, after.events)
		return
	}
	var expected []event
	holding, live := c.held()
	if holding && (want.parked || want.event == endedEv || want.state == sqlstore.Offered && !live) {
		expected = append(expected, event{endedEv, old.Addr, old.Key, old.Client.Hostname})
	}
	if want.event == assigned {
		own, _ := c.own(after)
		expected = append(expected, event{assigned, own.Addr, own.Key, own.Client.Hostname})
	}
	require.Equal(t, expected, append([]event(nil), after.events[len(before.events):]...))
}

// between allows for clocks with milliseconds.
func between(t *testing.T, at, from, to time.Time) {
	t.Helper()
	require.False(t, at.Before(from.Add(-2*time.Millisecond)), "%s is before %s", at, from)
	require.False(t, at.After(to.Add(2*time.Millisecond)), "%s is after %s", at, to)
}
