package mysql

import (
	"embed"
	"encoding/hex"
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
	mariadb bool
	common  map[string]string
	lease   map[sqlstore.Family]map[string]string
	run     map[sqlstore.Family]map[string]string // executes a prepared statement on leases
}

// The statements that the connections of a lane prepare.
var (
	offerStatements  = []string{"lane_clock", "lease_insert", "lane_placed", "lane_head", "lease_read_own", "lease_read_former"}
	commitStatements = []string{
		"lane_clock", "lane_head", "lane_fence", "lane_alive", "lease_history", "lease_update", "lease_move", "lease_event", "lease_read_changed",
	}
)

var (
	nameLine  = regexp.MustCompile(`(?m)^-- name: (\w+)$`)
	v4Word    = regexp.MustCompile(`\b(lease4(?:_addr|_reclaim)?|client_id|circuit_id)\b`)
	v6Words   = strings.NewReplacer("lease4", "lease6", "client_id", "duid", "circuit_id", "interface_id")
	keepWords = regexp.MustCompile(`(?s)INSERT INTO lease_history \(.*?\)`)
)

// now is the time of the transaction: a user variable keeps a time as text.
const now = "CAST(@now AS DATETIME(6))"

// loadQueries reads the embedded files, for one flavour of the server.
func loadQueries(mariadb bool) (*queries, error) {
	q := &queries{mariadb: mariadb, common: map[string]string{}, lease: map[sqlstore.Family]map[string]string{}, run: map[sqlstore.Family]map[string]string{}}
	files, err := fs.Glob(queryFiles, "queries/*.sql")
	if err != nil {
		return nil, err
	}
	for _, name := range files {
		if name == leaseFile || name == copyFile {
			continue
		}
		text, err := queryFiles.ReadFile(name)
		if err != nil {
			return nil, err
		}
		maps.Copy(q.common, split(forServer(string(text), mariadb)))
	}
	text, err := queryFiles.ReadFile(leaseFile)
	if err != nil {
		return nil, err
	}
	for _, f := range []sqlstore.Family{sqlstore.IPv4, sqlstore.IPv6} {
		q.lease[f] = split(forServer(forFamily(string(text), f), mariadb))
		q.run[f] = map[string]string{}
		for _, name := range append(offerStatements, commitStatements...) {
			q.run[f][name] = strings.ReplaceAll(q.get("execute"), "$1", preparedName(f, name))
		}
	}
	return q, q.loadCopies()
}

// forFamily applies the convention described at the head of lease4.sql.
// The columns of lease_history have the same names in both families.
func forFamily(text string, f sqlstore.Family) string {
	mine, other := "--v4", "--v6"
	if f == sqlstore.IPv6 {
		mine, other = other, mine
		history := keepWords.FindString(text)
		text = v4Word.ReplaceAllStringFunc(text, v6Words.Replace)
		text = keepWords.ReplaceAllLiteralString(text, history)
	}
	return choose(text, mine, other)
}

func forServer(text string, mariadb bool) string {
	if mariadb {
		return choose(text, "--mariadb", "--mysql")
	}
	return choose(text, "--mysql", "--mariadb")
}

// choose leaves out the lines that have the mark other, and the mark mine.
func choose(text, mine, other string) string {
	var out []string
	for line := range strings.Lines(text) {
		trimmed := strings.TrimRight(line, " \n")
		if strings.HasSuffix(trimmed, other) {
			continue
		}
		out = append(out, strings.TrimRight(strings.TrimSuffix(trimmed, mine), " "))
	}
	return strings.Join(out, "\n")
}

// split cuts a file into its named statements, without comments and with their
// fragments filled in.
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
	fill := []string{"$now", now}
	for name, body := range set {
		if fragment, ok := strings.CutPrefix(name, "fragment_"); ok {
			fill = append(fill, "$"+fragment, strings.ReplaceAll(body, "$now", now))
			delete(set, name)
		}
	}
	r := strings.NewReplacer(fill...)
	for name, body := range set {
		set[name] = r.Replace(body)
	}
	return set
}

// preparedName is what a connection calls a statement that it has prepared.
func preparedName(f sqlstore.Family, name string) string { return "rowlock_" + name + "_" + f.String() }

// prepare adds the statements that prepare those of a lane.
func (q *queries) prepare(p *packet, names []string) {
	for _, f := range []sqlstore.Family{sqlstore.IPv4, sqlstore.IPv6} {
		for _, name := range names {
			p.add(strings.ReplaceAll(q.get("prepare"), "$1", preparedName(f, name)), q.of(f, name))
		}
	}
}

// execute returns the statement that executes a prepared one.
func (q *queries) execute(f sqlstore.Family, name string) string {
	s, ok := q.run[f][name]
	if !ok {
		panic(fmt.Sprintf("mysql: query %q is not prepared", name))
	}
	return s
}

// forKeys returns a statement on leases with room for n keys in hexadecimal. As
// bytes they would make a text that is not UTF-8, and for as long as one such
// statement runs MySQL refuses to show any (information_schema.innodb_trx).
func (q *queries) forKeys(f sqlstore.Family, name string, n int) string {
	return strings.Replace(q.of(f, name), "$keys", strings.Repeat("UNHEX(?), ", n-1)+"UNHEX(?)", 1)
}

// hexKey is an argument for forKeys.
func hexKey(k sqlstore.Key) string { return hex.EncodeToString([]byte(k)) }

func (q *queries) get(name string) string {
	s, ok := q.common[name]
	if !ok {
		panic(fmt.Sprintf("mysql: no query %q", name))
	}
	return s
}

func (q *queries) of(f sqlstore.Family, name string) string {
	s, ok := q.lease[f][name]
	if !ok {
		panic(fmt.Sprintf("mysql: no query %q for %s", name, f))
	}
	return s
}
