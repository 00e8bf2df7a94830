package storetest

import (
	"os"
	"regexp"
	"testing"

	"github.com/stretchr/testify/require"
)

var sqlBlock = regexp.MustCompile("(?s)```sql\n(.*?)```")

// testManual runs the queries of the manual.
func testManual(t *testing.T, dialect string) {
	text, err := os.ReadFile("../README.md")
	require.NoError(t, err)
	blocks := sqlBlock.FindAllStringSubmatch(string(text), -1)
	require.Greater(t, len(blocks), 5)
	db := migrated(t, dialect)
	c := &configured{db, db.openBoth(t)}
	cfg := wholeSite()
	c.apply(t, cfg)
	c.fill(t, cfg)
	for _, b := range blocks {
		_, err := db.query(t, b[1])
		require.NoError(t, err, "%s", b[1])
	}
}
