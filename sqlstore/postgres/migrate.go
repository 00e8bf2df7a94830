package postgres

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"path"
	"strings"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/stdlib"
	"github.com/pressly/goose/v3"

	"rowlock/migrations"
	"rowlock/sqlstore"
)

type migrator struct {
	db       *sql.DB
	provider *goose.Provider
	q        *queries
}

// NewMigrator opens a migrator for the database.
func NewMigrator(databaseURL string, log *slog.Logger) (sqlstore.Migrator, error) {
	q, err := loadQueries()
	if err != nil {
		return nil, err
	}
	t, err := parseURL(databaseURL)
	if err != nil {
		return nil, err
	}
	cfg, err := t.config()
	if err != nil {
		return nil, err
	}
	db := stdlib.OpenDB(*cfg)
	files, err := fs.Sub(migrations.Files, "postgres")
	if err != nil {
		return nil, err
	}
	opts := []goose.ProviderOption{}
	if log != nil {
		opts = append(opts, goose.WithSlog(log))
	}
	p, err := goose.NewProvider(goose.DialectPostgres, db, files, opts...)
	if err != nil {
		_ = db.Close()
		return nil, fmt.Errorf("prepare migrations: %w", err)
	}
	return &migrator{db: db, provider: p, q: q}, nil
}

func (m *migrator) Close() error { return m.db.Close() }

// locked runs do while holding the migration lock, and returns an error when
// the lock was lost meanwhile. The lock goes with the connection, so a killed
// process leaves none behind.
func (m *migrator) locked(ctx context.Context, do func() error) error {
	var version string
	if err := m.db.QueryRowContext(ctx, m.q.get("server_version")).Scan(&version); err != nil {
		return classify(err)
	}
	if err := checkServer(version); err != nil {
		return err
	}
	for {
		_, err := m.db.ExecContext(ctx, m.q.get("migrate_lock_table"))
		var pe *pgconn.PgError
		if errors.As(err, &pe) && (pe.Code == "23505" || pe.Code == "42P07" || pe.Code == "42710") {
			continue // another process is making the table at this moment
		}
		if err != nil {
			return classify(err)
		}
		break
	}
	tx, err := m.db.BeginTx(ctx, nil)
	if err != nil {
		return classify(err)
	}
	defer func() { _ = tx.Rollback() }()
	if _, err := tx.ExecContext(ctx, m.q.get("migrate_patience")); err != nil {
		return classify(err)
	}
	var id int
	if err := tx.QueryRowContext(ctx, m.q.get("migrate_lock")).Scan(&id); err != nil {
		return fmt.Errorf("take migration lock: %w", classify(err))
	}
	err = do()
	if lost := tx.QueryRowContext(ctx, m.q.get("migrate_held")).Scan(&id); lost != nil {
		// somebody else may have migrated at the same time
		err = errors.Join(err, fmt.Errorf("lose migration lock: %w", classify(lost)))
	}
	return err
}

func (m *migrator) Up(ctx context.Context) (applied []string, err error) {
	err = m.locked(ctx, func() error {
		results, err := m.provider.Up(ctx)
		for _, r := range results {
			applied = append(applied, migrationName(r.Source.Path))
		}
		return err
	})
	return applied, err
}

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
	err := s.general.QueryRow(ctx, s.q.get("schema_version")).Scan(&version)
	if err != nil {
		if err = classify(err); !errors.Is(err, sqlstore.ErrSchema) {
			return err
		}
		if err := s.checkHidden(ctx); err != nil {
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

// checkHidden returns ErrDenied where the tables are there, in a schema that
// the user has no privilege of: the server calls them unknown then.
func (s *Store) checkHidden(ctx context.Context) error {
	var name string
	err := s.general.QueryRow(ctx, s.q.get("schema_hidden")).Scan(&name)
	if errors.Is(err, pgx.ErrNoRows) {
		return nil
	}
	if err != nil {
		return classify(err)
	}
	return fmt.Errorf("%w: USAGE on schema %s", sqlstore.ErrDenied, quoteName(name))
}
