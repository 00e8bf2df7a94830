package ddns

import (
	"context"
	"time"

	"rowlock/sqlstore"
)

// Store is what the package needs of the database. The methods are those of
// the interfaces of sqlstore, where they are explained.
type Store interface {
	Lead(ctx context.Context, name, holder string, ttl time.Duration) (int64, error)

	Revision(ctx context.Context) (int64, error)
	LoadConfig(ctx context.Context) (*sqlstore.Config, error)
	TSIGSecrets(ctx context.Context) (map[string]string, error)

	Sequence(ctx context.Context, l sqlstore.Lead, limit int, marks func(*sqlstore.Event) []sqlstore.NameMark) (int, error)
	TrimLog(ctx context.Context, limits sqlstore.LogLimits) (int, error)
	Backlog(ctx context.Context) (events int64, oldest time.Duration, err error)
	Consumer(ctx context.Context, name string) (seq int64, err error)
	SetConsumer(ctx context.Context, name string, old, seq int64) error
	NamedLeases(ctx context.Context, f sqlstore.Family, after sqlstore.Key, limit int) (live []sqlstore.Event, last sqlstore.Key, done bool, err error)

	MarkNames(ctx context.Context, marks []sqlstore.NameMark) error
	ClaimNames(ctx context.Context, holder string, ttl time.Duration, limit int, except []string) ([]sqlstore.DNSName, error)
	NameHolders(ctx context.Context, names []string) ([]sqlstore.NameHolder, error)
	AttemptNames(ctx context.Context, holder string, ttl time.Duration, attempts []sqlstore.NameAttempt) (lost []string, err error)
	FinishNames(ctx context.Context, holder string, outcomes []sqlstore.NameOutcome) (lost []string, err error)
	ReleaseNames(ctx context.Context, holder string) (int, error)
	RezoneNames(ctx context.Context, after string, limit int, zone func(name string) string) (last string, done bool, err error)
	NameQueue(ctx context.Context) ([]sqlstore.ZoneQueue, error)
	DNSNames(ctx context.Context, f sqlstore.NameFilter) ([]sqlstore.DNSName, error)
}
