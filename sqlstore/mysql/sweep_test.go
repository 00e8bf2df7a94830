package mysql_test

import (
	"fmt"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"rowlock/sqlstore/mysql"
	"rowlock/sqlstore/storetest"
)

// Forgetting passes through all pools, deletes what is over and nothing else,
// and no more than it was told to.
func TestForgetOfManyPools(t *testing.T) {
	onEach(t, func(t *testing.T, flavour string) {
		url := storetest.Migrated(t, flavour)
		s, c := storetest.Open(t, url), shellOn(t, url)
		for _, f := range families {
			table := fmt.Sprintf("lease%d", f)
			c.fill(t, f, 0, 1500) // 30 rows of each of 50 pools: 10 active, 10 expired and 10 released, dead for a minute
			c.exec(t, "UPDATE %s SET state = 5 WHERE pool_id = 50 AND state = 4", table)
			c.exec(t, "UPDATE %s SET reclaim_at = UTC_TIMESTAMP(6) + INTERVAL 1 HOUR WHERE pool_id = 49 AND state <> 2", table)
			c.exec(t, "DELETE FROM addr_free")
			n, err := s.Forget(t.Context(), f, 3600, 10000)
			require.NoError(t, err)
			require.Equal(t, 10, n, "those whose affinity does not matter")
			n, err = s.Forget(t.Context(), f, 0, 700)
			require.NoError(t, err)
			require.Equal(t, 700, n)
			n, err = s.Forget(t.Context(), f, 0, 10000)
			require.NoError(t, err)
			require.Equal(t, 48*20+10-700, n)
			require.Equal(t, 500+20, c.number(t, "SELECT COUNT(*) FROM %s", table))
			require.Equal(t, 48*20+20, c.number(t, "SELECT COUNT(*) FROM addr_free"))
			n, err = s.Forget(t.Context(), f, 0, 10000)
			require.NoError(t, err)
			require.Zero(t, n)
		}
	})
}

// What is looked at are dead rows: live ones, which are most, cost nothing.
func TestForgetReadsDeadRowsOnly(t *testing.T) {
	onEach(t, func(t *testing.T, flavour string) {
		c := newShell(t, flavour)
		_, statements, err := mysql.QueryNames(c.mariadb)
		require.NoError(t, err)
		for _, f := range families {
			c.fill(t, f, 0, 15000)
			c.exec(t, "UPDATE lease%d SET state = 2, reclaim_at = NULL WHERE rev > 150", f) // 50 pools with 2 dead rows and 298 others
			c.analyze(t, f)
			before := c.reads(t)
			require.Len(t, c.column(t, "%s", statements[f]["lease_dying"]), 50)
			require.Less(t, c.reads(t)-before, 50*8, "entries of the index")
			before = c.reads(t)
			require.Len(t, c.column(t, "%s", withArguments(statements[f]["lease_forgettable"], "7", "0", "100")), 2)
			require.Less(t, c.reads(t)-before, 8, "entries of the index")
		}
	})
}

// withArguments fills in the parameters of a statement.
func withArguments(statement string, args ...string) string {
	for _, a := range args {
		statement = strings.Replace(statement, "?", a, 1)
	}
	return statement
}

// reads returns how many rows and index entries the session has read.
func (s *shell) reads(t *testing.T) (n int) {
	t.Helper()
	_, rows := s.rows(t, "SHOW SESSION STATUS LIKE 'Handler_read%'")
	for _, r := range rows {
		count, err := strconv.Atoi(r[1])
		require.NoError(t, err)
		n += count
	}
	return n
}
