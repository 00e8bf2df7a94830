package postgres

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"rowlock/sqlstore"
)

// listener is the one connection that hears of changes of the configuration.
// It is outside of the pools, so that nobody else is given a connection that
// listens, or one whose wait was ended. It is made when it is first needed.
type listener struct {
	turn chan struct{} // holds one token; whoever has it may use the rest
	cfg  *pgx.ConnConfig
	host *hosts
	conn *pgx.Conn
	shut bool
}

func newListener(cfg *pgx.ConnConfig, host *hosts) *listener {
	l := &listener{turn: make(chan struct{}, 1), cfg: cfg, host: host}
	l.turn <- struct{}{}
	return l
}

// errClosed is what a store that was closed answers.
var errClosed = fmt.Errorf("%w: the store is closed", sqlstore.ErrUnavailable)

// connect returns the connection, listening. The context must not end in the
// middle of a statement.
func (l *listener) connect(ctx context.Context) (*pgx.Conn, error) {
	if l.shut {
		return nil, errClosed
	}
	if l.conn != nil && !l.conn.IsClosed() {
		return l.conn, nil
	}
	cfg := l.cfg.Copy()
	l.host.order(cfg)
	refuseCancel(cfg)
	c, err := pgx.ConnectConfig(ctx, cfg)
	if err != nil {
		return nil, fmt.Errorf("connect listener: %w", classify(err))
	}
	l.conn = c
	if _, err := c.Exec(ctx, "LISTEN rowlock_config"); err != nil {
		l.drop()
		return nil, fmt.Errorf("listen: %w", classify(err))
	}
	return c, nil
}

// drop gives the connection up; the next one who needs it makes another.
func (l *listener) drop() {
	if l.conn == nil {
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	_ = l.conn.Close(ctx)
	l.conn = nil
}

// close waits for its turn, and ends the connection for good.
func (l *listener) close() {
	<-l.turn
	l.shut = true
	l.drop()
	l.turn <- struct{}{}
}

// pollTime is how long one wait for a notification lasts, and the time between
// two looks where none can come.
const pollTime = 250 * time.Millisecond

// WaitRevision listens for a change of the configuration for up to 250 ms;
// behind a pooler, where no notification comes, it looks and waits. Several
// callers listen one after the other.
func (s *Store) WaitRevision(ctx context.Context, known int64) error {
	if s.target.pooler {
		return s.pollRevision(ctx, known)
	}
	l := s.listener
	select {
	case <-ctx.Done():
		return classify(ctx.Err())
	case <-l.turn:
	}
	defer func() { l.turn <- struct{}{} }()
	// the end of ctx interrupts the wait, and no statement
	bound, cancel := context.WithTimeout(context.WithoutCancel(ctx), s.deadline)
	defer cancel()
	c, err := l.connect(bound)
	if err != nil {
		return err
	}
	var rev int64
	if err := c.QueryRow(bound, s.q.get("config_revision")).Scan(&rev); err != nil {
		l.drop()
		return classify(err)
	}
	if rev > known {
		return nil
	}
	wait, stop := context.WithTimeout(ctx, pollTime)
	defer stop()
	_, err = c.WaitForNotification(wait)
	if wait.Err() == nil && err != nil {
		l.drop()
		return classify(err)
	}
	if ctx.Err() != nil && errors.Is(err, ctx.Err()) {
		return classify(err)
	}
	return nil
}

func (s *Store) pollRevision(ctx context.Context, known int64) error {
	rev, err := s.Revision(ctx)
	if err != nil || rev > known {
		return err
	}
	select {
	case <-ctx.Done():
		return classify(ctx.Err())
	case <-time.After(pollTime):
		return nil
	}
}
