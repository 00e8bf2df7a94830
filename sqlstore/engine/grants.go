package engine

import (
	"fmt"
	"regexp"
	"strings"

	"rowlock/sqlstore"
)

// GrantFile is the file of a dialect that says what a user of each role needs:
// blocks of SQL with comments, named grants_head, grants_foot (if there is
// one), and grants_ with the name of a role.
type GrantFile string

var (
	grantBlock = regexp.MustCompile(`(?m)^-- name: grants_(\w+)$`)
	grantLine  = regexp.MustCompile(`(?m)^GRANT (.+) ON (?:FUNCTION |PROCEDURE )?\$(?:schema|database)\.(\w+)(?:\(.*\))? TO \$user;$`)
	grantKind  = regexp.MustCompile(`(\w+)(?: \(([^)]*)\))?`)
)

// Script returns the SQL for one role: head, block and foot, with the words of
// names, each a dollar sign and a word, replaced by their values.
func (f GrantFile) Script(role sqlstore.DatabaseRole, names map[string]string) (string, error) {
	blocks := f.blocks()
	if blocks[string(role)] == "" {
		return "", fmt.Errorf("no privileges for role %q", role)
	}
	words := []string{"$role", string(role)}
	for name, value := range names {
		words = append(words, "$"+name, value)
	}
	return strings.NewReplacer(words...).Replace(blocks["head"] + blocks[string(role)] + blocks["foot"]), nil
}

// Privileges returns the same as a list, in the order of the file. Privileges
// on what is around the tables (the database, the schema) are left out.
func (f GrantFile) Privileges(role sqlstore.DatabaseRole) []sqlstore.Privilege {
	var out []sqlstore.Privilege
	blocks := f.blocks()
	for _, line := range grantLine.FindAllStringSubmatch(blocks["head"]+blocks[string(role)], -1) {
		for _, kind := range grantKind.FindAllStringSubmatch(line[1], -1) {
			p := sqlstore.Privilege{Kind: kind[1], Object: line[2]}
			if kind[2] != "" {
				p.Columns = strings.Split(kind[2], ", ")
			}
			out = append(out, p)
		}
	}
	return out
}

// blocks cuts the file. A block keeps its comments, and ends with one newline.
func (f GrantFile) blocks() map[string]string {
	set := map[string]string{}
	at := grantBlock.FindAllStringSubmatchIndex(string(f), -1)
	for i, m := range at {
		end := len(f)
		if i+1 < len(at) {
			end = at[i+1][0]
		}
		set[string(f[m[2]:m[3]])] = strings.TrimSpace(string(f[m[1]:end])) + "\n"
	}
	return set
}
