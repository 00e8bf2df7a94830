package mysql

import (
	"context"
	"database/sql/driver"
	"errors"
	"regexp"
	"slices"
	"strings"

	"github.com/go-sql-driver/mysql"

	"rowlock/sqlstore"
)

// denied tells that the server refused a statement for want of a privilege.
func denied(err error) bool {
	var me *mysql.MySQLError
	return errors.As(err, &me) && (me.Number == 1227 || me.Number == 1142 || me.Number == 1143 || me.Number == 1370)
}

// Missing compares with what the server lists for the user and the roles it
// has taken.
func (s *Store) Missing(ctx context.Context, needs []sqlstore.Privilege) (missing []sqlstore.Privilege, err error) {
	var g grants
	var database string
	err = s.with(ctx, s.general, func(c *conn) error {
		if err := c.each(c.q.get("diagnose_session"), nil, func(v []driver.Value) error {
			database = text(v[2])
			return nil
		}); err != nil {
			return err
		}
		g, err = c.grants()
		return err
	})
	for _, n := range needs {
		if err == nil && !g.allow(database, n) {
			missing = append(missing, n)
		}
	}
	return missing, err
}

// grants reads what the user and its roles may do. A listing may hold password
// hashes and is kept from everybody.
func (c *conn) grants() (g grants, err error) {
	var roles string
	if err := c.each(c.q.get("diagnose_roles"), nil, func(v []driver.Value) error {
		roles = text(v[0])
		return nil
	}); err != nil {
		return nil, err
	}
	list := c.q.get("diagnose_grants")
	if !c.q.mariadb && roles != "" && roles != "NONE" {
		list = strings.ReplaceAll(c.q.get("diagnose_grants_with"), "$1", roles) // quoted by the server
	}
	err = c.each(list, nil, func(v []driver.Value) error {
		g.add(text(v[0]))
		return nil
	})
	return g, err
}

// grants are the lines of SHOW GRANTS.
type grants []grant

// grant is one of them: GRANT SELECT, INSERT (`a`) ON `db`.`table` TO ….
type grant struct {
	revoked          bool // a partial revoke: an exception of what is granted on *.*
	routine          bool // on a procedure
	database, object string
	actions          map[string][]string // by name in lower case; with columns where only these are granted
}

var (
	grantLine = regexp.MustCompile("^(GRANT|REVOKE) (.+?) ON (?:(TABLE|PROCEDURE|FUNCTION) )?(\\*|`(?:[^`]|``)+`)\\.(\\*|`(?:[^`]|``)+`) (?:TO|FROM) ")
	grantItem = regexp.MustCompile(`([A-Za-z_ ]+?) *(?:\(([^)]*)\))?(?:, *|$)`)
)

// add reads a line; lines that grant roles or nothing are left out.
func (g *grants) add(line string) {
	m := grantLine.FindStringSubmatch(line)
	if m == nil {
		return
	}
	one := grant{
		revoked: m[1] == "REVOKE", routine: m[3] == "PROCEDURE" || m[3] == "FUNCTION",
		database: unquote(m[4]), object: unquote(m[5]), actions: map[string][]string{},
	}
	for _, item := range grantItem.FindAllStringSubmatch(m[2], -1) {
		var columns []string
		for c := range strings.SplitSeq(item[2], ",") {
			if c = strings.TrimSpace(c); c != "" {
				columns = append(columns, strings.ToLower(unquote(c)))
			}
		}
		one.actions[strings.ToLower(strings.TrimSpace(item[1]))] = columns
	}
	*g = append(*g, one)
}

func unquote(name string) string {
	if inner, ok := strings.CutPrefix(name, "`"); ok {
		return strings.ReplaceAll(strings.TrimSuffix(inner, "`"), "``", "`")
	}
	return name
}

// allow tells whether the privilege is granted on an object of the database.
// Columns may be granted one by one.
func (g grants) allow(database string, need sqlstore.Privilege) bool {
	columns, action := map[string]bool{}, strings.ToLower(need.Kind)
	for _, one := range g {
		if one.revoked || !one.names(database, need) || one.database == "*" && g.except(database, action) {
			continue
		}
		granted, ok := one.actions[action]
		if _, all := one.actions["all privileges"]; all || ok && granted == nil {
			return true
		}
		for _, c := range granted {
			columns[c] = true
		}
	}
	return len(need.Columns) > 0 && !slices.ContainsFunc(need.Columns, func(c string) bool { return !columns[c] })
}

// super tells whether the user may do what only administrators may.
func (g grants) super() bool {
	return slices.ContainsFunc(g, func(one grant) bool {
		_, all := one.actions["all privileges"]
		_, super := one.actions["super"]
		return !one.revoked && one.database == "*" && one.object == "*" && (all || super)
	})
}

// names tells whether a grant is about the object.
func (g grant) names(database string, need sqlstore.Privilege) bool {
	switch {
	case g.object != "*": // names are patterns where a whole database is granted only
		return g.routine == (need.Kind == "EXECUTE") && strings.EqualFold(g.database, database) && strings.EqualFold(g.object, need.Object)
	case g.database == "*":
		return true
	}
	return like(g.database, database)
}

// except tells whether a partial revoke takes it away.
func (g grants) except(database, action string) bool {
	return slices.ContainsFunc(g, func(one grant) bool {
		_, named := one.actions[action]
		return one.revoked && named && like(one.database, database)
	})
}

// like matches a name with a pattern in which % stands for any characters, _
// for one, and \ takes these meanings away.
func like(pattern, name string) bool {
	var re strings.Builder
	escaped := false
	for _, r := range pattern {
		switch {
		case escaped || r != '%' && r != '_' && r != '\\':
			re.WriteString(regexp.QuoteMeta(string(r)))
			escaped = false
		case r == '\\':
			escaped = true
		case r == '%':
			re.WriteString(".*")
		default:
			re.WriteString(".")
		}
	}
	ok, err := regexp.MatchString("(?is)^"+re.String()+"$", name)
	return err == nil && ok
}
