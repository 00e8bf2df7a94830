package sqlite

import (
	"context"
	"fmt"

	"rowlock/migrations"
	"rowlock/sqlstore"
)

// CheckSchema tells whether the schema is one this program works with, and not
// that of a database that is being moved, or was.
func (s *Store) CheckSchema(ctx context.Context) error {
	var tables, version int64
	err := s.r.one(ctx, "schema_exists", func(v []any) error {
		tables = integer(v[0])
		return nil
	})
	if err == nil && tables > 0 {
		err = s.r.one(ctx, "schema_version", func(v []any) error {
			version = integer(v[0])
			return nil
		})
	}
	switch {
	case err != nil:
		return fmt.Errorf("read schema version: %w", err)
	case version < migrations.Oldest:
		return fmt.Errorf("%w: %s has schema %d, this program needs %d: run `rowlock migrate up`", sqlstore.ErrSchema, s.path, version, migrations.Oldest)
	case version > migrations.Newest:
		return fmt.Errorf("%w: %s has schema %d, this program knows %d: install a newer rowlock, or take the schema back with the newer one's `rowlock migrate down`",
			sqlstore.ErrSchema, s.path, version, migrations.Newest)
	}
	mark, err := s.MoveMark(ctx)
	if err != nil {
		return err
	}
	return mark.Err()
}
