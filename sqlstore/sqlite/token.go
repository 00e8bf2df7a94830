package sqlite

import (
	"context"
	"fmt"

	"rowlock/sqlstore"
)

// AddToken stores a token.
func (s *Store) AddToken(ctx context.Context, token sqlstore.Token, first bool) error {
	return s.w.write(ctx, "add token", func(t *transaction) error {
		if _, err := t.exec(0, "token_prune", t.now); err != nil {
			return err
		}
		n, err := t.exec(0, "token_add", token.ID, int64(token.Kind), token.Name, token.Hash, token.Life.Microseconds(), flag(first), t.now)
		if err == nil && n == 0 {
			err = fmt.Errorf("there is a token already: %w", sqlstore.ErrConflict)
		}
		return err
	})
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

func (s *Store) tokens(ctx context.Context, query string, args ...any) (list []sqlstore.Token, err error) {
	err = s.r.each(ctx, nil, 0, query, func(v []any) error {
		t := sqlstore.Token{ID: text(v[0]), Kind: sqlstore.TokenKind(integer(v[1])), Name: text(v[2]), Created: moment(integer(v[3]))}
		if v[4] != nil {
			t.Expires = moment(integer(v[4]))
		}
		list = append(list, t)
		return nil
	}, args...)
	return list, err
}

// DeleteToken removes a token.
func (s *Store) DeleteToken(ctx context.Context, id string) error {
	return s.w.write(ctx, "delete token", func(t *transaction) error {
		n, err := t.exec(0, "token_delete", id)
		if err == nil && n == 0 {
			err = fmt.Errorf("token %s: %w", id, sqlstore.ErrNotFound)
		}
		return err
	})
}

// Revisions lists revisions, newest first.
func (s *Store) Revisions(ctx context.Context, below int64, limit int) (list []sqlstore.Revision, err error) {
	err = s.r.each(ctx, nil, 0, "revision_list", func(v []any) error {
		list = append(list, sqlstore.Revision{Number: integer(v[0]), At: moment(integer(v[1])), Author: text(v[2]), Comment: text(v[3]), Diff: text(v[4])})
		return nil
	}, below, int64(limit))
	return list, err
}

// NewestLeases returns the n live leases whose holding began last.
func (s *Store) NewestLeases(ctx context.Context, f sqlstore.Family, n int) (list []sqlstore.Lease, err error) {
	now, err := s.now(ctx)
	if err != nil {
		return nil, err
	}
	err = s.r.each(ctx, nil, f, "lease_newest", func(v []any) error {
		list = append(list, rowOf(f, values(v), now).Lease)
		return nil
	}, now, int64(n))
	return list, err
}

// RetryName marks a name that is kept.
func (s *Store) RetryName(ctx context.Context, name string) error {
	return s.w.write(ctx, "retry name", func(t *transaction) error {
		n, err := t.exec(0, "name_retry", name, t.now)
		if err == nil && n == 0 {
			err = fmt.Errorf("name %s: %w", name, sqlstore.ErrNotFound)
		}
		return err
	})
}
