package ddns

import (
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/stretchr/testify/require"
)

func TestMetricsAreInTheManual(t *testing.T) {
	t.Parallel()
	w := newWorld(t).worker("one")
	families, err := w.cfg.Registerer.(*prometheus.Registry).Gather()
	require.NoError(t, err)
	var names []string
	for _, f := range families {
		names = append(names, f.GetName())
	}
	listed := rows(section(t, "Metrics"))
	slices.Sort(listed)
	require.Equal(t, names, listed)
}

func TestLogEventsAreInTheManual(t *testing.T) {
	t.Parallel()
	var events []string
	files, err := filepath.Glob("*.go")
	require.NoError(t, err)
	for _, name := range files {
		if strings.HasSuffix(name, "_test.go") {
			continue
		}
		f, err := parser.ParseFile(token.NewFileSet(), name, nil, 0)
		require.NoError(t, err)
		ast.Inspect(f, func(n ast.Node) bool {
			call, ok := n.(*ast.CallExpr)
			if !ok || len(call.Args) != 2 {
				return true
			}
			if key, ok := call.Args[0].(*ast.BasicLit); ok && key.Value == `"event"` {
				event, err := strconv.Unquote(call.Args[1].(*ast.BasicLit).Value)
				require.NoError(t, err)
				events = append(events, event)
			}
			return true
		})
	}
	slices.Sort(events)
	listed := rows(section(t, "Log events"))
	slices.Sort(listed)
	require.Equal(t, slices.Compact(events), listed)
}

// Every RCODE that a reply is judged by has a hint or a row in the manual.
func TestRepliesAreInTheManual(t *testing.T) {
	t.Parallel()
	text := section(t, "Description") + section(t, "Metrics")
	for _, c := range codes {
		if c != "OTHER" {
			require.Contains(t, text, c)
		}
		require.NotEmpty(t, hint(c))
	}
	for _, r := range results {
		require.Contains(t, section(t, "Metrics"), r)
	}
}

// section returns the text under a heading of the manual.
func section(t testing.TB, heading string) string {
	t.Helper()
	b, err := os.ReadFile("README.md")
	require.NoError(t, err)
	_, rest, ok := strings.Cut(string(b), "\n## "+heading+"\n")
	require.True(t, ok, heading)
	text, _, _ := strings.Cut(rest, "\n## ")
	return text
}

// rows returns the first cells of a table, which are in backquotes.
func rows(text string) (out []string) {
	for _, m := range regexp.MustCompile("(?m)^\\| `([^`]+)` \\|").FindAllStringSubmatch(text, -1) {
		out = append(out, m[1])
	}
	return out
}
