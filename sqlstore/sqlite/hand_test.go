package sqlite

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"rowlock/sqlstore"
)

const (
	secretA = "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="
	secretB = "AQIDBAUGBwgJCgsMDQ4PEBESExQVFhcYGRobHB0eHyA="
)

// Where a subnet was is how it was moved, whatever is written there.
func TestHandKeepsFormerLinks(t *testing.T) {
	for _, recursive := range []string{"off", "on"} {
		x := replaceSite(t)
		x.run("INSERT INTO subnet (id, link_id, prefix, previous_link_id, earlier_link_id) VALUES (91, 9, '10.0.0.0/24', 3, 4)")
		for _, c := range []struct {
			set, want string
			raises    bool
		}{
			{"comment = 'new'", "9 0 0", true},
			{"previous_link_id = 5", "9 0 0", false},
			{"link_id = 8", "8 9 0", true},
			{"link_id = 7, previous_link_id = 3, earlier_link_id = 4", "7 8 9", true},
			{"previous_link_id = 3, earlier_link_id = 4, comment = 'x'", "7 8 9", true},
			{"earlier_link_id = 4", "7 8 9", false},
			{"link_id = 7", "7 8 9", true},
		} {
			before := x.number("SELECT revision FROM config_head")
			x.run("PRAGMA recursive_triggers = " + recursive + "; UPDATE subnet SET " + c.set + " WHERE id = 91")
			require.Equal(t, c.want, x.text("SELECT link_id || ' ' || previous_link_id || ' ' || earlier_link_id FROM subnet WHERE id = 91"), c.set)
			require.Equal(t, c.raises, x.number("SELECT revision FROM config_head") > before, c.set)
		}
		cfg, err := x.LoadConfig(t.Context())
		require.NoError(t, err)
		s := cfg.Links[4].Subnets[2]
		require.Equal(t, []uint32{91, 7, 8, 9}, []uint32{s.ID, s.LinkID, s.PreviousLinkID, s.EarlierLinkID})
		cfg.Links[4].Subnets, cfg.Links[5].Subnets = cfg.Links[4].Subnets[:2], append(cfg.Links[5].Subnets, s)
		x.put(cfg)
		require.Equal(t, "8 7 8", x.text("SELECT link_id || ' ' || previous_link_id || ' ' || earlier_link_id FROM subnet WHERE id = 91"), "by a document")
	}
}

// Who waits is the program's business, whatever is written.
func TestHandKeepsWaiting(t *testing.T) {
	x := replaceSite(t)
	for _, open := range []bool{false, true} {
		if open {
			left, err := x.SettleConfig(t.Context(), nil)
			require.NoError(t, err)
			require.Zero(t, left)
		}
		for _, set := range []string{"waiting = 0", "waiting = 1", "waiting = 1 - waiting, gen = 9, comment = 'x'", "position = 3, waiting = 1 - waiting"} {
			x.run("UPDATE pool SET " + set)
			require.EqualValues(t, flag(!open), x.number("SELECT waiting FROM pool WHERE id = 710"), set)
			require.Zero(t, x.number("SELECT count(*) FROM pool WHERE id <> 710 AND waiting OR gen <> 1"), set)
		}
	}
	x.run("UPDATE pool SET waiting = 0, last_addr = '2001:db8:1::e' WHERE id = 710; UPDATE pool SET waiting = 1, last_addr = '192.0.2.21' WHERE id = 700")
	require.Equal(t, "700 0, 710 1", x.text("SELECT group_concat(id || ' ' || waiting, ', ') FROM pool WHERE gen = 2"))
}

// A fingerprint does not stand for a secret that somebody wrote after it.
func TestHandForgetsTheFingerprint(t *testing.T) {
	x := newFixture(t)
	cfg := &sqlstore.Config{TSIGKeys: []sqlstore.TSIGKey{{Name: "k", Algorithm: "hmac-sha256", Secret: secretA}}}
	x.put(cfg)
	known := cfg.TSIGKeys[0].Fingerprint
	require.NotEmpty(t, known)
	for _, c := range []struct{ set, want string }{
		{"comment = 'x'", known},
		{"secret = '" + secretA + "'", known},
		{"secret = '" + secretB + "', fingerprint = '01234567'", "01234567"},
		{"secret = '" + secretA + "', fingerprint = '" + known + "'", known},
		{"secret = '" + secretB + "', fingerprint = '" + known + "'", ""}, // it says nothing new
	} {
		x.run("UPDATE tsig_key SET " + c.set)
		require.Equal(t, c.want, x.text("SELECT fingerprint FROM tsig_key"), c.set)
	}
	_, err := x.GatherConfig(t.Context(), nil)
	require.NoError(t, err)
	list, err := x.Revisions(t.Context(), 0, 1)
	require.NoError(t, err)
	require.Contains(t, list[0].Diff, "~ tsig_key k secret: fingerprint "+known+" -> fingerprint not known\n")
	cfg.TSIGKeys[0].Secret = secretA
	x.put(cfg)
	require.Equal(t, secretA+" "+known, x.text("SELECT secret || ' ' || fingerprint FROM tsig_key"), "the old one is back")
}

// What somebody says is with his change, or alone, and not with the change that
// somebody else makes after it.
func TestHandCommentIsAChange(t *testing.T) {
	x := replaceSite(t)
	for _, c := range []struct{ statement, comment string }{
		{"UPDATE config_head SET change_comment = 'ticket 6'; UPDATE link SET comment = 'first' WHERE id = 1", "ticket 6"},
		{"UPDATE config_head SET change_comment = 'ticket 7'", "ticket 7"},
		{"DELETE FROM pool WHERE id = 800", ""},
		{"UPDATE config_head SET change_comment = 'ticket 8'", "ticket 8"},
	} {
		before := x.number("SELECT revision FROM config_head")
		x.run("BEGIN; " + c.statement + "; COMMIT")
		rev, err := x.GatherConfig(t.Context(), nil)
		require.NoError(t, err)
		require.Greater(t, rev, before, c.statement)
		list, err := x.Revisions(t.Context(), 0, 1)
		require.NoError(t, err)
		require.Equal(t, []any{rev, c.comment}, []any{list[0].Number, list[0].Comment}, c.statement)
	}
}

// Whoever is noted for a change stays noted until it is described; each is told
// once.
func TestHandKeepsAuthors(t *testing.T) {
	x := replaceSite(t)
	x.run("UPDATE config_change SET author = 'anna, bert' WHERE id = 7; UPDATE config_change SET author = 'bert' WHERE id = 8")
	x.run("UPDATE link SET comment = 'x' WHERE id IN (7, 9)")
	require.Equal(t, "anna, bert", x.text("SELECT author FROM config_change WHERE id = 7"))
	_, err := x.GatherConfig(t.Context(), nil)
	require.NoError(t, err)
	list, err := x.Revisions(t.Context(), 0, 1)
	require.NoError(t, err)
	require.Equal(t, "anna, bert", list[0].Author)
	x.run("UPDATE link SET comment = 'y' WHERE id = 7")
	require.Empty(t, x.text("SELECT author FROM config_change WHERE id = 7"), "theirs is described")
}

// A frontend that refused the first revision it saw uses none that is as old.
func TestRefusedIsInUse(t *testing.T) {
	x := replaceSite(t)
	for _, c := range []struct {
		frontends string // revision, refused_revision
		want      int64
	}{
		{"", sqlstore.NobodyUses},
		{"(0, 0)", 0},
		{"(0, 7)", 8},
		{"(0, 7), (9, 0)", 8},
		{"(0, 7), (5, 7)", 5},
		{"(8, 9), (9, 0)", 8},
	} {
		x.run("DELETE FROM frontend")
		if c.frontends != "" {
			x.run("INSERT INTO frontend (id, incarnation, revision, refused_revision) SELECT 'fe' || row_number() OVER (), 1, column1, column2 FROM (VALUES " + c.frontends + ")")
		}
		var got int64
		require.NoError(t, x.configure(t.Context(), "look", func(tx *configTx) (err error) {
			got, err = tx.InUse()
			return err
		}))
		require.Equal(t, c.want, got, c.frontends)
	}
}

// Rows that were written past the triggers, where nobody enforces foreign keys,
// are an error of the data, in all that reads them.
func TestRowsThatCannotBeRead(t *testing.T) {
	for _, statement := range []string{
		"DELETE FROM link WHERE id = 7",
		"DELETE FROM subnet WHERE id = 70",
		"UPDATE link SET id = 4294967303 WHERE id = 7; UPDATE subnet SET link_id = 4294967303 WHERE link_id = 7",
		"UPDATE subnet SET id = 4294967366 WHERE id = 70; UPDATE pool SET subnet_id = 4294967366 WHERE subnet_id = 70",
		"UPDATE pool SET id = 4294967996 WHERE id = 700",
		"UPDATE subnet SET prefix = '192.0.2/24' WHERE id = 70",
		"UPDATE subnet SET prefix = '192.0.2.0/99' WHERE id = 70",
		"UPDATE pool SET first_addr = '192.0.2' WHERE id = 700",
		"UPDATE pool SET last_addr = '192.0.2.020' WHERE id = 700",
		"INSERT INTO subnet_relay (subnet_id, addr) VALUES (70, 'ab')",
		"INSERT INTO subnet_relay (subnet_id, addr) VALUES (99, '192.0.2.1')",
		"INSERT INTO vrf (id) VALUES (5); INSERT INTO vrf_relay (addr, vrf) VALUES ('relay', 5)",
		"INSERT INTO dns_zone (name) VALUES ('example.org'); INSERT INTO dns_server (zone, addr) VALUES ('example.org', 'a')",
		"UPDATE pool_gen SET first_addr = 'x', retired_rev = 1",
	} {
		x := replaceSite(t)
		known, err := x.LoadConfig(t.Context())
		require.NoError(t, err)
		out, err := x.shell("UPDATE config_head SET applying = 1", statement,
			"UPDATE config_change SET revision = 1000000", "UPDATE config_head SET revision = 1000000, described = 1000000", "UPDATE config_head SET applying = 0")
		require.NoError(t, err, out)
		tries := map[string]func() error{
			"settle": func() error { _, err := x.SettleConfig(t.Context(), known); return err },
			"load":   func() error { _, err := x.LoadConfig(t.Context()); return err },
			"changes": func() error {
				_, err := x.LoadChanges(t.Context(), known)
				return err
			},
		}
		for name, try := range tries {
			if retired := strings.HasPrefix(statement, "UPDATE pool_gen"); retired && name != "settle" {
				continue
			}
			require.ErrorIs(t, try(), sqlstore.ErrData, "%s: %s", name, statement)
		}
	}
}
