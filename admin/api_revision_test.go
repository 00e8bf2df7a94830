package admin

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestRevisions(t *testing.T) {
	b := newBench(t)
	b.apply(t, site1)
	b.lease(t, 0, 1, "192.0.2.15", 1, "")
	b.lease(t, 0, 1, "192.0.2.12", 2, "")
	var out struct {
		Revision int64
		Applied  bool
		Changes  []changeView
		Notes    []string
	}
	shrunk := strings.Replace(site1, "192.0.2.10 - 192.0.2.19}]\nsubnets", "192.0.2.10 - 192.0.2.14}] # here\n# lost\n\nsubnets", 1)
	a := b.do(t, "POST", applyPath+"?comment=shrunk", shrunk)
	require.Equal(t, 200, a.status, a.body)
	a.json(t, &out)
	require.Equal(t, []string{"document:10: this comment is not kept"}, out.Notes)
	require.Equal(t, "closes 192.0.2.15-192.0.2.19: 1 live lease runs out", out.Changes[0].Effect)
	require.Empty(t, out.Changes[1].Effect)

	var one struct {
		RevisionView
		Diff []string
	}
	b.get(t, "/v1/revisions/2", &one)
	require.Equal(t, "shrunk", one.Comment)
	require.Equal(t, []string{
		"~ subnet 192.0.2.0/24 pool: 192.0.2.10-192.0.2.19 -> 192.0.2.10-192.0.2.14", `+ subnet 192.0.2.0/24 pool 192.0.2.10-192.0.2.14 comment: "here"`,
	}, one.Diff)
	for i, c := range out.Changes {
		require.Equal(t, one.Diff[i], c.Text, "the plan is what is done")
	}
	requireProblem(t, b.do(t, "GET", "/v1/revisions/9", ""), 404, "not-found")
	requireProblem(t, b.do(t, "GET", "/v1/revisions/9/config", ""), 404, "not-found")
	requireProblem(t, b.do(t, "GET", "/v1/revisions/0", ""), 422, "invalid-request")
	requireProblem(t, b.do(t, "POST", "/v1/revisions/9/revert", ""), 404, "not-found")

	a = b.do(t, "GET", "/v1/revisions/1/config", "", "Accept", typeYAML)
	require.Equal(t, 200, a.status)
	require.Equal(t, `"1"`, a.header.Get("ETag"))
	require.Contains(t, a.body, "pool: \"192.0.2.10 - 192.0.2.19\", id: 1}\n")

	requireProblem(t, b.do(t, "POST", "/v1/revisions/1/revert", "", "If-Match", `"1"`), 412, "precondition-failed")
	requireProblem(t, b.do(t, "POST", "/v1/revisions/1/revert?base=1", ""), 409, "conflict")
	b.do(t, "POST", "/v1/revisions/1/revert?dry_run=1", "").json(t, &out)
	require.False(t, out.Applied)
	require.NotEmpty(t, out.Changes)
	b.do(t, "POST", "/v1/revisions/1/revert", "", "If-Match", `"2"`).json(t, &out)
	require.True(t, out.Applied)
	require.EqualValues(t, 3, out.Revision)
	var page struct{ Revisions []RevisionView }
	b.get(t, "/v1/revisions", &page)
	require.Equal(t, "revert to 1", page.Revisions[0].Comment)
	require.Equal(t, "tester", page.Revisions[0].Author)
	require.Equal(t, a.body, b.do(t, "GET", "/v1/config", "", "Accept", typeYAML).body)
	b.do(t, "POST", "/v1/revisions/1/revert", "").json(t, &out)
	require.False(t, out.Applied, "nothing is left to do")
}

func TestRevisionPage(t *testing.T) {
	b := newBench(t)
	b.apply(t, site1)
	a := b.do(t, "GET", "/revisions/1", "", "Authorization", "")
	require.Equal(t, 303, a.status)
	require.Equal(t, loginPath, a.header.Get("Location"))
	session := b.login(t)
	a = b.visit(t, "/revisions/1", session)
	require.Equal(t, 200, a.status)
	require.Contains(t, a.body, `<li class="added">&#43; subnet 192.0.2.0/24</li>`)
	b.apply(t, "# <script>alert(1)</script>\n\n"+site1)
	a = b.visit(t, "/revisions/2", session)
	require.NotContains(t, a.body, "<script>alert")
	require.Contains(t, b.visit(t, "/console/revisions", session).body, `href="/revisions/2"`)
	for path, status := range map[string]int{"/revisions/9": 404, "/revisions/0": 404, "/revisions/x": 404} {
		require.Equal(t, status, b.visit(t, path, session).status, path)
	}
	var lines strings.Builder
	lines.WriteString("subnets:\n")
	for i := range 1200 {
		fmt.Fprintf(&lines, "- subnet: 10.%d.%d.0/24\n", i/256, i%256)
	}
	b.apply(t, lines.String())
	require.Contains(t, b.visit(t, "/revisions/3", session).body, "more lines: <code>rowlock revision show 3</code>")
}

// A key keeps the secret that it has; one that is gone cannot come back.
func TestRevertKeepsSecrets(t *testing.T) {
	b := newBench(t)
	b.apply(t, "tsig_keys: [{name: a, secret: Zmlyc3QgZmlyc3QgZmlyc3Q=}, {name: b, secret: Zmlyc3QgZmlyc3QgZmlyc3Q=}]")
	b.apply(t, "tsig_keys: [{name: a, algorithm: hmac-sha512, secret: c2Vjb25kIHNlY29uZCBzZWNvbmQ=}, {name: b}]\nparameters: {renew_timer: 60}")
	var out struct {
		Applied bool
		Notes   []string
		Changes []changeView
	}
	b.do(t, "POST", "/v1/revisions/1/revert", "").json(t, &out)
	require.True(t, out.Applied)
	require.Equal(t, []string{"tsig_key a keeps the secret and algorithm that it has now"}, out.Notes)
	require.Len(t, out.Changes, 1, "nor is the algorithm of then that of the secret")
	b.apply(t, "tsig_keys: [{name: a, algorithm: hmac-sha512}]")
	p := requireProblem(t, b.do(t, "POST", "/v1/revisions/1/revert", ""), 422, "invalid-document")
	require.Equal(t, "tsig_key b: no secret is given, and none is stored", p.Detail)
}

// The schema of documents needs no token: editors have none.
func TestDocumentSchema(t *testing.T) {
	b := newBench(t)
	a := b.do(t, "GET", "/schema.json", "", "Authorization", "")
	require.Equal(t, 200, a.status)
	require.Equal(t, "application/schema+json", a.header.Get("Content-Type"))
	require.Contains(t, a.body, "https://json-schema.org/draft/2020-12/schema")
}
