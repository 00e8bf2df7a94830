package mysql

import (
	"context"
	"database/sql/driver"
	"errors"
	"fmt"

	"rowlock/sqlstore"
)

// MoveMark returns the mark of a move, nil if there is none.
func (s *Store) MoveMark(ctx context.Context) (m *sqlstore.MoveMark, err error) {
	err = s.each(ctx, s.q.get("move_mark_read"), nil, func(v []driver.Value) error {
		m = &sqlstore.MoveMark{Source: boolean(v[0]), Peer: text(v[1]), ServerDUID: binary(v[2]), Finished: boolean(v[3]), At: moment(v[4])}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("read mark of a move: %w", err)
	}
	return m, nil
}

// SetMoveMark writes the mark, or removes it.
func (s *Store) SetMoveMark(ctx context.Context, m *sqlstore.MoveMark) error {
	return s.move(ctx, "mark database", func(c *conn) error { return c.mark(m) })
}

func (c *conn) mark(m *sqlstore.MoveMark) error {
	if m == nil {
		return c.run("move_mark_delete")
	}
	return c.run("move_mark_write", m.Source, m.Peer, m.ServerDUID, m.Finished)
}

// run executes a named statement that returns nothing of interest.
func (c *conn) run(name string, args ...any) error {
	_, err := c.exec(c.q.get(name), args...)
	return err
}

// move runs do in a transaction.
func (s *Store) move(ctx context.Context, what string, do func(*conn) error) error {
	if err := s.tx(ctx, do); err != nil {
		return fmt.Errorf("%s: %w", what, err)
	}
	return nil
}

// BeginCopy marks the database and empties it. Triggers sleep from now on, until
// FinishCopy.
func (s *Store) BeginCopy(ctx context.Context, m sqlstore.MoveMark) error {
	return s.move(ctx, "begin copy", func(c *conn) error {
		err := c.mark(&m)
		if err == nil {
			err = c.run("move_progress_delete")
		}
		if err == nil {
			err = c.run("config_begin")
		}
		tables := sqlstore.CopyTables()
		for i := len(tables) - 1; err == nil && i >= 0; i-- {
			if err = c.run(copyName("copy_delete", tables[i])); err == nil {
				err = c.run("move_progress_make", tables[i].Name)
			}
		}
		return err
	})
}

// CopyProgress returns how far each table is.
func (s *Store) CopyProgress(ctx context.Context) (map[string]sqlstore.CopyProgress, error) {
	out := map[string]sqlstore.CopyProgress{}
	err := s.each(ctx, s.q.get("move_progress_read"), nil, func(v []driver.Value) error {
		out[text(v[0])] = sqlstore.CopyProgress{Copied: integer(v[1]), Position: binary(v[2]), Done: boolean(v[3])}
		return nil
	})
	return out, err
}

// FinishCopy removes mark and progress. Counters are where they must be:
// AUTO_INCREMENT follows what is inserted, tokens follow the clock.
func (s *Store) FinishCopy(ctx context.Context) error {
	return s.move(ctx, "finish copy", func(c *conn) error {
		res, err := c.exec(c.q.get("move_progress_finish"))
		if err != nil {
			return err
		}
		if n, err := res.RowsAffected(); err != nil || n != int64(len(sqlstore.CopyTables())) {
			return errors.Join(err, sqlstore.OtherMove())
		}
		if err := c.run("config_end"); err != nil {
			return err
		}
		return c.mark(nil)
	})
}
