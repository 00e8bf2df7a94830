package dialects

import (
	"errors"
	"strings"

	"rowlock/sqlstore"
	"rowlock/sqlstore/mysql"
	"rowlock/sqlstore/postgres"
)

// ErrNoUsers is what there is instead of database users for an SQLite file.
var ErrNoUsers = errors.New("SQLite has no users: whoever may write the file and its folder may do everything, " +
	"and who may only read them may read everything; let them belong to the user that serves, with mode 0640 and 0750")

// Grants returns the SQL that gives a user what its role needs in the database
// of the URL, for the database's owner to read and run. Nobody is connected to.
func Grants(url string, g sqlstore.Grantee) (string, error) {
	switch scheme, _, _ := strings.Cut(url, ":"); scheme {
	case "postgres", "postgresql":
		return postgres.Grants(url, g)
	case "mysql", "mariadb":
		return mysql.Grants(url, g)
	case "sqlite":
		return "", ErrNoUsers
	}
	return "", ErrScheme
}

// Privileges returns what a user of the role needs in the database of the URL,
// as Grants gives it.
func Privileges(url string, role sqlstore.DatabaseRole) ([]sqlstore.Privilege, error) {
	switch scheme, _, _ := strings.Cut(url, ":"); scheme {
	case "postgres", "postgresql":
		return postgres.Privileges(role)
	case "mysql", "mariadb":
		return mysql.Privileges(role)
	case "sqlite":
		return nil, ErrNoUsers
	}
	return nil, ErrScheme
}
