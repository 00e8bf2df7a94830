package engine

import (
	"context"
	"errors"
	"math/rand/v2"
	"slices"
	"sync"
	"time"

	"rowlock/sqlstore"
)

const (
	maxBatch   = 256  // items a transaction
	maxWaiting = 8192 // items a lane
	maxInserts = 6144 // of them when a new row is asked for: what has begun comes first
	smallBatch = 32   // after a smaller one, a busy lane waits for more
	pace       = time.Millisecond
	secondConn = maxBatch // a further connection starts when more items wait
)

// job is what must go into one transaction together: one insert, or the
// updates of one message.
type job struct {
	inserts []sqlstore.Insert
	updates []sqlstore.Update
	alone   bool // in a batch of its own
	// incarnation of the frontend when the message came: what was begun before it
	// was silent for so long that others went on without it is not written.
	incarnation int64
	ctx         context.Context
	queued      time.Time

	done       chan struct{}
	ended      bool // done is closed
	sent       bool // the database has seen it
	err        error
	revision   int64
	insertDone []*sqlstore.InsertResult
	updateDone []*sqlstore.UpdateResult

	insertItem [1]sqlstore.Insert // room for the lists of a message of one item
	updateItem [1]sqlstore.Update
	insertRoom [1]*sqlstore.InsertResult
	updateRoom [2]*sqlstore.UpdateResult
}

// newInsert is the job of one insert.
func newInsert(ctx context.Context, incarnation int64, in sqlstore.Insert) *job {
	j := &job{ctx: ctx, incarnation: incarnation}
	j.inserts = append(j.insertItem[:0], in)
	return j
}

// end gives the job's outcome to the one who waits. Only the lane's runner
// calls it.
func (j *job) end(err error) {
	if !j.ended {
		j.ended, j.err = true, err
		close(j.done)
	}
}

func (j *job) size() int { return len(j.inserts) + len(j.updates) }

// lane gathers jobs and runs them as batches. An idle lane starts at once;
// while it is busy jobs gather, so that batches grow with the load by
// themselves.
type lane struct {
	name  string
	e     *Engine
	conns int

	mu      sync.Mutex
	queue   []*job
	waiting int // items in queue
	busy    int // runners at work
}

// submit queues a job; its done channel is closed when it has run.
func (l *lane) submit(j *job) {
	j.done, j.queued = make(chan struct{}), time.Now()
	l.mu.Lock()
	defer l.mu.Unlock()
	limit := maxWaiting
	if len(j.inserts) > 0 && j.inserts[0].Addr.IsValid() {
		limit = maxInserts
	}
	if l.waiting+j.size() > limit {
		j.end(sqlstore.ErrBusy)
		return
	}
	l.queue = append(l.queue, j)
	l.waiting += j.size()
	if l.busy == 0 || (l.busy < l.conns && l.waiting > secondConn) {
		l.busy++
		go l.run()
	}
}

// run takes batches until none waits.
func (l *lane) run() {
	for {
		batch, items := l.take()
		if len(batch) == 0 {
			return
		}
		started := time.Now()
		l.exec(batch)
		if rest := l.e.health.pause(); rest > 0 {
			time.Sleep(rest)
		}
		if items < smallBatch {
			if rest := pace - time.Since(started); rest > 0 && l.hasWork() {
				time.Sleep(rest)
			}
		}
	}
}

// length returns how many items wait.
func (l *lane) length() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.waiting
}

func (l *lane) hasWork() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return len(l.queue) > 0
}

// take removes the next batch from the queue. Jobs nobody waits for any more
// are dropped before they cost a transaction.
func (l *lane) take() (batch []*job, items int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for len(l.queue) > 0 {
		j := l.queue[0]
		if len(batch) > 0 && (j.alone || items+j.size() > maxBatch) {
			break
		}
		l.queue[0] = nil
		l.queue = l.queue[1:]
		l.waiting -= j.size()
		if j.ctx.Err() != nil {
			j.end(sqlstore.ErrBusy)
			continue
		}
		batch = append(batch, j)
		items += j.size()
		if j.alone {
			break
		}
	}
	if len(batch) == 0 {
		l.queue = nil
		l.busy--
	}
	return batch, items
}

// exec runs a batch and its repetitions. A panic is a bug; the outcome of what
// it interrupted is unknown.
func (l *lane) exec(batch []*job) {
	l.e.metrics.waiting.WithLabelValues(l.name).Observe(time.Since(batch[0].queued).Seconds())
	l.e.guarded(context.Background(), func(context.Context) { l.attempt(batch) })
	for _, j := range batch {
		j.end(sqlstore.ErrUnavailable)
	}
}

// part is jobs that are tried together; again allows one repetition.
type part struct {
	jobs  []*job
	again bool
}

// attempt runs the jobs as one transaction. A transient error repeats it once,
// then it is cut in two; an error of the data cuts at once; a lost connection
// or an unknown outcome is the answer. Parts take turns and are answered as
// soon as they are through, so that the one that is stuck holds up no other.
func (l *lane) attempt(jobs []*job) {
	for parts := []part{{jobs, true}}; len(parts) > 0; {
		p := parts[0]
		parts = append(parts[1:], l.try(p)...)
	}
}

// try runs one part and returns what is left to be tried of it.
func (l *lane) try(p part) []part {
	fence := l.e.fence()
	jobs := begunUnder(waitedFor(p.jobs), fence)
	if len(jobs) == 0 {
		return nil
	}
	err := l.transact(jobs, fence)
	l.e.noted(err)
	switch {
	case err == nil:
		for _, j := range jobs {
			j.end(j.err)
		}
		return nil
	case errors.Is(err, sqlstore.ErrRetry) && p.again:
		l.e.metrics.retries.WithLabelValues("transient").Inc()
		time.Sleep(time.Duration(rand.Int64N(int64(3 * time.Millisecond))))
		return []part{{jobs, false}}
	case (errors.Is(err, sqlstore.ErrRetry) || isData(err)) && len(jobs) > 1:
		l.e.metrics.retries.WithLabelValues("bisect").Inc()
		half := len(jobs) / 2
		return []part{{jobs[:half], true}, {jobs[half:], true}}
	}
	if errors.Is(err, sqlstore.ErrDenied) {
		l.e.denied(err)
	}
	for _, j := range jobs {
		if isData(err) {
			l.e.banned(j, err)
		}
		j.end(err)
	}
	return nil
}

// waitedFor ends the jobs whose time is over and returns the others.
func waitedFor(jobs []*job) []*job {
	live := make([]*job, 0, len(jobs))
	for _, j := range jobs {
		if j.ctx.Err() != nil {
			j.end(sqlstore.ErrBusy)
			continue
		}
		live = append(live, j)
	}
	return live
}

// begunUnder ends the jobs of messages that came under another incarnation and
// returns the others.
func begunUnder(jobs []*job, f sqlstore.Fence) []*job {
	return slices.DeleteFunc(jobs, func(j *job) bool {
		if j.incarnation == f.Incarnation {
			return false
		}
		j.end(sqlstore.ErrFenced)
		return true
	})
}

func isData(err error) bool {
	return errors.Is(err, sqlstore.ErrData) || errors.Is(err, sqlstore.ErrConflict)
}
