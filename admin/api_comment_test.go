package admin

import (
	"net/url"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"rowlock/sqlstore"
)

// Whoever applies a document is told of comments that go, before and after.
func TestApplyTellsOfLostComments(t *testing.T) {
	b := newBench(t)
	const document = "parameters: # lost\n  # kept\n  renew_timer: 60\n"
	for _, x := range []struct {
		query   string
		applied bool
	}{{"?dry_run=true", false}, {"", true}, {"", false}} { // the last one has nothing to change
		var out struct {
			Applied bool
			Notes   []string
		}
		b.do(t, "POST", applyPath+x.query, document).json(t, &out)
		require.Equal(t, x.applied, out.Applied)
		require.Equal(t, []string{"document:1: this comment is not kept"}, out.Notes)
	}
	var out struct{ Notes []string }
	b.do(t, "POST", applyPath, "parameters: # lost\n").json(t, &out)
	require.Len(t, out.Notes, 1, "of nothing, too")
}

func TestCommentOfAChangeHasNoControlCharacters(t *testing.T) {
	b := newBench(t)
	b.apply(t, site1)
	for _, comment := range []string{"a\x1b[2J", "a\rb", "\u009b", "\xff", "\u2028"} {
		for path, body := range map[string]string{applyPath: "{}", "/v1/revisions/1/revert": ""} {
			p := requireProblem(t, b.do(t, "POST", path+"?comment="+url.QueryEscape(comment), body), 422, "invalid-request")
			require.Contains(t, p.Detail, "comment must be UTF-8 without control characters")
		}
	}
	long := strings.Repeat("é", sqlstore.MaxComment/2)
	p := requireProblem(t, b.do(t, "POST", applyPath+"?comment="+url.QueryEscape(long+"e"), "{}"), 422, "invalid-request")
	require.Equal(t, "comment must have at most 4000 bytes: 4001 bytes", p.Detail)
	require.Equal(t, 200, b.do(t, "POST", applyPath+"?comment="+url.QueryEscape(long), "parameters: {renew_timer: 60}").status)
	a := b.do(t, "POST", applyPath+"?comment="+url.QueryEscape("two\n\tlines"), "{}")
	require.Equal(t, 200, a.status, a.body)
}

// Rows may say what no document can; frontends refuse it, and so does going back.
func TestRevertRefusesWhatFrontendsRefuse(t *testing.T) {
	b := newBench(t)
	b.apply(t, site1)
	next, err := b.store.LoadConfig(t.Context())
	require.NoError(t, err)
	next.Links[0].Subnets[0].Comment = "a\r\nb"
	_, err = b.store.ApplyConfig(t.Context(), sqlstore.AnyRevision, next, "somebody", "")
	require.NoError(t, err)
	b.apply(t, strings.Replace(site1, "3600", "7200", 1))
	for _, query := range []string{"?dry_run=true", ""} {
		p := requireProblem(t, b.do(t, "POST", "/v1/revisions/2/revert"+query, ""), 422, "invalid-document")
		require.Equal(t, "one mistake, nothing was changed", p.Detail)
	}
	require.Equal(t, 200, b.do(t, "POST", "/v1/revisions/1/revert", "").status)
}
