package frontend

import "sync"

// queue is the bounded queue between readers and workers. It has two parts: a
// packet that begins a conversation (DISCOVER, SOLICIT) waits behind the
// others and is the first to go when there is no room, so that under overload
// the conversations that have begun are finished.
type queue struct {
	mu     sync.Mutex
	wait   sync.Cond
	urgent ring
	fresh  ring
	limit  int
	closed bool
}

func newQueue(limit int) *queue {
	q := &queue{limit: limit}
	q.wait.L = &q.mu
	return q
}

// put adds p. It returns the packet that has to go for want of room: p itself,
// the oldest waiting packet that begins a conversation, or nil.
func (q *queue) put(p *packet, fresh bool) (shed *packet) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.closed {
		return p
	}
	if q.urgent.n+q.fresh.n >= q.limit {
		if fresh || q.fresh.n == 0 {
			return p
		}
		shed = q.fresh.pop()
	}
	if fresh {
		q.fresh.push(p)
	} else {
		q.urgent.push(p)
	}
	q.wait.Signal()
	return shed
}

// take waits for a packet; ok is false when the queue is closed and empty.
func (q *queue) take() (p *packet, ok bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	for q.urgent.n+q.fresh.n == 0 {
		if q.closed {
			return nil, false
		}
		q.wait.Wait()
	}
	if q.urgent.n > 0 {
		return q.urgent.pop(), true
	}
	return q.fresh.pop(), true
}

// close lets takers have what is left and then ends them.
func (q *queue) close() {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.closed = true
	q.wait.Broadcast()
}

func (q *queue) len() int {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.urgent.n + q.fresh.n
}

// ring is a first-in first-out list that grows as needed.
type ring struct {
	buf  []*packet
	head int
	n    int
}

func (r *ring) push(p *packet) {
	if r.n == len(r.buf) {
		grown := make([]*packet, max(64, 2*len(r.buf)))
		for i := range r.n {
			grown[i] = r.buf[(r.head+i)%len(r.buf)]
		}
		r.buf, r.head = grown, 0
	}
	r.buf[(r.head+r.n)%len(r.buf)] = p
	r.n++
}

func (r *ring) pop() *packet {
	p := r.buf[r.head]
	r.buf[r.head] = nil
	r.head = (r.head + 1) % len(r.buf)
	r.n--
	return p
}
