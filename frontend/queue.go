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
	fresh  fairRing
	limit  int // packets that may wait
	closed bool

	// out is how many fresh packets workers have in hand, and most how many they
	// may have: the other workers are left to those that have begun.
	out, most int
}

func newQueue(limit, workers int) *queue {
	q := &queue{limit: limit, most: max(1, workers-workers/4)}
	q.wait.L = &q.mu
	return q
}

// put adds p. It returns the packet that has to go for want of room, or nil:
// the oldest one that begins a conversation, of the relay that has most of them
// waiting; where none waits p if it is one, else the oldest of the others, which
// has the least time left.
func (q *queue) put(p *packet) (shed *packet) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.closed {
		return p
	}
	if q.urgent.n+q.fresh.n >= q.limit {
		switch {
		case q.fresh.n > 0:
			shed = q.fresh.shed()
		case p.fresh:
			return p
		default:
			shed = q.urgent.pop()
		}
	}
	if p.fresh {
		q.fresh.push(p)
	} else {
		q.urgent.push(p)
	}
	q.wait.Signal()
	return shed
}

// take waits for a packet; ok is false when the queue is closed and empty. Who
// has taken one calls done for it.
func (q *queue) take() (p *packet, ok bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	for {
		switch {
		case q.urgent.n > 0:
			return q.urgent.pop(), true
		case q.fresh.n > 0 && q.out < q.most:
			q.out++
			return q.fresh.pop(), true
		case q.closed && q.fresh.n == 0:
			return nil, false
		}
		q.wait.Wait()
	}
}

// done tells that a packet that was taken is handled.
func (q *queue) done(p *packet) {
	if !p.fresh {
		return
	}
	q.mu.Lock()
	defer q.mu.Unlock()
	q.out--
	switch {
	case q.closed:
		q.wait.Broadcast()
	case q.fresh.n > 0:
		q.wait.Signal()
	}
}

// close lets takers have what is left and then ends them.
func (q *queue) close() {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.closed = true
	q.wait.Broadcast()
}

// len returns how many packets wait that begin a conversation, and how many
// others.
func (q *queue) len() (fresh, urgent int) {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.fresh.n, q.urgent.n
}

// flowCount is how many lists a fairRing has. Relays share one by chance.
const flowCount = 64

// fairRing is a list for each flow, a number that stands for a relay. The
// flows take turns, and the longest gives way, so that a storm behind one relay
// costs those behind the others little.
type fairRing struct {
	flows [flowCount]ring
	turn  int
	n     int
}

func (f *fairRing) push(p *packet) {
	f.flows[p.flow%flowCount].push(p)
	f.n++
}

// pop removes the oldest packet of the flow whose turn it is; there is one.
func (f *fairRing) pop() *packet {
	for f.flows[f.turn].n == 0 {
		f.turn = (f.turn + 1) % flowCount
	}
	p := f.flows[f.turn].pop()
	f.turn = (f.turn + 1) % flowCount
	f.n--
	return p
}

// shed removes the oldest packet of the longest flow; there is one.
func (f *fairRing) shed() *packet {
	longest := 0
	for i := range f.flows {
		if f.flows[i].n > f.flows[longest].n {
			longest = i
		}
	}
	f.n--
	return f.flows[longest].pop()
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
