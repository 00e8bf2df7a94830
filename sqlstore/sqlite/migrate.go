package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"net/url"
	"path"
	"strings"
	"time"

	"github.com/pressly/goose/v3"

	"rowlock/migrations"
	"rowlock/sqlstore"
)

// migrator implements sqlstore.Migrator with a goose Provider.
type migrator struct {
	file     string
	db       *sql.DB
	provider *goose.Provider
}

// migrateTimeout is how long a migration waits for a running server, which lets
// it go first.
const migrateTimeout = 30 * time.Second

// NewMigrator opens the schema tool of a file; with create it makes the file if
// it is not there. Its users, in one process or several, wait for each other by a lock on
// FILE.migrating.
func NewMigrator(file string, log *slog.Logger, create bool) (sqlstore.Migrator, error) {
	file, err := findFile(file, create)
	if err != nil {
		return nil, err
	}
	// immediate: a migration reads before it writes, and must not lose the
	// write lock to a running server in between
	db, err := openDB(file, migrateTimeout, url.Values{"_foreign_keys": {"1"}, "_journal_mode": {"WAL"}, "_synchronous": {"FULL"}, "_txlock": {"immediate"}})
	if err != nil {
		return nil, err
	}
	db.SetMaxOpenConns(1)
	files, err := fs.Sub(migrations.Files, "sqlite")
	if err == nil {
		opts := []goose.ProviderOption{goose.WithDisableGlobalRegistry(true), goose.WithLogger(goose.NopLogger())}
		if log != nil {
			opts[1] = goose.WithSlog(log)
		}
		var p *goose.Provider
		if p, err = goose.NewProvider(goose.DialectSQLite3, db, files, opts...); err == nil {
			return &migrator{file: file, db: db, provider: p}, nil
		}
	}
	_ = db.Close()
	return nil, fmt.Errorf("prepare migrations: %w", err)
}

// Close closes the file.
func (m *migrator) Close() error { return m.db.Close() }

// locked runs do while no other migrator of the file runs. The kernel drops the
// lock of a killed process.
func (m *migrator) locked(ctx context.Context, do func() error) error {
	for {
		f, err := lockFile(m.file + ".migrating")
		if err == nil {
			defer f.Close()
			break
		}
		if !errors.Is(err, sqlstore.ErrConflict) {
			return err
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("wait for another migration: %w: %w", sqlstore.ErrUnavailable, ctx.Err())
		case <-time.After(50 * time.Millisecond):
		}
	}
	turn, err := newTurn(m.file)
	if err != nil {
		return err
	}
	defer func() { _ = turn.close() }()
	turn.claim()
	return classify(do())
}

// Up applies what is missing.
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
func (m *migrator) Status(ctx context.Context) (out []sqlstore.MigrationStatus, err error) {
	err = m.locked(ctx, func() error {
		list, err := m.provider.Status(ctx)
		for _, st := range list {
			out = append(out, sqlstore.MigrationStatus{
				Version: st.Source.Version, Name: migrationName(st.Source.Path),
				Applied: st.State == goose.StateApplied, AppliedAt: st.AppliedAt,
			})
		}
		return err
	})
	return out, err
}

func migrationName(file string) string { return strings.TrimSuffix(path.Base(file), ".sql") }
