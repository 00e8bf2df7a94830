package admin

import (
	"bytes"
	"encoding/json"
	"flag"
	"net/http"
	"net/url"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

var update = flag.Bool("update", false, "write openapi.json")

// The file is what is served and what the code has.
func TestOpenAPIFile(t *testing.T) {
	b := newBench(t)
	if *update {
		require.NoError(t, os.WriteFile("openapi.json", b.schema, 0o644))
	}
	file, err := os.ReadFile("openapi.json")
	require.NoError(t, err)
	require.Equal(t, string(file), string(b.schema), "run `make gen`")
	a := b.do(t, http.MethodGet, "/openapi.json", "", "Authorization", "")
	require.Equal(t, http.StatusOK, a.status)
	require.Equal(t, string(file), a.body)
	require.Equal(t, "application/json", a.header.Get("Content-Type"))
}

// called is an operation of the description.
type called struct{ method, path string }

// operations reads the description and fills in the parameters of the paths.
func operations(t *testing.T) []called {
	t.Helper()
	file, err := os.ReadFile("openapi.json")
	require.NoError(t, err)
	var doc struct {
		OpenAPI string
		Paths   map[string]map[string]struct {
			OperationID string
			Security    []map[string][]string
			Responses   map[string]any
		}
	}
	require.NoError(t, json.Unmarshal(file, &doc))
	require.Equal(t, "3.1.0", doc.OpenAPI)
	fill := strings.NewReplacer("{addr}", "192.0.2.10", "{id}", "1", "{name}", "host.example.org", "{revision}", "1")
	var out []called
	for path, methods := range doc.Paths {
		for method, op := range methods {
			require.NotEmpty(t, op.OperationID)
			require.Contains(t, op.Security, map[string][]string{"token": {}}, op.OperationID)
			require.Equal(t, method == "get", len(op.Security) == 2, "%s: sessions may only read", op.OperationID)
			filled := fill.Replace(path)
			require.NotContains(t, filled, "{")
			out = append(out, called{strings.ToUpper(method), filled})
		}
	}
	require.GreaterOrEqual(t, len(out), 15)
	return out
}

// No operation answers somebody who is not known, and none tells more than
// that.
func TestEveryOperationNeedsAToken(t *testing.T) {
	b := newBench(t)
	b.apply(t, site1)
	other := Prefix + strings.Repeat("A", 43)
	session := b.login(t)
	for _, op := range operations(t) {
		for what, header := range map[string][]string{
			"none":      {"Authorization", ""},
			"unknown":   {"Authorization", "Bearer " + other},
			"malformed": {"Authorization", "Bearer x"},
			"basic":     {"Authorization", "Basic " + b.token},
			"session":   {"Authorization", "Bearer " + session},
			"cookie":    {"Authorization", "", "Cookie", cookieName + "=" + b.token},
		} {
			b.limiter = newLimiter()
			a := b.do(t, op.method, op.path, "", header...)
			requireProblem(t, a, http.StatusUnauthorized, "unauthorized")
			require.Equal(t, `Bearer realm="rowlock"`, a.header.Get("WWW-Authenticate"), what)
			require.NotContains(t, a.body, "192.0.2")
		}
		a := b.do(t, op.method, op.path, "", "Authorization", "", "Cookie", cookieName+"="+session)
		if op.method != http.MethodGet {
			requireProblem(t, a, http.StatusForbidden, "forbidden")
		} else {
			require.NotContains(t, []int{http.StatusUnauthorized, http.StatusForbidden}, a.status, op.path)
		}
	}
	require.NotContains(t, b.logged.String(), other)
	require.NotContains(t, b.logged.String(), b.token)
	require.NotContains(t, b.logged.String(), session)
}

// Whatever goes wrong is a problem, also what the framework and the mux say.
func TestProblems(t *testing.T) {
	b := newBench(t)
	b.apply(t, site1)
	long := strings.Repeat("x", 600)
	for _, c := range []struct {
		method, path, body string
		status             int
		name               string
	}{
		{"GET", "/v1", "", 404, "not-found"},
		{"GET", "/v1/nothing", "", 404, "not-found"},
		{"PUT", "/v1/leases", "", 405, "method-not-allowed"},
		{"POST", "/v1/leases/192.0.2.1", "", 405, "method-not-allowed"},
		{"TRACE", "/v1/leases", "", 405, "method-not-allowed"},
		{"GET", "/v1/leases?limit=0", "", 422, "invalid-request"},
		{"GET", "/v1/leases?limit=1001", "", 422, "invalid-request"},
		{"GET", "/v1/leases?limit=x", "", 422, "invalid-request"},
		{"GET", "/v1/leases?famly=v4", "", 422, "invalid-request"},
		{"GET", "/v1/leases?family=v5", "", 422, "invalid-request"},
		{"GET", "/v1/leases?state=live", "", 422, "invalid-request"},
		{"GET", "/v1/leases?addr=host", "", 422, "invalid-request"},
		{"GET", "/v1/leases?addr=fe80::1%25eth0", "", 422, "invalid-request"},
		{"GET", "/v1/leases?hwaddr=zz", "", 422, "invalid-request"},
		{"GET", "/v1/leases?subnet_id=-1", "", 422, "invalid-request"},
		{"GET", "/v1/leases?subnet_id=4294967296", "", 422, "invalid-request"},
		{"GET", "/v1/leases?cursor=%00", "", 422, "invalid-request"},
		{"GET", "/v1/leases?cursor=" + long, "", 422, "invalid-request"},
		{"GET", "/v1/leases?cursor=" + cursorText("x"), "", 422, "invalid-request"},
		{"GET", "/v1/leases?cursor=" + cursorText(map[string]any{"f": 6, "v": 0, "a": "192.0.2.1"}), "", 422, "invalid-request"},
		{"GET", "/v1/leases?cursor=" + cursorText(map[string]any{"f": 4, "v": uint32(1 << 31), "a": "192.0.2.1"}), "", 422, "invalid-request"},
		{"GET", "/v1/leases?cursor=" + cursorText(map[string]any{}), "", 422, "invalid-request"},
		{"GET", "/v1/subnets?cursor=" + cursorText(-1), "", 422, "invalid-request"},
		{"GET", "/v1/revisions?cursor=" + cursorText("9"), "", 422, "invalid-request"},
		{"GET", "/v1/leases/192.0.2.77", "", 404, "not-found"},
		{"GET", "/v1/leases/nowhere", "", 422, "invalid-request"},
		{"GET", "/v1/leases/%00", "", 422, "invalid-request"},
		{"DELETE", "/v1/leases/192.0.2.77", "", 404, "not-found"},
		{"GET", "/v1/subnets/99", "", 404, "not-found"},
		{"GET", "/v1/subnets/x", "", 422, "invalid-request"},
		{"POST", "/v1/tokens", "", 400, "bad-request"},
		{"POST", "/v1/tokens", "{", 400, "bad-request"},
		{"POST", "/v1/tokens", "{}", 422, "invalid-request"},
		{"POST", "/v1/tokens", `{"name": ""}`, 422, "invalid-request"},
		{"POST", "/v1/tokens", `{"name": " "}`, 422, "invalid-request"},
		{"POST", "/v1/tokens", `{"name": "a\u0000b"}`, 422, "invalid-request"},
		{"POST", "/v1/tokens", `{"name": "x", "expires_in": -1}`, 422, "invalid-request"},
		{"POST", "/v1/tokens", `{"name": "x", "kind": 1}`, 422, "invalid-request"},
		{"POST", "/v1/tokens", `{"name": "` + strings.Repeat("x", maxBody) + `"}`, 413, "too-large"},
		{"DELETE", "/v1/tokens/nothing", "", 404, "not-found"},
		{"POST", "/v1/dns/names/nothing.example.org/retry", "", 404, "not-found"},
		{"POST", "/v1/config/apply", "", 400, "bad-request"},
		{"POST", "/v1/config/apply", "\n", 422, "invalid-document"},
		{"POST", "/v1/config/apply?dry_run=maybe", "{}", 422, "invalid-request"},
	} {
		t.Run(c.method+" "+c.path[:min(len(c.path), 60)], func(t *testing.T) {
			requireProblem(t, b.do(t, c.method, c.path, c.body), c.status, c.name)
		})
	}
	a := b.do(t, http.MethodPut, "/v1/leases", "")
	require.Equal(t, "GET, HEAD", a.header.Get("Allow"))
}

// Types of problems are explained where they point to.
func TestProblemsAreExplained(t *testing.T) {
	b := newBench(t)
	var names []string
	for _, k := range kinds {
		require.NotContains(t, names, k.name)
		names = append(names, k.name)
		a := b.do(t, http.MethodGet, problemPath+k.name, "", "Authorization", "")
		require.Equal(t, http.StatusOK, a.status)
		require.Contains(t, a.body, k.about)
		require.Contains(t, readme(t), "`"+k.name+"`")
	}
	require.Equal(t, http.StatusNotFound, b.do(t, http.MethodGet, problemPath+"nothing", "", "Authorization", "").status)
}

// Bodies that do not end and documents that are too large are refused.
func TestHugeBodies(t *testing.T) {
	b := newBench(t)
	huge := strings.Repeat("# comment\n", (16<<20)/10+1)
	requireProblem(t, b.do(t, http.MethodPost, applyPath, huge), http.StatusRequestEntityTooLarge, "too-large")
	a := b.do(t, http.MethodPost, applyPath, strings.Repeat("[", 100_000))
	requireProblem(t, a, http.StatusUnprocessableEntity, "invalid-document")
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, b.url+"/v1/leases", nil)
	require.NoError(t, err)
	req.Header.Set("X-Long", strings.Repeat("x", 64<<10))
	res, err := b.client.Do(req)
	if err == nil { // httptest has the bound of net/http, Start has its own
		require.NoError(t, res.Body.Close())
		require.NotEqual(t, http.StatusOK, res.StatusCode)
	}
}

// Every answer has the headers that keep browsers from doing harm.
func TestHeaders(t *testing.T) {
	b := newBench(t)
	for _, path := range []string{"/v1/leases", "/v1/nothing", "/login", "/", "/openapi.json", "/nothing"} {
		for _, auth := range []string{"", "Bearer " + b.token} {
			a := b.do(t, http.MethodGet, path, "", "Authorization", auth)
			require.Contains(t, a.header.Get("Content-Security-Policy"), "frame-ancestors 'none'", path)
			require.NotContains(t, a.header.Get("Content-Security-Policy"), "unsafe", path)
			require.Equal(t, "nosniff", a.header.Get("X-Content-Type-Options"), path)
			require.Equal(t, "no-store", a.header.Get("Cache-Control"), path)
			require.Empty(t, a.header.Get("Access-Control-Allow-Origin"), path)
		}
	}
}

// follow reads all pages of a listing and returns its items.
func follow(t *testing.T, b *bench, path, field string) []json.RawMessage {
	t.Helper()
	var all []json.RawMessage
	for range 50 {
		var page map[string]json.RawMessage
		a := b.get(t, path, &page)
		var items []json.RawMessage
		require.NoError(t, json.Unmarshal(page[field], &items))
		require.False(t, bytes.Equal(page[field], []byte("null")))
		all = append(all, items...)
		next, ok := page["next"]
		if !ok {
			require.Empty(t, a.header.Get("Link"))
			return all
		}
		require.NotEmpty(t, items)
		require.NoError(t, json.Unmarshal(next, &path))
		require.Equal(t, "<"+path+`>; rel="next"`, a.header.Get("Link"))
		u, err := url.Parse(path)
		require.NoError(t, err)
		require.False(t, slices.Contains(u.Query()["cursor"], ""))
	}
	t.Fatal("the listing does not end")
	return nil
}
