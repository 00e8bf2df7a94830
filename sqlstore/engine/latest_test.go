package engine

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"rowlock/sqlstore"
)

// slowRevision is a database that takes its time to tell its revision.
type slowRevision struct {
	*fakeStore
	calls   atomic.Int64
	running atomic.Int64
	most    atomic.Int64
	gone    atomic.Bool
}

func (s *slowRevision) Revision(context.Context) (int64, error) {
	s.most.Store(max(s.most.Load(), s.running.Add(1)))
	defer s.running.Add(-1)
	n := s.calls.Add(1)
	time.Sleep(10 * time.Millisecond)
	if s.gone.Load() {
		return 0, errors.Join(errors.New("gone"), sqlstore.ErrUnavailable)
	}
	return n, nil
}

// A request without items is answered with a revision that was read after it
// came; those that come together share a call.
func TestNewestRevision(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &slowRevision{fakeStore: &fakeStore{}}
		e := newTest(t, s.fakeStore)
		e.store = s
		ask := func(ctx context.Context) (int64, error) {
			d, err := e.Do(ctx, &sqlstore.Request{Family: sqlstore.IPv6, Revision: 1})
			if err != nil {
				return 0, err
			}
			require.Empty(t, d.Results)
			return d.Revision, nil
		}
		var wg sync.WaitGroup
		for n := range 100 { // ten in each call's time
			wg.Go(func() {
				begun := s.calls.Load()
				revision, err := ask(t.Context())
				if err != nil || revision <= begun {
					t.Errorf("%d: revision %d, %d calls had begun before: %v", n, revision, begun, err)
				}
			})
			time.Sleep(time.Millisecond)
		}
		wg.Wait()
		require.LessOrEqual(t, s.calls.Load(), int64(12))
		require.EqualValues(t, 1, s.most.Load())
		require.Equal(t, s.calls.Load(), e.loader.last(), "the loader hears of it")

		bound, cancel := context.WithTimeout(t.Context(), time.Millisecond)
		defer cancel()
		_, err := ask(bound)
		require.ErrorIs(t, err, sqlstore.ErrBusy)
		time.Sleep(time.Second)
		s.gone.Store(true)
		_, err = ask(t.Context())
		require.ErrorIs(t, err, sqlstore.ErrUnavailable)
		synctest.Wait()
		e.latest.mu.Lock()
		defer e.latest.mu.Unlock()
		require.False(t, e.latest.running)
	})
}
