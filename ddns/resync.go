package ddns

import (
	"context"
	"log/slog"
	"time"

	"rowlock/sqlstore"
)

// rezone gives names the zone that they are in now.
func (s *sequencer) rezone(snap *snapshot) error {
	after := ""
	for done := false; !done; {
		err := s.step(func(ctx context.Context) (err error) {
			after, done, err = s.w.cfg.Store.RezoneNames(ctx, after, walkLimit, snap.zoneOf)
			return err
		})
		if err != nil {
			return err
		}
	}
	s.rezoned = snap.revision
	return nil
}

// catchUp looks at all leases, at once and once more after a while, which is
// longer than any transaction of a frontend lasts.
func (s *sequencer) catchUp(snap *snapshot, seq int64) error {
	next := int64(againSeq)
	if seq == againSeq {
		if s.walked.IsZero() { // another process was the first
			s.walked = time.Now()
		}
		if time.Since(s.walked) < s.w.t.slow {
			return nil
		}
		next = 0
	}
	if err := s.resync(snap); err != nil {
		return err
	}
	s.walked = time.Now()
	return s.step(func(ctx context.Context) error {
		return s.w.cfg.Store.SetConsumer(ctx, sqlstore.ConsumerDDNS, seq, next)
	})
}

// resync marks the names of all leases, and all names that there are: events
// may have been missed. What is published already costs no message.
func (s *sequencer) resync(snap *snapshot) error {
	s.w.log.Info("looking at all leases", slog.String("event", "ddns.resync_started"))
	leases := 0
	for _, f := range []sqlstore.Family{sqlstore.IPv4, sqlstore.IPv6} {
		var after sqlstore.Key
		for done := false; !done; {
			err := s.step(func(ctx context.Context) error {
				var live []sqlstore.Event
				var err error
				if live, after, done, err = s.w.cfg.Store.NamedLeases(ctx, f, after, walkLimit); err != nil {
					return err
				}
				leases += len(live)
				return s.markLive(ctx, snap, live)
			})
			if err != nil {
				return err
			}
		}
	}
	err := s.markAll(snap)
	if err == nil {
		s.w.log.Info("looked at all leases", slog.String("event", "ddns.resync_done"), slog.Int("leases", leases))
	}
	return err
}

func (s *sequencer) markLive(ctx context.Context, snap *snapshot, live []sqlstore.Event) error {
	var marks []sqlstore.NameMark
	for i := range live {
		marks = append(marks, snap.marks(&live[i])...)
	}
	if len(marks) == 0 {
		return nil
	}
	return s.w.cfg.Store.MarkNames(ctx, marks)
}

// markAll marks all names that there are.
func (s *sequencer) markAll(snap *snapshot) error {
	after := ""
	for more := true; more; {
		err := s.step(func(ctx context.Context) error {
			rows, err := s.w.cfg.Store.DNSNames(ctx, sqlstore.NameFilter{After: after, Limit: walkLimit})
			if err != nil {
				return err
			}
			var marks []sqlstore.NameMark
			for _, r := range rows {
				marks = append(marks, sqlstore.NameMark{Name: r.Name, Zone: snap.zoneOf(r.Name)})
				after = r.Name
			}
			if more = len(rows) == walkLimit; len(marks) == 0 {
				return nil
			}
			return s.w.cfg.Store.MarkNames(ctx, marks)
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// step does a part of something long, as the leader that this process still
// is, and takes events in between, so that they do not wait for its end.
func (s *sequencer) step(do func(context.Context) error) error {
	if err := s.w.soft.Err(); err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(s.w.hard, callTime)
	defer cancel()
	if err := s.keep(ctx); err != nil {
		return err
	}
	if s.follow {
		if _, err := s.take(ctx, s.w.snap.Load()); err != nil {
			return err
		}
	}
	return do(ctx)
}
