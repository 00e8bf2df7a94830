package sqlite

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"io"
	"sync"

	"rowlock/sqlstore"
)

// reader is the pool of connections that only read. It waits for no writer.
type reader struct {
	db *sql.DB
	q  *queries

	mu    sync.Mutex
	stmts map[sqlstore.Family]map[string]readStatement
}

type readStatement struct {
	*sql.Stmt
	order []int
}

func newReader(db *sql.DB, q *queries) *reader {
	return &reader{db: db, q: q, stmts: map[sqlstore.Family]map[string]readStatement{0: {}, sqlstore.IPv4: {}, sqlstore.IPv6: {}}}
}

func (r *reader) close() error { return r.db.Close() }

func (r *reader) prepared(ctx context.Context, f sqlstore.Family, name string) (readStatement, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if st, ok := r.stmts[f][name]; ok {
		return st, nil
	}
	q, err := r.q.get(f, name)
	if err != nil {
		return readStatement{}, err
	}
	st, err := r.db.PrepareContext(ctx, q.text)
	if err != nil {
		return readStatement{}, fmt.Errorf("prepare %s: %w", name, err)
	}
	r.stmts[f][name] = readStatement{st, q.order}
	return r.stmts[f][name], nil
}

// one calls read with the first row of a statement that is common to both
// families; ErrNotFound if there is none.
func (r *reader) one(ctx context.Context, name string, read func([]any) error, args ...any) error {
	found := false
	err := r.each(ctx, nil, 0, name, func(v []any) error {
		if !found {
			found = true
			return read(v)
		}
		return nil
	}, args...)
	if err == nil && !found {
		return fmt.Errorf("%s: %w", name, sqlstore.ErrNotFound)
	}
	return err
}

// each calls read with every row of a statement, in the transaction tx if that
// is not nil. read must not keep the slice.
//
// A transaction has one of the few connections, so whatever it needs is prepared
// on that: if it waited for another one, some transactions at once would wait
// for each other.
func (r *reader) each(ctx context.Context, tx *sql.Tx, f sqlstore.Family, name string, read func([]any) error, args ...any) error {
	var err error
	if tx != nil {
		err = r.within(ctx, tx, f, name, read, args)
	} else {
		err = r.outside(ctx, f, name, read, args)
	}
	if err != nil {
		return fmt.Errorf("%s: %w", name, classify(err))
	}
	return nil
}

func (r *reader) within(ctx context.Context, tx *sql.Tx, f sqlstore.Family, name string, read func([]any) error, args []any) error {
	q, err := r.q.get(f, name)
	if err != nil {
		return err
	}
	rows, err := tx.QueryContext(ctx, q.text, inOrder(args, q.order)...)
	if err != nil {
		return err
	}
	return scanAll(rows, read)
}

func (r *reader) outside(ctx context.Context, f sqlstore.Family, name string, read func([]any) error, args []any) error {
	st, err := r.prepared(ctx, f, name)
	if err != nil {
		return err
	}
	rows, err := st.QueryContext(ctx, inOrder(args, st.order)...)
	if err != nil {
		return err
	}
	return scanAll(rows, read)
}

func inOrder(args []any, order []int) []any {
	out := make([]any, len(order))
	for i, n := range order {
		out[i] = args[n]
	}
	return out
}

func scanAll(rows *sql.Rows, read func([]any) error) error {
	defer rows.Close()
	columns, err := rows.Columns()
	if err != nil {
		return err
	}
	v, dest := make([]any, len(columns)), make([]any, len(columns))
	for i := range v {
		dest[i] = &v[i]
	}
	for rows.Next() {
		if err := rows.Scan(dest...); err != nil {
			return err
		}
		if err := read(v); err != nil {
			return err
		}
	}
	return rows.Err()
}

// snapshot runs do in a read transaction: everything it reads is of one moment.
func (r *reader) snapshot(ctx context.Context, do func(*sql.Tx) error) error {
	tx, err := r.db.BeginTx(ctx, nil)
	if err != nil {
		return classify(err)
	}
	err = do(tx)
	if rerr := tx.Rollback(); err == nil && !errors.Is(rerr, sql.ErrTxDone) {
		err = rerr
	}
	return classify(err)
}

// end turns the driver's end of rows into no error.
func end(err error) error {
	if errors.Is(err, io.EOF) {
		return nil
	}
	return err
}

// The columns of STRICT tables have one of three types, or NULL, which reads
// as the zero value.

func integer(v any) int64 {
	n, _ := v.(int64)
	return n
}

func text(v any) string {
	s, _ := v.(string)
	return s
}

func blob(v any) []byte {
	b, _ := v.([]byte)
	return b
}

// values gives the rows of a read connection the type of the driver's.
func values(v []any) []driver.Value {
	out := make([]driver.Value, len(v))
	for i := range v {
		out[i] = v[i]
	}
	return out
}
