package sqlstore

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
)

// DatabaseRole is what a database user is for.
type DatabaseRole string

// The roles. Whoever makes and changes the schema owns it, and needs none.
const (
	RoleFrontend DatabaseRole = "frontend" // a process that serves
	RoleDDNS     DatabaseRole = "ddns"     // a process that turns lease changes into DNS updates
	RoleAdmin    DatabaseRole = "admin"    // people and tools that change the network and end leases
	RoleReport   DatabaseRole = "report"   // people and tools that only look
)

// DatabaseRoles lists every role.
func DatabaseRoles() []DatabaseRole {
	return []DatabaseRole{RoleFrontend, RoleDDNS, RoleAdmin, RoleReport}
}

// ParseDatabaseRole returns the role with that name.
func ParseDatabaseRole(name string) (DatabaseRole, error) {
	if r := DatabaseRole(name); slices.Contains(DatabaseRoles(), r) {
		return r, nil
	}
	all := make([]string, 0, len(DatabaseRoles()))
	for _, r := range DatabaseRoles() {
		all = append(all, string(r))
	}
	return "", fmt.Errorf("unknown role %q: there are %s", name, strings.Join(all, ", "))
}

// Grantee is a database user and what it is for.
type Grantee struct {
	Role DatabaseRole
	User string
	// Host is where the user may come from, as MySQL and MariaDB have it: part
	// of its name. "" is everywhere.
	Host string
}

// The names that a script may be made for: they need be quoted nowhere, and
// end no comment.
var (
	userName = regexp.MustCompile(`^[A-Za-z0-9_.-]{1,63}$`)
	hostName = regexp.MustCompile(`^[A-Za-z0-9_.:%/-]{0,255}$`)
)

// Check refuses names that are none, or that mean everybody or nobody to
// PostgreSQL, even where they are quoted.
func (g Grantee) Check() error {
	if !userName.MatchString(g.User) || g.User == "public" || g.User == "none" {
		return fmt.Errorf("user %q: a name has letters, digits, and _ . -, 63 at most, and is neither public nor none", g.User)
	}
	if !hostName.MatchString(g.Host) {
		return fmt.Errorf("host %q: a name, an address, or a pattern with %%", g.Host)
	}
	return nil
}

// Privilege is one thing that a role may do with an object of the schema.
type Privilege struct {
	Kind    string   // SELECT, INSERT, UPDATE, DELETE, EXECUTE
	Object  string   // a table, view, function or procedure, without arguments
	Columns []string // empty: all of them
}

// String is the privilege as people write it.
func (p Privilege) String() string {
	if len(p.Columns) > 0 {
		return fmt.Sprintf("%s (%s) on %s", p.Kind, strings.Join(p.Columns, ", "), p.Object)
	}
	return p.Kind + " on " + p.Object
}
