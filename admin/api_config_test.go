package admin

import (
	"context"
	"fmt"
	"net/http"
	"net/netip"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/stretchr/testify/require"

	"rowlock/admin/site"
	"rowlock/sqlstore"
)

func TestApplyConfig(t *testing.T) {
	b := newBench(t)
	var out struct {
		Revision int64
		Applied  bool
		Changes  []changeView
	}
	a := b.do(t, http.MethodPost, applyPath+"?dry_run=true", site1)
	require.Equal(t, http.StatusOK, a.status, a.body)
	a.json(t, &out)
	require.False(t, out.Applied)
	require.Zero(t, out.Revision)
	require.Equal(t, "added", out.Changes[0].Kind)
	dry := out.Changes

	a = b.do(t, http.MethodPost, applyPath+"?comment=first", site1, "Content-Type", "application/yaml")
	require.Equal(t, http.StatusOK, a.status, a.body)
	a.json(t, &out)
	require.True(t, out.Applied)
	require.EqualValues(t, 1, out.Revision)
	require.Equal(t, dry, out.Changes)
	require.Equal(t, `"1"`, a.header.Get("ETag"))
	a = b.do(t, http.MethodPost, applyPath, site1)
	a.json(t, &out)
	require.False(t, out.Applied, "nothing to change")
	require.Empty(t, out.Changes)
	require.EqualValues(t, 1, out.Revision)

	var page struct{ Revisions []RevisionView }
	b.get(t, "/v1/revisions", &page)
	require.Len(t, page.Revisions, 1)
	require.Equal(t, "tester", page.Revisions[0].Author)
	require.Equal(t, "first", page.Revisions[0].Comment)
	b.apply(t, "{}")
	b.apply(t, site1)
	require.Len(t, follow(t, b, "/v1/revisions?limit=2", "revisions"), 3)
	require.Contains(t, b.logged.String(), "event=admin.config_applied revision=3")
}

// The configuration as YAML or JSON is a document that changes nothing.
func TestGetConfig(t *testing.T) {
	b := newBench(t)
	b.apply(t, site1)
	for accept, kind := range map[string]string{
		"": typeJSON, "*/*": typeJSON, "application/json": typeJSON, "text/html": typeJSON,
		"application/yaml": typeYAML, "text/yaml;q=0.9, application/json;q=0.1": typeYAML,
	} {
		a := b.do(t, http.MethodGet, "/v1/config", "", "Accept", accept)
		require.Equal(t, http.StatusOK, a.status, a.body)
		require.Equal(t, kind, a.header.Get("Content-Type"), accept)
		require.Equal(t, `"1"`, a.header.Get("ETag"))
		if kind == typeJSON {
			var v map[string]any
			a.json(t, &v)
		}
		_, err := site.Parse("x", []byte(a.body))
		require.NoError(t, err)
		var out struct{ Applied bool }
		b.do(t, http.MethodPost, applyPath, a.body, "If-Match", a.header.Get("ETag")).json(t, &out)
		require.False(t, out.Applied, a.body)
	}
}

func TestApplyMistakes(t *testing.T) {
	b := newBench(t)
	a := b.do(t, http.MethodPost, applyPath, "subnets:\n  - id: 12\n    subnet: 192.0.2.0/24\n    gateway: 192.0.2.1\n    pools:\n      - pool: 192.0.2.10 - 192.0.3.20\n")
	p := requireProblem(t, a, http.StatusUnprocessableEntity, "invalid-document")
	require.Len(t, p.Errors, 2)
	require.Equal(t, "document:4:5", p.Errors[0].Location)
	require.Contains(t, p.Errors[0].Message, "unknown key")
	require.Equal(t, "document:6:15", p.Errors[1].Location)
	require.Equal(t, "subnet 12 (192.0.2.0/24) pool 192.0.2.10-192.0.3.20: a pool must lie within its subnet 192.0.2.0/24", p.Errors[1].Message)
	require.Equal(t, "192.0.2.10-192.0.3.20", p.Errors[1].Value)
	require.Equal(t, "2 mistakes, nothing was changed", p.Detail)
	many := requireProblem(t, b.do(t, http.MethodPost, applyPath, "subnets: ["+strings.Repeat("{x: y}, ", 5000)+"]"), http.StatusUnprocessableEntity, "invalid-document")
	require.Len(t, many.Errors, 100, "an answer has an end")
	require.Equal(t, "more than 1000 mistakes, nothing was changed", many.Detail)
	var page struct{ Revisions []RevisionView }
	b.get(t, "/v1/revisions", &page)
	require.Empty(t, page.Revisions)
}

func TestApplyPreconditions(t *testing.T) {
	b := newBench(t)
	b.apply(t, site1)
	const other = "parameters: {valid_lifetime: 60}"
	requireProblem(t, b.do(t, http.MethodPost, applyPath, other, "If-Match", `"2"`), http.StatusPreconditionFailed, "precondition-failed")
	requireProblem(t, b.do(t, http.MethodPost, applyPath, other, "If-Match", "x"), http.StatusPreconditionFailed, "precondition-failed")
	requireProblem(t, b.do(t, http.MethodPost, applyPath, other, "If-Match", `W/"1"`), http.StatusPreconditionFailed, "precondition-failed")
	requireProblem(t, b.do(t, http.MethodPost, applyPath+"?base=2", other), http.StatusConflict, "conflict")
	requireProblem(t, b.do(t, http.MethodPost, applyPath+"?base=2", other, "If-Match", `"1"`), http.StatusUnprocessableEntity, "invalid-request")
	require.Equal(t, http.StatusOK, b.do(t, http.MethodPost, applyPath+"?base=1&dry_run=1", other, "If-Match", `"1"`).status)
	require.Equal(t, http.StatusOK, b.do(t, http.MethodPost, applyPath+"?base=1", other).status)
	require.Equal(t, http.StatusOK, b.do(t, http.MethodPost, applyPath, site1, "If-Match", "*").status)
}

// Of many who change the same revision, one does.
func TestApplyConcurrently(t *testing.T) {
	b := newBench(t)
	b.apply(t, site1)
	for name, header := range map[string]string{"precondition-failed": `"1"`, "conflict": ""} {
		var page struct{ Revisions []RevisionView }
		b.get(t, "/v1/revisions?limit=1", &page)
		newest := page.Revisions[0].Revision
		path := applyPath
		if header != "" {
			header = etag(newest)
		} else {
			path += "?base=" + strings.Trim(etag(newest), `"`)
		}
		const writers = 8
		answers := make([]answer, writers)
		var wait sync.WaitGroup
		for i := range writers {
			wait.Go(func() {
				document := "parameters: {valid_lifetime: " + strings.Repeat("1", i+3) + "}"
				answers[i] = b.do(t, http.MethodPost, path, document, "If-Match", header)
			})
		}
		wait.Wait()
		applied := 0
		for _, a := range answers {
			if a.status == http.StatusOK {
				applied++
				continue
			}
			requireProblem(t, a, kindOf(name, 0).status, name)
		}
		require.Equal(t, 1, applied)
		b.get(t, "/v1/revisions?limit=1", &page)
		require.Equal(t, newest+1, page.Revisions[0].Revision)
		b.apply(t, site1)
	}
}

// A secret goes in and never comes out again: not in the answer, not in the
// configuration, not in the log.
func TestSecretsStayInside(t *testing.T) {
	b := newBench(t)
	const secret = "c2VjcmV0IG9mIHRoZSBrZXkgb2YgYSB6b25lIQ=="
	for _, document := range []string{
		"tsig_keys:\n  - {name: key.example.org, algorithm: hmac-sha256, secret: \"" + secret + "\"}\n",
		"tsig_keys:\n  - {name: key.example.org, algorithm: hmac-sha257, secret: \"" + secret + "\"}\n",
		"tsig_keys:\n  - {name: key.example.org, algorithm: hmac-sha256, secret: \"!" + secret + "\"}\n",
		"tsig_keys:\n  - {name: key.example.org, algorithm: hmac-sha256, secret: [\"" + secret + "\"]}\n",
		"tsig_keys:\n  - {name: key.example.org, algorithm: hmac-sha256, secrets: \"" + secret + "\"}\n",
	} {
		for _, query := range []string{"?dry_run=true", ""} {
			a := b.do(t, http.MethodPost, applyPath+query, document)
			require.Contains(t, []int{http.StatusOK, http.StatusUnprocessableEntity}, a.status)
			require.NotContains(t, a.body, secret[:20])
		}
	}
	for _, path := range []string{"/v1/config", "/v1/revisions", "/v1/subnets", "/v1/frontends", "/v1/tokens"} {
		a := b.do(t, http.MethodGet, path, "", "Accept", typeYAML)
		require.Equal(t, http.StatusOK, a.status, a.body)
		require.NotContains(t, a.body, secret[:20])
		require.NotContains(t, a.body, b.token)
	}
	require.NotContains(t, b.logged.String(), secret[:20])
}

// A query that is not quite right applies nothing: its parameters are not taken
// for ones that are not there.
func TestApplyTakesNoHalfQuery(t *testing.T) {
	b := newBench(t)
	b.apply(t, site1)
	next := strings.Replace(site1, "3600", "7200", 1)
	for query, status := range map[string]int{
		"dry_run=":                   http.StatusUnprocessableEntity,
		"base=":                      http.StatusUnprocessableEntity,
		"dry_run=false&dry_run=true": http.StatusUnprocessableEntity,
		"dry_run=yes":                http.StatusUnprocessableEntity,
		"DRY_RUN=true":               http.StatusUnprocessableEntity,
		"dry_run=%zz":                http.StatusBadRequest,
		"base=1%":                    http.StatusBadRequest,
		"dry%_run=true":              http.StatusBadRequest,
		"dry_run":                    http.StatusOK,
		"dry_run=%74rue&":            http.StatusOK,
	} {
		a := b.do(t, http.MethodPost, applyPath+"?"+query, next)
		require.Equal(t, status, a.status, query+": "+a.body)
		require.NotContains(t, a.body, `"applied":true`, query)
	}
	var out struct{ Revision int64 }
	a := b.get(t, "/v1/frontends", &out)
	require.EqualValues(t, 1, out.Revision, a.body)
	requireProblem(t, b.do(t, http.MethodGet, "/v1/leases?limit=1&limit=2", ""), http.StatusUnprocessableEntity, "invalid-request")
	b.get(t, "/v1/leases?limit=1", nil)
}

// Documents are applied one after the other, so that the memory for large ones
// is needed once, and nobody who names no revision is in another's way.
func TestApplyOneByOne(t *testing.T) {
	b := newBench(t)
	b.apply(t, site1)
	var wait sync.WaitGroup
	statuses := make([]int, 8)
	for i := range statuses {
		wait.Go(func() {
			next := strings.Replace(site1, "3600", strconv.Itoa(4000+i), 1)
			statuses[i] = b.do(t, http.MethodPost, applyPath, next).status
		})
	}
	wait.Wait()
	for _, status := range statuses {
		require.Equal(t, http.StatusOK, status)
	}
	b.applying <- struct{}{}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err := b.applyConfig(ctx, &applyRequest{RawBody: []byte(site1)})
	require.Equal(t, http.StatusServiceUnavailable, problemOf(err).Status)
}

// A key without a secret must be stored already, with the fingerprint that is
// given: a dry run says so as well.
func TestApplyKeysWithoutSecrets(t *testing.T) {
	b := newBench(t)
	b.apply(t, `tsig_keys: [{name: one.example.org, secret: "Z3Vlc3MgbWUgYW5kIHlvdSBhcmUgaW4="}]`)
	for _, query := range []string{"", "?dry_run=true"} {
		p := requireProblem(t, b.do(t, http.MethodPost, applyPath+query, "tsig_keys: [{name: two.example.org}]"), http.StatusUnprocessableEntity, "invalid-document")
		require.Equal(t, "tsig_key two.example.org: no secret is given, and none is stored", p.Detail)
		p = requireProblem(t, b.do(t, http.MethodPost, applyPath+query, `tsig_keys: [{name: one.example.org, fingerprint: "00000000"}]`), http.StatusConflict, "conflict")
		require.Equal(t, `tsig_key one.example.org: no secret is given, and the stored one has the fingerprint "6f9c4ac2", not "00000000"`, p.Detail)
	}
	for _, same := range []string{"tsig_keys: [{name: one.example.org}]", `tsig_keys: [{name: one.example.org, fingerprint: "6f9c4ac2"}]`} {
		a := b.do(t, http.MethodPost, applyPath, same)
		require.Equal(t, http.StatusOK, a.status, a.body)
		require.Contains(t, a.body, `"changes":[]`)
	}
}

// Whoever read that there is no configuration yet makes the first one, or none.
func TestApplyFirstRevision(t *testing.T) {
	b := newBench(t)
	tag := b.get(t, "/v1/config", nil).header.Get("ETag")
	a := b.do(t, http.MethodPost, applyPath, site1, "If-Match", tag)
	require.Equal(t, http.StatusOK, a.status, a.body)
	next := strings.Replace(site1, "3600", "7200", 1)
	requireProblem(t, b.do(t, http.MethodPost, applyPath, next, "If-Match", tag), http.StatusPreconditionFailed, "precondition-failed")
	a = b.do(t, http.MethodPost, applyPath+"?base=0", next)
	require.Equal(t, http.StatusOK, a.status, a.body)
}

// heldStore refuses what is applied because of leases.
type heldStore struct{ Store }

func (heldStore) ApplyConfig(context.Context, int64, *sqlstore.Config, string, string) (int64, error) {
	p := &sqlstore.Pool{ID: 7, Kind: sqlstore.PD, First: netip.MustParseAddr("2001:db8::"), Last: netip.MustParseAddr("2001:db8:0:f0::"), DelegatedLen: 60}
	return 0, fmt.Errorf("apply configuration: %w", p.HeldError(3))
}

// Whoever would take a range from its leases is told which, and not that somebody
// else was first, so that nobody tries again for ever.
func TestApplyToAHeldRange(t *testing.T) {
	b := newBench(t)
	s := &bench{store: b.store, names: b.names, registry: prometheus.NewRegistry(), logged: b.logged, token: b.token, client: b.client}
	s.start(t, heldStore{b.store})
	for _, header := range [][]string{nil, {"If-Match", `"0"`}} {
		a := s.do(t, http.MethodPost, applyPath, site1, header...)
		requireProblem(t, a, http.StatusConflict, "conflict")
		require.Contains(t, a.body, "pool 7 (2001:db8::/56, /60): 3 leases with another prefix length are held in its range")
		require.NotContains(t, a.body, "meanwhile")
	}
}
