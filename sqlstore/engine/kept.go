package engine

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"sync"
	"time"

	"rowlock/sqlstore"
)

const (
	keepEvery = time.Second      // between two writes
	keepAgain = 30 * time.Second // after one that failed
)

// kept writes the configurations that were taken to a file, the newest one, for
// a start at which the newest one in the database is refused.
type kept struct {
	file string // "" for none
	wake chan struct{}

	mu      sync.Mutex
	waiting *sqlstore.Config // to be written
}

func (k *kept) put(cfg *sqlstore.Config) {
	if k.file == "" {
		return
	}
	k.mu.Lock()
	k.waiting = cfg
	k.mu.Unlock()
	poke(k.wake)
}

func (k *kept) next() *sqlstore.Config {
	k.mu.Lock()
	defer k.mu.Unlock()
	cfg := k.waiting
	k.waiting = nil
	return cfg
}

// again has a configuration that could not be written wait, unless there is a
// newer one.
func (k *kept) again(cfg *sqlstore.Config) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.waiting == nil {
		k.waiting = cfg
	}
}

// keeps writes what is to be kept until the context ends, and then what is left.
func (e *Engine) keeps(ctx context.Context) {
	told := false
	for ended := false; !ended; {
		select {
		case <-e.kept.wake:
		case <-time.After(keepAgain):
		case <-ctx.Done():
			ended = true
		}
		cfg := e.kept.next()
		if cfg == nil {
			continue
		}
		err := writeKept(e.kept.file, cfg)
		if err == nil {
			told = false
			pause(ctx, keepEvery)
			continue
		}
		e.kept.again(cfg)
		if !told {
			told = true
			e.log.Warn("the configuration in use cannot be kept on disk", slog.String("event", "config.not_kept"), slog.Any("err", err))
		}
	}
}

// restore takes the last good configuration from disk into use, where the
// process has none and the newest one is refused: cfg, or nil if that cannot be
// read. A file that is not good for it leaves things as they are.
func (e *Engine) restore(ctx context.Context, cfg *sqlstore.Config, revision int64) {
	if e.kept.file == "" {
		return
	}
	old, err := readKept(e.kept.file)
	if errors.Is(err, fs.ErrNotExist) {
		return
	}
	if err == nil {
		err = e.fits(ctx, old, cfg, revision)
	}
	if err == nil {
		e.withheld.Store(given(old, cfg))
		err = e.offerConfig(old)
	}
	if err != nil {
		e.log.Warn("the configuration kept on disk cannot be used", slog.String("event", "config.file_refused"),
			slog.String("file", e.kept.file), slog.Any("err", err))
		return
	}
	e.loader.mu.Lock()
	e.loader.config = old
	e.loader.mu.Unlock()
	e.begin(old)
	e.log.Warn("the last good configuration, kept on disk, is in use", slog.String("event", "config.restored"),
		slog.Int64("revision", old.Revision), slog.Int64("refused", revision))
}

// fits tells whether a configuration from disk is an earlier one of this
// database: the same as what the database remembers of its revision, or, where
// it does not, one with the same DUID as its newest.
func (e *Engine) fits(ctx context.Context, old, newest *sqlstore.Config, revision int64) error {
	if old.Revision > revision {
		return fmt.Errorf("it is revision %d, and the database is at %d", old.Revision, revision)
	}
	if newest != nil && !bytes.Equal(old.ServerDUID, newest.ServerDUID) {
		return errors.New("it is of another database")
	}
	was, err := e.store.ConfigAt(ctx, old.Revision)
	switch {
	case err == nil && !sqlstore.SameConfig(was, old):
		return fmt.Errorf("it is not what revision %d of the database was", old.Revision)
	case err != nil && (newest == nil || !errors.Is(err, sqlstore.ErrNotFound)):
		return fmt.Errorf("it cannot be compared with the database: %w", err)
	}
	return nil
}

// poolsOf goes through the pools of a configuration.
func poolsOf(c *sqlstore.Config) func(func(*sqlstore.Pool) bool) {
	return func(do func(*sqlstore.Pool) bool) {
		for _, l := range c.Links {
			for _, s := range l.Subnets {
				for _, p := range s.Pools {
					if !do(p) {
						return
					}
				}
			}
		}
	}
}

// writeKept replaces the file at once and durably. Only its owner may read it.
func writeKept(file string, cfg *sqlstore.Config) error {
	data, err := encodeKept(cfg)
	if err != nil {
		return err
	}
	return replaceFile(file, data)
}

func readKept(file string) (*sqlstore.Config, error) {
	data, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	return decodeKept(data)
}
