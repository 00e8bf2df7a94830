package main

import (
	"bytes"
	"database/sql"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"rowlock/sqlstore/storetest"
)

// A schema that a newer program made is told, not taken for up to date.
func TestMigrateTellsNewerSchema(t *testing.T) {
	url := storetest.Migrated(t, "sqlite")
	migrate := func(what string) (code int, stdout, stderr string) {
		var out, err bytes.Buffer
		p := testProgram(map[string]string{"HOME": t.TempDir(), "ROWLOCK_CONFIG": writeFile(t, "frontend_id: fe1\n")})
		p.stdout, p.stderr = &out, &err
		code = p.run(t.Context(), []string{"migrate", what, "--database", url})
		return code, out.String(), err.String()
	}
	code, stdout, _ := migrate("up")
	require.Zero(t, code)
	require.Contains(t, stdout, "up to date")

	db, err := sql.Open("sqlite", strings.TrimPrefix(url, "sqlite:"))
	require.NoError(t, err)
	_, err = db.ExecContext(t.Context(), "INSERT INTO goose_db_version (version_id, is_applied) VALUES (9999, 1)")
	require.NoError(t, err)
	require.NoError(t, db.Close())
	for _, what := range []string{"up", "status"} {
		code, stdout, stderr := migrate(what)
		require.Equal(t, exitFailed, code, what)
		require.NotContains(t, stdout, "up to date", what)
		require.Contains(t, stderr, "9999", what)
		require.Contains(t, stderr, "install a newer rowlock", what)
	}
}
