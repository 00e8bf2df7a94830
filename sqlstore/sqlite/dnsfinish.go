package sqlite

import (
	"context"
	"database/sql/driver"
	"time"

	"rowlock/sqlstore"
)

// readNames reads what decides about the claims of names that are there.
func (t *transaction) readNames(names []string) (map[string]sqlstore.NameRow, error) {
	rows := map[string]sqlstore.NameRow{}
	for _, name := range names {
		err := t.each(0, "name_read", func(v []driver.Value) error {
			rows[name] = sqlstore.NameRow{Version: integer(v[0]), Claim: integer(v[1]), Holder: text(v[2]), Attempted: text(v[3])}
			return nil
		}, name)
		if err != nil {
			return nil, err
		}
	}
	return rows, nil
}

// AttemptNames records what is about to be sent.
func (s *Store) AttemptNames(ctx context.Context, holder string, ttl time.Duration, attempts []sqlstore.NameAttempt) (lost []string, err error) {
	names := make([]string, len(attempts))
	for i := range attempts {
		names[i] = attempts[i].Name
	}
	err = s.w.write(ctx, "record attempts", func(t *transaction) error {
		rows, err := t.readNames(names)
		if err != nil {
			return err
		}
		var keep []sqlstore.NameAttempt
		keep, lost = sqlstore.PlanAttempts(holder, rows, attempts)
		for _, a := range keep {
			if _, err := t.exec(0, "name_attempt", a.Name, a.Attempted, t.now+ttl.Microseconds(), t.now); err != nil {
				return err
			}
		}
		return nil
	})
	return lost, err
}

// FinishNames ends claims.
func (s *Store) FinishNames(ctx context.Context, holder string, outcomes []sqlstore.NameOutcome) (lost []string, err error) {
	if len(outcomes) == 0 {
		return nil, nil
	}
	all, _ := sqlstore.SortMarks(sqlstore.FinishMarks(outcomes))
	err = s.w.write(ctx, "finish names", func(t *transaction) error {
		names := make([]string, len(all))
		for i, m := range all {
			names[i] = m.Name
			if _, err := t.exec(0, "name_make", m.Name, m.Zone, t.now); err != nil {
				return err
			}
		}
		rows, err := t.readNames(names)
		if err != nil {
			return err
		}
		plan := sqlstore.PlanFinish(holder, rows, outcomes)
		lost = plan.LostNames()
		return t.finish(&plan)
	})
	return lost, err
}

// finish does what was planned.
func (t *transaction) finish(plan *sqlstore.NameFinish) error {
	for i := range plan.Keep {
		o := &plan.Keep[i]
		_, err := t.exec(0, "name_finish", o.Name, o.Version, o.Zone, int64(o.State), o.Published, o.Attempted, o.Error,
			o.Retry.Microseconds(), flag(o.Failed), t.now)
		if err != nil {
			return err
		}
	}
	for _, m := range plan.Stale {
		if _, err := t.exec(0, "name_stale", m.Name, int64(m.VRF), addrValue(m.Addr)); err != nil {
			return err
		}
	}
	for _, name := range plan.Delete {
		if _, err := t.exec(0, "name_delete", name); err != nil {
			return err
		}
	}
	for _, l := range plan.Lost {
		if _, err := t.exec(0, "name_lost", l.Name, l.Attempted); err != nil {
			return err
		}
	}
	return t.markNames(plan.Marks)
}

// ReleaseNames ends all claims of a holder.
func (s *Store) ReleaseNames(ctx context.Context, holder string) (count int, err error) {
	err = s.w.write(ctx, "release names", func(t *transaction) error {
		n, err := t.exec(0, "name_release", holder, t.now)
		count = int(n)
		return err
	})
	return count, err
}
