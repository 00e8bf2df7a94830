package storetest

import (
	"cmp"
	"context"
	"fmt"
	"net/netip"
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
func reverseOf(a netip.Addr) string { return strings.ReplaceAll(a.String(), ":", "-") + ".arpa" }

// marksOf marks as the sequencer of the ddns role does.
func marksOf(e *sqlstore.Event) (marks []sqlstore.NameMark) {
	if e.Family == sqlstore.IPv6 && e.PrefixLen < 128 {
		return nil
	}
	reverse := sqlstore.NameMark{Name: reverseOf(e.Addr), Zone: "arpa", VRF: e.VRF, Addr: e.Addr}
	if e.FQDNFlags&sqlstore.FQDNForward != 0 {
		marks = append(marks, sqlstore.NameMark{Name: e.Hostname, Zone: "example.org", VRF: e.VRF, Addr: e.Addr})
	} else if e.FQDNFlags&sqlstore.FQDNReverse != 0 {
		marks = append(marks, reverse)
	}
	if e.Kind == sqlstore.EventEnded && len(marks) > 0 {
		marks = append(marks, reverse)
	}
	return marks
}

// story follows the leases of a vrf.
type story struct {
	*bench
	f    *follower
	lead sqlstore.Lead
}

// next takes what is in the bag. It returns the events, and the names that were
// marked: those whose version rose.
func (s *story) next(t *testing.T) (events []sqlstore.Event, marked []string) {
	t.Helper()
	before := s.versions(t)
	n, err := s.f.store.Sequence(t.Context(), s.lead, 100, func(e *sqlstore.Event) []sqlstore.NameMark {
		events = append(events, *e)
		return marksOf(e)
	})
	require.NoError(t, err)
	require.Len(t, events, n)
	for name, version := range s.versions(t) {
		if version != before[name] {
			marked = append(marked, name)
		}
	}
	slices.Sort(marked)
	return events, marked
}

func (s *story) versions(t *testing.T) map[string]int64 {
	t.Helper()
	names, err := s.f.store.DNSNames(t.Context(), sqlstore.NameFilter{})
	require.NoError(t, err)
	out := map[string]int64{}
	for _, n := range names {
		out[n.Name] = n.Version
	}
	return out
}

// commit gives a client its lease under a name.
func (s *story) commit(t *testing.T, l sqlstore.Lease, hostname string, flags uint8) sqlstore.Lease {
	t.Helper()
	u := s.update(sqlstore.Activate, l, l.Rev)
	u.Client.Hostname, u.Client.FQDNFlags = hostname, flags
	res := change(t, s.store, u)
	require.Equal(t, sqlstore.Updated, res.Status)
	return res.Lease
}

// What happens to a lease is told with the name that matters, and marks the
// names that its address may have.
func eventLife(t *testing.T, f *follower) {
	f.consume(t)
	s := &story{f: f, lead: f.lead(t, "a")}
	for _, v := range variants {
		s.bench = &bench{v, f.database, f.lanes, newVRF()}
		t.Run(v.name, func(t *testing.T) { s.tell(t) })
	}
}

func (s *story) tell(t *testing.T) {
	const both = sqlstore.FQDNForward | sqlstore.FQDNReverse
	old, now := s.name+"-old.example.org", s.name+"-new.example.org"
	l := s.row(t, 1, "offered")
	reverse := reverseOf(l.Addr)
	check := func(what string, kind sqlstore.EventKind, hostname string, marked ...string) {
		t.Helper()
		events, names := s.next(t)
		if s.name == "pd" {
			marked = nil
		}
		if kind == 0 {
			require.Empty(t, events, what)
			require.Empty(t, names, what)
			return
		}
		require.Len(t, events, 1, what)
		e := events[0]
		require.Equal(t, kind, e.Kind, what)
		require.Equal(t, hostname, e.Hostname, what)
		require.Equal(t, []any{s.family, s.vrf, l.Addr, s.length, l.SubnetID}, []any{e.Family, e.VRF, e.Addr, e.PrefixLen, e.SubnetID}, what)
		slices.Sort(marked)
		require.Equal(t, marked, names, what)
	}
	check("offered", 0, "")
	l = s.commit(t, l, old, both)
	check("assigned", sqlstore.EventAssigned, old, old)
	l = s.commit(t, l, old, both)
	check("renewed without change", 0, "")
	l = s.commit(t, l, now, both)
	check("renamed", sqlstore.EventChanged, now, old, now)
	l = s.commit(t, l, now, sqlstore.FQDNReverse)
	check("the client keeps its A record", sqlstore.EventChanged, now, old, now, reverse)
	key := l.Key
	u := s.update(sqlstore.Rekey, l, l.Rev)
	u.NewKey = s.key(s.vrf, 1001)
	l = change(t, s.store, u).Lease
	require.NotEqual(t, key, l.Key)
	check("re-keyed", 0, "")
	s.do(t, sqlstore.Release, l, 0)
	check("released", sqlstore.EventEnded, now, old, now, reverse)
	l = s.commit(t, s.read(t, l.Key), now, both)
	check("assigned again", sqlstore.EventAssigned, now, old, now, reverse)
	s.do(t, sqlstore.Quarantine, l, l.Rev)
	check("declined", sqlstore.EventEnded, now, old, now, reverse)
	l = s.row(t, 2, "offered")
	l = s.commit(t, l, "parked.example.org", both)
	check("assigned", sqlstore.EventAssigned, "parked.example.org", "parked.example.org")
	s.do(t, sqlstore.Park, l, l.Rev)
	check("parked", sqlstore.EventEnded, "parked.example.org", "parked.example.org", reverseOf(l.Addr))
	l = s.commit(t, s.row(t, 3, "offered"), "none.example.org", 0)
	check("whose names we do not keep", sqlstore.EventAssigned, "none.example.org")
}

// A lease that ran out is told when the sweep comes by, or its client.
func eventSweep(t *testing.T, f *follower) {
	f.consume(t)
	v := variants[0]
	s := &story{f: f, lead: f.lead(t, "a"), bench: &bench{v, f.database, f.lanes, newVRF()}}
	e := newEngine(t, f.lanes, "events")
	pools := sqlstore.NewPoolSet(s.pool(s.vrf, s.vrf, 1, 50))
	it := s.item(sqlstore.OpAssign, s.vrf, 1, netip.Addr{}, pools)
	it.Named = func(addr netip.Addr) (string, uint8) {
		return "at-" + strings.ReplaceAll(addr.String(), ".", "-") + ".example.org", sqlstore.FQDNForward
	}
	l := decide(t, e, s.family, it).Lease
	name := "at-" + strings.ReplaceAll(l.Addr.String(), ".", "-") + ".example.org"
	events, marked := s.next(t)
	require.Len(t, events, 1)
	require.Equal(t, []string{name}, marked)
	f.age(t, s.family, l.Key, 2*time.Hour)
	_, err := e.Sweep(t.Context())
	require.NoError(t, err)
	events, marked = s.next(t)
	require.Len(t, events, 1)
	require.Equal(t, sqlstore.EventEnded, events[0].Kind)
	require.Equal(t, name, events[0].Hostname)
	require.Equal(t, sortedNames(reverseOf(l.Addr), name), marked)
}

func sortedNames(names ...string) []string {
	slices.Sort(names)
	return names
}

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
func eventNamed(t *testing.T, f *follower) {
	for _, v := range variants {
		s := &story{f: f, bench: &bench{v, f.database, f.lanes, newVRF()}}
		want := map[sqlstore.Key]sqlstore.Lease{}
		for i := 1; i <= 12; i++ {
			state := []string{"active", "offered", "released", "runout"}[i%4]
			l := s.row(t, i, state)
			flags := []int{0x00, 0x05, 0x45, 0x81, 0xc1}[i%5]
			f.exec(t, "UPDATE %s SET fqdn_flags = %d, hostname = 'n%d.example.org' WHERE %s", table(v.family), flags, i, f.rowOf(l.Key))
			if l = s.read(t, l.Key); state == "active" && flags > 0x3f {
				want[l.Key] = l
			}
		}
		require.NotEmpty(t, want)
		for _, limit := range []int{1, 5, 1000} {
			got := s.named(t, limit)
			require.Len(t, got, len(want), "limit %d", limit)
			for _, e := range got {
				l := want[e.Key]
				require.Equal(t, sqlstore.Event{
					Kind: sqlstore.EventAssigned, Family: v.family, VRF: s.vrf, Addr: l.Addr, PrefixLen: v.length, SubnetID: l.SubnetID, Key: l.Key,
					Hostname: l.Client.Hostname, FQDNFlags: l.Client.FQDNFlags, State: sqlstore.Active, Rev: l.Rev,
				}, e)
			}
		}
	}
}

// named walks through the table and returns what is of this vrf.
func (s *story) named(t *testing.T, limit int) (got []sqlstore.Event) {
	t.Helper()
	after := sqlstore.Key("")
	for range 2000 {
		live, last, done, err := s.f.store.NamedLeases(t.Context(), s.family, after, limit)
		require.NoError(t, err)
		for _, e := range live {
			require.Greater(t, e.Key, after)
			if e.VRF == s.vrf {
				got = append(got, e)
			}
		}
		if done {
			slices.SortFunc(got, func(a, b sqlstore.Event) int { return cmp.Compare(a.Key, b.Key) })
			return got
		}
		require.Greater(t, last, after, "no progress")
		after = last
	}
	require.Fail(t, "no end")
	return nil
}

// What cannot be a name stops nobody.
func eventPoison(t *testing.T, f *follower) {
	l := f.lead(t, "a")
	f.exec(t, "%s", f.insertEvent(1))
	n, err := f.store.Sequence(t.Context(), l, 10, func(e *sqlstore.Event) []sqlstore.NameMark {
		return []sqlstore.NameMark{
			{Name: "", Addr: e.Addr}, {Name: strings.Repeat("x", 256), Addr: e.Addr}, {Name: "a\x00b"}, {Name: "\xff"},
			{Name: "good.example.org", Zone: "example.org", VRF: e.VRF, Addr: e.Addr},
		}
	})
	require.NoError(t, err)
	require.Equal(t, 1, n)
	require.Equal(t, [][]string{{"good.example.org"}}, f.rows(t, "SELECT name FROM dns_name"))
	require.EqualValues(t, 1, f.number(t, "SELECT count(*) FROM dns_name_addr"))
}
