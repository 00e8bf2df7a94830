package frontend

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
)

// Packets whose time ends at about the same moment share a context, also where
// old and new ones take turns, as under overload. It ends in time.
func TestDeadlinesAreShared(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var d deadlines
		made := map[context.Context]time.Time{}
		for range 1000 {
			for _, left := range []time.Duration{time.Second, 400 * time.Millisecond} {
				ctx := d.in(t.Context(), left)
				end, ok := ctx.Deadline()
				require.True(t, ok)
				require.False(t, end.Before(time.Now().Add(left)))
				require.False(t, end.After(time.Now().Add(left+deadlineStep)))
				made[ctx] = end
			}
			time.Sleep(100 * time.Microsecond)
		}
		require.LessOrEqual(t, len(made), 22)
		for ctx := range made {
			require.NoError(t, ctx.Err())
		}
		time.Sleep(2 * time.Second)
		for ctx := range made {
			require.ErrorIs(t, ctx.Err(), context.DeadlineExceeded)
		}
	})
}
