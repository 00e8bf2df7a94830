package storetest

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"rowlock/sqlstore"
)

func nameClaim(t *testing.T, f *follower) {
	f.mark(t, hostA, hostB)
	one := f.claim(t, "w1", 1)
	require.Len(t, one, 1)
	require.Equal(t, []any{"w1", int64(1), int64(1)}, []any{one[0].Holder, one[0].Claim, one[0].Version})
	require.WithinDuration(t, f.now(t).Add(claimTime), one[0].DueAt, 30*time.Second)
	two := f.claim(t, "w2", 10)
	require.Len(t, two, 1)
	require.NotEqual(t, one[0].Name, two[0].Name)
	require.Empty(t, f.claim(t, "w1", 10))
	lost, err := f.store.AttemptNames(t.Context(), "w1", claimTime, []sqlstore.NameAttempt{
		{Name: one[0].Name, Claim: one[0].Claim, Attempted: "300 A 192.0.2.1"},
		{Name: two[0].Name, Claim: two[0].Claim, Attempted: "300 A 192.0.2.2"},
		{Name: "never.example.org", Claim: 1},
	})
	require.NoError(t, err)
	require.ElementsMatch(t, []string{two[0].Name, "never.example.org"}, lost)
	require.Equal(t, "300 A 192.0.2.1", f.name(t, one[0].Name).Attempted)
	require.Empty(t, f.name(t, two[0].Name).Attempted)
	require.False(t, f.finish(t, "w1", done(one[0], "300 A 192.0.2.1\nDHCID x")))
	got := f.name(t, one[0].Name)
	require.Equal(t, []any{"", "", "300 A 192.0.2.1\nDHCID x", sqlstore.NamePublished, true},
		[]any{got.Holder, got.Attempted, got.Published, got.State, got.DueAt.IsZero()})
	require.Empty(t, f.claim(t, "w1", 10))
}

func nameOrder(t *testing.T, f *follower) {
	var marks []sqlstore.NameMark
	for i := range 9 {
		marks = append(marks, sqlstore.NameMark{Name: fmt.Sprintf("n%d.example.org", i), Zone: fmt.Sprintf("zone%d", i%3)})
	}
	require.NoError(t, f.store.MarkNames(t.Context(), marks))
	for i := range 9 {
		f.exec(t, "UPDATE dns_name SET due_at = %s WHERE name = '%s'", f.back("due_at", time.Duration(10+i*7%9)*time.Minute), marks[i].Name)
	}
	order := slices.Clone(marks)
	slices.SortFunc(order, func(a, b sqlstore.NameMark) int {
		return f.name(t, a.Name).DueAt.Compare(f.name(t, b.Name).DueAt)
	})
	var want, got []string
	for _, m := range order {
		if m.Zone != "zone1" && m.Zone != "zone2" {
			want = append(want, m.Name)
		}
	}
	for _, n := range f.claim(t, "w", 2, "zone1", "zone2", `no"zone,\`) {
		got = append(got, n.Name)
	}
	require.Equal(t, want[:2], got)
	got = nil
	for _, n := range f.claim(t, "w", 10, "zone1", "zone2") {
		got = append(got, n.Name)
	}
	require.Equal(t, want[2:], got)
	require.Len(t, f.claim(t, "w", 10), 6)
}

func nameDuring(t *testing.T, f *follower) {
	addr := variants[0].addr(1)
	m := sqlstore.NameMark{Name: hostA, Zone: homeZone, VRF: 1, Addr: addr}
	require.NoError(t, f.store.MarkNames(t.Context(), []sqlstore.NameMark{m}))
	n := f.claimOne(t, "w")
	_, err := f.store.AttemptNames(t.Context(), "w", claimTime, []sqlstore.NameAttempt{{Name: hostA, Claim: n.Claim, Attempted: "A 1"}})
	require.NoError(t, err)
	due := f.name(t, hostA).DueAt
	f.mark(t, hostA)
	require.Equal(t, due, f.name(t, hostA).DueAt)
	require.EqualValues(t, 2, f.name(t, hostA).Version)
	require.Empty(t, f.claim(t, "other", 10))
	o := done(n, "")
	o.Delete, o.Stale, o.Zone, o.Retry = true, []sqlstore.NameMark{m}, "other", time.Hour
	require.False(t, f.finish(t, "w", o))
	got := f.name(t, hostA)
	require.Equal(t, []any{"", homeZone, sqlstore.NamePending, "A 1"}, []any{got.Holder, got.Zone, got.State, got.Attempted})
	require.EqualValues(t, 1, f.number(t, "SELECT count(*) FROM dns_name_addr"))
	n = f.claimOne(t, "other")
	require.EqualValues(t, 2, n.Claim)
	require.EqualValues(t, 2, n.Version)
	require.False(t, f.finish(t, "other", done(n, "A 2")))
	require.Empty(t, f.name(t, hostA).Attempted)
}

func nameLost(t *testing.T, f *follower) {
	f.mark(t, hostA)
	first := f.claimOne(t, "w1")
	f.pass(t, 2*claimTime)
	lost, err := f.store.AttemptNames(t.Context(), "w1", claimTime, []sqlstore.NameAttempt{{Name: hostA, Claim: first.Claim, Attempted: "A 1"}})
	require.NoError(t, err)
	require.Empty(t, lost, "nobody has taken it")
	require.Empty(t, f.claim(t, "w2", 10), "it is longer now")
	f.pass(t, 2*claimTime)
	second := f.claimOne(t, "w2")
	require.Equal(t, "A 1", second.Attempted)
	lost, err = f.store.AttemptNames(t.Context(), "w1", claimTime, []sqlstore.NameAttempt{{Name: hostA, Claim: first.Claim, Attempted: "A 9"}})
	require.NoError(t, err)
	require.Equal(t, []string{hostA}, lost)
	require.True(t, f.finish(t, "w1", done(first, "A 3")))
	got := f.name(t, hostA)
	require.Equal(t, []any{"w2", second.Claim, "A 1\nA 3", second.DueAt, second.Version + 1, ""},
		[]any{got.Holder, got.Claim, got.Attempted, got.DueAt, got.Version, got.Published})
	_, err = f.store.AttemptNames(t.Context(), "w2", claimTime, []sqlstore.NameAttempt{{Name: hostA, Claim: second.Claim, Attempted: "A 1\nA 2"}})
	require.NoError(t, err)
	require.False(t, f.finish(t, "w2", done(second, "A 2")))
	got = f.name(t, hostA)
	require.Equal(t, []any{"A 2", "A 1\nA 3\nA 2"}, []any{got.Published, got.Attempted}, "what may be in DNS is not forgotten")
	third := f.claimOne(t, "w2")
	require.False(t, f.finish(t, "w2", done(third, "A 2")))
	require.Empty(t, f.name(t, hostA).Attempted)

	f.mark(t, hostA)
	n := f.claimOne(t, "w1")
	f.pass(t, 2*claimTime)
	o := done(f.claimOne(t, "w1"), "")
	lost, err = f.store.AttemptNames(t.Context(), "w1", claimTime, []sqlstore.NameAttempt{{Name: hostA, Claim: n.Claim, Attempted: "A 4"}})
	require.NoError(t, err)
	require.Equal(t, []string{hostA}, lost, "its own later claim counts, not this one")
	o.Delete = true
	require.False(t, f.finish(t, "w1", o))
	f.gone(t, hostA)
	require.True(t, f.finish(t, "w1", done(n, "A 4")))
	got = f.name(t, hostA)
	require.Equal(t, []any{"A 4", homeZone, sqlstore.NamePending}, []any{got.Attempted, got.Zone, got.State})
	require.Len(t, f.claim(t, "w2", 10), 1)
}

func nameRetry(t *testing.T, f *follower) {
	f.mark(t, hostA)
	for i := range 3 {
		n := f.claimOne(t, "w")
		require.Equal(t, i, n.Attempts)
		o := done(n, "")
		o.State, o.Attempted, o.Retry, o.Failed = sqlstore.NamePending, "A 1", time.Hour, true
		o.Error = strings.Repeat("é", sqlstore.MaxNameError)
		require.False(t, f.finish(t, "w", o))
		got := f.name(t, hostA)
		require.Equal(t, []any{i + 1, "A 1", sqlstore.NamePending}, []any{got.Attempts, got.Attempted, got.State})
		require.Equal(t, strings.Repeat("é", sqlstore.MaxNameError/2), got.LastError)
		require.WithinDuration(t, f.now(t).Add(time.Hour), got.DueAt, time.Minute)
		require.Empty(t, f.claim(t, "w", 10), "not yet")
		f.pass(t, time.Hour+time.Minute)
	}
	n := f.claimOne(t, "w")
	o := done(n, "")
	o.State, o.Retry = sqlstore.NameConflict, time.Hour
	require.False(t, f.finish(t, "w", o))
	got := f.name(t, hostA)
	require.Equal(t, []any{0, "", "", sqlstore.NameConflict}, []any{got.Attempts, got.Attempted, got.LastError, got.State})
	f.mark(t, hostA)
	n = f.claimOne(t, "w")
	require.Equal(t, sqlstore.NamePending, n.State, "a mark does not wait")
	require.WithinDuration(t, f.now(t), n.MarkedAt, time.Minute)
}

func nameDelete(t *testing.T, f *follower) {
	v := variants[1]
	var marks []sqlstore.NameMark
	for i := range 3 {
		marks = append(marks, sqlstore.NameMark{Name: hostA, Zone: homeZone, VRF: 1, Addr: v.addr(i)})
	}
	marks = append(marks, sqlstore.NameMark{Name: hostB, Zone: homeZone, VRF: 1, Addr: v.addr(1)})
	require.NoError(t, f.store.MarkNames(t.Context(), marks))
	names := f.claim(t, "w", 10)
	require.Len(t, names, 2)
	var outcomes []sqlstore.NameOutcome
	for _, n := range names {
		o := done(n, "")
		if o.Delete = n.Name == hostB; o.Delete {
			o.Stale, o.State = marks[3:], 0
		} else {
			o.Stale = marks[1:2]
		}
		outcomes = append(outcomes, o)
	}
	lost, err := f.store.FinishNames(t.Context(), "w", outcomes)
	require.NoError(t, err)
	require.Empty(t, lost)
	f.gone(t, hostB)
	f.name(t, hostA)
	holders, err := f.store.NameHolders(t.Context(), []string{hostA, hostB})
	require.NoError(t, err)
	require.Equal(t, []sqlstore.NameHolder{{Name: hostA, VRF: 1, Addr: v.addr(0)}, {Name: hostA, VRF: 1, Addr: v.addr(2)}}, holders)
}

func nameTouch(t *testing.T, f *follower) {
	f.mark(t, hostA)
	n := f.claimOne(t, "w")
	touch := []sqlstore.NameMark{{Name: "1.arpa", Zone: "arpa", VRF: 1, Addr: variants[0].addr(1)}, {Name: "2.arpa", Zone: "arpa"}}
	o := done(n, "A 1")
	o.Touch = touch
	require.False(t, f.finish(t, "w", o))
	for _, m := range touch {
		got := f.name(t, m.Name)
		require.Equal(t, []any{"arpa", sqlstore.NamePending}, []any{got.Zone, got.State})
	}
	require.EqualValues(t, 1, f.number(t, "SELECT count(*) FROM dns_name_addr"))
	before := f.name(t, "1.arpa").Version
	o.Claim = 99
	require.True(t, f.finish(t, "w", o))
	require.Equal(t, before+1, f.name(t, "1.arpa").Version)
	claimed := f.claim(t, "w", 10)
	n = claimed[slices.IndexFunc(claimed, func(n sqlstore.DNSName) bool { return n.Name == "1.arpa" })]
	o = done(n, "")
	o.Delete, o.Stale, o.Touch = true, touch[:1], []sqlstore.NameMark{{Name: n.Name}}
	require.False(t, f.finish(t, "w", o))
	require.False(t, f.name(t, n.Name).DueAt.IsZero(), "a name that is touched is not deleted")
	require.EqualValues(t, 1, f.number(t, "SELECT count(*) FROM dns_name_addr"))
}

func nameRelease(t *testing.T, f *follower) {
	f.mark(t, hostA, hostB, "c.example.org")
	mine := f.claim(t, "w1", 2)
	theirs := f.claimOne(t, "w2")
	n, err := f.store.ReleaseNames(t.Context(), "w1")
	require.NoError(t, err)
	require.Equal(t, 2, n)
	require.False(t, f.finish(t, "w2", done(theirs, "x")))
	require.True(t, f.finish(t, "w1", done(mine[0], "x")))
	again := f.claim(t, "w1", 10)
	require.Len(t, again, 2)
	for _, a := range again {
		require.EqualValues(t, 2, a.Claim)
	}
	n, err = f.store.ReleaseNames(t.Context(), "nobody")
	require.NoError(t, err)
	require.Zero(t, n)
}
