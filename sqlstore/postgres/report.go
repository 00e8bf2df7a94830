package postgres

import (
	"context"
	"fmt"

	"github.com/jackc/pgx/v5"

	"rowlock/sqlstore"
)

// dial makes one connection.
func dial(ctx context.Context, databaseURL string) (*pgx.Conn, error) {
	t, err := parseURL(databaseURL)
	if err != nil {
		return nil, err
	}
	cfg, err := t.config()
	if err != nil {
		return nil, err
	}
	c, err := pgx.ConnectConfig(ctx, cfg)
	return c, classify(err)
}

// Report runs one read-only statement, such as a report on the views, and
// returns column names and values as text; NULL is "".
func Report(ctx context.Context, databaseURL, statement string) (columns []string, rows [][]string, err error) {
	c, err := dial(ctx, databaseURL)
	if err != nil {
		return nil, nil, err
	}
	defer func() { _ = c.Close(context.WithoutCancel(ctx)) }()
	if _, err := c.Exec(ctx, "BEGIN READ ONLY"); err != nil {
		return nil, nil, classify(err)
	}
	// the simple protocol returns every value as text
	res := c.PgConn().Exec(ctx, statement)
	for res.NextResult() {
		r := res.ResultReader()
		columns = columns[:0]
		for _, f := range r.FieldDescriptions() {
			columns = append(columns, f.Name)
		}
		for r.NextRow() {
			row := make([]string, len(columns))
			for i, v := range r.Values() {
				row[i] = string(v)
			}
			rows = append(rows, row)
		}
		if _, err := r.Close(); err != nil {
			return nil, nil, classify(err)
		}
	}
	return columns, rows, classify(res.Close())
}

// Scratch makes a database of its own on the server that databaseURL names,
// for a demonstration or a test, and returns its URL and what removes it. The
// user must be allowed to create databases.
func Scratch(ctx context.Context, databaseURL, name string) (scratchURL string, drop func(context.Context) error, err error) {
	u, err := sqlstore.ParseURL(databaseURL)
	if err != nil {
		return "", nil, err
	}
	q, err := loadQueries()
	if err != nil {
		return "", nil, err
	}
	run := func(ctx context.Context, query string) error {
		c, err := dial(ctx, databaseURL)
		if err != nil {
			return err
		}
		defer func() { _ = c.Close(context.WithoutCancel(ctx)) }()
		var statement string
		if err := c.QueryRow(ctx, q.get(query), name).Scan(&statement); err != nil {
			return classify(err)
		}
		_, err = c.Exec(ctx, statement)
		return classify(err)
	}
	if err := run(ctx, "scratch_create"); err != nil {
		return "", nil, fmt.Errorf("create database %s: %w", name, err)
	}
	u.Name = name
	return u.String(), func(ctx context.Context) error { return run(ctx, "scratch_drop") }, nil
}
