package frontend

import (
	"sync"
	"testing"
	"testing/synctest"

	"github.com/prometheus/client_golang/prometheus/testutil"
	"github.com/stretchr/testify/require"

	"rowlock/sqlstore"
)

// fresh makes packets that begin a conversation, of one flow.
func fresh(n int, flow uint64) []*packet {
	list := make([]*packet, n)
	for i := range list {
		list[i] = &packet{fresh: true, flow: flow}
	}
	return list
}

func TestQueueShedsNewConversationsFirst(t *testing.T) {
	t.Parallel()
	q := newQueue(3, 4)
	discover, request := fresh(4, 0), []*packet{{}, {}, {}, {}}
	for _, p := range discover[:3] {
		require.Nil(t, q.put(p))
	}
	require.Same(t, discover[0], q.put(discover[3]), "no room: the oldest goes")
	require.Same(t, discover[1], q.put(request[0]), "room is made for a REQUEST")
	require.Same(t, discover[2], q.put(request[1]))
	require.Same(t, discover[3], q.put(request[2]))
	require.Same(t, request[0], q.put(request[3]), "only when nothing else is left")
	more := fresh(1, 0)[0]
	require.Same(t, more, q.put(more))
	n, urgent := q.len()
	require.Equal(t, [2]int{0, 3}, [2]int{n, urgent})
	for _, want := range request[1:] {
		got, ok := q.take()
		require.True(t, ok)
		require.Same(t, want, got)
	}
}

// A storm behind one relay sheds its own packets, and the others have their turn.
func TestQueueIsFairToRelays(t *testing.T) {
	t.Parallel()
	q := newQueue(10, 100)
	storm, quiet := fresh(20, 1), fresh(3, 2)
	for i, p := range storm {
		shed := q.put(p)
		if i >= 10 {
			require.Same(t, storm[i-10], shed)
		}
	}
	for i, p := range quiet {
		require.Same(t, storm[10+i], q.put(p))
	}
	for i := range 3 {
		for _, want := range []*packet{storm[13+i], quiet[i]} {
			got, _ := q.take()
			require.Same(t, want, got)
		}
	}
}

func TestQueueTakesBegunConversationsFirst(t *testing.T) {
	t.Parallel()
	q := newQueue(200, 1000)
	discover := fresh(70, 0)
	var request [70]packet
	for i := range discover {
		require.Nil(t, q.put(discover[i]))
		require.Nil(t, q.put(&request[i]))
	}
	for i := range request {
		got, _ := q.take()
		require.Same(t, &request[i], got)
	}
	for i := range discover {
		got, _ := q.take()
		require.Same(t, discover[i], got)
	}
	n, urgent := q.len()
	require.Zero(t, n+urgent)
}

// New conversations never have all workers.
func TestQueueKeepsWorkersForBegunConversations(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		q := newQueue(20, 4)
		taken := make(chan *packet, 20)
		for range 4 {
			go func() {
				for p, ok := q.take(); ok; p, ok = q.take() {
					taken <- p
				}
				taken <- nil
			}()
		}
		list := fresh(5, 0)
		for _, p := range list {
			q.put(p)
		}
		synctest.Wait()
		require.Len(t, taken, 3)
		request := &packet{}
		q.put(request)
		synctest.Wait()
		require.Len(t, taken, 4)
		for range 3 {
			require.True(t, (<-taken).fresh)
		}
		require.Same(t, request, <-taken)
		q.done(request)
		q.done(list[0])
		synctest.Wait()
		require.Len(t, taken, 1, "one is done, another one begins")
		q.close()
		q.done(list[1])
		q.done(list[2])
		synctest.Wait()
		require.Len(t, taken, 6, "what is left, and the end of each worker")
	})
}

func TestQueueCloseLetsTheRestBeTaken(t *testing.T) {
	t.Parallel()
	q := newQueue(10, 4)
	var taken sync.WaitGroup
	for range 4 {
		taken.Go(func() {
			for p, ok := q.take(); ok; p, ok = q.take() {
				q.done(p)
			}
		})
	}
	for i := range 8 {
		q.put(&packet{fresh: i%2 == 0})
	}
	q.close()
	taken.Wait()
	n, urgent := q.len()
	require.Zero(t, n+urgent)
	p := &packet{}
	require.Same(t, p, q.put(p))
}

func TestOverloadIsCounted(t *testing.T) {
	t.Parallel()
	b := newBench4(t, lan4, onLink4)
	b.queue = newQueue(2, 4)
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
