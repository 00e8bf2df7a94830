package sqlite

import (
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"regexp"
	"strconv"
	"strings"

	"rowlock/sqlstore"
)

//go:embed queries/*.sql
var queryFiles embed.FS

// queries holds the statements by name. Those of files whose name ends in 4
// are written for lease4 and serve both families by the convention stated in
// queries/lease4.sql.
type queries struct {
	common map[string]query
	lease  map[sqlstore.Family]map[string]query
}

// query is a statement as the driver gets it. In the files its parameters are
// numbered; here they are bare, because the driver asks SQLite for the name of
// each one that has a number whenever it binds it.
type query struct {
	text  string
	order []int // which argument each parameter takes, from 0
}

var (
	nameLine = regexp.MustCompile(`(?m)^-- name: (\w+)$`)
	v4Word   = regexp.MustCompile(`\b(lease4|client_id|circuit_id)\b`)
	param    = regexp.MustCompile(`\?\d+`)
)

// loadQueries reads the embedded files.
func loadQueries() (*queries, error) {
	q := &queries{
		common: map[string]query{},
		lease:  map[sqlstore.Family]map[string]query{sqlstore.IPv4: {}, sqlstore.IPv6: {}},
	}
	files, err := fs.Glob(queryFiles, "queries/*.sql")
	if err != nil {
		return nil, err
	}
	for _, file := range files {
		if file == copyFile || file == loadFile {
			continue
		}
		b, err := queryFiles.ReadFile(file)
		if err != nil {
			return nil, err
		}
		if !strings.HasSuffix(file, "4.sql") {
			err = split(q.common, string(b))
		} else {
			err = errors.Join(
				split(q.lease[sqlstore.IPv4], forFamily(string(b), sqlstore.IPv4)),
				split(q.lease[sqlstore.IPv6], forFamily(string(b), sqlstore.IPv6)))
		}
		if err != nil {
			return nil, fmt.Errorf("%s: %w", path.Base(file), err)
		}
	}
	return q, errors.Join(q.loadParts(), q.loadCopies())
}

// loadFile holds the statements that there are for the whole configuration, and,
// with the suffix, for some links.
const (
	loadFile   = "queries/configload.sql"
	partSuffix = " of links"
)

// loadParts applies the convention described at the head of configload.sql.
func (q *queries) loadParts() error {
	b, err := queryFiles.ReadFile(loadFile)
	if err != nil {
		return err
	}
	var whole, part strings.Builder
	for line := range strings.Lines(string(b)) {
		kept, only := strings.CutSuffix(strings.TrimRight(line, "\n"), "--of")
		if !only {
			whole.WriteString(kept + "\n")
		}
		part.WriteString(kept + "\n")
	}
	parts := map[string]query{}
	err = errors.Join(split(q.common, whole.String()), split(parts, part.String()))
	for name, one := range parts {
		q.common[name+partSuffix] = one
	}
	return err
}

// forFamily turns text that is written for lease4 into that of a family.
func forFamily(text string, f sqlstore.Family) string {
	mine, other := "--v4", "--v6"
	if f == sqlstore.IPv6 {
		mine, other = other, mine
		words := map[string]string{"lease4": "lease6", "client_id": "duid", "circuit_id": "interface_id"}
		text = v4Word.ReplaceAllStringFunc(text, func(w string) string { return words[w] })
	}
	var out strings.Builder
	for line := range strings.Lines(text) {
		line = strings.TrimRight(line, " \n")
		if strings.HasSuffix(line, other) {
			continue
		}
		out.WriteString(strings.TrimRight(strings.TrimSuffix(line, mine), " ") + "\n")
	}
	return out.String()
}

// split cuts a file into its named statements and adds them to set, without
// comments and without the semicolon: the driver keeps only a text that is
// exactly one statement compiled.
func split(set map[string]query, text string) error {
	at := nameLine.FindAllStringSubmatchIndex(text, -1)
	for i, m := range at {
		end := len(text)
		if i+1 < len(at) {
			end = at[i+1][0]
		}
		name := text[m[2]:m[3]]
		var body strings.Builder
		for line := range strings.Lines(text[m[1]:end]) {
			if !strings.HasPrefix(line, "--") {
				body.WriteString(line)
			}
		}
		if _, twice := set[name]; twice {
			return fmt.Errorf("query %s is there twice", name)
		}
		set[name] = bare(strings.TrimSuffix(strings.TrimSpace(body.String()), ";"))
	}
	return nil
}

// bare takes the numbers from the parameters and remembers their order.
func bare(text string) query {
	var q query
	q.text = param.ReplaceAllStringFunc(text, func(p string) string {
		n, _ := strconv.Atoi(p[1:])
		q.order = append(q.order, n-1)
		return "?"
	})
	return q
}

// get returns a statement; family 0 means one that is common to both.
func (q *queries) get(f sqlstore.Family, name string) (query, error) {
	set := q.common
	if f != 0 {
		set = q.lease[f]
	}
	t, ok := set[name]
	if !ok {
		return query{}, fmt.Errorf("no query %s for family %d", name, f)
	}
	return t, nil
}
