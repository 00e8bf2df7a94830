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

// Rows of before get the vrf of their link.
func TestMigrationKeepsRows(t *testing.T) {
	onEach(t, func(t *testing.T, flavour string) {
		url := storetest.Migrated(t, flavour)
		s, m := shellOn(t, url), migrator(t, url)
		_, err := m.Down(t.Context())
		require.NoError(t, err)
		s.exec(t, "INSERT INTO link (id, vrf) VALUES (1, 7), (2, 0)")
		s.exec(t, "INSERT INTO subnet (id, link_id, prefix) VALUES (1, 1, '192.0.2.0/24'), (2, 2, '192.0.2.0/24')")
		s.exec(t, "INSERT INTO subnet_relay (subnet_id, addr) VALUES (1, '192.0.2.1'), (2, '192.0.2.1')")
		s.exec(t, "INSERT INTO pool (id, subnet_id, kind, first_addr, last_addr, delegated_len) VALUES (1, 1, 1, '192.0.2.9', '192.0.2.9', 32)")
		s.exec(t, "INSERT INTO pool_gen (pool_id, gen, first_addr, last_addr, delegated_len) VALUES (1, 1, '192.0.2.9', '192.0.2.9', 32)")
		_, err = m.Up(t.Context())
		require.NoError(t, err)
		for _, table := range []string{"subnet", "subnet_relay"} {
			require.Equal(t, []string{"7", "0"}, s.column(t, "SELECT vrf FROM %s ORDER BY 1 DESC", table), table)
		}
		require.Equal(t, []string{"7"}, s.column(t, "SELECT vrf FROM pool_gen"))
	})
}
