package storetest

import (
	"os"
	"testing"

	"github.com/stretchr/testify/require"
)

// The manual shows the tables that the tests are made from, and explains every
// word of them.
func TestManualHasTheTransitions(t *testing.T) {
	text, err := os.ReadFile("../engine/README.md")
	require.NoError(t, err)
	require.Contains(t, string(text), "```"+table4+"```")
	require.Contains(t, string(text), "```"+table6+"```")
	used := map[string]bool{}
	count := 0
	for _, v := range variants {
		for _, c := range cells(v) {
			require.Contains(t, outcomes, c.want, "%s/%s/%s", v.name, c.row, c.op)
			used[c.want] = true
			count++
		}
	}
	require.Len(t, used, len(outcomes), "an outcome is never tested")
	require.Greater(t, count, 700)
	t.Logf("%d cells", count)
}
