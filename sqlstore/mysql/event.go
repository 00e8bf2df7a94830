package mysql

import (
	"context"
	"database/sql/driver"
	"errors"
	"fmt"
	"time"

	"rowlock/sqlstore"
)

// Sequence takes events out of the bag and marks their names.
func (s *Store) Sequence(ctx context.Context, l sqlstore.Lead, limit int, marks func(*sqlstore.Event) []sqlstore.NameMark) (count int, err error) {
	err = s.tx(ctx, func(c *conn) error {
		count = 0
		if _, err := c.number("event_lead", l.Name); err != nil {
			return err
		}
		leads, err := c.holds("event_leads", l.Name, l.Holder, l.Fence)
		if err != nil {
			return err
		}
		if !leads {
			return fmt.Errorf("leadership %q: %w", l.Name, sqlstore.ErrFenced)
		}
		events, err := c.takeEvents(limit)
		if err != nil || len(events) == 0 {
			return err
		}
		count = len(events)
		wanted, err := c.namesAt(events)
		if err != nil {
			return err
		}
		for i := range events {
			wanted = append(wanted, marks(&events[i])...)
		}
		return c.markNames(wanted)
	})
	if err != nil {
		return 0, err
	}
	return count, nil
}

// takeEvents moves the first events from the bag to the log.
func (c *conn) takeEvents(limit int) (events []sqlstore.Event, err error) {
	ids := &items{}
	err = c.each(c.q.get("event_first"), []any{limit}, func(v []driver.Value) error {
		events = append(events, sqlstore.Event{
			ID: integer(v[0]), Kind: sqlstore.EventKind(integer(v[1])), Family: sqlstore.Family(integer(v[2])), VRF: uint32(integer(v[3])),
			Addr: address(v[4]), PrefixLen: uint8(integer(v[5])), SubnetID: uint32(integer(v[6])), Key: sqlstore.Key(raw(v[7])),
			Hostname: text(v[8]), FQDNFlags: uint8(integer(v[9])), State: sqlstore.State(integer(v[10])), Rev: integer(v[11]),
		})
		ids.Begin()
		ids.Number(integer(v[0]))
		ids.End()
		return nil
	})
	if err != nil || len(events) == 0 {
		return nil, err
	}
	if _, err := c.exec(c.q.get("event_append"), ids.Text()); err != nil {
		return nil, err
	}
	res, err := c.exec(c.q.get("event_delete"), ids.Text())
	if err != nil {
		return nil, err
	}
	if gone, err := res.RowsAffected(); err != nil || gone != int64(len(events)) {
		return nil, errors.Join(err, fmt.Errorf("%w: somebody else takes events", sqlstore.ErrRetry))
	}
	return events, nil
}

// namesAt returns marks of the names that the addresses of events may have.
func (c *conn) namesAt(events []sqlstore.Event) (marks []sqlstore.NameMark, err error) {
	rows := &items{}
	for i := range events {
		rows.Begin()
		rows.Number(int64(events[i].VRF))
		rows.Addr(events[i].Addr)
		rows.End()
	}
	err = c.each(c.q.get("name_of_addr"), []any{rows.Text()}, func(v []driver.Value) error {
		marks = append(marks, sqlstore.NameMark{Name: text(v[0])})
		return nil
	})
	return marks, err
}

// TrimLog deletes the oldest rows of the log.
func (s *Store) TrimLog(ctx context.Context, limits sqlstore.LogLimits) (count int, err error) {
	age := limits.Age.Microseconds()
	err = s.tx(ctx, func(c *conn) error {
		res, err := c.exec(c.q.get("event_trim"), sqlstore.TrimStep, age, age, limits.Rows, limits.Rows)
		if err != nil {
			return err
		}
		n, err := res.RowsAffected()
		count = int(n)
		return err
	})
	return count, err
}

// Backlog counts the events in the bag.
func (s *Store) Backlog(ctx context.Context) (events int64, oldest time.Duration, err error) {
	err = s.each(ctx, s.q.get("event_backlog"), []any{sqlstore.MaxBacklog}, func(v []driver.Value) error {
		events, oldest = integer(v[0]), microseconds(max(integer(v[1]), 0))
		return nil
	})
	return events, oldest, err
}

// Consumer refreshes a consumer's row and reads where it is.
func (s *Store) Consumer(ctx context.Context, name string) (seq int64, err error) {
	found := false
	err = s.tx(ctx, func(c *conn) error {
		found = false
		if _, err := c.exec(c.q.get("consumer_seen"), name); err != nil {
			return err
		}
		return c.each(c.q.get("consumer_read"), []any{name}, func(v []driver.Value) error {
			seq, found = integer(v[0]), true
			return nil
		})
	})
	if err == nil && !found {
		err = fmt.Errorf("consumer %q: %w", name, sqlstore.ErrNotFound)
	}
	return seq, err
}

// SetConsumer moves a consumer on.
func (s *Store) SetConsumer(ctx context.Context, name string, old, seq int64) error {
	res, err := s.exec(ctx, s.q.get("consumer_set"), seq, name, old)
	if err != nil {
		return err
	}
	if n, err := res.RowsAffected(); err != nil || n == 0 {
		return errors.Join(err, fmt.Errorf("consumer %q: %w", name, sqlstore.ErrConflict))
	}
	return nil
}

// NamedLeases looks for live leases that have names in DNS.
func (s *Store) NamedLeases(ctx context.Context, f sqlstore.Family, after sqlstore.Key, limit int) (live []sqlstore.Event, last sqlstore.Key, done bool, err error) {
	last, done, err = s.window(ctx, f, "lease_named", after, limit, func() { live = nil }, func(v []driver.Value) error {
		live = append(live, sqlstore.Event{
			Kind: sqlstore.EventAssigned, Family: f, Key: sqlstore.Key(raw(v[0])), VRF: uint32(integer(v[1])), Addr: address(v[2]),
			PrefixLen: uint8(integer(v[3])), SubnetID: uint32(integer(v[4])), Hostname: text(v[5]), FQDNFlags: uint8(integer(v[6])),
			State: sqlstore.State(integer(v[7])), Rev: integer(v[8]),
		})
		return nil
	})
	if done && len(live) > 0 {
		last = live[len(live)-1].Key
	}
	return live, last, done, err
}
