package doctor

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"rowlock/sqlstore"
)

func sample() sqlstore.Findings {
	var f sqlstore.Findings
	f.OK("database.version", "PostgreSQL %d is supported", 17)
	f.Add("database.durability", sqlstore.FindingProblem, "fsync is off", "why not", "SET it")
	f.Add("port.67", sqlstore.FindingWarning, "in use", "because", "stop it, hunter2")
	return f
}

func TestReportText(t *testing.T) {
	r := NewReport("1", "postgres://db.example.org/rowlock", sample(), "", "hunter2")
	var all, quiet bytes.Buffer
	require.NoError(t, r.Text(&all, false))
	require.Equal(t, `Database
  ok       database.version: PostgreSQL 17 is supported
  problem  database.durability: fsync is off
           why: why not
           do:  SET it
This host
  warning  port.67: in use
           why: because
           do:  stop it, (hidden)
problem: 1 problem(s), 1 warning(s), 0 note(s), 1 ok
`, all.String())
	require.NoError(t, r.Text(&quiet, true))
	require.NotContains(t, quiet.String(), "database.version")
	require.Contains(t, quiet.String(), "database.durability")
}

func TestReportJSON(t *testing.T) {
	var b bytes.Buffer
	require.NoError(t, NewReport("1", "sqlite:x", sample(), "hunter2").JSON(&b))
	require.NotContains(t, b.String(), "hunter2")
	var back Report
	d := json.NewDecoder(&b)
	d.DisallowUnknownFields()
	require.NoError(t, d.Decode(&back))
	require.Equal(t, sqlstore.FindingProblem, back.Status)
	require.Equal(t, map[string]int{"ok": 1, "note": 0, "warning": 1, "problem": 1}, back.Counts)
	require.Len(t, back.Findings, 3)
	require.Equal(t, sqlstore.FindingWarning, back.Findings[2].Status)
	var status sqlstore.FindingStatus
	require.Error(t, json.Unmarshal([]byte(`"bad"`), &status))
	b.Reset()
	require.NoError(t, NewReport("1", "", nil).JSON(&b))
	require.Contains(t, b.String(), `"findings": []`)
}

func TestID(t *testing.T) {
	require.Equal(t, "relay.192.0.2.1.route", id("relay.ADDRESS.route", "192.0.2.1"))
	require.Equal(t, "privilege.lease4.update", id("privilege.OBJECT.ACTION", "lease4", "update"))
	require.Equal(t, "port.67", id("port.NUMBER", "67"))
}

var (
	idLiteral = regexp.MustCompile(`"((?:process|database|schema|privilege|clock|frontend|config|subnet|server|interface|address|port|capability|kernel|relay)\.[a-zA-Z0-9_.]+)"`)
	idRow     = regexp.MustCompile("(?m)^\\| `([a-zA-Z0-9_.]+)` \\| \\S")
)

// The manual lists the ids that the code has, and no others, and each has a
// place in the report.
func TestManualHasTheIDs(t *testing.T) {
	const root = "../../../../"
	var code []string
	for _, pattern := range []string{"sqlstore/*/diagnose*.go", "cmd/rowlock/doctor.go", "cmd/rowlock/internal/doctor/*.go"} {
		files, err := filepath.Glob(root + pattern)
		require.NoError(t, err)
		require.NotEmpty(t, files, pattern)
		for _, file := range files {
			if strings.HasSuffix(file, "_test.go") {
				continue
			}
			text, err := os.ReadFile(file)
			require.NoError(t, err)
			for _, m := range idLiteral.FindAllStringSubmatch(string(text), -1) {
				code = append(code, m[1])
			}
		}
	}
	slices.Sort(code)
	code = slices.Compact(code)
	text, err := os.ReadFile("../../README.md")
	require.NoError(t, err)
	_, section, ok := strings.Cut(string(text), "\n## Doctor\n")
	require.True(t, ok)
	section, _, _ = strings.Cut(section, "\n## ")
	var manual []string
	for _, m := range idRow.FindAllStringSubmatch(section, -1) {
		manual = append(manual, m[1])
	}
	require.ElementsMatch(t, code, manual)
	for _, known := range code {
		word, _, _ := strings.Cut(known, ".")
		require.True(t, slices.ContainsFunc(groups, func(g struct {
			title string
			words []string
		},
		) bool {
			return slices.Contains(g.words, word)
		}), known)
	}
}

func TestClockIsJudged(t *testing.T) {
	for off, want := range map[time.Duration]sqlstore.FindingStatus{
		0: sqlstore.FindingOK, -time.Second: sqlstore.FindingOK, 2 * time.Second: sqlstore.FindingNote,
		-5 * time.Second: sqlstore.FindingNote, 6 * time.Second: sqlstore.FindingWarning, -time.Hour: sqlstore.FindingWarning,
	} {
		var f sqlstore.Findings
		judgeClock(&f, off, 10*time.Millisecond)
		require.Len(t, f, 1)
		require.Equal(t, want, f[0].Status, off)
	}
	var f sqlstore.Findings
	judgeClock(&f, 6*time.Second, 8*time.Second)
	require.Equal(t, sqlstore.FindingOK, f[0].Status, "no more is known")
	require.Contains(t, f[0].Text, "± 8s")
}

func TestFrontendsAreJudged(t *testing.T) {
	for name, c := range map[string]struct {
		f    sqlstore.FrontendInfo
		want map[string]sqlstore.FindingStatus
	}{
		"other":     {sqlstore.FrontendInfo{ID: "fe2", Host: "b"}, map[string]sqlstore.FindingStatus{"frontend.fe2.alive": sqlstore.FindingOK}},
		"dead":      {sqlstore.FrontendInfo{ID: "fe2", Host: "b", Age: time.Minute}, map[string]sqlstore.FindingStatus{"frontend.fe2.alive": sqlstore.FindingNote}},
		"ours":      {sqlstore.FrontendInfo{ID: "fe1", Host: "a"}, map[string]sqlstore.FindingStatus{"frontend.fe1.alive": sqlstore.FindingOK}},
		"duplicate": {sqlstore.FrontendInfo{ID: "fe1", Host: "b"}, map[string]sqlstore.FindingStatus{"frontend.fe1.duplicate": sqlstore.FindingProblem}},
		"moved":     {sqlstore.FrontendInfo{ID: "fe1", Host: "b", Age: time.Minute}, map[string]sqlstore.FindingStatus{"frontend.fe1.alive": sqlstore.FindingNote}},
	} {
		d := &doctor{Config: Config{FrontendID: "fe1", Hostname: "a"}}
		d.frontend(c.f)
		got := map[string]sqlstore.FindingStatus{}
		for _, f := range d.found {
			got[f.ID] = f.Status
		}
		require.Equal(t, c.want, got, name)
	}
}

func TestConfigIsJudged(t *testing.T) {
	statuses := func(c *sqlstore.Config) map[string]sqlstore.FindingStatus {
		d := &doctor{Config: Config{Host: newHost(t).host()}}
		d.judgeConfig(c)
		got := map[string]sqlstore.FindingStatus{}
		for _, f := range d.found {
			got[f.ID] = f.Status
		}
		return got
	}
	require.Equal(t, map[string]sqlstore.FindingStatus{"config.revision": sqlstore.FindingWarning}, statuses(&sqlstore.Config{}))
	pools := []*sqlstore.Pool{{ID: 1}}
	subnets := []*sqlstore.Subnet{
		{ID: 1, Pools: pools, Interface: "eth0"},
		{ID: 2, Pools: []*sqlstore.Pool{{Closing: true}}},
		{ID: 3, Pools: pools, Interface: "eth9"},
		{ID: 4, Closing: true},
	}
	require.Equal(t, map[string]sqlstore.FindingStatus{
		"config.revision": sqlstore.FindingOK, "subnet.2.pools": sqlstore.FindingNote, "subnet.3.interface": sqlstore.FindingNote,
	}, statuses(&sqlstore.Config{Revision: 1, Links: []*sqlstore.Link{{Subnets: subnets}}}))
}

// What cannot be opened is told apart.
func TestUnreachable(t *testing.T) {
	for name, c := range map[string]struct {
		err error
		id  string
	}{
		"login":     {errors.Join(sqlstore.ErrUnavailable, sqlstore.ErrLogin), "database.login"},
		"read only": {errors.Join(sqlstore.ErrUnavailable, sqlstore.ErrReadOnly), "database.read_only"},
		"too old":   {sqlstore.ErrServer, "database.version"},
		"denied":    {sqlstore.ErrDenied, "privilege.frontend"},
		"gone":      {sqlstore.ErrUnavailable, "database.reachable"},
	} {
		d := &doctor{Config: Config{Database: "postgres://db.example.org/rowlock"}}
		d.unreachable(c.err)
		require.Len(t, d.found, 1)
		require.Equal(t, c.id, d.found[0].ID, name)
		require.Equal(t, sqlstore.FindingProblem, d.found[0].Status)
		require.NotContains(t, d.found[0].Text, "\n")
	}
}

// schemaStore answers whether its schema will do.
type schemaStore struct {
	sqlstore.Store
	err error
}

func (s schemaStore) CheckSchema(context.Context) error { return s.err }

// A schema that will not do is told from one that was moved away.
func TestSchema(t *testing.T) {
	for err, advice := range map[error]string{
		sqlstore.ErrMoved:       "that it was moved to",
		sqlstore.ErrSchema:      "rowlock migrate up",
		sqlstore.ErrUnavailable: "SELECT on goose_db_version",
	} {
		d := &doctor{}
		require.ErrorIs(t, d.schema(t.Context(), schemaStore{err: err}), err)
		require.Len(t, d.found, 1)
		require.Equal(t, "schema.version", d.found[0].ID)
		require.Contains(t, d.found[0].Advice, advice)
	}
}
