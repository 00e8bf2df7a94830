package engine

import (
	"context"
	"net/netip"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"rowlock/sqlstore"
)

// onePerPool hands out the first address of each pool, in chunks.
func onePerPool(needs []sqlstore.PoolNeed) (out []sqlstore.Hints, err error) {
	for _, n := range needs {
		out = append(out, sqlstore.Hints{
			Pool: n.Pool, Source: sqlstore.HintFresh, Chunk: int64(n.Pool.ID), Addrs: []sqlstore.FreeAddr{{Addr: n.Pool.First, Exclusive: true}},
		})
	}
	return out, nil
}

// nothing is what a dry source says.
func nothing(needs []sqlstore.PoolNeed) ([]sqlstore.Hints, error) {
	out := make([]sqlstore.Hints, len(needs))
	for i := range needs {
		out[i].Pool = needs[i].Pool
	}
	return out, nil
}

func numbered(id int) *sqlstore.Pool {
	p := testPool(4)
	p.ID = uint32(id)
	return p
}

// Ten thousand pools that are needy at once are served in refills of a bounded
// size, each pool once.
func TestRefillsAreBounded(t *testing.T) {
	var calls []int
	f := &fakeStore{take: func(needs []sqlstore.PoolNeed) ([]sqlstore.Hints, error) {
		calls = append(calls, len(needs))
		return onePerPool(needs)
	}}
	e := newTest(t, f)
	const pools = 10000
	for i := range pools {
		it := testItem(sqlstore.OpOffer, i, "", numbered(i+1))
		for range 3 { // others wait for the same pool
			require.Nil(t, e.hints.tryTake(&it))
		}
	}
	for len(e.hints.queue[urgent]) > 0 {
		require.NoError(t, e.hints.refill(t.Context()))
	}
	require.Len(t, calls, (pools+poolsAtOnce-1)/poolsAtOnce)
	for i := range pools {
		it := testItem(sqlstore.OpOffer, i, "", numbered(i+1))
		require.NotNil(t, e.hints.tryTake(&it))
	}
}

// A pool for which somebody waits goes before those that are filled ahead of
// need, and a refill has room for both.
func TestUrgentGoesFirst(t *testing.T) {
	var last []sqlstore.PoolNeed
	f := &fakeStore{take: func(needs []sqlstore.PoolNeed) ([]sqlstore.Hints, error) {
		last = needs
		return onePerPool(needs)
	}}
	e := newTest(t, f)
	item := func(i int) *sqlstore.Item {
		it := testItem(sqlstore.OpOffer, i, "", numbered(i))
		return &it
	}
	for i := 1; i <= 2*poolsAtOnce; i++ {
		require.Nil(t, e.hints.tryTake(item(i)))
	}
	require.NoError(t, e.hints.refill(t.Context()))
	require.NoError(t, e.hints.refill(t.Context()))
	for i := 1; i <= 2*poolsAtOnce; i++ {
		require.NotNil(t, e.hints.tryTake(item(i)), "the last one: more is asked for")
	}
	require.Nil(t, e.hints.tryTake(item(7)), "one of those becomes urgent")
	require.Nil(t, e.hints.tryTake(item(9999)))
	require.NoError(t, e.hints.refill(t.Context()))
	require.Len(t, last, poolsAtOnce)
	require.EqualValues(t, 7, last[0].Pool.ID)
	require.EqualValues(t, 9999, last[1].Pool.ID)
	require.NoError(t, e.hints.refill(t.Context()))
	require.NoError(t, e.hints.refill(t.Context()))
	require.Len(t, last, 1, "each once")
	require.Empty(t, e.hints.queue[soon])
}

// When nobody has a free address, one that another frontend has in hand is
// borrowed: it is not exclusive, and not kept for long.
func TestBorrowed(t *testing.T) {
	p := testPool(4)
	borrows := 0
	f := &fakeStore{take: nothing, borrow: func(needs []sqlstore.PoolNeed) ([]sqlstore.Hints, error) {
		borrows++
		out, err := nothing(needs)
		out[0].Source, out[0].Addrs = sqlstore.HintBorrowed, []sqlstore.FreeAddr{{Addr: p.At(2)}, {Addr: p.At(3)}}
		require.LessOrEqual(t, needs[0].Want, borrowOnce)
		return out, err
	}}
	withStore(t, f, func(t *testing.T, e *Engine) {
		c := takeOne(t, e, p)
		require.Equal(t, p.At(2), c.Addr)
		require.False(t, c.exclusive())
		e.hints.spent(c)
		require.Equal(t, 1, borrows)
		require.Zero(t, f.reclaimed)
		time.Sleep(holdTime + time.Second)
		require.Equal(t, p.At(2), takeOne(t, e, p).Addr, "the other one is not trusted any more")
		chunks, used := f.done()
		require.Empty(t, chunks)
		require.Empty(t, used)
	})
}

// withStore runs a test on an engine whose refilling works.
func withStore(t *testing.T, f *fakeStore, run func(t *testing.T, e *Engine)) {
	synctest.Test(t, func(t *testing.T) {
		e := newTest(t, f)
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan struct{})
		go func() { e.hints.run(ctx); close(done) }()
		run(t, e)
		cancel()
		<-done
	})
}

// Where all that was looked at is in use, the next look goes on: the pool is
// not dry.
func TestThereIsMore(t *testing.T) {
	asked := 0
	f := &fakeStore{take: func(needs []sqlstore.PoolNeed) ([]sqlstore.Hints, error) {
		if asked++; asked < 20 {
			out, err := nothing(needs)
			out[0].More = true
			return out, err
		}
		return onePerPool(needs)
	}}
	withStore(t, f, func(t *testing.T, e *Engine) {
		started := time.Now()
		require.NotNil(t, takeOne(t, e, testPool(4)))
		require.Zero(t, time.Since(started), "at once")
		require.Zero(t, f.reclaimed)
	})
}

// Filling ahead of need that finds nothing neither makes a pool exhausted nor
// deletes anything: whoever needs an address has everything tried for him.
func TestFillingAheadIsNoExhaustion(t *testing.T) {
	s := &source{size: 4}
	f := &fakeStore{take: s.take, reclaim: func(pools []*sqlstore.Pool) ([]int, error) {
		s.next = 0 // a dead binding's address is listed
		return []int{1}, nil
	}}
	withStore(t, f, func(t *testing.T, e *Engine) {
		p := testPool(4)
		for range 4 {
			require.NotNil(t, takeOne(t, e, p))
			synctest.Wait()
		}
		asked := s.asked
		require.Zero(t, f.reclaimed)
		require.NotNil(t, takeOne(t, e, p), "right after a refill that found nothing")
		require.Equal(t, 1, f.reclaimed)
		require.Equal(t, asked+2, s.asked)
	})
}

// A full pool costs the same few calls a second, however many ask.
func TestExhaustionIsCheap(t *testing.T) {
	takes, borrows := 0, 0
	f := &fakeStore{take: func(needs []sqlstore.PoolNeed) ([]sqlstore.Hints, error) {
		takes++
		return nothing(needs)
	}, borrow: func(needs []sqlstore.PoolNeed) ([]sqlstore.Hints, error) {
		borrows++
		return nothing(needs)
	}}
	withStore(t, f, func(t *testing.T, e *Engine) {
		p := testPool(4)
		for range 3 {
			for range 1000 {
				require.Nil(t, takeOne(t, e, p))
			}
			time.Sleep(dryTime)
		}
		require.Equal(t, []int{3, 3, 3}, []int{takes, borrows, f.reclaimed})
	})
}

// Borrowed addresses that are all somebody's by the time they are tried do not
// keep a client going round: the next look finds nothing, and that is the answer.
func TestBorrowedConflictsEnd(t *testing.T) {
	p := testPool(4)
	tries, borrows := 0, 0
	f := &fakeStore{take: nothing, borrow: func(needs []sqlstore.PoolNeed) ([]sqlstore.Hints, error) {
		out, err := nothing(needs)
		if borrows++; borrows == 1 {
			out[0].Source, out[0].Addrs = sqlstore.HintBorrowed, []sqlstore.FreeAddr{{Addr: p.At(0)}, {Addr: p.At(1)}, {Addr: p.At(2)}}
		}
		return out, err
	}, apply: func(b *sqlstore.Batch) (*sqlstore.BatchResult, error) {
		res := &sqlstore.BatchResult{Revision: 1, Alive: true}
		for i := range b.Inserts {
			if b.Inserts[i].Addr.IsValid() {
				tries++
				require.True(t, b.Inserts[i].Solo, "it is not exclusive")
			}
			res.Inserts = append(res.Inserts, sqlstore.InsertResult{Status: sqlstore.NotPlaced})
		}
		return res, nil
	}}
	withStore(t, f, func(t *testing.T, e *Engine) {
		d, err := e.Do(t.Context(), &sqlstore.Request{Family: sqlstore.IPv4, Items: []sqlstore.Item{testItem(sqlstore.OpOffer, 1, "", p)}})
		require.NoError(t, err)
		require.Equal(t, sqlstore.Exhausted, d.Results[0].Code)
		require.Equal(t, 3, tries)
		require.Equal(t, 2, borrows)
	})
}

// A refill that fails is repeated for the same pools; those who wait go on
// waiting.
func TestFailedRefillIsRepeated(t *testing.T) {
	calls := 0
	f := &fakeStore{take: func(needs []sqlstore.PoolNeed) ([]sqlstore.Hints, error) {
		if calls++; calls < 4 {
			return nil, sqlstore.ErrUnavailable
		}
		return onePerPool(needs)
	}}
	withStore(t, f, func(t *testing.T, e *Engine) {
		require.Equal(t, netip.MustParseAddr("192.0.2.1"), takeOne(t, e, testPool(4)).Addr)
		require.Equal(t, 4, calls)
	})
}

// What was fetched for a pool generation that went meanwhile is given up.
func TestFetchedTooLate(t *testing.T) {
	p := testPool(4)
	var e *Engine
	f := &fakeStore{take: func(needs []sqlstore.PoolNeed) ([]sqlstore.Hints, error) {
		e.hints.retain(&sqlstore.Config{})
		return onePerPool(needs)
	}}
	e = newTest(t, f)
	it := testItem(sqlstore.OpOffer, 1, "", p)
	require.Nil(t, e.hints.tryTake(&it))
	require.NoError(t, e.hints.refill(t.Context()))
	require.NoError(t, e.hints.refill(t.Context()))
	chunks, _ := f.done()
	require.Equal(t, []int64{1}, chunks)
	require.Empty(t, e.hints.stocks)
}

// TestStocksFollowTheDemand: what is used up fast is fetched in larger pieces,
// and in smaller ones again when it is not.
func TestStocksFollowTheDemand(t *testing.T) {
	s, now := &stock{want: hintBatch}, time.Now()
	for _, want := range []int{512, 1024, 2048, 2048} {
		s.filled = now
		now = now.Add(paceFast / 2)
		s.pace(now)
		require.Equal(t, want, s.want)
	}
	now = now.Add(paceSlow / 2)
	s.pace(now)
	require.Equal(t, sqlstore.MaxHints, s.want)
	for _, want := range []int{1024, 512, 256, 256} {
		now = now.Add(2 * paceSlow)
		s.pace(now)
		require.Equal(t, want, s.want)
	}
}
