package frontend

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

	"github.com/prometheus/client_golang/prometheus/testutil"
	"github.com/stretchr/testify/require"

	"rowlock/sqlstore"
)

func TestMetricNames(t *testing.T) {
	t.Parallel()
	b := newBench4(t, lan4, onLink4)
	b.metrics.dropped(sqlstore.IPv6, ReasonStale)
	b.metrics.receivedType(sqlstore.IPv4, "discover")
	b.metrics.sentType(sqlstore.IPv4, "offer")
	b.metrics.panicked(sqlstore.IPv4)
	b.metrics.handled(sqlstore.IPv4, 1)
	problems, err := testutil.GatherAndLint(b.registry)
	require.NoError(t, err)
	require.Empty(t, problems)
	families, err := b.registry.Gather()
	require.NoError(t, err)
	require.Len(t, families, 8)
	manual := readme(t)
	for _, f := range families {
		require.Regexp(t, `^rowlock_frontend_[a-z_]+$`, f.GetName())
		require.Contains(t, manual, "`"+f.GetName(), "the manual lists every metric")
		for _, l := range f.GetMetric()[0].GetLabel() {
			require.Contains(t, []string{"family", "type", "reason", "part"}, l.GetName(), "labels come from closed sets")
		}
	}
}

func TestReasonsAreClosedAndInTheManual(t *testing.T) {
	t.Parallel()
	var declared []Reason
	used := map[string]bool{}
	consts := map[string]Reason{}
	for _, file := range sources(t) {
		ast.Inspect(file, func(n ast.Node) bool {
			switch n := n.(type) {
			case *ast.ValueSpec:
				if id, ok := n.Type.(*ast.Ident); ok && id.Name == "Reason" && len(n.Values) == 1 {
					text, err := strconv.Unquote(n.Values[0].(*ast.BasicLit).Value)
					require.NoError(t, err)
					declared = append(declared, Reason(text))
					consts[n.Names[0].Name] = Reason(text)
				}
			case *ast.FuncDecl:
				return n.Name.Name != "Reasons"
			case *ast.Ident:
				if n.Obj == nil || n.Obj.Pos() != n.Pos() {
					used[n.Name] = true
				}
			}
			return true
		})
	}
	require.NotEmpty(t, declared)
	require.Equal(t, declared, Reasons())
	for name, reason := range consts {
		require.True(t, used[name], "%s is never given", name)
		require.Regexp(t, `^[a-z]+(-[a-z]+)*$`, reason)
	}
	require.Equal(t, declared, rows[Reason](section(t, "Drop reasons")))
}

func TestLogEventsAreInTheManual(t *testing.T) {
	t.Parallel()
	var events []string
	for _, file := range sources(t) {
		ast.Inspect(file, func(n ast.Node) bool {
			call, ok := n.(*ast.CallExpr)
			if !ok {
				return true
			}
			for i, arg := range call.Args {
				if lit, ok := arg.(*ast.BasicLit); ok && lit.Value == `"event"` {
					event, err := strconv.Unquote(call.Args[i+1].(*ast.BasicLit).Value)
					require.NoError(t, err)
					events = append(events, event)
				}
			}
			return true
		})
	}
	slices.Sort(events)
	listed := rows[string](section(t, "Log events"))
	slices.Sort(listed)
	require.Equal(t, slices.Compact(events), listed)
}

// sources parses the package's own files.
func sources(t testing.TB) (files []*ast.File) {
	t.Helper()
	names, err := filepath.Glob("*.go")
	require.NoError(t, err)
	for _, name := range names {
		if strings.HasSuffix(name, "_test.go") {
			continue
		}
		f, err := parser.ParseFile(token.NewFileSet(), name, nil, 0)
		require.NoError(t, err)
		files = append(files, f)
	}
	return files
}

func readme(t testing.TB) string {
	t.Helper()
	b, err := os.ReadFile("README.md")
	require.NoError(t, err)
	return string(b)
}

// section returns the text under a heading of the manual.
func section(t testing.TB, heading string) string {
	t.Helper()
	_, rest, ok := strings.Cut(readme(t), "\n## "+heading+"\n")
	require.True(t, ok, heading)
	text, _, _ := strings.Cut(rest, "\n## ")
	return text
}

// rows returns the first cells of a table, which are in backquotes.
func rows[T ~string](text string) (out []T) {
	for _, m := range regexp.MustCompile("(?m)^\\| `([^`]+)` \\|").FindAllStringSubmatch(text, -1) {
		out = append(out, T(m[1]))
	}
	return out
}
