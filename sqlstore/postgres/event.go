package postgres

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgtype"

	"rowlock/sqlstore"
)

// Sequence takes events out of the bag and marks their names.
func (s *Store) Sequence(ctx context.Context, l sqlstore.Lead, limit int, marks func(*sqlstore.Event) []sqlstore.NameMark) (count int, err error) {
	err = s.nameTx(ctx, func(tx pgx.Tx) error {
		count = 0
		var one int
		err := tx.QueryRow(ctx, s.q.get("event_lead"), l.Name, l.Holder, l.Fence).Scan(&one)
		if errors.Is(err, pgx.ErrNoRows) {
			return fmt.Errorf("leadership %q: %w", l.Name, sqlstore.ErrFenced)
		}
		if err != nil {
			return err
		}
		events, err := s.takeEvents(ctx, tx, limit)
		if err != nil || len(events) == 0 {
			return err
		}
		count = len(events)
		wanted, err := s.namesAt(ctx, tx, events)
		if err != nil {
			return err
		}
		for i := range events {
			wanted = append(wanted, marks(&events[i])...)
		}
		return s.markNames(ctx, tx, wanted)
	})
	if err != nil {
		return 0, err
	}
	return count, nil
}

func (s *Store) takeEvents(ctx context.Context, tx pgx.Tx, limit int) ([]sqlstore.Event, error) {
	rows, err := tx.Query(ctx, s.q.get("event_take"), limit)
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, func(row pgx.CollectableRow) (e sqlstore.Event, err error) {
		var kind, family, length, flags, state int16
		var vrf, subnet int32
		var addr, key []byte
		err = row.Scan(&e.ID, &kind, &family, &vrf, &addr, &length, &subnet, &key, &e.Hostname, &flags, &state, &e.Rev)
		e.Kind, e.Family, e.VRF, e.Addr = sqlstore.EventKind(kind), sqlstore.Family(family), uint32(vrf), toAddr(addr)
		e.PrefixLen, e.SubnetID, e.Key = uint8(length), uint32(subnet), sqlstore.Key(key)
		e.FQDNFlags, e.State = uint8(flags), sqlstore.State(state)
		return e, err
	})
}

// namesAt returns marks of the names that the addresses of events may have.
func (s *Store) namesAt(ctx context.Context, tx pgx.Tx, events []sqlstore.Event) ([]sqlstore.NameMark, error) {
	vrfs, addrs := make([]int32, len(events)), make([][]byte, len(events))
	for i := range events {
		vrfs[i], addrs[i] = int32(events[i].VRF), fromAddr(events[i].Addr)
	}
	rows, err := tx.Query(ctx, s.q.get("name_of_addr"), vrfs, addrs)
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, func(row pgx.CollectableRow) (m sqlstore.NameMark, err error) {
		err = row.Scan(&m.Name)
		return m, err
	})
}

// TrimLog deletes the oldest rows of the log.
func (s *Store) TrimLog(ctx context.Context, limits sqlstore.LogLimits) (int, error) {
	tag, err := s.general.Exec(ctx, s.q.get("event_trim"), sqlstore.TrimStep, limits.Age.Microseconds(), limits.Rows)
	return int(tag.RowsAffected()), classify(err)
}

// Backlog counts the events in the bag.
func (s *Store) Backlog(ctx context.Context) (events int64, oldest time.Duration, err error) {
	var age float64
	err = s.general.QueryRow(ctx, s.q.get("event_backlog"), sqlstore.MaxBacklog).Scan(&events, &age)
	return events, seconds(age), classify(err)
}

// Consumer refreshes a consumer's row and reads where it is.
func (s *Store) Consumer(ctx context.Context, name string) (seq int64, err error) {
	err = s.general.QueryRow(ctx, s.q.get("consumer_seen"), name).Scan(&seq)
	if err != nil {
		return 0, fmt.Errorf("consumer %q: %w", name, classify(err))
	}
	return seq, nil
}

// SetConsumer moves a consumer on.
func (s *Store) SetConsumer(ctx context.Context, name string, old, seq int64) error {
	tag, err := s.general.Exec(ctx, s.q.get("consumer_set"), name, old, seq)
	if err == nil && tag.RowsAffected() == 0 {
		return fmt.Errorf("consumer %q: %w", name, sqlstore.ErrConflict)
	}
	return classify(err)
}

// NamedLeases looks for live leases that have names in DNS.
func (s *Store) NamedLeases(ctx context.Context, f sqlstore.Family, after sqlstore.Key, limit int) (live []sqlstore.Event, last sqlstore.Key, done bool, err error) {
	rows, err := s.general.Query(ctx, s.q.of(f, "lease_named"), []byte(after), limit)
	if err != nil {
		return nil, "", false, classify(err)
	}
	defer rows.Close()
	var end []byte
	var looked int
	for rows.Next() {
		var key, addr []byte
		var vrf, length, subnet pgtype.Int4
		var hostname pgtype.Text
		var flags, state pgtype.Int2
		var rev pgtype.Int8
		if err := rows.Scan(&end, &looked, &key, &vrf, &addr, &length, &subnet, &hostname, &flags, &state, &rev); err != nil {
			return nil, "", false, classify(err)
		}
		if !rev.Valid {
			continue
		}
		live = append(live, sqlstore.Event{
			Kind: sqlstore.EventAssigned, Family: f, VRF: uint32(vrf.Int32), Addr: toAddr(addr), PrefixLen: uint8(length.Int32),
			SubnetID: uint32(subnet.Int32), Key: sqlstore.Key(key), Hostname: hostname.String, FQDNFlags: uint8(flags.Int16),
			State: sqlstore.State(state.Int16), Rev: rev.Int64,
		})
	}
	return live, sqlstore.Key(end), looked < limit, classify(rows.Err())
}
