package sqlite

import (
	"context"
	"database/sql"
	"fmt"
	"time"

	"rowlock/sqlstore"
)

// pollInterval bounds how long a change of another process goes unnoticed.
const pollInterval = 250 * time.Millisecond

// Revision returns the newest revision.
func (s *Store) Revision(ctx context.Context) (rev int64, err error) {
	err = s.r.one(ctx, "config_revision", func(v []any) error {
		rev = integer(v[0])
		return nil
	})
	return rev, err
}

// WaitRevision returns at once when a newer revision is there, when this
// process applies one, or after 250 ms: SQLite cannot tell of the changes of
// other processes.
func (s *Store) WaitRevision(ctx context.Context, known int64) error {
	s.mu.Lock()
	changed := s.changed
	s.mu.Unlock()
	rev, err := s.Revision(ctx)
	if err != nil || rev > known {
		return err
	}
	timer := time.NewTimer(pollInterval)
	defer timer.Stop()
	select {
	case <-changed:
	case <-timer.C:
	case <-ctx.Done():
		return fmt.Errorf("wait for revision: %w", ctx.Err())
	}
	return nil
}

// announce wakes everybody in WaitRevision.
func (s *Store) announce() {
	s.mu.Lock()
	defer s.mu.Unlock()
	close(s.changed)
	s.changed = make(chan struct{})
}

// LoadConfig reads the configuration in one snapshot.
func (s *Store) LoadConfig(ctx context.Context) (cfg *sqlstore.Config, err error) {
	err = s.r.snapshot(ctx, func(tx *sql.Tx) error {
		cfg, err = loadConfig(s.configReader(ctx, tx), nil)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("load configuration: %w", err)
	}
	return cfg, nil
}

// LoadChanges reads what changed since known was loaded; all of it where that is
// more than half of the links.
func (s *Store) LoadChanges(ctx context.Context, known *sqlstore.Config) (cfg *sqlstore.Config, err error) {
	err = s.r.snapshot(ctx, func(tx *sql.Tx) error {
		cfg, err = loadChanges(s.configReader(ctx, tx), known)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("load configuration: %w", err)
	}
	return cfg, nil
}

func loadChanges(each eachRow, known *sqlstore.Config) (*sqlstore.Config, error) {
	var rev int64
	err := each("config_revision", func(v []any) error {
		rev = integer(v[0])
		return nil
	})
	if err != nil || rev == known.Revision {
		return known, err
	}
	ids := []uint32{}
	err = each("config_changed", func(v []any) error {
		ids = append(ids, uint32(integer(v[0])))
		return nil
	}, known.Revision)
	if err != nil {
		return nil, err
	}
	if rev < known.Revision || 2*len(ids) > len(known.Links) {
		return loadConfig(each, nil)
	}
	part, err := loadConfig(each, ids)
	if err != nil {
		return nil, err
	}
	return known.WithLinks(part, ids), nil
}

// eachRow calls read with every row of a query.
type eachRow func(query string, read func([]any) error, args ...any) error

// configReader is eachRow in a snapshot.
func (s *Store) configReader(ctx context.Context, tx *sql.Tx) eachRow {
	return func(query string, read func([]any) error, args ...any) error {
		return s.r.each(ctx, tx, 0, query, read, args...)
	}
}
