package storetest

import (
	"context"
	"fmt"
	"net/netip"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"rowlock/sqlstore"
)

// bench is a store with a link of its own, for tests that speak to LaneStore.
type bench struct {
	variant
	db    *database
	store sqlstore.Store
	vrf   uint32
}

// topic is one test of a bench.
type topic struct {
	name string
	run  func(*testing.T, *bench)
}

// onBench runs tests for each variant, all on one database.
func onBench(t *testing.T, dialect string, topics []topic) {
	db := serving(t, dialect)
	store := Open(t, db.url)
	for _, test := range topics {
		for _, v := range variants {
			t.Run(test.name+"/"+v.name, func(t *testing.T) { test.run(t, &bench{v, db, store, newVRF()}) })
		}
	}
}

// testLanes is what LaneStore.Apply promises.
func testLanes(t *testing.T, dialect string) {
	onBench(t, dialect, []topic{
		{"actions", laneActions},
		{"insert", laneInsert},
		{"solo", laneSolo},
		{"messages", laneMessages},
		{"message race", laneMessageRace},
		{"told", laneTold},
		{"halfway", laneHalfway},
		{"locked", laneLocked},
		{"fence", laneFence},
		{"rekey", laneRekey},
		{"reclaim times", laneReclaimTimes},
		{"infinite", laneInfinite},
		{"clock", laneClock},
		{"revisions", laneRevisions},
		{"client", laneClient},
		{"bytes", laneBytes},
		{"events", laneEvents},
	})
}

// states of a row that the actions are tried on.
var states = []string{"offered", "dead", "active", "runout", "expired", "released"}

// row makes a row of the client in that state.
func (b *bench) row(t *testing.T, client int, state string) sqlstore.Lease {
	t.Helper()
	res := place(t, b.store, b.insert(b.vrf, client, b.addr(client)))
	require.Equal(t, sqlstore.Inserted, res.Status)
	l := res.Lease
	switch state {
	case "offered":
		return b.read(t, l.Key)
	case "dead":
		b.db.age(t, b.family, l.Key, 70*time.Second)
		return b.read(t, l.Key)
	}
	l = b.do(t, sqlstore.Activate, l, 0)
	switch state {
	case "runout", "expired":
		b.db.age(t, b.family, l.Key, 4000*time.Second)
		if state == "expired" {
			b.do(t, sqlstore.Expire, l, l.Rev)
		}
	case "released":
		b.do(t, sqlstore.Release, l, 0)
	}
	return b.read(t, l.Key)
}

// read returns the row of a key as it is.
func (b *bench) read(t *testing.T, key sqlstore.Key) sqlstore.Lease {
	t.Helper()
	res := place(t, b.store, sqlstore.Insert{Family: b.family, Key: key, VRF: b.vrf})
	require.Equal(t, sqlstore.KeyExists, res.Status)
	return res.Lease
}

// update makes an update of a row by its client.
func (b *bench) update(a sqlstore.Action, l sqlstore.Lease, rev int64) sqlstore.Update {
	return sqlstore.Update{
		Family: b.family, Action: a, Key: l.Key, NewKey: b.newKey(a, l), Addr: l.Addr, Rev: rev, Count: 1,
		ValidLft: 3600, PrefLft: 1800, OfferLft: 60, Grace: 60, ParkMax: 604800, Client: l.Client,
	}
}

func (b *bench) newKey(a sqlstore.Action, l sqlstore.Lease) sqlstore.Key {
	if a == sqlstore.Rekey {
		return b.key(b.vrf, 100000+int(l.Addr.As16()[15])+int(l.Addr.As16()[7]))
	}
	return newKey(a, l)
}

// do changes a row and requires that it succeeds.
func (b *bench) do(t *testing.T, a sqlstore.Action, l sqlstore.Lease, rev int64) sqlstore.Lease {
	t.Helper()
	res := change(t, b.store, b.update(a, l, rev))
	require.Equal(t, sqlstore.Updated, res.Status)
	return res.Lease
}

// allowed is the guard of each action, as the contract words it.
func allowed(a sqlstore.Action, state string, guarded bool) bool {
	if !guarded && state != "offered" && state != "dead" && state != "active" {
		return false
	}
	switch a {
	case sqlstore.Hold:
		return state != "active"
	case sqlstore.Release, sqlstore.Quarantine:
		return state == "active" || state == "runout"
	case sqlstore.Expire:
		return state == "dead" || state == "runout"
	case sqlstore.Withdraw:
		return state == "offered" || state == "dead"
	}
	return true
}

var actionNames = []string{"", "Activate", "Hold", "Release", "Expire", "Quarantine", "Park", "Rekey", "Withdraw"}

// Each action on each state, with the right revision, none, a wrong one, and
// the wrong address: what is refused changes nothing and shows the row.
func laneActions(t *testing.T, b *bench) {
	guards := []string{"revision", "none"}
	if b.family == sqlstore.IPv4 {
		guards = append(guards, "wrong revision", "wrong address")
	}
	client := 0
	for a := sqlstore.Activate; a <= sqlstore.Withdraw; a++ {
		for _, state := range states {
			for _, guard := range guards {
				client++
				name := fmt.Sprintf("%s of %s, %s", actionNames[a], state, guard)
				l := b.row(t, client, state)
				u := b.update(a, l, l.Rev)
				want := allowed(a, state, true)
				switch guard {
				case "none":
					u.Rev, want = 0, allowed(a, state, false)
				case "wrong revision":
					u.Rev, want = l.Rev+1, false
				case "wrong address":
					u.Addr, want = b.addr(60000), false
				}
				res := change(t, b.store, u)
				if want {
					require.Equal(t, sqlstore.Updated, res.Status, name)
					require.Greater(t, res.Lease.Rev, l.Rev, name)
					continue
				}
				require.Equal(t, sqlstore.Mismatch, res.Status, name)
				require.Equal(t, l.Rev, res.Lease.Rev, name)
				require.Equal(t, l.State, res.Lease.State, name)
				require.Equal(t, l.Rev, b.read(t, l.Key).Rev, name)
			}
		}
	}
	none := sqlstore.Lease{Key: b.key(b.vrf, 99999), Addr: b.addr(1)}
	for a := sqlstore.Activate; a <= sqlstore.Withdraw; a++ {
		require.Equal(t, sqlstore.NoRow, change(t, b.store, b.update(a, none, 0)).Status, actionNames[a])
	}
}

func laneInsert(t *testing.T, b *bench) {
	from := b.db.now(t)
	res := place(t, b.store, b.insert(b.vrf, 1, b.addr(1)))
	to := b.db.now(t)
	l := res.Lease
	require.Equal(t, sqlstore.Inserted, res.Status)
	require.Equal(t, sqlstore.Offered, l.State)
	between(t, l.Since, from, to)
	between(t, l.Expires, from.Add(time.Minute), to.Add(time.Minute))
	require.InDelta(t, 60, l.Remaining.Seconds(), 0.1)
	require.True(t, l.ReclaimAt.IsZero())
	require.Equal(t, b.client(1), l.Client)
	require.Equal(t, b.length, l.PrefixLen)

	again := place(t, b.store, b.insert(b.vrf, 1, b.addr(2)))
	require.Equal(t, sqlstore.KeyExists, again.Status)
	require.Equal(t, l.Addr, again.Lease.Addr)
	require.Equal(t, l.Rev, again.Lease.Rev)

	require.Equal(t, sqlstore.NotPlaced, place(t, b.store, b.insert(b.vrf, 2, b.addr(1))).Status, "the address is taken")
	lookup := b.insert(b.vrf, 2, b.addr(1))
	lookup.Addr = netip.Addr{}
	require.Equal(t, sqlstore.NotPlaced, place(t, b.store, lookup).Status, "nothing to place")
	elsewhere := b.insert(newVRF(), 2, b.addr(1))
	require.Equal(t, sqlstore.Inserted, place(t, b.store, elsewhere).Status, "another vrf is another plan of addresses")
}

// Addresses that several may want are placed one at a time: a loser does not
// keep the others back.
func laneSolo(t *testing.T, b *bench) {
	batch := &sqlstore.Batch{}
	for i := 1; i <= 6; i++ {
		in := b.insert(b.vrf, i, b.addr((i+1)/2)) // two clients for each address
		in.Solo = i <= 4
		batch.Inserts = append(batch.Inserts, in)
	}
	res := apply(t, b.store, batch)
	placed := map[string]int{}
	for i, r := range res.Inserts {
		switch r.Status {
		case sqlstore.Inserted:
			require.Equal(t, batch.Inserts[i].Key, r.Lease.Key)
			placed[r.Lease.Addr.String()]++
		default:
			require.Equal(t, sqlstore.NotPlaced, r.Status)
		}
	}
	require.Equal(t, map[string]int{b.addr(1).String(): 1, b.addr(2).String(): 1, b.addr(3).String(): 1}, placed)
}

// The items of a message are changed all or none; messages do not touch each
// other.
func laneMessages(t *testing.T, b *bench) {
	one, two, three, four := b.row(t, 1, "offered"), b.row(t, 2, "released"), b.row(t, 3, "offered"), b.row(t, 4, "offered")
	batch := &sqlstore.Batch{}
	for i, l := range []sqlstore.Lease{one, two, three, four} {
		u := b.update(sqlstore.Activate, l, 0)
		u.Message, u.Count = 1, 3
		if i == 3 {
			u.Message, u.Count = 2, 1
		}
		batch.Updates = append(batch.Updates, u)
	}
	res := apply(t, b.store, batch)
	for i, l := range []sqlstore.Lease{one, two, three} {
		require.Equal(t, sqlstore.Mismatch, res.Updates[i].Status, "item %d", i)
		require.Equal(t, l.Rev, res.Updates[i].Lease.Rev)
		require.Equal(t, l.Rev, b.read(t, l.Key).Rev)
	}
	require.Equal(t, sqlstore.Updated, res.Updates[3].Status)

	batch.Updates[1].Rev = two.Rev
	batch.Updates = batch.Updates[:3]
	res = apply(t, b.store, batch)
	for i := range res.Updates {
		require.Equal(t, sqlstore.Updated, res.Updates[i].Status, "item %d", i)
		require.True(t, res.Updates[i].Fresh)
		require.Equal(t, sqlstore.Active, res.Updates[i].Lease.State)
	}

	batch.Updates = batch.Updates[:2] // one of three is missing
	res = apply(t, b.store, batch)
	require.NotEqual(t, sqlstore.Updated, res.Updates[0].Status)
	require.NotEqual(t, sqlstore.Updated, res.Updates[1].Status)
}

// A row that somebody holds locked, such as a person in a SQL shell, does not
// stop the lane.
func laneLocked(t *testing.T, b *bench) {
	if !b.db.server() {
		t.Skip("SQLite has no row locks: a writer waits for the whole file")
	}
	held, free, sibling := b.row(t, 1, "active"), b.row(t, 2, "active"), b.row(t, 3, "active")
	tx, err := b.db.db.BeginTx(t.Context(), nil)
	require.NoError(t, err)
	defer func() { _ = tx.Rollback() }()
	_, err = tx.ExecContext(t.Context(), fmt.Sprintf("SELECT 1 FROM %s WHERE %s FOR UPDATE", table(b.family), b.db.rowOf(held.Key)))
	require.NoError(t, err)

	batch := &sqlstore.Batch{}
	for i, l := range []sqlstore.Lease{held, free, sibling} {
		u := b.update(sqlstore.Activate, l, 0)
		u.Message, u.Count = i, 1
		if i != 1 {
			u.Message, u.Count = 0, 2
		}
		batch.Updates = append(batch.Updates, u)
	}
	started := time.Now()
	res := apply(t, b.store, batch)
	require.Less(t, time.Since(started), 400*time.Millisecond, "the lane waited for the lock")
	require.Equal(t, sqlstore.Locked, res.Updates[0].Status)
	require.Equal(t, sqlstore.Updated, res.Updates[1].Status)
	require.Equal(t, sqlstore.Mismatch, res.Updates[2].Status)
	require.NoError(t, tx.Rollback())
	require.Equal(t, sqlstore.Updated, apply(t, b.store, batch).Updates[0].Status)
}

// Nothing is written for a frontend whose heartbeat is stale.
func laneFence(t *testing.T, b *bench) {
	ctx := t.Context()
	id := fmt.Sprintf("fe-%d", b.vrf)
	incarnation, err := b.store.Register(ctx, sqlstore.FrontendInfo{ID: id})
	require.NoError(t, err)
	l := b.row(t, 1, "active")
	good := sqlstore.Fence{Frontend: id, Incarnation: incarnation}
	try := func(f sqlstore.Fence, client int) (alive bool, status sqlstore.InsertStatus) {
		ins, err := b.store.Apply(ctx, &sqlstore.Batch{Fence: f, Inserts: []sqlstore.Insert{b.insert(b.vrf, client, b.addr(client))}})
		require.NoError(t, err)
		upd, err := b.store.Apply(ctx, &sqlstore.Batch{Fence: f, Updates: []sqlstore.Update{b.update(sqlstore.Activate, l, 0)}})
		require.NoError(t, err)
		require.Equal(t, ins.Alive, upd.Alive)
		if !upd.Alive {
			require.Equal(t, sqlstore.UpdateFenced, upd.Updates[0].Status)
		} else {
			require.Equal(t, sqlstore.Updated, upd.Updates[0].Status)
		}
		return ins.Alive, ins.Inserts[0].Status
	}
	alive, status := try(good, 2)
	require.True(t, alive)
	require.Equal(t, sqlstore.Inserted, status)
	require.Equal(t, id, b.read(t, b.key(b.vrf, 2)).Frontend)
	for name, f := range map[string]sqlstore.Fence{
		"an older incarnation": {Frontend: id, Incarnation: incarnation - 1},
		"a later incarnation":  {Frontend: id, Incarnation: incarnation + 1},
		"an unknown frontend":  {Frontend: id + "x", Incarnation: incarnation},
		"letters differ":       {Frontend: "FE" + id[2:], Incarnation: incarnation},
	} {
		before := leases(t, b.store, b.family, b.vrf)
		alive, status = try(f, 3)
		require.False(t, alive, name)
		require.NotEqual(t, sqlstore.Inserted, status, name)
		require.Equal(t, before, leases(t, b.store, b.family, b.vrf), name)
	}
	stale := func(by time.Duration) {
		b.db.exec(t, "UPDATE frontend SET heartbeat_at = %s WHERE id = '%s'", b.db.back("heartbeat_at", by), id)
	}
	stale(6 * time.Second)
	alive, _ = try(good, 4)
	require.False(t, alive, "the heartbeat is older than 5 s")
	alive, status = try(sqlstore.Fence{}, 5)
	require.True(t, alive, "tools have no fence")
	require.Equal(t, sqlstore.Inserted, status)
	_, _, err = b.store.Heartbeat(context.WithoutCancel(ctx), sqlstore.FrontendInfo{ID: id, Incarnation: incarnation})
	require.NoError(t, err)
	alive, _ = try(good, 6)
	require.True(t, alive, "it is back")
}
