package mysql_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"rowlock/sqlstore"
	"rowlock/sqlstore/mysql"
)

// A frontend that has refused a revision uses nothing older than the next.
func TestOldestRevisionInUse(t *testing.T) {
	onEach(t, func(t *testing.T, flavour string) {
		s := newShell(t, flavour)
		common, _, err := mysql.QueryNames(s.mariadb)
		require.NoError(t, err)
		type frontend struct {
			revision, refused int
			age               int // of its heartbeat, in seconds
		}
		for _, c := range []struct {
			frontends []frontend
			want      string
		}{
			{nil, ""},
			{[]frontend{{0, 0, 9}}, ""},
			{[]frontend{{0, 7, 0}}, "8"},
			{[]frontend{{0, 7, 0}, {5, 7, 0}}, "5"},
			{[]frontend{{0, 7, 0}, {9, 0, 0}}, "8"},
			{[]frontend{{0, 7, 0}, {0, 0, 0}}, "0"},
		} {
			s.exec(t, "DELETE FROM frontend")
			for i, f := range c.frontends {
				s.exec(t, `INSERT INTO frontend (id, incarnation, revision, refused_revision, heartbeat_at)
				  VALUES ('fe%d', 1, %d, %d, UTC_TIMESTAMP(6) - INTERVAL %d SECOND)`, i, f.revision, f.refused, f.age)
			}
			s.exec(t, "SET @now = UTC_TIMESTAMP(6)")
			require.Equal(t, []string{c.want}, s.column(t, "%s", common["config_in_use"]), "%+v", c.frontends)
		}
	})
}

// Rows that no trigger lets in are data errors when they are loaded.
func TestUnreadableConfiguration(t *testing.T) {
	onEach(t, func(t *testing.T, flavour string) {
		s, store := newHand(t, flavour)
		s.exec(t, "SET SESSION foreign_key_checks = FALSE")
		s.exec(t, "UPDATE config_head SET applying = TRUE")
		s.exec(t, "INSERT INTO link (id) VALUES (1)")
		s.exec(t, "INSERT INTO subnet (id, link_id, prefix) VALUES (1, 1, '192.0.2.0/24')")
		for _, c := range []struct{ table, row string }{
			{"subnet (id, link_id, prefix)", "(2, 1, '1.2.3/99')"},
			{"subnet (id, link_id, prefix)", "(2, 9, '198.51.100.0/24')"},
			{"subnet_relay (subnet_id, addr)", "(9, '192.0.2.1')"},
			{"pool (id, subnet_id, kind, first_addr, last_addr, delegated_len)", "(1, 9, 1, '192.0.2.1', '192.0.2.1', 32)"},
			{"pool (id, subnet_id, kind, first_addr, last_addr, delegated_len)", "(1, 1, 1, '192.0.2.01', '192.0.2.1', 32)"},
			{"pool (id, subnet_id, kind, first_addr, last_addr, delegated_len)", "(1, 1, 1, '192.0.2.1', '192.0.2.01', 32)"},
			{"vrf_interface (vrf, name)", "(7, 'eth0')"},
			{"vrf_relay (vrf, addr)", "(0, 'nowhere')"},
			{"vrf_relay (vrf, addr)", "(7, '192.0.2.1')"},
		} {
			s.exec(t, "INSERT INTO %s VALUES %s", c.table, c.row)
			_, err := store.LoadConfig(t.Context())
			require.ErrorIs(t, err, sqlstore.ErrData, c.row)
			table, _, _ := strings.Cut(c.table, " ")
			s.exec(t, "DELETE FROM %s", table)
			s.exec(t, "REPLACE INTO subnet (id, link_id, prefix) VALUES (1, 1, '192.0.2.0/24')")
		}
		_, err := store.LoadConfig(t.Context())
		require.NoError(t, err)
	})
}

// The vrf of a subnet, and of its relays, is that of its link, whoever writes, and whatever.
func TestVRFOfSubnets(t *testing.T) {
	onEach(t, func(t *testing.T, flavour string) {
		s := newShell(t, flavour)
		s.exec(t, "INSERT INTO link (id, vrf) VALUES (1, 7), (2, 8)")
		for _, applying := range []string{"FALSE", "TRUE"} {
			s.exec(t, "UPDATE config_head SET applying = %s", applying)
			s.exec(t, "INSERT INTO subnet (id, link_id, prefix, vrf) VALUES (1, 1, '192.0.2.0/24', 3)")
			s.exec(t, "INSERT INTO subnet_relay (subnet_id, addr, vrf) VALUES (1, '192.0.2.1', 3)")
			vrf := func() int {
				require.Equal(t, s.column(t, "SELECT vrf FROM subnet"), s.column(t, "SELECT vrf FROM subnet_relay"))
				return s.number(t, "SELECT vrf FROM subnet")
			}
			require.Equal(t, 7, vrf(), applying)
			s.exec(t, "UPDATE subnet_relay SET vrf = 5")
			s.exec(t, "UPDATE subnet SET vrf = 5")
			require.Equal(t, 7, vrf(), applying)
			s.exec(t, "UPDATE subnet SET link_id = 2")
			require.Equal(t, 8, vrf(), applying)
			if applying == "TRUE" {
				s.exec(t, "UPDATE link SET vrf = 9 WHERE id = 2")
				require.Equal(t, 9, vrf())
			}
			s.exec(t, "DELETE FROM subnet")
		}
	})
}

// Whoever only looks at a revision does not wait for those who write.
func TestConfigAtTakesNoLock(t *testing.T) {
	onEach(t, func(t *testing.T, flavour string) {
		s, store := newHand(t, flavour)
		s.exec(t, "INSERT INTO link (id, name) VALUES (1, 'one')")
		rev, err := store.GatherConfig(t.Context(), nil)
		require.NoError(t, err)
		s.exec(t, "BEGIN")
		s.exec(t, "UPDATE link SET name = 'two'")
		cfg, err := store.ConfigAt(t.Context(), rev)
		require.NoError(t, err)
		require.Equal(t, "one", cfg.Links[0].Name)
		_, err = store.ConfigAt(t.Context(), rev+1)
		require.ErrorIs(t, err, sqlstore.ErrNotFound)
		s.exec(t, "ROLLBACK")
	})
}
