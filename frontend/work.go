package frontend

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"runtime/debug"

	"rowlock/sqlstore"
)

// protocol is what differs between DHCPv4 and DHCPv6 for readers and workers.
type protocol struct {
	// handle answers one message. Its error is a Drop. It keeps to the deadline
	// of ctx and may panic.
	handle func(ctx context.Context, p *packet) error
	// peek tells, at little cost and for any bytes, the type of a message, in
	// lower case and from a closed set, "unknown" if it cannot; and whether it
	// begins a conversation (DISCOVER, SOLICIT), which is the first to be shed.
	peek func(data []byte) (kind string, fresh bool)
}

// enqueue hands a packet from a reader to the workers.
func (s *Server) enqueue(p *packet) {
	kind, fresh := s.protocols[familyIndex(p.family)].peek(p.data)
	s.metrics.receivedType(p.family, kind)
	if p.fresh = fresh; fresh {
		if err := s.admit(p); err != nil { // admit.go
			s.dropped(p, err)
			return
		}
	}
	if shed := s.queue.put(p); shed != nil {
		s.dropped(shed, drop(ReasonQueueFull, "%d packets are waiting", s.cfg.QueueLen))
	}
}

// work handles packets until the queue is closed and empty.
func (s *Server) work() {
	for {
		p, ok := s.queue.take()
		if !ok {
			return
		}
		if err := s.guard(p); err != nil {
			s.dropped(p, err)
		}
		s.queue.done(p)
		s.metrics.handled(p.family, s.cfg.Now().Sub(p.received))
	}
}

// guard handles one packet within its deadline. A panic ends the packet and
// not the process.
func (s *Server) guard(p *packet) (err error) {
	defer func() {
		if r := recover(); r != nil {
			s.metrics.panicked(p.family)
			s.log.Error("panic while handling packet", "event", "packet.panic", "family", p.family,
				"from", p.src, "packet", hex.EncodeToString(p.data), "err", fmt.Sprint(r), "stack", string(debug.Stack()))
			err = drop(ReasonPanic, "%v", r)
		}
	}()
	age := s.cfg.Now().Sub(p.received)
	left := s.cfg.Deadline - age
	if left <= 0 || p.fresh && age > s.cfg.Deadline/2 {
		return drop(ReasonStale, "waited %v", age)
	}
	return s.protocols[familyIndex(p.family)].handle(s.deadlines.in(s.base, left), p)
}

// current returns the snapshot in use.
func (s *Server) current() (*snapshot, error) {
	if snap := s.snap.Load(); snap != nil {
		return snap, nil
	}
	return nil, drop(ReasonNoConfig, "no configuration")
}

// lease asks the Leaser. Its error is a Drop.
func (s *Server) lease(ctx context.Context, r *sqlstore.Request) (*sqlstore.Decision, error) {
	d, err := s.cfg.Leaser.Do(ctx, r)
	if err != nil {
		return nil, leaseDrop(err)
	}
	if len(d.Results) != len(r.Items) {
		return nil, drop(ReasonInternal, "%d results for %d items", len(d.Results), len(r.Items))
	}
	return d, nil
}

// superseding returns the snapshot on which a packet must be evaluated once more
// because the one it was begun with is not used any more, nil for other errors of
// the Leaser. Nothing was written.
func (s *Server) superseding(err error) *snapshot {
	if err == nil || !errors.Is(err, sqlstore.ErrSuperseded) {
		return nil
	}
	return s.snap.Load()
}

// newer returns the snapshot on which a packet must be evaluated once more,
// or nil when d stands: a negative answer that was made from a configuration
// older than the database's is withheld until that configuration is here. The
// second answer is final, so call it only for the first.
func (s *Server) newer(ctx context.Context, r *sqlstore.Request, d *sqlstore.Decision) (*snapshot, error) {
	if !negative(d) {
		return nil, nil
	}
	return s.since(ctx, r.Revision, d.Revision)
}

// confirmed is newer for a negative answer that the configuration alone gives:
// the database is asked whether it has a newer one.
func (s *Server) confirmed(ctx context.Context, f sqlstore.Family, snap *snapshot) (*snapshot, error) {
	d, err := s.lease(ctx, &sqlstore.Request{Family: f, Revision: snap.revision})
	if newer := s.superseding(err); newer != nil {
		return newer, nil
	}
	if err != nil {
		return nil, err
	}
	return s.since(ctx, snap.revision, d.Revision)
}

// since waits for the snapshot of a revision that the database named, if it is
// newer than the one used: nil if not, or if it was refused.
func (s *Server) since(ctx context.Context, used, named int64) (*snapshot, error) {
	if named <= used {
		return nil, nil
	}
	for {
		s.mu.Lock()
		seen, changed := s.seen, s.changed
		s.mu.Unlock()
		if seen >= named {
			if snap := s.snap.Load(); snap.revision > used {
				return snap, nil
			}
			return nil, nil // the newer one was refused
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return nil, drop(ReasonConfigBehind, "revision %d is not here yet", named)
		}
	}
}

// negative tells whether a result denies the client something.
func negative(d *sqlstore.Decision) bool {
	for i := range d.Results {
		switch r := &d.Results[i]; r.Code {
		case sqlstore.NoBinding, sqlstore.WrongAddress, sqlstore.Exhausted:
			return true
		default:
			if r.Refused.IsValid() {
				return true
			}
		}
	}
	return false
}
