package storetest

import (
	"fmt"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"rowlock/sqlstore"
)

var jobBlock = regexp.MustCompile("(?s)```sql job\n(.*?)```\n(?:\n```diff\n(.*?)```)?")

// testJobs runs the changes of the manual, each in a transaction of its own, and
// compares what the revision says with what the manual does.
func testJobs(t *testing.T, dialect string) {
	text, err := os.ReadFile("../README.md")
	require.NoError(t, err)
	jobs := jobBlock.FindAllStringSubmatch(string(text), -1)
	require.GreaterOrEqual(t, len(jobs), 20)
	db := migrated(t, dialect)
	c := &configured{db, db.openBoth(t)}
	db.plan(t)
	var known *sqlstore.Config
	for _, j := range jobs {
		require.NoError(t, db.together(t, strings.SplitAfter(strings.TrimSpace(j[1]), ";\n")...), j[1])
		revision, err := c.revisions().GatherConfig(t.Context(), known)
		require.NoError(t, err)
		known = c.load(t)
		require.Equal(t, revision, known.Revision)
		require.Empty(t, sqlstore.Check(known), j[1])
		list, err := c.store.Revisions(t.Context(), 0, 1)
		require.NoError(t, err)
		require.Equal(t, revision, list[0].Number)
		if want := lines(j[2]); j[2] != "" {
			require.Equal(t, want, lines(list[0].Diff), j[1])
		} else {
			require.Len(t, lines(list[0].Diff), 2*planned, j[1])
		}
	}
	require.Len(t, slices.DeleteFunc(allRevisions(t, c), func(r sqlstore.Revision) bool { return r.Comment != "customer 4711 moved in" }), 1)
}

func allRevisions(t *testing.T, c *configured) []sqlstore.Revision {
	list, err := c.store.Revisions(t.Context(), 0, 1000)
	require.NoError(t, err)
	return list
}

// lines are the lines of a text in order of the alphabet.
func lines(text string) []string {
	return slices.Sorted(strings.SplitSeq(strings.TrimSpace(text), "\n"))
}

const planned = 1000

// plan makes the table that somebody may have beside ours.
func (d *database) plan(t *testing.T) {
	d.exec(t, "CREATE TABLE plan (customer integer PRIMARY KEY, net varchar(49), low varchar(45), high varchar(45))")
	rows := make([]string, planned)
	for i := range rows {
		a := fmt.Sprintf("10.%d.%d.", i/256, i%256)
		rows[i] = fmt.Sprintf("(%d, '%s0/24', '%s10', '%s250')", 1000+i, a, a, a)
	}
	d.exec(t, "INSERT INTO plan VALUES %s", strings.Join(rows, ", "))
}
