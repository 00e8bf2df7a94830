package sqlstore_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"rowlock/sqlstore"
)

func TestParseURL(t *testing.T) {
	for text, want := range map[string]sqlstore.DatabaseURL{
		"postgres://rowlock@db.example.org/rowlock":        {Hosts: []sqlstore.Host{{Name: "db.example.org"}}},
		"postgres://rowlock@one:5433,two/rowlock":          {Hosts: []sqlstore.Host{{Name: "one", Port: 5433}, {Name: "two"}}},
		"postgres://rowlock@one,two:5433/rowlock":          {Hosts: []sqlstore.Host{{Name: "one"}, {Name: "two", Port: 5433}}},
		"mysql://rowlock@[2001:db8::1]:3307,[::1]/rowlock": {Hosts: []sqlstore.Host{{Name: "2001:db8::1", Port: 3307}, {Name: "::1"}}},
		"postgres://rowlock@/rowlock?host=%2Frun":          {},
	} {
		u, err := sqlstore.ParseURL(text)
		require.NoError(t, err, text)
		require.Equal(t, want.Hosts, u.Hosts, text)
		require.Equal(t, "rowlock", u.Name)
		require.Equal(t, "rowlock", u.User.Username())
		require.Equal(t, text, u.String())
		require.Equal(t, text, u.Redacted())
		require.False(t, u.HasPassword())
	}
	for _, bad := range []string{
		"", "rowlock", "://h/d", "?://h/d", "postgres:rowlock", "postgres://u:hunter2@h:port/d", "postgres://u:hunter2@h:0/d", "postgres://u:hunter2@h:99999/d",
		"postgres://u:hunter2@h,,i/d", "postgres://u:hunter2@::1/d", "postgres://u:hunter2@h/d/e", "postgres://u:hunter2@h/d#e",
		"postgres://u:12/hunter2@h", "postgres://u:12?hunter2@h/d", "postgres://u:12?hunter2@h/d?sslmode=disable",
		"postgres://u:hunter2@h/d?a=%zz", "postgres://u:hunter2%zz@h/d", "postgres://u:hunter2@a b/d", "postgres://u:hunter2@[::1/d",
	} {
		_, err := sqlstore.ParseURL(bad)
		require.Error(t, err, bad)
		require.NotContains(t, err.Error(), "hunter2")
	}
}

func TestURLSecrets(t *testing.T) {
	for _, text := range []string{
		"postgres://rowlock:hunter2@one,two/rowlock", "postgres://rowlock@one/rowlock?password=hunter2", "postgres://one/rowlock?sslpassword=hunter2",
		"mysql://rowlock:p%40ss%2Fhunter2@one/rowlock", "mysql://one/row%40lock?password=hunter2&user=a%40b",
	} {
		u, err := sqlstore.ParseURL(text)
		require.NoError(t, err)
		require.True(t, u.HasPassword(), text)
		require.NotContains(t, u.Redacted(), "hunter2")
		require.Equal(t, text, u.String())
	}
}

func FuzzParseURL(f *testing.F) {
	f.Add("postgres://rowlock:hunter2@one:5433,[::1]/rowlock?sslmode=verify-full")
	f.Add("mysql://rowlock@localhost/rowlock?socket=/run/mysqld.sock")
	f.Fuzz(func(t *testing.T, text string) {
		u, err := sqlstore.ParseURL(text)
		if err != nil {
			return
		}
		again, err := sqlstore.ParseURL(u.String())
		if err != nil {
			t.Fatalf("%q became %q: %v", text, u.String(), err)
		}
		if again.String() != u.String() {
			t.Fatalf("%q became %q and %q", text, u.String(), again.String())
		}
	})
}
