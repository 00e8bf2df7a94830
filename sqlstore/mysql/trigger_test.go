package mysql_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"rowlock/sqlstore"
	"rowlock/sqlstore/mysql"
	"rowlock/sqlstore/storetest/dbserver"
)

// Where the owner of the schema may not make triggers a migration says what it
// needs, and has changed nothing; so does a diagnosis.
func TestMigrationNeedsTriggers(t *testing.T) {
	onEach(t, func(t *testing.T, flavour string) {
		db := dbserver.Start(t, flavour, dbserver.Options{Args: []string{"--log-bin=@/binlog", "--server-id=1", "--binlog-format=ROW"}})
		db.Exec("", "CREATE DATABASE app", "CREATE USER 'owner'@'localhost' IDENTIFIED BY 'Rowlock-1'", "GRANT ALL ON app.* TO 'owner'@'localhost'")
		url := flavour + "://owner:Rowlock-1@localhost/app?socket=" + db.Socket
		findings := func() string {
			s, err := mysql.Open(t.Context(), url, mysql.Options{})
			require.NoError(t, err)
			defer func() { require.NoError(t, s.Close()) }()
			all, err := s.Diagnose(t.Context(), sqlstore.DiagnoseOptions{})
			require.NoError(t, err)
			var text strings.Builder
			for _, f := range all {
				if strings.HasPrefix(f.ID, "database.function") || strings.HasPrefix(f.ID, "database.trigger") || f.ID == "schema.unfinished" {
					fmt.Fprintln(&text, f.ID, f.Status, f.Advice)
				}
			}
			return text.String()
		}
		m := migrator(t, url)
		refused := func(what string) {
			t.Helper()
			_, err := m.Up(t.Context())
			require.ErrorIs(t, err, sqlstore.ErrDenied)
			require.ErrorContains(t, err, what)
			status, err := m.Status(t.Context())
			require.NoError(t, err)
			require.True(t, status[6].Applied)
			require.False(t, status[7].Applied)
			shell := shellOn(t, url)
			require.Zero(t, shell.number(t, "SELECT COUNT(*) FROM information_schema.columns WHERE table_schema = 'app' AND column_name = 'applying'"))
		}
		refused("log_bin_trust_function_creators = 1")
		require.Contains(t, findings(), "database.function_creators problem")

		db.Exec("", "SET GLOBAL log_bin_trust_function_creators = 1", "REVOKE TRIGGER ON app.* FROM 'owner'@'localhost'")
		m = migrator(t, url)
		refused("TRIGGER among them")
		said := findings()
		require.Contains(t, said, "database.trigger_privilege problem as an administrator: GRANT TRIGGER ON `app`.* TO 'owner'@'localhost';")
		require.NotContains(t, said, "unfinished")

		db.Exec("", "GRANT TRIGGER ON app.* TO 'owner'@'localhost'")
		m = migrator(t, url)
		_, err := m.Up(t.Context())
		require.NoError(t, err)
		require.NotContains(t, findings(), "problem")
		shell := shellOn(t, url)
		shell.exec(t, "INSERT INTO link (id) VALUES (1)")
		require.Equal(t, []string{"1"}, shell.column(t, "SELECT revision FROM config_head"))
		require.Equal(t, []string{"owner@localhost"}, shell.column(t, "SELECT author FROM config_change WHERE kind = 2"))
	})
}
