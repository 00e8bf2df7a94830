package mysql

import (
	"context"
	"database/sql"
	"errors"
	"strings"

	"rowlock/sqlstore"
	"rowlock/sqlstore/engine"
)

// grantFile says what a user of each role needs; both servers want the same.
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
	u, err := sqlstore.ParseURL(databaseURL)
	if err != nil {
		return "", err
	}
	if u.Name == "" {
		return "", errors.New("the database URL names no database")
	}
	file, err := grantFile()
	if err != nil {
		return "", err
	}
	if g.Host == "" {
		g.Host = "%"
	}
	return file.Script(g.Role, map[string]string{
		"user": "'" + g.User + "'@'" + g.Host + "'", "database": quoteName(u.Name),
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
	return "`" + strings.NewReplacer("`", "``", "\n", " ", "\r", " ").Replace(name) + "`"
}

// CheckServing returns ErrDenied unless the user has the privileges that the
// lanes need: their connections prepare every statement, and the server refuses
// those that the user may not run.
func (s *Store) CheckServing(ctx context.Context) error {
	for _, pool := range []*sql.DB{s.offers, s.commits} {
		if err := s.with(ctx, pool, func(*conn) error { return nil }); err != nil {
			return err
		}
	}
	return nil
}
