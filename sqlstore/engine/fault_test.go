package engine

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"rowlock/sqlstore"
)

// A panic in a batch is a bug, but the lane goes on; the outcome is unknown.
func TestPanicInABatch(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		broken := true
		f := &fakeStore{}
		f.apply = func(b *sqlstore.Batch) (*sqlstore.BatchResult, error) {
			if broken {
				broken = false
				panic("of a test")
			}
			return done(b), nil
		}
		e := newTest(t, f)
		for _, j := range attempts(t, e) {
			require.ErrorIs(t, j.err, sqlstore.ErrUnavailable)
		}
		for _, j := range attempts(t, e) {
			require.NoError(t, j.err)
		}
	})
}

// A privilege that is missing is told once in a while, not for each packet, and
// the batch is neither repeated nor cut: all of it is refused alike.
func TestDeniedIsTold(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := &fakeStore{}
		f.apply = func(*sqlstore.Batch) (*sqlstore.BatchResult, error) { return nil, sqlstore.ErrDenied }
		e := newTest(t, f)
		var log bytes.Buffer
		e.log = slog.New(slog.NewTextHandler(&log, nil))
		tell := func() int {
			jobs := []*job{insertJob(e, 1), insertJob(e, 2)}
			for _, j := range jobs {
				j.done, j.ctx = make(chan struct{}), t.Context()
			}
			e.offerLane(sqlstore.IPv4).exec(jobs)
			for _, j := range jobs {
				require.ErrorIs(t, j.err, sqlstore.ErrDenied)
			}
			return strings.Count(log.String(), "event=lane.denied")
		}
		require.Equal(t, 1, tell())
		require.Equal(t, 1, tell())
		require.Len(t, f.batches, 2)
		time.Sleep(11 * time.Second)
		require.Equal(t, 2, tell())
		require.Equal(t, "denied", cause(sqlstore.ErrDenied))
	})
}

// The parts of a batch that are through are answered while the part that waits
// for a lock is still being repeated, and what nobody waits for any more is
// not repeated.
func TestPartsAreAnsweredEarly(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := &fakeStore{}
		f.apply = func(b *sqlstore.Batch) (*sqlstore.BatchResult, error) {
			for i := range b.Inserts {
				if b.Inserts[i].Key == testKey(17) {
					time.Sleep(200 * time.Millisecond)
					return nil, sqlstore.ErrRetry
				}
			}
			return done(b), nil
		}
		e := newTest(t, f)
		ctx, cancel := context.WithTimeout(t.Context(), 1200*time.Millisecond)
		defer cancel()
		var jobs []*job
		for i := range 64 {
			j := insertJob(e, i)
			j.done, j.ctx = make(chan struct{}), ctx
			jobs = append(jobs, j)
		}
		go e.offerLane(sqlstore.IPv4).exec(jobs)
		started := time.Now()
		<-jobs[63].done // the half without the poison
		require.NoError(t, jobs[63].err)
		half := time.Since(started)
		<-jobs[17].done
		require.Error(t, jobs[17].err)
		require.Less(t, time.Since(started), 3*time.Second)
		require.LessOrEqual(t, half, time.Since(started))
		require.Less(t, len(f.batches), 16, "halving to the end would take 20: it stops when the time is over")
	})
}

// Two items with one key would be two changes of one row in a batch.
func TestDuplicateKeysAreRefused(t *testing.T) {
	e := newTest(t, &fakeStore{})
	it := testItem(sqlstore.OpOffer, 1, "", testPool(4))
	_, err := e.Do(t.Context(), &sqlstore.Request{Family: sqlstore.IPv4, Items: []sqlstore.Item{it, it}})
	require.ErrorIs(t, err, sqlstore.ErrData)
}

// What was taken for one pool is kept although another is dry and cannot be
// reclaimed.
func TestTakenHintsAreKept(t *testing.T) {
	dry, wet := testPool(4), testPool(4)
	wet.ID = dry.ID + 1
	f := &fakeStore{take: func(needs []sqlstore.PoolNeed) ([]sqlstore.Hints, error) {
		out := make([]sqlstore.Hints, len(needs))
		for i, n := range needs {
			out[i].Pool = n.Pool
			if n.Pool.ID == wet.ID {
				out[i].Chunk, out[i].Addrs = 7, []sqlstore.FreeAddr{{Addr: n.Pool.At(0), Exclusive: true}}
			}
		}
		return out, nil
	}}
	f.reclaim = func([]*sqlstore.Pool) ([]int, error) { return nil, errors.New("of a test") }
	e := newTest(t, f)
	for _, p := range []*sqlstore.Pool{dry, wet} {
		it := testItem(sqlstore.OpOffer, 1, "", p)
		require.Nil(t, e.hints.tryTake(&it))
	}
	require.Error(t, e.hints.refill(t.Context()))
	it := testItem(sqlstore.OpOffer, 1, "", wet)
	require.NotNil(t, e.hints.tryTake(&it))
}

// hangingTake is a store that does not answer one kind of call.
type hangingTake struct{ *fakeStore }

func (f *hangingTake) TakeFree(ctx context.Context, _ sqlstore.Fence, _ []sqlstore.PoolNeed) ([]sqlstore.Hints, error) {
	<-ctx.Done()
	return nil, ctx.Err()
}

// A call that the database does not answer ends after its time, so that the
// next one can go over a connection that works.
func TestSilentDatabase(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := &fakeStore{}
		e := newTest(t, f)
		e.store = &hangingTake{f}
		it := testItem(sqlstore.OpOffer, 1, "", testPool(4))
		require.Nil(t, e.hints.tryTake(&it))
		started := time.Now()
		require.ErrorIs(t, e.hints.refill(t.Context()), context.DeadlineExceeded)
		require.Equal(t, callTime, time.Since(started))
	})
}
