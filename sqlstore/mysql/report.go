package mysql

import (
	"context"
	"database/sql"
	"fmt"
	"strings"

	"rowlock/sqlstore"
)

// Report runs one read-only statement, such as a report on the views, and
// returns column names and values as text; NULL is "".
func Report(ctx context.Context, databaseURL, statement string) (columns []string, rows [][]string, err error) {
	q, err := loadQueries(false)
	if err != nil {
		return nil, nil, err
	}
	t, err := parseURL(databaseURL)
	if err != nil {
		return nil, nil, err
	}
	for _, h := range t.hosts {
		h.ParseTime = false
	}
	db, err := newPool(t, q, generalSettings, nil, 1)
	if err != nil {
		return nil, nil, err
	}
	defer func() { _ = db.Close() }()
	c, err := db.Conn(ctx)
	if err != nil {
		return nil, nil, classify(err)
	}
	defer func() { _ = c.Close() }()
	if _, err := c.ExecContext(ctx, q.get("connect_read_only")); err != nil {
		return nil, nil, classify(err)
	}
	res, err := c.QueryContext(ctx, statement)
	if err != nil {
		return nil, nil, classify(err)
	}
	defer func() { _ = res.Close() }()
	if columns, err = res.Columns(); err != nil {
		return nil, nil, classify(err)
	}
	for res.Next() {
		cells, dest := make([]sql.NullString, len(columns)), make([]any, len(columns))
		for i := range cells {
			dest[i] = &cells[i]
		}
		if err := res.Scan(dest...); err != nil {
			return nil, nil, classify(err)
		}
		row := make([]string, len(columns))
		for i, c := range cells {
			row[i] = c.String
		}
		rows = append(rows, row)
	}
	return columns, rows, classify(res.Err())
}

// Scratch makes a database of its own on the server that databaseURL names,
// for a demonstration or a test, and returns its URL and what removes it. The
// user must be allowed to create databases.
func Scratch(ctx context.Context, databaseURL, name string) (scratchURL string, drop func(context.Context) error, err error) {
	u, err := sqlstore.ParseURL(databaseURL)
	if err != nil {
		return "", nil, err
	}
	q, err := loadQueries(false)
	if err != nil {
		return "", nil, err
	}
	t, err := parseURL(databaseURL)
	if err != nil {
		return "", nil, err
	}
	run := func(ctx context.Context, query string) error {
		db, err := newPool(t.without(), q, generalSettings, nil, 1)
		if err != nil {
			return err
		}
		defer func() { _ = db.Close() }()
		quoted := "`" + strings.ReplaceAll(name, "`", "``") + "`"
		_, err = db.ExecContext(ctx, strings.ReplaceAll(q.get(query), "$1", quoted))
		return classify(err)
	}
	if err := run(ctx, "scratch_create"); err != nil {
		return "", nil, fmt.Errorf("create database %s: %w", name, err)
	}
	u.Name = name
	return u.String(), func(ctx context.Context) error { return run(ctx, "scratch_drop") }, nil
}
