package storetest

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"rowlock/sqlstore"
)

// follower is a database with the stores of those who follow lease changes and
// of those who make them.
type follower struct {
	*database
	store sqlstore.Store // of the ddns role
	lanes sqlstore.Store // of the frontend role
}

// onFollower runs tests one after the other on one database, each on empty
// tables of events and names.
func onFollower(t *testing.T, dialect string, topics map[string]func(*testing.T, *follower)) {
	db := migrated(t, dialect)
	f := &follower{database: db, store: Open(t, Login(t, db.owner, sqlstore.RoleDDNS))}
	f.lanes = f.store
	if db.server() {
		f.lanes = Open(t, Login(t, db.owner, sqlstore.RoleFrontend))
	}
	names := make([]string, 0, len(topics))
	for name := range topics {
		names = append(names, name)
	}
	slices.Sort(names)
	for _, name := range names {
		t.Run(name, func(t *testing.T) {
			for _, table := range []string{"lease_event", "event_log", "event_consumer", "leadership", "dns_name", "dns_name_addr", "lease4", "lease6"} {
				db.exec(t, "DELETE FROM %s", table)
			}
			topics[name](t, f)
		})
	}
}

// testEvents is what EventStore promises.
func testEvents(t *testing.T, dialect string) {
	onFollower(t, dialect, map[string]func(*testing.T, *follower){
		"late":      eventLate,
		"fenced":    eventFenced,
		"together":  eventTogether,
		"life":      eventLife,
		"sweep":     eventSweep,
		"consumers": eventConsumers,
		"log":       eventLog,
		"bound":     eventBound,
		"named":     eventNamed,
		"poison":    eventPoison,
	})
}

// consume lets lease changes be written.
func (f *follower) consume(t *testing.T) {
	f.exec(t, "INSERT INTO event_consumer (name, seq) VALUES ('%s', -1)", sqlstore.ConsumerDDNS)
}

// lead takes the leadership of the sequencer.
func (f *follower) lead(t *testing.T, holder string) sqlstore.Lead {
	t.Helper()
	fence, err := f.store.Lead(t.Context(), sqlstore.LeadSequence, holder, time.Minute)
	require.NoError(t, err)
	return sqlstore.Lead{Name: sqlstore.LeadSequence, Holder: holder, Fence: fence}
}

// insertEvent is the statement that puts event number n into the bag.
func (f *follower) insertEvent(n int) string {
	return fmt.Sprintf(`INSERT INTO lease_event (kind, family, vrf, addr, prefix_len, subnet_id, binding_key, hostname, fqdn_flags, state, rev)
	  VALUES (1, 4, 7, %s, 32, 1, %s, 'host-%d.example.org', 64, 2, %d)`, f.address(variants[0].addr(n)), f.key(variants[0].key(7, n)), n, n)
}

// none is a sequencer's function that marks nothing.
func none(*sqlstore.Event) []sqlstore.NameMark { return nil }

// logged returns the revs of the events in the log, in order of seq, and the
// seqs.
func (f *follower) logged(t *testing.T) (revs, seqs []int64) {
	t.Helper()
	for _, r := range f.rows(t, "SELECT rev, seq FROM event_log ORDER BY seq") {
		revs, seqs = append(revs, atoi(t, r[0])), append(seqs, atoi(t, r[1]))
	}
	return revs, seqs
}

func (f *follower) sequence(t *testing.T, l sqlstore.Lead, limit int) int {
	t.Helper()
	n, err := f.store.Sequence(t.Context(), l, limit, none)
	require.NoError(t, err)
	return n
}

// A transaction that inserted its event first and commits last: its event has a
// lower id than those taken meanwhile, and is taken next. On SQLite there can
// be no such transaction, because whoever inserts has the write lock until it
// commits: ids are in the order of commits, and the sequencer waits.
func eventLate(t *testing.T, f *follower) {
	l := f.lead(t, "a")
	late, err := f.db.BeginTx(t.Context(), nil)
	require.NoError(t, err)
	defer func() { _ = late.Rollback() }()
	_, err = late.ExecContext(t.Context(), f.insertEvent(1))
	require.NoError(t, err)
	if !f.server() {
		taken := make(chan int)
		go func() {
			n, err := f.store.Sequence(context.Background(), l, 10, none)
			if err != nil {
				n = 0 // it did not wait as long as we take
			}
			taken <- n
		}()
		require.NoError(t, late.Commit())
		n := <-taken
		f.exec(t, "%s", f.insertEvent(2))
		require.Equal(t, 2, n+f.sequence(t, l, 10))
		revs, _ := f.logged(t)
		require.Equal(t, []int64{1, 2}, revs)
		return
	}
	f.exec(t, "%s", f.insertEvent(2))
	f.exec(t, "%s", f.insertEvent(3))
	require.Equal(t, 1, f.sequence(t, l, 1), "the first that is committed")
	require.Equal(t, 1, f.sequence(t, l, 10))
	require.Zero(t, f.sequence(t, l, 10))
	require.NoError(t, late.Commit())
	f.exec(t, "%s", f.insertEvent(4))
	require.Equal(t, 2, f.sequence(t, l, 10))
	revs, seqs := f.logged(t)
	require.Equal(t, []int64{2, 3, 1, 4}, revs)
	require.Equal(t, []int64{1, 2, 3, 4}, seqs)
	require.Zero(t, f.number(t, "SELECT count(*) FROM lease_event"))
	gone, err := f.db.BeginTx(t.Context(), nil)
	require.NoError(t, err)
	_, err = gone.ExecContext(t.Context(), f.insertEvent(5))
	require.NoError(t, err)
	require.NoError(t, gone.Rollback())
	require.Zero(t, f.sequence(t, l, 10), "one that never happened leaves no gap")
}

// A sequencer without the leadership changes nothing.
func eventFenced(t *testing.T, f *follower) {
	for n := range 4 {
		f.exec(t, "%s", f.insertEvent(n+1))
	}
	refused := func(l sqlstore.Lead, why string) {
		n, err := f.store.Sequence(t.Context(), l, 10, func(e *sqlstore.Event) []sqlstore.NameMark {
			return []sqlstore.NameMark{{Name: e.Hostname, Addr: e.Addr}}
		})
		require.ErrorIs(t, err, sqlstore.ErrFenced, why)
		require.Zero(t, n, why)
	}
	refused(sqlstore.Lead{Name: sqlstore.LeadSequence, Holder: "a", Fence: 1}, "nobody leads")
	a := f.lead(t, "a")
	refused(sqlstore.Lead{Name: a.Name, Holder: "b", Fence: a.Fence}, "another leads")
	refused(sqlstore.Lead{Name: a.Name, Holder: a.Holder, Fence: a.Fence + 1}, "under another number")
	require.Equal(t, 1, f.sequence(t, a, 1))
	require.EqualValues(t, 3, f.number(t, "SELECT count(*) FROM lease_event"))
	expire := func() { f.exec(t, "UPDATE leadership SET expires_at = %s", f.back("expires_at", 2*time.Minute)) }
	expire()
	refused(a, "it ran out")
	b := f.lead(t, "b")
	refused(a, "it was taken over between two calls")
	require.Equal(t, 1, f.sequence(t, b, 1))
	expire()
	again := f.lead(t, "a")
	refused(a, "the number of its first time")
	require.EqualValues(t, 2, f.number(t, "SELECT count(*) FROM lease_event"))
	require.EqualValues(t, 2, f.number(t, "SELECT count(*) FROM event_log"))
	require.Zero(t, f.number(t, "SELECT count(*) FROM dns_name"))
	require.Equal(t, 2, f.sequence(t, again, 10))
}

// Several sequencers, that take the leadership from each other, and one that
// does not know that it lost it, take every event once.
func eventTogether(t *testing.T, f *follower) {
	const writers, each = 3, 40
	stores := []sqlstore.Store{f.store, f.store, f.store, f.store}
	var writing, taking sync.WaitGroup
	for w := range writers {
		writing.Go(func() {
			for n := range each {
				f.exec(t, "%s", f.insertEvent(w*each+n+1))
			}
		})
	}
	done := make(chan struct{})
	stale := f.lead(t, "gone")
	f.exec(t, "UPDATE leadership SET expires_at = %s", f.back("expires_at", 2*time.Minute))
	for i, store := range stores {
		taking.Go(func() { f.takeTurns(t, store, fmt.Sprint("s", i), stale, done) })
	}
	writing.Wait()
	close(done)
	taking.Wait()
	l := f.lead(t, "last")
	for f.sequence(t, l, 50) > 0 {
		continue
	}
	revs, seqs := f.logged(t)
	slices.Sort(revs)
	require.Len(t, revs, writers*each)
	for i := range revs {
		require.EqualValues(t, i+1, revs[i], "each event once")
		require.EqualValues(t, i+1, seqs[i], "no number is left out")
	}
}

// takeTurns sequences whenever it leads, and gives the leadership up.
func (f *follower) takeTurns(t *testing.T, store sqlstore.Store, holder string, stale sqlstore.Lead, done chan struct{}) {
	for range 10_000 {
		select {
		case <-done:
			return
		default:
		}
		_, err := store.Sequence(context.Background(), stale, 5, none)
		require.Error(t, err, "a leadership that was lost")
		fence, err := store.Lead(context.Background(), sqlstore.LeadSequence, holder, time.Minute)
		if err != nil {
			continue
		}
		_, err = store.Sequence(context.Background(), sqlstore.Lead{Name: sqlstore.LeadSequence, Holder: holder, Fence: fence}, 5, none)
		if err != nil {
			require.ErrorIs(t, err, sqlstore.ErrRetry)
		}
		f.exec(t, "UPDATE leadership SET expires_at = %s WHERE holder = '%s'", f.back("expires_at", 2*time.Minute), holder)
	}
}

// reverseOf is the name of an address in these tests.
// marksOf marks as the sequencer of the ddns role does.
// story follows the leases of a vrf.
// next takes what is in the bag. It returns the events, and the names that were
// marked: those whose version rose.
// commit gives a client its lease under a name.
// What happens to a lease is told with the name that matters, and marks the
// names that its address may have.
// A lease that ran out is told when the sweep comes by, or its client.
// Without a consumer nothing is told, and with one its place is kept.
func eventConsumers(t *testing.T, f *follower) {
	ctx := t.Context()
	b := &bench{variants[0], f.database, f.lanes, newVRF()}
	b.row(t, 1, "released")
	require.Zero(t, f.number(t, "SELECT count(*) FROM lease_event"), "nobody listens")
	_, err := f.store.Consumer(ctx, sqlstore.ConsumerDDNS)
	require.ErrorIs(t, err, sqlstore.ErrNotFound)
	require.ErrorIs(t, f.store.SetConsumer(ctx, sqlstore.ConsumerDDNS, -1, 0), sqlstore.ErrConflict)
	f.consume(t)
	f.exec(t, "UPDATE event_consumer SET last_seen = %s", f.back("last_seen", time.Hour))
	seq, err := f.store.Consumer(ctx, sqlstore.ConsumerDDNS)
	require.NoError(t, err)
	require.EqualValues(t, -1, seq)
	seen := micros(f.number(t, "SELECT %s FROM event_consumer", f.micros("last_seen")))
	require.WithinDuration(t, f.now(t), seen, time.Minute)
	require.NoError(t, f.store.SetConsumer(ctx, sqlstore.ConsumerDDNS, -1, 5))
	require.ErrorIs(t, f.store.SetConsumer(ctx, sqlstore.ConsumerDDNS, -1, 6), sqlstore.ErrConflict)
	seq, err = f.store.Consumer(ctx, sqlstore.ConsumerDDNS)
	require.NoError(t, err)
	require.EqualValues(t, 5, seq)
	b.row(t, 2, "released")
	require.EqualValues(t, 2, f.number(t, "SELECT count(*) FROM lease_event"))
}

// A bag that nobody empties keeps its newest events, and all leases are looked
// at instead of the others.
func eventBound(t *testing.T, f *follower) {
	ctx := t.Context()
	f.consume(t)
	require.NoError(t, f.store.SetConsumer(ctx, sqlstore.ConsumerDDNS, -1, 0))
	for n := range 9 {
		f.exec(t, "%s", f.insertEvent(n+1))
	}
	for _, limit := range []int64{1000, 9} {
		n, err := f.lanes.BoundEvents(ctx, limit)
		require.NoError(t, err)
		require.Zero(t, n)
	}
	seq, err := f.store.Consumer(ctx, sqlstore.ConsumerDDNS)
	require.NoError(t, err)
	require.Zero(t, seq)
	n, err := f.lanes.BoundEvents(ctx, 4)
	require.NoError(t, err)
	require.Equal(t, 5, n)
	require.EqualValues(t, 4, f.number(t, "SELECT count(*) FROM lease_event WHERE rev > 5"))
	seq, err = f.store.Consumer(ctx, sqlstore.ConsumerDDNS)
	require.NoError(t, err)
	require.EqualValues(t, -1, seq)
}

// The log is trimmed from its beginning, and its numbers go on.
func eventLog(t *testing.T, f *follower) {
	ctx := t.Context()
	l := f.lead(t, "a")
	count, oldest, err := f.store.Backlog(ctx)
	require.NoError(t, err)
	require.Zero(t, count)
	require.Zero(t, oldest)
	for n := range 9 {
		f.exec(t, "%s", f.insertEvent(n+1))
	}
	f.exec(t, "UPDATE lease_event SET at = %s WHERE rev <= 3", f.back("at", time.Hour))
	count, oldest, err = f.store.Backlog(ctx)
	require.NoError(t, err)
	require.EqualValues(t, 9, count)
	require.InDelta(t, 3600, oldest.Seconds(), 60)
	require.Equal(t, 9, f.sequence(t, l, 100))
	trim := func(limits sqlstore.LogLimits, want int, left ...int64) {
		t.Helper()
		n, err := f.store.TrimLog(ctx, limits)
		require.NoError(t, err)
		require.Equal(t, want, n)
		_, seqs := f.logged(t)
		require.Equal(t, left, seqs)
	}
	trim(sqlstore.LogLimits{}, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9)
	trim(sqlstore.LogLimits{Age: 30 * time.Minute, Rows: 100}, 3, 4, 5, 6, 7, 8, 9)
	trim(sqlstore.LogLimits{Age: 30 * time.Minute, Rows: 4}, 2, 6, 7, 8, 9)
	f.exec(t, "UPDATE event_log SET at = %s", f.back("at", time.Hour))
	trim(sqlstore.LogLimits{Age: time.Minute}, 3, 9)
	trim(sqlstore.LogLimits{Age: time.Minute, Rows: 1}, 0, 9)
	f.exec(t, "%s", f.insertEvent(10))
	require.Equal(t, 1, f.sequence(t, l, 100))
	_, seqs := f.logged(t)
	require.Equal(t, []int64{9, 10}, seqs, "numbers are never used again")
}

// NamedLeases looks at every row once, a window at a time.
// named walks through the table and returns what is of this vrf.
// What cannot be a name stops nobody.
func eventPoison(t *testing.T, f *follower) {
	l := f.lead(t, "a")
	f.exec(t, "%s", f.insertEvent(1))
	n, err := f.store.Sequence(t.Context(), l, 10, func(e *sqlstore.Event) []sqlstore.NameMark {
		return []sqlstore.NameMark{
			{Name: "", Addr: e.Addr},
			{Name: strings.Repeat("x", 256), Addr: e.Addr},
			{Name: "a\x00b"},
			{Name: "\xff"},
			{Name: "good.example.org", Zone: "example.org", VRF: e.VRF, Addr: e.Addr},
		}
	})
	require.NoError(t, err)
	require.Equal(t, 1, n)
	require.Equal(t, [][]string{{"good.example.org"}}, f.rows(t, "SELECT name FROM dns_name"))
	require.EqualValues(t, 1, f.number(t, "SELECT count(*) FROM dns_name_addr"))
}
