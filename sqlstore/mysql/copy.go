package mysql

import (
	"context"
	"database/sql/driver"
	"regexp"
	"strings"
	"time"

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
		fill := map[string]string{
			"$table": t.Name, "$columns": t.Names(), "$key": t.KeyNames(),
			"$row": parameters(len(t.Columns)), "$after": parameters(len(t.Key)),
		}
		for name, template := range split(string(text)) {
			q.common[copyName(name, t)] = placeholder.ReplaceAllStringFunc(template, func(p string) string { return fill[p] })
		}
	}
	return nil
}

// parameters is a list of n of them.
func parameters(n int) string { return strings.TrimSuffix(strings.Repeat("?, ", n), ", ") }

// copyReader reads in a transaction that sees one moment.
type copyReader struct{ c *conn }

// CopySnapshot runs do with a reader of one moment.
func (s *Store) CopySnapshot(ctx context.Context, do func(sqlstore.CopyReader) error) error {
	var said error // by do: no error of this database
	err := s.with(ctx, s.general, func(c *conn) error {
		begin := []string{"move_patience", "config_snapshot", "tx_begin"}
		if s.mariadb {
			begin = append(begin, "idle_patience")
		}
		for _, name := range begin {
			if err := c.run(name); err != nil {
				return err
			}
		}
		said = do(&copyReader{c})
		return c.rollback(nil)
	})
	if said != nil {
		return said
	}
	return err
}

// CountRows returns how many rows the table has.
func (r *copyReader) CountRows(_ context.Context, t *sqlstore.CopyTable) (n int64, err error) {
	err = r.c.each(r.c.q.get(copyName("copy_count", t)), nil, func(v []driver.Value) error {
		n = integer(v[0])
		return nil
	})
	return n, classify(err)
}

// ReadRows reads the rows after a key.
func (r *copyReader) ReadRows(ctx context.Context, t *sqlstore.CopyTable, after sqlstore.Row, do func(sqlstore.Row) error) error {
	name := "copy_read"
	args := make([]any, len(after))
	if after != nil {
		name = "copy_read_after"
		for i, v := range after {
			args[i] = serverValue(t.Columns[t.Key[i]].Kind, v)
		}
	}
	stop := error(nil) // what do says is no error of the database
	err := r.c.each(r.c.q.get(copyName(name, t)), args, func(v []driver.Value) error {
		row := make(sqlstore.Row, len(v))
		for i, c := range t.Columns {
			row[i] = portable(c.Kind, v[i])
		}
		if stop = ctx.Err(); stop == nil {
			stop = do(row)
		}
		return stop
	})
	if stop != nil {
		return stop
	}
	return classify(err)
}

// portable converts a value of the driver, which uses its bytes again.
func portable(kind sqlstore.ColumnKind, v driver.Value) any {
	if v == nil {
		return nil
	}
	switch kind {
	case sqlstore.TextColumn:
		return text(v)
	case sqlstore.BytesColumn:
		return append([]byte{}, raw(v)...)
	case sqlstore.TimeColumn:
		return moment(v).UnixMicro()
	}
	return integer(v)
}

// serverValue converts a portable value for a parameter.
func serverValue(kind sqlstore.ColumnKind, v any) any {
	if n, ok := v.(int64); ok && kind == sqlstore.TimeColumn {
		return time.UnixMicro(n).UTC()
	}
	return v
}

// WriteRows inserts rows and notes how far the table is.
func (s *Store) WriteRows(ctx context.Context, t *sqlstore.CopyTable, rows []sqlstore.Row, was, now sqlstore.CopyProgress) error {
	args := make([]any, 0, len(rows)*len(t.Columns))
	for _, row := range rows {
		for i, c := range t.Columns {
			args = append(args, serverValue(c.Kind, row[i]))
		}
	}
	return s.move(ctx, "write "+t.Name, func(c *conn) error {
		res, err := c.exec(c.q.get("move_progress_step"), now.Copied, notNull(now.Position), now.Done, t.Name, was.Copied)
		if err != nil {
			return err
		}
		if n, err := res.RowsAffected(); err != nil || n == 0 {
			return sqlstore.OtherMove()
		}
		if len(rows) == 0 {
			return nil
		}
		p := &packet{}
		more := strings.Repeat(", ("+parameters(len(t.Columns))+")", len(rows)-1)
		p.add(c.q.get(copyName("copy_insert", t))+more, args...)
		if t.Name == "config_head" { // the row that says that triggers sleep
			p.add(c.q.get("config_begin"))
		}
		return c.send(p, nil)
	})
}

// notNull is a binary value that is not NULL when it is empty.
func notNull(b []byte) []byte {
	if b == nil {
		return []byte{}
	}
	return b
}
