package mysql_test

import (
	"context"
	"database/sql"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"rowlock/sqlstore"
	"rowlock/sqlstore/mysql"
	"rowlock/sqlstore/storetest"
)

const strict = "STRICT_ALL_TABLES,NO_ZERO_IN_DATE,NO_ZERO_DATE,ERROR_FOR_DIVISION_BY_ZERO,NO_ENGINE_SUBSTITUTION"

// wanted are the settings of a connection, by the name of the pool.
func wanted(pool string, mariadb bool) map[string]string {
	set := map[string]string{
		"sql_mode": strict, "time_zone": "+00:00", "autocommit": "1", "unique_checks": "1", "foreign_key_checks": "1", "completion_type": "NO_CHAIN",
		"sql_safe_updates": "0", "sql_select_limit": "18446744073709551615", "sql_big_selects": "1", "lock_wait_timeout": "5", "innodb_lock_wait_timeout": "5",
		"character_set_client": "utf8mb4", "character_set_connection": "utf8mb4", "character_set_results": "utf8mb4", "collation_connection": "utf8mb4_bin",
	}
	isolation := "transaction_isolation"
	if mariadb {
		isolation = "tx_isolation"
	}
	set[isolation] = "READ-COMMITTED"
	if pool != "migrator" { // which does not ask what the server is
		if mariadb {
			set["max_statement_time"], set["idle_transaction_timeout"] = "0", "5"
		} else {
			set["max_execution_time"] = "0"
		}
	}
	if pool == "offers" || pool == "commits" {
		set["innodb_lock_wait_timeout"] = "1"
	}
	return set
}

// settings reads those settings from a connection, and its number.
func settings(t *testing.T, pool *sql.DB, names map[string]string) (id int64, have map[string]string) {
	t.Helper()
	c, err := pool.Conn(t.Context())
	require.NoError(t, err)
	defer func() { require.NoError(t, c.Close()) }()
	require.NoError(t, c.QueryRowContext(t.Context(), "SELECT CONNECTION_ID()").Scan(&id))
	have = map[string]string{}
	for name := range names {
		var v string
		require.NoError(t, c.QueryRowContext(t.Context(), "SELECT @@SESSION."+name).Scan(&v), name)
		have[name] = v
	}
	return id, have
}

// Every connection of every pool has the settings that the statements depend
// on, those too that take the place of one that the server has ended.
func TestSettings(t *testing.T) {
	onEach(t, func(t *testing.T, flavour string) {
		url := storetest.Migrated(t, flavour)
		admin := shellOn(t, url)
		s, err := mysql.Open(t.Context(), url, mysql.Options{})
		require.NoError(t, err)
		t.Cleanup(func() { _ = s.Close() })
		m := migrator(t, url)
		pools := s.Pools()
		pools["migrator"] = mysql.MigratorPool(m)
		for name, pool := range pools {
			want := wanted(name, admin.mariadb)
			id, have := settings(t, pool, want)
			require.Equal(t, want, have, name)
			admin.exec(t, "KILL %d", id)
			gone := fmt.Sprintf("SELECT COUNT(*) FROM information_schema.processlist WHERE id = %d", id)
			require.Eventually(t, func() bool { return admin.number(t, "%s", gone) == 0 }, 10*time.Second, 10*time.Millisecond)
			again, have := settings(t, pool, want)
			require.NotEqual(t, id, again, "the connection is a new one")
			require.Equal(t, want, have, name)
		}
		usable(t, s)
	})
}

// No setting is left to the server: DEFAULT is what the server was set to. The
// character set is set after init_connect, which may have changed it.
func TestSettingsLeaveNothingToTheServer(t *testing.T) {
	for _, mariadb := range []bool{false, true} {
		set, _, err := mysql.LaneSettings(mariadb)
		require.NoError(t, err)
		for name, value := range set {
			require.NotContains(t, strings.ToUpper(value), "DEFAULT", name)
		}
	}
}

// usable tells whether the lanes have what they prepare.
func usable(t *testing.T, s *mysql.Store) {
	t.Helper()
	for _, f := range families {
		due := sqlstore.Update{Family: f, Action: sqlstore.Expire, Key: sqlstore.ClientKey(1, sqlstore.KeyClientID, []byte{1}), Message: 0, Count: 1}
		res, err := s.Apply(context.WithoutCancel(t.Context()), &sqlstore.Batch{Updates: []sqlstore.Update{due}})
		require.NoError(t, err)
		require.Equal(t, sqlstore.NoRow, res.Updates[0].Status)
	}
}

// A data source name for tools has the settings as well.
func TestSettingsOfDSN(t *testing.T) {
	onEach(t, func(t *testing.T, flavour string) {
		s := shellOn(t, storetest.URL(t, flavour))
		require.Equal(t, strict, s.column(t, "SELECT @@SESSION.sql_mode")[0])
		require.Equal(t, "+00:00", s.column(t, "SELECT @@SESSION.time_zone")[0])
	})
}

// The store is of the flavour that the server is, whatever the URL says.
func TestFlavour(t *testing.T) {
	onEach(t, func(t *testing.T, flavour string) {
		url := storetest.URL(t, flavour)
		for _, scheme := range []string{"mysql", "mariadb"} {
			_, rest, _ := strings.Cut(url, ":")
			s, err := mysql.Open(t.Context(), scheme+":"+rest, mysql.Options{})
			require.NoError(t, err)
			require.Equal(t, flavour, s.Dialect())
			require.Contains(t, strings.ToLower(s.Version()), flavour+" ")
			require.NoError(t, s.Close())
		}
	})
}
