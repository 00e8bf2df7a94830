package mysql_test

import (
	"database/sql"
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"rowlock/sqlstore"
	"rowlock/sqlstore/mysql"
)

// fill adds leases of 50 pools, two thirds of them dead, and lets the server
// look at what there is.
func (s *shell) fill(t *testing.T, f sqlstore.Family, from, to int) {
	t.Helper()
	extra, value, prefix := "", "", "C000"
	if f == sqlstore.IPv6 {
		extra, value, prefix = ", prefix_len, iaid, preferred_lft", ", 128, 1, 1800", "20010DB80000000000000000FFFF"
	}
	for from < to {
		n := min(1000, to-from)
		s.exec(t, `INSERT INTO lease%d (binding_key, vrf, addr, subnet_id, pool_id, pool_gen, state, valid_lft, since, expires_at, reclaim_at, rev%s)
		  SELECT UNHEX(CONCAT('0000000102', LPAD(HEX(i), 8, '0'))), 0, UNHEX(CONCAT('%s', LPAD(HEX(i), 4, '0'))), 1, 1 + i %% 50, 1, 2 + i %% 3, 3600,
		         UTC_TIMESTAMP(6), UTC_TIMESTAMP(6) + INTERVAL 1 HOUR, IF(i %% 3 > 0, UTC_TIMESTAMP(6) - INTERVAL 1 MINUTE, NULL), i%s
		    FROM (WITH RECURSIVE k AS (SELECT %d AS i UNION ALL SELECT i + 1 FROM k WHERE i < %d) SELECT i FROM k) n`,
			f, extra, prefix, value, from+1, from+n)
		from += n
	}
	s.analyze(t, f)
}

// analyze lets the server look at what there is.
func (s *shell) analyze(t *testing.T, f sqlstore.Family) {
	t.Helper()
	s.rows(t, fmt.Sprintf("ANALYZE TABLE lease%d, addr_free, addr_chunk, pool_cursor, frontend", f))
	s.exec(t, "SET @now = UTC_TIMESTAMP(6)")
}

// access is how a statement finds the rows of one table.
type access struct{ table, kind, key string }

// plan returns how the statement reaches the lease table, in the order of its
// joins.
func (s *shell) plan(t *testing.T, statement string) (order []string, leases []access) {
	t.Helper()
	for range strings.Count(statement, "?") {
		statement = strings.Replace(statement, "?", "'1'", 1)
	}
	for _, number := range []string{"LIMIT ", "OFFSET "} {
		statement = strings.ReplaceAll(statement, number+"'1'", number+"100")
	}
	statement = strings.ReplaceAll(statement, "JSON_TABLE('1'", "JSON_TABLE(@items")
	statement = strings.ReplaceAll(statement, "<= UNHEX('1')", "<= UNHEX('FF')")
	statement = strings.ReplaceAll(statement, "> UNHEX('1')", "> UNHEX('00')")
	statement = strings.ReplaceAll(statement, "l.vrf > '1' OR (l.vrf = '1'", "l.vrf > 0 OR (l.vrf = 0")
	statement = strings.ReplaceAll(statement, "l.vrf >= '1'", "l.vrf >= 0")
	explain := "EXPLAIN FORMAT = TRADITIONAL "
	if s.mariadb {
		explain = "EXPLAIN "
	}
	rows, err := s.QueryContext(t.Context(), explain+statement)
	require.NoError(t, err, statement)
	defer func() { require.NoError(t, rows.Close()) }()
	columns, err := rows.Columns()
	require.NoError(t, err)
	for rows.Next() {
		cells, dest := make([]sql.NullString, len(columns)), make([]any, len(columns))
		for i := range cells {
			dest[i] = &cells[i]
		}
		require.NoError(t, rows.Scan(dest...))
		row := map[string]string{}
		for i, name := range columns {
			row[name] = cells[i].String
		}
		order = append(order, fmt.Sprint(row))
		switch row["table"] {
		case "l", "own", "a", "b":
			leases = append(leases, access{row["table"], row["type"], row["key"]})
		}
	}
	require.NoError(t, rows.Err())
	return order, leases
}

// The lanes find rows by the primary key, an item at a time and in the order of
// the items, whatever the size of the tables and what the optimizer knows of
// them; so do those who sweep large ones.
func TestPlans(t *testing.T) {
	onEach(t, func(t *testing.T, flavour string) {
		s := newShell(t, flavour)
		_, statements, err := mysql.QueryNames(s.mariadb)
		require.NoError(t, err)
		hot := append(mysql.LaneStatements(), "lease_exists", "lease_dead_offers", "lease_dead", "lease_delete")
		was := 0
		for _, size := range []int{0, 100, 20000} {
			for _, f := range families {
				s.fill(t, f, was, size)
				for _, name := range hot {
					if strings.HasPrefix(name, "lane_") {
						continue
					}
					got, leases := s.plan(t, statements[f][name])
					require.NotEmpty(t, leases, "%s at %d rows:\n%s", name, size, strings.Join(got, "\n"))
					for _, a := range leases {
						require.Equal(t, "PRIMARY", a.key, "%s of %s at %d rows:\n%s", name, f, size, strings.Join(got, "\n"))
						require.Contains(t, []string{"eq_ref", "ref", "const"}, a.kind, "%s at %d rows:\n%s", name, size, strings.Join(got, "\n"))
					}
					require.NotContains(t, strings.ToLower(strings.Join(got, " ")), "join buffer", "%s at %d rows: locks would be taken in another order", name, size)
				}
				if size == 0 {
					continue // there is nothing to choose from
				}
				for name, index := range map[string]string{
					"lease_last": "PRIMARY", "lease_due": "PRIMARY", "lease_reclaimable": "_reclaim", "lease_forgettable": "_reclaim", "lease_list": "_addr",
				} {
					if index != "PRIMARY" {
						index = fmt.Sprintf("lease%d%s", f, index)
					}
					got, leases := s.plan(t, statements[f][name])
					require.Len(t, leases, 1, "%s at %d rows:\n%s", name, size, strings.Join(got, "\n"))
					require.Equal(t, index, leases[0].key, "%s at %d rows:\n%s", name, size, strings.Join(got, "\n"))
					require.NotEqual(t, "ALL", leases[0].kind)
				}
			}
			was = size
		}
	})
}

// Every statement is one that the server takes on the newest schema.
func TestQueriesPrepare(t *testing.T) {
	onEach(t, func(t *testing.T, flavour string) {
		s := newShell(t, flavour)
		common, lease, err := mysql.QueryNames(s.mariadb)
		require.NoError(t, err)
		require.Greater(t, len(common), 30)
		for name, text := range common {
			if strings.Contains(text, "$1") || strings.HasPrefix(name, "migrate_") || strings.HasPrefix(name, "tx_") {
				continue
			}
			s.prepare(t, name, text)
		}
		require.Len(t, lease[sqlstore.IPv4], len(lease[sqlstore.IPv6]))
		for f, set := range lease {
			for name, text := range set {
				require.NotRegexp(t, `\$[a-z]`, text, "%s of %s", name, f)
				require.NotContains(t, text, "--", "%s of %s", name, f)
				s.prepare(t, name, text)
			}
		}
		require.NotContains(t, lease[sqlstore.IPv6]["lease_update"], "lease4")
		require.NotContains(t, lease[sqlstore.IPv4]["lease_update"], "preferred")
	})
}

func (s *shell) prepare(t *testing.T, name, text string) {
	t.Helper()
	st, err := s.PrepareContext(t.Context(), text)
	require.NoError(t, err, "%s:\n%s", name, text)
	require.NoError(t, st.Close())
}
