package sqlite

import (
	"bytes"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"rowlock/sqlstore"
)

// The rows that updates meet. Those that are dead have reclaim_at in an hour.
var situations = map[string]string{
	"offered":  "state = 1",
	"late":     "state = 1, expires_at = expires_at - 3600000000",
	"active":   "state = 2",
	"run out":  "state = 2, since = since - 9000000000, expires_at = expires_at - 3600000000",
	"expired":  "state = 3, expires_at = expires_at - 3600000000, reclaim_at = since + 3600000000",
	"released": "state = 4, expires_at = expires_at - 3600000000, reclaim_at = since + 3600000000",
	"declined": "state = 5, expires_at = expires_at - 3600000000, reclaim_at = since + 3600000000",
	"parked":   "state = 6, reclaim_at = since + 3600000000",
	"reserved": "state = 7, expires_at = expires_at - 3600000000",
}

// holds makes one row in a situation and returns it.
func (x *fixture) holds(in sqlstore.Insert, situation string) sqlstore.Lease {
	x.t.Helper()
	require.Equal(x.t, sqlstore.Inserted, x.insert(in).Status)
	table := "lease4"
	if in.Family == sqlstore.IPv6 {
		table = "lease6"
	}
	x.run("UPDATE "+table+" SET "+situations[situation]+" WHERE binding_key = ?", []byte(in.Key))
	l, ok := x.row(in.Family, in.Key)
	require.True(x.t, ok)
	return l
}

// Which rows each action changes, guarded by rev and without one.
func TestUpdateGuards(t *testing.T) {
	all := []string{"offered", "late", "active", "run out", "expired", "released", "declined", "parked", "reserved"}
	for action, c := range map[sqlstore.Action]struct{ byRev, without []string }{
		sqlstore.Activate:   {all, []string{"offered", "late", "active"}},
		sqlstore.Hold:       {[]string{"offered", "late", "run out", "expired", "released", "declined", "parked", "reserved"}, []string{"offered", "late"}},
		sqlstore.Release:    {[]string{"active", "run out"}, []string{"active"}},
		sqlstore.Expire:     {[]string{"late", "run out"}, []string{"late"}},
		sqlstore.Quarantine: {[]string{"active", "run out"}, []string{"active"}},
		sqlstore.Park:       {all, []string{"offered", "late", "active"}},
		sqlstore.Rekey:      {all, []string{"offered", "late", "active"}},
		sqlstore.Withdraw:   {[]string{"offered", "late"}, []string{"offered", "late"}},
	} {
		x := newFixture(t)
		n := 0
		for _, situation := range all {
			for _, byRev := range []bool{true, false} {
				n++
				in := offer4(n)
				old := x.holds(in, situation)
				u := sqlstore.Update{Family: sqlstore.IPv4, Action: action, Key: in.Key, NewKey: sqlstore.ParkedKey(in.Key, in.Addr), Addr: in.Addr, ValidLft: 60, OfferLft: 60}
				passes := c.without
				if byRev {
					u.Rev, passes = old.Rev, c.byRev
				}
				want := sqlstore.Mismatch
				for _, p := range passes {
					if p == situation {
						want = sqlstore.Updated
					}
				}
				res := x.update(u)
				require.Equal(t, want, res.Status, "action %d on %s, by rev %v", action, situation, byRev)
				if want == sqlstore.Updated {
					require.Greater(t, res.Lease.Rev, old.Rev)
					continue
				}
				old.Remaining, res.Lease.Remaining = 0, 0
				require.Equal(t, old, res.Lease, "the row as it is")
			}
		}
	}
}

func TestUpdateGuardsByAddressAndRev(t *testing.T) {
	x := newFixture(t)
	in := offer4(1)
	l := x.holds(in, "active")
	u := commit(in)
	u.Addr = addr4(2)
	require.Equal(t, sqlstore.Mismatch, x.update(u).Status)
	u.Rev = l.Rev
	require.Equal(t, sqlstore.Mismatch, x.update(u).Status)
	u = commit(in)
	u.Rev = l.Rev - 1
	require.Equal(t, sqlstore.Mismatch, x.update(u).Status)
	u.Key = key4(9)
	require.Equal(t, sqlstore.UpdateResult{Status: sqlstore.NoRow}, x.update(u))
	u = commit(in)
	u.Action = 0
	require.Equal(t, sqlstore.Mismatch, x.update(u).Status, "no such action")
}

func TestActivate(t *testing.T) {
	for situation, fresh := range map[string]bool{
		"offered": true, "late": true, "active": false, "run out": true, "expired": true, "released": true, "reserved": true,
	} {
		for _, in := range []sqlstore.Insert{offer4(1), offer6(1)} {
			x := newFixture(t)
			old := x.holds(in, situation)
			u := commit(in)
			u.Rev, u.ValidLft, u.PrefLft = old.Rev, 7200, 3600
			res := x.update(u)
			require.Equal(t, sqlstore.Updated, res.Status, situation)
			require.Equal(t, fresh, res.Fresh, situation)
			l := res.Lease
			require.Equal(t, sqlstore.Active, l.State)
			require.Equal(t, uint32(7200), l.ValidLft)
			require.Equal(t, 2*time.Hour, l.Remaining)
			require.True(t, l.ReclaimAt.IsZero())
			if fresh {
				require.Equal(t, l.Since.Add(2*time.Hour), l.Expires)
			} else {
				require.Equal(t, old.Since, l.Since)
			}
			if in.Family == sqlstore.IPv6 {
				require.Equal(t, uint32(3600), l.PreferredLft)
			}
			stored, _ := x.row(in.Family, in.Key)
			stored.Remaining = l.Remaining
			require.Equal(t, l, stored)

			history := x.number("SELECT count(*) FROM lease_history")
			if situation != "run out" {
				require.Zero(t, history, situation)
				continue
			}
			require.Equal(t, int64(1), history)
			require.Equal(t, old.Since.UnixMicro(), x.number("SELECT since FROM lease_history"))
			require.Equal(t, old.Expires.UnixMicro(), x.number("SELECT ended_at FROM lease_history"), "exact however late")
			require.Equal(t, int64(2), x.number("SELECT ended_by FROM lease_history"))
		}
	}
}

func TestActivateInfinite(t *testing.T) {
	x := newFixture(t)
	in := offer4(1)
	x.holds(in, "offered")
	u := commit(in)
	u.ValidLft = sqlstore.Infinite
	require.Equal(t, time.Date(9000, 1, 1, 0, 0, 0, 0, time.UTC), x.update(u).Lease.Expires)
	l, _ := x.row(sqlstore.IPv4, in.Key)
	require.True(t, l.Live())
}

// A client that renews by unicast sends no relay options and may leave out
// others; the row keeps what is known (RFC 2131 section 4.3.2, RENEWING).
func TestActivateKeepsWhatThePacketLacks(t *testing.T) {
	for _, in := range []sqlstore.Insert{offer4(1), offer6(1)} {
		x := newFixture(t)
		x.holds(in, "active")
		u := commit(in)
		u.Client = sqlstore.Client{Classes: "new"}
		want := in.Client
		want.Classes = "new"
		require.Equal(t, want, x.update(u).Lease.Client)

		u.Client = sqlstore.Client{HWAddr: []byte{9}, HWType: 6, HWSource: 2, Hostname: "other", FQDNFlags: 5, CircuitID: []byte("port 2")}
		l := x.update(u).Lease
		require.Equal(t, []byte{9}, l.Client.HWAddr)
		require.Equal(t, uint16(6), l.Client.HWType)
		require.Equal(t, "other", l.Client.Hostname)
		require.Equal(t, uint8(5), l.Client.FQDNFlags)
		require.Equal(t, []byte("port 2"), l.Client.CircuitID)
		require.Equal(t, in.Client.RemoteID, l.Client.RemoteID)
		require.Empty(t, l.Client.Classes)
		stored, _ := x.row(in.Family, in.Key)
		require.Equal(t, l.Client, stored.Client)
		found, err := x.Leases(t.Context(), sqlstore.LeaseFilter{Family: in.Family, HWAddr: []byte{9}})
		require.NoError(t, err)
		require.Len(t, found, 1, "the index follows")
	}
}

func TestHold(t *testing.T) {
	x := newFixture(t)
	in := offer4(1)
	old := x.holds(in, "expired")
	res := x.update(sqlstore.Update{Family: sqlstore.IPv4, Action: sqlstore.Hold, Key: in.Key, Addr: in.Addr, Rev: old.Rev, ValidLft: 100, OfferLft: 30})
	require.Equal(t, sqlstore.Updated, res.Status)
	require.False(t, res.Fresh)
	require.Equal(t, sqlstore.Offered, res.Lease.State)
	require.Equal(t, 30*time.Second, res.Lease.Remaining)
	require.Equal(t, uint32(100), res.Lease.ValidLft)
	require.True(t, res.Lease.ReclaimAt.IsZero())
	require.Zero(t, x.number("SELECT count(*) FROM lease_history"))

	in = offer4(2)
	old = x.holds(in, "run out")
	res = x.update(sqlstore.Update{Family: sqlstore.IPv4, Action: sqlstore.Hold, Key: in.Key, Addr: in.Addr, Rev: old.Rev, OfferLft: 30})
	require.Equal(t, sqlstore.Updated, res.Status)
	require.Equal(t, int64(1), x.number("SELECT count(*) FROM lease_history WHERE ended_by = 2 AND ended_at = ?", old.Expires.UnixMicro()))
}

// The ends of a holding: the row after each, its times, the history.
func TestEndings(t *testing.T) {
	const grace = 120
	for _, c := range []struct {
		action    sqlstore.Action
		situation string
		state     sqlstore.State
		reclaim   string // what reclaim_at counts from
		endedBy   int64
		endsNow   bool
		parks     bool
	}{
		{sqlstore.Release, "active", sqlstore.Released, "now", 4, true, false},
		{sqlstore.Release, "run out", sqlstore.Released, "now", 4, false, false},
		{sqlstore.Expire, "run out", sqlstore.Expired, "expires", 3, false, false},
		{sqlstore.Quarantine, "active", sqlstore.Declined, "now", 5, true, true},
		{sqlstore.Park, "active", sqlstore.Parked, "expires", 6, true, true},
		{sqlstore.Park, "run out", sqlstore.Parked, "now", 6, false, true},
	} {
		for _, in := range []sqlstore.Insert{offer4(1), offer6(1)} {
			x := newFixture(t)
			old := x.holds(in, c.situation)
			u := sqlstore.Update{Family: in.Family, Action: c.action, Key: in.Key, Addr: in.Addr, Rev: old.Rev, Grace: grace}
			if c.parks {
				u.NewKey = sqlstore.ParkedKey(in.Key, in.Addr)
			}
			start := x.number("SELECT CAST(unixepoch('subsec') * 1000 AS INTEGER) * 1000")
			res := x.update(u)
			require.Equal(t, sqlstore.Updated, res.Status)
			l := res.Lease
			require.Equal(t, c.state, l.State)
			now := start
			if c.endsNow {
				now = x.number("SELECT ended_at FROM lease_history")
				require.InDelta(t, start, now, 5e6)
				if c.action != sqlstore.Park {
					require.Equal(t, now, l.Expires.UnixMicro())
				}
			} else {
				require.Equal(t, old.Expires, l.Expires)
				require.Equal(t, old.Expires.UnixMicro(), x.number("SELECT ended_at FROM lease_history"))
			}
			from := map[string]int64{"now": now, "expires": l.Expires.UnixMicro()}[c.reclaim]
			require.InDelta(t, from+grace*second, l.ReclaimAt.UnixMicro(), 2e6)
			require.Equal(t, c.endedBy, x.number("SELECT ended_by FROM lease_history"))
			require.Equal(t, old.Rev, x.number("SELECT rev FROM lease_history"))
			require.Equal(t, int64(in.Family), x.number("SELECT family FROM lease_history"))
			if c.parks {
				require.Equal(t, u.NewKey, l.Key)
				require.Equal(t, in.Key, l.ParkedKey)
				_, ok := x.row(in.Family, in.Key)
				require.False(t, ok, "the client's key is free")
			}
			stored, ok := x.row(in.Family, l.Key)
			require.True(t, ok)
			stored.Remaining = l.Remaining
			require.Equal(t, l, stored)
		}
	}
}

func TestParkInfinite(t *testing.T) {
	x := newFixture(t)
	in := offer4(1)
	x.holds(in, "offered")
	u := commit(in)
	u.ValidLft = sqlstore.Infinite
	l := x.update(u).Lease
	res := x.update(sqlstore.Update{
		Family: sqlstore.IPv4, Action: sqlstore.Park, Key: in.Key, NewKey: sqlstore.ParkedKey(in.Key, in.Addr), Addr: in.Addr, Rev: l.Rev, Grace: 60, ParkMax: 1000,
	})
	require.Equal(t, sqlstore.Updated, res.Status)
	require.InDelta(t, 1000, time.Until(res.Lease.ReclaimAt).Seconds(), 5)
	require.Equal(t, l.Expires, res.Lease.Expires)
}

// A reserved address goes back to its reservation and is never reclaimed.
func TestReservedKeyGoesBackToReserved(t *testing.T) {
	for action, situation := range map[sqlstore.Action]string{sqlstore.Release: "active", sqlstore.Expire: "run out"} {
		x := newFixture(t)
		in := offer4(1)
		in.Key = sqlstore.ReservedKey(1, 77, 0, 0)
		old := x.holds(in, situation)
		res := x.update(sqlstore.Update{Family: sqlstore.IPv4, Action: action, Key: in.Key, Addr: in.Addr, Rev: old.Rev, Grace: 60})
		require.Equal(t, sqlstore.Updated, res.Status)
		require.Equal(t, sqlstore.Reserved, res.Lease.State)
		require.True(t, res.Lease.ReclaimAt.IsZero())
		require.Equal(t, int64(1), x.number("SELECT count(*) FROM lease4 WHERE state = 7 AND reclaim_at IS NULL"))
		require.Equal(t, int64(1), x.number("SELECT count(*) FROM lease_history"))
	}
	x := newFixture(t)
	in := offer4(1)
	in.Key = sqlstore.ReservedKey(1, 77, 0, 0)
	old := x.holds(in, "late")
	res := x.update(sqlstore.Update{Family: sqlstore.IPv4, Action: sqlstore.Expire, Key: in.Key, Addr: in.Addr, Rev: old.Rev})
	require.Equal(t, sqlstore.Reserved, res.Lease.State)
	require.Zero(t, x.number("SELECT count(*) FROM lease_history"), "an offer is no holding")
}

func TestRekey(t *testing.T) {
	x := newFixture(t)
	x.holds(offer4(1), "active")
	x.holds(offer4(2), "active")
	old, _ := x.row(sqlstore.IPv4, key4(1))
	u := sqlstore.Update{Family: sqlstore.IPv4, Action: sqlstore.Rekey, Key: key4(1), NewKey: key4(2), Addr: addr4(1), Rev: old.Rev}
	res := x.update(u)
	require.Equal(t, sqlstore.Mismatch, res.Status, "the key is taken: a lost race")
	require.Equal(t, key4(1), res.Lease.Key)

	u.NewKey = key4(3)
	res = x.update(u)
	require.Equal(t, sqlstore.Updated, res.Status)
	want := old
	want.Key, want.Rev, want.Remaining = key4(3), res.Lease.Rev, res.Lease.Remaining
	require.Equal(t, want, res.Lease)
	require.Greater(t, res.Lease.Rev, old.Rev)
	require.Zero(t, x.number("SELECT count(*) FROM lease_history"))
	_, ok := x.row(sqlstore.IPv4, key4(1))
	require.False(t, ok)
}

func TestWithdraw(t *testing.T) {
	x := newFixture(t)
	in := offer4(1)
	old := x.holds(in, "offered")
	res := x.update(sqlstore.Update{Family: sqlstore.IPv4, Action: sqlstore.Withdraw, Key: in.Key, Addr: in.Addr, Rev: old.Rev})
	require.Equal(t, sqlstore.Updated, res.Status)
	require.Equal(t, sqlstore.Offered, res.Lease.State)
	require.LessOrEqual(t, res.Lease.Remaining, time.Duration(0))
	due, _, _, err := x.Due(t.Context(), sqlstore.IPv4, "", 10)
	require.NoError(t, err)
	require.Len(t, due, 1)
}

func TestMessageChangesAllOrNone(t *testing.T) {
	x := newFixture(t)
	var whole []sqlstore.Update
	for n := 1; n <= 4; n++ {
		x.holds(offer6(n), "offered")
		u := commit(offer6(n))
		u.Message, u.Count = 1+n/3, 2 // clients 1 and 2 in one message, 3 and 4 in another
		whole = append(whole, u)
	}
	whole[3].Addr = addr6(99)
	alone := commit(offer6(1))
	alone.Message, alone.Count = 9, 2
	res := x.apply(&sqlstore.Batch{Updates: whole})
	for i, want := range []sqlstore.UpdateStatus{sqlstore.Updated, sqlstore.Updated, sqlstore.Mismatch, sqlstore.Mismatch} {
		require.Equal(t, want, res.Updates[i].Status, i)
		require.Equal(t, key6(i+1), res.Updates[i].Lease.Key)
	}
	require.Equal(t, sqlstore.Offered, res.Updates[2].Lease.State, "kept back by its sibling")
	require.Equal(t, int64(2), x.number("SELECT count(*) FROM lease6 WHERE state = 2"))

	require.Equal(t, sqlstore.Mismatch, x.update(alone).Status, "half a message")

	whole[3].Key, whole[3].Addr = key6(99), addr6(4)
	res = x.apply(&sqlstore.Batch{Updates: whole[2:]})
	require.Equal(t, sqlstore.Mismatch, res.Updates[0].Status)
	require.Equal(t, sqlstore.NoRow, res.Updates[1].Status)
}

// A value that the database refuses takes back its whole message, history and
// events included, and no other.
func TestMessageDataErrorTakesItBack(t *testing.T) {
	x := newFixture(t)
	x.run("INSERT INTO event_consumer (name) VALUES ('test')")
	x.holds(offer4(1), "run out")
	x.holds(offer4(2), "offered")
	x.holds(offer4(3), "offered")
	first, second, third := commit(offer4(1)), commit(offer4(2)), commit(offer4(3))
	l, _ := x.row(sqlstore.IPv4, key4(1))
	first.Rev, first.Message, first.Count, second.Message, second.Count = l.Rev, 1, 2, 1, 2
	second.Client.RemoteID = bytes.Repeat([]byte{1}, 256)
	res := x.apply(&sqlstore.Batch{Updates: []sqlstore.Update{first, second, third}})
	require.Equal(t, sqlstore.Mismatch, res.Updates[0].Status)
	require.Equal(t, l.Rev, res.Updates[0].Lease.Rev)
	require.Equal(t, sqlstore.UpdateData, res.Updates[1].Status)
	require.Equal(t, sqlstore.Updated, res.Updates[2].Status)
	require.Zero(t, x.number("SELECT count(*) FROM lease_history"))
	require.Equal(t, int64(1), x.number("SELECT count(*) FROM lease_event"))
	require.Equal(t, int64(1), x.number("SELECT count(*) FROM lease4 WHERE state = 2 AND rev <> ?", l.Rev))

	alone := commit(offer4(2))
	alone.Client.Hostname = string(bytes.Repeat([]byte{'a'}, 256))
	require.Equal(t, sqlstore.UpdateData, x.update(alone).Status)
}

func TestEventsOnlyForConsumers(t *testing.T) {
	x := newFixture(t)
	in := offer4(1)
	x.insert(in)
	require.Equal(t, sqlstore.Updated, x.update(commit(in)).Status)
	require.Zero(t, x.number("SELECT count(*) FROM lease_event"))

	x.run("INSERT INTO event_consumer (name) VALUES ('test')")
	events := func() (n, kind int64) {
		n = x.number("SELECT count(*) FROM lease_event")
		kind = x.number("SELECT coalesce((SELECT kind FROM lease_event ORDER BY id DESC LIMIT 1), 0)")
		x.run("DELETE FROM lease_event")
		return n, kind
	}
	expect := func(kind int64, what string) {
		t.Helper()
		n, got := events()
		require.Equal(t, kind, got, what)
		if kind != 0 {
			require.Equal(t, int64(1), n, what)
		}
	}
	u := commit(in)
	require.Equal(t, sqlstore.Updated, x.update(u).Status)
	expect(0, "a renewal")
	u.Client.Hostname = "renamed"
	x.update(u)
	expect(eventChanged, "another name")
	u.Client.FQDNFlags = 4
	x.update(u)
	expect(eventChanged, "other flags")
	u.Client = sqlstore.Client{}
	x.update(u)
	expect(0, "a renewal without a name")
	x.update(sqlstore.Update{Family: sqlstore.IPv4, Action: sqlstore.Release, Key: in.Key, Addr: in.Addr})
	expect(eventEnded, "release")
	l, _ := x.row(sqlstore.IPv4, in.Key)
	u.Rev = l.Rev
	l = x.update(u).Lease
	expect(eventAssigned, "revived")
	x.age(2 * time.Hour)
	l = x.update(sqlstore.Update{Family: sqlstore.IPv4, Action: sqlstore.Expire, Key: in.Key, Addr: in.Addr, Rev: l.Rev}).Lease
	expect(eventEnded, "expiry")
	x.update(sqlstore.Update{Family: sqlstore.IPv4, Action: sqlstore.Hold, Key: in.Key, Addr: in.Addr, Rev: l.Rev, OfferLft: 5})
	expect(0, "an offer")
	lost := commit(in)
	lost.Addr = addr4(2)
	x.update(lost)
	expect(0, "a lost race")
	x.update(commit(in))
	expect(eventAssigned, "late request")
	x.update(sqlstore.Update{Family: sqlstore.IPv4, Action: sqlstore.Quarantine, Key: in.Key, NewKey: sqlstore.ParkedKey(in.Key, in.Addr), Addr: in.Addr})
	require.Equal(t, int64(1), x.number("SELECT count(*) FROM lease_event WHERE binding_key = ?", []byte(in.Key)), "under the client's key")
	expect(eventEnded, "decline")
}

// One batch takes inserts and updates of both families.
func TestApplyMixedBatch(t *testing.T) {
	x := newFixture(t)
	x.insert(offer4(1))
	x.insert(offer6(1))
	res := x.apply(&sqlstore.Batch{
		Inserts: []sqlstore.Insert{offer4(2), offer6(2)},
		Updates: []sqlstore.Update{commit(offer4(1)), commit(offer6(1))},
	})
	for i := range 2 {
		require.Equal(t, sqlstore.Inserted, res.Inserts[i].Status)
		require.Equal(t, sqlstore.Updated, res.Updates[i].Status)
		require.True(t, res.Updates[i].Fresh)
		require.Equal(t, res.Inserts[i].Lease.Since, res.Updates[i].Lease.Since, "one time for the batch")
	}
}
