package mysql

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"rowlock/sqlstore"
)

// conn is a connection while it is in use.
type conn struct {
	ctx context.Context
	c   interface {
		driver.QueryerContext
		driver.ExecerContext
	}
	q *queries
}

// packet is some statements and their arguments, sent at once.
type packet struct {
	text  []string
	args  []driver.NamedValue
	reads []func(v []driver.Value) error // for the rows of those that ask returns any
}

// ask appends a statement that returns rows. Values are valid until read
// returns.
func (p *packet) ask(read func(v []driver.Value) error, statement string, args ...any) {
	p.add(statement, args...)
	p.reads = append(p.reads, read)
}

// row reads the next row of the result with this number.
func (p *packet) row(result int, v []driver.Value) error { return p.reads[result](v) }

// add appends a statement.
func (p *packet) add(statement string, args ...any) {
	p.text = append(p.text, statement)
	for _, a := range args {
		switch v := a.(type) {
		case int:
			a = int64(v)
		case uint32:
			a = int64(v)
		case sqlstore.State:
			a = int64(v)
		}
		p.args = append(p.args, driver.NamedValue{Ordinal: len(p.args) + 1, Value: a})
	}
}

func (p *packet) statement() string { return strings.Join(p.text, ";\n") }

// send runs the statements of a packet and calls read with each row of those
// that return rows, in order; result counts these statements from 0. Values are
// valid until read returns.
func (c *conn) send(p *packet, read func(result int, v []driver.Value) error) error {
	rows, err := c.c.QueryContext(c.ctx, p.statement(), p.args)
	if errors.Is(err, driver.ErrSkip) {
		return fmt.Errorf("%w: the statement is longer than the server takes", sqlstore.ErrData)
	}
	if err != nil {
		return err
	}
	err = readAll(rows, read)
	if cerr := rows.Close(); err == nil {
		err = cerr
	}
	return err
}

func readAll(rows driver.Rows, read func(result int, v []driver.Value) error) error {
	more, _ := rows.(driver.RowsNextResultSet)
	for result := 0; ; result++ {
		v := make([]driver.Value, len(rows.Columns()))
		for len(v) > 0 {
			err := rows.Next(v)
			if errors.Is(err, io.EOF) {
				break
			}
			if err != nil {
				return err
			}
			if err := read(result, v); err != nil {
				return err
			}
		}
		// also where there is no further result: an error of a later statement
		// comes from here
		if err := more.NextResultSet(); errors.Is(err, io.EOF) {
			return nil
		} else if err != nil {
			return err
		}
	}
}

// each runs one named query and calls read with its rows.
func (c *conn) each(statement string, args []any, read func(v []driver.Value) error) error {
	p := &packet{}
	p.add(statement, args...)
	return c.send(p, func(_ int, v []driver.Value) error { return read(v) })
}

// exec runs one statement that returns no rows.
func (c *conn) exec(statement string, args ...any) (driver.Result, error) {
	p := &packet{}
	p.add(statement, args...)
	return c.c.ExecContext(c.ctx, statement, p.args)
}

// with runs do on a connection of the pool.
func (s *Store) with(ctx context.Context, pool *sql.DB, do func(*conn) error) error {
	sc, err := pool.Conn(ctx)
	if err != nil {
		return fmt.Errorf("acquire connection: %w", classify(err))
	}
	defer func() { _ = sc.Close() }()
	return classify(sc.Raw(func(dc any) error {
		c, ok := dc.(interface {
			driver.QueryerContext
			driver.ExecerContext
		})
		if !ok {
			return fmt.Errorf("unexpected connection type %T", dc)
		}
		return do(&conn{ctx: ctx, c: c, q: s.q})
	}))
}

// limit lets the server end the transaction, and with it the connection, when
// the program falls silent in it; noLimit ends that. MariaDB has a setting for it.
func (c *conn) limit(p *packet) {
	if !c.q.mariadb {
		p.add(c.q.get("tx_limit"))
	}
}

func (c *conn) noLimit(p *packet) {
	if !c.q.mariadb {
		p.add(c.q.get("tx_no_limit"))
	}
}

// rollback ends a transaction that failed, so that the connection may be used
// again; a connection that cannot is given up.
func (c *conn) rollback(err error) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(c.ctx), time.Second)
	defer cancel()
	p := &packet{}
	p.add(c.q.get("tx_rollback"))
	c.noLimit(p)
	if _, rerr := c.c.ExecContext(ctx, p.statement(), nil); rerr != nil {
		return errors.Join(fmt.Errorf("%w: %w", sqlstore.ErrUnavailable, err), rerr)
	}
	return err
}

// attempts is how often a short transaction is run that met a deadlock.
const attempts = 4

// tx runs do in a transaction of a general connection, with the clock read once
// in @now. It is run again after a deadlock, so do must begin anew.
func (s *Store) tx(ctx context.Context, do func(*conn) error) (err error) {
	for range attempts {
		err = s.with(ctx, s.general, func(c *conn) error {
			begin := &packet{}
			begin.add(c.q.get("tx_begin"))
			begin.add(c.q.get("tx_now"))
			c.limit(begin)
			if err := c.send(begin, nil); err != nil {
				return c.rollback(err)
			}
			if err := do(c); err != nil {
				return c.rollback(err)
			}
			end := &packet{}
			end.add(c.q.get("tx_commit"))
			c.noLimit(end)
			if _, err := c.c.ExecContext(c.ctx, end.statement(), nil); err != nil {
				return c.rollback(err)
			}
			return nil
		})
		if !errors.Is(err, sqlstore.ErrRetry) {
			return err
		}
	}
	return err
}

// each runs one named query outside of a transaction.
func (s *Store) each(ctx context.Context, statement string, args []any, read func(v []driver.Value) error) error {
	return s.with(ctx, s.general, func(c *conn) error { return c.each(statement, args, read) })
}

// exec runs one statement outside of a transaction.
func (s *Store) exec(ctx context.Context, statement string, args ...any) (res driver.Result, err error) {
	err = s.with(ctx, s.general, func(c *conn) error {
		res, err = c.exec(statement, args...)
		return err
	})
	return res, err
}

// onLane runs do with a context of its own: a caller that gives up does not end
// a commit under way. When the deadline passes the driver closes the network
// connection, without a KILL; the outcome is then unknown. A transaction that
// failed is rolled back.
func (s *Store) onLane(ctx context.Context, pool *sql.DB, do func(*conn) error) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), s.deadline)
	defer cancel()
	return s.with(ctx, pool, func(c *conn) error {
		if err := do(c); err != nil {
			return c.rollback(err)
		}
		return nil
	})
}
