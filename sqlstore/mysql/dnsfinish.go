package mysql

import (
	"context"
	"database/sql/driver"
	"slices"
	"time"

	"rowlock/sqlstore"
)

// lockNames locks the rows of names that are there, in order of name, and reads
// them.
func (c *conn) lockNames(names []string) (map[string]sqlstore.NameRow, error) {
	rows := map[string]sqlstore.NameRow{}
	err := c.each(c.q.get("name_lock"), []any{nameRows(slices.Sorted(slices.Values(names)))}, func(v []driver.Value) error {
		rows[text(v[0])] = sqlstore.NameRow{Version: integer(v[1]), Claim: integer(v[2]), Holder: text(v[3]), Attempted: text(v[4])}
		return nil
	})
	return rows, err
}

// AttemptNames records what is about to be sent.
func (s *Store) AttemptNames(ctx context.Context, holder string, ttl time.Duration, attempts []sqlstore.NameAttempt) (lost []string, err error) {
	names := make([]string, len(attempts))
	for i := range attempts {
		names[i] = attempts[i].Name
	}
	err = s.tx(ctx, func(c *conn) error {
		rows, err := c.lockNames(names)
		if err != nil {
			return err
		}
		var keep []sqlstore.NameAttempt
		if keep, lost = sqlstore.PlanAttempts(holder, rows, attempts); len(keep) == 0 {
			return nil
		}
		_, err = c.exec(c.q.get("name_attempt"), attemptRows(keep), ttl.Microseconds())
		return err
	})
	return lost, err
}

func attemptRows(attempts []sqlstore.NameAttempt) string {
	rows := &items{}
	for _, a := range attempts {
		rows.Begin()
		rows.String(a.Name)
		rows.Words(a.Attempted)
		rows.End()
	}
	return rows.Text()
}

// FinishNames ends claims.
func (s *Store) FinishNames(ctx context.Context, holder string, outcomes []sqlstore.NameOutcome) (lost []string, err error) {
	if len(outcomes) == 0 {
		return nil, nil
	}
	all, _ := sqlstore.SortMarks(sqlstore.FinishMarks(outcomes))
	names := make([]string, len(all))
	for i := range all {
		names[i] = all[i].Name
	}
	err = s.tx(ctx, func(c *conn) error {
		if _, err := c.exec(c.q.get("name_make"), zoneRows(all)); err != nil {
			return err
		}
		rows, err := c.lockNames(names)
		if err != nil {
			return err
		}
		plan := sqlstore.PlanFinish(holder, rows, outcomes)
		lost = plan.LostNames()
		return c.finish(&plan)
	})
	return lost, err
}

// finish does what was planned for locked rows.
func (c *conn) finish(plan *sqlstore.NameFinish) error {
	for _, step := range []struct {
		wanted int
		query  string
		rows   func() string
	}{
		{len(plan.Keep), "name_finish", func() string { return outcomeRows(plan.Keep) }},
		{len(plan.Stale), "name_stale", func() string { return addrRows(plan.Stale) }},
		{len(plan.Delete), "name_delete", func() string { return nameRows(plan.Delete) }},
		{len(plan.Lost), "name_lost", func() string { return attemptRows(plan.Lost) }},
	} {
		if step.wanted == 0 {
			continue
		}
		if _, err := c.exec(c.q.get(step.query), step.rows()); err != nil {
			return err
		}
	}
	return c.markNames(plan.Marks)
}

// outcomeRows are the items of name_finish.
func outcomeRows(outcomes []sqlstore.NameOutcome) string {
	rows := &items{}
	for i := range outcomes {
		o := &outcomes[i]
		rows.Begin()
		rows.String(o.Name)
		rows.Number(o.Version)
		rows.Number(int64(o.State))
		rows.Number(o.Retry.Microseconds())
		rows.Boolean(o.Failed)
		rows.Words(o.Zone)
		rows.Words(o.Published)
		rows.Words(o.Attempted)
		rows.Words(o.Error)
		rows.End()
	}
	return rows.Text()
}

// ReleaseNames ends all claims of a holder. They are looked for without locks,
// and locked in order of name.
func (s *Store) ReleaseNames(ctx context.Context, holder string) (count int, err error) {
	err = s.tx(ctx, func(c *conn) error {
		count = 0
		var held []string
		err := c.each(c.q.get("name_held"), []any{holder}, func(v []driver.Value) error {
			held = append(held, text(v[0]))
			return nil
		})
		if err != nil || len(held) == 0 {
			return err
		}
		rows, err := c.lockNames(held)
		if err != nil {
			return err
		}
		var still []string
		for name, r := range rows {
			if r.Holder == holder {
				still = append(still, name)
			}
		}
		if len(still) > 0 {
			count = len(still)
			_, err = c.exec(c.q.get("name_release"), nameRows(still))
		}
		return err
	})
	return count, err
}
