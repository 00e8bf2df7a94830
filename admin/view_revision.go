package admin

import (
	"context"
	"net/http"
	"strconv"
	"sync"
	"time"

	"rowlock/sqlstore"
)

// Bounds of what the console shows of revisions; the API has all.
const (
	maxRevisions = 8
	maxDiffLines = 1000
)

// revisionCache keeps the newest revisions, which may have long diffs, for as
// long as nothing is newer.
type revisionCache struct {
	s *Server

	mu     sync.Mutex
	newest int64
	rows   []sqlstore.Revision // without their diffs
	lines  []int               // how many lines those had
}

func (c *revisionCache) get(ctx context.Context) ([]sqlstore.Revision, []int, error) {
	newest, err := c.s.store.Revision(ctx)
	if err != nil {
		return nil, nil, err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.newest == newest {
		return c.rows, c.lines, nil
	}
	if err := c.s.gather(ctx); err != nil {
		return nil, nil, err
	}
	rows, err := c.s.store.Revisions(ctx, 0, maxRevisions)
	if err != nil {
		return nil, nil, err
	}
	lines := make([]int, len(rows))
	for i := range rows {
		lines[i], rows[i].Diff = len(diffLines(rows[i].Diff)), ""
	}
	c.newest, c.rows, c.lines = newest, rows, lines
	return rows, lines, nil
}

type revisionsView struct {
	Err  string
	Rows []revisionRow
}

type revisionRow struct {
	Number                            int64
	Author, Comment, Changes, At, Ago string
}

func (s *Server) viewRevisions(ctx context.Context) revisionsView {
	rows, lines, err := s.revisions.get(ctx)
	if err != nil {
		return revisionsView{Err: s.problemText("revisions", err)}
	}
	v := revisionsView{}
	for i, r := range rows {
		v.Rows = append(v.Rows, rowOfRevision(r, lines[i]))
	}
	return v
}

func rowOfRevision(r sqlstore.Revision, lines int) revisionRow {
	return revisionRow{
		Number: r.Number, Author: r.Author, Comment: r.Comment, Changes: thousands(int64(lines)),
		At: r.At.UTC().Format(time.RFC3339), Ago: moment(time.Since(r.At)),
	}
}

// revisionPageView is what a revision changed.
type revisionPageView struct {
	Who, Version string
	Err          string
	Revision     revisionRow
	Lines        []diffLine
	More         string // how many lines are not shown
}

// diffLine is a line of a diff: Kind is added, changed or removed.
type diffLine struct{ Kind, Text string }

var diffKinds = map[byte]string{byte(sqlstore.Added): "added", byte(sqlstore.Changed): "changed", byte(sqlstore.Removed): "removed"}

func (c *console) revision(w http.ResponseWriter, r *http.Request) {
	ctx := r.Context()
	v := revisionPageView{Who: identity(ctx).Name, Version: c.s.cfg.Version}
	n, err := strconv.ParseInt(r.PathValue("revision"), 10, 64)
	if err != nil || n < 1 {
		writeProblem(w, problem("not-found", ""))
		return
	}
	one, err := c.s.getRevisionRow(ctx, n)
	if err != nil {
		v.Err, v.Revision.Number = c.s.problemText("revision", err), n
		c.render(w, problemOf(err).Status, "revision", v)
		return
	}
	lines := diffLines(one.Diff)
	v.Revision = rowOfRevision(*one, len(lines))
	for _, line := range lines[:min(len(lines), maxDiffLines)] {
		kind := ""
		if line != "" {
			kind = diffKinds[line[0]]
		}
		v.Lines = append(v.Lines, diffLine{kind, line})
	}
	if more := len(lines) - len(v.Lines); more > 0 {
		v.More = plural(int64(more), "more line")
	}
	c.render(w, http.StatusOK, "revision", v)
}
