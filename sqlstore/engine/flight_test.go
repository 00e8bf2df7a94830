package engine

import (
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"rowlock/sqlstore"
)

func TestFlights(t *testing.T) {
	var f flights
	require.Zero(t, f.report())
	require.True(t, f.use(5), "nothing is under way")
	require.EqualValues(t, 5, f.report())
	require.True(t, f.begin(5))
	require.True(t, f.begin(5))
	require.False(t, f.use(7), "what is under way was made from 5")
	require.True(t, f.begin(7))
	require.True(t, f.begin(6))
	require.True(t, f.begin(5), "not reported yet")
	require.EqualValues(t, 5, f.report())
	require.False(t, f.begin(4))
	require.False(t, f.end(5))
	require.False(t, f.end(5))
	require.True(t, f.end(5))
	require.EqualValues(t, 6, f.report())
	require.False(t, f.begin(5), "the siblings count on it")
	require.True(t, f.end(6))
	require.EqualValues(t, 7, f.report())
	require.False(t, f.end(7), "there is nothing new to tell")
	require.True(t, f.begin(0), "tools have no configuration")
	require.False(t, f.end(0))
	require.False(t, f.use(7))
	require.Empty(t, f.open)
	require.True(t, f.use(3), "of a database that was restored: what was told is not true any more")
	require.EqualValues(t, 3, f.report())
}

func BenchmarkFlights(b *testing.B) {
	var f flights
	f.use(3)
	b.ReportAllocs()
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			if f.begin(3) {
				f.end(3)
			}
		}
	})
}

func TestFlightsAllocateNothing(t *testing.T) {
	var f flights
	f.use(3)
	f.begin(3)
	f.end(3)
	require.Zero(t, testing.AllocsPerRun(100, func() { f.begin(3); f.begin(4); f.end(3); f.end(4) }))
}

// The row tells of a new revision when the last message of an older one has
// ended, at once, and no message of an older one writes from then on.
func TestHeartbeatTellsOldestInFlight(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var hold atomic.Pointer[chan struct{}]
		f := &fakeStore{config: &sqlstore.Config{Revision: 5}, apply: func(b *sqlstore.Batch) (*sqlstore.BatchResult, error) {
			if c := hold.Load(); c != nil {
				<-*c
			}
			res := done(b)
			res.Revision = 5
			return res, nil
		}}
		e := running(t, f)
		release := func(revision int64) error {
			it := testItem(sqlstore.OpRelease, int(revision), inPool)
			_, err := e.Do(t.Context(), &sqlstore.Request{Family: sqlstore.IPv4, Revision: revision, Items: []sqlstore.Item{it}})
			return err
		}
		require.EqualValues(t, 5, f.told().Revision)
		c := make(chan struct{})
		hold.Store(&c)
		ended := make(chan error)
		go func() { ended <- release(5) }()
		synctest.Wait()
		f.set(&sqlstore.Config{Revision: 6}, nil)
		time.Sleep(1500 * time.Millisecond)
		require.EqualValues(t, 6, using(e))
		require.EqualValues(t, 5, f.told().Revision, "a message of it is under way")
		hold.Store(nil)
		close(c)
		require.NoError(t, <-ended)
		time.Sleep(beatRest)
		require.EqualValues(t, 6, f.told().Revision, "not with the next tick")
		batches := f.batchCount()
		require.ErrorIs(t, release(5), sqlstore.ErrSuperseded)
		require.Equal(t, batches, f.batchCount(), "nothing is written")
		require.NoError(t, release(6))
		require.NoError(t, release(0), "of a tool")

		time.Sleep(300 * time.Millisecond) // between two ticks
		f.set(&sqlstore.Config{Revision: 7}, nil)
		time.Sleep(250*time.Millisecond + beatRest)
		require.EqualValues(t, 7, f.told().Revision, "at once where nothing is under way")
	})
}
