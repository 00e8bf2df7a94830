package mysql

import (
	"testing"
	"time"

	driver "github.com/go-sql-driver/mysql"
	"github.com/stretchr/testify/require"
)

// parsed returns the settings that a URL stands for.
func parsed(databaseURL string) (*driver.Config, error) { return parseURL(databaseURL) }

func TestParseURL(t *testing.T) {
	for _, test := range []struct {
		url, user, password, network, addr, database string
	}{
		{"mysql://rowlock@db.example.org/leases", "rowlock", "", "tcp", "db.example.org:3306", "leases"},
		{"mariadb://rowlock@db.example.org/leases", "rowlock", "", "tcp", "db.example.org:3306", "leases"},
		{"mysql://rowlock:secret@192.0.2.10:3307/leases", "rowlock", "secret", "tcp", "192.0.2.10:3307", "leases"},
		{"mysql://rowlock:a%40b%3Ac%2Fd%3Fe%25@db.example.org/leases", "rowlock", "a@b:c/d?e%", "tcp", "db.example.org:3306", "leases"},
		{"mysql://rowlock@[2001:db8::10]/leases", "rowlock", "", "tcp", "[2001:db8::10]:3306", "leases"},
		{"mysql://rowlock@[2001:db8::10]:3307/leases", "rowlock", "", "tcp", "[2001:db8::10]:3307", "leases"},
		{"mysql://rowlock@/leases", "rowlock", "", "tcp", "localhost:3306", "leases"},
		{"mysql:///leases", "", "", "tcp", "localhost:3306", "leases"},
		{"mysql://rowlock@db.example.org", "rowlock", "", "tcp", "db.example.org:3306", ""},
		{"mysql://rowlock@db.example.org/", "rowlock", "", "tcp", "db.example.org:3306", ""},
		{"mysql://rowlock@db.example.org/le%20ases", "rowlock", "", "tcp", "db.example.org:3306", "le ases"},
		{"mysql://rowlock@localhost/leases?socket=/run/mysqld/mysqld.sock", "rowlock", "", "unix", "/run/mysqld/mysqld.sock", "leases"},
		{"mysql://rowlock@localhost/leases?socket=%2Frun%2Fmy%20sql.sock", "rowlock", "", "unix", "/run/my sql.sock", "leases"},
	} {
		cfg, err := parsed(test.url)
		require.NoError(t, err, test.url)
		require.Equal(t, test.user, cfg.User, test.url)
		require.Equal(t, test.password, cfg.Passwd, test.url)
		require.Equal(t, test.network, cfg.Net, test.url)
		require.Equal(t, test.addr, cfg.Addr, test.url)
		require.Equal(t, test.database, cfg.DBName, test.url)
		// what the statements depend on, whatever the URL says
		require.True(t, cfg.InterpolateParams && cfg.MultiStatements && cfg.ClientFoundRows && cfg.ParseTime, test.url)
		require.Equal(t, time.UTC, cfg.Loc, test.url)
		require.Equal(t, "utf8mb4_bin", cfg.Collation, test.url)
		require.Positive(t, cfg.Timeout, test.url)
	}
}

func TestParseURLRefuses(t *testing.T) {
	for _, url := range []string{
		"", "mysql", "mysql:rowlock:secret@db.example.org/leases",
		"postgres://rowlock:secret@db.example.org/leases",
		"rowlock:secret@tcp(db.example.org)/leases", // the driver's own form
		"mysql://rowlock:secret@db.example.org/leases/more",
		"mysql://rowlock:secret@db.example.org:port/leases",
		"mysql://rowlock:secret@db.example.org/leases?multiStatements=false",
		"mysql://rowlock:secret@db.example.org/leases?allowAllFiles=true",
		"mysql://rowlock:secret@db.example.org/leases?sql_mode=''",
		"mysql://rowlock:secret@db.example.org/leases?sslmode=secret",
		"mysql://rowlock:secret@db.example.org/leases?tls=secret",
		"mysql://rowlock:secret@[2001:db8::10/leases",
		"mysql://rowlock:se%ZZcret@db.example.org/leases",
		"mysql://rowlock:secret\x00@db.example.org/leases",
	} {
		_, err := parsed(url)
		require.Error(t, err, url)
		require.NotContains(t, err.Error(), "secret", url)
		require.ErrorContains(t, err, "database URL", url)
		_, err = DSN(url)
		require.Error(t, err, url)
		_, _, err = Scratch(t.Context(), url, "scratch")
		require.Error(t, err, url)
		require.NotContains(t, err.Error(), "secret", url)
		_, err = Open(t.Context(), url, Options{})
		require.Error(t, err, url)
		require.NotContains(t, err.Error(), "secret", url)
		_, err = NewMigrator(url, nil)
		require.Error(t, err, url)
		require.NotContains(t, err.Error(), "secret", url)
	}
}

// A password is in no message of a server that cannot be reached either.
func TestPasswordIsNeverTold(t *testing.T) {
	_, err := Open(t.Context(), "mysql://rowlock:secret@localhost/leases?socket="+t.TempDir()+"/none.sock", Options{})
	require.Error(t, err)
	require.NotContains(t, err.Error(), "secret")
	require.ErrorContains(t, err, "none.sock")
}
