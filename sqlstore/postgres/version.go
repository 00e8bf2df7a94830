package postgres

import "rowlock/sqlstore"

// oldest is the first version with all that the statements need.
const oldest = "14"

// checkServer returns sqlstore.ErrServer for a server that is too old.
func checkServer(version string) error { return sqlstore.CheckServer("PostgreSQL", version, oldest) }
