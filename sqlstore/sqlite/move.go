package sqlite

import (
	"context"
	"database/sql/driver"
	"errors"
	"time"

	"rowlock/sqlstore"
)

// MoveMark returns the mark of a move, nil if there is none.
func (s *Store) MoveMark(ctx context.Context) (*sqlstore.MoveMark, error) {
	var m *sqlstore.MoveMark
	err := s.r.one(ctx, "move_mark_read", func(v []any) error {
		m = &sqlstore.MoveMark{
			Source: integer(v[0]) != 0, Peer: text(v[1]), ServerDUID: blob(v[2]), Finished: integer(v[3]) != 0, At: time.UnixMicro(integer(v[4])).UTC(),
		}
		return nil
	})
	if errors.Is(err, sqlstore.ErrNotFound) {
		return nil, nil
	}
	return m, err
}

// SetMoveMark writes the mark, or removes it.
func (s *Store) SetMoveMark(ctx context.Context, m *sqlstore.MoveMark) error {
	return s.w.write(ctx, "mark database", func(t *transaction) error { return t.mark(m) })
}

func (t *transaction) mark(m *sqlstore.MoveMark) error {
	var err error
	if m == nil {
		_, err = t.exec(0, "move_mark_delete")
	} else {
		_, err = t.exec(0, "move_mark_write", flag(m.Source), m.Peer, m.ServerDUID, flag(m.Finished), t.now)
	}
	return err
}

// BeginCopy marks the database and empties it.
func (s *Store) BeginCopy(ctx context.Context, m sqlstore.MoveMark) error {
	return s.w.write(ctx, "begin copy", func(t *transaction) error {
		err := t.mark(&m)
		if err == nil {
			_, err = t.exec(0, "move_progress_delete")
		}
		if err == nil {
			_, err = t.exec(0, "config_applying", int64(1)) // goes with its row
		}
		tables := sqlstore.CopyTables()
		for i := len(tables) - 1; err == nil && i >= 0; i-- {
			if _, err = t.exec(0, copyName("copy_delete", tables[i])); err == nil {
				_, err = t.exec(0, "move_progress_make", tables[i].Name)
			}
		}
		return err
	})
}

// CopyProgress returns how far each table is.
func (s *Store) CopyProgress(ctx context.Context) (map[string]sqlstore.CopyProgress, error) {
	out := map[string]sqlstore.CopyProgress{}
	err := s.r.each(ctx, nil, 0, "move_progress_read", func(v []any) error {
		out[text(v[0])] = sqlstore.CopyProgress{Copied: integer(v[1]), Position: blob(v[2]), Done: integer(v[3]) != 0}
		return nil
	})
	return out, err
}

// WriteRows inserts rows and notes how far the table is. Triggers leave the rows
// alone, and those of config_head.applying too while there is no such row yet.
func (s *Store) WriteRows(ctx context.Context, table *sqlstore.CopyTable, rows []sqlstore.Row, was, now sqlstore.CopyProgress) error {
	return s.w.write(ctx, "write "+table.Name, func(t *transaction) error {
		n, err := t.exec(0, "move_progress_step", table.Name, now.Copied, notNull(now.Position), flag(now.Done), was.Copied)
		if err == nil && n == 0 {
			err = sqlstore.OtherMove()
		}
		if err == nil {
			_, err = t.exec(0, "config_applying", int64(1))
		}
		insert := copyName("copy_insert", table)
		args := make([]driver.Value, len(table.Columns))
		for i := 0; err == nil && i < len(rows); i++ {
			for c, v := range rows[i] {
				args[c] = v
			}
			_, err = t.exec(0, insert, args...)
		}
		if err == nil {
			_, err = t.exec(0, "config_applying", int64(0))
		}
		return err
	})
}

// notNull is a binary value that is not NULL when it is empty.
func notNull(b []byte) []byte {
	if b == nil {
		return []byte{}
	}
	return b
}

// FinishCopy removes mark and progress. Counters are where they must be:
// AUTOINCREMENT follows what is inserted, tokens follow the clock.
func (s *Store) FinishCopy(ctx context.Context) error {
	return s.w.write(ctx, "finish copy", func(t *transaction) error {
		n, err := t.exec(0, "move_progress_finish")
		if err == nil && int(n) != len(sqlstore.CopyTables()) {
			err = sqlstore.OtherMove()
		}
		if err != nil {
			return err
		}
		return t.mark(nil)
	})
}
