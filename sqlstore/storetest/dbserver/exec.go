package dbserver

import (
	"context"
	"database/sql"
	"strings"

	"github.com/stretchr/testify/require"

	_ "rowlock/sqlstore/dialects" // their drivers of database/sql
)

// Exec runs statements as the administrator, each for itself. The database is
// "postgres" or one of those that were made; for MySQL it may be "".
func (s *Server) Exec(database string, statements ...string) {
	s.t.Helper()
	driver, source := "mysql", User+"@unix("+s.Socket+")/"+database
	if s.Dialect == "postgres" {
		driver, source = "pgx", s.URL(database)
	}
	db, err := sql.Open(driver, source)
	require.NoError(s.t, err)
	defer func() { _ = db.Close() }()
	for _, statement := range statements {
		_, err := db.ExecContext(context.WithoutCancel(s.t.Context()), statement)
		require.NoError(s.t, err, strings.TrimSpace(statement))
	}
}
