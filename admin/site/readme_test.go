package site_test

import (
	"fmt"
	"os"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"rowlock/admin/site"
	"rowlock/sqlstore"
)

// Each YAML block of the manual is a document; one that is followed by a text
// block is wrong in exactly the way that the text says.
func TestReadmeExamples(t *testing.T) {
	readme, err := os.ReadFile("README.md")
	require.NoError(t, err)
	blocks := regexp.MustCompile("(?s)```yaml\n(.*?)```\n(?:\n```text\n(.*?)```)?").FindAllStringSubmatch(string(readme), -1)
	require.Len(t, blocks, 6)
	wrong := 0
	for _, b := range blocks {
		c, err := site.Parse("site.yaml", []byte(b[1]))
		if b[2] != "" {
			wrong++
			require.EqualError(t, err, strings.TrimSuffix(b[2], "\n"))
			continue
		}
		require.NoError(t, err)
		require.NotEmpty(t, c.Links)
	}
	require.Equal(t, 1, wrong)
}

func TestReadmeListsEveryParameter(t *testing.T) {
	readme, err := os.ReadFile("README.md")
	require.NoError(t, err)
	var table strings.Builder
	for _, d := range sqlstore.ParameterDefs {
		value := d.Default
		if value != "" {
			value += " "
		}
		fmt.Fprintf(&table, "| `%s` | %s | %s| %s |\n", d.Name, d.Type, value, d.Scopes)
	}
	require.Contains(t, string(readme), "|---|---|---|---|\n"+table.String()+"\n")
}

// The largest networks are read in seconds.
func TestParseTenThousandSubnets(t *testing.T) {
	var b strings.Builder
	b.WriteString("subnets:\n")
	for i := range 10000 {
		net := fmt.Sprintf("10.%d.%d.", i/256, i%256)
		fmt.Fprintf(&b, "  - subnet: %s0/24\n    relay: [%s1]\n    option_data:\n      - {name: routers, data: %s1}\n"+
			"    pools:\n      - {pool: %s10 - %s250}\n", net, net, net, net, net)
	}
	start := time.Now()
	c, err := site.Parse("site.yaml", []byte(b.String()))
	require.NoError(t, err)
	require.Len(t, c.Links, 10000)
	text, err := site.Export(c)
	require.NoError(t, err)
	again, err := site.Parse("site.yaml", text)
	require.NoError(t, err)
	require.Empty(t, sqlstore.Diff(c, again))
	t.Log(time.Since(start))
	require.Less(t, time.Since(start), 30*time.Second)
}
