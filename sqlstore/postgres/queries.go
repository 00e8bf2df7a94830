package postgres

import (
	"embed"
	"fmt"
	"io/fs"
	"maps"
	"regexp"
	"strings"

	"rowlock/sqlstore"
)

//go:embed queries/*.sql
var queryFiles embed.FS

// leaseFile holds the statements that there are once per family.
const leaseFile = "queries/lease4.sql"

// queries holds the statements by name; those on leases once per family.
type queries struct {
	common map[string]string
	lease  map[sqlstore.Family]map[string]string
}

// loadFile holds the statements that there are for the whole configuration, and,
// with the suffix, for some links.
const (
	loadFile   = "queries/configload.sql"
	partSuffix = " of links"
)

var (
	nameLine  = regexp.MustCompile(`(?m)^-- name: (\w+)$`)
	v4Word    = regexp.MustCompile(`\b(lease4|client_id|circuit_id)\b`)
	v6Words   = map[string]string{"lease4": "lease6", "client_id": "duid", "circuit_id": "interface_id"}
	keepWords = regexp.MustCompile(`(?s)INSERT INTO lease_history \(.*?\)`)
)

// loadQueries reads the embedded files.
func loadQueries() (*queries, error) {
	q := &queries{common: map[string]string{}, lease: map[sqlstore.Family]map[string]string{}}
	files, err := fs.Glob(queryFiles, "queries/*.sql")
	if err != nil {
		return nil, err
	}
	for _, name := range files {
		if name == leaseFile || name == copyFile || name == loadFile {
			continue
		}
		text, err := queryFiles.ReadFile(name)
		if err != nil {
			return nil, err
		}
		maps.Copy(q.common, split(string(text)))
	}
	text, err := queryFiles.ReadFile(leaseFile)
	if err != nil {
		return nil, err
	}
	for _, f := range []sqlstore.Family{sqlstore.IPv4, sqlstore.IPv6} {
		set := split(forFamily(string(text), f))
		columns := set["lease_columns"]
		delete(set, "lease_columns")
		for k, v := range set {
			set[k] = strings.ReplaceAll(v, "$columns", columns)
		}
		q.lease[f] = set
	}
	if text, err = queryFiles.ReadFile(loadFile); err != nil {
		return nil, err
	}
	whole, part := forParts(string(text))
	maps.Copy(q.common, split(whole))
	for name, statement := range split(part) {
		q.common[name+partSuffix] = statement
	}
	return q, q.loadCopies()
}

// forParts applies the convention described at the head of configload.sql.
func forParts(text string) (whole, part string) {
	var a, b strings.Builder
	for line := range strings.Lines(text) {
		kept, only := strings.CutSuffix(strings.TrimRight(line, "\n"), "--of")
		b.WriteString(kept + "\n")
		if !only {
			a.WriteString(kept + "\n")
		}
	}
	return a.String(), b.String()
}

// forFamily applies the convention described at the head of lease4.sql.
// The columns of lease_history have the same names in both families.
func forFamily(text string, f sqlstore.Family) string {
	mine, other := "--v4", "--v6"
	if f == sqlstore.IPv6 {
		mine, other = other, mine
		history := keepWords.FindString(text)
		text = v4Word.ReplaceAllStringFunc(text, func(w string) string { return v6Words[w] })
		text = keepWords.ReplaceAllLiteralString(text, history)
	}
	var out []string
	for line := range strings.Lines(text) {
		trimmed := strings.TrimRight(line, " \n")
		if strings.HasSuffix(trimmed, other) {
			continue
		}
		out = append(out, strings.TrimSuffix(trimmed, mine))
	}
	return strings.Join(out, "\n")
}

// split cuts a file into its named statements, without comments.
func split(text string) map[string]string {
	set := map[string]string{}
	at := nameLine.FindAllStringSubmatchIndex(text, -1)
	for i, m := range at {
		end := len(text)
		if i+1 < len(at) {
			end = at[i+1][0]
		}
		var body []string
		for line := range strings.Lines(text[m[1]:end]) {
			if !strings.HasPrefix(line, "--") {
				body = append(body, strings.TrimRight(line, "\n"))
			}
		}
		set[text[m[2]:m[3]]] = strings.TrimRight(strings.TrimSpace(strings.Join(body, "\n")), ";")
	}
	return set
}

func (q *queries) get(name string) string {
	s, ok := q.common[name]
	if !ok {
		panic(fmt.Sprintf("postgres: no query %q", name))
	}
	return s
}

func (q *queries) of(f sqlstore.Family, name string) string {
	s, ok := q.lease[f][name]
	if !ok {
		panic(fmt.Sprintf("postgres: no query %q for %s", name, f))
	}
	return s
}
