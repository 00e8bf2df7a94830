package dialects

import (
	"context"
	"errors"
	"strings"

	"rowlock/sqlstore/mysql"
	"rowlock/sqlstore/postgres"
	"rowlock/sqlstore/sqlite"
)

// Report runs one read-only statement and returns column names and values as
// text; NULL is "".
func Report(ctx context.Context, url, statement string) (columns []string, rows [][]string, err error) {
	switch scheme, rest, _ := strings.Cut(url, ":"); scheme {
	case "postgres", "postgresql":
		return postgres.Report(ctx, url, statement)
	case "mysql", "mariadb":
		return mysql.Report(ctx, url, statement)
	case "sqlite":
		return sqlite.Report(ctx, strings.TrimPrefix(rest, "//"), statement)
	}
	return nil, nil, ErrScheme
}

// Scratch makes a database of its own on the server that url names and returns
// its URL and what removes it. Dialects without a server have none.
func Scratch(ctx context.Context, url, name string) (scratchURL string, drop func(context.Context) error, err error) {
	switch scheme, _, _ := strings.Cut(url, ":"); scheme {
	case "postgres", "postgresql":
		return postgres.Scratch(ctx, url, name)
	case "mysql", "mariadb":
		return mysql.Scratch(ctx, url, name)
	}
	return "", nil, errors.New("a scratch database needs a postgres://, mysql:// or mariadb:// URL")
}
