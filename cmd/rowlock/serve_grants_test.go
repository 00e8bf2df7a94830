package main

import (
	"bytes"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"rowlock/admin/deploy"
	"rowlock/admin/site"
	"rowlock/sqlstore"
	"rowlock/sqlstore/storetest"
)

// withoutPassword takes the password out of a database URL, and returns an
// environment that has it.
func withoutPassword(t *testing.T, database string) (string, func(string) string) {
	t.Helper()
	env := map[string]string{}
	if u, err := url.Parse(database); err == nil && u.User != nil {
		if password, ok := u.User.Password(); ok {
			env["ROWLOCK_DATABASE_PASSWORD"] = password
			u.User = url.User(u.User.Username())
			database = u.String()
		}
	}
	return database, func(name string) string { return env[name] }
}

// runWith runs a command on the database and returns what it printed.
func runWith(t *testing.T, database string, args ...string) (code int, stdout, stderr string) {
	t.Helper()
	database, getenv := withoutPassword(t, database)
	var out, errs bytes.Buffer
	p := &program{stdin: bytes.NewReader(nil), stdout: &out, stderr: &errs, getenv: getenv, uid: 1000}
	config := writeFile(t, "frontend_id: one\nstate_dir: "+t.TempDir()+"\n")
	code = p.run(t.Context(), append([]string{"--config", config, "--database", database}, args...))
	return code, out.String(), errs.String()
}

// A server whose database user may not do its work says what is missing, in its
// log and to /readyz, and serves once what the command prints was run.
func TestServeWaitsForPrivileges(t *testing.T) {
	for _, dialect := range storetest.Dialects {
		if dialect == "sqlite" {
			continue // has no users
		}
		t.Run(dialect, func(t *testing.T) {
			t.Parallel()
			owner := storetest.Migrated(t, dialect)
			user := storetest.Login(t, owner, sqlstore.RoleReport)
			cfg, err := site.Parse("isp-site.yaml", deploy.Site)
			require.NoError(t, err)
			_, err = storetest.Open(t, owner).ApplyConfig(t.Context(), sqlstore.AnyRevision, cfg, "test", "")
			require.NoError(t, err)

			s := startServe(t, user)
			const advice = "rowlock migrate grants --role frontend"
			require.Eventually(t, func() bool {
				status, body := s.ready()
				return status == http.StatusServiceUnavailable && strings.Contains(body, advice)
			}, 20*time.Second, 20*time.Millisecond)
			require.Regexp(t, `"event":"serve.denied".*(lease4|event_consumer)`, s.log.String())

			u, err := url.Parse(user)
			require.NoError(t, err)
			code, script, stderr := runWith(t, owner, "migrate", "grants", "--role", "frontend", "--user", u.User.Username())
			require.Zero(t, code, stderr)
			storetest.Script(t, owner, script)
			s.waitReady()
			require.Eventually(t, func() bool { return s.lease("10.20.0.1", 3).Completed == 3 }, 10*time.Second, 10*time.Millisecond)
			require.Zero(t, s.end())
			require.NotContains(t, s.log.String(), "sweep.failed")
			require.NotContains(t, s.log.String(), "unregister_failed")
		})
	}
}

// Commands do what the role of their user is for; elsewhere they say what the
// user lacks and which command knows what it needs.
func TestCommandsOfRoles(t *testing.T) {
	for _, dialect := range storetest.Dialects {
		if dialect == "sqlite" {
			continue // has no users
		}
		t.Run(dialect, func(t *testing.T) {
			t.Parallel()
			owner := storetest.Migrated(t, dialect)
			admin, report := storetest.Login(t, owner, sqlstore.RoleAdmin), storetest.Login(t, owner, sqlstore.RoleReport)
			document := writeFile(t, string(deploy.Site))
			code, _, stderr := runWith(t, report, "apply", "--yes", document)
			require.Equal(t, exitFailed, code)
			require.Contains(t, stderr, "see: rowlock migrate grants --help")
			require.Contains(t, stderr, "config_head")
			code, stdout, stderr := runWith(t, admin, "apply", "--yes", document)
			require.Zero(t, code, stderr)
			require.Contains(t, stdout, "revision 1 applied")
			code, _, stderr = runWith(t, admin, "export")
			require.Zero(t, code, stderr)
			code, _, stderr = runWith(t, report, "lease", "list")
			require.Zero(t, code, stderr)
			code, _, stderr = runWith(t, admin, "migrate", "down", "--yes")
			require.Equal(t, exitFailed, code)
			require.Contains(t, stderr, "see: rowlock migrate grants --help")
		})
	}
}
