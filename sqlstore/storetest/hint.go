package storetest

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"rowlock/sqlstore"
	"rowlock/sqlstore/engine"
)

// testHints is where free addresses come from.
func testHints(t *testing.T, dialect string) {
	onBench(t, dialect, []topic{
		{"chunks", hintChunks},
		{"adoption", hintAdoption},
		{"adopted-held", hintAdoptedHeld},
		{"tokens", hintTokens},
		{"reclaim", hintReclaim},
		{"shrink", hintShrink},
		{"many", hintMany},
		{"used", hintPassesUsed},
		{"borrow", hintBorrow},
		{"reclaim many", hintReclaimMany},
		{"scrub", hintScrub},
		{"scrub dead", hintScrubDead},
	})
	t.Run("sizes", func(t *testing.T) { hintSizes(t, dialect) })
	t.Run("sizes served", func(t *testing.T) { hintSizesServed(t, dialect) })
	t.Run("many subnets", func(t *testing.T) { hintManySubnets(t, dialect) })
	t.Run("borrowed", func(t *testing.T) { hintBorrowed(t, dialect) })
	t.Run("kills", func(t *testing.T) { hintKills(t, dialect) })
	t.Run("fill cost", func(t *testing.T) { hintFillCost(t, dialect) })
	t.Run("unknown", func(t *testing.T) { hintUnknown(t, dialect) })
	t.Run("silent", func(t *testing.T) { hintSilent(t, dialect) })
	t.Run("same clients", func(t *testing.T) { hintSameClients(t, dialect) })
	t.Run("drop chunks", func(t *testing.T) { hintDropChunks(t, dialect) })
	t.Run("restart", func(t *testing.T) { hintRestart(t, dialect) })
	t.Run("full", func(t *testing.T) { hintFull(t, dialect) })
	t.Run("settled", func(t *testing.T) { hintSettled(t, dialect) })
	t.Run("closing", func(t *testing.T) { hintClosing(t, dialect) })
}

// frontend registers a frontend for hints.
func (b *bench) frontend(t *testing.T) sqlstore.Fence {
	t.Helper()
	id := fmt.Sprintf("fe-%d", newVRF())
	incarnation, err := b.store.Register(t.Context(), sqlstore.FrontendInfo{ID: id})
	require.NoError(t, err)
	b.db.exec(t, "UPDATE frontend SET heartbeat_at = %s WHERE id = '%s'", b.db.back("heartbeat_at", -time.Hour), id) // alive for the whole test
	t.Cleanup(func() {
		_ = b.store.Unregister(context.Background(), sqlstore.Fence{Frontend: id, Incarnation: incarnation})
	})
	return sqlstore.Fence{Frontend: id, Incarnation: incarnation}
}

func (b *bench) free(t *testing.T, f sqlstore.Fence, p *sqlstore.Pool, want int) sqlstore.Hints {
	t.Helper()
	hints, err := b.store.TakeFree(t.Context(), f, []sqlstore.PoolNeed{{Pool: p, Want: want}})
	require.NoError(t, err)
	require.Len(t, hints, 1)
	require.Equal(t, p, hints[0].Pool)
	return hints[0]
}

// Fresh chunks: no more than wanted, no more than an eighth of a frontend's
// share of what is left, at least one; every address of the pool exactly once.
func hintChunks(t *testing.T, b *bench) {
	f := b.frontend(t)
	p := b.pool(b.vrf, b.vrf, 1000, 3999)
	seen := map[netip.Addr]bool{}
	left := 3000
	for left > 0 {
		h := b.free(t, f, p, 256)
		n := max(1, min(256, left/8))
		require.Len(t, h.Addrs, n, "%d are left", left)
		require.NotZero(t, h.Chunk)
		for _, a := range h.Addrs {
			require.False(t, seen[a.Addr], "%s was handed out before", a.Addr)
			require.True(t, p.Contains(a.Addr))
			require.True(t, a.Exclusive)
			require.Zero(t, a.Token)
			seen[a.Addr] = true
		}
		left -= n
	}
	require.Len(t, seen, 3000)
	require.Empty(t, b.free(t, f, p, 256).Addrs, "the pool is dry")
	require.Len(t, b.free(t, f, b.pool(b.vrf+1<<20, b.vrf, 1, 100), 3).Addrs, 3, "no more than wanted")
	b.frontend(t)
	require.Len(t, b.free(t, f, b.pool(b.vrf+2<<20, b.vrf, 1000, 3999), 256).Addrs, 3000/16, "another frontend has half the share")
}

// What a dead frontend had in hand is taken over; what a live one has is not.
func hintAdoption(t *testing.T, b *bench) {
	dead, heir := b.frontend(t), b.frontend(t)
	p := b.pool(b.vrf, b.vrf, 1, 16)
	first := b.free(t, dead, p, 256)
	require.Len(t, first.Addrs, 1)
	second := b.free(t, heir, p, 256)
	require.NotEqual(t, first.Addrs[0].Addr, second.Addrs[0].Addr)
	b.db.exec(t, "UPDATE frontend SET heartbeat_at = %s WHERE id = '%s'", b.db.back("heartbeat_at", time.Hour+11*time.Second), dead.Frontend)
	adopted := b.free(t, heir, p, 256)
	require.Equal(t, first.Chunk, adopted.Chunk)
	require.Len(t, adopted.Addrs, 1)
	require.Equal(t, first.Addrs[0].Addr, adopted.Addrs[0].Addr)
	require.False(t, adopted.Addrs[0].Exclusive, "nobody knows how far its holder came")
	require.NotEqual(t, first.Chunk, b.free(t, heir, p, 256).Chunk, "once")

	// a chunk is deleted by its holder only
	require.NoError(t, b.store.DoneFree(t.Context(), sqlstore.Fence{Frontend: heir.Frontend, Incarnation: heir.Incarnation}, []int64{second.Chunk}, nil))
	other := b.frontend(t)
	require.NoError(t, b.store.DoneFree(t.Context(), other, []int64{adopted.Chunk}, nil))
	left := b.db.rows(t, "SELECT chunk_id FROM addr_chunk WHERE pool_id = %d AND chunk_id IN (%d, %d)", p.ID, second.Chunk, adopted.Chunk)
	require.Equal(t, [][]string{{fmt.Sprint(adopted.Chunk)}}, left)
	// its own next life takes over what it had
	reborn, err := b.store.Register(t.Context(), sqlstore.FrontendInfo{ID: heir.Frontend})
	require.NoError(t, err)
	again := b.free(t, sqlstore.Fence{Frontend: heir.Frontend, Incarnation: reborn}, p, 256)
	require.Equal(t, adopted.Chunk, again.Chunk)
}

// Of a chunk that is taken over, addresses that have a row are left out; one of
// which nothing is left is deleted, and the next one is looked at.
func hintAdoptedHeld(t *testing.T, b *bench) {
	dead := b.frontend(t)
	p := b.pool(b.vrf, b.vrf, 1, 1024)
	chunks := make([]sqlstore.Hints, 3)
	for i := range chunks {
		chunks[i] = b.free(t, dead, p, 4)
		require.Len(t, chunks[i].Addrs, 4)
	}
	client := 0
	hold := func(a netip.Addr) sqlstore.Lease {
		client++
		in := b.insert(b.vrf, client, a)
		in.PoolID = p.ID
		return place(t, b.store, in).Lease
	}
	for _, a := range chunks[0].Addrs {
		hold(a.Addr)
	}
	ended := hold(chunks[1].Addrs[1].Addr)
	b.do(t, sqlstore.Release, b.do(t, sqlstore.Activate, ended, 0), 0)
	other := b.insert(b.vrf+1<<20, 1, chunks[1].Addrs[3].Addr) // another vrf: another address
	require.Equal(t, sqlstore.Inserted, place(t, b.store, other).Status)
	require.NoError(t, b.store.Unregister(t.Context(), dead))

	heir := b.frontend(t)
	left := b.free(t, heir, p, 4)
	require.Equal(t, chunks[1].Chunk, left.Chunk)
	require.Equal(t, []sqlstore.FreeAddr{
		{Addr: chunks[1].Addrs[0].Addr}, {Addr: chunks[1].Addrs[2].Addr}, {Addr: chunks[1].Addrs[3].Addr},
	}, left.Addrs)
	require.Zero(t, b.db.number(t, "SELECT count(*) FROM addr_chunk WHERE chunk_id = %d", chunks[0].Chunk), "nothing was left of it")
	require.Len(t, b.free(t, heir, p, 4).Addrs, 4, "the third chunk")
	fresh := b.free(t, heir, p, 4)
	require.True(t, fresh.Addrs[0].Exclusive, "then the cursor")
}

// counted counts the inserts of addresses.
type counted struct {
	sqlstore.Store
	inserts atomic.Int64
}

func (c *counted) Apply(ctx context.Context, batch *sqlstore.Batch) (*sqlstore.BatchResult, error) {
	for i := range batch.Inserts {
		if batch.Inserts[i].Addr.IsValid() {
			c.inserts.Add(1)
		}
	}
	return c.Store.Apply(ctx, batch)
}

// A frontend that starts where another one had handed out addresses offers a
// new client an unused one at its first request, without trying used ones.
func hintRestart(t *testing.T, dialect string) {
	s := newSmall(t, dialect, 4096)
	for i := range 200 {
		require.Equal(t, sqlstore.Granted, s.ask(t, sqlstore.OpAssign, i, netip.Addr{}).Code)
	}
	require.NoError(t, s.e.Stop(context.Background()))
	require.NotZero(t, s.db.number(t, "SELECT count(*) FROM addr_chunk WHERE pool_id = %d", s.pool.ID), "there is something to take over")
	used := leases(t, s.store, s.family, s.vrf)
	require.Len(t, used, 200)
	store := &counted{Store: s.store}
	s.e = newEngine(t, store, "fe2")
	for i := range 100 {
		res := s.ask(t, sqlstore.OpOffer, 1000+i, netip.Addr{})
		require.Equal(t, sqlstore.Granted, res.Code)
		require.NotContains(t, used, res.Lease.Addr)
		require.EqualValues(t, i+1, store.inserts.Load(), "a used address was tried")
	}
}

// An address that was given back has a token: whoever used an older one does
// not delete it.
func hintTokens(t *testing.T, b *bench) {
	f := b.frontend(t)
	p := b.pool(b.vrf, b.vrf, 7, 7)
	require.Len(t, b.free(t, f, p, 10).Addrs, 1)
	giveBack := func(client int) {
		in := b.insert(b.vrf, client, b.addr(7))
		in.PoolID = p.ID
		l := place(t, b.store, in).Lease
		require.Equal(t, p.ID, l.PoolID)
		b.db.age(t, b.family, l.Key, 100*time.Second)
		n, err := b.store.DeleteOffers(t.Context(), b.family, []sqlstore.Due{{Key: l.Key, Addr: l.Addr, State: l.State, Rev: l.Rev}})
		require.NoError(t, err)
		require.Equal(t, 1, n)
	}
	giveBack(1)
	one := b.free(t, f, p, 10)
	require.Len(t, one.Addrs, 1)
	require.Equal(t, b.addr(7), one.Addrs[0].Addr)
	require.NotZero(t, one.Addrs[0].Token)
	require.Zero(t, one.Chunk)
	require.Empty(t, b.free(t, f, p, 10).Addrs, "it is held for the one who took it")

	giveBack(2) // used, and given back, before the first use was reported
	used := sqlstore.UsedFree{VRF: b.vrf, Addr: b.addr(7), Token: one.Addrs[0].Token}
	require.NoError(t, b.store.DoneFree(t.Context(), f, nil, []sqlstore.UsedFree{used}))
	two := b.free(t, f, p, 10)
	require.Len(t, two.Addrs, 1, "the newer entry is still there")
	require.NotEqual(t, one.Addrs[0].Token, two.Addrs[0].Token)
	used.Token = two.Addrs[0].Token
	require.NoError(t, b.store.DoneFree(t.Context(), f, nil, []sqlstore.UsedFree{used}))
	require.Zero(t, b.db.number(t, "SELECT count(*) FROM addr_free WHERE vrf = %d", b.vrf))

	giveBack(3)
	three := b.free(t, f, p, 10)
	require.Len(t, three.Addrs, 1)
	b.db.exec(t, "UPDATE addr_free SET hold_until = %s WHERE vrf = %d", b.db.back("hold_until", 11*time.Second), b.vrf)
	four := b.free(t, f, p, 10)
	require.Len(t, four.Addrs, 1, "its holder never used it")
	require.NotEqual(t, three.Addrs[0].Token, four.Addrs[0].Token)
}

// A dry pool deletes dead bindings, the longest dead first, and no others.
func hintReclaim(t *testing.T, b *bench) {
	p := b.pool(b.vrf, b.vrf, 1, 100)
	for i := 1; i <= 9; i++ {
		in := b.insert(b.vrf, i, b.addr(i))
		in.PoolID = p.ID
		l := place(t, b.store, in).Lease
		if i == 9 {
			break // offered
		}
		l = b.do(t, sqlstore.Activate, l, 0)
		if i == 8 {
			break
		}
		b.do(t, sqlstore.Release, l, 0)
		// client 1 is dead for the shortest time; 6 and 7 are still in their grace
		if i < 6 {
			b.db.age(t, b.family, l.Key, time.Duration(100+i)*time.Second)
		}
	}
	rest := func() (clients []int) {
		rows := leases(t, b.store, b.family, b.vrf)
		for i := 1; i <= 9; i++ {
			if _, ok := rows[b.addr(i)]; ok {
				clients = append(clients, i)
			}
		}
		return clients
	}
	before := rest()
	n := reclaimed(t, b.store, p, 2)
	require.Equal(t, 2, n)
	require.Equal(t, []int{1, 2, 3, 6, 7, 8}, rest(), "of %v", before)
	n = reclaimed(t, b.store, p, 64)
	require.Equal(t, 3, n)
	require.Equal(t, []int{6, 7, 8}, rest())
	require.EqualValues(t, 5, b.db.number(t, "SELECT count(*) FROM addr_free WHERE vrf = %d AND pool_id = %d", b.vrf, p.ID))
	n = reclaimed(t, b.store, p, 64)
	require.Zero(t, n)
}

// reclaimed deletes up to n dead rows of a pool.
func reclaimed(t *testing.T, s sqlstore.Store, p *sqlstore.Pool, n int) int {
	t.Helper()
	counts, err := s.Reclaim(t.Context(), []*sqlstore.Pool{p}, n)
	require.NoError(t, err)
	require.Len(t, counts, 1)
	return counts[0]
}

// Addresses of a pool's former size are not handed out.
func hintShrink(t *testing.T, b *bench) {
	f := b.frontend(t)
	p := b.pool(b.vrf, b.vrf, 1, 2)
	for range p.Size() {
		b.free(t, f, p, 10)
	}
	require.Empty(t, b.free(t, f, p, 10).Addrs)
	for i := 1; i <= 4; i++ {
		in := b.insert(b.vrf, i, b.addr(i))
		in.PoolID = p.ID
		l := place(t, b.store, in).Lease
		b.db.age(t, b.family, l.Key, 100*time.Second)
		_, err := b.store.DeleteOffers(t.Context(), b.family, []sqlstore.Due{{Key: l.Key, Addr: l.Addr, State: l.State, Rev: l.Rev}})
		require.NoError(t, err)
	}
	e := newEngine(t, b.store, fmt.Sprintf("shrink-%d", b.vrf))
	got := map[netip.Addr]bool{}
	for i := range 2 {
		it := b.item(sqlstore.OpOffer, b.vrf, 10+i, netip.Addr{}, sqlstore.NewPoolSet(p))
		res := decide(t, e, b.family, it)
		require.Equal(t, sqlstore.Granted, res.Code)
		got[res.Lease.Addr] = true
	}
	require.Equal(t, map[netip.Addr]bool{b.addr(1): true, b.addr(2): true}, got)
}

// small is an engine with one small pool.
type small struct {
	*bench
	e    *engine.Engine
	pool *sqlstore.Pool
	set  *sqlstore.PoolSet
}

func newSmall(t *testing.T, dialect string, size int) *small {
	db := serving(t, dialect)
	b := &bench{variants[0], db, Open(t, db.url), newVRF()}
	p := b.pool(b.vrf, b.vrf, 1, size)
	return &small{b, newEngine(t, b.store, "fe1"), p, sqlstore.NewPoolSet(p)}
}

func (s *small) ask(t *testing.T, op sqlstore.Op, client int, want netip.Addr) sqlstore.Result {
	t.Helper()
	return decide(t, s.e, s.family, s.item(op, s.vrf, client, want, s.set))
}

// A pool at 100 %: those who have an address are served as ever, others are
// refused at once; an address whose grace is over goes to the next.
func hintFull(t *testing.T, dialect string) {
	s := newSmall(t, dialect, 16)
	for i := range 16 {
		require.Equal(t, sqlstore.Granted, s.ask(t, sqlstore.OpAssign, i, netip.Addr{}).Code, "client %d", i)
	}
	require.Equal(t, sqlstore.Exhausted, s.ask(t, sqlstore.OpOffer, 100, netip.Addr{}).Code)
	started := time.Now()
	for i := range 50 {
		require.Equal(t, sqlstore.Exhausted, s.ask(t, sqlstore.OpOffer, 100+i, netip.Addr{}).Code)
	}
	require.Less(t, time.Since(started), 2*time.Second, "each looked for an address anew")
	for i := range 16 {
		res := s.ask(t, sqlstore.OpOffer, i, netip.Addr{})
		require.Equal(t, sqlstore.Granted, res.Code)
		require.Equal(t, sqlstore.Granted, s.ask(t, sqlstore.OpRenew, i, res.Lease.Addr).Code)
	}
	held := s.ask(t, sqlstore.OpOffer, 3, netip.Addr{}).Lease
	require.Equal(t, sqlstore.Done, s.ask(t, sqlstore.OpRelease, 3, held.Addr).Code)
	time.Sleep(1100 * time.Millisecond)
	require.Equal(t, sqlstore.Exhausted, s.ask(t, sqlstore.OpOffer, 100, netip.Addr{}).Code, "it is in its grace")
	s.db.age(t, s.family, held.Key, 2*time.Minute)
	res := s.ask(t, sqlstore.OpOffer, 100, netip.Addr{})
	for tries := 0; res.Code != sqlstore.Granted; tries++ { // "exhausted" is believed for a second
		require.Less(t, tries, 400)
		time.Sleep(50 * time.Millisecond)
		res = s.ask(t, sqlstore.OpOffer, 100, netip.Addr{})
	}
	require.Equal(t, held.Addr, res.Lease.Addr)
}

// INV-9: when all has settled, every address is in a row, in a chunk or in the
// list of free ones, once.
func hintSettled(t *testing.T, dialect string) {
	s := newSmall(t, dialect, 200)
	var wg sync.WaitGroup
	for w := range 8 {
		wg.Go(func() {
			for i := range 25 {
				client := w*100 + i
				res, err := tryDecide(s.e, s.family, s.item(sqlstore.OpOffer, s.vrf, client, netip.Addr{}, s.set))
				if err != nil || res.Code != sqlstore.Granted {
					continue
				}
				switch i % 4 {
				case 0: // stays offered
				case 1:
					_, _ = tryDecide(s.e, s.family, s.item(sqlstore.OpSelect, s.vrf, client, res.Lease.Addr, s.set))
				case 2:
					_, _ = tryDecide(s.e, s.family, s.item(sqlstore.OpSelect, s.vrf, client, res.Lease.Addr, s.set))
					_, _ = tryDecide(s.e, s.family, s.item(sqlstore.OpRelease, s.vrf, client, res.Lease.Addr, s.set))
				case 3:
					_, _ = tryDecide(s.e, s.family, s.item(sqlstore.OpAssign, s.vrf, client, s.addr(1+client%200), s.set))
				}
			}
		})
	}
	wg.Wait()
	s.db.exec(t, "UPDATE lease4 SET since = %s, expires_at = %s, reclaim_at = %s WHERE state <> 2",
		s.db.back("since", 30*24*time.Hour), s.db.back("expires_at", 30*24*time.Hour), s.db.back("reclaim_at", 30*24*time.Hour))
	_, err := s.e.Sweep(t.Context())
	require.NoError(t, err)
	s.account(t)
	require.NoError(t, s.e.Stop(context.Background()))
	// the next frontend finds each of them, once what this one held has come back
	s.db.exec(t, "UPDATE addr_free SET hold_until = %s", s.db.back("hold_until", time.Minute))
	e := newEngine(t, s.store, "fe2")
	used := len(leases(t, s.store, s.family, s.vrf))
	granted := 0
	for i := range 200 {
		res, err := tryDecide(e, s.family, s.item(sqlstore.OpAssign, s.vrf, 5000+i, netip.Addr{}, s.set))
		require.NoError(t, err)
		if res.Code == sqlstore.Granted {
			granted++
		}
	}
	require.Equal(t, 200-used, granted)
}

// account counts the places in which each address of the pool is.
func (s *small) account(t *testing.T) {
	t.Helper()
	rows := leases(t, s.store, s.family, s.vrf)
	known := map[netip.Addr]bool{}
	for a := range rows {
		known[a] = true
	}
	for _, r := range s.db.rows(t, "SELECT addr FROM addr_free WHERE vrf = %d", s.vrf) {
		a, _ := netip.AddrFromSlice([]byte(r[0]))
		known[a] = true
	}
	for _, r := range s.db.rows(t, "SELECT first_index, n FROM addr_chunk WHERE pool_id = %d AND gen = %d", s.pool.ID, s.pool.Gen) {
		for i := range atoi(t, r[1]) {
			known[s.pool.At(uint64(atoi(t, r[0])+i))] = true
		}
	}
	for _, r := range s.db.rows(t, "SELECT next_index, size FROM pool_cursor WHERE pool_id = %d AND gen = %d", s.pool.ID, s.pool.Gen) {
		for i := atoi(t, r[0]); i < atoi(t, r[1]); i++ {
			known[s.pool.At(uint64(i))] = true
		}
	}
	var lost []netip.Addr
	for i := range s.pool.Size() {
		if a := s.pool.At(i); !known[a] {
			lost = append(lost, a)
		}
	}
	require.Empty(t, lost, "addresses that nobody will hand out again")
}

// A pool that is closed and opened again loses nothing that was in hand.
func hintClosing(t *testing.T, dialect string) {
	db := migrated(t, dialect)
	b := &bench{variants[0], db, db.openBoth(t), 0}
	cfg := oneSubnet()
	_, err := b.store.ApplyConfig(t.Context(), sqlstore.AnyRevision, cfg, "test", "")
	require.NoError(t, err)
	e := newEngine(t, b.store, "fe1")
	s := &small{b, e, cfg.Links[0].Subnets[0].Pools[0], sqlstore.NewPoolSet(cfg.Links[0].Subnets[0].Pools[0])}
	require.Equal(t, sqlstore.Granted, s.ask(t, sqlstore.OpOffer, 1, netip.Addr{}).Code)
	for _, closing := range []bool{true, false} {
		next := oneSubnet()
		next.Links[0].Subnets[0].Pools[0].Closing = closing
		rev, err := b.store.ApplyConfig(t.Context(), sqlstore.AnyRevision, next, "test", "")
		require.NoError(t, err)
		require.Eventually(t, func() bool { using, _ := e.Revision(); return using == rev }, 5*time.Second, 10*time.Millisecond)
		time.Sleep(600 * time.Millisecond) // a refill passes
	}
	s.account(t)
	n := 1
	for {
		res, err := tryDecide(e, s.family, s.item(sqlstore.OpOffer, s.vrf, 10+n, netip.Addr{}, s.set))
		require.True(t, err == nil || errors.Is(err, sqlstore.ErrBusy), err)
		if err != nil || res.Code != sqlstore.Granted {
			break
		}
		n++
	}
	require.EqualValues(t, s.pool.Size(), n)
}
