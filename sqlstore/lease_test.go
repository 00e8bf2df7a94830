package sqlstore

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestLeft(t *testing.T) {
	for _, c := range []struct {
		valid, preferred uint32
		remaining        time.Duration
		left             [2]uint32
	}{
		{7200, 4500, 7200 * time.Second, [2]uint32{7200, 4500}},
		{7200, 4500, 7199*time.Second + 999*time.Millisecond, [2]uint32{7199, 4499}},
		{7200, 4500, 2701 * time.Second, [2]uint32{2701, 1}},
		{7200, 4500, 2699 * time.Second, [2]uint32{2699, 0}},
		{7200, 4500, time.Millisecond, [2]uint32{0, 0}},
		{7200, 4500, -time.Second, [2]uint32{0, 0}},
		{7200, 4500, 7201 * time.Second, [2]uint32{7200, 4500}}, // a clock that was set
		{Infinite, Infinite, time.Hour, [2]uint32{Infinite, Infinite}},
	} {
		l := Lease{ValidLft: c.valid, PreferredLft: c.preferred, Remaining: c.remaining}
		valid, preferred := l.Left()
		require.Equal(t, c.left, [2]uint32{valid, preferred}, c)
	}
}

func TestShareParameter(t *testing.T) {
	d, ok := ParameterByName("cache_threshold")
	require.True(t, ok)
	for _, good := range []string{"0", "0.25", "0.999", "2.5e-1"} {
		require.NoError(t, d.Check(good), good)
	}
	for _, bad := range []string{"", "1", "1.5", "-0.1", "NaN", "+Inf", "a quarter", "25%"} {
		require.Error(t, d.Check(bad), bad)
	}
}
