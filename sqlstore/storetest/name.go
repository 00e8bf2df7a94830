package storetest

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"rowlock/sqlstore"
)

// testNames is what NameStore promises.
func testNames(t *testing.T, dialect string) {
	onFollower(t, dialect, map[string]func(*testing.T, *follower){
		"mark":    nameMark,
		"claim":   nameClaim,
		"order":   nameOrder,
		"during":  nameDuring,
		"lost":    nameLost,
		"retry":   nameRetry,
		"delete":  nameDelete,
		"touch":   nameTouch,
		"holders": nameHolders,
		"bytes":   nameBytes,
		"zones":   nameZones,
		"release": nameRelease,
		"lists":   nameLists,
		"secrets": nameSecrets,
		"model":   nameModel,
	})
}

const (
	claimTime = time.Minute
	hostA     = "a.example.org"
	hostB     = "b.example.org"
	homeZone  = "example.org"
)

func (f *follower) mark(t *testing.T, names ...string) {
	t.Helper()
	var marks []sqlstore.NameMark
	for _, n := range names {
		marks = append(marks, sqlstore.NameMark{Name: n, Zone: homeZone})
	}
	require.NoError(t, f.store.MarkNames(t.Context(), marks))
}

func (f *follower) claim(t *testing.T, holder string, limit int, except ...string) []sqlstore.DNSName {
	t.Helper()
	names, err := f.store.ClaimNames(t.Context(), holder, claimTime, limit, except)
	require.NoError(t, err)
	return names
}

// claimOne claims the only name that is due.
func (f *follower) claimOne(t *testing.T, holder string) sqlstore.DNSName {
	t.Helper()
	names := f.claim(t, holder, 10)
	require.Len(t, names, 1)
	return names[0]
}

// finish ends a claim and returns whether it was lost.
func (f *follower) finish(t *testing.T, holder string, o sqlstore.NameOutcome) (lost bool) {
	t.Helper()
	names, err := f.store.FinishNames(t.Context(), holder, []sqlstore.NameOutcome{o})
	require.NoError(t, err)
	if len(names) > 0 {
		require.Equal(t, []string{o.Name}, names)
	}
	return len(names) > 0
}

// name reads a row.
func (f *follower) name(t *testing.T, name string) sqlstore.DNSName {
	t.Helper()
	list, err := f.store.DNSNames(t.Context(), sqlstore.NameFilter{Name: name})
	require.NoError(t, err)
	require.Len(t, list, 1, name)
	require.Equal(t, name, list[0].Name)
	return list[0]
}

// gone requires that a name has no row.
func (f *follower) gone(t *testing.T, name string) {
	t.Helper()
	list, err := f.store.DNSNames(t.Context(), sqlstore.NameFilter{Name: name})
	require.NoError(t, err)
	require.Empty(t, list)
}

// pass lets time go by for all names.
func (f *follower) pass(t *testing.T, by time.Duration) {
	t.Helper()
	f.exec(t, "UPDATE dns_name SET due_at = %s, marked_at = %s, changed_at = %s", f.back("due_at", by), f.back("marked_at", by), f.back("changed_at", by))
}

// done is the outcome of a claim whose records are in DNS.
func done(n sqlstore.DNSName, published string) sqlstore.NameOutcome {
	return sqlstore.NameOutcome{Name: n.Name, Claim: n.Claim, Version: n.Version, Zone: n.Zone, State: sqlstore.NamePublished, Published: published}
}

func nameMark(t *testing.T, f *follower) {
	addr := variants[0].addr(1)
	marks := []sqlstore.NameMark{
		{Name: hostA, Zone: homeZone, VRF: 1, Addr: addr}, {Name: hostA, Zone: homeZone, VRF: 2, Addr: addr}, {Name: hostA},
		{Name: hostB}, {Name: hostA, Zone: homeZone, VRF: 1, Addr: addr},
	}
	require.NoError(t, f.store.MarkNames(t.Context(), marks))
	a, b := f.name(t, hostA), f.name(t, hostB)
	require.Equal(t, []any{homeZone, "", int64(1)}, []any{a.Zone, b.Zone, a.Version})
	require.Equal(t, sqlstore.NamePending, a.State)
	require.WithinDuration(t, f.now(t), a.DueAt, time.Minute)
	require.Equal(t, a.DueAt, a.MarkedAt)
	require.EqualValues(t, 2, f.number(t, "SELECT count(*) FROM dns_name_addr WHERE name = '%s'", hostA))
	f.pass(t, time.Hour)
	a = f.name(t, hostA)
	require.NoError(t, f.store.MarkNames(t.Context(), marks))
	again := f.name(t, hostA)
	require.EqualValues(t, 2, again.Version, "once a call")
	require.Equal(t, a.MarkedAt, again.MarkedAt, "it waits already")
	require.Equal(t, a.DueAt, again.DueAt, "it keeps its place")
	require.NoError(t, f.store.MarkNames(t.Context(), []sqlstore.NameMark{{Name: hostA}, {Name: hostB, Zone: homeZone}}))
	require.Equal(t, homeZone, f.name(t, hostA).Zone, "no zone leaves it as it is")
	require.Equal(t, homeZone, f.name(t, hostB).Zone)
	require.NoError(t, f.store.MarkNames(t.Context(), nil))
	for _, n := range f.claim(t, "w", 10) {
		require.False(t, f.finish(t, "w", done(n, "x")))
	}
	require.True(t, f.name(t, hostA).DueAt.IsZero())
	f.pass(t, time.Hour)
	f.mark(t, hostA)
	a = f.name(t, hostA)
	require.Equal(t, sqlstore.NamePending, a.State)
	require.WithinDuration(t, f.now(t), a.MarkedAt, time.Minute, "it waits again")
	require.WithinDuration(t, f.now(t), a.DueAt, time.Minute)
	require.Equal(t, "x", a.Published)
}

// Two workers never have one name at a time.
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
		{Name: one[0].Name, Claim: one[0].Claim, Attempted: "300 A 192.0.2.1"}, {Name: two[0].Name, Claim: two[0].Claim, Attempted: "300 A 192.0.2.2"},
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

// The longest due come first, and zones that are left out stay.
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

// A mark during a claim keeps its end, and makes the name due when it is
// finished: what was done is kept, nothing is deleted.
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

// A claim that ran out goes to another worker. The first one may send nothing
// any more; what it did send is repaired.
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

// An outcome says when the name is tried again.
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

// Rows go away that nobody marked meanwhile.
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

// Names that are touched are marked with the outcome, whatever became of its
// claim.
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

// The holders of a name are what the leases say at this moment.
func nameHolders(t *testing.T, f *follower) {
	for _, v := range variants {
		b := &bench{v, f.database, f.lanes, newVRF()}
		name := v.name + ".example.org"
		var marks []sqlstore.NameMark
		want := map[netip.Addr]sqlstore.Lease{}
		for i, state := range []string{"active", "offered", "dead", "runout", "expired", "released", "active"} {
			l := b.row(t, i+1, state)
			f.exec(t, "UPDATE %s SET fqdn_flags = 192, hostname = '%s' WHERE %s", table(v.family), []string{hostA, hostB}[i%2], f.rowOf(l.Key))
			l = b.read(t, l.Key)
			marks = append(marks, sqlstore.NameMark{Name: name, Zone: homeZone, VRF: b.vrf, Addr: l.Addr})
			if l.Live() && v.name != "pd" {
				want[l.Addr] = l
			}
		}
		marks = append(marks, sqlstore.NameMark{Name: name, VRF: b.vrf, Addr: v.addr(99)}, sqlstore.NameMark{Name: "x" + name, VRF: b.vrf + 1, Addr: v.addr(1)})
		require.NoError(t, f.store.MarkNames(t.Context(), marks))
		f.exec(t, "DELETE FROM dns_name WHERE name IN ('%s', '%s')", hostA, hostB)
		f.exec(t, "INSERT INTO dns_name (name, published) VALUES ('%s', '300 A 192.0.2.1')", hostA)
		got, err := f.store.NameHolders(t.Context(), []string{"x" + name, name, "nobody.example.org"})
		require.NoError(t, err)
		require.Len(t, got, len(marks))
		for _, h := range got {
			l, live := want[h.Addr]
			if live = live && h.VRF == b.vrf; !live {
				require.Equal(t, sqlstore.NameHolder{Name: h.Name, VRF: h.VRF, Addr: h.Addr}, h)
				continue
			}
			delete(want, h.Addr)
			require.Equal(t, sqlstore.NameHolder{
				Name: name, VRF: b.vrf, Addr: l.Addr, Live: true, Family: v.family, SubnetID: l.SubnetID, Hostname: hostA, FQDNFlags: 192,
				ValidLft: l.ValidLft, Since: l.Since, Forward: "300 A 192.0.2.1",
				Client: sqlstore.Client{ClientID: l.Client.ClientID, HWAddr: l.Client.HWAddr, HWType: l.Client.HWType},
			}, h)
		}
		require.Empty(t, want)
	}
}

// Names are compared byte by byte, and have up to 255 of them.
func nameBytes(t *testing.T, f *follower) {
	long := strings.Repeat("x", 255)
	odd := []string{"host.example.org", "HOST.example.org", "hôst.example.org", `quote".'example\.org`, long, long[:254]}
	var marks []sqlstore.NameMark
	for _, n := range odd {
		marks = append(marks, sqlstore.NameMark{Name: n, Zone: n, VRF: 1<<31 - 1, Addr: variants[0].addr(1)})
	}
	require.NoError(t, f.store.MarkNames(t.Context(), marks))
	names := f.claim(t, "W", 10)
	require.Len(t, names, len(odd))
	records := strings.Repeat("300 AAAA 2001:db8::1 \"é\\\n", 1000)
	var outcomes []sqlstore.NameOutcome
	for _, n := range names {
		require.Contains(t, odd, n.Name)
		outcomes = append(outcomes, done(n, records))
	}
	lost, err := f.store.FinishNames(t.Context(), "w", outcomes)
	require.NoError(t, err)
	require.Len(t, lost, len(odd), "another holder")
	lost, err = f.store.FinishNames(t.Context(), "W", outcomes)
	require.NoError(t, err)
	require.Empty(t, lost)
	holders, err := f.store.NameHolders(t.Context(), odd)
	require.NoError(t, err)
	require.Len(t, holders, len(odd))
	for _, n := range odd {
		require.Equal(t, records, f.name(t, n).Published)
		list, err := f.store.DNSNames(t.Context(), sqlstore.NameFilter{Zone: n})
		require.NoError(t, err)
		require.Len(t, list, 1)
	}
}

// Names move to other zones when these change.
func nameZones(t *testing.T, f *follower) {
	f.mark(t, hostA, hostB, "c.example.org", "d.sub.example.org")
	for _, n := range f.claim(t, "w", 3) {
		if n.Name != hostB {
			f.finish(t, "w", done(n, "x"))
		}
	}
	zone := func(name string) string {
		switch {
		case strings.HasSuffix(name, ".sub.example.org"):
			return "sub.example.org"
		case name == hostA:
			return ""
		}
		return homeZone
	}
	versions := map[string]int64{}
	for _, n := range []string{hostA, hostB, "c.example.org", "d.sub.example.org"} {
		versions[n] = f.name(t, n).Version
	}
	after, done := "", false
	for i := 0; !done; i++ {
		require.Less(t, i, 3)
		var err error
		after, done, err = f.store.RezoneNames(t.Context(), after, 2, zone)
		require.NoError(t, err)
	}
	for n, was := range versions {
		got := f.name(t, n)
		require.Equal(t, zone(n), got.Zone, n)
		if zone(n) == homeZone {
			require.Equal(t, was, got.Version, n)
		} else {
			require.Equal(t, was+1, got.Version, n)
			require.False(t, got.DueAt.IsZero(), n)
		}
	}
}

// A worker that begins again gives up what it had.
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

func nameLists(t *testing.T, f *follower) {
	ctx := t.Context()
	var all []string
	for i := range 8 {
		all = append(all, fmt.Sprintf("n%d.example.org", i))
	}
	f.mark(t, all...)
	require.NoError(t, f.store.MarkNames(ctx, []sqlstore.NameMark{{Name: "1.arpa", Zone: "arpa"}, {Name: "nowhere"}}))
	for i, n := range f.claim(t, "w", 20) {
		o := done(n, "x")
		o.State = []sqlstore.NameState{sqlstore.NamePublished, sqlstore.NameConflict, sqlstore.NameFailed, sqlstore.NamePending}[i%4]
		if n.Zone == "" {
			o.State = sqlstore.NameNoZone
		}
		if n.Zone == "arpa" {
			o.State = sqlstore.NamePublished
		}
		if o.State != sqlstore.NamePublished && o.State != sqlstore.NameNoZone {
			o.Retry = time.Hour
		}
		f.finish(t, "w", o)
	}
	f.pass(t, time.Minute)
	list, err := f.store.DNSNames(ctx, sqlstore.NameFilter{})
	require.NoError(t, err)
	states := map[sqlstore.NameState]int64{}
	for _, n := range list {
		if n.Zone == homeZone {
			states[n.State]++
		}
	}
	require.Len(t, list, 10)
	require.True(t, slices.IsSortedFunc(list, func(a, b sqlstore.DNSName) int { return strings.Compare(a.Name, b.Name) }))
	queue, err := f.store.NameQueue(ctx)
	require.NoError(t, err)
	require.Len(t, queue, 1)
	require.InDelta(t, time.Minute, queue[0].Oldest, float64(30*time.Second))
	queue[0].Oldest = 0
	require.Equal(t, sqlstore.ZoneQueue{
		Zone: homeZone, Pending: states[sqlstore.NamePending], Conflicts: states[sqlstore.NameConflict], Failed: states[sqlstore.NameFailed],
	}, queue[0])
	page, err := f.store.DNSNames(ctx, sqlstore.NameFilter{After: list[3].Name, Limit: 2})
	require.NoError(t, err)
	require.Equal(t, list[4:6], page)
	page, err = f.store.DNSNames(ctx, sqlstore.NameFilter{Zone: homeZone, State: sqlstore.NameConflict})
	require.NoError(t, err)
	require.Len(t, page, int(states[sqlstore.NameConflict]))
	require.NotEmpty(t, page)
}

func nameSecrets(t *testing.T, f *follower) {
	got, err := f.store.TSIGSecrets(t.Context())
	require.NoError(t, err)
	require.Empty(t, got)
	f.exec(t, "INSERT INTO tsig_key (name, algorithm, secret) VALUES ('k1', 'hmac-sha256', 'c2VjcmV0'), ('k2', 'hmac-sha512', 'b3RoZXI=')")
	got, err = f.store.TSIGSecrets(t.Context())
	require.NoError(t, err)
	require.Equal(t, map[string]string{"k1": "c2VjcmV0", "k2": "b3RoZXI="}, got)
	f.exec(t, "DELETE FROM tsig_key")
	if f.server() {
		_, err = f.lanes.TSIGSecrets(t.Context())
		require.ErrorIs(t, err, sqlstore.ErrDenied)
	}
}
