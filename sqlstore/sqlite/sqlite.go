// Package sqlite is the SQLite dialect of sqlstore: one file, no server, the
// default database. It uses modernc.org/sqlite, which needs no C compiler.
//
// A file has one serving process (LockServing); tools may read and write it
// beside that process. A Store has one connection that writes, used by one
// goroutine at a time, and a few that read; write-ahead logging lets readers go
// on while something is written. Every transaction that writes begins with the
// write lock (BEGIN IMMEDIATE) and is durable when it has ended (synchronous =
// FULL). Inside, prepared single-row statements are as cheap as the sets that
// other dialects need, because no network lies between.
//
// All SQL text is in queries/. Times are microseconds since 1970, read once a
// transaction from SQLite's own clock, which has milliseconds.
package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"net/url"
	"os"
	"path/filepath"
	"sync"
	"time"

	driver "modernc.org/sqlite"

	"rowlock/sqlstore"
)

// Options are the settings of a Store.
type Options struct {
	Logger *slog.Logger // nil: nothing is logged
	Create bool         // make the file if it is not there
}

// Store is one SQLite file; it implements sqlstore.Store.
type Store struct {
	path    string
	file    *identity
	log     *slog.Logger
	q       *queries
	w       *writer
	r       *reader
	version string

	mu      sync.Mutex
	changed chan struct{} // closed and replaced when this process applies a configuration
	serving *os.File      // holds the lock of LockServing
}

var _ sqlstore.Store = (*Store)(nil)

const (
	busyTimeout = 2 * time.Second // how long a transaction waits for another process's write
	openRetry   = 5 * time.Second // how long Open waits while others turn the file to write-ahead logging
	readers     = 4
)

// Open opens the file, and with Create makes it, readable by its owner only, if
// it is not there; its folder must exist. It does not look at the schema: see
// CheckSchema. It returns ErrUnavailable or ErrRetry when trying again may help,
// and an error without sentinel when it cannot: no such file, or a file that is
// no database.
func Open(ctx context.Context, path string, opt Options) (*Store, error) {
	log := opt.Logger
	if log == nil {
		log = slog.New(slog.DiscardHandler)
	}
	q, err := loadQueries()
	if err != nil {
		return nil, fmt.Errorf("load queries: %w", err)
	}
	if path, err = findFile(path, opt.Create); err != nil {
		return nil, err
	}
	file, err := identify(path, log)
	if err != nil {
		return nil, err
	}
	wdb, err := openDB(path, 0, url.Values{ // no busy time-out: see turn
		"_foreign_keys": {"1"}, "_journal_mode": {"WAL"}, "_synchronous": {"FULL"},
		"_pragma": {"cache_size(-65536)", "temp_store(MEMORY)", "journal_size_limit(67108864)"},
	})
	if err != nil {
		return nil, err
	}
	wdb.SetMaxOpenConns(1)
	rdb, err := openDB(path, busyTimeout, url.Values{"_query_only": {"1"}, "_pragma": {"cache_size(-16384)"}})
	if err != nil {
		_ = wdb.Close()
		return nil, err
	}
	rdb.SetMaxOpenConns(readers)
	rdb.SetMaxIdleConns(readers)
	turn, err := newTurn(path)
	if err != nil {
		return nil, errors.Join(err, wdb.Close(), rdb.Close())
	}
	s := &Store{path: path, file: file, log: log, q: q, w: newWriter(wdb, q, log, turn, file), r: newReader(rdb, q), changed: make(chan struct{})}
	if err := s.start(ctx); err != nil {
		_ = s.Close()
		return nil, fmt.Errorf("open %s: %w", path, err)
	}
	return s, nil
}

// start connects. While other processes open a new file for the first time, it
// may be busy without SQLite waiting for it.
func (s *Store) start(ctx context.Context) error {
	deadline := time.Now().Add(openRetry)
	for {
		err := classifyOpen(s.w.connect(ctx))
		if err == nil {
			break
		}
		if !errors.Is(err, sqlstore.ErrRetry) || time.Now().After(deadline) || ctx.Err() != nil {
			return err
		}
		time.Sleep(20 * time.Millisecond)
	}
	return classifyOpen(s.r.one(ctx, "version", func(v []any) error {
		s.version = text(v[0])
		return nil
	}))
}

// findFile returns the absolute path of the file, which it makes if it is not
// there and create says so. The file holds the secret of the address order, so
// others may not read it.
func findFile(path string, create bool) (string, error) {
	if path == "" {
		return "", errors.New("database file has no name")
	}
	path, err := filepath.Abs(path)
	if err != nil {
		return "", fmt.Errorf("find database file: %w", err)
	}
	if !create {
		_, err := os.Stat(path)
		if errors.Is(err, fs.ErrNotExist) {
			return "", fmt.Errorf("no such file: %s (rowlock serve or rowlock migrate up makes it)", path)
		}
		if err != nil {
			return "", fmt.Errorf("find database file: %w", classifyFile(err))
		}
		return path, nil
	}
	f, err := os.OpenFile(path, os.O_CREATE|os.O_EXCL|os.O_RDWR, 0o600)
	switch {
	case errors.Is(err, fs.ErrExist):
		return path, nil // an open file must not be closed here: POSIX would drop the locks that SQLite has
	case err != nil:
		return "", fmt.Errorf("create database file: %w", classifyFile(err))
	}
	return path, f.Close()
}

// openDB returns a pool of connections to the file, whose statements wait up to
// wait for the locks of other processes; none is made yet, and none makes the
// file.
func openDB(path string, wait time.Duration, settings url.Values) (*sql.DB, error) {
	settings.Set("mode", "rw")
	settings.Set("_busy_timeout", fmt.Sprint(wait.Milliseconds()))
	u := url.URL{Scheme: "file", OmitHost: true, Path: path, RawQuery: settings.Encode()}
	c, err := driver.NewConnector(u.String())
	if err != nil {
		return nil, fmt.Errorf("open %s: %w", path, err)
	}
	return sql.OpenDB(c), nil
}

// Dialect returns "sqlite".
func (s *Store) Dialect() string { return "sqlite" }

// Version returns the version of SQLite.
func (s *Store) Version() string { return "SQLite " + s.version }

// SplitLanes tells that one writer takes inserts and updates together.
func (s *Store) SplitLanes() bool { return false }

// Ping reads from the file, and makes sure that it is still in its place.
func (s *Store) Ping(ctx context.Context) error {
	if err := s.file.check(); err != nil {
		return fmt.Errorf("ping: %w", err)
	}
	return s.r.one(ctx, "ping", func([]any) error { return nil })
}

// Close waits for the transaction under way, then ends all connections and
// gives up the lock of LockServing.
func (s *Store) Close() error {
	err := errors.Join(s.w.close(), s.r.close())
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.serving != nil {
		err = errors.Join(err, s.serving.Close())
		s.serving = nil
	}
	return err
}
