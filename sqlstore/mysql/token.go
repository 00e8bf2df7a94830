package mysql

import (
	"context"
	"database/sql/driver"
	"encoding/hex"
	"fmt"

	"rowlock/sqlstore"
)

// AddToken stores a token. Whoever makes the first one does so alone, because
// it takes the lock of the configuration.
func (s *Store) AddToken(ctx context.Context, t sqlstore.Token, first bool) error {
	return s.tx(ctx, func(c *conn) error {
		if first {
			if err := c.each(c.q.get("config_lock"), nil, func([]driver.Value) error { return nil }); err != nil {
				return err
			}
		}
		if _, err := c.exec(c.q.get("token_prune")); err != nil {
			return err
		}
		life := t.Life.Microseconds()
		res, err := c.exec(c.q.get("token_add"), t.ID, int64(t.Kind), t.Name, hex.EncodeToString(t.Hash), life, life, first)
		if err != nil {
			return err
		}
		if n, err := res.RowsAffected(); err != nil || n == 0 {
			return fmt.Errorf("there is a token already: %w", sqlstore.ErrConflict)
		}
		return nil
	})
}

// TokenByHash returns the token with the hash that has not run out.
func (s *Store) TokenByHash(ctx context.Context, hash []byte) (*sqlstore.Token, error) {
	list, err := s.tokens(ctx, "token_by_hash", hex.EncodeToString(hash))
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
	err = s.each(ctx, s.q.get(query), args, func(v []driver.Value) error {
		list = append(list, sqlstore.Token{
			ID: text(v[0]), Kind: sqlstore.TokenKind(integer(v[1])), Name: text(v[2]), Created: moment(v[3]), Expires: moment(v[4]),
		})
		return nil
	})
	return list, err
}

// DeleteToken removes a token.
func (s *Store) DeleteToken(ctx context.Context, id string) error {
	res, err := s.exec(ctx, s.q.get("token_delete"), id)
	if err != nil {
		return err
	}
	if n, err := res.RowsAffected(); err != nil || n == 0 {
		return fmt.Errorf("token %s: %w", id, sqlstore.ErrNotFound)
	}
	return nil
}

// Revisions lists revisions, newest first.
func (s *Store) Revisions(ctx context.Context, below int64, limit int) (list []sqlstore.Revision, err error) {
	err = s.each(ctx, s.q.get("revision_list"), []any{below, below, limit}, func(v []driver.Value) error {
		list = append(list, sqlstore.Revision{Number: integer(v[0]), At: moment(v[1]), Author: text(v[2]), Comment: text(v[3]), Diff: text(v[4])})
		return nil
	})
	return list, err
}

// NewestLeases returns the n live leases whose holding began last.
func (s *Store) NewestLeases(ctx context.Context, f sqlstore.Family, n int) (list []sqlstore.Lease, err error) {
	err = s.tx(ctx, func(c *conn) error {
		list = nil
		return c.each(c.q.of(f, "lease_newest"), []any{n}, func(v []driver.Value) error {
			list = append(list, leaseOf(f, v))
			return nil
		})
	})
	return list, err
}

// RetryName marks a name that is kept.
func (s *Store) RetryName(ctx context.Context, name string) error {
	return s.tx(ctx, func(c *conn) error {
		res, err := c.exec(c.q.get("name_retry"), name)
		if err != nil {
			return err
		}
		if n, err := res.RowsAffected(); err != nil || n == 0 {
			return fmt.Errorf("name %s: %w", name, sqlstore.ErrNotFound)
		}
		return nil
	})
}
