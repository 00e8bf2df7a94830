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
		{Name: hostA, Zone: homeZone, VRF: 1, Addr: addr},
		{Name: hostA, Zone: homeZone, VRF: 2, Addr: addr},
		{Name: hostA},
		{Name: hostB},
		{Name: hostA, Zone: homeZone, VRF: 1, Addr: addr},
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
// The longest due come first, and zones that are left out stay.
// A mark during a claim keeps its end, and makes the name due when it is
// finished: what was done is kept, nothing is deleted.
// A claim that ran out goes to another worker. The first one may send nothing
// any more; what it did send is repaired.
// An outcome says when the name is tried again.
// Rows go away that nobody marked meanwhile.
// Names that are touched are marked with the outcome, whatever became of its
// claim.
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
	// a client may have an address for each IAID that it makes up
	records := strings.Repeat("300 AAAA 2001:db8::1 \"é\\\n", 4000)
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
	if f.server() && !strings.Contains(f.owner, "pooler=true") { // that logs in as the owner
		_, err = f.lanes.TSIGSecrets(t.Context())
		require.ErrorIs(t, err, sqlstore.ErrDenied)
	}
}
