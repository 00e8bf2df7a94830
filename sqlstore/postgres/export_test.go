package postgres

import (
	"context"

	"github.com/jackc/pgx/v5"

	"rowlock/sqlstore"
)

// OnLane runs do on a commit connection, as a batch would.
func (s *Store) OnLane(ctx context.Context, do func(context.Context, *pgx.Conn) error) error {
	return s.onLane(ctx, s.commits, do)
}

// LaneSettings are the settings of lane connections.
func LaneSettings() map[string]string { return laneSettings }

// NameSettings are the settings of connections for names in DNS.
func NameSettings() map[string]string { return nameSettings }

// GeneralSettings are the settings of the other connections.
func GeneralSettings() map[string]string { return generalSettings }

// LeaseQuery returns a statement on leases.
func LeaseQuery(f sqlstore.Family, name string) (string, error) {
	q, err := loadQueries()
	if err != nil {
		return "", err
	}
	return q.of(f, name), nil
}

// QueryNames lists the statements: those that all families share, and those
// on leases.
func QueryNames() (common map[string]string, lease map[sqlstore.Family]map[string]string, err error) {
	q, err := loadQueries()
	if err != nil {
		return nil, nil, err
	}
	return q.common, q.lease, nil
}

// Locked runs do while holding the migration lock.
func Locked(ctx context.Context, m sqlstore.Migrator, do func() error) error {
	return m.(*migrator).locked(ctx, do)
}
