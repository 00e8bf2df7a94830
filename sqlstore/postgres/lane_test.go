package postgres_test

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"rowlock/sqlstore"
	"rowlock/sqlstore/postgres"
	"rowlock/sqlstore/storetest"
)

func open(t *testing.T, url string, deadline time.Duration) *postgres.Store {
	t.Helper()
	s, err := postgres.Open(t.Context(), url, postgres.Options{Deadline: deadline})
	require.NoError(t, err)
	t.Cleanup(func() { _ = s.Close() })
	return s
}

func key(client int) sqlstore.Key {
	return sqlstore.ClientKey(1, sqlstore.KeyHWAddr, fmt.Appendf(nil, "\x01%06d", client))
}

func addr(n byte) netip.Addr { return netip.AddrFrom4([4]byte{192, 0, 2, n}) }

func offer(client int, a netip.Addr) sqlstore.Insert {
	return sqlstore.Insert{
		Family: sqlstore.IPv4, Key: key(client), Addr: a, PrefixLen: 32, SubnetID: 1, PoolID: 1, PoolGen: 1, ValidLft: 3600, OfferLft: 60,
		Client: sqlstore.Client{HWAddr: fmt.Appendf(nil, "%06d", client), HWType: 1, HWSource: 1},
	}
}

// place inserts offered rows of clients 1 to n with the addresses 1 to n.
func place(t *testing.T, s *postgres.Store, n int) {
	t.Helper()
	b := &sqlstore.Batch{}
	for i := 1; i <= n; i++ {
		b.Inserts = append(b.Inserts, offer(i, addr(byte(i))))
	}
	res, err := s.Apply(t.Context(), b)
	require.NoError(t, err)
	for i := range res.Inserts {
		require.Equal(t, sqlstore.Inserted, res.Inserts[i].Status)
	}
}

func change(action sqlstore.Action, client int) sqlstore.Update {
	return sqlstore.Update{
		Family: sqlstore.IPv4, Action: action, Key: key(client), Addr: addr(byte(client)), Message: client, Count: 1,
		ValidLft: 3600, OfferLft: 60, Grace: 60,
	}
}

// onUpdate makes every change of lease4 run the given PL/pgSQL.
func onUpdate(t *testing.T, c *pgx.Conn, body string) {
	t.Helper()
	_, err := c.Exec(t.Context(), "CREATE FUNCTION trouble() RETURNS trigger LANGUAGE plpgsql AS $$BEGIN "+body+"; RETURN new; END$$")
	require.NoError(t, err)
	_, err = c.Exec(t.Context(), "CREATE TRIGGER trouble BEFORE UPDATE ON lease4 FOR EACH ROW EXECUTE FUNCTION trouble()")
	require.NoError(t, err)
}

// INV-2: a batch over its deadline is given up, and not cancelled: a cancel
// request would end the wait for a synchronous standby.
func TestDeadlineSendsNoCancel(t *testing.T) {
	url := storetest.Migrated(t, "postgres")
	s, c := open(t, url, 500*time.Millisecond), connect(t, url, nil)
	place(t, s, 1)
	onUpdate(t, c, "PERFORM pg_sleep(6)")
	started := time.Now()
	_, err := s.Apply(t.Context(), &sqlstore.Batch{Updates: []sqlstore.Update{change(sqlstore.Activate, 1)}})
	require.ErrorIs(t, err, sqlstore.ErrUnavailable)
	require.Less(t, time.Since(started), 5*time.Second)
	time.Sleep(time.Until(started.Add(2500 * time.Millisecond)))
	var running int
	require.NoError(t, c.QueryRow(t.Context(), `SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()
	  AND application_name = 'rowlock' AND state = 'active' AND wait_event = 'PgSleep'`).Scan(&running))
	require.Equal(t, 1, running, "the statement was cancelled")
	// what was given up was committed all the same
	require.Eventually(t, func() bool {
		var state int
		return c.QueryRow(t.Context(), "SELECT state FROM lease4").Scan(&state) == nil && state == int(sqlstore.Active)
	}, 20*time.Second, 100*time.Millisecond)
}

// INV-2: a commit that was not replicated, although it should have been, is an
// unknown outcome.
func TestUnreplicatedCommit(t *testing.T) {
	url := storetest.Migrated(t, "postgres")
	s, c := open(t, url, 0), connect(t, url, nil)
	place(t, s, 1)
	onUpdate(t, c, "RAISE WARNING 'canceling wait for synchronous replication due to user request'")
	_, err := s.Apply(t.Context(), &sqlstore.Batch{Updates: []sqlstore.Update{change(sqlstore.Activate, 1)}})
	require.ErrorIs(t, err, sqlstore.ErrUnavailable)
	_, err = c.Exec(t.Context(), "DROP TRIGGER trouble ON lease4")
	require.NoError(t, err)
	for range 10 {
		res, err := s.Apply(t.Context(), &sqlstore.Batch{Updates: []sqlstore.Update{change(sqlstore.Activate, 1)}})
		require.NoError(t, err, "the note outlived its batch")
		require.Equal(t, sqlstore.Updated, res.Updates[0].Status)
	}
}

// A connection that the deadline closed is not used again, also when the batch
// ended at the same moment and saw nothing of it.
func TestDeadlineAfterTheEnd(t *testing.T) {
	url := storetest.Migrated(t, "postgres")
	s := open(t, url, 200*time.Millisecond)
	require.NoError(t, s.OnLane(t.Context(), func(context.Context, *pgx.Conn) error {
		time.Sleep(300 * time.Millisecond)
		return nil
	}))
	require.NoError(t, s.OnLane(t.Context(), func(ctx context.Context, c *pgx.Conn) error { return c.Ping(ctx) }))

	short := open(t, url, 3*time.Millisecond)
	for range 100 {
		err := short.OnLane(t.Context(), func(context.Context, *pgx.Conn) error {
			time.Sleep(3 * time.Millisecond)
			return nil
		})
		require.True(t, err == nil || errors.Is(err, sqlstore.ErrUnavailable), err)
	}
}
