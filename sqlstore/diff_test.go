package sqlstore_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"rowlock/sqlstore"
)

// networks draws shared networks whose names look like parts of each other.
func networks() *rapid.Generator[*sqlstore.Config] {
	names := []string{
		"a", "a/comment", "a/comment/comment", "a/parameter renew_timer", "a/parameter renew_timer/comment", "a/option v4 6", "a/option v4 6/comment", "a comment",
	}
	return rapid.Custom(func(t *rapid.T) *sqlstore.Config {
		c := &sqlstore.Config{}
		value := rapid.SampledFrom([]string{"", "1", "2", "vrf 0"})
		for i, name := range names {
			if !rapid.Bool().Draw(t, name) {
				continue
			}
			l := &sqlstore.Link{ID: uint32(i + 1), Name: name, Comment: value.Draw(t, "comment")}
			if v := value.Draw(t, "parameter"); v != "" {
				l.Parameters = sqlstore.Parameters{"renew_timer": v}
				if note := value.Draw(t, "note"); note != "" {
					l.Notes = sqlstore.Notes{"renew_timer": note}
				}
			}
			if v := value.Draw(t, "option"); v != "" {
				l.Options = []sqlstore.OptionData{{Family: sqlstore.IPv4, Code: 6, Data: v, Comment: value.Draw(t, "about it")}}
			}
			c.Links = append(c.Links, l)
		}
		return c
	})
}

// Names do not hide changes: one value that differs is one change.
func TestDiffFindsWhatDiffers(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		old := networks().Filter(func(c *sqlstore.Config) bool { return len(c.Links) > 0 }).Draw(t, "old")
		next := &sqlstore.Config{Links: slices.Clone(old.Links)}
		i := rapid.IntRange(0, len(old.Links)-1).Draw(t, "changed")
		l := *old.Links[i]
		l.Comment += "new"
		next.Links[i] = &l
		require.Len(t, sqlstore.Diff(old, next), 1)
		require.Len(t, sqlstore.Diff(next, old), 1)
		other := networks().Draw(t, "other")
		require.Equal(t, sqlstore.SameConfig(old, other), len(sqlstore.Diff(old, other)) == 0)
		require.Empty(t, sqlstore.Diff(old, old))
	})
}

func TestDiffOfNamesWithASlash(t *testing.T) {
	old := &sqlstore.Config{Links: []*sqlstore.Link{{Name: "a", Comment: "x"}, {Name: "a/comment"}}}
	next := &sqlstore.Config{Links: []*sqlstore.Link{{Name: "a", Comment: "y"}, {Name: "a/comment"}}}
	changes := sqlstore.Diff(old, next)
	require.Len(t, changes, 1)
	require.Equal(t, `~ shared_network a comment: "x" -> "y"`, changes[0].String())
}

func TestVisible(t *testing.T) {
	for text, want := range map[string]string{
		"":                       "",
		"plain é 😀\u00a0\"\\":    "plain é 😀\u00a0\"\\",
		"\x1b]0;title\a":         `\x1b]0;title\a`,
		"a\nb\tc\r\n":            "a\nb\\tc\\r\n",
		"\xff\u009b31m\u202eabc": `\xff\u009b31m\u202eabc`,
		"\ufffd\u2028":           "\ufffd\\u2028",
	} {
		require.Equal(t, want, sqlstore.Visible(text, "\n"))
	}
	c := sqlstore.Change{Kind: sqlstore.Changed, Object: "global parameter renew_timer", Old: "1\x1b[2J", New: "2\n+ subnet 192.0.2.0/24"}
	require.Equal(t, `~ global parameter renew_timer: 1\x1b[2J -> 2\n+ subnet 192.0.2.0/24`, c.String())
}

// A link without a name and its subnet are one object of a document.
func TestWholeHasBothComments(t *testing.T) {
	for _, x := range [][3]string{{"", "", ""}, {"l", "", "l"}, {"", "s", "s"}, {"l", "s", "l\ns"}} {
		l := &sqlstore.Link{Comment: x[0], Subnets: []*sqlstore.Subnet{{Comment: x[1]}}}
		require.Equal(t, x[2], l.Whole().Comment)
		require.Equal(t, x[1], l.Subnets[0].Comment)
	}
	require.True(t, sqlstore.LegalComment("two\n\tlines"))
	require.False(t, strings.ContainsFunc("\r\x1b\u2028\u0085", func(r rune) bool { return sqlstore.LegalComment(string(r)) }))
}

// Clients are known by the id of their link: another one for a name is a change.
func TestDiffOfTheIDOfANetwork(t *testing.T) {
	old := &sqlstore.Config{Links: []*sqlstore.Link{{ID: 1, Name: "a"}}}
	require.Empty(t, sqlstore.Diff(old, &sqlstore.Config{Links: []*sqlstore.Link{{ID: 1, Name: "a"}}}))
	changes := sqlstore.Diff(old, &sqlstore.Config{Links: []*sqlstore.Link{{ID: 77, Name: "a"}}})
	require.Len(t, changes, 1)
	require.Equal(t, "+ shared_network a: id 77 in the place of 1", changes[0].String())
}

// A secret that somebody wrote has no fingerprint; a document that gives neither
// keeps the secret.
func TestDiffOfSecrets(t *testing.T) {
	keys := func(revision int64, fingerprint string) *sqlstore.Config {
		return &sqlstore.Config{Revision: revision, TSIGKeys: []sqlstore.TSIGKey{{Name: "k", Algorithm: "hmac-sha256", Fingerprint: fingerprint}}}
	}
	require.Empty(t, sqlstore.Diff(keys(1, "1a2b3c4d"), keys(0, "")))
	changes := sqlstore.Diff(keys(1, "1a2b3c4d"), keys(2, ""))
	require.Len(t, changes, 1)
	require.Equal(t, "~ tsig_key k secret: fingerprint 1a2b3c4d -> fingerprint not known", changes[0].String())
	require.Len(t, sqlstore.Diff(keys(1, ""), keys(2, "1a2b3c4d")), 1)
	require.Empty(t, sqlstore.Diff(keys(1, ""), keys(2, "")))
}
