package sqlite

import (
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"syscall"

	"rowlock/sqlstore"
)

// LockServing makes this process the one that serves the file, until Close.
// It returns ErrConflict, naming the other process, when there is one: two
// would be correct but would starve each other of the write lock. The kernel
// drops the lock of a killed process. Tools need no such lock.
func (s *Store) LockServing() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.serving != nil {
		return nil
	}
	f, err := lockFile(s.path + ".serving")
	if err != nil {
		if errors.Is(err, sqlstore.ErrConflict) {
			return fmt.Errorf("%s is served by another process%s already (one process serves an SQLite file; several need PostgreSQL): %w",
				s.path, holder(s.path+".serving"), sqlstore.ErrConflict)
		}
		return err
	}
	if err = f.Truncate(0); err == nil {
		_, err = fmt.Fprintf(f, "%d\n", os.Getpid())
	}
	if err != nil {
		_ = f.Close()
		return fmt.Errorf("write %s: %w: %w", f.Name(), sqlstore.ErrUnavailable, err)
	}
	s.serving = f
	return nil
}

// lockFile opens a file next to the database and locks it; ErrConflict when
// somebody else has the lock. Closing the file gives it up. The database file
// itself carries SQLite's own locks and is left alone.
func lockFile(name string) (*os.File, error) {
	f, err := os.OpenFile(name, os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, fmt.Errorf("open lock file: %w: %w", sqlstore.ErrUnavailable, err)
	}
	err = syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
	if err == nil {
		return f, nil
	}
	_ = f.Close()
	if errors.Is(err, syscall.EWOULDBLOCK) {
		return nil, fmt.Errorf("lock %s: %w", name, sqlstore.ErrConflict)
	}
	return nil, fmt.Errorf("lock %s: %w: %w", name, sqlstore.ErrUnavailable, err)
}

// holder reads who has the lock, for the message only.
func holder(name string) string {
	f, err := os.Open(name)
	if err != nil {
		return ""
	}
	defer f.Close()
	b, err := io.ReadAll(io.LimitReader(f, 32))
	if pid := strings.TrimSpace(string(b)); err == nil && pid != "" {
		return " (pid " + pid + ")"
	}
	return ""
}
