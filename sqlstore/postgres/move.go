package postgres

import (
	"context"
	"errors"
	"fmt"

	"github.com/jackc/pgx/v5"

	"rowlock/sqlstore"
)

// MoveMark returns the mark of a move, nil if there is none.
func (s *Store) MoveMark(ctx context.Context) (*sqlstore.MoveMark, error) {
	m := &sqlstore.MoveMark{}
	err := s.general.QueryRow(ctx, s.q.get("move_mark_read")).Scan(&m.Source, &m.Peer, &m.ServerDUID, &m.Finished, &m.At)
	if errors.Is(err, pgx.ErrNoRows) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("read mark of a move: %w", classify(err))
	}
	return m, nil
}

// SetMoveMark writes the mark, or removes it.
func (s *Store) SetMoveMark(ctx context.Context, m *sqlstore.MoveMark) error {
	return s.move(ctx, "mark database", func(tx pgx.Tx) error { return s.mark(ctx, tx, m) })
}

func (s *Store) mark(ctx context.Context, tx pgx.Tx, m *sqlstore.MoveMark) error {
	if m == nil {
		return s.run(ctx, tx, "move_mark_delete")
	}
	return s.run(ctx, tx, "move_mark_write", m.Source, m.Peer, m.ServerDUID, m.Finished)
}

// run executes a named statement that returns nothing of interest.
func (s *Store) run(ctx context.Context, tx pgx.Tx, name string, args ...any) error {
	_, err := tx.Exec(ctx, s.q.get(name), args...)
	return err
}

// move runs do in a transaction that may take its time.
func (s *Store) move(ctx context.Context, what string, do func(pgx.Tx) error) error {
	err := pgx.BeginFunc(ctx, s.general, func(tx pgx.Tx) error {
		if err := s.run(ctx, tx, "move_patience"); err != nil {
			return err
		}
		return do(tx)
	})
	if err != nil && !errors.Is(err, sqlstore.ErrData) && !errors.Is(err, sqlstore.ErrConflict) {
		err = classify(err)
	}
	if err != nil {
		return fmt.Errorf("%s: %w", what, err)
	}
	return nil
}

// BeginCopy marks the database and empties it.
func (s *Store) BeginCopy(ctx context.Context, m sqlstore.MoveMark) error {
	return s.move(ctx, "begin copy", func(tx pgx.Tx) error {
		err := s.mark(ctx, tx, &m)
		if err == nil {
			err = s.run(ctx, tx, "move_progress_delete")
		}
		if err == nil {
			err = s.run(ctx, tx, "move_quiet")
		}
		tables := sqlstore.CopyTables()
		for i := len(tables) - 1; err == nil && i >= 0; i-- {
			if err = s.run(ctx, tx, copyName("copy_delete", tables[i])); err == nil {
				err = s.run(ctx, tx, "move_progress_make", tables[i].Name)
			}
		}
		return err
	})
}

// CopyProgress returns how far each table is.
func (s *Store) CopyProgress(ctx context.Context) (map[string]sqlstore.CopyProgress, error) {
	rows, err := s.general.Query(ctx, s.q.get("move_progress_read"))
	if err != nil {
		return nil, classify(err)
	}
	out := map[string]sqlstore.CopyProgress{}
	var name string
	var p sqlstore.CopyProgress
	_, err = pgx.ForEachRow(rows, []any{&name, &p.Copied, &p.Position, &p.Done}, func() error {
		out[name] = p
		p.Position = nil
		return nil
	})
	return out, classify(err)
}

// FinishCopy sets the counters, tells the planner, and removes mark and
// progress.
func (s *Store) FinishCopy(ctx context.Context) error {
	return s.move(ctx, "finish copy", func(tx pgx.Tx) error {
		tag, err := tx.Exec(ctx, s.q.get("move_progress_finish"))
		if err != nil {
			return err
		}
		if tag.RowsAffected() != int64(len(sqlstore.CopyTables())) {
			return sqlstore.OtherMove()
		}
		for _, t := range sqlstore.CopyTables() {
			if t.Counter != "" {
				if err := s.run(ctx, tx, copyName("copy_counter", t)); err != nil {
					return err
				}
			}
			if err := s.run(ctx, tx, copyName("copy_analyze", t)); err != nil {
				return err
			}
		}
		if err := s.run(ctx, tx, "config_end"); err != nil {
			return err
		}
		return s.mark(ctx, tx, nil)
	})
}
