package main

import (
	"bytes"
	"encoding/json"
	"net/url"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"rowlock/cmd/rowlock/internal/doctor"
	"rowlock/sqlstore"
	"rowlock/sqlstore/storetest"
)

// examined runs the doctor on a database and returns what is not good.
func examined(t *testing.T, database, password string, wantCode int) map[string]sqlstore.FindingStatus {
	t.Helper()
	file := filepath.Join(t.TempDir(), "rowlock.yaml")
	require.NoError(t, os.WriteFile(file, []byte("frontend_id: fe1\nlisten: {dhcp4: [{address: 127.0.0.1, port: 0}], dhcp6: [{address: \"::1\", port: 0}], health: \"off\"}\n"), 0o600))
	env := map[string]string{"ROWLOCK_DATABASE": database, "ROWLOCK_DATABASE_PASSWORD": password, "HOME": filepath.Dir(file), "ROWLOCK_CONFIG": file}
	var out, errs bytes.Buffer
	p := &program{stdout: &out, stderr: &errs, getenv: func(name string) string { return env[name] }, uid: 1000}
	require.Equal(t, wantCode, p.run(t.Context(), []string{"doctor", "--json"}), "%s%s", &out, &errs)
	if password != "" {
		require.NotContains(t, out.String()+errs.String(), password)
	}
	var r doctor.Report
	require.NoError(t, json.Unmarshal(out.Bytes(), &r))
	bad := map[string]sqlstore.FindingStatus{}
	for _, f := range r.Findings {
		if f.Status != sqlstore.FindingOK {
			bad[f.ID] = f.Status
		}
	}
	return bad
}

// problems leaves the lesser findings out.
func problems(bad map[string]sqlstore.FindingStatus) (ids []string) {
	for id, status := range bad {
		if status == sqlstore.FindingProblem {
			ids = append(ids, id)
		}
	}
	return ids
}

func TestDoctorOnDatabases(t *testing.T) {
	for _, dialect := range storetest.Dialects {
		t.Run(dialect, func(t *testing.T) {
			bad := examined(t, storetest.Migrated(t, dialect), "", exitOK)
			require.Empty(t, problems(bad))
			require.Equal(t, sqlstore.FindingWarning, bad["config.revision"])
			if dialect == "sqlite" {
				return // there is no empty file, nobody to log in, and nothing to reach
			}
			empty := storetest.URL(t, dialect)
			require.Equal(t, []string{"schema.version"}, problems(examined(t, empty, "", exitFailed)))
			u, err := url.Parse(empty)
			require.NoError(t, err)
			u.User = url.User("rowlock_nobody")
			require.Equal(t, []string{"database.login"}, problems(examined(t, u.String(), "hunter2hunter2", exitFailed)))
			unreachable := url.URL{Scheme: u.Scheme, User: url.User("rowlock"), Host: "127.0.0.1:1", Path: "/rowlock"}
			require.Equal(t, []string{"database.reachable"}, problems(examined(t, unreachable.String(), "hunter2hunter2", exitFailed)))
		})
	}
}

// Root does not open the SQLite file of somebody else.
func TestDoctorForeignFile(t *testing.T) {
	file := filepath.Join(t.TempDir(), "rowlock.db")
	require.NoError(t, os.WriteFile(file, nil, 0o600))
	p := &program{uid: 0}
	require.Empty(t, p.foreignFile("sqlite:"+file+".none"))
	require.Empty(t, p.foreignFile("postgres://db.example.org/rowlock"))
	owner, ok := fileOwner(file)
	require.True(t, ok)
	require.EqualValues(t, os.Getuid(), owner)
	if os.Getuid() == 0 {
		require.Empty(t, p.foreignFile("sqlite:"+file))
		require.NoError(t, os.Chown(file, 65534, -1))
	}
	require.Contains(t, p.foreignFile("sqlite:"+file), "was not opened by root")
	require.Empty(t, (&program{uid: 1000}).foreignFile("sqlite:"+file))
}
