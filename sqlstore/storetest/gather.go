package storetest

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"rowlock/sqlstore"
)

// testGather is how changes by hand come into the history of the configuration,
// and what that history gives back.
func testGather(t *testing.T, dialect string) {
	for _, test := range []struct {
		name string
		run  func(*testing.T, *hand)
	}{
		{"row", gatherRow},
		{"several", gatherSeveral},
		{"comments", gatherComments},
		{"comment alone", gatherCommentAlone},
		{"secret", gatherSecret},
		{"undone", gatherUndone},
		{"apply", gatherApply},
		{"any revision", gatherAny},
		{"unknown", gatherUnknown},
		{"former", gatherFormer},
		{"pruned", gatherPruned},
		{"upgraded", gatherUpgraded},
		{"leases", gatherLeases},
		{"consumer", gatherConsumer},
	} {
		t.Run(test.name, func(t *testing.T) { test.run(t, newHand(t, dialect)) })
	}
}

func (c *configured) gather(t testing.TB, known *sqlstore.Config) int64 {
	t.Helper()
	rev, err := c.revisions().GatherConfig(t.Context(), known)
	require.NoError(t, err)
	require.Equal(t, rev, c.db.number(t, "SELECT described FROM config_head"))
	require.Equal(t, rev, c.db.number(t, "SELECT revision FROM config_head"))
	require.EqualValues(t, 1, c.db.number(t, "SELECT count(*) FROM config_head WHERE change_comment = '' AND NOT applying"))
	return rev
}

func (c *configured) at(t testing.TB, rev int64) *sqlstore.Config {
	t.Helper()
	cfg, err := c.revisions().ConfigAt(t.Context(), rev)
	require.NoError(t, err)
	require.Equal(t, rev, cfg.Revision)
	return cfg
}

func (c *configured) newestRevision(t testing.TB) sqlstore.Revision {
	t.Helper()
	list, err := c.store.Revisions(t.Context(), 0, 1)
	if b, ok := c.store.(both); ok {
		list, err = b.admin.Revisions(t.Context(), 0, 1)
	}
	require.NoError(t, err)
	require.Len(t, list, 1)
	return list[0]
}

// whoami is what the database calls the user; "" where it knows none.
func (d *database) whoami(t testing.TB) string {
	t.Helper()
	switch {
	case d.postgres():
		return d.rows(t, "SELECT session_user")[0][0]
	case d.mysql():
		return d.rows(t, "SELECT USER()")[0][0]
	}
	return ""
}

func diffText(old, next *sqlstore.Config) string {
	var text strings.Builder
	for _, c := range sqlstore.Diff(old, next) {
		fmt.Fprintln(&text, c)
	}
	return text.String()
}

func gatherRow(t *testing.T, h *hand) {
	h.apply(t, handSite())
	was := h.load(t)
	applied := h.newestRevision(t)
	require.Equal(t, diffText(nil, was), applied.Diff)
	require.Equal(t, [2]string{"author", "comment"}, [2]string{applied.Author, applied.Comment})
	require.Equal(t, was.Revision, h.gather(t, was), "nothing to do")
	begin := h.db.now(t)
	h.does(t, "UPDATE config_head SET change_comment = 'ticket 4711'",
		"UPDATE parameter SET value = '7200' WHERE scope = 'global'", "UPDATE pool SET last_addr = '192.0.2.25' WHERE id = 100")
	now := h.load(t)
	require.Equal(t, now.Revision, h.gather(t, was))
	r := h.newestRevision(t)
	require.Equal(t, [3]string{h.admin.whoami(t), "ticket 4711", diffText(was, now)}, [3]string{r.Author, r.Comment, r.Diff})
	require.Contains(t, r.Diff, "valid_lifetime: 3600 -> 7200")
	require.Equal(t, now.Revision, r.Number)
	require.False(t, r.At.Before(begin) || r.At.After(h.db.now(t)), "%s", r.At)
	require.True(t, sqlstore.SameConfig(now, h.at(t, r.Number)))
	require.True(t, sqlstore.SameConfig(was, h.at(t, was.Revision)))
	n := h.db.number(t, "SELECT count(*) FROM config_revision")
	require.Equal(t, now.Revision, h.gather(t, now), "written once")
	require.Equal(t, n, h.db.number(t, "SELECT count(*) FROM config_revision"))
	require.Equal(t, now, h.load(t), "the configuration stays as it is")
}

// What several people did before anybody looked is one revision.
func gatherSeveral(t *testing.T, h *hand) {
	h.apply(t, handSite())
	was := h.load(t)
	h.does(t, "UPDATE link SET comment = 'one' WHERE id = 1")
	h.does(t, "UPDATE link SET comment = 'two' WHERE id = 2", "DELETE FROM parameter WHERE scope = 'link'")
	h.db.exec(t, "UPDATE subnet SET comment = 'three' WHERE id = 30")
	n := h.db.number(t, "SELECT count(*) FROM config_revision")
	now := h.load(t)
	require.Equal(t, now.Revision, h.gather(t, nil), "also without knowing what was")
	require.Equal(t, n+1, h.db.number(t, "SELECT count(*) FROM config_revision"))
	r := h.newestRevision(t)
	require.Equal(t, diffText(was, now), r.Diff)
	for _, db := range []*database{h.db, h.admin} {
		require.Equal(t, 1, strings.Count(", "+r.Author+",", ", "+db.whoami(t)+","), "%q", r.Author)
	}
	require.True(t, sqlstore.SameConfig(now, h.at(t, r.Number)))
}

// What each of them said of his change stays, one a line; who says the same adds
// nothing, and the whole is no longer than a comment.
func gatherComments(t *testing.T, h *hand) {
	h.apply(t, handSite())
	said := func(comment string) {
		h.does(t, "UPDATE config_head SET change_comment = '"+comment+"'", "UPDATE link SET comment = '"+comment[:3]+"' WHERE id = 2")
	}
	gathered := func(want, why string) {
		n := h.db.number(t, "SELECT count(*) FROM config_revision")
		h.gather(t, nil)
		require.Equal(t, n+1, h.db.number(t, "SELECT count(*) FROM config_revision"))
		require.Equal(t, want, h.newestRevision(t).Comment, why)
	}
	for _, comment := range []string{"one", "two", "three", "two", "one", "three", "two\nthree"} {
		said(comment)
	}
	gathered("one\ntwo\nthree", "each once")
	said("four")
	gathered("four", "the others are with their revision")
	said("five")
	said("five hundred")
	said("five\nfive hundred\nsix")
	h.does(t, "UPDATE link SET comment = 'silent' WHERE id = 2")
	gathered("five\nfive hundred\nsix", "who repeats what is there adds the rest")
	said("seven")
	h.does(t, "UPDATE config_head SET change_comment = ''", "UPDATE link SET comment = 'taken back' WHERE id = 2")
	gathered("", "taken back")
	for i := range 5 { // a character ends at each of the bytes around the bound
		first := strings.Repeat("x", 100+i)
		said(first)
		said("yyy" + strings.Repeat("🔒", 990))
		said("zzz")
		whole := []rune(first + "\nyyy" + strings.Repeat("🔒", 990))
		for len(string(whole)) > sqlstore.MaxComment {
			whole = whole[:len(whole)-1]
		}
		gathered((string(whole) + "\nzzz")[:sqlstore.MaxComment], fmt.Sprint(i))
	}
}

// A change that was taken back before anybody looked has a number too.
func gatherUndone(t *testing.T, h *hand) {
	h.apply(t, handSite())
	was := h.load(t)
	h.does(t, "UPDATE link SET comment = 'one' WHERE id = 1")
	h.does(t, "UPDATE link SET comment = 'two halves' WHERE id = 1")
	rev := h.gather(t, was)
	require.Greater(t, rev, was.Revision)
	require.Empty(t, h.newestRevision(t).Diff)
	require.True(t, sqlstore.SameConfig(was, h.at(t, rev)))
}

// Whoever applies a document writes down first what others did by hand.
func gatherApply(t *testing.T, h *hand) {
	base := h.apply(t, handSite())
	was := h.load(t)
	h.does(t, "UPDATE config_head SET change_comment = 'by hand'", "UPDATE subnet SET comment = 'hand' WHERE id = 10")
	hand := h.load(t)
	next := h.load(t)
	next.Comment = "applied"
	_, err := h.store.ApplyConfig(t.Context(), base, next, "author", "comment")
	require.ErrorIs(t, err, sqlstore.ErrConflict, "somebody was there before")
	rev, err := h.store.ApplyConfig(t.Context(), hand.Revision, next, "author", "comment")
	require.NoError(t, err)
	require.Equal(t, hand.Revision+1, rev)
	require.Equal(t, [][]string{
		{fmt.Sprint(hand.Revision), h.admin.whoami(t), "by hand", diffText(was, hand)},
		{fmt.Sprint(rev), "author", "comment", diffText(hand, h.load(t))},
	}, h.db.rows(t, "SELECT revision, author, comment, diff FROM config_revision WHERE revision > %d ORDER BY 1", base))
	require.Equal(t, rev, h.gather(t, nil))
	require.True(t, sqlstore.SameConfig(hand, h.at(t, hand.Revision)))

	h.does(t, "UPDATE subnet SET comment = 'again' WHERE id = 10")
	again := h.load(t)
	got := h.apply(t, h.load(t))
	require.Equal(t, again.Revision, got, "nothing to apply, and all is described")
	require.Equal(t, got, h.gather(t, nil))
	require.Equal(t, h.admin.whoami(t), h.newestRevision(t).Author)
}

// Every revision that is described can be had again, as it was.
func gatherAny(t *testing.T, h *hand) {
	h.apply(t, handSite())
	e := newEditor(1)
	all := map[int64]*sqlstore.Config{}
	known := h.load(t)
	for i := range 70 { // more than share one full content
		now := h.editsOnce(t, e)
		switch i % 3 {
		case 0:
			h.gather(t, known)
		case 1:
			h.gather(t, nil)
		}
		if i%3 < 2 {
			known = now
			all[now.Revision] = now
		}
	}
	require.Len(t, all, 47)
	for rev, want := range all {
		require.True(t, sqlstore.SameConfig(want, h.at(t, rev)), "revision %d: %v", rev, sqlstore.Diff(want, h.at(t, rev)))
	}
	full := h.db.number(t, "SELECT count(*) FROM config_revision WHERE is_full")
	require.Greater(t, full, int64(1))
	require.Less(t, full, h.db.number(t, "SELECT count(*) FROM config_revision")/3, "most say only what changed")

	// any of them once more
	for _, rev := range slices.Sorted(maps.Keys(all)) {
		want, back := all[rev], h.at(t, rev)
		for i := range back.TSIGKeys {
			back.TSIGKeys[i].Fingerprint = ""
		}
		_, err := h.store.ApplyConfig(t.Context(), sqlstore.AnyRevision, back, "author", "revert")
		require.NoError(t, err)
		require.Empty(t, diffText(want, h.load(t)), "revision %d", rev)
	}
}

func gatherUnknown(t *testing.T, h *hand) {
	empty := h.at(t, 0)
	require.Empty(t, empty.Links)
	require.Zero(t, h.gather(t, nil))
	rev := h.apply(t, handSite())
	for _, r := range []int64{-1, rev + 1, 1 << 40} {
		_, err := h.revisions().ConfigAt(t.Context(), r)
		require.ErrorIs(t, err, sqlstore.ErrNotFound)
	}
	h.does(t, "UPDATE link SET comment = 'one' WHERE id = 1")
	_, err := h.revisions().ConfigAt(t.Context(), rev+1)
	require.ErrorIs(t, err, sqlstore.ErrNotFound, "not described yet")
}

// unguarded runs statements of the owner as the program's own.
func (h *hand) unguarded(t testing.TB, statements ...string) {
	t.Helper()
	tx, err := h.db.db.BeginTx(t.Context(), nil)
	require.NoError(t, err)
	statements = append([]string{"UPDATE config_head SET applying = true"}, statements...)
	for _, s := range append(statements, "UPDATE config_head SET applying = false") {
		_, err := tx.ExecContext(t.Context(), s)
		require.NoError(t, err, s)
	}
	require.NoError(t, tx.Commit())
}

// A comment that comes too late for its change is not said of the next one.
func gatherCommentAlone(t *testing.T, h *hand) {
	h.apply(t, handSite())
	h.does(t, "UPDATE subnet SET comment = 'a' WHERE id = 10")
	h.gather(t, nil)
	h.does(t, "UPDATE config_head SET change_comment = 'ticket 7'")
	h.gather(t, nil)
	r := h.newestRevision(t)
	require.Equal(t, [2]string{"ticket 7", ""}, [2]string{r.Comment, r.Diff})
	h.does(t, "DELETE FROM pool WHERE id = 101")
	h.gather(t, nil)
	r = h.newestRevision(t)
	require.Empty(t, r.Comment)
	require.Contains(t, r.Diff, "pool")
}

// Another secret is a change, which a document takes back.
func gatherSecret(t *testing.T, h *hand) {
	h.apply(t, handSite())
	was := h.db.rows(t, "SELECT name, algorithm, secret, fingerprint FROM tsig_key ORDER BY 1")
	h.does(t, "UPDATE tsig_key SET secret = 'AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=' WHERE name = 'a_key'")
	h.gather(t, nil)
	require.Regexp(t, "^~ tsig_key a_key secret: fingerprint [0-9a-f]{8} -> fingerprint not known\n$", h.newestRevision(t).Diff)
	h.apply(t, handSite())
	require.Equal(t, was, h.db.rows(t, "SELECT name, algorithm, secret, fingerprint FROM tsig_key ORDER BY 1"))
}

// A configuration from before revisions had a content is described by whoever
// looks first, and keeps what is known of it.
func gatherFormer(t *testing.T, h *hand) {
	for _, first := range []func() int64{
		func() int64 { return h.gather(t, nil) },
		func() int64 { return h.gather(t, h.load(t)) },
		func() int64 { return h.apply(t, h.load(t)) },
	} {
		h.apply(t, oneSubnet())
		h.apply(t, handSite())
		was := h.load(t)
		h.unguarded(t, "UPDATE config_revision SET content = NULL, is_full = false, diff = ''", "UPDATE config_head SET described = 0")
		_, err := h.revisions().ConfigAt(t.Context(), was.Revision)
		require.ErrorIs(t, err, sqlstore.ErrNotFound)
		require.Equal(t, was.Revision, first())
		r := h.newestRevision(t)
		require.Equal(t, [3]string{"author", "comment", diffText(nil, was)}, [3]string{r.Author, r.Comment, r.Diff})
		require.True(t, sqlstore.SameConfig(was, h.at(t, was.Revision)))
		_, err = h.revisions().ConfigAt(t.Context(), was.Revision-1)
		require.ErrorIs(t, err, sqlstore.ErrNotFound)
	}
}

// The migration knows what was there before it.
func gatherUpgraded(t *testing.T, h *hand) {
	h.apply(t, handSite())
	m := migrator(t, h.db.owner)
	name, err := m.Down(t.Context())
	require.NoError(t, err)
	require.Contains(t, name, "revision")
	_, err = m.Up(t.Context())
	require.NoError(t, err)
	c := &configured{h.db, Open(t, h.db.owner)} // the tables that are new again are the owner's alone
	now := c.load(t)
	require.Len(t, now.Links, 6)
	require.Len(t, c.changed(t, 0), 6)
	require.EqualValues(t, 7, c.db.number(t, "SELECT count(*) FROM config_change WHERE revision = %d", now.Revision))
	require.Equal(t, [][]string{{"7"}}, c.db.rows(t, "SELECT vrf FROM pool_gen WHERE pool_id = 300"))
	require.Zero(t, c.db.number(t, "SELECT count(*) FROM pool_gen WHERE retired_rev IS NOT NULL"))
	require.Equal(t, now.Revision, c.gather(t, nil))
	require.True(t, sqlstore.SameConfig(now, c.at(t, now.Revision)))
	h.db.exec(t, "UPDATE link SET comment = 'new' WHERE id = 1")
	require.Equal(t, "new", linkOf(t, c.changes(t, now), 1).Comment, "triggers are there again")
}

// Somebody may delete old revisions: the others can be had, and the next change
// is described all the same.
func gatherPruned(t *testing.T, h *hand) {
	h.apply(t, oneSubnet())
	h.apply(t, handSite())
	for i := range 3 {
		h.does(t, fmt.Sprintf("UPDATE link SET comment = 'n%d' WHERE id = 1", i))
		h.gather(t, nil)
	}
	h.unguarded(t, "DELETE FROM config_revision WHERE is_full")
	_, err := h.revisions().ConfigAt(t.Context(), h.load(t).Revision)
	require.ErrorIs(t, err, sqlstore.ErrNotFound)
	h.does(t, "UPDATE link SET comment = 'later' WHERE id = 1")
	now := h.load(t)
	require.Equal(t, now.Revision, h.gather(t, nil))
	require.True(t, sqlstore.SameConfig(now, h.at(t, now.Revision)))
}

// Leases in the range of a pool that was changed by hand get its name.
func gatherLeases(t *testing.T, h *hand) {
	h.apply(t, handSite())
	v := variants[0]
	require.Equal(t, sqlstore.IPv4, v.family)
	b := &bench{v, h.db, h.store, 0}
	pool := poolOf(t, h.load(t), 101)
	in := b.insert(0, 1, pool.First)
	in.SubnetID, in.PoolID, in.PoolGen = pool.SubnetID, pool.ID, pool.Gen
	l := b.do(t, sqlstore.Activate, place(t, h.store, in).Lease, 0)
	where := func() string {
		return fmt.Sprint(h.db.rows(t, "SELECT pool_id, pool_gen, subnet_id FROM lease4 WHERE %s", h.db.rowOf(l.Key))[0])
	}
	h.does(t, "UPDATE pool SET last_addr = '192.0.2.41' WHERE id = 101")
	h.gather(t, nil)
	gen := poolOf(t, h.load(t), 101).Gen
	require.Greater(t, gen, pool.Gen)
	require.Equal(t, fmt.Sprintf("[101 %d 10]", gen), where())
	h.does(t, "DELETE FROM pool WHERE id = 101", newPool(109, 10, "192.0.2.30", "192.0.2.35"))
	h.apply(t, h.load(t))
	require.Equal(t, "[109 1 10]", where())
}

// Zones that somebody wrote have a consumer of lease changes, too.
func gatherConsumer(t *testing.T, h *hand) {
	h.apply(t, oneSubnet())
	h.does(t, "INSERT INTO dns_zone (name) VALUES ('example.org')")
	h.gather(t, nil)
	require.EqualValues(t, 1, h.db.number(t, "SELECT count(*) FROM event_consumer WHERE name = 'ddns' AND seq = -1"))
	h.does(t, "DELETE FROM dns_zone")
	h.gather(t, nil)
	require.Zero(t, h.db.number(t, "SELECT count(*) FROM event_consumer"))
}
