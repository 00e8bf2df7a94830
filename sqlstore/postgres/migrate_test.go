package postgres_test

import (
	"errors"
	"net/url"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"rowlock/sqlstore"
	"rowlock/sqlstore/postgres"
	"rowlock/sqlstore/storetest"
)

func migrator(t *testing.T, url string) sqlstore.Migrator {
	t.Helper()
	m, err := postgres.NewMigrator(url, nil)
	require.NoError(t, err)
	t.Cleanup(func() { _ = m.Close() })
	return m
}

// One migration at a time, and a reader of the lock's table waits for none.
func TestMigrationLock(t *testing.T) {
	url := storetest.URL(t, "postgres")
	c := connect(t, url, nil)
	var inside atomic.Int32
	done := make(chan error, 4)
	for range cap(done) {
		m := migrator(t, url)
		go func() {
			done <- postgres.Locked(t.Context(), m, func() error {
				defer inside.Add(-1)
				if inside.Add(1) != 1 {
					return errors.New("two at a time")
				}
				time.Sleep(100 * time.Millisecond)
				return nil
			})
		}()
	}
	for range cap(done) {
		require.NoError(t, <-done)
	}
	require.NoError(t, postgres.Locked(t.Context(), migrator(t, url), func() error {
		require.Equal(t, 1, number(t, c, "SELECT count(*) FROM pg_locks WHERE relation = 'rowlock_migration_lock'::regclass AND mode = 'RowShareLock'"))
		run(t, c, "SELECT id FROM rowlock_migration_lock FOR KEY SHARE SKIP LOCKED") // a table lock would hold this up
		return nil
	}))
}

// The server's limit for idle transactions does not take the lock away.
func TestMigrationLockOutlastsIdleLimit(t *testing.T) {
	url := storetest.URL(t, "postgres")
	c := connect(t, url, nil)
	run(t, c, "DO $$BEGIN EXECUTE format('ALTER DATABASE %I SET idle_in_transaction_session_timeout = ''200ms''', current_database()); END$$")
	require.NoError(t, postgres.Locked(t.Context(), migrator(t, url), func() error {
		time.Sleep(600 * time.Millisecond)
		return nil
	}))
}

// Whoever lost the lock does not say that all is well, nor hide why it failed.
func TestMigrationLockLost(t *testing.T) {
	url := storetest.URL(t, "postgres")
	c := connect(t, url, nil)
	m := migrator(t, url)
	end := "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND state = 'idle in transaction'"
	err := postgres.Locked(t.Context(), m, func() error {
		run(t, c, end)
		return nil
	})
	require.ErrorIs(t, err, sqlstore.ErrUnavailable)
	reason := errors.New("migration failed")
	err = postgres.Locked(t.Context(), m, func() error {
		run(t, c, end)
		return reason
	})
	require.ErrorIs(t, err, sqlstore.ErrUnavailable)
	require.ErrorIs(t, err, reason)
	_, err = m.Up(t.Context())
	require.NoError(t, err, "the next one has the lock")
}

// Tables in a schema that the user may not look into seem not to be there:
// that is a privilege to be granted, and no schema to be made.
func TestSchemaHidden(t *testing.T) {
	owner := storetest.Migrated(t, "postgres")
	login := storetest.Login(t, owner, sqlstore.RoleFrontend)
	u, err := url.Parse(login)
	require.NoError(t, err)
	c := connect(t, owner, nil)
	run(t, c, "REVOKE USAGE ON SCHEMA public FROM PUBLIC, "+u.User.Username())
	s := storetest.Open(t, login)
	err = s.CheckSchema(t.Context())
	require.ErrorIs(t, err, sqlstore.ErrDenied)
	require.ErrorContains(t, err, `USAGE on schema "public"`)
	run(t, c, "GRANT USAGE ON SCHEMA public TO "+u.User.Username())
	require.NoError(t, s.CheckSchema(t.Context()))
}
