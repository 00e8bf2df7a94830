package storetest

import (
	"fmt"
	"net/netip"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"rowlock/sqlstore"
)

// needsOf asks for addresses of many pools.
func needsOf(pools []*sqlstore.Pool, want int) []sqlstore.PoolNeed {
	needs := make([]sqlstore.PoolNeed, len(pools))
	for i, p := range pools {
		needs[i] = sqlstore.PoolNeed{Pool: p, Want: want}
	}
	return needs
}

// manyPools makes n pools of ten addresses, of all kinds.
func manyPools(vrf uint32, n int) []*sqlstore.Pool {
	pools := make([]*sqlstore.Pool, n)
	for i := range pools {
		p := variants[i%len(variants)].pool(vrf<<16+uint32(i), vrf<<16+uint32(i), 1, 10)
		pools[i] = p
	}
	return pools
}

// Many pools are served by one call, each from the source that it has, whatever
// their order; two frontends that ask for all of them at once get none twice.
func hintMany(t *testing.T, b *bench) {
	one, two, dead := b.frontend(t), b.frontend(t), b.frontend(t)
	pools := manyPools(b.vrf, 300)
	adopted, err := b.store.TakeFree(t.Context(), dead, needsOf(pools[:100], 1))
	require.NoError(t, err)
	require.NoError(t, b.store.Unregister(t.Context(), dead))
	for i, p := range pools[200:210] { // dry, but for one address given back
		b.db.exec(t, "INSERT INTO pool_cursor (pool_id, gen, next_index, size) VALUES (%d, 1, 10, 10)", p.ID)
		if i > 0 {
			b.giveBack(t, p, p.At(uint64(i)))
		}
	}
	backwards := slices.Clone(pools)
	slices.Reverse(backwards)
	seen := map[sqlstore.Place]bool{}
	var mu sync.Mutex
	var wg sync.WaitGroup
	for f, order := range map[sqlstore.Fence][]*sqlstore.Pool{one: pools, two: backwards} {
		wg.Go(func() {
			for range 3 {
				found, err := b.store.TakeFree(t.Context(), f, needsOf(order, 256))
				if !noError(t, err) {
					return
				}
				mu.Lock()
				for i, h := range found {
					if h.Pool != order[i] || h.More {
						t.Errorf("answer %d is %+v", i, h)
					}
					for _, a := range h.Addrs {
						at := sqlstore.Place{VRF: h.Pool.VRF, Addr: a.Addr}
						// what was given back is held for ten seconds, which a busy machine may take
						if seen[at] && a.Token == 0 || !h.Pool.Contains(a.Addr) {
							t.Errorf("%v is handed out twice, or strange to its pool", at)
						}
						seen[at] = true
					}
				}
				mu.Unlock()
			}
		})
	}
	wg.Wait()
	require.Len(t, seen, 290*6+9, "the dry pool has nothing, those with one in the list that one, the others one a call")
	for _, h := range adopted {
		require.True(t, seen[sqlstore.Place{VRF: h.Pool.VRF, Addr: h.Addrs[0].Addr}], "what the dead had goes first")
	}
}

// giveBack lists an address as free.
func (b *bench) giveBack(t *testing.T, p *sqlstore.Pool, a netip.Addr) {
	t.Helper()
	columns, values := "", ""
	if !b.db.postgres() {
		columns, values = ", token", ", 1"
	}
	b.db.exec(t, "INSERT INTO addr_free (vrf, addr, pool_id%s) VALUES (%d, %s, %d%s)", columns, p.VRF, b.db.address(a), p.ID, values)
}

// A chunk of which all is in use costs no failed insert: it is passed, also
// where there is more of it than one call looks at.
func hintPassesUsed(t *testing.T, b *bench) {
	f := b.frontend(t)
	p := b.pool(b.vrf, b.vrf, 256, 256+2999)
	const used = 2600
	for i := 0; i < used; i += 100 {
		batch := &sqlstore.Batch{}
		for n := i; n < i+100; n++ {
			in := b.insert(b.vrf, n, p.At(uint64(n)))
			in.PoolID = p.ID
			batch.Inserts = append(batch.Inserts, in)
		}
		apply(t, b.store, batch)
	}
	more := 0
	for {
		h := b.free(t, f, p, 256)
		if !h.More {
			require.NotEmpty(t, h.Addrs)
			require.Equal(t, p.At(used), h.Addrs[0].Addr)
			break
		}
		require.Empty(t, h.Addrs)
		more++
		require.Less(t, more, 10)
	}
	require.Positive(t, more, "one call does not look at everything")
	require.EqualValues(t, 1, b.db.number(t, "SELECT count(*) FROM addr_chunk WHERE pool_id = %d", p.ID), "used chunks are gone")
	// one of the list that is in use is forgotten
	b.giveBack(t, p, p.At(3))
	b.db.exec(t, "UPDATE pool_cursor SET next_index = size WHERE pool_id = %d", p.ID)
	require.Empty(t, b.free(t, f, p, 256).Addrs)
	require.Zero(t, b.db.number(t, "SELECT count(*) FROM addr_free WHERE pool_id = %d", p.ID))
}

// What another frontend has in hand and has not used is lent.
func hintBorrow(t *testing.T, b *bench) {
	lender, f := b.frontend(t), b.frontend(t)
	p, other := b.pool(b.vrf, b.vrf, 256, 256+999), b.pool(b.vrf+1<<20, b.vrf, 161, 170)
	mine := b.free(t, f, p, 9)
	theirs := b.free(t, lender, p, 9)
	require.Len(t, theirs.Addrs, 9)
	b.free(t, lender, other, 256)
	for i, a := range theirs.Addrs[:4] {
		require.Equal(t, sqlstore.Inserted, place(t, b.store, b.insert(b.vrf, i, a.Addr)).Status)
	}
	b.giveBack(t, p, p.At(100))
	b.db.exec(t, "UPDATE addr_free SET hold_until = %s WHERE pool_id = %d", b.db.future(time.Minute), p.ID)
	b.giveBack(t, p, p.At(101)) // nobody holds it: it is not borrowed
	borrow := func(want int) map[netip.Addr]bool {
		found, err := b.store.Borrow(t.Context(), f, []sqlstore.PoolNeed{{Pool: p, Want: want}})
		require.NoError(t, err)
		require.Len(t, found, 1)
		require.Equal(t, p, found[0].Pool)
		require.Zero(t, found[0].Chunk)
		got := map[netip.Addr]bool{}
		for _, a := range found[0].Addrs {
			require.False(t, a.Exclusive)
			require.Zero(t, a.Token)
			got[a.Addr] = true
		}
		require.Len(t, got, len(found[0].Addrs), "each once")
		return got
	}
	want := map[netip.Addr]bool{p.At(100): true}
	for _, a := range theirs.Addrs[4:] {
		want[a.Addr] = true
	}
	require.Equal(t, want, borrow(256))
	require.NotContains(t, borrow(256), mine.Addrs[0].Addr)
	firsts := map[netip.Addr]bool{}
	for range 100 {
		got := borrow(2)
		require.Len(t, got, 2)
		for a := range got {
			firsts[a] = true
		}
	}
	require.Greater(t, len(firsts), 3, "from a random one on")
	before := b.db.number(t, "SELECT count(*) FROM addr_chunk WHERE pool_id = %d", p.ID)
	require.EqualValues(t, 2, before, "nothing was written")
	_, err := b.store.Borrow(t.Context(), sqlstore.Fence{Frontend: "nobody", Incarnation: 1}, needsOf([]*sqlstore.Pool{p}, 1))
	require.ErrorIs(t, err, sqlstore.ErrFenced)
}

// The last addresses of a pool are in one frontend's hand, who lives: clients of
// another one get them all the same, and each of them once.
func hintBorrowed(t *testing.T, dialect string) {
	fl := newFleet(t, dialect, 200)
	ask := func(at, client int) sqlstore.Code {
		res, err := tryDecide(fl.at(at), fl.family, fl.item(sqlstore.OpAssign, fl.vrf, client, netip.Addr{}, fl.set))
		require.NoError(t, err)
		return res.Code
	}
	require.Equal(t, sqlstore.Granted, ask(0, 0))
	fl.db.exec(t, "UPDATE pool_cursor SET size = next_index WHERE pool_id = %d", fl.pool.ID)
	reached := int(fl.db.number(t, "SELECT sum(n) FROM addr_chunk WHERE pool_id = %d", fl.pool.ID))
	require.Greater(t, reached, 4)
	for client := 1; client < reached; client++ {
		require.Equal(t, sqlstore.Granted, ask(1+client%2, client), "client %d of %d", client, reached)
	}
	require.Equal(t, reached, fl.used(t))
	for at := range 3 {
		require.Equal(t, sqlstore.Exhausted, ask(at, 1000+at))
	}
}

// Dead rows of many pools are reclaimed by one call.
func hintReclaimMany(t *testing.T, b *bench) {
	var pools []*sqlstore.Pool
	for i := range 70 {
		p := b.pool(b.vrf+uint32(i+1)<<20, b.vrf, 1+2*i, 2+2*i)
		pools = append(pools, p)
		for n := range i % 3 {
			in := b.insert(b.vrf, 2*i+n, b.addr(1+2*i+n))
			in.PoolID = p.ID
			l := b.do(t, sqlstore.Activate, place(t, b.store, in).Lease, 0)
			b.do(t, sqlstore.Release, l, 0)
			b.db.age(t, b.family, l.Key, 100*time.Second)
		}
	}
	slices.Reverse(pools)
	counts, err := b.store.Reclaim(t.Context(), pools, 1)
	require.NoError(t, err)
	for i := range counts {
		require.Equal(t, min(1, (69-i)%3), counts[i], fmt.Sprint("pool ", i))
	}
	require.EqualValues(t, 46, b.db.number(t, "SELECT count(*) FROM addr_free WHERE vrf = %d", b.vrf))
}

func noError(t *testing.T, err error) bool {
	t.Helper()
	if err != nil {
		t.Error(err)
	}
	return err == nil
}
