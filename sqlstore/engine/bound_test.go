package engine

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"strings"
	"testing"

	"github.com/prometheus/client_golang/prometheus/testutil"
	"github.com/stretchr/testify/require"

	"rowlock/sqlstore"
)

// boundStore answers BoundHistory from a list.
type boundStore struct {
	fakeStore
	answers []boundAnswer
	calls   int
}

type boundAnswer struct {
	gone  int
	stray bool
	err   error
}

func (b *boundStore) BoundHistory(context.Context) (int, bool, error) {
	a := b.answers[b.calls]
	b.calls++
	return a.gone, a.stray, a.err
}

// A pass of the sweep drops history in steps until a step is not full.
func TestHistoryIsBoundedInSteps(t *testing.T) {
	f := &boundStore{answers: []boundAnswer{{gone: sqlstore.TrimStep + 1}, {gone: sqlstore.TrimStep}, {gone: 3}, {}}}
	e := newTest(t, &f.fakeStore)
	e.store = f
	e.boundHistory(t.Context())
	require.Equal(t, 3, f.calls)
	require.EqualValues(t, 2*sqlstore.TrimStep+4, testutil.ToFloat64(e.metrics.swept.WithLabelValues("history")))
	e.boundHistory(t.Context())
	require.Equal(t, 4, f.calls)
}

func TestStrayHistoryIsToldOnce(t *testing.T) {
	f := &boundStore{answers: []boundAnswer{{}, {stray: true}, {stray: true}, {err: errors.New("away")}, {stray: true}, {}, {stray: true}}}
	e := newTest(t, &f.fakeStore)
	var log bytes.Buffer
	e.store, e.log = f, slog.New(slog.NewTextHandler(&log, nil))
	for i, want := range []struct {
		gauge float64
		told  int
	}{{0, 0}, {1, 1}, {1, 1}, {1, 1}, {1, 1}, {0, 1}, {1, 2}} {
		e.boundHistory(t.Context())
		require.Equal(t, want.gauge, testutil.ToFloat64(e.metrics.stray), i)
		require.Equal(t, want.told, strings.Count(log.String(), "sweep.history_stray"), i)
	}
	require.Equal(t, 1, strings.Count(log.String(), "sweep.history_failed"))
}
