package sqlite

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"rowlock/sqlstore"
)

// writer is the connection that writes. Whoever holds lock uses it.
type writer struct {
	lock chan struct{}
	db   *sql.DB
	q    *queries
	log  *slog.Logger
	turn *turn
	file *identity

	conn    *sql.Conn // nil after the connection broke
	stmts   map[sqlstore.Family]map[string]*statement
	args    []driver.NamedValue // reused
	row     []driver.Value      // reused
	lastRev int64               // highest rev or token this process gave out

	closing sync.Once
	gone    chan struct{} // closed by close
}

// statement is a prepared statement of the driver. Inside a transaction the
// driver is called directly: the conversions of database/sql would cost as much
// as the statements.
type statement struct {
	exec  driver.StmtExecContext
	query driver.StmtQueryContext
	close func() error
	order []int
}

// transaction is one under way. Its statements are never interrupted: a
// context that ends in the middle would leave the outcome unknown.
type transaction struct {
	*writer
	dc  driver.ConnPrepareContext
	now int64 // database time, microseconds since 1970
}

func newWriter(db *sql.DB, q *queries, log *slog.Logger, turn *turn, file *identity) *writer {
	return &writer{lock: make(chan struct{}, 1), db: db, q: q, log: log, turn: turn, file: file, gone: make(chan struct{})}
}

// connect makes the connection unless it is there, to no other file than the
// first one.
func (w *writer) connect(ctx context.Context) error {
	if w.conn != nil {
		return nil
	}
	conn, err := w.db.Conn(ctx)
	if err != nil {
		return err
	}
	if err := w.file.check(); err != nil {
		return errors.Join(err, conn.Close())
	}
	w.conn = conn
	w.stmts = map[sqlstore.Family]map[string]*statement{0: {}, sqlstore.IPv4: {}, sqlstore.IPv6: {}}
	return nil
}

func (w *writer) close() error {
	w.closing.Do(func() { close(w.gone) })
	w.lock <- struct{}{}
	defer func() { <-w.lock }()
	var err error
	if w.conn != nil {
		err = errors.Join(w.conn.Raw(func(any) error { return w.forget() }), w.conn.Close())
		w.conn = nil
	}
	return errors.Join(err, w.db.Close(), w.turn.close())
}

// forget frees the prepared statements: SQLite keeps a connection that is
// closed open, with its locks, until the last of them is gone.
func (w *writer) forget() error {
	var errs []error
	for _, set := range w.stmts {
		for name, st := range set {
			errs = append(errs, st.close())
			delete(set, name)
		}
	}
	return errors.Join(errs...)
}

// write runs do in a transaction of its own, which is durable when write
// returns without error and has changed nothing when do returned one. Waiting
// for the writer ends with ctx. Looking whether the file is in its place costs
// little beside the commit, and is done after it: what went into a file that
// was removed must not be acknowledged.
func (w *writer) write(ctx context.Context, what string, do func(*transaction) error) error {
	select {
	case <-w.gone:
		return fmt.Errorf("%s: %w: store is closed", what, sqlstore.ErrUnavailable)
	case w.lock <- struct{}{}:
	case <-ctx.Done():
		return fmt.Errorf("%s: %w: %w", what, sqlstore.ErrUnavailable, ctx.Err())
	}
	defer func() { <-w.lock }()
	err := w.file.lost()
	if err == nil {
		err = w.connect(ctx)
	}
	if err == nil {
		err = w.conn.Raw(func(dc any) error {
			t := &transaction{writer: w, dc: dc.(driver.ConnPrepareContext)}
			return t.run(ctx, do)
		})
	}
	if errors.Is(err, sql.ErrConnDone) || errors.Is(err, driver.ErrBadConn) {
		w.conn = nil
	}
	if err == nil {
		err = w.file.check()
	}
	if err != nil {
		return fmt.Errorf("%s: %w", what, classify(err))
	}
	return nil
}

// begin takes the write lock, waiting up to busyTimeout for other processes.
func (t *transaction) begin(ctx context.Context) error {
	deadline := time.Now().Add(busyTimeout)
	defer t.turn.drop()
	t.turn.give(ctx)
	for {
		_, err := t.exec(0, "tx_begin")
		if !errors.Is(classify(err), sqlstore.ErrRetry) || time.Now().After(deadline) || ctx.Err() != nil {
			return err
		}
		t.turn.claim()
		time.Sleep(turnPoll)
	}
}

func (t *transaction) run(ctx context.Context, do func(*transaction) error) error {
	if err := t.begin(ctx); err != nil {
		return err
	}
	panics := true
	defer func() {
		if panics {
			t.rollback()
			_ = t.forget()
			t.conn = nil // Raw closes it
		}
	}()
	err := t.one(0, "clock", func(v []driver.Value) error {
		t.now = integer(v[0])
		return nil
	})
	if err == nil {
		err = do(t)
	}
	panics = false
	if err == nil {
		if _, err = t.exec(0, "tx_commit"); err == nil {
			return nil
		}
	}
	t.rollback()
	return err
}

// rollback gives the transaction up. A full disk or a failed read may have
// ended it already.
func (t *transaction) rollback() {
	if _, err := t.exec(0, "tx_rollback"); err != nil {
		t.log.Debug("rollback failed", "event", "sqlite.rollback_failed", "err", err)
	}
}

// prepared returns the statement, compiled on first use because the schema may
// be younger than the connection.
func (t *transaction) prepared(f sqlstore.Family, name string) (*statement, error) {
	if st := t.stmts[f][name]; st != nil {
		return st, nil
	}
	q, err := t.q.get(f, name)
	if err != nil {
		return nil, err
	}
	st, err := t.dc.PrepareContext(context.Background(), q.text)
	if err != nil {
		return nil, fmt.Errorf("prepare %s: %w", name, err)
	}
	s := &statement{exec: st.(driver.StmtExecContext), query: st.(driver.StmtQueryContext), close: st.Close, order: q.order}
	t.stmts[f][name] = s
	return s, nil
}

func (t *transaction) bind(st *statement, args []driver.Value) []driver.NamedValue {
	t.args = t.args[:0]
	for i, n := range st.order {
		t.args = append(t.args, driver.NamedValue{Ordinal: i + 1, Value: args[n]})
	}
	return t.args
}

// exec runs a statement and returns how many rows it changed. Arguments are
// int64, string, []byte or nil.
func (t *transaction) exec(f sqlstore.Family, name string, args ...driver.Value) (int64, error) {
	st, err := t.prepared(f, name)
	if err != nil {
		return 0, err
	}
	res, err := st.exec.ExecContext(context.Background(), t.bind(st, args))
	if err != nil {
		return 0, err
	}
	return res.RowsAffected()
}

// one runs a statement and calls read with its first row; sql.ErrNoRows if
// there is none. read must not keep the slice.
func (t *transaction) one(f sqlstore.Family, name string, read func([]driver.Value) error, args ...driver.Value) error {
	found := false
	err := t.rows(f, name, true, func(v []driver.Value) error {
		found = true
		return read(v)
	}, args...)
	if err == nil && !found {
		return sql.ErrNoRows
	}
	return err
}

// each runs a statement and calls read with each of its rows. read must keep
// neither the slice nor run other statements.
func (t *transaction) each(f sqlstore.Family, name string, read func([]driver.Value) error, args ...driver.Value) error {
	return t.rows(f, name, false, read, args...)
}

func (t *transaction) rows(f sqlstore.Family, name string, single bool, read func([]driver.Value) error, args ...driver.Value) error {
	st, err := t.prepared(f, name)
	if err != nil {
		return err
	}
	rows, err := st.query.QueryContext(context.Background(), t.bind(st, args))
	if err != nil {
		return err
	}
	n := len(rows.Columns())
	for cap(t.row) < n {
		t.row = make([]driver.Value, 2*n)
	}
	for err == nil {
		if err = rows.Next(t.row[:n]); err == nil {
			if err = read(t.row[:n]); err == nil && single {
				break
			}
		}
	}
	if err = end(err); err != nil {
		_ = rows.Close()
		return err
	}
	return rows.Close()
}

// rev returns a number higher than old, than the time, and than any that this
// process gave out: it never repeats for a key or an address, although the
// clock has only milliseconds.
func (t *transaction) rev(old int64) int64 {
	t.lastRev = max(old, t.lastRev, t.now-1) + 1
	return t.lastRev
}
