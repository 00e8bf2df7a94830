package storetest

import (
	"context"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"rowlock/sqlstore"
	"rowlock/sqlstore/engine"
)

// testSweep is the column "time" of the transition table.
func testSweep(t *testing.T, dialect string) {
	onBench(t, dialect, []topic{
		{"windows", sweepWindows},
		{"transitions", sweepTransitions},
		{"together", sweepTogether},
		{"forget", sweepForget},
		{"stale", sweepStale},
		{"above", sweepAbove},
	})
}

// Due looks at every row once, a window at a time.
func sweepWindows(t *testing.T, b *bench) {
	var want []sqlstore.Key
	for i := 1; i <= 23; i++ {
		state := []string{"offered", "dead", "active", "runout", "released"}[i%5]
		l := b.row(t, i, state)
		if state == "dead" || state == "runout" {
			want = append(want, l.Key)
		}
	}
	for _, limit := range []int{1, 3, 7, 23, 1000} {
		var got []sqlstore.Key
		after := sqlstore.Key("")
		for range 2000 {
			due, last, done, err := b.store.Due(t.Context(), b.family, after, limit)
			require.NoError(t, err)
			require.LessOrEqual(t, len(due), limit)
			for _, d := range due {
				require.Greater(t, d.Key, after)
				if d.Key.Link() == b.vrf {
					got = append(got, d.Key)
					l := b.read(t, d.Key)
					require.Equal(t, sqlstore.Due{Key: l.Key, Addr: l.Addr, State: l.State, Rev: l.Rev}, d)
				}
			}
			if done {
				break
			}
			require.Greater(t, last, after, "no progress")
			after = last
		}
		require.ElementsMatch(t, want, got, "limit %d", limit)
	}
}

// reserve gives a row the key of a reservation.
func (b *bench) reserve(t *testing.T, l sqlstore.Lease, n uint64) sqlstore.Lease {
	t.Helper()
	ia := b.kind
	if b.family == sqlstore.IPv4 {
		ia = 0
	}
	u := b.update(sqlstore.Rekey, l, l.Rev)
	u.NewKey = sqlstore.ReservedKey(b.vrf, n, ia, 0)
	res := change(t, b.store, u)
	require.Equal(t, sqlstore.Updated, res.Status)
	return res.Lease
}

func sweepTransitions(t *testing.T, b *bench) {
	b.db.exec(t, "INSERT INTO event_consumer (name) SELECT 'test' WHERE NOT EXISTS (SELECT 1 FROM event_consumer)")
	e := newEngine(t, b.store, "sweep-"+b.name)
	offered, dead, active, runout := b.row(t, 1, "offered"), b.row(t, 2, "dead"), b.row(t, 3, "active"), b.row(t, 4, "runout")
	reservedOffer, reservedLease := b.reserve(t, b.row(t, 5, "dead"), 5), b.reserve(t, b.row(t, 6, "runout"), 6)
	before := len(b.db.events(t, b.family, b.vrf))
	swept, err := e.Sweep(t.Context())
	require.NoError(t, err)
	require.GreaterOrEqual(t, swept.Expired, 3)
	require.GreaterOrEqual(t, swept.Offers, 1)

	rows := leases(t, b.store, b.family, b.vrf)
	require.NotContains(t, rows, dead.Addr)
	require.EqualValues(t, 1, b.db.number(t, "SELECT count(*) FROM addr_free WHERE vrf = %d AND addr = %s", b.vrf, b.db.address(dead.Addr)))
	require.Equal(t, offered.Rev, rows[offered.Addr].Rev)
	require.Equal(t, active.Rev, rows[active.Addr].Rev)
	ended := rows[runout.Addr]
	require.Equal(t, sqlstore.Expired, b.read(t, runout.Key).State)
	require.Equal(t, runout.Expires, ended.Expires)
	require.Equal(t, runout.Expires.Add(time.Minute), ended.ReclaimAt)
	for _, l := range []sqlstore.Lease{reservedOffer, reservedLease} {
		require.Equal(t, sqlstore.Reserved, rows[l.Addr].State, "a reservation's row stays")
		require.True(t, rows[l.Addr].ReclaimAt.IsZero())
	}

	history := b.db.history(t, b.family, b.vrf)
	require.Len(t, history, 2)
	for _, h := range history {
		l := runout
		if h.Addr == reservedLease.Addr {
			l = reservedLease
		}
		require.Equal(t, sqlstore.Expired, h.By)
		require.Equal(t, l.Key, h.Key)
		require.Equal(t, l.Since, h.Since)
		require.Equal(t, l.Expires, h.EndedA, "exact, however late the sweep is")
	}
	var kinds []int64
	for _, ev := range b.db.events(t, b.family, b.vrf)[before:] {
		kinds = append(kinds, ev.Kind)
	}
	require.Equal(t, []int64{endedEv, endedEv}, kinds)

	_, err = e.Sweep(t.Context())
	require.NoError(t, err)
	require.Len(t, b.db.history(t, b.family, b.vrf), 2, "once")
}

// Two who sweep at once do everything once.
func sweepTogether(t *testing.T, b *bench) {
	for i := 1; i <= 40; i++ {
		b.row(t, i, []string{"runout", "dead"}[i%2])
	}
	engines := make([]*engine.Engine, 3)
	for i := range engines {
		engines[i] = newEngine(t, b.store, "together-"+b.name+string(rune('a'+i)))
	}
	var wg sync.WaitGroup
	totals := make([]engine.Swept, len(engines))
	for i, e := range engines {
		wg.Go(func() {
			var err error
			totals[i], err = e.Sweep(context.Background())
			require.NoError(t, err)
		})
	}
	wg.Wait()
	expired, offers := 0, 0
	for _, s := range totals {
		expired, offers = expired+s.Expired, offers+s.Offers
	}
	require.Equal(t, 20, expired)
	require.Equal(t, 20, offers)
	require.Len(t, b.db.history(t, b.family, b.vrf), 20)
	require.EqualValues(t, 20, b.db.number(t, "SELECT count(*) FROM addr_free WHERE vrf = %d", b.vrf))
}

// Ended bindings are kept for a returning client, parked addresses until their
// quarantine is over, reservations for ever.
func sweepForget(t *testing.T, b *bench) {
	ended := func(client int, a sqlstore.Action, dead time.Duration) sqlstore.Lease {
		l := b.row(t, client, "active")
		res := change(t, b.store, b.update(a, l, l.Rev))
		require.Equal(t, sqlstore.Updated, res.Status)
		by := res.Lease.ReclaimAt.Sub(b.db.now(t)) + dead // reclaim_at is that long ago
		b.db.age(t, b.family, res.Lease.Key, by)
		return res.Lease
	}
	const affinity = 1000
	young := ended(1, sqlstore.Release, (affinity-20)*time.Second)
	old := ended(2, sqlstore.Release, (affinity+20)*time.Second)
	parked := ended(3, sqlstore.Park, -20*time.Second)
	parkedOld := ended(4, sqlstore.Park, 20*time.Second)
	declined := ended(5, sqlstore.Quarantine, -20*time.Second)
	declinedOld := ended(6, sqlstore.Quarantine, 20*time.Second)
	reserved := b.reserve(t, ended(7, sqlstore.Release, 10*affinity*time.Second), 7)
	live := b.row(t, 8, "active")
	n, err := b.store.Forget(t.Context(), b.family, affinity, 1)
	require.NoError(t, err)
	require.Equal(t, 1, n, "no more than asked for")
	n, err = b.store.Forget(t.Context(), b.family, affinity, 100)
	require.NoError(t, err)
	require.Equal(t, 2, n)
	rows := leases(t, b.store, b.family, b.vrf)
	for _, l := range []sqlstore.Lease{young, parked, declined, reserved, live} {
		require.Contains(t, rows, l.Addr)
	}
	for _, l := range []sqlstore.Lease{old, parkedOld, declinedOld} {
		require.NotContains(t, rows, l.Addr)
		require.EqualValues(t, 1, b.db.number(t, "SELECT count(*) FROM addr_free WHERE vrf = %d AND addr = %s", b.vrf, b.db.address(l.Addr)))
	}
	require.Len(t, rows, 5)
}

// What has changed since it was seen is left alone.
func sweepStale(t *testing.T, b *bench) {
	offer, lease := b.row(t, 1, "dead"), b.row(t, 2, "runout")
	due := func(l sqlstore.Lease) []sqlstore.Due {
		return []sqlstore.Due{{Key: l.Key, Addr: l.Addr, State: l.State, Rev: l.Rev}}
	}
	taken := b.do(t, sqlstore.Activate, offer, 0)
	n, err := b.store.DeleteOffers(t.Context(), b.family, due(offer))
	require.NoError(t, err)
	require.Zero(t, n)
	require.Equal(t, taken.Rev, b.read(t, offer.Key).Rev)

	held := b.row(t, 3, "offered")
	n, err = b.store.DeleteOffers(t.Context(), b.family, due(held))
	require.NoError(t, err)
	require.Zero(t, n, "its time has not come")

	b.do(t, sqlstore.Activate, lease, lease.Rev) // the client was quicker: a new holding
	require.Equal(t, sqlstore.Mismatch, change(t, b.store, b.update(sqlstore.Expire, lease, lease.Rev)).Status)
	require.Len(t, b.db.history(t, b.family, b.vrf), 1)
	require.Equal(t, sqlstore.Active, b.db.history(t, b.family, b.vrf)[0].By)
}
