package sqlite

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"time"

	"rowlock/sqlstore"
)

// Lead takes or keeps a leadership row.
func (s *Store) Lead(ctx context.Context, name, holder string, ttl time.Duration) (fence int64, err error) {
	err = s.w.write(ctx, "take leadership "+name, func(t *transaction) error {
		err := t.one(0, "lead", func(v []driver.Value) error {
			fence = integer(v[0])
			return nil
		}, name, holder, ttl.Microseconds(), t.now)
		if errors.Is(err, sql.ErrNoRows) {
			return fmt.Errorf("another holder has it: %w", sqlstore.ErrConflict)
		}
		return err
	})
	if err != nil {
		return 0, err
	}
	return fence, nil
}

// Due looks at the next limit rows in key order. It reads beside the writer.
func (s *Store) Due(ctx context.Context, f sqlstore.Family, after sqlstore.Key, limit int) (due []sqlstore.Due, last sqlstore.Key, done bool, err error) {
	looked := 0
	last = after
	err = s.r.each(ctx, nil, f, "lease_due", func(v []any) error {
		looked++
		last = sqlstore.Key(blob(v[0]))
		if integer(v[4]) != 0 {
			due = append(due, sqlstore.Due{Key: last, Addr: address(v[1]), State: sqlstore.State(integer(v[2])), Rev: integer(v[3])})
		}
		return nil
	}, []byte(after), int64(limit))
	if err != nil {
		return nil, after, false, err
	}
	return due, last, looked < limit, nil
}

// DeleteOffers deletes dead offers by key and rev and lists their addresses.
func (s *Store) DeleteOffers(ctx context.Context, f sqlstore.Family, due []sqlstore.Due) (count int, err error) {
	if len(due) == 0 {
		return 0, nil
	}
	err = s.w.write(ctx, "delete offers", func(t *transaction) error {
		var gone freed
		for _, d := range due {
			if err := t.each(f, "lease_delete_offer", gone.add, []byte(d.Key), d.Rev, t.now); err != nil {
				return err
			}
		}
		count = len(gone)
		return t.listFree(gone)
	})
	if err != nil {
		return 0, err
	}
	return count, nil
}

// Forget looks for rows that nobody waits for beside the writer, then deletes
// those that have not changed since.
func (s *Store) Forget(ctx context.Context, f sqlstore.Family, affinity uint32, limit int) (int, error) {
	var found []sqlstore.Due
	now, err := s.now(ctx)
	if err != nil {
		return 0, err
	}
	err = s.r.each(ctx, nil, f, "lease_forgettable", func(v []any) error {
		found = append(found, sqlstore.Due{Key: sqlstore.Key(blob(v[0])), Rev: integer(v[1])})
		return nil
	}, now, now-int64(affinity)*second, int64(limit))
	if err != nil || len(found) == 0 {
		return 0, err
	}
	return s.forget(ctx, f, found)
}

// ForgetAbove does so with what a pool has of ended bindings above a number.
func (s *Store) ForgetAbove(ctx context.Context, f sqlstore.Family, maxDead uint32, limit int) (int, error) {
	now, err := s.now(ctx)
	if err != nil {
		return 0, err
	}
	var pools []int64
	err = s.r.each(ctx, nil, f, "lease_dying", func(v []any) error {
		pools = append(pools, integer(v[0]))
		return nil
	})
	var found []sqlstore.Due
	for i := 0; i < len(pools) && len(found) < limit && err == nil; i++ {
		err = s.r.each(ctx, nil, f, "lease_above", func(v []any) error {
			found = append(found, sqlstore.Due{Key: sqlstore.Key(blob(v[0])), Rev: integer(v[1])})
			return nil
		}, pools[i], now, int64(maxDead), int64(limit-len(found)))
	}
	if err != nil || len(found) == 0 {
		return 0, err
	}
	return s.forget(ctx, f, found)
}

// forget deletes dead rows that have not changed since they were seen.
func (s *Store) forget(ctx context.Context, f sqlstore.Family, found []sqlstore.Due) (count int, err error) {
	err = s.w.write(ctx, "forget bindings", func(t *transaction) error {
		var gone freed
		for _, d := range found {
			if err := t.each(f, "lease_forget", gone.add, []byte(d.Key), d.Rev); err != nil {
				return err
			}
		}
		count = len(gone)
		return t.listFree(gone)
	})
	if err != nil {
		return 0, err
	}
	return count, nil
}

// BoundEvents deletes the oldest events of a bag that nobody empties.
func (s *Store) BoundEvents(ctx context.Context, limit int64) (count int, err error) {
	err = s.w.write(ctx, "bound events", func(t *transaction) error {
		n, err := t.exec(0, "event_drop", limit, int64(sqlstore.TrimStep))
		if count = int(n); err != nil || n == 0 {
			return err
		}
		_, err = t.exec(0, "event_missed")
		return err
	})
	return count, err
}

// BoundHistory deletes the oldest history where it is too old.
func (s *Store) BoundHistory(ctx context.Context) (gone int, stray bool, err error) {
	err = s.w.write(ctx, "bound history", func(t *transaction) error {
		n, err := t.exec(0, "history_bound", int64(sqlstore.TrimStep))
		gone = int(n)
		return err
	})
	return gone, false, err
}

// MakePartitions does nothing: SQLite has none.
func (s *Store) MakePartitions(context.Context) error { return nil }

// now reads the database's clock on a read connection.
func (s *Store) now(ctx context.Context) (now int64, err error) {
	err = s.r.one(ctx, "clock", func(v []any) error {
		now = integer(v[0])
		return nil
	})
	return now, err
}
