package storetest

import (
	"cmp"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"rowlock/sqlstore"
)

func reverseOf(a netip.Addr) string { return strings.ReplaceAll(a.String(), ":", "-") + ".arpa" }

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

type story struct {
	*bench
	f    *follower
	lead sqlstore.Lead
}

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

func (s *story) commit(t *testing.T, l sqlstore.Lease, hostname string, flags uint8) sqlstore.Lease {
	t.Helper()
	u := s.update(sqlstore.Activate, l, l.Rev)
	u.Client.Hostname, u.Client.FQDNFlags = hostname, flags
	res := change(t, s.store, u)
	require.Equal(t, sqlstore.Updated, res.Status)
	return res.Lease
}

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
