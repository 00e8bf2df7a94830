package sqlite

import (
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"sync/atomic"

	"rowlock/sqlstore"
)

// identity is the file that was opened. Its path may come to name nothing, or
// another file, while the connections still write into the old one, which goes
// away with them: what is written then is lost.
type identity struct {
	path string
	info os.FileInfo
	log  *slog.Logger
	gone atomic.Bool // for good: connections would be of two files
}

var errReplaced = fmt.Errorf("%w: database file was removed or replaced", sqlstore.ErrUnavailable)

func identify(path string, log *slog.Logger) (*identity, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, fmt.Errorf("look at database file: %w: %w", sqlstore.ErrUnavailable, err)
	}
	return &identity{path: path, info: info, log: log}, nil
}

// lost tells what was found before, without looking.
func (i *identity) lost() error {
	if i.gone.Load() {
		return errReplaced
	}
	return nil
}

// check returns an error, from then on always, when the path does not name the
// file that was opened.
func (i *identity) check() error {
	if err := i.lost(); err != nil {
		return err
	}
	info, err := os.Stat(i.path)
	switch {
	case err == nil && os.SameFile(info, i.info):
		return nil
	case err != nil && !errors.Is(err, fs.ErrNotExist):
		return fmt.Errorf("look at database file: %w: %w", sqlstore.ErrUnavailable, err)
	}
	if i.gone.CompareAndSwap(false, true) {
		i.log.Error("database file was removed or replaced: nothing is written any more; put it back if it was moved, and start again",
			"event", "sqlite.file_replaced", "path", i.path)
	}
	return errReplaced
}
