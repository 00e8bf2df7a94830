package postgres

import (
	"context"
	"time"

	"github.com/jackc/pgx/v5"

	"rowlock/sqlstore"
)

// lockNames locks the rows of names that are there and reads them.
func (s *Store) lockNames(ctx context.Context, tx pgx.Tx, names []string) (map[string]sqlstore.NameRow, error) {
	rows, err := tx.Query(ctx, s.q.get("name_lock"), names)
	if err != nil {
		return nil, err
	}
	locked := map[string]sqlstore.NameRow{}
	var name string
	var r sqlstore.NameRow
	_, err = pgx.ForEachRow(rows, []any{&name, &r.Version, &r.Claim, &r.Holder, &r.Attempted}, func() error {
		locked[name] = r
		return nil
	})
	return locked, err
}

// AttemptNames records what is about to be sent.
func (s *Store) AttemptNames(ctx context.Context, holder string, ttl time.Duration, attempts []sqlstore.NameAttempt) (lost []string, err error) {
	names := make([]string, len(attempts))
	for i := range attempts {
		names[i] = attempts[i].Name
	}
	err = s.nameTx(ctx, func(tx pgx.Tx) error {
		rows, err := s.lockNames(ctx, tx, names)
		if err != nil {
			return err
		}
		var keep []sqlstore.NameAttempt
		if keep, lost = sqlstore.PlanAttempts(holder, rows, attempts); len(keep) == 0 {
			return nil
		}
		held, records := attemptArrays(keep)
		_, err = tx.Exec(ctx, s.q.get("name_attempt"), held, records, ttl.Microseconds())
		return err
	})
	return lost, err
}

func attemptArrays(attempts []sqlstore.NameAttempt) (names, records []string) {
	for _, a := range attempts {
		names, records = append(names, a.Name), append(records, a.Attempted)
	}
	return names, records
}

// FinishNames ends claims.
func (s *Store) FinishNames(ctx context.Context, holder string, outcomes []sqlstore.NameOutcome) (lost []string, err error) {
	if len(outcomes) == 0 {
		return nil, nil
	}
	all, _ := sqlstore.SortMarks(sqlstore.FinishMarks(outcomes))
	list, zones, _, _ := markArrays(all)
	err = s.nameTx(ctx, func(tx pgx.Tx) error {
		if _, err := tx.Exec(ctx, s.q.get("name_make"), list, zones); err != nil {
			return err
		}
		rows, err := s.lockNames(ctx, tx, list)
		if err != nil {
			return err
		}
		plan := sqlstore.PlanFinish(holder, rows, outcomes)
		lost = plan.LostNames()
		return s.finish(ctx, tx, &plan)
	})
	return lost, err
}

// finish does what was planned for locked rows.
func (s *Store) finish(ctx context.Context, tx pgx.Tx, plan *sqlstore.NameFinish) error {
	if len(plan.Keep) > 0 {
		if _, err := tx.Exec(ctx, s.q.get("name_finish"), outcomeArrays(plan.Keep)...); err != nil {
			return err
		}
	}
	if len(plan.Stale) > 0 {
		names, _, vrfs, addrs := markArrays(plan.Stale)
		if _, err := tx.Exec(ctx, s.q.get("name_stale"), names, vrfs, addrs); err != nil {
			return err
		}
	}
	if len(plan.Delete) > 0 {
		if _, err := tx.Exec(ctx, s.q.get("name_delete"), plan.Delete); err != nil {
			return err
		}
	}
	if len(plan.Lost) > 0 {
		names, records := attemptArrays(plan.Lost)
		if _, err := tx.Exec(ctx, s.q.get("name_lost"), names, records); err != nil {
			return err
		}
	}
	return s.markNames(ctx, tx, plan.Marks)
}

// outcomeArrays are the columns of name_finish.
func outcomeArrays(outcomes []sqlstore.NameOutcome) []any {
	n := len(outcomes)
	name, zone, published, attempted, text := make([]string, n), make([]string, n), make([]string, n), make([]string, n), make([]string, n)
	version, retry, state, failed := make([]int64, n), make([]int64, n), make([]int32, n), make([]bool, n)
	for i := range outcomes {
		o := &outcomes[i]
		name[i], version[i], zone[i], state[i], published[i] = o.Name, o.Version, o.Zone, int32(o.State), o.Published
		attempted[i], text[i], retry[i], failed[i] = o.Attempted, o.Error, o.Retry.Microseconds(), o.Failed
	}
	return []any{name, version, zone, state, published, attempted, text, retry, failed}
}
