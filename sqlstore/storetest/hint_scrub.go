package storetest

import (
	"net/netip"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"rowlock/sqlstore"
)

// scrub makes one pass over a pool.
func (b *bench) scrub(t *testing.T, f sqlstore.Fence, p *sqlstore.Pool) (listed, windows int) {
	t.Helper()
	for from := uint64(0); ; windows++ {
		n, next, err := b.store.Scrub(t.Context(), f, p, from)
		require.NoError(t, err)
		listed += n
		if next == 0 {
			return listed, windows + 1
		}
		require.Equal(t, from+sqlstore.ScrubWindow, next)
		from = next
	}
}

// A scrub lists what is in no row, no chunk and no list, and nothing else.
func hintScrub(t *testing.T, b *bench) {
	f := b.frontend(t)
	p := b.pool(b.vrf, b.vrf, 256, 256+9999)
	listed, windows := b.scrub(t, f, p)
	require.Zero(t, listed, "nothing was handed out yet")
	require.Equal(t, 1, windows)
	var chunks []sqlstore.Hints
	for reach := 0; reach < 8600; {
		h := b.free(t, f, p, 256)
		chunks = append(chunks, h)
		reach += len(h.Addrs)
	}
	listed, windows = b.scrub(t, f, p)
	require.Zero(t, listed, "all of it is in chunks")
	require.Equal(t, 3, windows)

	lost := append(chunks[1].Addrs[:0:0], chunks[1].Addrs...)
	lost = append(lost, chunks[20].Addrs...)
	leased := place(t, b.store, b.insert(b.vrf, 1, lost[0].Addr)).Lease
	parked := b.do(t, sqlstore.Activate, place(t, b.store, b.insert(b.vrf, 2, lost[1].Addr)).Lease, 0)
	b.do(t, sqlstore.Quarantine, parked, 0)
	b.giveBack(t, p, lost[2].Addr)
	stranger := *p
	stranger.ID = b.vrf + 1<<20
	b.giveBack(t, &stranger, lost[3].Addr) // under a pool that has it no more
	require.NoError(t, b.store.DoneFree(t.Context(), f, []int64{chunks[1].Chunk, chunks[20].Chunk}, nil))
	listed, _ = b.scrub(t, f, p)
	require.Equal(t, len(lost)-3, listed)
	listed, _ = b.scrub(t, f, p)
	require.Zero(t, listed, "once")
	free := map[netip.Addr]bool{}
	for _, r := range b.db.rows(t, "SELECT addr FROM addr_free WHERE vrf = %d AND pool_id = %d", b.vrf, p.ID) {
		a, _ := netip.AddrFromSlice([]byte(r[0]))
		free[a] = true
	}
	require.Len(t, free, len(lost)-2)
	require.NotContains(t, free, leased.Addr)
	require.NotContains(t, free, parked.Addr)

	// a pool generation that is not known to anybody else keeps its hints; the
	// one of a frontend that may not write changes nothing
	_, _, err := b.store.Scrub(t.Context(), sqlstore.Fence{Frontend: f.Frontend, Incarnation: f.Incarnation - 1}, p, 0)
	require.ErrorIs(t, err, sqlstore.ErrFenced)
}

// Chunks of the dead that nobody adopts are given up by a scrub.
func hintScrubDead(t *testing.T, b *bench) {
	dead, f := b.frontend(t), b.frontend(t)
	p := b.pool(b.vrf, b.vrf, 256, 256+999)
	var all []sqlstore.FreeAddr
	for range 3 {
		all = append(all, b.free(t, dead, p, 20).Addrs...)
	}
	mine := b.free(t, f, p, 20)
	for i, a := range all[:25] { // all of the first chunk, some of the second
		require.Equal(t, sqlstore.Inserted, place(t, b.store, b.insert(b.vrf, i, a.Addr)).Status)
	}
	listed, _ := b.scrub(t, f, p)
	require.Zero(t, listed, "its holder is alive")
	b.db.exec(t, "UPDATE frontend SET heartbeat_at = %s WHERE id = '%s'", b.db.back("heartbeat_at", time.Hour+11*time.Second), dead.Frontend)
	listed, _ = b.scrub(t, f, p)
	require.Equal(t, 35, listed)
	require.EqualValues(t, 1, b.db.number(t, "SELECT count(*) FROM addr_chunk WHERE pool_id = %d", p.ID))
	require.EqualValues(t, 1, b.db.number(t, "SELECT count(*) FROM addr_chunk WHERE chunk_id = %d", mine.Chunk))
}

// Of the ended bindings of a pool only so many are remembered, those that ended
// last.
func sweepAbove(t *testing.T, b *bench) {
	_, err := b.store.ForgetAbove(t.Context(), b.family, 1, 10000) // what others left
	require.NoError(t, err)
	ended := func(pool uint32, client int, a sqlstore.Action, ago time.Duration) sqlstore.Lease {
		in := b.insert(b.vrf, client, b.addr(client))
		in.PoolID = pool
		l := b.do(t, sqlstore.Activate, place(t, b.store, in).Lease, 0)
		res := change(t, b.store, b.update(a, l, l.Rev))
		require.Equal(t, sqlstore.Updated, res.Status)
		b.db.age(t, b.family, res.Lease.Key, res.Lease.ReclaimAt.Sub(b.db.now(t))+ago)
		return res.Lease
	}
	var rows []sqlstore.Lease
	for i := range 8 {
		rows = append(rows, ended(b.vrf, i, sqlstore.Release, time.Duration(10+i)*time.Second))
	}
	young := ended(b.vrf, 20, sqlstore.Release, -20*time.Second)
	declined := ended(b.vrf, 21, sqlstore.Quarantine, -20*time.Second)
	live := b.row(t, 22, "active")
	reserved := b.reserve(t, ended(b.vrf, 23, sqlstore.Release, time.Hour), 23)
	few := ended(b.vrf+1<<20, 24, sqlstore.Release, time.Hour)
	above := func(most uint32, limit int) int {
		n, err := b.store.ForgetAbove(t.Context(), b.family, most, limit)
		require.NoError(t, err)
		return n
	}
	require.Zero(t, above(8, 100))
	require.Equal(t, 2, above(3, 2), "no more than asked for")
	require.Equal(t, 3, above(3, 100))
	require.Zero(t, above(3, 100))
	got := leases(t, b.store, b.family, b.vrf)
	for _, l := range append(rows[:3:3], young, declined, live, reserved, few) {
		require.Contains(t, got, l.Addr)
	}
	require.Len(t, got, 8)
	require.EqualValues(t, 5, b.db.number(t, "SELECT count(*) FROM addr_free WHERE vrf = %d AND pool_id = %d", b.vrf, b.vrf))
}

// Chunks of a pool generation that went out of use are deleted.
func hintDropChunks(t *testing.T, dialect string) {
	db := migrated(t, dialect)
	store := db.openBoth(t)
	cfg := oneSubnet()
	_, err := store.ApplyConfig(t.Context(), sqlstore.AnyRevision, cfg, "test", "")
	require.NoError(t, err)
	p := cfg.Links[0].Subnets[0].Pools[0]
	hints, err := store.TakeFree(t.Context(), sqlstore.Fence{}, needsOf([]*sqlstore.Pool{p}, 1))
	require.NoError(t, err)
	require.NotEmpty(t, hints[0].Addrs)
	n, err := store.DropChunks(t.Context())
	require.NoError(t, err)
	require.Zero(t, n, "it is in use")
	// as a frontend leaves one that was slower than the change
	db.exec(t, "INSERT INTO pool_gen (pool_id, gen, first_addr, last_addr, delegated_len) SELECT pool_id, 77, first_addr, last_addr, delegated_len FROM pool_gen WHERE pool_id = %d", p.ID)
	db.exec(t, "INSERT INTO addr_chunk (pool_id, gen, first_index, n, holder, incarnation) VALUES (%d, 77, 0, 1, 'x', 1), (9999, 1, 0, 1, 'x', 1)", p.ID)
	n, err = store.DropChunks(t.Context())
	require.NoError(t, err)
	require.Equal(t, 1, n)
	require.EqualValues(t, 2, db.number(t, "SELECT count(*) FROM addr_chunk"))
	old := *p
	old.Gen = 77
	hints, err = store.TakeFree(t.Context(), sqlstore.Fence{}, needsOf([]*sqlstore.Pool{&old, p}, 1))
	require.NoError(t, err)
	require.True(t, hints[0].Gone)
	require.Empty(t, hints[0].Addrs)
	require.False(t, hints[1].Gone)
	listed, next, err := store.Scrub(t.Context(), sqlstore.Fence{}, &old, 0)
	require.NoError(t, err)
	require.Zero(t, listed)
	require.Zero(t, next, "nothing is listed for a generation that is not in use")
}
