package postgres

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgtype"

	"rowlock/sqlstore"
)

// copyFile holds the templates of the statements that there are once per table
// that a move copies.
const copyFile = "queries/copy.sql"

// copyName is the name of a statement for a table.
func copyName(template string, t *sqlstore.CopyTable) string { return template + " " + t.Name }

var placeholder = regexp.MustCompile(`\$[a-z]+`)

// loadCopies makes the statements from the templates.
func (q *queries) loadCopies() error {
	text, err := queryFiles.ReadFile(copyFile)
	if err != nil {
		return err
	}
	for _, t := range sqlstore.CopyTables() {
		after := make([]string, len(t.Key))
		for i := range after {
			after[i] = fmt.Sprintf("$%d", i+1)
		}
		fill := map[string]string{
			"$table": t.Name, "$columns": t.Names(), "$key": t.KeyNames(), "$after": strings.Join(after, ", "), "$counter": t.Counter,
		}
		for name, template := range split(string(text)) {
			if t.Counter == "" && strings.Contains(template, "$counter") {
				continue
			}
			q.common[copyName(name, t)] = placeholder.ReplaceAllStringFunc(template, func(p string) string { return fill[p] })
		}
	}
	return nil
}

// copyReader reads in a transaction that sees one moment.
type copyReader struct {
	s  *Store
	tx pgx.Tx
}

// CopySnapshot runs do with a reader of one moment.
func (s *Store) CopySnapshot(ctx context.Context, do func(sqlstore.CopyReader) error) error {
	tx, err := s.general.BeginTx(ctx, pgx.TxOptions{IsoLevel: pgx.RepeatableRead, AccessMode: pgx.ReadOnly})
	if err != nil {
		return classify(err)
	}
	defer func() { _ = tx.Rollback(context.WithoutCancel(ctx)) }()
	if err := s.run(ctx, tx, "move_patience"); err != nil {
		return classify(err)
	}
	return do(&copyReader{s, tx})
}

// CountRows returns how many rows the table has.
func (c *copyReader) CountRows(ctx context.Context, t *sqlstore.CopyTable) (n int64, err error) {
	err = c.tx.QueryRow(ctx, c.s.q.get(copyName("copy_count", t))).Scan(&n)
	return n, classify(err)
}

// ReadRows reads the rows after a key.
func (c *copyReader) ReadRows(ctx context.Context, t *sqlstore.CopyTable, after sqlstore.Row, do func(sqlstore.Row) error) error {
	name := "copy_read"
	args := make([]any, len(after))
	if after != nil {
		name = "copy_read_after"
		for i, v := range after {
			args[i] = serverValue(t.Columns[t.Key[i]].Kind, v)
		}
	}
	rows, err := c.tx.Query(ctx, c.s.q.get(copyName(name, t)), args...)
	if err != nil {
		return classify(err)
	}
	defer rows.Close()
	for rows.Next() {
		v, err := rows.Values()
		if err != nil {
			return fmt.Errorf("%s: %w", t.Name, err)
		}
		for i := range v {
			if v[i], err = portable(v[i]); err != nil {
				return fmt.Errorf("%s.%s: %w", t.Name, t.Columns[i].Name, err)
			}
		}
		if err := do(v); err != nil {
			return err
		}
	}
	return classify(rows.Err())
}

// portable converts a value of the driver.
func portable(v any) (any, error) {
	switch v := v.(type) {
	case nil, int64, string, []byte:
		return v, nil
	case int16:
		return int64(v), nil
	case int32:
		return int64(v), nil
	case bool:
		if v {
			return int64(1), nil
		}
		return int64(0), nil
	case time.Time:
		return v.UnixMicro(), nil
	case pgtype.InfinityModifier:
		if v == pgtype.NegativeInfinity {
			return int64(0), nil
		}
	}
	return nil, fmt.Errorf("%w: %T %v has no portable form", sqlstore.ErrData, v, v)
}

// serverValue converts a portable value for a parameter or a column. A time that
// is always past becomes 1970: -infinity, which hold_until has by default, would
// be one that no statement can compute with, if it came into a lease.
func serverValue(kind sqlstore.ColumnKind, v any) any {
	n, ok := v.(int64)
	switch {
	case !ok:
		return v
	case kind == sqlstore.TimeColumn:
		return time.UnixMicro(n).UTC()
	case kind == sqlstore.BoolColumn:
		return n != 0
	}
	return n
}

// WriteRows inserts rows and notes how far the table is.
func (s *Store) WriteRows(ctx context.Context, t *sqlstore.CopyTable, rows []sqlstore.Row, was, now sqlstore.CopyProgress) error {
	names := make([]string, len(t.Columns))
	for i, c := range t.Columns {
		names[i] = c.Name
	}
	return s.move(ctx, "write "+t.Name, func(tx pgx.Tx) error {
		if err := s.run(ctx, tx, "move_hurry"); err != nil {
			return err
		}
		tag, err := tx.Exec(ctx, s.q.get("move_progress_step"), t.Name, now.Copied, notNull(now.Position), now.Done, was.Copied)
		if err == nil && tag.RowsAffected() == 0 {
			err = sqlstore.OtherMove()
		}
		if err != nil || len(rows) == 0 {
			return err
		}
		_, err = tx.CopyFrom(ctx, pgx.Identifier{t.Name}, names, pgx.CopyFromSlice(len(rows), func(i int) ([]any, error) {
			v := make([]any, len(t.Columns))
			for c := range v {
				v[c] = serverValue(t.Columns[c].Kind, rows[i][c])
			}
			return v, nil
		}))
		if err = unfit(tx, err); err != nil || t.Name != "config_head" {
			return err
		}
		return s.run(ctx, tx, "move_quiet")
	})
}

// unfit tells a value that the driver could not write in the column's type
// from a connection that failed.
func unfit(tx pgx.Tx, err error) error {
	var pe *pgconn.PgError
	if err == nil || errors.As(err, &pe) && pe.Code != "57014" || tx.Conn().IsClosed() {
		return err
	}
	return fmt.Errorf("%w: %w", sqlstore.ErrData, err)
}

// notNull is a binary value that is not NULL when it is empty.
func notNull(b []byte) []byte {
	if b == nil {
		return []byte{}
	}
	return b
}
