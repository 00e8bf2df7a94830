package postgres

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strings"
	"sync/atomic"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"

	"rowlock/sqlstore"
)

// onLane runs do on a connection of the pool with a context that never ends.
// When the deadline passes, the network connection is closed below it; the
// outcome is then unknown, as it is when the database gave up its wait for a
// synchronous standby.
func (s *Store) onLane(ctx context.Context, pool *pgxpool.Pool, do func(context.Context, *pgx.Conn) error) error {
	acquire, cancel := context.WithTimeout(ctx, s.deadline)
	defer cancel()
	c, err := pool.Acquire(acquire)
	if err != nil {
		return fmt.Errorf("acquire connection: %w", classify(err))
	}
	defer c.Release()
	endless := context.WithoutCancel(ctx)
	conn := c.Conn()
	raw, closed := conn.PgConn().Conn(), make(chan struct{})
	timer := time.AfterFunc(s.deadline, func() {
		defer close(closed)
		_ = raw.Close()
	})
	defer func() {
		if !timer.Stop() {
			<-closed
			// the driver may not have noticed; a closed connection is not
			// given to the next one
			_ = conn.Close(endless)
		}
	}()
	err = do(endless, conn)
	if gaveUpWait(conn.PgConn()) {
		return errors.Join(errUnreplicated, err)
	}
	return classify(err)
}

// errUnreplicated is an unknown outcome: the commit is visible, and may be
// lost with this server.
var errUnreplicated = fmt.Errorf("%w: the wait for synchronous replication was cut short", sqlstore.ErrUnavailable)

// unreplicatedKey is where a connection notes that a commit was not replicated.
const unreplicatedKey = "rowlock_unreplicated"

// noteUnreplicated looks at a notice of the server. The name of its function
// is the same in every language of the message.
func noteUnreplicated(c *pgconn.PgConn, n *pgconn.Notice) {
	if n.Routine == "SyncRepWaitForLSN" || n.Code == "01000" && strings.Contains(n.Message, "wait for synchronous replication") {
		c.CustomData()[unreplicatedKey] = true
	}
}

// gaveUpWait tells whether noteUnreplicated noted anything since the last call.
func gaveUpWait(c *pgconn.PgConn) bool {
	_, ok := c.CustomData()[unreplicatedKey]
	delete(c.CustomData(), unreplicatedKey)
	return ok
}

// errNoCancel refuses a dial that is not one of a new connection.
var errNoCancel = errors.New("cancel requests are not sent")

// refuseCancel lets the connection that is about to be made dial until it
// stands, and never again. Whenever the driver gives a connection up it dials
// once more to send a cancel request; a commit that waits for a synchronous
// standby would end its wait by that, and others see what a failover takes back.
func refuseCancel(cfg *pgx.ConnConfig) {
	var stands atomic.Bool
	dial, after := cfg.DialFunc, cfg.AfterConnect
	cfg.DialFunc = func(ctx context.Context, network, addr string) (net.Conn, error) {
		if stands.Load() {
			return nil, errNoCancel
		}
		return dial(ctx, network, addr)
	}
	cfg.AfterConnect = func(ctx context.Context, c *pgconn.PgConn) error {
		if after != nil {
			if err := after(ctx, c); err != nil {
				return err
			}
		}
		stands.Store(true)
		return nil
	}
}
