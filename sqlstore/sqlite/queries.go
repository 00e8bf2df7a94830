package sqlite

import (
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"regexp"
	"strings"

	"rowlock/sqlstore"
)

//go:embed queries/*.sql
var queryFiles embed.FS

// queries holds the statements by name. Those of files whose name ends in 4
// are written for lease4 and serve both families by the convention stated in
// queries/lease4.sql.
type queries struct {
	common map[string]string
	lease  map[sqlstore.Family]map[string]string
}

var (
	nameLine = regexp.MustCompile(`(?m)^-- name: (\w+)$`)
	v4Word   = regexp.MustCompile(`\b(lease4|client_id|circuit_id)\b`)
)

// loadQueries reads the embedded files.
func loadQueries() (*queries, error) {
	q := &queries{
		common: map[string]string{},
		lease:  map[sqlstore.Family]map[string]string{sqlstore.IPv4: {}, sqlstore.IPv6: {}},
	}
	files, err := fs.Glob(queryFiles, "queries/*.sql")
	if err != nil {
		return nil, err
	}
	for _, file := range files {
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
	return q, nil
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
func split(set map[string]string, text string) error {
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
		set[name] = strings.TrimSuffix(strings.TrimSpace(body.String()), ";")
	}
	return nil
}

// text returns a statement; family 0 means one that is common to both.
func (q *queries) text(f sqlstore.Family, name string) (string, error) {
	set := q.common
	if f != 0 {
		set = q.lease[f]
	}
	t, ok := set[name]
	if !ok {
		return "", fmt.Errorf("no query %s for family %d", name, f)
	}
	return t, nil
}
