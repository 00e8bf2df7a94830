package ddns

import (
	"context"
	"errors"
	"log/slog"
	"net/netip"
	"time"

	"rowlock/ddns/name"
	"rowlock/sqlstore"
)

// The bounds of the event log.
var logLimits = sqlstore.LogLimits{Age: 24 * time.Hour, Rows: 1_000_000}

// walkLimit is how many rows are looked at in one statement where all are.
const walkLimit = 500

// What seq of the consumer asks for: a look at all leases, because changes were
// made without events; and another one, after those transactions have ended
// that began before anybody followed, and end without an event.
const (
	noSeq    = -1
	againSeq = -2
)

// sequencer is what the leader knows.
type sequencer struct {
	w       *Worker
	lead    sqlstore.Lead
	led     time.Time // when the leadership was confirmed last
	rezoned int64     // the revision whose zones the names have
	looked  time.Time // at consumer, queue and backlog
	trimmed time.Time
	walked  time.Time // when all leases were looked at, for the first time
	follow  bool      // there is a consumer
}

// sequence takes events out of the bag while this process leads.
func (w *Worker) sequence() {
	s := &sequencer{w: w}
	for w.soft.Err() == nil {
		full, err := s.turn()
		switch {
		case errors.Is(err, sqlstore.ErrConflict), errors.Is(err, sqlstore.ErrFenced):
			s.resign()
			w.pause(w.soft, w.t.lead/5)
		case err != nil:
			s.resign()
			w.storeFailed("take events", err)
		case !full:
			w.pause(w.soft, w.t.idle)
		}
	}
}

// resign forgets the leadership and all that only a leader knows.
func (s *sequencer) resign() {
	*s = sequencer{w: s.w}
	s.w.metrics.clear()
}

// turn does what is due. Full tells that more is.
func (s *sequencer) turn() (full bool, err error) {
	snap := s.w.snap.Load()
	if snap == nil || len(snap.zones) == 0 && s.rezoned == snap.revision {
		s.w.pause(s.w.soft, s.w.t.config)
		return false, nil
	}
	ctx, cancel := context.WithTimeout(s.w.hard, callTime)
	defer cancel()
	if len(snap.zones) == 0 && s.nameless(ctx) {
		s.rezoned = snap.revision
		return false, nil
	}
	if err := s.keep(ctx); err != nil {
		return false, err
	}
	if s.rezoned != snap.revision {
		if err := s.rezone(snap); err != nil {
			return false, err
		}
		s.looked = time.Time{}
	}
	if len(snap.zones) == 0 {
		return true, nil
	}
	if time.Since(s.looked) >= s.w.t.slow {
		if err := s.look(ctx, snap); err != nil {
			return false, err
		}
	}
	if time.Since(s.trimmed) >= s.w.t.trim {
		n, err := s.w.cfg.Store.TrimLog(ctx, logLimits)
		if err != nil {
			return false, err
		}
		if n < sqlstore.TrimStep { // else there is more to delete
			s.trimmed = time.Now()
		}
	}
	if !s.follow {
		s.w.pause(s.w.soft, s.w.t.config)
		return false, nil
	}
	return s.take(ctx, snap)
}

// nameless tells whether there is nothing to do without zones: no names are left
// of a time when there were some. A database user that may not look at names has
// none.
func (s *sequencer) nameless(ctx context.Context) bool {
	rows, err := s.w.cfg.Store.DNSNames(ctx, sqlstore.NameFilter{Limit: 1})
	return err == nil && len(rows) == 0 || errors.Is(err, sqlstore.ErrDenied)
}

// take takes one batch of events.
func (s *sequencer) take(ctx context.Context, snap *snapshot) (full bool, err error) {
	n, err := s.w.cfg.Store.Sequence(ctx, s.lead, s.w.t.events, snap.marks)
	if n > 0 {
		s.w.metrics.events.Add(float64(n))
		s.w.stir()
	}
	return n >= s.w.t.events, err
}

// keep takes the leadership, and renews it well before it runs out.
func (s *sequencer) keep(ctx context.Context) error {
	if s.lead.Fence > 0 && time.Since(s.led) < s.w.t.lead/3 {
		return nil
	}
	began := time.Now()
	fence, err := s.w.cfg.Store.Lead(ctx, sqlstore.LeadSequence, s.w.cfg.ID, s.w.t.lead)
	if err != nil {
		return err
	}
	if s.lead.Fence == 0 {
		s.w.log.Info("leading the sequence", slog.String("event", "ddns.leading"))
	}
	s.lead, s.led = sqlstore.Lead{Name: sqlstore.LeadSequence, Holder: s.w.cfg.ID, Fence: fence}, began
	return nil
}

// look reads what changes slowly: whether events are followed at all, and how
// much waits.
func (s *sequencer) look(ctx context.Context, snap *snapshot) error {
	seq, err := s.w.cfg.Store.Consumer(ctx, sqlstore.ConsumerDDNS)
	s.follow = err == nil
	if err != nil && !errors.Is(err, sqlstore.ErrNotFound) {
		return err
	}
	if s.follow && seq < 0 {
		if err := s.catchUp(snap, seq); err != nil {
			return err
		}
	}
	events, oldest, err := s.w.cfg.Store.Backlog(ctx)
	if err != nil {
		return err
	}
	queue, err := s.w.cfg.Store.NameQueue(ctx)
	if err != nil {
		return err
	}
	s.w.metrics.waiting(events, oldest, queue)
	s.looked = time.Now()
	return nil
}

// marks returns the names that an event is about. The reverse name of an
// address whose forward name is ours too follows that one.
func (s *snapshot) marks(e *sqlstore.Event) []sqlstore.NameMark {
	if e.Family == sqlstore.IPv6 && e.PrefixLen < 128 {
		return nil
	}
	var marks []sqlstore.NameMark
	forward, reverse := e.FQDNFlags&sqlstore.FQDNForward != 0, e.FQDNFlags&sqlstore.FQDNReverse != 0
	if host := name.Canonical(e.Hostname); forward && host != "" {
		marks = append(marks, s.mark(host, e.VRF, e.Addr))
	}
	if reverse && (!forward || e.Kind == sqlstore.EventEnded) {
		marks = append(marks, s.mark(name.Reverse(e.Addr), e.VRF, e.Addr))
	}
	return marks
}

func (s *snapshot) mark(n string, vrf uint32, addr netip.Addr) sqlstore.NameMark {
	return sqlstore.NameMark{Name: n, Zone: s.zoneOf(n), VRF: vrf, Addr: addr}
}
