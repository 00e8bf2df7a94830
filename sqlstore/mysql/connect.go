package mysql

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"io"
	"slices"
	"sync/atomic"
	"time"

	"github.com/go-sql-driver/mysql"

	"rowlock/sqlstore"
)

// newPool makes a pool of connections with those settings, on which the
// statements with these names are prepared; no connection is made yet.
func newPool(t *target, q *queries, set settings, statements []string, conns int) (*sql.DB, error) {
	c := &connector{setup: &packet{}}
	for _, h := range t.hosts {
		h = h.Clone()
		h.Params = set
		if len(statements) > 0 { // lane_placed counts new rows, not those that were met
			h.ClientFoundRows = false
		}
		dc, err := mysql.NewConnector(h)
		if err != nil {
			return nil, err
		}
		c.servers = append(c.servers, server{dc, h.Addr, h.Timeout})
	}
	if t.readWrite {
		c.writable = q.get("connect_writable")
	}
	c.setup.add(q.get("connect_names"))
	c.setup.add(q.get("connect"))
	if len(statements) > 0 {
		c.setup.add(q.get("connect_lane"))
		q.prepare(c.setup, statements)
	}
	db := sql.OpenDB(c)
	db.SetMaxOpenConns(conns)
	db.SetMaxIdleConns(conns)
	db.SetConnMaxIdleTime(5 * time.Minute)
	return db, nil
}

// connector makes connections to the first of several servers that takes one,
// beginning with the one that did so last, and runs statements on each.
type connector struct {
	servers  []server
	writable string // the query whether the server may be written to; "" if that is no matter
	setup    *packet
	first    atomic.Int64 // where to begin
}

// server is a server and how long it may take to accept a connection.
type server struct {
	driver.Connector
	addr    string
	timeout time.Duration
}

// Driver returns the driver.
func (c *connector) Driver() driver.Driver { return c.servers[0].Driver() }

// Connect makes a connection. When the context ends meanwhile, the next call
// begins with the next server: the one that was asked does not answer.
func (c *connector) Connect(ctx context.Context) (driver.Conn, error) {
	var errs []error
	first := c.first.Load()
	for i := range c.servers {
		at := (int(first) + i) % len(c.servers)
		dc, err := c.try(ctx, c.servers[at])
		if err == nil {
			c.first.Store(int64(at))
			return dc, nil
		}
		if len(c.servers) > 1 {
			err = fmt.Errorf("%s: %w", c.servers[at].addr, err)
		}
		errs = append(errs, err)
		if ctx.Err() != nil {
			c.first.Store(int64((at + 1) % len(c.servers)))
			break
		}
	}
	return nil, errors.Join(errs...)
}

// try makes a connection to one server.
func (c *connector) try(ctx context.Context, s server) (driver.Conn, error) {
	ctx, cancel := context.WithTimeout(ctx, s.timeout)
	defer cancel()
	dc, err := s.Connector.Connect(ctx)
	if err != nil {
		return nil, err
	}
	if c.writable != "" {
		err = refuseReadOnly(ctx, dc, c.writable)
	}
	if err == nil {
		_, err = dc.(driver.ExecerContext).ExecContext(ctx, c.setup.statement(), c.setup.args)
	}
	if err != nil {
		_ = dc.Close()
		return nil, err
	}
	return dc, nil
}

// refuseReadOnly fails unless the server may be written to.
func refuseReadOnly(ctx context.Context, dc driver.Conn, query string) error {
	rows, err := dc.(driver.QueryerContext).QueryContext(ctx, query, nil)
	if err != nil {
		return err
	}
	v := make([]driver.Value, len(rows.Columns()))
	if err = rows.Next(v); err == nil && slices.ContainsFunc(v, readOnly) {
		err = sqlstore.ErrReadOnly
	} else if errors.Is(err, io.EOF) {
		err = errors.New("no answer to the question whether the server is read-only")
	}
	return errors.Join(err, rows.Close())
}

// readOnly reads the value of a variable. It is a number, or a word where the
// server knows more than two kinds.
func readOnly(v driver.Value) bool {
	if s := text(v); s != "" {
		return s != "0" && s != "OFF"
	}
	return integer(v) != 0
}
