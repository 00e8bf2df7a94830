package admin

import (
	"context"

	"rowlock/sqlstore"
)

// Store is what the role needs of the database.
type Store interface {
	sqlstore.AdminStore
	sqlstore.ConfigStore
	sqlstore.RevisionStore
	sqlstore.LeaseStore
	// Frontends lists the rows of the membership table.
	Frontends(ctx context.Context) ([]sqlstore.FrontendInfo, error)
	// Apply runs a batch; it ends a lease.
	Apply(ctx context.Context, b *sqlstore.Batch) (*sqlstore.BatchResult, error)
}

// NameStore is what the role needs of the names in DNS.
type NameStore interface {
	// RetryName makes a name due.
	RetryName(ctx context.Context, name string) error
	// NameQueue counts names by zone.
	NameQueue(ctx context.Context) ([]sqlstore.ZoneQueue, error)
	// DNSNames lists names in order.
	DNSNames(ctx context.Context, f sqlstore.NameFilter) ([]sqlstore.DNSName, error)
}
