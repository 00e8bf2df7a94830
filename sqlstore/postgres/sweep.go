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

// Lead takes or keeps a leadership row.
func (s *Store) Lead(ctx context.Context, name, holder string, ttl time.Duration) (int64, error) {
	var fence int64
	err := s.general.QueryRow(ctx, s.q.get("lead"), name, holder, ttl.Seconds()).Scan(&fence)
	if errors.Is(err, pgx.ErrNoRows) {
		return 0, fmt.Errorf("leadership %q: %w", name, sqlstore.ErrConflict)
	}
	return fence, classify(err)
}

// Due looks for rows whose time has come.
func (s *Store) Due(ctx context.Context, f sqlstore.Family, after sqlstore.Key, limit int) ([]sqlstore.Due, sqlstore.Key, bool, error) {
	rows, err := s.general.Query(ctx, s.q.of(f, "lease_due"), []byte(after), limit)
	if err != nil {
		return nil, "", false, classify(err)
	}
	defer rows.Close()
	var due []sqlstore.Due
	var last []byte
	var looked int
	for rows.Next() {
		var key, addr []byte
		var state pgtype.Int2
		var rev pgtype.Int8
		if err := rows.Scan(&last, &looked, &key, &addr, &state, &rev); err != nil {
			return nil, "", false, classify(err)
		}
		if rev.Valid {
			due = append(due, sqlstore.Due{Key: sqlstore.Key(key), Addr: toAddr(addr), State: sqlstore.State(state.Int16), Rev: rev.Int64})
		}
	}
	return due, sqlstore.Key(last), looked < limit, classify(rows.Err())
}

// DeleteOffers deletes dead offers and lists their addresses as free.
func (s *Store) DeleteOffers(ctx context.Context, f sqlstore.Family, due []sqlstore.Due) (count int, err error) {
	keys, revs := make([][]byte, len(due)), make([]int64, len(due))
	for i, d := range due {
		keys[i], revs[i] = fromKey(d.Key), d.Rev
	}
	err = s.general.QueryRow(ctx, s.q.of(f, "lease_delete_offers"), keys, revs).Scan(&count)
	return count, classify(err)
}

// Forget deletes rows that nobody waits for any more.
func (s *Store) Forget(ctx context.Context, f sqlstore.Family, affinity uint32, limit int) (count int, err error) {
	err = s.general.QueryRow(ctx, s.q.of(f, "lease_forget"), int64(affinity), limit).Scan(&count)
	return count, classify(err)
}

// ForgetAbove deletes what a pool has of ended bindings above a number.
func (s *Store) ForgetAbove(ctx context.Context, f sqlstore.Family, maxDead uint32, limit int) (count int, err error) {
	err = s.general.QueryRow(ctx, s.q.of(f, "lease_above"), int64(maxDead), limit).Scan(&count)
	return count, classify(err)
}

// BoundEvents deletes the oldest events of a bag that nobody empties.
func (s *Store) BoundEvents(ctx context.Context, limit int64) (count int, err error) {
	err = s.general.QueryRow(ctx, s.q.get("event_bound"), limit, sqlstore.TrimStep).Scan(&count)
	return count, classify(err)
}

// BoundHistory drops months of history that are too old.
func (s *Store) BoundHistory(ctx context.Context) (gone int, stray bool, err error) {
	err = s.general.QueryRow(ctx, s.q.get("bound_history")).Scan(&gone, &stray)
	return gone, stray, classify(err)
}

// MakePartitions prepares the history partitions of the months ahead.
func (s *Store) MakePartitions(ctx context.Context) error {
	_, err := s.general.Exec(ctx, s.q.get("make_partitions"))
	return classify(err)
}
