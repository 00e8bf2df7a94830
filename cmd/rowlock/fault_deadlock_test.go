package main

import (
	"context"
	"database/sql"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"rowlock/cmd/rowperf/load"
	"rowlock/sqlstore"
)

// Somebody writes rows of clients in the opposite order, in a transaction of
// their own: the server ends that of the lane, which is repeated, and the
// clients are answered.
func (l *faultLab) deadlock(t *testing.T) {
	name := l.site(t, 10)
	k, s := l.linked(t, name)
	const clients = 30
	s.serves("10.20.0.1", clients)
	var keys []sqlstore.Key
	for key := range active(t, l.db.URL(name)) {
		keys = append(keys, key)
	}
	slices.Sort(keys)
	other := l.admin(t, name)
	runAll(t, other, "CREATE TABLE saved AS SELECT * FROM lease4")
	half := fmt.Sprintf("x'%x'", string(keys[clients/2]))
	insert, skip := "INSERT IGNORE", ""
	if l.dialect == "postgres" {
		half, insert, skip = fmt.Sprintf("'\\x%x'", string(keys[clients/2])), "INSERT", " ON CONFLICT DO NOTHING"
	}
	rows := func(which string) string {
		return insert + " INTO lease4 SELECT * FROM saved WHERE binding_key " + which + " " + half + " ORDER BY binding_key" + skip
	}
	watch := l.admin(t, name)
	o := s.clients("10.20.0.1", clients)
	o.Outstanding, o.Tries, o.Timeout = clients, 8, 500*time.Millisecond
	for try := 1; ; try++ {
		runAll(t, other, "DELETE FROM lease4", "BEGIN")
		if l.dialect == "postgres" {
			runAll(t, other, "SET LOCAL deadlock_timeout = '20s'") // so that the lane finds it
		}
		runAll(t, other, rows(">=")) // half of them: InnoDB ends the transaction that did less
		before := s.metric("rowlock_sqlstore_retries_total", `cause="transient"`)
		k.set(func() { k.delay = 100 * time.Millisecond }) // so that clients gather in a batch
		done := make(chan *load.Result, 1)
		go func() {
			r, err := load.Run(context.WithoutCancel(t.Context()), o)
			if err == nil {
				done <- r
			}
			close(done)
		}()
		eventually(t, "the lane does not wait", func() bool { return l.waits(t, watch) })
		// the server may choose to end this one, and then there is a next try
		if _, err := other.ExecContext(t.Context(), rows("<")); err != nil {
			require.ErrorContains(t, err, "eadlock")
		}
		runAll(t, other, "ROLLBACK")
		k.set(func() { k.delay = 0 })
		r := <-done
		require.NotNil(t, r)
		require.Equal(t, clients, r.Completed, "%v", r.Failures)
		retries, found := s.metric("rowlock_sqlstore_retries_total", `cause="transient"`)-before, l.deadlocks(t, watch)
		if found > 0 && retries > 0 {
			t.Logf("%d deadlocks, %.0f batches repeated, at try %d", found, retries, try)
			break
		}
		require.Less(t, try, 8, "no deadlock")
	}
	require.Zero(t, s.metric("rowlock_sqlstore_data_errors_total", ""))
	require.Zero(t, s.end())
}

// waits tells whether a transaction waits for a lock.
func (l *faultLab) waits(t *testing.T, c *sql.Conn) bool {
	t.Helper()
	query := map[string]string{
		"postgres": "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'",
		"mariadb":  "SELECT count(*) FROM information_schema.innodb_trx WHERE trx_state = 'LOCK WAIT'",
		// innodb_trx would do, but for statements that are no text: MySQL refuses to show them
		"mysql": "SELECT count(*) FROM performance_schema.data_lock_waits",
	}[l.dialect]
	if l.dialect == "mariadb" {
		time.Sleep(150 * time.Millisecond) // InnoDB shows the same again to who asks sooner
	}
	var n int
	require.NoError(t, c.QueryRowContext(t.Context(), query).Scan(&n))
	return n > 0
}

// deadlocks is how many the server has counted.
func (l *faultLab) deadlocks(t *testing.T, c *sql.Conn) (n int) {
	t.Helper()
	query := map[string]string{
		"postgres": "SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()",
		"mariadb":  "SELECT variable_value FROM information_schema.global_status WHERE variable_name = 'Innodb_deadlocks'",
		"mysql":    "SELECT count FROM information_schema.innodb_metrics WHERE name = 'lock_deadlocks'",
	}[l.dialect]
	require.NoError(t, c.QueryRowContext(t.Context(), query).Scan(&n))
	return n
}
