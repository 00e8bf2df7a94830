package main

import (
	"encoding/json"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"rowlock/admin"
	"rowlock/sqlstore/storetest"
)

// console is where the process says that its API and console are.
func (s *served) console() string {
	for line := range strings.Lines(s.log.String()) {
		var ready struct{ Event, Console string }
		if json.Unmarshal([]byte(line), &ready) == nil && ready.Event == "serve.ready" {
			return ready.Console
		}
	}
	return ""
}

// A process makes the first token, says where it is and not what it is, and
// serves the API to whoever has it.
func TestServeAdmin(t *testing.T) {
	for _, roles := range []string{"[dhcp4, dhcp6, admin]", "[admin]"} {
		s := startServe(t, storetest.URL(t, "sqlite"), "roles: "+roles)
		s.waitServing()
		require.Regexp(t, `^http://127\.0\.0\.1:\d+$`, s.console())
		file := filepath.Join(s.state, admin.TokenFile)
		require.Eventually(t, func() bool { _, err := os.Stat(file); return err == nil }, 10*time.Second, 10*time.Millisecond)
		token, err := os.ReadFile(file)
		require.NoError(t, err)
		text := strings.TrimSpace(string(token))
		ask := func(authorization string) (int, string) {
			req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, s.console()+"/v1/frontends", nil)
			require.NoError(t, err)
			req.Header.Set("Authorization", authorization)
			res, err := http.DefaultClient.Do(req)
			require.NoError(t, err)
			defer res.Body.Close()
			body, err := io.ReadAll(res.Body)
			require.NoError(t, err)
			return res.StatusCode, string(body)
		}
		status, _ := ask("Bearer x")
		require.Equal(t, http.StatusUnauthorized, status)
		status, body := ask("Bearer " + text)
		require.Equal(t, http.StatusOK, status, body)
		if strings.Contains(roles, "dhcp4") {
			require.Contains(t, body, `"id":"one"`)
			require.Contains(t, body, `"health":"alive"`)
		}
		res, err := http.Get(s.console() + "/login")
		require.NoError(t, err)
		require.NoError(t, res.Body.Close())
		require.Equal(t, http.StatusOK, res.StatusCode)
		require.Eventually(t, func() bool { return strings.Contains(s.log.String(), "admin.first_token") }, 10*time.Second, 10*time.Millisecond)
		require.Zero(t, s.end())
		require.NotContains(t, s.log.String(), text)
	}
}

// Without the role nothing listens and no token is made.
func TestServeWithoutAdmin(t *testing.T) {
	s := startServe(t, storetest.URL(t, "sqlite"), "roles: [dhcp4]")
	s.waitServing()
	require.Empty(t, s.console())
	require.Zero(t, s.end())
	require.NotContains(t, s.log.String(), "admin.")
	require.NoFileExists(t, filepath.Join(s.state, admin.TokenFile))
}
