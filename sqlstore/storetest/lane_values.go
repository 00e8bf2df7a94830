package storetest

import (
	"bytes"
	"context"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"rowlock/sqlstore"
)

// Former keys: the row is found, re-keyed, and a key that is taken is a lost
// race.
func laneRekey(t *testing.T, b *bench) {
	first, second := b.row(t, 1, "active"), b.row(t, 2, "active")
	in := b.insert(b.vrf, 10, b.addr(10))
	in.Former = []sqlstore.Key{b.key(b.vrf, 77), first.Key}
	res := place(t, b.store, in)
	require.Equal(t, sqlstore.FormerRow, res.Status)
	require.Equal(t, first.Key, res.Lease.Key)
	require.Equal(t, first.Rev, res.Lease.Rev)

	u := b.update(sqlstore.Rekey, first, first.Rev)
	u.NewKey = second.Key
	taken := change(t, b.store, u)
	require.Equal(t, sqlstore.Mismatch, taken.Status, "the new key is taken")
	require.Equal(t, first.Rev, b.read(t, first.Key).Rev)
	u.NewKey, u.Rev = in.Key, first.Rev+1
	require.Equal(t, sqlstore.Mismatch, change(t, b.store, u).Status, "the row has changed")
	u.Rev = first.Rev
	moved := change(t, b.store, u)
	require.Equal(t, sqlstore.Updated, moved.Status)
	require.False(t, moved.Fresh)
	require.Equal(t, in.Key, moved.Lease.Key)
	require.Equal(t, first.Since, moved.Lease.Since, "the holding goes on")
	require.Equal(t, first.Expires, moved.Lease.Expires)
	require.Equal(t, sqlstore.Active, moved.Lease.State)
	require.Empty(t, b.db.history(t, b.family, b.vrf))
	require.Equal(t, sqlstore.NotPlaced, place(t, b.store, sqlstore.Insert{Family: b.family, Key: first.Key}).Status)
	require.Equal(t, sqlstore.KeyExists, place(t, b.store, in).Status, "the key's own row comes before former ones")
}

func laneReclaimTimes(t *testing.T, b *bench) {
	during := func(a sqlstore.Action, client int, state string, lifetime uint32) (l sqlstore.Lease, from, to time.Time) {
		l = b.row(t, client, state)
		if lifetime != 0 {
			u := b.update(sqlstore.Activate, l, l.Rev)
			u.ValidLft = lifetime
			l = change(t, b.store, u).Lease
		}
		from = b.db.now(t)
		u := b.update(a, l, l.Rev)
		u.Grace, u.ParkMax = 90, 5000
		res := change(t, b.store, u)
		require.Equal(t, sqlstore.Updated, res.Status)
		return res.Lease, from, b.db.now(t)
	}
	after := func(at, from, to time.Time, by time.Duration) {
		t.Helper()
		between(t, at, from.Add(by), to.Add(by))
	}
	l, from, to := during(sqlstore.Release, 1, "active", 0)
	after(l.ReclaimAt, from, to, 90*time.Second)
	l, from, to = during(sqlstore.Quarantine, 2, "active", 0)
	after(l.ReclaimAt, from, to, 90*time.Second)
	after(l.Expires, from, to, 0)
	l, _, _ = during(sqlstore.Park, 3, "active", 0)
	require.Equal(t, l.Expires.Add(90*time.Second), l.ReclaimAt, "not before the lease has run out")
	l, from, to = during(sqlstore.Park, 4, "runout", 0)
	after(l.ReclaimAt, from, to, 90*time.Second)
	l, from, to = during(sqlstore.Park, 5, "active", sqlstore.Infinite)
	after(l.ReclaimAt, from, to, 5000*time.Second)
	l, _, _ = during(sqlstore.Expire, 6, "runout", 0)
	require.Equal(t, l.Expires.Add(90*time.Second), l.ReclaimAt)
	l, from, to = during(sqlstore.Release, 7, "active", sqlstore.Infinite)
	after(l.ReclaimAt, from, to, 90*time.Second)
	after(l.Expires, from, to, 0)
}

// RFC 2131 3.3, RFC 9915 7.7: 0xffffffff is for ever.
func laneInfinite(t *testing.T, b *bench) {
	forever := time.Date(9000, time.January, 1, 0, 0, 0, 0, time.UTC)
	l := b.row(t, 1, "offered")
	u := b.update(sqlstore.Activate, l, 0)
	u.ValidLft, u.PrefLft = sqlstore.Infinite, sqlstore.Infinite
	l = change(t, b.store, u).Lease
	require.True(t, forever.Equal(l.Expires), l.Expires)
	require.EqualValues(t, sqlstore.Infinite, l.ValidLft)
	if b.family == sqlstore.IPv6 {
		require.EqualValues(t, sqlstore.Infinite, l.PreferredLft)
	}
	require.Greater(t, l.Remaining, 24*365*time.Hour)
	require.True(t, l.Live())
	require.Equal(t, l.Expires, b.read(t, l.Key).Expires)
	again := change(t, b.store, u).Lease
	require.True(t, forever.Equal(again.Expires))
	require.Equal(t, l.Since, again.Since)

	u.ValidLft = sqlstore.Infinite - 1 // a long one, but not for ever
	from := b.db.now(t)
	l = change(t, b.store, u).Lease
	between(t, l.Expires, from.Add((sqlstore.Infinite-1)*time.Second), b.db.now(t).Add((sqlstore.Infinite-1)*time.Second))
	u.ValidLft = 600
	l = change(t, b.store, u).Lease
	require.InDelta(t, 600, l.Remaining.Seconds(), 0.1)
	require.Equal(t, again.Since, l.Since)
}

// rev rises with each change and repeats neither for a key nor for an address,
// also after the row was deleted and made again.
func laneRevisions(t *testing.T, b *bench) {
	l := b.row(t, 1, "active")
	seen := l.Rev
	for range 50 {
		l = b.do(t, sqlstore.Activate, l, l.Rev)
		require.Greater(t, l.Rev, seen)
		seen = l.Rev
	}
	b.db.exec(t, "UPDATE %s SET rev = rev + 1000000000 WHERE %s", table(b.family), b.db.rowOf(l.Key)) // a clock that was set back
	l = b.read(t, l.Key)
	next := b.do(t, sqlstore.Activate, l, l.Rev)
	require.Equal(t, l.Rev+1, next.Rev)

	dead := b.row(t, 2, "dead")
	n, err := b.store.DeleteOffers(t.Context(), b.family, []sqlstore.Due{{Key: dead.Key, Addr: dead.Addr, State: dead.State, Rev: dead.Rev}})
	require.NoError(t, err)
	require.Equal(t, 1, n)
	time.Sleep(2 * time.Millisecond)
	require.Greater(t, b.row(t, 2, "offered").Rev, dead.Rev)
}

// A renewal by unicast lacks what the relay told: it stays.
func laneClient(t *testing.T, b *bench) {
	l := b.row(t, 1, "active")
	u := b.update(sqlstore.Activate, l, 0)
	u.Client = sqlstore.Client{IAID: l.Client.IAID, Classes: "phone,office"}
	l = change(t, b.store, u).Lease
	want := b.client(1)
	want.Classes = "phone,office"
	require.Equal(t, want, l.Client)
	require.Equal(t, want, b.read(t, l.Key).Client)

	all := sqlstore.Client{
		HWAddr: []byte{1, 2, 3, 4, 5, 6, 7, 8}, HWType: 32, HWSource: 4, ClientID: []byte{0xff, 0}, IAID: l.Client.IAID,
		RelayAddr: b.addr(251), CircuitID: []byte{1}, RemoteID: []byte{2}, SubscriberID: []byte{3}, RelayID: []byte{4},
		Hostname: "other.example.org", FQDNFlags: 5,
	}
	u.Client = all
	require.Equal(t, all, change(t, b.store, u).Lease.Client)
	require.Equal(t, all, b.read(t, l.Key).Client)
	u.Client = sqlstore.Client{IAID: l.Client.IAID}
	require.Equal(t, all, change(t, b.store, u).Lease.Client, "a hostname stays with its flags")
}

// Binary values are kept byte by byte, text keeps its case, and the longest
// that a packet can carry fit.
func laneBytes(t *testing.T, b *bench) {
	every := make([]byte, 255)
	for i := range every {
		every[i] = byte(i)
	}
	in := b.insert(b.vrf, 1, b.addr(1))
	in.Client = sqlstore.Client{
		HWAddr: []byte("\x00\xff'\\\x80\x00"), HWType: 65535, HWSource: 255, ClientID: every, IAID: in.Client.IAID, RelayAddr: b.addr(252),
		CircuitID: every, RemoteID: bytes.Repeat([]byte{0}, 255), SubscriberID: bytes.Repeat([]byte{0xff}, 255), RelayID: []byte("\xc3\x28"),
		Hostname: strings.Repeat("a", 255), FQDNFlags: 255, Classes: "it's,\\x,%s",
	}
	if b.family == sqlstore.IPv6 {
		in.Client.IAID = 0xffffffff
	}
	require.Equal(t, sqlstore.Inserted, place(t, b.store, in).Status)
	require.Equal(t, in.Client, b.read(t, in.Key).Client)
	l := b.do(t, sqlstore.Activate, b.read(t, in.Key), 0)
	require.Equal(t, in.Client, l.Client)
	listed, err := b.store.Leases(t.Context(), sqlstore.LeaseFilter{Family: b.family, HWAddr: in.Client.HWAddr})
	require.NoError(t, err)
	require.NotEmpty(t, listed)

	// keys that differ in case only, in a NUL only, or behind the hash
	identities := [][]byte{[]byte("client"), []byte("CLIENT"), []byte("client\x00"), every, append(bytes.Clone(every[:254]), 0), every[:64], every[:65]}
	for i, id := range identities {
		in := b.insert(b.vrf, 0, b.addr(20+i))
		in.Key = sqlstore.ClientKey(b.vrf, sqlstore.KeyClientID, id)
		if b.family == sqlstore.IPv6 {
			in.Key = sqlstore.IAKey(b.vrf, sqlstore.KeyDUID, id, 7, b.kind, 0)
		}
		require.Equal(t, sqlstore.Inserted, place(t, b.store, in).Status, "%x", id)
		require.Equal(t, in.Addr, b.read(t, in.Key).Addr)
	}
	upper := b.insert(b.vrf, 0, b.addr(40))
	upper.Key, upper.Client.Hostname = b.key(b.vrf, 40), "UPPER.example.org"
	require.Equal(t, "UPPER.example.org", place(t, b.store, upper).Lease.Client.Hostname)

	// one byte too many: refused, not cut
	long := b.insert(b.vrf, 50, b.addr(50))
	long.Client.ClientID = append(every, 1)
	res, err := b.store.Apply(context.WithoutCancel(t.Context()), &sqlstore.Batch{Inserts: []sqlstore.Insert{long}})
	if err != nil {
		require.ErrorIs(t, err, sqlstore.ErrData)
	} else {
		require.Equal(t, sqlstore.InsertData, res.Inserts[0].Status)
	}
	require.Equal(t, sqlstore.NotPlaced, place(t, b.store, sqlstore.Insert{Family: b.family, Key: long.Key}).Status)
	u := b.update(sqlstore.Activate, l, 0)
	u.Client.CircuitID = append(every, 1)
	upd, err := b.store.Apply(context.WithoutCancel(t.Context()), &sqlstore.Batch{Updates: []sqlstore.Update{u}})
	if err != nil {
		require.ErrorIs(t, err, sqlstore.ErrData)
	} else {
		require.Equal(t, sqlstore.UpdateData, upd.Updates[0].Status)
	}
	require.Equal(t, l.Rev, b.read(t, l.Key).Rev)
}

// A change of the name is an event, a plain renewal is none; the address of an
// event is that of the row.
func laneEvents(t *testing.T, b *bench) {
	b.db.exec(t, "INSERT INTO event_consumer (name) SELECT 'test' WHERE NOT EXISTS (SELECT 1 FROM event_consumer)")
	l := b.row(t, 1, "active")
	b.do(t, sqlstore.Activate, l, 0)
	u := b.update(sqlstore.Activate, l, 0)
	u.Client.Hostname = "new.example.org"
	change(t, b.store, u)
	u.Client.Hostname = ""
	change(t, b.store, u)
	u = b.update(sqlstore.Release, l, 0)
	change(t, b.store, u)
	require.Equal(t, []event{
		{assigned, l.Addr, l.Key, "host-1.example.org"},
		{changed, l.Addr, l.Key, "new.example.org"},
		{endedEv, l.Addr, l.Key, "new.example.org"},
	}, b.db.events(t, b.family, b.vrf))
	stale := b.update(sqlstore.Activate, l, l.Rev)
	require.Equal(t, sqlstore.Mismatch, change(t, b.store, stale).Status)
	require.Len(t, b.db.events(t, b.family, b.vrf), 3, "a lost race writes nothing")
	require.Len(t, b.db.history(t, b.family, b.vrf), 1)
	require.Equal(t, l.Addr, b.db.history(t, b.family, b.vrf)[0].Addr)
}
