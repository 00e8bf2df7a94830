package admin

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/danielgtaylor/huma/v2"
	"github.com/prometheus/client_golang/prometheus/testutil"
	"github.com/stretchr/testify/require"
)

func readme(t *testing.T) string {
	t.Helper()
	text, err := os.ReadFile("README.md")
	require.NoError(t, err)
	return string(text)
}

// The examples of the manual work as they stand there.
func TestManualExamples(t *testing.T) {
	if _, err := exec.LookPath("curl"); err != nil {
		if os.Getenv("ROWLOCK_TEST_REQUIRE") != "" {
			t.Fatal("no curl, and ROWLOCK_TEST_REQUIRE is set")
		}
		t.Skip("no curl: the examples of the manual were not run")
	}
	b := newBench(t)
	b.apply(t, site1)
	b.lease(t, 0, 1, "192.0.2.10", 1, "")
	ran := 0
	for _, m := range regexp.MustCompile("(?s)```sh\n(.*?)```").FindAllStringSubmatch(readme(t), -1) {
		if !strings.Contains(m[1], "curl ") {
			continue
		}
		cmd := exec.CommandContext(t.Context(), "/bin/sh", "-euc", m[1])
		cmd.Dir = t.TempDir()
		cmd.Env = append(os.Environ(), "API="+b.url, "TOKEN="+b.token, "no_proxy=127.0.0.1")
		var out bytes.Buffer
		cmd.Stdout, cmd.Stderr = &out, &out
		require.NoError(t, cmd.Run(), "%s%s", m[1], &out)
		ran += strings.Count(m[1], "curl ")
	}
	require.Equal(t, 11, ran)
	var page struct{ Revisions []RevisionView }
	b.get(t, "/v1/revisions", &page)
	require.Equal(t, "longer", page.Revisions[0].Comment)
	var c map[string]any
	b.get(t, "/v1/config", &c)
	require.EqualValues(t, 7200, c["parameters"].(map[string]any)["valid_lifetime"])
}

// Every operation of the description is in the manual.
func TestManualListsOperations(t *testing.T) {
	manual := readme(t)
	for path, item := range newBench(t).openapi.Paths {
		for method, op := range map[string]*huma.Operation{"GET": item.Get, "POST": item.Post, "DELETE": item.Delete, "PUT": item.Put, "PATCH": item.Patch} {
			if op != nil {
				require.Contains(t, manual, "`"+method+" "+path+"`")
			}
		}
	}
}

// Names are in the project's form, have a help text and are in the manual.
func TestMetricNames(t *testing.T) {
	b := newBench(t)
	b.get(t, "/v1/frontends", nil)
	b.do(t, "GET", "/v1/frontends", "", "Authorization", "Bearer x")
	b.do(t, "GET", "/v1/"+strings.Repeat("x", 100), "")
	b.apply(t, site1)
	problems, err := testutil.GatherAndLint(b.registry)
	require.NoError(t, err)
	require.Empty(t, problems)
	families, err := b.registry.Gather()
	require.NoError(t, err)
	require.Len(t, families, 5)
	manual := readme(t)
	for _, f := range families {
		require.Regexp(t, `^rowlock_admin_[a-z_]+$`, f.GetName())
		require.Contains(t, manual, "`"+f.GetName()+"`")
		for _, m := range f.GetMetric() {
			for _, l := range m.GetLabel() {
				require.Contains(t, []string{"route", "code", "reason", "kind"}, l.GetName())
				require.NotContains(t, l.GetValue(), "xxx", "a label is a pattern, not a path")
			}
		}
	}
	for kind := range findAll(t, `metrics\.changed\("([a-z_]+)"\)`) {
		require.Contains(t, manual, kind)
	}
}

// The manual lists the log events that the code has, and no others.
func TestEventIDs(t *testing.T) {
	var manual []string
	_, events, _ := strings.Cut(readme(t), "\n## Log events\n")
	for _, m := range regexp.MustCompile("(?m)^\\| `(admin\\.[a-z_]+)` \\|").FindAllStringSubmatch(events, -1) {
		manual = append(manual, m[1])
	}
	code := findAll(t, `"event", "([a-z]+\.[a-z_]+)"`)
	require.NotEmpty(t, code)
	for id := range code {
		require.Contains(t, manual, id)
	}
	for _, id := range manual {
		require.Contains(t, code, id)
	}
	require.Len(t, slices.Compact(slices.Sorted(slices.Values(manual))), len(manual))
}

// findAll returns what an expression finds in the code.
func findAll(t *testing.T, expression string) map[string]bool {
	t.Helper()
	files, err := filepath.Glob("*.go")
	require.NoError(t, err)
	found := map[string]bool{}
	for _, file := range files {
		if strings.HasSuffix(file, "_test.go") {
			continue
		}
		text, err := os.ReadFile(file)
		require.NoError(t, err)
		for _, m := range regexp.MustCompile(expression).FindAllStringSubmatch(string(text), -1) {
			found[m[1]] = true
		}
	}
	return found
}
