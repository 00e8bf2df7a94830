package mysql_test

import (
	"context"
	"errors"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"rowlock/sqlstore"
	"rowlock/sqlstore/mysql"
	"rowlock/sqlstore/storetest"
)

func migrator(t *testing.T, url string) sqlstore.Migrator {
	t.Helper()
	m, err := mysql.NewMigrator(url, nil)
	require.NoError(t, err)
	t.Cleanup(func() { _ = m.Close() })
	return m
}

// One migration at a time.
func TestMigrationLock(t *testing.T) {
	onEach(t, func(t *testing.T, flavour string) {
		url := storetest.URL(t, flavour)
		var inside atomic.Int32
		done := make(chan error, 4)
		for range cap(done) {
			m := migrator(t, url)
			go func() {
				done <- mysql.Locked(t.Context(), m, func() error {
					defer inside.Add(-1)
					if inside.Add(1) != 1 {
						return errors.New("two at a time")
					}
					time.Sleep(50 * time.Millisecond)
					return nil
				})
			}()
		}
		for range cap(done) {
			require.NoError(t, <-done)
		}
	})
}

// Whoever comes second waits for as long as the first one takes, beyond the
// time that the server lets one wait for a lock.
func TestMigrationLockIsWaitedFor(t *testing.T) {
	onEach(t, func(t *testing.T, flavour string) {
		url := storetest.URL(t, flavour)
		first, second := migrator(t, url), migrator(t, url)
		held, done := make(chan struct{}), make(chan error, 1)
		var ended atomic.Bool
		go func() {
			done <- mysql.Locked(t.Context(), first, func() error {
				close(held)
				time.Sleep(6 * time.Second)
				ended.Store(true)
				return nil
			})
		}()
		<-held
		require.NoError(t, mysql.Locked(t.Context(), second, func() error {
			if !ended.Load() {
				return errors.New("two at a time")
			}
			return nil
		}))
		require.NoError(t, <-done)
	})
}

// Somebody who gives up does not wait on.
func TestMigrationLockGivenUp(t *testing.T) {
	onEach(t, func(t *testing.T, flavour string) {
		url := storetest.URL(t, flavour)
		second := migrator(t, url)
		require.NoError(t, mysql.Locked(t.Context(), migrator(t, url), func() error {
			ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
			defer cancel()
			err := mysql.Locked(ctx, second, func() error { return errors.New("two at a time") })
			require.ErrorIs(t, err, context.DeadlineExceeded)
			return nil
		}))
	})
}

// Whoever lost the lock does not say that all is well, nor hide why it failed.
func TestMigrationLockLost(t *testing.T) {
	onEach(t, func(t *testing.T, flavour string) {
		url := storetest.URL(t, flavour)
		s := shellOn(t, url)
		m := migrator(t, url)
		lose := func() {
			for _, id := range s.column(t, "SELECT trx_mysql_thread_id FROM information_schema.innodb_trx JOIN information_schema.processlist ON id = trx_mysql_thread_id WHERE db = DATABASE() AND id <> CONNECTION_ID()") {
				s.exec(t, "KILL %s", id)
			}
		}
		err := mysql.Locked(t.Context(), m, func() error { lose(); return nil })
		require.ErrorIs(t, err, sqlstore.ErrUnavailable)
		reason := errors.New("migration failed")
		err = mysql.Locked(t.Context(), m, func() error { lose(); return reason })
		require.ErrorIs(t, err, sqlstore.ErrUnavailable)
		require.ErrorIs(t, err, reason)
		_, err = m.Up(t.Context())
		require.NoError(t, err, "the next one has the lock")
	})
}
