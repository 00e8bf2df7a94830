package name

import (
	"net/netip"
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// tables returns the cells of every table row of the manual, without the
// backquotes.
func tables(t *testing.T) [][]string {
	t.Helper()
	text, err := os.ReadFile("README.md")
	require.NoError(t, err)
	var rows [][]string
	for line := range strings.SplitSeq(string(text), "\n") {
		if inner, ok := strings.CutPrefix(line, "| "); ok {
			cells := strings.Split(strings.TrimSuffix(strings.ReplaceAll(inner, "`", ""), " |"), " | ")
			rows = append(rows, cells)
		}
	}
	return rows
}

func TestReadmeReasons(t *testing.T) {
	t.Parallel()
	explained := map[string]bool{}
	for _, row := range tables(t) {
		explained[row[0]] = true
	}
	seen := map[Reason]bool{}
	for _, r := range Reasons() {
		require.True(t, explained[string(r)], "README.md says nothing about %s", r)
		seen[r] = true
	}
	source, err := os.ReadFile("reason.go")
	require.NoError(t, err)
	for _, m := range regexp.MustCompile(`Reason = "([a-z-]+)"`).FindAllStringSubmatch(string(source), -1) {
		require.True(t, seen[Reason(m[1])], "Reasons lacks %s", m[1])
	}
}

// The examples of the manual are what the code does.
func TestReadmeExamples(t *testing.T) {
	t.Parallel()
	r := mustNew(t, Config{Suffix: "dyn.example.org", Zones: []string{"example.org"}, Replacement: "-"})
	names, addresses := 0, 0
	for _, row := range tables(t) {
		kind, sent, is := strings.Cut(row[0], ": ")
		switch {
		case is && kind == "client":
			got, err := r.Client(sent, Dotted(sent))
			require.Equal(t, row[1], got+string(ReasonOf(err)), row[0])
			names++
		case is && kind == "address":
			for i, compressed := range []bool{false, true} {
				g := mustNew(t, Config{Suffix: "dyn.example.org", Compressed: compressed})
				got, err := g.Generate(netip.MustParseAddr(sent))
				require.NoError(t, err)
				require.Equal(t, row[1+i]+".dyn.example.org", got)
			}
			addresses++
		}
	}
	require.Greater(t, names, 5)
	require.Greater(t, addresses, 1)
}
