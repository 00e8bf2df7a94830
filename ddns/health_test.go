package ddns

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestHealthBacksOff(t *testing.T) {
	t.Parallel()
	h, now := &health{}, time.Now()
	require.Zero(t, h.wait(now))
	require.False(t, h.ok())
	want := time.Second
	for i := range 12 {
		now = now.Add(time.Millisecond)
		first, pause := h.fail(&usual, now, now)
		require.Equal(t, i == 0, first)
		require.LessOrEqual(t, pause, want)
		require.GreaterOrEqual(t, pause, want*3/4)
		require.Equal(t, pause, h.wait(now))
		require.Zero(t, h.wait(now.Add(pause)))
		want = min(2*want, 5*time.Minute)
	}
	require.Equal(t, strikeLimit, h.room(100), "few names to find out whether it is back")
	require.True(t, h.ok())
	require.Zero(t, h.wait(now))
	require.Equal(t, 100, h.room(100))
}

// Messages of several zones that fail together are one failure.
func TestHealthFailsOnce(t *testing.T) {
	t.Parallel()
	h, began := &health{}, time.Now()
	noted := began
	for try := range 3 {
		for zone := range 5 {
			noted = noted.Add(time.Millisecond)
			first, pause := h.fail(&usual, began, noted)
			require.Equal(t, try == 0 && zone == 0, first)
			require.Equal(t, pause, h.wait(noted))
			require.LessOrEqual(t, pause, time.Second<<try)
			require.Equal(t, try+1, h.fails)
		}
		began = noted.Add(time.Second)
		noted = began
	}
}

func TestHealthStrikes(t *testing.T) {
	t.Parallel()
	h := &health{}
	for range 5 {
		require.False(t, h.strike("a"), "one name may be at fault itself")
	}
	require.False(t, h.strike("b"))
	require.True(t, h.strike("c"))
	h.ok()
	require.False(t, h.strike("d"), "in a row only")
}

func TestHealthResizes(t *testing.T) {
	t.Parallel()
	h := &health{}
	for _, step := range []struct {
		n        int
		answered bool
		room     int
	}{
		{100, true, 100},
		{100, false, 50},
		{50, false, 25},
		{10, true, 25},
		{25, true, 50},
		{50, true, 100},
		{3, false, 1},
		{1, false, 1},
		{1, true, 2},
		{2, true, 4},
	} {
		h.resize(step.n, 100, step.answered)
		require.Equal(t, step.room, h.room(100), "%+v", step)
	}
}

func TestHealthsCount(t *testing.T) {
	t.Parallel()
	hs := newHealths()
	one := hs.get("a")
	hs.get("a").fail(&usual, time.Now(), time.Now())
	require.Positive(t, one.wait(time.Now()), "it is the same one")
	hs.get("b")
	require.Equal(t, 1, hs.down())
}
