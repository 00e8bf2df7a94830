// Package storetest is the conformance suite of the dialects: the same tests,
// made from the transition table of the engine, run on every engine. A
// server for tests is named by ROWLOCK_TEST_POSTGRES, ROWLOCK_TEST_MYSQL and
// ROWLOCK_TEST_MARIADB; SQLite needs none.
package storetest

import (
	"context"
	"database/sql"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"

	"rowlock/sqlstore"
	"rowlock/sqlstore/dialects"
)

var databases atomic.Int64

// URL returns the URL of a new empty database of the dialect, which goes away
// with the test. Without a server the test is skipped, and fails where
// ROWLOCK_TEST_REQUIRE is set.
func URL(t testing.TB, dialect string) string {
	t.Helper()
	if dialect == "sqlite" {
		return "sqlite:" + filepath.Join(t.TempDir(), "rowlock.db")
	}
	server := os.Getenv(variable(dialect))
	if server == "" {
		if os.Getenv("ROWLOCK_TEST_REQUIRE") != "" {
			t.Fatalf("%s is not set, and ROWLOCK_TEST_REQUIRE is", variable(dialect))
		}
		t.Skipf("no server: %s is not set", variable(dialect))
	}
	name := fmt.Sprintf("rowlock_test_%d_%d", os.Getpid(), databases.Add(1))
	u, drop, err := dialects.Scratch(t.Context(), server, name)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, drop(context.Background())) })
	return u
}

// Migrated returns the URL of a new database with the newest schema.
func Migrated(t testing.TB, dialect string) string {
	t.Helper()
	u := URL(t, dialect)
	if dialect == "sqlite" {
		copyMigrated(t, u)
		return u
	}
	migrate(t, u)
	return u
}

func migrate(t testing.TB, u string) {
	t.Helper()
	m, err := dialects.Migrator(t.Context(), u, dialects.Options{Create: true})
	require.NoError(t, err)
	_, err = m.Up(t.Context())
	require.NoError(t, err)
	require.NoError(t, m.Close())
}

// template is an SQLite file with the newest schema: to copy it takes a
// hundredth of what making it does.
var template struct {
	sync.Once
	file []byte
}

// copyMigrated makes a file from the template, with an identity of its own.
func copyMigrated(t testing.TB, u string) {
	t.Helper()
	template.Do(func() {
		path := filepath.Join(t.TempDir(), "template.db")
		migrate(t, "sqlite:"+path)
		var err error
		template.file, err = os.ReadFile(path)
		require.NoError(t, err)
	})
	require.NotEmpty(t, template.file)
	path := strings.TrimPrefix(u, "sqlite:")
	require.NoError(t, os.WriteFile(path, template.file, 0o600))
	db, err := sql.Open("sqlite", "file:"+path)
	require.NoError(t, err)
	_, err = db.ExecContext(t.Context(), "UPDATE config_head SET server_duid = CAST(x'0004' || randomblob(16) AS BLOB), secret = randomblob(16)")
	require.NoError(t, err)
	require.NoError(t, db.Close())
}

// Open opens a store on the database, closed with the test.
func Open(t testing.TB, databaseURL string) sqlstore.Store {
	t.Helper()
	s, err := dialects.Open(t.Context(), databaseURL, dialects.Options{Create: true})
	require.NoError(t, err)
	t.Cleanup(func() { _ = s.Close() })
	return s
}

// Dialects are the engines that every suite runs on.
var Dialects = []string{"sqlite", "postgres", "mariadb", "mysql"}

// variable names a server of the dialect for tests.
func variable(dialect string) string { return "ROWLOCK_TEST_" + strings.ToUpper(dialect) }
