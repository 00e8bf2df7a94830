package postgres

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgtype"

	"rowlock/sqlstore"
)

// AddToken stores a token. Whoever makes the first one does so alone, because
// it takes the lock of the configuration.
func (s *Store) AddToken(ctx context.Context, t sqlstore.Token, first bool) error {
	err := pgx.BeginFunc(ctx, s.general, func(tx pgx.Tx) error {
		if first {
			if _, err := tx.Exec(ctx, s.q.get("config_lock")); err != nil {
				return err
			}
		}
		if _, err := tx.Exec(ctx, s.q.get("token_prune")); err != nil {
			return err
		}
		tag, err := tx.Exec(ctx, s.q.get("token_add"), t.ID, int32(t.Kind), t.Name, t.Hash, t.Life.Microseconds(), first)
		if err == nil && tag.RowsAffected() == 0 {
			err = fmt.Errorf("there is a token already: %w", sqlstore.ErrConflict)
		}
		return err
	})
	return classifyConfig(err)
}

// TokenByHash returns the token with the hash that has not run out.
func (s *Store) TokenByHash(ctx context.Context, hash []byte) (*sqlstore.Token, error) {
	list, err := s.tokens(ctx, "token_by_hash", hash)
	if err == nil && len(list) == 0 {
		err = sqlstore.ErrNotFound
	}
	if err != nil {
		return nil, fmt.Errorf("find token: %w", err)
	}
	return &list[0], nil
}

// Tokens lists tokens that have not run out, in order of creation.
func (s *Store) Tokens(ctx context.Context) ([]sqlstore.Token, error) {
	return s.tokens(ctx, "token_list")
}

func (s *Store) tokens(ctx context.Context, query string, args ...any) ([]sqlstore.Token, error) {
	rows, err := s.general.Query(ctx, s.q.get(query), args...)
	if err != nil {
		return nil, classify(err)
	}
	list, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (t sqlstore.Token, err error) {
		var kind int16
		var expires pgtype.Timestamptz
		err = row.Scan(&t.ID, &kind, &t.Name, &t.Created, &expires)
		t.Kind, t.Created = sqlstore.TokenKind(kind), t.Created.UTC()
		if expires.Valid {
			t.Expires = expires.Time.UTC()
		}
		return t, err
	})
	return list, classify(err)
}

// DeleteToken removes a token.
func (s *Store) DeleteToken(ctx context.Context, id string) error {
	tag, err := s.general.Exec(ctx, s.q.get("token_delete"), id)
	if err == nil && tag.RowsAffected() == 0 {
		return fmt.Errorf("token %s: %w", id, sqlstore.ErrNotFound)
	}
	return classify(err)
}

// Revisions lists revisions, newest first.
func (s *Store) Revisions(ctx context.Context, below int64, limit int) ([]sqlstore.Revision, error) {
	rows, err := s.general.Query(ctx, s.q.get("revision_list"), below, limit)
	if err != nil {
		return nil, classify(err)
	}
	list, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (r sqlstore.Revision, err error) {
		var at time.Time
		err = row.Scan(&r.Number, &at, &r.Author, &r.Comment, &r.Diff)
		r.At = at.UTC()
		return r, err
	})
	return list, classify(err)
}

// NewestLeases returns the n live leases whose holding began last.
func (s *Store) NewestLeases(ctx context.Context, f sqlstore.Family, n int) ([]sqlstore.Lease, error) {
	rows, err := s.general.Query(ctx, s.q.of(f, "lease_newest"), n)
	if err != nil {
		return nil, classify(err)
	}
	list, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (sqlstore.Lease, error) {
		var r leaseRow
		err := row.Scan(r.dest()...)
		return r.lease(f), err
	})
	return list, classify(err)
}

// RetryName marks a name that is kept.
func (s *Store) RetryName(ctx context.Context, name string) error {
	tag, err := s.general.Exec(ctx, s.q.get("name_retry"), name)
	if err == nil && tag.RowsAffected() == 0 {
		return fmt.Errorf("name %s: %w", name, sqlstore.ErrNotFound)
	}
	return classify(err)
}
