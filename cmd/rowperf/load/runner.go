package load

import (
	"context"
	"errors"
	"time"

	"rowlock/sqlstore"
)

const (
	// lateWindow is how long an exchange that has ended is still known, so that
	// late answers to it are recorded.
	lateWindow = 2 * time.Second
	// longestWait bounds one wait for packets, and so the time to notice that
	// the context has ended.
	longestWait = 20 * time.Millisecond
	// shortestWait is for moments when work is due at once: packets are looked
	// for all the same.
	shortestWait = 50 * time.Microsecond
	// startsPerTurn bounds the exchanges begun between two looks at the socket.
	startsPerTurn = 256
)

// runner is one run. All of it belongs to one goroutine.
type runner struct {
	o     Options
	conn  *conn
	proto protocol
	pace  pace
	start time.Time
	res   *Result
	kinds []sqlstore.Kind // what each client asks for

	order   []int32    // indexes of the clients that take part; nil: all
	leases  [][2]Lease // by index and slot; the zero Lease: none
	busy    []bool     // by index: has an exchange under way
	started int
	ended   int  // completed or failed
	cursor  int  // place in order of the next client
	idle    bool // more could begin, but all clients looked at are busy

	byXID  map[uint32]*exchange
	xids   uint32
	unused []*exchange
	tries  []line
	late   line
	rep    reply
	names  map[string]string // server identifiers, so that each is one string

	lastCompleted time.Duration
	inTime        int // completed within Options.Duration
	reportedAt    time.Duration
	reportedDone  int
}

// Run plays the scenario to its end and returns what came out; failed
// exchanges are no error. When ctx ends early the result so far is returned
// with ctx's error. The time is bounded: by the clients or the duration, and by
// the tries and restarts of each exchange.
func Run(ctx context.Context, o Options) (*Result, error) {
	if err := o.Validate(); err != nil {
		return nil, err
	}
	o = o.withDefaults()
	r := &runner{
		o: o, pace: newPace(&o),
		byXID: map[uint32]*exchange{}, names: map[string]string{},
		tries:  timeouts(o.Timeout, o.MaxTimeout, o.Tries),
		late:   line{ahead: max(lateWindow, o.Linger)},
		leases: make([][2]Lease, o.Clients), busy: make([]bool, o.Clients),
		res: &Result{Latency: &Latency{}, Failures: map[string]int{}, Drops: map[string]int{}},
	}
	if o.NA {
		r.kinds = append(r.kinds, sqlstore.NA)
	}
	if o.PD {
		r.kinds = append(r.kinds, sqlstore.PD)
	}
	if err := r.takeLeases(); err != nil {
		return nil, err
	}
	if err := r.setProtocol(); err != nil {
		return nil, err
	}
	var err error
	if r.conn, err = listen(o.Family, o.Servers); err != nil {
		return nil, err
	}
	defer func() { _ = r.conn.close() }()
	r.start = time.Now()
	err = r.loop(ctx)
	r.finish()
	return r.res, err
}

func (r *runner) setProtocol() error {
	ids := newIdentities(r.o.Seed)
	if r.o.Family == sqlstore.IPv6 {
		r.proto = newV6(ids, r.o.Relays, r.o.NA, r.o.PD)
		return nil
	}
	gateways, err := resolve(r.o.Relays, r.o.Servers[0])
	r.proto = newV4(ids, gateways, r.o.ClientIDs)
	return err
}

// takeLeases notes what the clients hold, and who takes part.
func (r *runner) takeLeases() error {
	for _, l := range r.o.Leases {
		i := l.Client - r.o.First
		if l.Family == r.o.Family && l.Addr.IsValid() && i >= 0 && i < r.o.Clients {
			r.leases[i][slot(l.Kind)] = l
		}
	}
	if r.o.Scenario == New || r.o.Scenario == Returning {
		return nil
	}
	for i := range r.leases {
		if r.holdsAll(i) {
			r.order = append(r.order, int32(i))
		}
	}
	if r.order == nil {
		return errors.New("no client has a lease for this scenario")
	}
	return nil
}

// holdsAll tells whether the client has a lease of each kind it asks for, with
// a server identifier that fits into a packet.
func (r *runner) holdsAll(index int) bool {
	for _, k := range r.kinds {
		l := &r.leases[index][slot(k)]
		if !l.Addr.IsValid() || len(l.ServerID) > maxDUID {
			return false
		}
	}
	return true
}

// clients returns how many clients take part.
func (r *runner) clients() int {
	if r.order != nil {
		return len(r.order)
	}
	return r.o.Clients
}

func (r *runner) now() time.Duration { return time.Since(r.start) }

func (r *runner) loop(ctx context.Context) error {
	for {
		now := r.now()
		r.begin(now)
		r.expire(now)
		r.conn.flush()
		r.report(now)
		if r.ended == r.started && r.allStarted(now) {
			return r.drain(ctx)
		}
		if err := ctx.Err(); err != nil {
			return err
		}
		if err := r.receive(r.wait(r.now())); err != nil {
			return err
		}
	}
}

// drain waits for late answers until none came for a while.
func (r *runner) drain(ctx context.Context) error {
	deadline := r.now() + r.o.Linger
	for ctx.Err() == nil {
		before := r.res.Received
		now := r.now()
		if now >= deadline {
			break
		}
		if err := r.receive(min(50*time.Millisecond, deadline-now)); err != nil {
			return err
		}
		if r.res.Received == before {
			break
		}
	}
	return ctx.Err()
}

// allStarted tells whether no further exchange will begin.
func (r *runner) allStarted(now time.Duration) bool {
	if r.o.Duration > 0 && now >= r.o.Duration {
		return true
	}
	return !r.o.Repeat && r.started >= r.clients()
}

// begin starts the exchanges that are due.
func (r *runner) begin(now time.Duration) {
	r.idle = false
	for range startsPerTurn {
		if r.allStarted(now) || r.started-r.ended >= r.o.Outstanding || r.pace.at(r.started) > now {
			return
		}
		index, ok := r.nextClient()
		if !ok {
			r.idle = true
			return
		}
		r.startExchange(index, now)
	}
}

// nextClient returns the index of the next client that has no exchange under
// way. It looks at some only, so that a turn stays short.
func (r *runner) nextClient() (int, bool) {
	for range min(r.clients(), startsPerTurn) {
		index := r.cursor % r.clients()
		r.cursor++
		if r.order != nil {
			index = int(r.order[index])
		}
		if !r.busy[index] {
			return index, true
		}
	}
	return 0, false
}

// expire retransmits, gives up, and forgets exchanges that ended long ago.
func (r *runner) expire(now time.Duration) {
	for i := range r.tries {
		for {
			e, ok := r.tries[i].take(now)
			if !ok {
				break
			}
			if e.seq == e.ex.seq {
				r.timedOut(e.ex, now)
			}
		}
	}
	for {
		e, ok := r.late.take(now)
		if !ok {
			return
		}
		r.forget(e.ex)
	}
}

// wait returns how long nothing but packets can bring work.
func (r *runner) wait(now time.Duration) time.Duration {
	next := now + longestWait
	for i := range r.tries {
		if at, ok := r.tries[i].next(); ok {
			next = min(next, at)
		}
	}
	if !r.idle && r.started-r.ended < r.o.Outstanding && !r.allStarted(now) {
		next = min(next, r.pace.at(r.started))
	}
	return max(next-now, shortestWait)
}

func (r *runner) receive(wait time.Duration) error {
	packets, err := r.conn.receive(wait)
	if err != nil {
		return err
	}
	now := r.now()
	for i := range packets {
		m := &packets[i]
		r.packet(m.Buffers[0][:m.N], m.Addr, now)
	}
	return nil
}
