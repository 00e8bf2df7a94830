// Package dialects opens a database by its URL: the one place that knows all
// dialects.
package dialects

import (
	"context"
	"errors"
	"log/slog"
	"strings"
	"time"

	"rowlock/sqlstore"
	"rowlock/sqlstore/mysql"
	"rowlock/sqlstore/postgres"
	"rowlock/sqlstore/sqlite"
)

// Options are the settings that every dialect has.
type Options struct {
	Logger   *slog.Logger
	Create   bool          // make an SQLite file that is not there; a server's database is never made
	MaxConns int           // connections per lane; 0 is the dialect's default
	Deadline time.Duration // of a lane transaction; 0 is the dialect's default
}

// ErrScheme says which URLs there are.
var ErrScheme = errors.New("the database URL must begin with postgres://, mysql://, mariadb:// or with sqlite")

// Open opens the database: postgres://user@host/name, mysql://user@host/name,
// mariadb://user@host/name, or sqlite:FILE.
func Open(ctx context.Context, url string, opt Options) (sqlstore.Store, error) {
	switch scheme, rest, _ := strings.Cut(url, ":"); scheme {
	case "postgres", "postgresql":
		return postgres.Open(ctx, url, postgres.Options{Logger: opt.Logger, MaxConns: opt.MaxConns, Deadline: opt.Deadline})
	case "mysql", "mariadb":
		return mysql.Open(ctx, url, mysql.Options{Logger: opt.Logger, MaxConns: opt.MaxConns, Deadline: opt.Deadline})
	case "sqlite":
		return sqlite.Open(ctx, strings.TrimPrefix(rest, "//"), sqlite.Options{Logger: opt.Logger, Create: opt.Create})
	}
	return nil, ErrScheme
}

// Migrator opens the schema tool of the database.
func Migrator(_ context.Context, url string, opt Options) (sqlstore.Migrator, error) {
	switch scheme, rest, _ := strings.Cut(url, ":"); scheme {
	case "postgres", "postgresql":
		return postgres.NewMigrator(url, opt.Logger)
	case "mysql", "mariadb":
		return mysql.NewMigrator(url, opt.Logger)
	case "sqlite":
		return sqlite.NewMigrator(strings.TrimPrefix(rest, "//"), opt.Logger, opt.Create)
	}
	return nil, ErrScheme
}
