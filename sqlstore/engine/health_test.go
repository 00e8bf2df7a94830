package engine

import (
	"bytes"
	"log/slog"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"rowlock/sqlstore"
)

// While nothing comes through, a lane tries less and less often, and more go
// into each batch; the first success ends that.
func TestLaneRests(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var away atomic.Bool
		away.Store(true)
		f := &fakeStore{split: true, apply: func(b *sqlstore.Batch) (*sqlstore.BatchResult, error) {
			if away.Load() {
				return nil, sqlstore.ErrUnavailable
			}
			return done(b), nil
		}}
		e := newTest(t, f)
		l := e.offerLane(sqlstore.IPv4)
		send := func(n int) *job {
			j := insertJob(e, n)
			j.ctx = t.Context()
			l.submit(j)
			return j
		}
		for n := range 1000 { // one a millisecond
			send(n)
			time.Sleep(time.Millisecond)
		}
		require.LessOrEqual(t, len(f.sizes()), 16)
		require.GreaterOrEqual(t, len(f.sizes()), 6)
		time.Sleep(longestPause)
		away.Store(false)
		require.NoError(t, waitFor(send(1000)))
		require.Zero(t, e.health.pause())
		time.Sleep(longestPause) // the other connection of the lane
	})
}

func waitFor(j *job) error {
	<-j.done
	return j.err
}

// A database that answers heartbeats and takes no leases, as one with a full
// disk: the frontend is not ready, says so once in a while, and is again when
// the database is.
func TestLeasesAreNotTaken(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		full := error(sqlstore.ErrUnavailable)
		f := &fakeStore{split: true, apply: func(b *sqlstore.Batch) (*sqlstore.BatchResult, error) {
			if full != nil {
				return nil, full
			}
			return done(b), nil
		}}
		e := newTest(t, f)
		var log bytes.Buffer
		e.log = slog.New(slog.NewTextHandler(&log, nil))
		run := func() {
			e.heartbeat(t.Context())
			j := insertJob(e, 1)
			j.ctx = t.Context()
			e.offerLane(sqlstore.IPv4).submit(j)
			<-j.done
		}
		told := func(event string) int { return strings.Count(log.String(), "event="+event) }

		run()
		require.NoError(t, e.NotReady(), "one failure may be a connection that was lost")
		for range 24 {
			time.Sleep(500 * time.Millisecond)
			run()
		}
		require.ErrorIs(t, e.NotReady(), sqlstore.ErrUnavailable)
		require.Zero(t, e.ready())
		require.True(t, e.Ready(), "it goes on trying")
		require.Equal(t, 2, told("lane.failed"), "12 s of it")

		full = sqlstore.ErrRetry
		run()
		require.NoError(t, e.NotReady(), "a deadlock is one of a database that works")
		require.Equal(t, 1.0, e.ready())
		require.Equal(t, 1, told("lane.recovered"))
		full = nil
		run()
		require.Equal(t, 1, told("lane.recovered"))

		full = sqlstore.ErrDenied
		for range 6 {
			run()
			time.Sleep(500 * time.Millisecond)
		}
		require.ErrorIs(t, e.NotReady(), sqlstore.ErrDenied)
		require.Equal(t, 2, told("lane.failed"), "that has an event of its own")
		time.Sleep(failingFor)
		e.heartbeat(t.Context())
		require.NoError(t, e.NotReady(), "nobody tries any more")
		time.Sleep(longestPause)
	})
}
