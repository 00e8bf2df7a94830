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

// Sequence takes events out of the bag and marks their names.
func (s *Store) Sequence(ctx context.Context, l sqlstore.Lead, limit int, marks func(*sqlstore.Event) []sqlstore.NameMark) (count int, err error) {
	err = s.w.write(ctx, "take events", func(t *transaction) error {
		count = 0
		err := t.one(0, "event_lead", func([]driver.Value) error { return nil }, l.Name, l.Holder, l.Fence, t.now)
		if errors.Is(err, sql.ErrNoRows) {
			return fmt.Errorf("leadership %q: %w", l.Name, sqlstore.ErrFenced)
		}
		if err != nil {
			return err
		}
		events, err := t.takeEvents(limit)
		if err != nil {
			return err
		}
		count = len(events)
		var wanted []sqlstore.NameMark
		for i := range events {
			e := &events[i]
			err := t.each(0, "name_of_addr", func(v []driver.Value) error {
				wanted = append(wanted, sqlstore.NameMark{Name: text(v[0])})
				return nil
			}, int64(e.VRF), addrValue(e.Addr))
			if err != nil {
				return err
			}
			wanted = append(wanted, marks(e)...)
		}
		return t.markNames(wanted)
	})
	if err != nil {
		return 0, err
	}
	return count, nil
}

// takeEvents moves the first events from the bag to the log.
func (t *transaction) takeEvents(limit int) (events []sqlstore.Event, err error) {
	err = t.each(0, "event_first", func(v []driver.Value) error {
		events = append(events, sqlstore.Event{
			ID: integer(v[0]), Kind: sqlstore.EventKind(integer(v[1])), Family: sqlstore.Family(integer(v[2])), VRF: uint32(integer(v[3])),
			Addr: address(v[4]), PrefixLen: uint8(integer(v[5])), SubnetID: uint32(integer(v[6])), Key: sqlstore.Key(blob(v[7])),
			Hostname: text(v[8]), FQDNFlags: uint8(integer(v[9])), State: sqlstore.State(integer(v[10])), Rev: integer(v[11]),
		})
		return nil
	}, int64(limit))
	if err != nil || len(events) == 0 {
		return nil, err
	}
	var top int64
	err = t.one(0, "event_log_top", func(v []driver.Value) error {
		top = integer(v[0])
		return nil
	})
	for i := 0; err == nil && i < len(events); i++ {
		if _, err = t.exec(0, "event_log_append", events[i].ID, top+int64(i)+1); err == nil {
			_, err = t.exec(0, "event_delete", events[i].ID)
		}
	}
	return events, err
}

// TrimLog deletes the oldest rows of the log.
func (s *Store) TrimLog(ctx context.Context, limits sqlstore.LogLimits) (count int, err error) {
	err = s.w.write(ctx, "trim event log", func(t *transaction) error {
		var before int64
		if limits.Age > 0 {
			before = t.now - limits.Age.Microseconds()
		}
		n, err := t.exec(0, "event_trim", int64(sqlstore.TrimStep), before, limits.Rows)
		count = int(n)
		return err
	})
	return count, err
}

// Backlog counts the events in the bag.
func (s *Store) Backlog(ctx context.Context) (events int64, oldest time.Duration, err error) {
	now, err := s.now(ctx)
	if err != nil {
		return 0, 0, err
	}
	err = s.r.one(ctx, "event_backlog", func(v []any) error {
		if events = integer(v[0]); events > 0 {
			oldest = time.Duration(max(now-integer(v[1]), 0)) * time.Microsecond
		}
		return nil
	}, int64(sqlstore.MaxBacklog))
	return events, oldest, err
}

// Consumer refreshes a consumer's row and reads where it is.
func (s *Store) Consumer(ctx context.Context, name string) (seq int64, err error) {
	err = s.w.write(ctx, "consumer "+name, func(t *transaction) error {
		return t.one(0, "consumer_seen", func(v []driver.Value) error {
			seq = integer(v[0])
			return nil
		}, name, t.now)
	})
	return seq, err
}

// SetConsumer moves a consumer on.
func (s *Store) SetConsumer(ctx context.Context, name string, old, seq int64) error {
	return s.w.write(ctx, "consumer "+name, func(t *transaction) error {
		n, err := t.exec(0, "consumer_set", name, old, seq, t.now)
		if err == nil && n == 0 {
			err = sqlstore.ErrConflict
		}
		return err
	})
}

// NamedLeases looks for live leases that have names in DNS, beside the writer.
func (s *Store) NamedLeases(ctx context.Context, f sqlstore.Family, after sqlstore.Key, limit int) (live []sqlstore.Event, last sqlstore.Key, done bool, err error) {
	looked := 0
	last = after
	err = s.r.each(ctx, nil, f, "lease_named", func(v []any) error {
		looked++
		last = sqlstore.Key(blob(v[0]))
		if integer(v[9]) != 0 {
			live = append(live, sqlstore.Event{
				Kind: sqlstore.EventAssigned, Family: f, Key: last, VRF: uint32(integer(v[1])), Addr: address(v[2]), PrefixLen: uint8(integer(v[3])),
				SubnetID: uint32(integer(v[4])), Hostname: text(v[5]), FQDNFlags: uint8(integer(v[6])), State: sqlstore.State(integer(v[7])), Rev: integer(v[8]),
			})
		}
		return nil
	}, []byte(after), int64(limit))
	if err != nil {
		return nil, after, false, err
	}
	return live, last, looked < limit, nil
}
