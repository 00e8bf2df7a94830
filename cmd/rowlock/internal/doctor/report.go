package doctor

import (
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strings"

	"rowlock/sqlstore"
)

// groups are the headings of a report, with the first words of their ids.
var groups = []struct {
	title string
	words []string
}{
	{"Process file", []string{"process"}},
	{"Database", []string{"database"}},
	{"Schema and privileges", []string{"schema", "privilege"}},
	{"Clock", []string{"clock"}},
	{"Frontends", []string{"frontend"}},
	{"Network configuration", []string{"config", "subnet"}},
	{"This host", []string{"server", "interface", "address", "port", "capability", "kernel"}},
	{"Relays", []string{"relay"}},
}

// Report is what an examination found, as it is written.
type Report struct {
	Version  string                 `json:"version"` // of the program
	Database string                 `json:"database,omitempty"`
	Status   sqlstore.FindingStatus `json:"status"` // the worst of all
	Counts   map[string]int         `json:"counts"` // by status
	Findings sqlstore.Findings      `json:"findings"`
}

// NewReport sums up. The secrets are taken out wherever a server or the system
// repeated them.
func NewReport(version, database string, found sqlstore.Findings, secrets ...string) *Report {
	r := &Report{Version: version, Database: database, Counts: map[string]int{}, Findings: sqlstore.Findings{}}
	for s := sqlstore.FindingOK; s <= sqlstore.FindingProblem; s++ {
		r.Counts[s.String()] = 0
	}
	for _, f := range found {
		for _, secret := range secrets {
			if secret == "" {
				continue
			}
			for _, text := range []*string{&f.Text, &f.Why, &f.Advice} {
				*text = strings.ReplaceAll(*text, secret, "(hidden)")
			}
		}
		r.Findings = append(r.Findings, f)
		r.Counts[f.Status.String()]++
		r.Status = max(r.Status, f.Status)
	}
	return r
}

// JSON writes the report as one document.
func (r *Report) JSON(w io.Writer) error {
	e := json.NewEncoder(w)
	e.SetIndent("", "  ")
	e.SetEscapeHTML(false)
	return e.Encode(r)
}

// Text writes the report for people, by group; with quiet only what is not
// good.
func (r *Report) Text(w io.Writer, quiet bool) error {
	var b strings.Builder
	for _, g := range groups {
		heading := g.title
		for _, f := range r.Findings {
			word, _, _ := strings.Cut(f.ID, ".")
			if !slices.Contains(g.words, word) || quiet && f.Status == sqlstore.FindingOK {
				continue
			}
			if heading != "" {
				fmt.Fprintf(&b, "%s\n", heading)
				heading = ""
			}
			fmt.Fprintf(&b, "  %-8s %s: %s\n", f.Status, f.ID, f.Text)
			for _, more := range []struct{ label, text string }{{"why", f.Why}, {"do", f.Advice}} {
				if more.text != "" {
					fmt.Fprintf(&b, "           %-4s %s\n", more.label+":", more.text)
				}
			}
		}
	}
	fmt.Fprintf(&b, "%s: %d problem(s), %d warning(s), %d note(s), %d ok\n", r.Status,
		r.Counts["problem"], r.Counts["warning"], r.Counts["note"], r.Counts["ok"])
	_, err := io.WriteString(w, b.String())
	return err
}
