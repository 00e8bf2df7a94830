package storetest

import (
	"fmt"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"rowlock/sqlstore"
)

// testChanges is that whoever reads only what changed knows what is.
func testChanges(t *testing.T, dialect string) {
	for _, test := range []struct {
		name string
		run  func(*testing.T, *hand)
	}{
		{"random", changesRandom},
		{"kinds", changesKinds},
		{"parameter_def", changesDefs},
	} {
		t.Run(test.name, func(t *testing.T) { test.run(t, newHand(t, dialect)) })
	}
}

func (c *configured) changes(t testing.TB, known *sqlstore.Config) *sqlstore.Config {
	t.Helper()
	cfg, err := c.revisions().LoadChanges(t.Context(), known)
	require.NoError(t, err)
	return cfg
}

// changed are the ids of links that changed after a revision.
func (c *configured) changed(t testing.TB, rev int64) (ids []uint32) {
	t.Helper()
	for _, r := range c.db.rows(t, "SELECT id FROM config_change WHERE kind = 2 AND revision > %d", rev) {
		ids = append(ids, uint32(atoi(t, r[0])))
	}
	return ids
}

// follow loads what changed since known, and compares it with all there is.
func (c *configured) follow(t testing.TB, known *sqlstore.Config) *sqlstore.Config {
	t.Helper()
	got, full, ids := c.changes(t, known), c.load(t), c.changed(t, known.Revision)
	require.Equal(t, full.Revision, got.Revision)
	require.True(t, sqlstore.SameConfig(full, got), "%v", sqlstore.Diff(full, got))
	require.Len(t, got.Links, len(full.Links))
	was := map[uint32]*sqlstore.Link{}
	for _, l := range known.Links {
		was[l.ID] = l
	}
	for i, l := range got.Links {
		require.Equal(t, full.Links[i], l, "keys of the order of addresses as well")
		switch old := was[l.ID]; {
		case slices.Contains(ids, l.ID):
		case 2*len(ids) <= len(known.Links):
			require.Same(t, old, l, "link %d did not change", l.ID)
		default:
			require.Equal(t, old, l, "link %d did not change", l.ID)
		}
	}
	require.Same(t, got, c.changes(t, got), "nothing has changed since")
	return got
}

func changesRandom(t *testing.T, h *hand) {
	empty := h.load(t)
	h.apply(t, handSite())
	known := h.follow(t, empty)
	e := newEditor(2)
	for i := range 12 { // so many that few of them change at a time
		h.does(t, fmt.Sprintf("INSERT INTO link (id, name) VALUES (%[1]d, 'l%[1]d')", 800+i), subnetRow(800+i, 800+i, fmt.Sprintf("10.7.%d.0/24", i)))
	}
	older := known
	for i := range 50 {
		h.editsOnce(t, e)
		known = h.follow(t, known)
		if i%9 == 0 { // who has seen nothing for a while
			older = h.follow(t, older)
		}
	}
	h.apply(t, &sqlstore.Config{})
	require.Empty(t, h.follow(t, known).Links)
}

// Whatever is changed by hand is noted for the link that it belongs to, or for
// what is global.
func changesKinds(t *testing.T, h *hand) {
	h.apply(t, handSite())
	known := h.load(t)
	global := []uint32{}
	for _, x := range []struct {
		statement string
		links     []uint32
	}{
		{"UPDATE link SET comment = 'new' WHERE id = 4", []uint32{4}},
		{"UPDATE subnet SET comment = 'new' WHERE id = 30", []uint32{3}},
		{"UPDATE subnet SET link_id = 4 WHERE id = 11", []uint32{1, 4}},
		{"INSERT INTO subnet_relay (subnet_id, addr) VALUES (30, '198.51.100.3')", []uint32{3}},
		{"UPDATE subnet_relay SET addr = '198.51.100.4' WHERE subnet_id = 30", []uint32{3}},
		{"DELETE FROM subnet_relay WHERE subnet_id = 30", []uint32{3}},
		{"UPDATE pool SET position = 4 WHERE id = 200", []uint32{2}},
		{newPool(301, 30, "192.0.2.70", "192.0.2.71"), []uint32{3}},
		{"DELETE FROM pool WHERE id = 301", []uint32{3}},
		{"INSERT INTO parameter (scope, scope_id, name, value) VALUES ('link', 5, 'renew_timer', '9')", []uint32{5}},
		{"UPDATE parameter SET scope = 'subnet', scope_id = 60 WHERE scope_id = 5", []uint32{5, 6}},
		{"DELETE FROM parameter WHERE scope_id = 60", []uint32{6}},
		{"INSERT INTO option_data (scope, scope_id, family, code, data) VALUES ('subnet', 20, 6, 24, 'x')", []uint32{2}},
		{"UPDATE option_data SET data = 'y' WHERE scope_id = 20", []uint32{2}},
		{"DELETE FROM option_data WHERE scope_id = 20", []uint32{2}},
		{"DELETE FROM subnet WHERE id = 50", []uint32{5}},
		{"DELETE FROM link WHERE id = 5", []uint32{5}},
		{"INSERT INTO link (id, name) VALUES (5, 'back')", []uint32{5}},
		{"UPDATE parameter SET value = '99' WHERE scope = 'global'", global},
		{"DELETE FROM option_data WHERE scope = 'global'", global},
		{"UPDATE config_head SET comment = 'all'", global},
		{"INSERT INTO vrf (id) VALUES (3)", global},
		{"INSERT INTO vrf_interface (name, vrf) VALUES ('i', 3)", global},
		{"UPDATE vrf_relay SET vrf = 3", global},
		{"DELETE FROM vrf WHERE id = 3", global},
		{"UPDATE tsig_key SET algorithm = 'hmac-sha384' WHERE name = 'a_key'", global},
		{"INSERT INTO dns_zone (name) VALUES ('new.example.org')", global},
		{"UPDATE dns_server SET port = 54 WHERE zone = 'example.org'", global},
		{"DELETE FROM dns_server", global},
		{"DELETE FROM dns_zone", global},
		{"DELETE FROM tsig_key", global},
	} {
		h.does(t, x.statement)
		ids := h.changed(t, known.Revision)
		require.ElementsMatch(t, x.links, ids, x.statement)
		n := h.db.number(t, "SELECT count(*) FROM config_change WHERE kind = 1 AND id = 0 AND revision > %d", known.Revision)
		require.Equal(t, len(x.links) == 0, n == 1, x.statement)
		for _, r := range h.db.rows(t, "SELECT author FROM config_change WHERE revision > %d", known.Revision) {
			require.Equal(t, h.admin.whoami(t), r[0], x.statement)
		}
		known = h.follow(t, known)
	}
}

// The table of parameters is what the program knows of them.
func changesDefs(t *testing.T, h *hand) {
	rows := h.db.rows(t, "SELECT name, type, scopes, lowest, highest, CASE WHEN is_whole THEN 'whole' ELSE '' END, choices, default_value, help FROM parameter_def ORDER BY name")
	number := func(p *float64) string {
		if p == nil {
			return ""
		}
		return fmt.Sprint(*p)
	}
	var want [][]string
	for _, r := range sqlstore.ParameterRows() {
		want = append(want, []string{
			r.Name, r.Type, r.Scopes, number(r.Lowest), number(r.Highest), map[bool]string{true: "whole"}[r.Whole], r.Choices, r.Default, r.Help,
		})
	}
	for _, r := range rows {
		for _, i := range []int{3, 4} {
			if r[i] != "" {
				var n float64
				_, err := fmt.Sscan(r[i], &n)
				require.NoError(t, err)
				r[i] = fmt.Sprint(n)
			}
		}
	}
	require.ElementsMatch(t, want, rows)
}
