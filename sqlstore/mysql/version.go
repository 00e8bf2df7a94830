package mysql

import (
	"strings"

	"rowlock/sqlstore"
)

// The oldest servers that are known to have what schema and statements need:
// constraints that are enforced, JSON_TABLE, SKIP LOCKED.
const (
	oldestMySQL   = "8.0.19"
	oldestMariaDB = "10.6"
)

// flavourOf tells from the text that a server calls its version which of the two
// it is, and which version. MariaDB has a false version in front of its own
// where a program must take it for an old MySQL.
func flavourOf(text string) (mariadb bool, version string) {
	if !strings.Contains(text, "MariaDB") {
		return false, text
	}
	return true, strings.TrimPrefix(text, "5.5.5-")
}

// checkServer returns sqlstore.ErrServer for a server that is too old.
func checkServer(mariadb bool, version string) error {
	if mariadb {
		return sqlstore.CheckServer("MariaDB", version, oldestMariaDB)
	}
	return sqlstore.CheckServer("MySQL", version, oldestMySQL)
}
