package postgres

import (
	"fmt"
	"strings"

	"github.com/jackc/pgx/v5"

	"rowlock/sqlstore"
	"rowlock/sqlstore/engine"
)

// grantFile says what a user of each role needs.
func grantFile() (engine.GrantFile, error) {
	text, err := queryFiles.ReadFile("queries/grants.sql")
	return engine.GrantFile(text), err
}

// Grants returns the SQL that gives a user what its role needs in the database
// that the URL names. Nobody is connected to.
func Grants(databaseURL string, g sqlstore.Grantee) (string, error) {
	if err := g.Check(); err != nil {
		return "", err
	}
	if g.Host != "" {
		return "", fmt.Errorf("host %q: a user of PostgreSQL has none, pg_hba.conf says where it may come from", g.Host)
	}
	t, err := parseURL(databaseURL)
	if err != nil {
		return "", err
	}
	cfg, err := t.config()
	if err != nil {
		return "", err
	}
	file, err := grantFile()
	if err != nil {
		return "", err
	}
	database := cfg.Database
	if database == "" {
		database = cfg.User // as the server has it
	}
	return file.Script(g.Role, map[string]string{
		"user": quoteName(g.User), "database": quoteName(database), "schema": quoteName(schemaOf(cfg.RuntimeParams["search_path"])),
	})
}

// Privileges returns what a user of the role needs.
func Privileges(role sqlstore.DatabaseRole) ([]sqlstore.Privilege, error) {
	file, err := grantFile()
	return file.Privileges(role), err
}

// quoteName quotes an identifier. A name with line breaks could leave a
// comment; it gets none.
func quoteName(name string) string {
	return pgx.Identifier{strings.NewReplacer("\n", " ", "\r", " ").Replace(name)}.Sanitize()
}

// schemaOf returns where tables are made with that search path: in the first
// schema that has a name of its own.
func schemaOf(path string) string {
	for part := range strings.SplitSeq(path, ",") {
		name := strings.ToLower(strings.TrimSpace(part))
		if quoted := strings.Trim(strings.TrimSpace(part), `"`); len(quoted) < len(name) {
			name = quoted
		}
		if name != "" && name != "$user" {
			return name
		}
	}
	return "public"
}
