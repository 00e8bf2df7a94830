package sqlstore

import (
	"context"
	"time"
)

// Migrator changes the schema of one database. Several processes may use one
// at the same time: they wait for each other.
type Migrator interface {
	// Up applies what is missing and returns the names of what it applied.
	Up(ctx context.Context) ([]string, error)
	// Down takes the newest migration back and returns its name, "" if there is
	// none.
	Down(ctx context.Context) (string, error)
	// Status lists all migrations known to this program.
	Status(ctx context.Context) ([]MigrationStatus, error)
	// Close ends the connection.
	Close() error
}

// MigrationStatus is one migration.
type MigrationStatus struct {
	Version   int64
	Name      string
	Applied   bool
	AppliedAt time.Time // database time; zero when not applied
}
