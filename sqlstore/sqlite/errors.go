package sqlite

import (
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"syscall"

	driver "modernc.org/sqlite"
	codes "modernc.org/sqlite/lib"

	"rowlock/sqlstore"
)

// classify turns a driver's error into one of sqlstore's, by result code. An
// error that has one already stays as it is.
func classify(err error) error {
	if err == nil || classified(err) {
		return err
	}
	if errors.Is(err, sql.ErrNoRows) {
		return fmt.Errorf("%w: %w", sqlstore.ErrNotFound, err)
	}
	var e *driver.Error
	if !errors.As(err, &e) {
		return fmt.Errorf("%w: %w", sqlstore.ErrUnavailable, err)
	}
	return fmt.Errorf("%w: %w", sentinel(e.Code()), err)
}

// classifyOpen is classify for a file that is being opened, where an error that
// will not pass by itself has no sentinel: waiting would hide it.
func classifyOpen(err error) error {
	if e, ok := errors.AsType[*driver.Error](err); ok {
		switch e.Code() & 0xff {
		case codes.SQLITE_NOTADB, codes.SQLITE_CORRUPT, codes.SQLITE_FORMAT, codes.SQLITE_CANTOPEN,
			codes.SQLITE_READONLY, codes.SQLITE_PERM, codes.SQLITE_AUTH, codes.SQLITE_NOLFS:
			return fmt.Errorf("database file cannot be used: %w", e)
		}
	}
	return classify(err)
}

// classifyFile does the same for an error of the operating system.
func classifyFile(err error) error {
	for _, never := range []error{fs.ErrNotExist, fs.ErrPermission, syscall.ENOTDIR, syscall.EISDIR, syscall.EROFS} {
		if errors.Is(err, never) {
			return err
		}
	}
	return fmt.Errorf("%w: %w", sqlstore.ErrUnavailable, err)
}

// sentinel maps a SQLite result code. Its low byte is the class, the rest says
// more.
func sentinel(code int) error {
	switch code {
	case codes.SQLITE_CONSTRAINT_UNIQUE, codes.SQLITE_CONSTRAINT_PRIMARYKEY, codes.SQLITE_CONSTRAINT_FOREIGNKEY, codes.SQLITE_CONSTRAINT_ROWID:
		return sqlstore.ErrConflict
	}
	switch code & 0xff {
	case codes.SQLITE_BUSY, codes.SQLITE_LOCKED, codes.SQLITE_SCHEMA:
		return sqlstore.ErrRetry
	case codes.SQLITE_CONSTRAINT, codes.SQLITE_MISMATCH, codes.SQLITE_TOOBIG, codes.SQLITE_RANGE:
		return sqlstore.ErrData
	case codes.SQLITE_ERROR:
		// what is left of this code once every query prepares on the right
		// schema: a table or column that is not there
		return sqlstore.ErrSchema
	}
	// IOERR, FULL, CANTOPEN, READONLY, CORRUPT, NOTADB, NOMEM, INTERRUPT
	return sqlstore.ErrUnavailable
}

func classified(err error) bool {
	for _, s := range []error{
		sqlstore.ErrNotFound, sqlstore.ErrConflict, sqlstore.ErrHeld, sqlstore.ErrRetry, sqlstore.ErrData,
		sqlstore.ErrUnavailable, sqlstore.ErrFenced, sqlstore.ErrSchema,
	} {
		if errors.Is(err, s) {
			return true
		}
	}
	return false
}
