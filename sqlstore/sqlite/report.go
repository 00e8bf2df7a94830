package sqlite

import (
	"context"
	"fmt"
	"net/url"
	"os"

	"rowlock/sqlstore"
)

// Report runs one read-only statement, such as a report on the views, and
// returns column names and values as text; NULL is "".
func Report(ctx context.Context, path, statement string) (columns []string, rows [][]string, err error) {
	if _, err := os.Stat(path); err != nil {
		return nil, nil, fmt.Errorf("open %s: %w: %w", path, sqlstore.ErrUnavailable, err)
	}
	db, err := openDB(path, busyTimeout, url.Values{"_query_only": {"1"}})
	if err != nil {
		return nil, nil, err
	}
	defer func() { _ = db.Close() }()
	res, err := db.QueryContext(ctx, statement)
	if err != nil {
		return nil, nil, classify(err)
	}
	defer func() { _ = res.Close() }()
	if columns, err = res.Columns(); err != nil {
		return nil, nil, classify(err)
	}
	for res.Next() {
		cells, dest := make([]*string, len(columns)), make([]any, len(columns))
		for i := range cells {
			dest[i] = &cells[i]
		}
		if err := res.Scan(dest...); err != nil {
			return nil, nil, classify(err)
		}
		row := make([]string, len(columns))
		for i, c := range cells {
			if c != nil {
				row[i] = *c
			}
		}
		rows = append(rows, row)
	}
	return columns, rows, classify(res.Err())
}
