package engine

import (
	"context"
	"net/netip"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"rowlock/sqlstore"
)

func wait(jobs []*job) {
	for _, j := range jobs {
		<-j.done
	}
}

func (f *fakeStore) sizes() (out []int) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, b := range f.batches {
		out = append(out, len(b.Inserts)+len(b.Updates))
	}
	return out
}

// With 1,024 in flight a batch has 256, the most there may be.
func TestBatchesGrowToTheirCap(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := &fakeStore{apply: func(b *sqlstore.Batch) (*sqlstore.BatchResult, error) {
			time.Sleep(5 * time.Millisecond)
			return done(b), nil
		}}
		l := newTest(t, f).offerLane(sqlstore.IPv4)
		var jobs []*job
		for i := range 1024 {
			j := insertJob(l.e, i)
			l.submit(j)
			jobs = append(jobs, j)
		}
		wait(jobs)
		sizes := f.sizes()
		require.Equal(t, maxBatch, slices.Max(sizes))
		require.LessOrEqual(t, len(sizes), 6, "%v", sizes)
		for _, j := range jobs {
			require.NoError(t, j.err)
			require.Equal(t, sqlstore.Inserted, j.insertDone[0].Status)
			require.Equal(t, j.inserts[0].Key, j.insertDone[0].Lease.Key, "each gets its own outcome")
		}
		for _, b := range f.batches {
			require.True(t, slices.IsSortedFunc(b.Inserts, func(x, y sqlstore.Insert) int {
				if x.Key < y.Key {
					return -1
				}
				return 1
			}))
		}
	})
}

// A second connection is used only when more than a batch waits, and never a third.
func TestSecondConnection(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := &fakeStore{split: true, apply: func(b *sqlstore.Batch) (*sqlstore.BatchResult, error) {
			time.Sleep(time.Second)
			return done(b), nil
		}}
		l := newTest(t, f).offerLane(sqlstore.IPv4)
		var jobs []*job
		add := func(n int) {
			for range n {
				j := insertJob(l.e, len(jobs))
				l.submit(j)
				jobs = append(jobs, j)
			}
			synctest.Wait()
		}
		add(1)
		add(secondConn)
		require.Equal(t, 1, f.atOnce(), "a batch waits")
		add(1)
		require.Equal(t, 2, f.atOnce(), "65 wait")
		add(1000)
		require.Equal(t, 2, f.atOnce())
		wait(jobs)
		require.Equal(t, 2, f.atOnce())
		synctest.Wait()
		l.mu.Lock()
		defer l.mu.Unlock()
		require.Zero(t, l.busy)
		require.Zero(t, l.waiting)
	})
}

// A dialect with one writer has one lane, and never two transactions at once.
func TestSingleWriter(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := &fakeStore{apply: func(b *sqlstore.Batch) (*sqlstore.BatchResult, error) {
			time.Sleep(time.Millisecond)
			return done(b), nil
		}}
		e := newTest(t, f)
		require.Same(t, e.offerLane(sqlstore.IPv4), e.commitLane(sqlstore.IPv6))
		var jobs []*job
		for i := range 500 {
			j := insertJob(e, i)
			if i%2 == 0 {
				j = &job{incarnation: e.fence().Incarnation, updates: []sqlstore.Update{{Family: sqlstore.IPv6, Key: testKey(i)}}, ctx: context.Background()}
			}
			e.commitLane(sqlstore.IPv4).submit(j)
			jobs = append(jobs, j)
		}
		wait(jobs)
		require.Equal(t, 1, f.atOnce())
	})
}

// An idle lane starts at once; a busy one gathers for a millisecond after a
// small batch, and not after a large one.
func TestPace(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var starts []time.Duration
		begin := time.Now()
		f := &fakeStore{split: true, apply: func(b *sqlstore.Batch) (*sqlstore.BatchResult, error) {
			starts = append(starts, time.Since(begin))
			time.Sleep(100 * time.Microsecond)
			return done(b), nil
		}}
		l := newTest(t, f).offerLane(sqlstore.IPv4)
		run := func(first int) (took time.Duration) {
			starts, begin = nil, time.Now()
			var jobs []*job
			l.mu.Lock() // so that the first batch is taken as a whole
			l.busy++
			l.mu.Unlock()
			for range first {
				jobs = append(jobs, insertJob(l.e, len(jobs)))
				l.submit(jobs[len(jobs)-1])
			}
			go l.run()
			time.Sleep(10 * time.Microsecond)
			late := insertJob(l.e, 10000)
			l.submit(late)
			wait(append(jobs, late))
			synctest.Wait()
			require.Len(t, starts, 2)
			require.Zero(t, starts[0])
			return starts[1]
		}
		require.Equal(t, pace, run(1))
		require.Equal(t, pace, run(smallBatch-1))
		require.Equal(t, 100*time.Microsecond, run(smallBatch))
	})
}

// poison refuses every batch that has the client.
func poison(n int, err error) func(*sqlstore.Batch) (*sqlstore.BatchResult, error) {
	return func(b *sqlstore.Batch) (*sqlstore.BatchResult, error) {
		for i := range b.Inserts {
			if b.Inserts[i].Key == testKey(n) {
				return nil, err
			}
		}
		return done(b), nil
	}
}

// attempts runs 64 jobs as one batch.
func attempts(t *testing.T, e *Engine) []*job {
	var jobs []*job
	for i := range 64 {
		j := insertJob(e, i)
		j.done = make(chan struct{})
		jobs = append(jobs, j)
	}
	e.offerLane(sqlstore.IPv4).exec(jobs)
	wait(jobs)
	return jobs
}

// Data that the database refuses: the one item is found by halving, the others
// go through, and the client is set aside for a minute.
func TestDataErrorIsBisected(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := &fakeStore{apply: poison(17, sqlstore.ErrData)}
		e := newTest(t, f)
		for i, j := range attempts(t, e) {
			if i == 17 {
				require.ErrorIs(t, j.err, sqlstore.ErrData)
				continue
			}
			require.NoError(t, j.err, "job %d", i)
		}
		require.LessOrEqual(t, len(f.batches), 13, "two halves for each power of two")
		before := len(f.batches)
		_, err := e.Do(t.Context(), &sqlstore.Request{Family: sqlstore.IPv4, Items: []sqlstore.Item{testItem(sqlstore.OpRelease, 17, "192.0.2.1")}})
		require.ErrorIs(t, err, sqlstore.ErrData)
		require.Len(t, f.batches, before, "set aside")
		time.Sleep(61 * time.Second)
		e.heartbeat(t.Context())
		_, err = e.Do(t.Context(), &sqlstore.Request{Family: sqlstore.IPv4, Items: []sqlstore.Item{testItem(sqlstore.OpRelease, 17, "192.0.2.1")}})
		require.NoError(t, err)
	})
}

// A deadlock: the same batch once more; when that fails too, in halves.
func TestTransientErrorIsRepeated(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		failures := 1
		f := &fakeStore{}
		f.apply = func(b *sqlstore.Batch) (*sqlstore.BatchResult, error) {
			if failures > 0 {
				failures--
				return nil, sqlstore.ErrRetry
			}
			return done(b), nil
		}
		for _, j := range attempts(t, newTest(t, f)) {
			require.NoError(t, j.err)
		}
		require.Equal(t, []int{64, 64}, f.sizes())

		f = &fakeStore{apply: poison(17, sqlstore.ErrRetry)}
		for i, j := range attempts(t, newTest(t, f)) {
			require.Equal(t, i == 17, j.err != nil, "job %d: %v", i, j.err)
		}
		require.Equal(t, []int{64, 64, 32, 32}, f.sizes()[:4])
	})
}

// The outcome of a commit is unknown: nobody is answered, and nothing is tried
// again.
func TestUnknownOutcome(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := &fakeStore{apply: func(*sqlstore.Batch) (*sqlstore.BatchResult, error) { return nil, sqlstore.ErrUnavailable }}
		e := newTest(t, f)
		for _, j := range attempts(t, e) {
			require.ErrorIs(t, j.err, sqlstore.ErrUnavailable)
		}
		require.Len(t, f.batches, 1)
		d, err := e.Do(t.Context(), &sqlstore.Request{Family: sqlstore.IPv4, Items: []sqlstore.Item{testItem(sqlstore.OpSelect, 1, "192.0.2.1", testPool(4))}})
		require.ErrorIs(t, err, sqlstore.ErrUnavailable)
		require.Nil(t, d)
		require.Len(t, f.batches, 2)
		time.Sleep(longestPause)
	})
}

// A frontend whose heartbeat the database finds too old answers nothing.
func TestFencedBatch(t *testing.T) {
	f := &fakeStore{apply: func(b *sqlstore.Batch) (*sqlstore.BatchResult, error) {
		return &sqlstore.BatchResult{Inserts: make([]sqlstore.InsertResult, len(b.Inserts)), Updates: make([]sqlstore.UpdateResult, len(b.Updates))}, nil
	}}
	for _, j := range attempts(t, newTest(t, f)) {
		require.ErrorIs(t, j.err, sqlstore.ErrFenced)
	}
}

// Nobody waits for it any more: it costs no transaction.
func TestAbandonedJobsAreDropped(t *testing.T) {
	f := &fakeStore{}
	l := newTest(t, f).offerLane(sqlstore.IPv4)
	gone, cancel := context.WithCancel(t.Context())
	cancel()
	j := insertJob(l.e, 1)
	j.ctx = gone
	l.submit(j)
	<-j.done
	require.ErrorIs(t, j.err, sqlstore.ErrBusy)
	require.Empty(t, f.batches)
}

func TestLaneIsBounded(t *testing.T) {
	release := make(chan struct{})
	f := &fakeStore{apply: func(b *sqlstore.Batch) (*sqlstore.BatchResult, error) { <-release; return done(b), nil }}
	l := newTest(t, f).offerLane(sqlstore.IPv4)
	refused := 0
	var jobs []*job
	for i := range maxWaiting + 1000 {
		j := insertJob(l.e, i)
		l.submit(j)
		jobs = append(jobs, j)
		select {
		case <-j.done:
			require.ErrorIs(t, j.err, sqlstore.ErrBusy)
			refused++
		default:
		}
	}
	require.GreaterOrEqual(t, refused, 1000-2*maxBatch)
	close(release)
	wait(jobs)
}

// New rows are refused first.
func TestLaneKeepsRoomForBegunConversations(t *testing.T) {
	release := make(chan struct{})
	f := &fakeStore{apply: func(b *sqlstore.Batch) (*sqlstore.BatchResult, error) { <-release; return done(b), nil }}
	l := newTest(t, f).offerLane(sqlstore.IPv4)
	var jobs []*job
	submit := func(n int, make func(int) *job) (taken int) {
		for i := range n {
			j := make(i)
			l.submit(j)
			select {
			case <-j.done:
				require.ErrorIs(t, j.err, sqlstore.ErrBusy)
			default:
				jobs = append(jobs, j)
				taken++
			}
		}
		return taken
	}
	offer := func(i int) *job {
		j := insertJob(l.e, i)
		j.inserts[0].Addr = netip.MustParseAddr(inPool)
		return j
	}
	update := func(i int) *job {
		return &job{incarnation: l.e.fence().Incarnation, updates: []sqlstore.Update{{Family: sqlstore.IPv4, Key: testKey(20000 + i)}}, ctx: t.Context()}
	}
	require.InDelta(t, maxInserts, submit(9000, offer), 2*maxBatch)
	require.Equal(t, 1000, submit(1000, update))
	require.Equal(t, 100, submit(100, func(i int) *job { return insertJob(l.e, i) }), "a look-up is no new row")
	require.Zero(t, submit(100, offer))
	require.Equal(t, l.length(), l.e.laneLengths()[l.name])
	require.InDelta(t, maxWaiting-maxInserts-1100, submit(9000, update), 2*maxBatch)
	close(release)
	wait(jobs)
}

// What the database has decided is answered, even if that took longer than the
// message had: it would be asked again at once.
func TestDecidedLateIsAnswered(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := &fakeStore{split: true, apply: func(b *sqlstore.Batch) (*sqlstore.BatchResult, error) {
			time.Sleep(2 * time.Second)
			return done(b), nil
		}}
		e := newTest(t, f)
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		items := []sqlstore.Item{testItem(sqlstore.OpRenew, 1, inPool, testPool(4))}
		d, err := e.Do(ctx, &sqlstore.Request{Family: sqlstore.IPv4, Items: items})
		require.NoError(t, err)
		require.Equal(t, sqlstore.Granted, d.Results[0].Code)

		ctx, cancel = context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		items[0].Op = sqlstore.OpAssign // two transactions: there is no time for the second
		items[0].Reserved = items[0].Want
		_, err = e.Do(ctx, &sqlstore.Request{Family: sqlstore.IPv4, Items: items})
		require.ErrorIs(t, err, sqlstore.ErrBusy)
		require.Len(t, f.batches, 2)
	})
}

// A re-key is alone in its batch, and the items of a message are numbered and
// counted.
func TestBatchLayout(t *testing.T) {
	release := make(chan struct{})
	f := &fakeStore{apply: func(b *sqlstore.Batch) (*sqlstore.BatchResult, error) { <-release; return done(b), nil }}
	l := newTest(t, f).commitLane(sqlstore.IPv4)
	update := func(keys ...int) *job {
		j := &job{ctx: t.Context(), incarnation: l.e.fence().Incarnation}
		for _, k := range keys {
			j.updates = append(j.updates, sqlstore.Update{Family: sqlstore.IPv4, Key: testKey(k)})
		}
		return j
	}
	alone := update(5)
	alone.alone = true
	jobs := []*job{update(1), update(9, 2), update(3), alone, update(4)}
	for _, j := range jobs {
		l.submit(j)
	}
	close(release)
	wait(jobs)
	found := false
	for _, b := range f.batches {
		for _, u := range b.Updates {
			switch u.Key {
			case testKey(5):
				require.Len(t, b.Updates, 1)
				found = true
			case testKey(9), testKey(2):
				require.Equal(t, 2, u.Count)
				i := slices.IndexFunc(b.Updates, func(o sqlstore.Update) bool { return o.Message == u.Message && o.Key != u.Key })
				require.GreaterOrEqual(t, i, 0, "its sibling is in the same batch")
			default:
				require.Equal(t, 1, u.Count)
			}
		}
	}
	require.True(t, found)
}
