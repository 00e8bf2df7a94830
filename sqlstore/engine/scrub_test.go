package engine

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"rowlock/sqlstore"
)

// withScrubs runs a test on an engine that refills and scrubs.
func withScrubs(t *testing.T, f *fakeStore, run func(t *testing.T, e *Engine)) {
	withStore(t, f, func(t *testing.T, e *Engine) {
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan struct{})
		go func() { e.scrubs(ctx); close(done) }()
		run(t, e)
		cancel()
		<-done
	})
}

// A dry pool is scrubbed, but seldom; what that finds is handed out at once.
func TestDryPoolIsScrubbed(t *testing.T) {
	s := &source{size: 4}
	p := testPool(4)
	s.next = 4
	passes := 0
	f := &fakeStore{take: s.take, scrub: func(pool *sqlstore.Pool, from uint64) (int, uint64, error) {
		require.Equal(t, p, pool)
		if from == 0 {
			passes++
			return 0, sqlstore.ScrubWindow, nil
		}
		if passes == 1 {
			s.next = 3 // the last one is listed
			return 1, 0, nil
		}
		return 0, 0, nil
	}}
	withScrubs(t, f, func(t *testing.T, e *Engine) {
		started := time.Now()
		c := takeOne(t, e, p)
		if c == nil { // the scrub was not quicker than the one who waits
			time.Sleep(time.Millisecond)
			synctest.Wait()
			c = takeOne(t, e, p)
		}
		require.NotNil(t, c)
		require.Less(t, time.Since(started), dryTime, "dryness was taken back")
		for time.Since(started) < scrubAgain {
			require.Nil(t, takeOne(t, e, p))
			time.Sleep(20 * time.Second)
		}
		synctest.Wait()
		require.Equal(t, 1, passes)
		time.Sleep(2 * dryTime)
		require.Nil(t, takeOne(t, e, p))
		time.Sleep(time.Millisecond)
		synctest.Wait()
		require.Equal(t, 2, passes)
	})
}

// The leader of the sweep scrubs every pool each hour; another one does not.
func TestPoolsAreScrubbedByTheLeader(t *testing.T) {
	var passes []uint32
	f := &fakeStore{take: nothing, scrub: func(p *sqlstore.Pool, _ uint64) (int, uint64, error) {
		passes = append(passes, p.ID)
		return 0, 0, nil
	}}
	f.lead = sqlstore.ErrConflict
	withScrubs(t, f, func(t *testing.T, e *Engine) {
		pools := []*sqlstore.Pool{numbered(1), numbered(2), numbered(3)}
		e.hints.retain(&sqlstore.Config{Links: []*sqlstore.Link{{Subnets: []*sqlstore.Subnet{{Pools: pools}}}}})
		time.Sleep(scrubEvery + time.Second)
		synctest.Wait()
		require.Empty(t, passes)
		f.mu.Lock()
		f.lead = nil
		f.mu.Unlock()
		time.Sleep(scrubEvery)
		synctest.Wait()
		require.Equal(t, []uint32{1, 2, 3}, passes)
		require.Equal(t, 1, f.dropped)
	})
}

// A scrub works a quarter of its time.
func TestScrubRests(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		windows := uint64(0)
		f := &fakeStore{scrub: func(_ *sqlstore.Pool, from uint64) (int, uint64, error) {
			require.Equal(t, windows*sqlstore.ScrubWindow, from)
			time.Sleep(time.Second)
			if windows++; windows == 5 {
				return 2, 0, nil
			}
			return 1, windows * sqlstore.ScrubWindow, nil
		}}
		e := newTest(t, f)
		started := time.Now()
		n, err := e.Scrub(t.Context(), testPool(4))
		require.NoError(t, err)
		require.Equal(t, 6, n)
		require.Equal(t, 20*time.Second, time.Since(started))
		f.scrub = func(*sqlstore.Pool, uint64) (int, uint64, error) { return 0, 0, sqlstore.ErrUnavailable }
		_, err = e.Scrub(t.Context(), testPool(4))
		require.ErrorIs(t, err, sqlstore.ErrUnavailable)
	})
}
