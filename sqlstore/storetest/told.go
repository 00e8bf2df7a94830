package storetest

import (
	"cmp"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"rowlock/sqlstore"
)

const (
	toldTime    = time.Second // bounds how long batches are made up for a variant
	toldClients = 6
)

// laneTold makes up batches of any kind, with rows in any state, and compares
// what the store says of each row with the row: most of it is computed, and not
// read back.
func laneTold(t *testing.T, b *bench) {
	id := fmt.Sprintf("fe-%d", b.vrf)
	incarnation, err := b.store.Register(t.Context(), sqlstore.FrontendInfo{ID: id})
	require.NoError(t, err)
	enough := time.Now().Add(toldTime)
	rapid.Check(t, func(r *rapid.T) {
		if time.Now().After(enough) {
			return
		}
		s := &teller{bench: *b, Fence: sqlstore.Fence{Frontend: id, Incarnation: incarnation}, r: r}
		s.vrf = newVRF()
		for range rapid.IntRange(2, 12).Draw(r, "batches") {
			_, _, err := b.store.Heartbeat(t.Context(), sqlstore.FrontendInfo{ID: id, Incarnation: incarnation})
			require.NoError(r, err)
			s.inserts(t)
			s.pass(t)
			s.updates(t)
		}
	})
}

// teller makes batches of random items.
type teller struct {
	bench
	sqlstore.Fence
	r *rapid.T
}

func (s *teller) number(name string, of ...uint32) uint32 {
	return rapid.SampledFrom(of).Draw(s.r, name)
}

func (s *teller) fence() sqlstore.Fence {
	if rapid.Bool().Draw(s.r, "tool") {
		return sqlstore.Fence{}
	}
	return s.Fence
}

// someone is what a packet may tell, in part or in whole.
func (s *teller) someone() sqlstore.Client {
	value := func(name string, of ...string) []byte {
		if v := rapid.SampledFrom(append(of, "")).Draw(s.r, name); v != "" {
			return []byte(v)
		}
		return nil
	}
	c := sqlstore.Client{
		HWAddr: value("hwaddr", "\x02\x00\x00\x00\x00\x01", "\x00"), HWType: uint16(s.number("hwtype", 0, 1, 65535)),
		HWSource: uint8(s.number("source", 0, 1, 255)), ClientID: value("client-id", "\x01id", "\x00"),
		CircuitID: value("circuit", "a", "A"), RemoteID: value("remote", "b"), SubscriberID: value("subscriber", "c"),
		RelayID: value("relay-id", "\x00\xff"), Hostname: string(value("hostname", "a.example", "a.example ", "it's\\")),
		FQDNFlags: uint8(s.number("flags", 0, 1, 192, 255)), Classes: string(value("classes", "one,two", "one")),
	}
	if rapid.Bool().Draw(s.r, "relayed") {
		c.RelayAddr = s.addr(200 + int(s.number("relay", 1, 2)))
	}
	if s.family == sqlstore.IPv6 {
		c.IAID = 1
	}
	return c
}

// rows are the rows as they are now.
func (s *teller) rows(t *testing.T) (out []sqlstore.Lease) {
	for _, l := range leases(t, s.store, s.family, s.vrf) {
		out = append(out, l)
	}
	slices.SortFunc(out, func(a, b sqlstore.Lease) int { return cmp.Compare(a.Key, b.Key) })
	return out
}

// same requires that the store told of a row what it holds.
func (s *teller) same(t *testing.T, told sqlstore.Lease, what string) {
	l := s.read(t, told.Key)
	require.InDelta(s.r, told.Remaining.Seconds(), l.Remaining.Seconds(), 30, what)
	told.Remaining, l.Remaining = 0, 0
	require.Equal(s.r, l, told, what)
}

func (s *teller) inserts(t *testing.T) {
	batch := &sqlstore.Batch{Fence: s.fence()}
	for client := range toldClients {
		if !rapid.Bool().Draw(s.r, "insert") {
			continue
		}
		in := s.insert(s.vrf, client, s.addr(rapid.IntRange(1, toldClients+2).Draw(s.r, "addr")))
		in.Client, in.Solo = s.someone(), rapid.Bool().Draw(s.r, "solo")
		in.ValidLft, in.PrefLft, in.OfferLft = s.lifetime("valid"), s.lifetime("preferred"), s.number("hold", 60, 3600)
		if rapid.Bool().Draw(s.r, "former") {
			in.Former = []sqlstore.Key{s.key(s.vrf, client+100), s.key(s.vrf, (client+1)%toldClients)}
		}
		batch.Inserts = append(batch.Inserts, in)
	}
	slices.SortFunc(batch.Inserts, func(a, b sqlstore.Insert) int { return cmp.Compare(a.Key, b.Key) })
	if len(batch.Inserts) == 0 {
		return
	}
	before := s.rows(t)
	res := apply(t, s.store, batch)
	created := 0
	for i, in := range batch.Inserts {
		got := res.Inserts[i]
		if got.Status == sqlstore.NotPlaced {
			continue
		}
		s.same(t, got.Lease, "insert")
		if got.Status == sqlstore.Inserted {
			created++
			require.Equal(s.r, in.Key, got.Lease.Key)
			require.Equal(s.r, in.Client, got.Lease.Client)
			require.Equal(s.r, batch.Fence.Frontend, got.Lease.Frontend)
		}
	}
	require.Len(s.r, s.rows(t), len(before)+created)
}

func (s *teller) lifetime(name string) uint32 {
	return s.number(name, 60, 3600, sqlstore.Infinite-1, sqlstore.Infinite)
}

// pass lets time go by for some of the rows.
func (s *teller) pass(t *testing.T) {
	for _, l := range s.rows(t) {
		if l.ValidLft < sqlstore.Infinite-1 && rapid.Bool().Draw(s.r, "ages") {
			s.db.age(t, s.family, l.Key, 4000*time.Second)
		}
	}
}

func (s *teller) updates(t *testing.T) {
	batch := &sqlstore.Batch{Fence: s.fence()}
	only := rapid.Bool().Draw(s.r, "activations") // what lanes send most
	before := map[sqlstore.Key]sqlstore.Lease{}
	for _, l := range s.rows(t) {
		a := sqlstore.Activate
		if !only {
			a = rapid.SampledFrom([]sqlstore.Action{
				sqlstore.Activate, sqlstore.Hold, sqlstore.Release, sqlstore.Expire, sqlstore.Quarantine, sqlstore.Park, sqlstore.Withdraw,
			}).Draw(s.r, "action")
		}
		if l.State == sqlstore.Parked || l.State == sqlstore.Declined || !rapid.Bool().Draw(s.r, "update") {
			continue
		}
		before[l.Key] = s.read(t, l.Key)
		u := s.update(a, l, rapid.SampledFrom([]int64{0, l.Rev, l.Rev, l.Rev - 1}).Draw(s.r, "rev"))
		if rapid.Bool().Draw(s.r, "other client") {
			u.Client = s.someone()
		}
		u.ValidLft, u.PrefLft = s.lifetime("valid"), s.lifetime("preferred")
		u.Message = len(batch.Updates)
		batch.Updates = append(batch.Updates, u)
	}
	if s.family == sqlstore.IPv6 {
		s.messages(batch.Updates)
	}
	if len(batch.Updates) == 0 {
		return
	}
	res := apply(t, s.store, batch)
	changed := map[int]int{}
	for i, u := range batch.Updates {
		got := res.Updates[i]
		s.same(t, got.Lease, fmt.Sprintf("%s: %d", actionNames[u.Action], got.Status))
		if got.Status != sqlstore.Updated {
			require.Equal(s.r, before[u.Key].Rev, got.Lease.Rev)
			continue
		}
		changed[u.Message]++
		require.Greater(s.r, got.Lease.Rev, before[u.Key].Rev)
		s.begun(u, before[u.Key], got)
	}
	for _, u := range batch.Updates {
		require.Contains(s.r, []int{0, u.Count}, changed[u.Message], "a message was changed by half")
	}
}

// messages puts items together.
func (s *teller) messages(updates []sqlstore.Update) {
	for at := 0; at < len(updates); {
		n := min(rapid.IntRange(1, 3).Draw(s.r, "items"), len(updates)-at)
		for i := range updates[at : at+n] {
			updates[at+i].Message, updates[at+i].Count = at, n
		}
		at += n
	}
}

// begun compares a row that its client has taken with what it was and what the
// client told.
func (s *teller) begun(u sqlstore.Update, was sqlstore.Lease, got sqlstore.UpdateResult) {
	if u.Action != sqlstore.Activate && u.Action != sqlstore.Hold {
		return
	}
	require.Equal(s.r, u.Client.Over(was.Client), got.Lease.Client)
	require.Equal(s.r, u.ValidLft, got.Lease.ValidLft)
	require.True(s.r, got.Lease.ReclaimAt.IsZero())
	if s.family == sqlstore.IPv6 {
		require.Equal(s.r, u.PrefLft, got.Lease.PreferredLft)
	}
	require.Equal(s.r, u.Action == sqlstore.Activate && !was.Live(), got.Fresh)
	if u.Action == sqlstore.Activate && was.Live() {
		require.Equal(s.r, was.Since, got.Lease.Since)
	}
}
