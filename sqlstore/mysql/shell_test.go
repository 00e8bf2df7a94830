package mysql_test

import (
	"context"
	"database/sql"
	"fmt"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"rowlock/sqlstore"
	"rowlock/sqlstore/mysql"
	"rowlock/sqlstore/storetest"
)

var families = []sqlstore.Family{sqlstore.IPv4, sqlstore.IPv6}

// onEach runs a test on each flavour of the server, side by side.
func onEach(t *testing.T, test func(t *testing.T, flavour string)) {
	t.Helper()
	for _, flavour := range []string{"mariadb", "mysql"} {
		t.Run(flavour, func(t *testing.T) {
			t.Parallel()
			test(t, flavour)
		})
	}
}

// shell is a connection with the settings of a lane.
type shell struct {
	*sql.Conn
	mariadb bool
}

// newShell is a shell on a database with the newest schema.
func newShell(t *testing.T, flavour string) *shell {
	t.Helper()
	return shellOn(t, storetest.Migrated(t, flavour))
}

func shellOn(t *testing.T, url string) *shell {
	t.Helper()
	dsn, err := mysql.DSN(url)
	require.NoError(t, err)
	db, err := sql.Open("mysql", dsn)
	require.NoError(t, err)
	t.Cleanup(func() { _ = db.Close() })
	c, err := db.Conn(t.Context())
	require.NoError(t, err)
	s := &shell{Conn: c}
	s.mariadb = strings.Contains(s.column(t, "SELECT VERSION()")[0], "MariaDB")
	set, variables, err := mysql.LaneSettings(s.mariadb)
	require.NoError(t, err)
	for k, v := range set {
		s.exec(t, "SET %s = %s", k, v)
	}
	s.exec(t, "%s", variables)
	return s
}

func (s *shell) exec(t *testing.T, format string, args ...any) {
	t.Helper()
	_, err := s.ExecContext(context.WithoutCancel(t.Context()), fmt.Sprintf(format, args...))
	require.NoError(t, err)
}

// rows returns what a query finds, by column names; NULL is "".
func (s *shell) rows(t *testing.T, statement string) (names []string, out [][]string) {
	t.Helper()
	rows, err := s.QueryContext(t.Context(), statement)
	require.NoError(t, err, statement)
	defer func() { require.NoError(t, rows.Close()) }()
	names, err = rows.Columns()
	require.NoError(t, err)
	for rows.Next() {
		cells, dest := make([]sql.NullString, len(names)), make([]any, len(names))
		for i := range cells {
			dest[i] = &cells[i]
		}
		require.NoError(t, rows.Scan(dest...))
		row := make([]string, len(names))
		for i, c := range cells {
			row[i] = c.String
		}
		out = append(out, row)
	}
	require.NoError(t, rows.Err())
	return names, out
}

// column returns the first values of the rows that a query finds.
func (s *shell) column(t *testing.T, format string, args ...any) (out []string) {
	t.Helper()
	_, rows := s.rows(t, fmt.Sprintf(format, args...))
	for _, r := range rows {
		out = append(out, r[0])
	}
	return out
}

func (s *shell) number(t *testing.T, format string, args ...any) int {
	t.Helper()
	n, err := strconv.Atoi(s.column(t, format, args...)[0])
	require.NoError(t, err)
	return n
}
