package mysql

import (
	"testing"
	"time"

	driver "github.com/go-sql-driver/mysql"
	"github.com/stretchr/testify/require"
)

// parsed returns the settings that a URL stands for, on its first host.
func parsed(databaseURL string) (*driver.Config, error) {
	t, err := parseURL(databaseURL)
	if err != nil {
		return nil, err
	}
	return t.hosts[0], nil
}

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

func TestParseURLOptions(t *testing.T) {
	at, err := parseURL("mysql://rowlock:secret@one.example.org,two.example.org:3307,[2001:db8::1]/leases?connect_timeout=7&sslmode=verify-full")
	require.NoError(t, err)
	require.True(t, at.readWrite, "a replica would do")
	require.Equal(t, "MySQL or MariaDB at one.example.org:3306, two.example.org:3307, [2001:db8::1]:3306", at.String())
	for i, name := range []string{"one.example.org", "two.example.org", "2001:db8::1"} {
		require.Equal(t, name, at.hosts[i].TLS.ServerName)
		require.False(t, at.hosts[i].TLS.InsecureSkipVerify)
		require.False(t, at.hosts[i].AllowFallbackToPlaintext)
		require.Equal(t, 7*time.Second, at.hosts[i].Timeout)
		require.Empty(t, at.without().hosts[i].DBName)
		require.Equal(t, "leases", at.hosts[i].DBName)
	}
	at, err = parseURL("mysql:///leases?host=one.example.org:3307,[::1]&user=rowlock&password=secret&target_session_attrs=any")
	require.NoError(t, err)
	require.False(t, at.readWrite)
	require.Equal(t, "MySQL or MariaDB at one.example.org:3307, [::1]:3306", at.String())
	require.Equal(t, "rowlock", at.hosts[1].User)
	require.Equal(t, "secret", at.hosts[1].Passwd)
	require.True(t, at.hosts[1].AllowFallbackToPlaintext, "prefer is what libpq does without a mode")
	require.NotNil(t, at.hosts[1].TLS)
	at, err = parseURL("mysql://rowlock@/leases?socket=/run/one.sock,/run/two.sock&sslmode=require")
	require.NoError(t, err)
	require.Len(t, at.hosts, 2)
	require.Nil(t, at.hosts[1].TLS, "a unix socket needs no encryption")
	at, err = parseURL("mysql://rowlock@db.example.org/leases?sslrootcert=system")
	require.NoError(t, err)
	require.False(t, at.hosts[0].AllowFallbackToPlaintext, "authorities were named, and nobody asks them")
	require.False(t, at.hosts[0].TLS.InsecureSkipVerify)
	_, err = DSN("mysql://rowlock@db.example.org/leases?sslmode=require")
	require.ErrorContains(t, err, "encrypted")
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
		"mysql://rowlock:secret@db.example.org/leases?sslmode=verify-ca&sslrootcert=system",
		"mysql://rowlock:secret@db.example.org/leases?tls=secret",
		"mysql://rowlock:secret@db.example.org/leases?target_session_attrs=secret",
		"mysql://rowlock:secret@db.example.org/leases?connect_timeout=0",
		"mysql://rowlock:secret@one.example.org,,two.example.org/leases",
		"mysql://rowlock:secret@db.example.org/leases?host=::1",
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
