package sqlite

import (
	"context"
	"database/sql"
	"fmt"
	"regexp"
	"strings"

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
	b, err := queryFiles.ReadFile(copyFile)
	if err != nil {
		return err
	}
	for _, t := range sqlstore.CopyTables() {
		fill := map[string]string{
			"$table": t.Name, "$columns": t.Names(), "$key": t.KeyNames(),
			"$values": parameters(len(t.Columns)), "$after": parameters(len(t.Key)),
		}
		set := map[string]query{}
		if err := split(set, placeholder.ReplaceAllStringFunc(string(b), func(p string) string { return fill[p] })); err != nil {
			return fmt.Errorf("%s: %w", copyFile, err)
		}
		for name, statement := range set {
			q.common[copyName(name, t)] = statement
		}
	}
	return nil
}

// parameters is a list of n of them.
func parameters(n int) string {
	list := make([]string, n)
	for i := range list {
		list[i] = fmt.Sprintf("?%d", i+1)
	}
	return strings.Join(list, ", ")
}

// copyReader reads in a transaction that sees one moment.
type copyReader struct {
	r  *reader
	tx *sql.Tx
}

// CopySnapshot runs do with a reader of one moment.
func (s *Store) CopySnapshot(ctx context.Context, do func(sqlstore.CopyReader) error) error {
	var said error // by do: no error of this database
	err := s.r.snapshot(ctx, func(tx *sql.Tx) error {
		said = do(&copyReader{s.r, tx})
		return nil
	})
	if said != nil {
		return said
	}
	return err
}

// CountRows returns how many rows the table has.
func (c *copyReader) CountRows(ctx context.Context, t *sqlstore.CopyTable) (n int64, err error) {
	err = c.r.each(ctx, c.tx, 0, copyName("copy_count", t), func(v []any) error {
		n = integer(v[0])
		return nil
	})
	return n, err
}

// ReadRows reads the rows after a key. The columns of STRICT tables have the
// portable form already.
func (c *copyReader) ReadRows(ctx context.Context, t *sqlstore.CopyTable, after sqlstore.Row, do func(sqlstore.Row) error) error {
	name := "copy_read"
	if after != nil {
		name = "copy_read_after"
	}
	var said error // by do: no error of this database
	err := c.r.each(ctx, c.tx, 0, copyName(name, t), func(v []any) error {
		row := make(sqlstore.Row, len(v))
		for i := range v {
			row[i] = v[i]
			if b, ok := v[i].([]byte); ok && b == nil {
				row[i] = []byte{}
			}
		}
		said = do(row)
		return said
	}, after...)
	if said != nil {
		return said
	}
	return err
}
