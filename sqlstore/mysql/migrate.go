package mysql

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"path"
	"strings"

	"github.com/pressly/goose/v3"

	"rowlock/migrations"
	"rowlock/sqlstore"
)

type migrator struct {
	db       *sql.DB
	provider *goose.Provider
	q        *queries
}

// NewMigrator opens a migrator for the database. The server ends a transaction
// at every DDL statement, so a migration that fails stops half-way; the
// statements before are kept.
func NewMigrator(databaseURL string, log *slog.Logger) (sqlstore.Migrator, error) {
	q, err := loadQueries(false)
	if err != nil {
		return nil, err
	}
	t, err := parseURL(databaseURL)
	if err == nil && t.hosts[0].DBName == "" {
		err = errNoName
	}
	if err != nil {
		return nil, err
	}
	db, err := newPool(t, q, generalSettings, nil, 3)
	if err != nil {
		return nil, err
	}
	files, err := fs.Sub(migrations.Files, "mysql")
	if err == nil {
		opts := []goose.ProviderOption{goose.WithDisableGlobalRegistry(true), goose.WithLogger(goose.NopLogger())}
		if log != nil {
			opts[1] = goose.WithSlog(log)
		}
		var p *goose.Provider
		if p, err = goose.NewProvider(goose.DialectMySQL, db, files, opts...); err == nil {
			return &migrator{db: db, provider: p, q: q}, nil
		}
	}
	_ = db.Close()
	return nil, fmt.Errorf("prepare migrations: %w", err)
}

// Close ends the connections.
func (m *migrator) Close() error { return m.db.Close() }

// locked runs do while holding the migration lock on a connection of its own,
// and returns an error when the lock was lost meanwhile. The lock goes with the
// connection, so a killed process leaves none behind.
func (m *migrator) locked(ctx context.Context, do func() error) error {
	var version string
	if err := m.db.QueryRowContext(ctx, m.q.get("version")).Scan(&version); err != nil {
		return classify(err)
	}
	mariadb, version := flavourOf(version)
	if err := checkServer(mariadb, version); err != nil {
		return err // half of a migration would stay
	}
	for {
		err := m.lockedOnce(ctx, mariadb, do)
		if !errors.Is(err, errWaiting) || ctx.Err() != nil {
			return err
		}
	}
}

// errWaiting tells that the lock was not got in the time the server waits.
var errWaiting = errors.New("another migration is running")

func (m *migrator) lockedOnce(ctx context.Context, mariadb bool, do func() error) error {
	for _, query := range []string{"migrate_lock_table", "migrate_lock_row"} {
		if _, err := m.db.ExecContext(ctx, m.q.get(query)); err != nil {
			return waiting(err)
		}
	}
	tx, err := m.db.BeginTx(ctx, nil)
	if err != nil {
		return classify(err)
	}
	defer func() { _ = tx.Rollback() }()
	if mariadb {
		if _, err := tx.ExecContext(ctx, m.q.get("idle_patience")); err != nil {
			return classify(err)
		}
	}
	var id int
	if err := tx.QueryRowContext(ctx, m.q.get("migrate_lock")).Scan(&id); err != nil {
		return waiting(err)
	}
	err = classify(do())
	if lost := tx.QueryRowContext(ctx, m.q.get("migrate_held")).Scan(&id); lost != nil {
		// somebody else may have migrated at the same time
		err = errors.Join(err, fmt.Errorf("lose migration lock: %w", classify(lost)))
	}
	return err
}

// waiting classifies an error of taking the lock.
func waiting(err error) error {
	if err = classify(err); errors.Is(err, sqlstore.ErrRetry) {
		return errors.Join(errWaiting, err)
	}
	return err
}

// Up applies what is missing.
func (m *migrator) Up(ctx context.Context) (applied []string, err error) {
	err = m.locked(ctx, func() error {
		results, err := m.provider.Up(ctx)
		for _, r := range results {
			applied = append(applied, migrationName(r.Source.Path))
		}
		return explainMigration(err)
	})
	return applied, err
}

// Down takes the newest migration back.
func (m *migrator) Down(ctx context.Context) (name string, err error) {
	err = m.locked(ctx, func() error {
		r, err := m.provider.Down(ctx)
		if errors.Is(err, goose.ErrNoNextVersion) {
			return nil
		}
		if err == nil {
			name = migrationName(r.Source.Path)
		}
		return err
	})
	return name, err
}

// Status lists all migrations.
func (m *migrator) Status(ctx context.Context) ([]sqlstore.MigrationStatus, error) {
	list, err := m.provider.Status(ctx)
	if err != nil {
		return nil, classify(err)
	}
	out := make([]sqlstore.MigrationStatus, len(list))
	for i, st := range list {
		out[i] = sqlstore.MigrationStatus{
			Version: st.Source.Version, Name: migrationName(st.Source.Path),
			Applied: st.State == goose.StateApplied, AppliedAt: st.AppliedAt,
		}
	}
	return out, nil
}

func migrationName(file string) string { return strings.TrimSuffix(path.Base(file), ".sql") }

// CheckSchema tells whether the schema is one this program works with, and not
// that of a database that is being moved, or was.
func (s *Store) CheckSchema(ctx context.Context) error {
	var version int64
	err := s.each(ctx, s.q.get("schema_version"), nil, func(v []driver.Value) error {
		version = integer(v[0])
		return nil
	})
	if err != nil {
		if !errors.Is(err, sqlstore.ErrSchema) {
			return err
		}
		version = 0
	}
	switch {
	case version < migrations.Oldest:
		return fmt.Errorf("%w: the database has schema %d, this program needs %d: run `rowlock migrate up`", sqlstore.ErrSchema, version, migrations.Oldest)
	case version > migrations.Newest:
		return fmt.Errorf("%w: the database has schema %d, this program knows %d: install a newer rowlock, or take the schema back with the newer one's `rowlock migrate down`",
			sqlstore.ErrSchema, version, migrations.Newest)
	}
	mark, err := s.MoveMark(ctx)
	if err != nil {
		return err
	}
	return mark.Err()
}
