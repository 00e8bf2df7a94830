package mysql

import (
	"context"
	"database/sql"

	"rowlock/sqlstore"
)

// Pools returns the connection pools by name.
func (s *Store) Pools() map[string]*sql.DB {
	return map[string]*sql.DB{"offers": s.offers, "commits": s.commits, "general": s.general}
}

// MigratorPool returns the connections of a migrator.
func MigratorPool(m sqlstore.Migrator) *sql.DB { return m.(*migrator).db }

// Locked runs do while holding the migration lock.
func Locked(ctx context.Context, m sqlstore.Migrator, do func() error) error {
	return m.(*migrator).locked(ctx, do)
}

// LaneSettings are the settings of lane connections, and the statement that
// gives their variables types.
func LaneSettings(mariadb bool) (set map[string]string, variables string, err error) {
	q, err := loadQueries(mariadb)
	if err != nil {
		return nil, "", err
	}
	return laneSettings(mariadb), q.get("connect_lane"), nil
}

// QueryNames lists the statements: those that all families share, and those
// on leases.
func QueryNames(mariadb bool) (common map[string]string, lease map[sqlstore.Family]map[string]string, err error) {
	q, err := loadQueries(mariadb)
	if err != nil {
		return nil, nil, err
	}
	return q.common, q.lease, nil
}

// LaneStatements are the names of the statements that lanes prepare.
func LaneStatements() []string {
	return append(append([]string{}, offerStatements...), commitStatements...)
}
