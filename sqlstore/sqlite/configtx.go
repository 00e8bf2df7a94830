package sqlite

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"slices"
	"strings"

	"rowlock/sqlstore"
)

// errUnchanged ends the transaction of a configuration that says what the
// newest one says.
var errUnchanged = errors.New("configuration is unchanged")

// configTx is the configuration within a transaction. One that only looks has
// no writer.
type configTx struct {
	*transaction
	read  eachRow
	wrote bool // something was changed
}

// configure runs do in a transaction in which triggers leave the configuration
// alone. It keeps nothing, and tells nobody, where nothing was changed.
func (s *Store) configure(ctx context.Context, what string, do func(*configTx) error) error {
	err := s.w.write(ctx, what, func(t *transaction) error {
		c := &configTx{transaction: t, read: t.eachConfig}
		if _, err := t.exec(0, "config_applying", int64(1)); err != nil {
			return err
		}
		if err := do(c); err != nil {
			return err
		}
		if !c.wrote {
			return errUnchanged
		}
		_, err := t.exec(0, "config_applying", int64(0))
		return err
	})
	if errors.Is(err, errUnchanged) {
		return nil
	}
	if err == nil {
		s.announce()
	}
	return err
}

// ApplyConfig replaces the configuration in one transaction. An unchanged one
// does not raise the revision.
func (s *Store) ApplyConfig(ctx context.Context, base int64, next *sqlstore.Config, author, comment string) (rev int64, err error) {
	err = s.configure(ctx, "apply configuration", func(c *configTx) error {
		rev, _, err = sqlstore.ApplyTo(c, base, next, author, comment)
		return err
	})
	if err != nil {
		return 0, err
	}
	next.Revision = rev
	return rev, nil
}

// GatherConfig describes what was changed by hand. While there is nothing it
// takes no lock.
func (s *Store) GatherConfig(ctx context.Context, known *sqlstore.Config) (rev int64, err error) {
	var all bool
	err = s.r.one(ctx, "config_described", func(v []any) error {
		rev, all = integer(v[0]), integer(v[1]) != 0
		return nil
	})
	if err != nil || all {
		return rev, err
	}
	err = s.configure(ctx, "describe configuration", func(c *configTx) error {
		rev, _, err = sqlstore.GatherIn(c, known)
		return err
	})
	return rev, err
}

// SettleConfig forgets generations of pools that nobody uses, and opens pools
// that waited for them.
func (s *Store) SettleConfig(ctx context.Context, known *sqlstore.Config) (left int, err error) {
	err = s.configure(ctx, "settle configuration", func(c *configTx) error {
		left, err = sqlstore.SettleIn(c, known)
		return err
	})
	return left, err
}

// ConfigAt returns the configuration of a revision.
func (s *Store) ConfigAt(ctx context.Context, revision int64) (cfg *sqlstore.Config, err error) {
	err = s.r.snapshot(ctx, func(tx *sql.Tx) error {
		cfg, err = sqlstore.ConfigIn(&configTx{read: s.configReader(ctx, tx)}, revision)
		return err
	})
	return cfg, err
}

// eachConfig is eachRow on the writing connection.
func (t *transaction) eachConfig(query string, read func([]any) error, args ...any) error {
	var row []any
	return t.each(0, query, func(v []driver.Value) error {
		row = row[:0]
		for _, x := range v {
			row = append(row, x)
		}
		return read(row)
	}, values(args)...)
}

// change runs a statement and remembers whether it changed something.
func (c *configTx) change(query string, args ...driver.Value) error {
	n, err := c.exec(0, query, args...)
	c.wrote = c.wrote || n > 0
	return err
}

// Head returns config_head.
func (c *configTx) Head() (h sqlstore.ConfigHead, err error) {
	err = c.read("config_head", func(v []any) error {
		h.Revision, h.Secret, h.Described, h.Comment = integer(v[0]), blob(v[2]), integer(v[4]), text(v[5])
		return nil
	})
	return h, err
}

// Load reads all rows.
func (c *configTx) Load() (*sqlstore.Config, error) { return loadConfig(c.read, nil) }

// UsedIDs returns the ids that were ever used.
func (c *configTx) UsedIDs() (used sqlstore.UsedIDs, err error) {
	err = c.read("config_gens", func(v []any) error {
		used.Add(int(integer(v[0])), uint32(integer(v[1])), uint32(integer(v[2])))
		return nil
	})
	return used, err
}

// Authors returns nobody: SQLite has no users. Rows have an author where the
// database came from another engine, or was told one.
func (c *configTx) Authors(after int64) (authors []string, err error) {
	err = c.read("config_authors", func(v []any) error {
		authors = append(authors, strings.Split(text(v[0]), ", ")...)
		return nil
	}, after)
	slices.Sort(authors)
	return slices.Compact(authors), err
}

// InUse returns the oldest revision in use.
func (c *configTx) InUse() (int64, error) {
	if _, err := c.exec(0, "config_fence_dead", c.now); err != nil {
		return 0, err
	}
	oldest := sqlstore.NobodyUses
	err := c.read("config_in_use", func(v []any) error {
		if v[0] != nil {
			oldest = integer(v[0])
		}
		return nil
	}, c.now)
	return oldest, err
}

// Contents returns what a revision is made from.
func (c *configTx) Contents(revision int64) (parts []sqlstore.RevisionContent, err error) {
	err = c.read("config_contents", func(v []any) error {
		parts = append(parts, sqlstore.RevisionContent{Revision: integer(v[0]), Full: integer(v[1]) != 0, Data: blob(v[2])})
		return nil
	}, revision)
	return parts, err
}

// Record writes a revision down.
func (c *configTx) Record(n sqlstore.NewRevision) error {
	err := c.change("config_record", n.Number, c.now, n.Author, n.Comment, n.Diff, n.Content.Data, flag(n.Content.Full))
	if err == nil {
		err = c.change("config_raise", n.Number)
	}
	if err == nil && n.Global {
		err = c.change("config_note", int64(1), int64(0), n.Number, n.Author)
	}
	for _, id := range n.Links {
		if err == nil {
			err = c.change("config_note", int64(2), int64(id), n.Number, n.Author)
		}
	}
	return err
}

// PutConsumer keeps the row of the zones' keeper among the consumers.
func (c *configTx) PutConsumer() error {
	return errors.Join(c.change("consumer_put"), c.change("consumer_clear"))
}
