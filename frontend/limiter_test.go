package frontend

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestLimiter(t *testing.T) {
	t.Parallel()
	l, now := newLimiter(10), time.Unix(0, 0)
	r := rate{time.Second, 3}
	taken := func(key uint64, n int) (got int) {
		for range n {
			has := l.has(key, now, r)
			took := l.take(key, now, r)
			require.Equal(t, has, took)
			if took {
				got++
			}
		}
		return got
	}
	require.Equal(t, 3, taken(1, 10), "a full bucket")
	require.Equal(t, 3, taken(2, 10), "each has its own")
	now = now.Add(999 * time.Millisecond)
	require.Equal(t, 0, taken(1, 10))
	now = now.Add(time.Millisecond)
	require.Equal(t, 1, taken(1, 10), "one more a second")
	now = now.Add(time.Hour)
	require.Equal(t, 3, taken(1, 10), "no more than full")
	now = now.Add(-time.Minute)
	require.Equal(t, 0, taken(1, 10), "a clock that goes back fills none")
	r.burst = 0
	require.Equal(t, 1, taken(3, 10), "0 is 1")
	r = rate{}
	require.Equal(t, 10, taken(3, 10), "no limit")
}

// Memory is bounded: the bucket that was used longest ago is forgotten.
func TestLimiterForgets(t *testing.T) {
	t.Parallel()
	l, now, r := newLimiter(100), time.Unix(0, 0), rate{time.Hour, 1}
	require.True(t, l.take(1, now, r))
	for key := range uint64(99) {
		require.True(t, l.take(1000+key, now, r))
		require.False(t, l.take(1, now, r), "it is in use")
	}
	for key := range uint64(99) {
		require.True(t, l.take(2000+key, now, r))
	}
	require.Equal(t, 100, l.len())
	require.False(t, l.take(1, now, r))
	require.False(t, l.take(2098, now, r))
	require.True(t, l.take(1000, now, r), "forgotten")
	require.Equal(t, 100, l.len())
	require.Len(t, l.buckets, 100)
}
