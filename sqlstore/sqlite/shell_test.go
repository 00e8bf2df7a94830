package sqlite

import (
	"bytes"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"rowlock/sqlstore"
)

// shell runs statements in the sqlite3 program, which enforces no foreign keys
// unless it is told to. It returns what it prints, errors too.
func (x *fixture) shell(statements ...string) (string, error) {
	x.t.Helper()
	program, err := exec.LookPath("sqlite3")
	if err != nil {
		if os.Getenv("ROWLOCK_TEST_REQUIRE") != "" {
			x.t.Fatal("no sqlite3, and ROWLOCK_TEST_REQUIRE is set")
		}
		x.t.Skip("no sqlite3")
	}
	var out bytes.Buffer
	cmd := exec.Command(program, "-bail", "-cmd", ".timeout 5000", x.path)
	cmd.Stdin = strings.NewReader(strings.Join(statements, ";\n") + ";\n")
	cmd.Stdout, cmd.Stderr = &out, &out
	err = cmd.Run()
	return out.String(), err
}

const (
	shellPools = "INSERT INTO pool (id, subnet_id, kind, first_addr, last_addr, delegated_len) "
	shellPool  = shellPools + "VALUES "
)

// Somebody changes the file of a running server with the sqlite3 program: what
// is right counts at once, what is wrong is refused.
func TestShell(t *testing.T) {
	for _, recursive := range []string{"off", "on"} {
		t.Run("recursive_triggers "+recursive, func(t *testing.T) {
			x := newFixture(t)
			known, err := x.LoadConfig(t.Context())
			require.NoError(t, err)
			begun := time.Now()
			out, err := x.shell(
				"PRAGMA recursive_triggers = "+recursive,
				"BEGIN",
				"UPDATE config_head SET change_comment = 'by hand'",
				"INSERT INTO link (id, name) VALUES (7, 'campus')",
				"INSERT INTO subnet (id, link_id, prefix) VALUES (70, 7, '192.0.2.0/24')",
				shellPool+"(700, 70, 1, '192.0.2.10', '192.0.2.20', 32)",
				"INSERT INTO parameter (scope, scope_id, name, value) VALUES ('subnet', 70, 'valid_lifetime', 600)",
				"COMMIT")
			require.NoError(t, err, out)
			require.NoError(t, x.WaitRevision(t.Context(), known.Revision))
			require.Less(t, time.Since(begun), 5*time.Second)
			cfg, err := x.LoadChanges(t.Context(), known)
			require.NoError(t, err)
			require.Empty(t, sqlstore.Check(cfg))
			require.Equal(t, "600", cfg.Links[0].Subnets[0].Parameters["valid_lifetime"])
			require.EqualValues(t, 1, cfg.Links[0].Subnets[0].Pools[0].Gen)

			for _, statement := range []string{
				shellPool + "(701, 70, 1, '192.0.2.20', '192.0.2.30', 32)",
				shellPool + "(701, 71, 1, '192.0.2.30', '192.0.2.40', 32)",
				"INSERT INTO subnet (id, link_id, prefix) VALUES (71, 9, '198.51.100.0/24')",
				"DELETE FROM link WHERE id = 7",
				"DELETE FROM subnet WHERE id = 70",
				"REPLACE INTO subnet (id, link_id, prefix) VALUES (70, 7, '198.51.100.0/24')",
				"REPLACE INTO link (id, name, vrf) VALUES (7, 'campus', 3)",
				"REPLACE INTO link (id, name) VALUES (8, 'campus')",
				"INSERT OR IGNORE INTO parameter (scope, name, value) VALUES ('global', 'lease_time', '1')",
			} {
				before := x.number("SELECT revision FROM config_head")
				out, err := x.shell("PRAGMA recursive_triggers = "+recursive, statement)
				require.Error(t, err, statement)
				require.Contains(t, out, " must ", statement)
				require.Equal(t, before, x.number("SELECT revision FROM config_head"), statement)
			}
			rev, err := x.GatherConfig(t.Context(), known)
			require.NoError(t, err)
			list, err := x.Revisions(t.Context(), 0, 1)
			require.NoError(t, err)
			require.Equal(t, rev, list[0].Number)
			require.Equal(t, "by hand", list[0].Comment)
		})
	}
}

// What triggers keep stays right, whatever is written there.
func TestShellKeepsKeys(t *testing.T) {
	for _, recursive := range []string{"off", "on"} {
		x := newFixture(t)
		out, err := x.shell("INSERT INTO link (id, name) VALUES (7, 'campus')", "INSERT INTO subnet (id, link_id, prefix) VALUES (70, 7, '192.0.2.0/24')",
			shellPool+"(700, 70, 1, '192.0.2.10', '192.0.2.20', 32)")
		require.NoError(t, err, out)
		for _, statement := range []string{
			"UPDATE subnet SET vrf = 5", "UPDATE subnet SET first_key = NULL, last_key = '6'", "UPDATE pool SET vrf = 5", "UPDATE pool SET first_key = '4', end_key = NULL",
			"UPDATE subnet SET vrf = 5, first_key = '4', comment = 'x'",
		} {
			out, err := x.shell("PRAGMA recursive_triggers = "+recursive, statement)
			require.NoError(t, err, out)
			require.EqualValues(t, 1, x.number("SELECT count(*) FROM subnet WHERE vrf = 0 AND first_key = '4c0000200' AND last_key = '4c00002ff'"), statement)
			require.EqualValues(t, 1, x.number("SELECT count(*) FROM pool WHERE vrf = 0 AND first_key = '4c000020a' AND last_key = '4c0000214' AND end_key = last_key"), statement)
		}
	}
}

// Where foreign keys are not enforced, what belongs to a row goes with it all
// the same.
func TestShellCascades(t *testing.T) {
	x := newFixture(t)
	out, err := x.shell("INSERT INTO link (id, name) VALUES (7, 'campus')", "INSERT INTO subnet (id, link_id, prefix) VALUES (70, 7, '192.0.2.0/24')",
		"INSERT INTO subnet_relay (subnet_id, addr) VALUES (70, '198.51.100.1')", "INSERT INTO option_data (scope, scope_id, family, code, data) VALUES ('subnet', 70, 4, 3, '192.0.2.1')",
		"INSERT INTO parameter (scope, scope_id, name, value) VALUES ('link', 7, 'valid_lifetime', '600')",
		"INSERT INTO vrf (id) VALUES (3)", "INSERT INTO vrf_interface (name, vrf) VALUES ('eth3', 3)", "INSERT INTO vrf_relay (addr, vrf) VALUES ('2001:db8::3', 3)",
		"INSERT INTO dns_zone (name) VALUES ('example.org')", "INSERT INTO dns_server (zone, addr) VALUES ('example.org', '192.0.2.53')",
		"DELETE FROM subnet", "DELETE FROM link", "DELETE FROM vrf", "DELETE FROM dns_zone")
	require.NoError(t, err, out)
	for _, table := range []string{"subnet_relay", "option_data", "parameter", "vrf_interface", "vrf_relay", "dns_server"} {
		require.Zero(t, x.number("SELECT count(*) FROM "+table), table)
	}
}

// Thousands of rows are written in seconds, and read in less.
func TestManyRowsByHand(t *testing.T) {
	x := newFixture(t)
	const rows = "(WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 2000) SELECT i, '10.' || (i / 256) || '.' || (i % 256) || '.' AS net FROM n)"
	begun := time.Now()
	x.run("BEGIN; INSERT INTO link (id) SELECT i FROM " + rows + "; INSERT INTO subnet (id, link_id, prefix) SELECT i, i, net || '0/24' FROM " + rows +
		"; INSERT INTO pool (id, subnet_id, kind, first_addr, last_addr, delegated_len) SELECT i, i, 1, net || '10', net || '200', 32 FROM " + rows + "; COMMIT")
	written := time.Since(begun)
	begun = time.Now()
	known, err := x.LoadConfig(t.Context())
	require.NoError(t, err)
	loaded := time.Since(begun)
	require.Len(t, known.Links, 2000)
	_, err = x.GatherConfig(t.Context(), known)
	require.NoError(t, err)
	x.run("UPDATE pool SET last_addr = '10.0.7.201' WHERE id = 7")
	begun = time.Now()
	now, err := x.LoadChanges(t.Context(), known)
	require.NoError(t, err)
	t.Logf("written in %s, loaded in %s, one change in %s", written, loaded, time.Since(begun))
	require.Same(t, known.Links[7], now.Links[7])
	require.NotSame(t, known.Links[6], now.Links[6])
	next := *now
	next.Parameters = sqlstore.Parameters{"valid_lifetime": "77"}
	_, err = x.GatherConfig(t.Context(), known)
	require.NoError(t, err)
	begun = time.Now()
	_, err = x.ApplyConfig(t.Context(), sqlstore.AnyRevision, &next, "author", "")
	require.NoError(t, err)
	t.Logf("one change applied in %s", time.Since(begun))

	other := newFixture(t)
	begun = time.Now()
	_, err = other.ApplyConfig(t.Context(), sqlstore.AnyRevision, &next, "author", "")
	require.NoError(t, err)
	t.Logf("all applied to an empty database in %s", time.Since(begun))
}

// Each vrf has an address plan of its own: thousands of them may be the same, and
// in each what overlaps is refused. What becomes slow by that is seen in the plans
// of triggers.
func TestManyVRFsByHand(t *testing.T) {
	x := newFixture(t)
	const rows = "(WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 2000) SELECT i FROM n)"
	for _, statement := range []string{
		"INSERT INTO link (id, vrf) SELECT i, i FROM " + rows,
		"INSERT INTO subnet (id, link_id, prefix, interface_id) SELECT i, i, '2001:db8:1::/64', x'01' FROM " + rows,
		"INSERT INTO subnet_relay (subnet_id, addr) SELECT i, '2001:db8::1' FROM " + rows,
		shellPools + "SELECT i, i, 1, '2001:db8:1::1', '2001:db8:1::2', 128 FROM " + rows,
		"UPDATE subnet SET comment = 'x'",
		"UPDATE subnet_relay SET addr = '2001:db8::2'",
	} {
		begun := time.Now()
		x.run(statement)
		t.Logf("%s: %.40s", time.Since(begun), statement)
	}
	x.run("INSERT INTO link (id, vrf) VALUES (3000, 7); INSERT INTO subnet (id, link_id, prefix) VALUES (3000, 3000, '2001:db8:2::/64')")
	for _, c := range []struct{ statement, rule string }{
		{"UPDATE subnet SET prefix = '2001:db8:1::/65' WHERE id = 3000", "subnets of a vrf must not overlap"},
		{"UPDATE subnet SET interface_id = x'01' WHERE id = 3000", "the same interface_id must not select two links"},
		{"INSERT INTO subnet_relay (subnet_id, addr) VALUES (3000, '2001:db8::2')", "the same relay must not select two links"},
		{"INSERT INTO subnet_relay (subnet_id, addr, vrf) VALUES (3000, '2001:db8::2', 9)", "the same relay must not select two links"},
		{shellPool + "(3000, 7, 1, '2001:db8:1::2', '2001:db8:1::3', 128)", "pools of a vrf must not overlap"},
	} {
		_, err := x.db.Exec(c.statement)
		require.ErrorContains(t, err, c.rule, c.statement)
	}
}

// The vrf of a relay is that of its subnet, whatever is written and whoever
// writes.
func TestRelaysHaveTheVRFOfTheirSubnet(t *testing.T) {
	for _, applying := range []string{"0", "1"} {
		x := newFixture(t)
		x.run("INSERT INTO link (id, vrf) VALUES (1, 1), (2, 2); INSERT INTO subnet (id, link_id, prefix) VALUES (10, 1, '192.0.2.0/24')")
		x.run("UPDATE config_head SET applying = " + applying)
		for _, c := range []struct {
			statement string
			vrf       int64
		}{
			{"INSERT INTO subnet_relay (subnet_id, addr, vrf) VALUES (10, '198.51.100.1', 9)", 1},
			{"UPDATE subnet_relay SET vrf = 9", 1},
			{"UPDATE subnet SET link_id = 2", 2},
			{"UPDATE subnet_relay SET vrf = 9, addr = '198.51.100.2'", 2},
			{"UPDATE config_head SET applying = 1; UPDATE link SET vrf = 3 WHERE id = 2", 3},
		} {
			x.run(c.statement)
			require.Equal(t, c.vrf, x.number("SELECT vrf FROM subnet_relay"), c.statement)
		}
	}
}
