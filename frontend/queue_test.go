package frontend

import (
	"sync"
	"testing"

	"github.com/prometheus/client_golang/prometheus/testutil"
	"github.com/stretchr/testify/require"

	"rowlock/sqlstore"
)

func TestQueueShedsNewConversationsFirst(t *testing.T) {
	t.Parallel()
	q := newQueue(3)
	discover := []*packet{{}, {}, {}, {}}
	request := []*packet{{}, {}, {}, {}}
	for _, p := range discover[:3] {
		require.Nil(t, q.put(p, true))
	}
	require.Same(t, discover[3], q.put(discover[3], true), "no room: the newcomer goes")
	require.Same(t, discover[0], q.put(request[0], false), "room is made for a REQUEST")
	require.Same(t, discover[1], q.put(request[1], false))
	require.Same(t, discover[2], q.put(request[2], false))
	require.Same(t, request[3], q.put(request[3], false), "only when nothing else is left")
	require.Equal(t, 3, q.len())
	for _, want := range request[:3] {
		got, ok := q.take()
		require.True(t, ok)
		require.Same(t, want, got)
	}
}

func TestQueueTakesBegunConversationsFirst(t *testing.T) {
	t.Parallel()
	q := newQueue(200)
	var discover, request [70]packet
	for i := range discover {
		require.Nil(t, q.put(&discover[i], true))
		require.Nil(t, q.put(&request[i], false))
	}
	for _, list := range [][70]packet{request, discover} {
		for range list {
			_, ok := q.take()
			require.True(t, ok)
		}
	}
	require.Zero(t, q.len())
	require.Nil(t, q.put(&discover[0], true))
	require.Nil(t, q.put(&request[0], false))
	got, _ := q.take()
	require.Same(t, &request[0], got)
}

func TestQueueCloseLetsTheRestBeTaken(t *testing.T) {
	t.Parallel()
	q := newQueue(10)
	var taken sync.WaitGroup
	for range 4 {
		taken.Go(func() {
			for {
				if _, ok := q.take(); !ok {
					return
				}
			}
		})
	}
	for range 5 {
		q.put(&packet{}, false)
	}
	q.close()
	taken.Wait()
	require.Zero(t, q.len())
	p := &packet{}
	require.Same(t, p, q.put(p, false))
}

func TestOverloadIsCounted(t *testing.T) {
	t.Parallel()
	b := newBench4(t, lan4, onLink4)
	b.queue = newQueue(2)
	for _, text := range []string{"DISCOVER", "DISCOVER", "DISCOVER", "REQUEST", "REQUEST", "REQUEST"} {
		b.enqueue(b.packet(encode4(t, text), "0.0.0.0:68", "255.255.255.255:67"))
	}
	require.EqualValues(t, 4, b.drops(sqlstore.IPv4, ReasonQueueFull))
	require.EqualValues(t, 3, testutil.ToFloat64(b.metrics.received.WithLabelValues("v4", "discover")))
	for range 2 {
		p, _ := b.queue.take()
		kind, _ := peek4(p.data)
		require.Equal(t, "request", kind)
	}
}
