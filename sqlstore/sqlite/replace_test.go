package sqlite

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"rowlock/sqlstore"
)

// replaceSite is a few links; 7, 8 and 9 are of one vrf. Nobody enforces foreign
// keys in the sqlite3 program; the driver does.
func replaceSite(t *testing.T) *fixture {
	t.Helper()
	x := newFixture(t)
	x.run("INSERT INTO link (id, name, vrf) VALUES (1, 'a', 1), (2, 'b', 2), (3, 'c', 3), (4, 'd', 4), (7, 'campus', 0), (8, 'annex', 0), (9, 'yard', 0)")
	x.run("INSERT INTO subnet (id, link_id, prefix) VALUES (70, 7, '192.0.2.0/24'), (71, 7, '2001:db8:1::/64'), (80, 8, '198.51.100.0/24'), (90, 9, '203.0.113.0/24')")
	x.run("INSERT INTO option_data (scope, scope_id, family, code, data) VALUES ('subnet', 90, 4, 3, '203.0.113.1')")
	x.run(shellPool + "(700, 70, 1, '192.0.2.10', '192.0.2.20', 32), (710, 71, 1, '2001:db8:1::1', '2001:db8:1::f', 128), (800, 80, 1, '198.51.100.10', '198.51.100.20', 32)")
	return x
}

// follow loads what changed since known, and sees to it that this is all there is.
func (x *fixture) follow(known *sqlstore.Config) *sqlstore.Config {
	x.t.Helper()
	got, err := x.LoadChanges(x.t.Context(), known)
	require.NoError(x.t, err)
	require.Empty(x.t, sqlstore.Check(got))
	full, err := x.LoadConfig(x.t.Context())
	require.NoError(x.t, err)
	require.Equal(x.t, full, got)
	return got
}

// REPLACE deletes a row, of which no trigger hears: what it says is an update all
// the same, and noted where the row was.
func TestReplaceMoves(t *testing.T) {
	for name, write := range map[string]func(*fixture, string){
		"sqlite3": func(x *fixture, statement string) {
			out, err := x.shell(statement)
			require.NoError(x.t, err, out)
		},
		"driver": func(x *fixture, statement string) { x.run(statement) },
	} {
		t.Run(name, func(t *testing.T) {
			x := replaceSite(t)
			known := x.follow(&sqlstore.Config{})
			for _, c := range []struct {
				statement        string
				links            string // that changed
				former, formerly string // the links that subnet 70 and 90 were on
			}{
				{"REPLACE INTO subnet (id, link_id, prefix) VALUES (70, 8, '192.0.2.0/24')", "7 8", "7 0", "0 0"},
				{"INSERT OR REPLACE INTO subnet (id, link_id, prefix, previous_link_id) VALUES (70, 9, '192.0.2.0/24', 5)", "8 9", "8 7", "0 0"},
				{"REPLACE INTO subnet (id, link_id, prefix, previous_link_id, earlier_link_id) VALUES (70, 9, '192.0.2.0/24', 1, 2)", "9", "8 7", "0 0"},
				{"REPLACE INTO subnet (id, link_id, prefix) VALUES (70, 8, '192.0.2.0/24'), (90, 7, '203.0.113.0/24')", "7 8 9", "9 8", "9 0"},
				{"INSERT INTO subnet (id, link_id, prefix) VALUES (70, 7, '192.0.2.0/24') ON CONFLICT (id) DO UPDATE SET link_id = excluded.link_id", "7 8", "8 9", "9 0"},
				{"REPLACE INTO pool (id, subnet_id, kind, first_addr, last_addr, delegated_len) VALUES (800, 70, 1, '192.0.2.30', '192.0.2.40', 32)", "7 8", "8 9", "9 0"},
				{"REPLACE INTO pool (id, subnet_id, kind, first_addr, last_addr, delegated_len) VALUES (800, 70, 1, '192.0.2.30', '192.0.2.41', 32)", "7", "8 9", "9 0"},
				{"INSERT OR IGNORE INTO subnet (id, link_id, prefix) VALUES (90, 8, '203.0.113.0/24')", "", "8 9", "9 0"},
				{"INSERT OR IGNORE INTO pool (id, subnet_id, kind, first_addr, last_addr, delegated_len) VALUES (700, 80, 1, '198.51.100.30', '198.51.100.40', 32)", "", "8 9", "9 0"},
			} {
				write(x, c.statement)
				require.Equal(t, c.links, x.text("SELECT coalesce(group_concat(id, ' '), '') FROM (SELECT id FROM config_change WHERE kind = 2 AND revision > ? ORDER BY id)", known.Revision), c.statement)
				require.Equal(t, c.links == "", known.Revision == x.number("SELECT revision FROM config_head"), c.statement)
				known = x.follow(known)
				const former = "SELECT previous_link_id || ' ' || earlier_link_id FROM subnet WHERE id = ?"
				require.Equal(t, []string{c.former, c.formerly}, []string{x.text(former, 70), x.text(former, 90)}, c.statement)
			}
			require.EqualValues(t, 1, x.number("SELECT count(*) FROM option_data WHERE scope = 'subnet' AND scope_id = 90"))

			// what was ignored is forgotten, also where its id comes back by itself
			x.run("DELETE FROM option_data; DELETE FROM subnet WHERE id = 90; INSERT INTO subnet (link_id, prefix) VALUES (9, '203.0.113.0/24')")
			require.Equal(t, "0 0", x.text("SELECT previous_link_id || ' ' || earlier_link_id FROM subnet WHERE link_id = 9"))
			x.follow(known)
		})
	}
}

// Triggers that hear of the deletion change nothing of that; only that a subnet
// with pools cannot go.
func TestReplaceWithRecursiveTriggers(t *testing.T) {
	x := replaceSite(t)
	known := x.follow(&sqlstore.Config{})
	out, err := x.shell("PRAGMA recursive_triggers = on", "REPLACE INTO subnet (id, link_id, prefix) VALUES (90, 8, '203.0.113.0/24')",
		"UPDATE subnet SET link_id = 7 WHERE id = 90",
		"REPLACE INTO pool (id, subnet_id, kind, first_addr, last_addr, delegated_len) VALUES (700, 80, 1, '198.51.100.30', '198.51.100.40', 32)")
	require.NoError(t, err, out)
	require.Equal(t, "8 9", x.text("SELECT previous_link_id || ' ' || earlier_link_id FROM subnet WHERE id = 90"))
	x.follow(known)
	out, err = x.shell("PRAGMA recursive_triggers = on", "REPLACE INTO subnet (id, link_id, prefix) VALUES (80, 9, '198.51.100.0/24')")
	require.Error(t, err)
	require.Contains(t, out, "a subnet that has pools must stay")
}

// REPLACE ends the generation that it deletes.
func TestReplaceEndsAGeneration(t *testing.T) {
	x := replaceSite(t)
	x.run("INSERT INTO frontend (id, incarnation) VALUES ('fe1', 1)")
	out, err := x.shell(strings.Replace(shellPool, "INSERT", "REPLACE", 1) + "(700, 70, 1, '192.0.2.10', '192.0.2.30', 32)")
	require.NoError(t, err, out)
	require.EqualValues(t, 2, x.number("SELECT gen FROM pool WHERE id = 700"))
	require.Equal(t, x.number("SELECT revision FROM config_head"), x.number("SELECT retired_rev FROM pool_gen WHERE pool_id = 700 AND gen = 1"))
	require.Zero(t, x.number("SELECT count(*) FROM pool_gen WHERE gen = 2 AND retired_rev IS NOT NULL"))
	out, err = x.shell(strings.Replace(shellPool, "INSERT", "INSERT OR IGNORE", 1) + "(700, 70, 1, '192.0.2.10', '192.0.2.40', 32)")
	require.NoError(t, err, out)
	require.Zero(t, x.number("SELECT count(*) FROM pool_gen WHERE gen = 2 AND retired_rev IS NOT NULL"), "it goes on")
}

// The pools of a subnet that is replaced do as those of one that is updated.
func TestReplaceKeepsPools(t *testing.T) {
	x := replaceSite(t)
	require.EqualValues(t, 1, x.number("SELECT waiting FROM pool WHERE id = 710"))
	left, err := x.SettleConfig(t.Context(), nil)
	require.NoError(t, err)
	require.Zero(t, left)
	const ended = "SELECT count(*) FROM pool_gen WHERE pool_id = 710 AND retired_rev = (SELECT revision FROM config_head)"
	require.Zero(t, x.number("SELECT waiting FROM pool WHERE id = 710"))
	for _, c := range []struct {
		statement      string
		ended, waiting int64
	}{
		{"REPLACE INTO subnet (id, link_id, prefix, comment) VALUES (71, 7, '2001:db8:1::/64', 'same')", 0, 0},
		{"REPLACE INTO subnet (id, link_id, prefix, closing) VALUES (71, 7, '2001:db8:1::/64', 1)", 1, 0},
		{"REPLACE INTO subnet (id, link_id, prefix) VALUES (71, 7, '2001:db8:1::/64')", 0, 1},
	} {
		out, err := x.shell(c.statement)
		require.NoError(t, err, out)
		require.Equal(t, []int64{c.ended, c.waiting, 1}, []int64{x.number(ended), x.number("SELECT waiting FROM pool WHERE id = 710"), x.number("SELECT gen FROM pool WHERE id = 710")}, c.statement)
	}
	before := x.number("SELECT revision FROM config_head")
	out, err := x.shell("REPLACE INTO subnet (id, link_id, prefix) VALUES (71, 1, '2001:db8:1::/64')")
	require.Error(t, err)
	require.Contains(t, out, "a subnet with pools must not move to a link of another vrf")
	require.Equal(t, before, x.number("SELECT revision FROM config_head"))
}
