package engine

import (
	"context"
	"net/netip"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"rowlock/sqlstore"
)

// source hands out the addresses of a pool in chunks.
type source struct {
	next, chunk int64
	size        int64
	token       bool
	asked       int
}

func (s *source) take(needs []sqlstore.PoolNeed) ([]sqlstore.Hints, error) {
	s.asked++
	out := make([]sqlstore.Hints, len(needs))
	for i, n := range needs {
		out[i].Pool, out[i].Source = n.Pool, sqlstore.HintFresh
		if s.token {
			out[i].Source = sqlstore.HintReturned
		}
		count := min(int64(n.Want), s.size, int64(n.Pool.Size())-s.next)
		if count > 0 && !s.token {
			s.chunk++
			out[i].Chunk = s.chunk
		}
		for range count {
			a := sqlstore.FreeAddr{Addr: n.Pool.At(uint64(s.next)), Exclusive: true}
			if s.token {
				a.Token = s.next + 1
			}
			out[i].Addrs = append(out[i].Addrs, a)
			s.next++
		}
	}
	return out, nil
}

// withHints runs a test on the hints of an engine whose refilling works.
func withHints(t *testing.T, s *source, run func(t *testing.T, e *Engine, f *fakeStore)) {
	synctest.Test(t, func(t *testing.T) {
		f := &fakeStore{take: s.take}
		e := newTest(t, f)
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan struct{})
		go func() { e.hints.run(ctx); close(done) }()
		run(t, e, f)
		cancel()
		<-done
	})
}

func takeOne(t *testing.T, e *Engine, p *sqlstore.Pool) *candidate {
	t.Helper()
	e.heartbeat(t.Context()) // stay ready
	it := testItem(sqlstore.OpOffer, 1, "", p)
	c, err := e.hints.take(t.Context(), &it)
	require.NoError(t, err)
	return c
}

// A chunk is given up when each of its addresses is used, not before.
func TestChunkIsCountedDown(t *testing.T) {
	withHints(t, &source{size: 4}, func(t *testing.T, e *Engine, f *fakeStore) {
		p := testPool(4)
		var all []*candidate
		for range 4 {
			all = append(all, takeOne(t, e, p))
		}
		for i, c := range all {
			require.True(t, c.exclusive())
			require.Equal(t, p.At(uint64(i)), c.Addr)
		}
		for _, c := range all[:3] {
			e.hints.spent(c)
		}
		time.Sleep(2 * time.Second)
		chunks, _ := f.done()
		require.Empty(t, chunks)
		e.hints.spent(all[3])
		time.Sleep(2 * time.Second)
		chunks, used := f.done()
		require.Equal(t, []int64{1}, chunks)
		require.Empty(t, used)
	})
}

// What was not used is handed out again; what may have been used too, but not
// as an exclusive address.
func TestHintsComeBack(t *testing.T) {
	withHints(t, &source{size: 2}, func(t *testing.T, e *Engine, f *fakeStore) {
		p := testPool(2)
		one, two := takeOne(t, e, p), takeOne(t, e, p)
		e.hints.giveBack(one)
		e.hints.unknown(two)
		e.hints.giveBack(nil)
		e.hints.unknown(nil)
		e.hints.spent(nil)
		again := takeOne(t, e, p)
		require.Equal(t, one.Addr, again.Addr)
		require.True(t, again.exclusive())
		again = takeOne(t, e, p)
		require.Equal(t, two.Addr, again.Addr)
		require.False(t, again.exclusive())
	})
}

// Under overload lanes shed what has waited too long: its candidate was not
// used, and stays one that goes into a common transaction.
func TestHintsOfShedJobsStayExclusive(t *testing.T) {
	withHints(t, &source{size: 4}, func(t *testing.T, e *Engine, f *fakeStore) {
		p := testPool(4)
		e.hints.giveBack(takeOne(t, e, p))
		f.apply = func(b *sqlstore.Batch) (*sqlstore.BatchResult, error) {
			time.Sleep(2 * time.Second)
			return done(b), nil
		}
		ask := func(ctx context.Context, client int) error {
			_, err := e.Do(ctx, &sqlstore.Request{Family: sqlstore.IPv4, Items: []sqlstore.Item{testItem(sqlstore.OpOffer, client, "", p)}})
			return err
		}
		var running sync.WaitGroup
		running.Go(func() { require.NoError(t, ask(t.Context(), 1)) })
		time.Sleep(time.Millisecond)
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		require.ErrorIs(t, ask(ctx, 2), sqlstore.ErrBusy)
		running.Wait()
		for range 3 {
			require.True(t, takeOne(t, e, p).exclusive())
		}
	})
}

// More is fetched when half is used.
func TestHintsArePrefetched(t *testing.T) {
	s := &source{size: 100}
	withHints(t, s, func(t *testing.T, e *Engine, f *fakeStore) {
		p := testPool(200)
		for range 49 {
			takeOne(t, e, p)
		}
		synctest.Wait()
		require.Equal(t, 1, s.asked)
		takeOne(t, e, p)
		synctest.Wait()
		require.Equal(t, 2, s.asked)
	})
}

// An address that was given back is held for less than the database holds it.
func TestHeldAddressesRunOut(t *testing.T) {
	s := &source{size: 8, token: true}
	withHints(t, s, func(t *testing.T, e *Engine, f *fakeStore) {
		p := testPool(8)
		e.hints.spent(takeOne(t, e, p))
		time.Sleep(holdTime + time.Second)
		_, used := f.done()
		require.Equal(t, []sqlstore.UsedFree{{Addr: p.At(0), Token: 1}}, used)
		require.Nil(t, takeOne(t, e, p), "somebody else may have the others now")
	})
}

// "Nothing is free" is believed for a second, after dead bindings were looked
// for.
func TestExhaustionIsRemembered(t *testing.T) {
	s := &source{size: 1}
	withHints(t, s, func(t *testing.T, e *Engine, f *fakeStore) {
		p := testPool(1)
		require.NotNil(t, takeOne(t, e, p))
		for range 50 {
			require.Nil(t, takeOne(t, e, p))
		}
		require.LessOrEqual(t, s.asked, 3, "once at first, perhaps once ahead, once for the one who waits")
		require.Equal(t, 1, f.reclaimed)
		select {
		case <-e.sweeper:
		default:
			require.Fail(t, "a dry pool asks for a sweep")
		}
		time.Sleep(dryTime + time.Millisecond)
		s.next = 0 // one has come back
		require.NotNil(t, takeOne(t, e, p))
	})
}

// A pool's stock goes with its generation; a closing pool keeps it.
func TestRetain(t *testing.T) {
	withHints(t, &source{size: 4}, func(t *testing.T, e *Engine, f *fakeStore) {
		p := testPool(4)
		takeOne(t, e, p)
		cfg := &sqlstore.Config{Links: []*sqlstore.Link{{Subnets: []*sqlstore.Subnet{{Pools: []*sqlstore.Pool{p}}}}}}
		closing := *p
		closing.Closing = true
		cfg.Links[0].Subnets[0].Pools[0] = &closing
		e.hints.retain(cfg)
		require.Equal(t, p.At(1), takeOne(t, e, p).Addr)
		next := *p
		next.Gen = 2
		cfg.Links[0].Subnets[0].Pools[0] = &next
		e.hints.retain(cfg)
		require.Empty(t, e.hints.stocks)
		time.Sleep(time.Second)
		chunks, _ := f.done()
		require.Equal(t, []int64{1}, chunks)
	})
}

// After an edit the generation before is let go: what was in hand of it goes to
// nobody but a message that began before, and does not come back.
func TestFormerGenerationIsLetGo(t *testing.T) {
	withHints(t, &source{size: 8}, func(t *testing.T, e *Engine, f *fakeStore) {
		was := testPool(8)
		inHand := takeOne(t, e, was)
		takeOne(t, e, was)
		next := *was // the addresses up to .4 are left
		next.Gen, next.Last = 2, was.At(3)
		e.hints.retain(&sqlstore.Config{Links: []*sqlstore.Link{{Subnets: []*sqlstore.Subnet{{Pools: []*sqlstore.Pool{&next}}}}}})
		e.hints.giveBack(inHand)
		e.hints.unknown(&candidate{FreeAddr: sqlstore.FreeAddr{Addr: was.At(7)}, pool: was})
		f.take = func(needs []sqlstore.PoolNeed) (out []sqlstore.Hints, err error) {
			for _, n := range needs {
				h := sqlstore.Hints{Pool: n.Pool, Gone: n.Pool.Gen == 1}
				for i := range n.Pool.Size() * uint64(n.Pool.Gen-1) {
					h.Addrs = append(h.Addrs, sqlstore.FreeAddr{Addr: n.Pool.At(i), Exclusive: true})
				}
				out = append(out, h)
			}
			return out, nil
		}
		for range 12 {
			c := takeOne(t, e, &next)
			require.True(t, next.Contains(c.Addr), c.Addr)
			require.EqualValues(t, 2, c.pool.Gen)
			require.Nil(t, takeOne(t, e, was), "a message that began before: the database says that it is gone")
		}
	})
}

// A pool that moved to another subnet keeps its stock, and its new leases are of
// the subnet that the message knows.
func TestMovedPool(t *testing.T) {
	withHints(t, &source{size: 8}, func(t *testing.T, e *Engine, _ *fakeStore) {
		was := testPool(8)
		was.SubnetID = 1
		takeOne(t, e, was)
		next := *was
		next.SubnetID = 2
		e.hints.retain(&sqlstore.Config{Links: []*sqlstore.Link{{Subnets: []*sqlstore.Subnet{{Pools: []*sqlstore.Pool{&next}}}}}})
		it := testItem(sqlstore.OpAssign, 1, "", &next)
		m, _ := newMessage(e, &sqlstore.Request{Family: sqlstore.IPv4, Items: []sqlstore.Item{it}}, 1, nil)
		in, ok, err := m.prepareInsert(t.Context(), &m.items[0])
		require.NoError(t, err)
		require.True(t, ok)
		require.Equal(t, was.At(1), in.Addr)
		require.EqualValues(t, 2, in.SubnetID)
	})
}

// Pools are tried in their order, those with the prefix length asked for first.
func TestPoolOrder(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := &fakeStore{take: func(needs []sqlstore.PoolNeed) (out []sqlstore.Hints, err error) {
			for _, n := range needs {
				out = append(out, sqlstore.Hints{Pool: n.Pool, Addrs: []sqlstore.FreeAddr{{Addr: n.Pool.First, Exclusive: true}, {Addr: n.Pool.Last, Exclusive: true}}})
			}
			return out, nil
		}}
		e := newTest(t, f)
		pd := func(id uint32, base string, length uint8) *sqlstore.Pool {
			a := netip.MustParseAddr(base)
			return &sqlstore.Pool{ID: id, Gen: 1, Kind: sqlstore.PD, First: a, Last: a, DelegatedLen: length}
		}
		set := sqlstore.NewPoolSet(pd(1, "2001:db8:1::", 56), pd(2, "2001:db8:2::", 60), pd(3, "2001:db8:3::", 56))
		it := sqlstore.Item{Kind: sqlstore.PD, Pools: set}
		for range 2 { // the first time only asks
			_ = e.hints.tryTake(&it)
			it.WantLen = 60
			_ = e.hints.tryTake(&it)
			it.WantLen = 0
			require.NoError(t, e.hints.refill(t.Context()))
		}
		require.EqualValues(t, 1, e.hints.tryTake(&it).pool.ID)
		it.WantLen = 60
		require.EqualValues(t, 2, e.hints.tryTake(&it).pool.ID)
		it.WantLen = 48
		require.EqualValues(t, 1, e.hints.tryTake(&it).pool.ID, "no pool has that length: any will do")
		it.Kind = sqlstore.NA
		require.Nil(t, e.hints.tryTake(&it), "a prefix is no address")
	})
}
