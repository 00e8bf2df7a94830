package mysql_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"rowlock/sqlstore"
	"rowlock/sqlstore/mysql"
	"rowlock/sqlstore/storetest"
)

// newHand is a person's shell on a database, and a store on it.
func newHand(t *testing.T, flavour string) (*shell, *mysql.Store) {
	t.Helper()
	url := storetest.Migrated(t, flavour)
	store, err := mysql.Open(t.Context(), url, mysql.Options{})
	require.NoError(t, err)
	t.Cleanup(func() { _ = store.Close() })
	return shellOn(t, url), store
}

// The links that a subnet was on are the triggers' to write.
func TestFormerLinksByHand(t *testing.T) {
	onEach(t, func(t *testing.T, flavour string) {
		s, store := newHand(t, flavour)
		s.exec(t, "INSERT INTO link (id) VALUES (1), (2), (3), (4)")
		s.exec(t, "INSERT INTO subnet (id, link_id, previous_link_id, earlier_link_id, prefix) VALUES (1, 1, 3, 4, '192.0.2.0/24')")
		for _, step := range []struct {
			set                     string
			link, previous, earlier uint32
		}{
			{"comment = 'as it was made'", 1, 0, 0},
			{"link_id = 2, earlier_link_id = 4", 2, 1, 0},
			{"previous_link_id = 4, earlier_link_id = 4", 2, 1, 0},
			{"link_id = 3, previous_link_id = 4", 3, 2, 1},
			{"link_id = 3, earlier_link_id = 0", 3, 2, 1},
			{"link_id = 2", 2, 3, 2},
		} {
			s.exec(t, "UPDATE subnet SET %s", step.set)
			cfg, err := store.LoadConfig(t.Context())
			require.NoError(t, err)
			got := cfg.Links[step.link-1].Subnets[0]
			require.Equal(t, [2]uint32{step.previous, step.earlier}, [2]uint32{got.PreviousLinkID, got.EarlierLinkID}, step.set)
		}
		next, err := store.LoadConfig(t.Context())
		require.NoError(t, err)
		link := next.Links[1]
		link.Name, link.Subnets[0].LinkID, next.Links[3].Subnets, link.Subnets = "left", 0, link.Subnets, nil
		next.Links[3].Name = "moved"
		_, err = store.ApplyConfig(t.Context(), next.Revision, next, "", "")
		require.NoError(t, err)
		require.Equal(t, []string{"4 2 3"}, s.column(t, "SELECT CONCAT_WS(' ', link_id, previous_link_id, earlier_link_id) FROM subnet"))
	})
}

// Nobody makes a pool wait, or opens it, but the triggers and the program.
func TestWaitingByHand(t *testing.T) {
	onEach(t, func(t *testing.T, flavour string) {
		s, _ := newHand(t, flavour)
		s.exec(t, "INSERT INTO link (id) VALUES (1)")
		s.exec(t, "INSERT INTO subnet (id, link_id, prefix) VALUES (1, 1, '2001:db8::/64')")
		s.exec(t, "INSERT INTO pool (id, subnet_id, kind, first_addr, last_addr, delegated_len) VALUES (1, 1, 1, '2001:db8::1', '2001:db8::9', 128)")
		for _, step := range []struct {
			statement string
			want      int
		}{
			{"UPDATE pool SET waiting = FALSE, comment = 'x'", 1},
			{"UPDATE config_head SET applying = TRUE", 1},
			{"UPDATE pool SET waiting = FALSE", 0},
			{"UPDATE config_head SET applying = FALSE", 0},
			{"UPDATE pool SET waiting = TRUE, comment = 'y'", 0},
			{"UPDATE pool SET waiting = FALSE, last_addr = '2001:db8::8'", 1},
			{"UPDATE config_head SET applying = TRUE", 1},
			{"UPDATE pool SET waiting = FALSE", 0},
			{"UPDATE config_head SET applying = FALSE", 0},
			{"UPDATE subnet SET closing = TRUE", 0},
			{"UPDATE subnet SET closing = FALSE", 1},
		} {
			s.exec(t, "%s", step.statement)
			require.Equal(t, step.want, s.number(t, "SELECT waiting FROM pool"), step.statement)
		}
		require.Zero(t, s.number(t, "SELECT applying FROM config_head"))
	})
}

// A secret that somebody changed is not known by the fingerprint of another, and
// can be put back.
func TestSecretByHand(t *testing.T) {
	onEach(t, func(t *testing.T, flavour string) {
		s, store := newHand(t, flavour)
		const first, second = "MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY=", "ZmVkY2JhOTg3NjU0MzIxMGZlZGNiYTk4NzY1NDMyMTA="
		apply := func() string {
			next := &sqlstore.Config{TSIGKeys: []sqlstore.TSIGKey{{Name: "key", Algorithm: "hmac-sha256", Secret: first}}}
			rev, err := store.Revision(t.Context())
			require.NoError(t, err)
			_, err = store.ApplyConfig(t.Context(), rev, next, "", "")
			require.NoError(t, err)
			require.Equal(t, []string{first}, s.column(t, "SELECT secret FROM tsig_key"))
			return s.column(t, "SELECT fingerprint FROM tsig_key")[0]
		}
		fingerprint := apply()
		require.NotEmpty(t, fingerprint)
		for _, step := range []struct{ set, want string }{
			{"comment = 'x'", fingerprint},
			{"secret = '" + second + "', comment = 'y'", ""},
			{"secret = '" + first + "', fingerprint = '01234567'", "01234567"},
			{"secret = '" + second + "'", ""},
		} {
			s.exec(t, "UPDATE tsig_key SET %s", step.set)
			require.Equal(t, step.want, s.column(t, "SELECT fingerprint FROM tsig_key")[0], step.set)
		}
		secrets, err := store.TSIGSecrets(t.Context())
		require.NoError(t, err)
		require.Equal(t, second, secrets["key"])
		require.Equal(t, fingerprint, apply())
	})
}

// A change tells all who made it since it was looked at, in any number.
func TestAuthorsOfOneChange(t *testing.T) {
	onEach(t, func(t *testing.T, flavour string) {
		url := storetest.Migrated(t, flavour)
		s, other := shellOn(t, url), shellOn(t, storetest.Login(t, url, sqlstore.RoleAdmin))
		store, err := mysql.Open(t.Context(), url, mysql.Options{})
		require.NoError(t, err)
		t.Cleanup(func() { _ = store.Close() })
		me, they := s.column(t, "SELECT USER()")[0], other.column(t, "SELECT USER()")[0]
		gathered := func(want string) {
			t.Helper()
			rev, err := store.GatherConfig(t.Context(), nil)
			require.NoError(t, err)
			require.Equal(t, []string{want}, s.column(t, "SELECT author FROM config_revision WHERE revision = %d", rev))
		}
		author := func() string { return s.column(t, "SELECT author FROM config_change WHERE kind = 2 AND id = 1")[0] }
		s.exec(t, "INSERT INTO link (id) VALUES (1), (2)")
		other.exec(t, "UPDATE link SET comment = 'x'")
		s.exec(t, "UPDATE link SET comment = 'y' WHERE id = 1")
		require.Equal(t, me+", "+they, author())
		gathered(me + ", " + they)
		other.exec(t, "UPDATE link SET comment = 'z' WHERE id = 1")
		require.Equal(t, they, author(), "the others are with their revision")
		gathered(they)

		s.exec(t, "UPDATE link SET comment = 'many' WHERE id = 1")
		many := strings.Repeat("somebody@somewhere, ", 800)
		s.exec(t, "UPDATE config_change SET author = '%s' WHERE kind = 2 AND id = 1", many[:len(many)-2])
		other.exec(t, "UPDATE link SET comment = 'more' WHERE id = 1")
		require.Equal(t, (many + they)[:16000], author())
	})
}

// A comment is of the transaction that wrote it, never of a later change.
func TestCommentByHandIsARevision(t *testing.T) {
	onEach(t, func(t *testing.T, flavour string) {
		s, store := newHand(t, flavour)
		gathered := func(comment string) {
			t.Helper()
			rev, err := store.GatherConfig(t.Context(), nil)
			require.NoError(t, err)
			require.Equal(t, [][]string{{s.column(t, "SELECT USER()")[0], comment}}, func() [][]string {
				_, rows := s.rows(t, fmt.Sprintf("SELECT author, comment FROM config_revision WHERE revision = %d", rev))
				return rows
			}())
		}
		was := s.number(t, "SELECT revision FROM config_head")
		s.exec(t, "UPDATE config_head SET change_comment = 'alone'")
		require.Equal(t, was+1, s.number(t, "SELECT revision FROM config_head"))
		gathered("alone")
		s.exec(t, "INSERT INTO link (id) VALUES (1)")
		gathered("")
		was = s.number(t, "SELECT revision FROM config_head")
		s.exec(t, "UPDATE config_head SET change_comment = ''")
		require.Equal(t, was, s.number(t, "SELECT revision FROM config_head"), "nothing new")
	})
}
