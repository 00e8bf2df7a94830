package postgres

import (
	"context"
	"errors"
	"maps"
	"slices"

	"github.com/jackc/pgx/v5"

	"rowlock/sqlstore"
)

// transact executes a lane's statement once with each list of arguments, each time
// as a transaction of its own, in one round trip. One statement alone is a
// transaction by itself; behind a pooler each transaction brings its settings
// along.
func (s *Store) transact(ctx context.Context, c *pgx.Conn, settings map[string]string, statement string, args [][]any, read func(pgx.Rows) error) error {
	if len(args) == 1 && !s.target.pooler {
		rows, err := c.Query(ctx, statement, args[0]...)
		if err != nil {
			return err
		}
		return read(rows)
	}
	pipe := &pgx.Batch{}
	for _, a := range args {
		pipe.Queue("BEGIN")
		if s.target.pooler {
			names, values := settingArrays(settings)
			pipe.Queue(s.q.get("lane_settings"), names, values)
		}
		pipe.Queue(statement, a...)
		pipe.Queue("COMMIT")
	}
	err := s.readPipe(c.SendBatch(ctx, pipe), len(args), read)
	if err != nil && !c.IsClosed() {
		if _, rerr := c.Exec(ctx, "ROLLBACK"); rerr != nil {
			return errors.Join(err, rerr)
		}
	}
	return err
}

// settingArrays are the arguments of lane_settings.
func settingArrays(settings map[string]string) (names, values []string) {
	names = slices.Sorted(maps.Keys(settings))
	for _, n := range names {
		values = append(values, settings[n])
	}
	return names, values
}

// readPipe reads the answers to n transactions.
func (s *Store) readPipe(br pgx.BatchResults, n int, read func(pgx.Rows) error) error {
	before := 1
	if s.target.pooler {
		before = 2
	}
	err := func() error {
		for range n {
			for range before {
				if _, err := br.Exec(); err != nil {
					return err
				}
			}
			rows, err := br.Query()
			if err != nil {
				return err
			}
			if err := read(rows); err != nil {
				return err
			}
			if _, err := br.Exec(); err != nil {
				return err
			}
		}
		return nil
	}()
	if cerr := br.Close(); err == nil {
		err = cerr
	}
	return err
}

// nameTx runs do in a transaction of its own on a connection for names and hints: each
// statement sees what was committed before it. Behind a pooler the settings go
// with the transaction.
func (s *Store) nameTx(ctx context.Context, do func(pgx.Tx) error) error {
	return classifyTx(pgx.BeginTxFunc(ctx, s.names, pgx.TxOptions{IsoLevel: pgx.ReadCommitted}, func(tx pgx.Tx) error {
		if s.target.pooler {
			names, values := settingArrays(nameSettings)
			if _, err := tx.Exec(ctx, s.q.get("lane_settings"), names, values); err != nil {
				return err
			}
		}
		return do(tx)
	}))
}

// classifyTx keeps errors that carry one of sqlstore's already.
func classifyTx(err error) error {
	if errors.Is(err, sqlstore.ErrFenced) {
		return err
	}
	return classify(err)
}
