package postgres_test

import (
	"context"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"rowlock/sqlstore"
	"rowlock/sqlstore/storetest"
)

// Waiting for a new configuration uses one connection of its own: one backend
// does it all the time, the pools' connections do not listen, and a wait that
// was ended costs none of them.
func TestWaitRevisionKeepsItsConnection(t *testing.T) {
	url := storetest.Migrated(t, "postgres")
	s, c := open(t, url, 0), connect(t, url, nil)
	rev, err := s.Revision(t.Context())
	require.NoError(t, err)
	backends := func() (pids []int32) {
		require.NoError(t, c.QueryRow(t.Context(), `SELECT array_agg(pid ORDER BY pid) FROM pg_stat_activity
		  WHERE datname = current_database() AND application_name = 'rowlock'`).Scan(&pids))
		return pids
	}
	require.NoError(t, s.WaitRevision(t.Context(), rev))
	before := backends()
	require.Len(t, before, 2, "one of a pool, one that listens")
	for i := range 20 {
		ctx, cancel := context.WithCancel(t.Context())
		time.AfterFunc(time.Duration(i)*500*time.Microsecond, cancel)
		require.ErrorIs(t, s.WaitRevision(ctx, rev), context.Canceled)
		cancel()
	}
	require.Equal(t, before, backends())
	require.NoError(t, s.WaitRevision(t.Context(), rev))
	_, err = s.Revision(t.Context())
	require.NoError(t, err)
	require.Equal(t, before, backends())
}

func TestWaitRevisionHears(t *testing.T) {
	url := storetest.Migrated(t, "postgres")
	s, c := open(t, url, 0), connect(t, url, nil)
	rev, err := s.Revision(t.Context())
	require.NoError(t, err)
	quickest := func(known int64, notify bool) time.Duration { // a busy machine may be slow now and then
		best := time.Hour
		for range 5 {
			var wg sync.WaitGroup
			if notify {
				wg.Go(func() {
					time.Sleep(30 * time.Millisecond)
					_, _ = c.Exec(context.WithoutCancel(t.Context()), "NOTIFY rowlock_config")
				})
			}
			started := time.Now()
			require.NoError(t, s.WaitRevision(t.Context(), known))
			best = min(best, time.Since(started))
			wg.Wait()
		}
		return best
	}
	require.Greater(t, quickest(rev, false), 200*time.Millisecond, "nothing to hear")
	require.Less(t, quickest(rev, true), 200*time.Millisecond)
	require.Less(t, quickest(rev-1, false), 200*time.Millisecond, "there is a newer one already")
}

// A connection that was lost is an error once, and then another one.
func TestWaitRevisionConnectsAgain(t *testing.T) {
	url := storetest.Migrated(t, "postgres")
	s, c := open(t, url, 0), connect(t, url, nil)
	rev, err := s.Revision(t.Context())
	require.NoError(t, err)
	require.NoError(t, s.WaitRevision(t.Context(), rev))
	run(t, c, "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND application_name = 'rowlock'")
	require.ErrorIs(t, s.WaitRevision(t.Context(), rev), sqlstore.ErrUnavailable)
	require.NoError(t, s.WaitRevision(t.Context(), rev))
	require.NoError(t, s.Close())
	require.ErrorIs(t, s.WaitRevision(t.Context(), rev), sqlstore.ErrUnavailable)
}
