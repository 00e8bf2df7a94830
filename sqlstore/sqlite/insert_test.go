package sqlite

import (
	"bytes"
	"net/netip"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"rowlock/sqlstore"
)

func TestInsertGivesTheRowBack(t *testing.T) {
	x := newFixture(t)
	for _, in := range []sqlstore.Insert{offer4(1), offer6(1)} {
		before := time.Now().Add(-time.Second)
		res := x.insert(in)
		require.Equal(t, sqlstore.Inserted, res.Status)
		l := res.Lease
		require.Equal(t, sqlstore.Offered, l.State)
		require.Equal(t, time.Minute, l.Remaining)
		require.Equal(t, time.Minute, l.Expires.Sub(l.Since))
		require.True(t, l.Since.After(before) && l.Since.Before(before.Add(time.Minute)))
		require.True(t, l.ReclaimAt.IsZero())
		require.Equal(t, in.Client, l.Client)
		require.Equal(t, in.ValidLft, l.ValidLft)
		require.Equal(t, in.PrefLft, l.PreferredLft)
		require.Equal(t, in.PrefixLen, l.PrefixLen)

		// what the database holds is what was said
		again := x.insert(in)
		require.Equal(t, sqlstore.KeyExists, again.Status)
		require.InDelta(t, l.Remaining, again.Lease.Remaining, float64(10*time.Second))
		again.Lease.Remaining = l.Remaining
		require.Equal(t, l, again.Lease)
	}
}

func TestInsertWithoutOptionalValues(t *testing.T) {
	x := newFixture(t)
	for _, in := range []sqlstore.Insert{offer4(1), offer6(1)} {
		in.Client = sqlstore.Client{CircuitID: []byte{}}
		require.Equal(t, sqlstore.Inserted, x.insert(in).Status)
		l, ok := x.row(in.Family, in.Key)
		require.True(t, ok)
		require.Equal(t, sqlstore.Client{}, l.Client)
	}
	require.Equal(t, int64(1), x.number("SELECT circuit_id IS NULL AND hwaddr IS NULL AND relay_addr IS NULL FROM lease4"))
}

func TestInsertOutcomes(t *testing.T) {
	otherKey, otherAddr, looking, former := offer4(2), offer4(1), offer4(3), offer4(3)
	otherKey.Addr = addr4(1)
	otherAddr.Addr = addr4(9)
	looking.Addr = netip.Addr{}
	former.Former = []sqlstore.Key{key4(7), key4(1)}
	both := offer4(1)
	both.Former = []sqlstore.Key{key4(2)}
	none := offer4(3)
	none.Former = []sqlstore.Key{key4(7)}
	vrf := offer4(4)
	vrf.VRF, vrf.Addr = 5, addr4(1)
	for name, c := range map[string]struct {
		in   sqlstore.Insert
		want sqlstore.InsertStatus
		key  sqlstore.Key // of the row that is returned
	}{
		"address taken":           {otherKey, sqlstore.NotPlaced, ""},
		"key taken":               {otherAddr, sqlstore.KeyExists, key4(1)},
		"looks, none":             {looking, sqlstore.NotPlaced, ""},
		"former key has a row":    {former, sqlstore.FormerRow, key4(1)},
		"own key before former":   {both, sqlstore.KeyExists, key4(1)},
		"former key has none":     {none, sqlstore.Inserted, key4(3)},
		"same address, other vrf": {vrf, sqlstore.Inserted, key4(4)},
	} {
		t.Run(name, func(t *testing.T) {
			x := newFixture(t)
			require.Equal(t, sqlstore.Inserted, x.insert(offer4(1)).Status)
			res := x.insert(c.in)
			require.Equal(t, c.want, res.Status)
			require.Equal(t, c.key, res.Lease.Key)
		})
	}
}

// A value that the database refuses spoils its own item only.
func TestInsertDataErrorSparesTheOthers(t *testing.T) {
	x := newFixture(t)
	long, short, family, host := offer4(2), offer4(3), offer4(4), offer6(5)
	long.Client.CircuitID = bytes.Repeat([]byte{1}, 256)
	short.Key = "abc"
	family.Addr = addr6(1)
	host.Client.Hostname = string(bytes.Repeat([]byte("é"), 128))
	res := x.apply(&sqlstore.Batch{Inserts: []sqlstore.Insert{offer4(1), long, short, family, host, offer6(6)}})
	var got []sqlstore.InsertStatus
	for _, r := range res.Inserts {
		got = append(got, r.Status)
	}
	require.Equal(t, []sqlstore.InsertStatus{
		sqlstore.Inserted, sqlstore.InsertData, sqlstore.InsertData, sqlstore.InsertData, sqlstore.InsertData, sqlstore.Inserted,
	}, got)
	require.Equal(t, int64(2), x.number("SELECT (SELECT count(*) FROM lease4) + (SELECT count(*) FROM lease6)"))
}

func TestInsertInfiniteOffer(t *testing.T) {
	x := newFixture(t)
	in := offer4(1)
	in.OfferLft = sqlstore.Infinite
	l := x.insert(in).Lease
	require.Equal(t, time.Date(9000, 1, 1, 0, 0, 0, 0, time.UTC), l.Expires)
	require.Positive(t, l.Remaining)
	require.Equal(t, int64(infinite), x.number("SELECT expires_at FROM lease4"))
}

// rev never repeats for an address, although the clock has only milliseconds.
func TestRevNeverRepeats(t *testing.T) {
	x := newFixture(t)
	seen := map[int64]bool{}
	in := offer4(1)
	in.OfferLft = 0
	for range 50 {
		res := x.insert(in)
		require.Equal(t, sqlstore.Inserted, res.Status)
		require.False(t, seen[res.Lease.Rev])
		seen[res.Lease.Rev] = true
		n, err := x.DeleteOffers(t.Context(), sqlstore.IPv4, []sqlstore.Due{{Key: in.Key, Addr: in.Addr, Rev: res.Lease.Rev}})
		require.NoError(t, err)
		require.Equal(t, 1, n)
	}
}

func TestFenceKeepsAStaleFrontendOut(t *testing.T) {
	x := newFixture(t)
	inc, err := x.Register(t.Context(), sqlstore.FrontendInfo{ID: "a"})
	require.NoError(t, err)
	good := sqlstore.Fence{Frontend: "a", Incarnation: inc}
	batch := func(f sqlstore.Fence, n int) *sqlstore.Batch {
		return &sqlstore.Batch{Fence: f, Inserts: []sqlstore.Insert{offer4(n)}, Updates: []sqlstore.Update{commit(offer4(1))}}
	}
	res := x.apply(batch(good, 1))
	require.True(t, res.Alive)
	require.Equal(t, sqlstore.Updated, res.Updates[0].Status)
	require.Equal(t, "a", res.Updates[0].Lease.Frontend)
	require.Equal(t, "a", res.Inserts[0].Lease.Frontend)

	stale := []sqlstore.Fence{{Frontend: "a", Incarnation: inc - 1}, {Frontend: "b", Incarnation: inc}}
	x.run("UPDATE frontend SET heartbeat_at = heartbeat_at - 4000000")
	require.True(t, x.apply(batch(good, 2)).Alive, "under 5 s")
	before := x.number("SELECT rev FROM lease4 WHERE binding_key = ?", []byte(key4(1)))
	for _, f := range stale {
		res := x.apply(batch(f, 3))
		require.False(t, res.Alive)
		require.Equal(t, sqlstore.UpdateFenced, res.Updates[0].Status)
	}
	x.run("UPDATE frontend SET heartbeat_at = heartbeat_at - 2000000")
	res = x.apply(batch(good, 3))
	require.False(t, res.Alive)
	require.Equal(t, sqlstore.UpdateFenced, res.Updates[0].Status)
	require.Equal(t, before, x.number("SELECT rev FROM lease4 WHERE binding_key = ?", []byte(key4(1))))
	require.Equal(t, int64(2), x.number("SELECT count(*) FROM lease4"))

	require.True(t, x.apply(batch(sqlstore.Fence{}, 3)).Alive, "tools pass")
}

func TestApplyEmptyBatchTellsTheRevision(t *testing.T) {
	x := newFixture(t)
	x.run("UPDATE config_head SET revision = 42")
	res := x.apply(&sqlstore.Batch{})
	require.Equal(t, int64(42), res.Revision)
	require.True(t, res.Alive)
}
