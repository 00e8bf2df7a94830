package mysql

import (
	"context"
	"database/sql/driver"
	"encoding/hex"
	"fmt"
	"slices"
	"strings"

	"rowlock/sqlstore"
)

var _ sqlstore.RevisionStore = (*Store)(nil)

// ApplyConfig replaces the configuration in one transaction. An unchanged one
// does not raise the revision.
func (s *Store) ApplyConfig(ctx context.Context, base int64, next *sqlstore.Config, author, comment string) (rev int64, err error) {
	err = s.configTx(ctx, func(tx sqlstore.ConfigTx) error {
		rev, _, err = sqlstore.ApplyTo(tx, base, next, author, comment)
		return err
	})
	if err != nil {
		return 0, err
	}
	next.Revision = rev
	return rev, nil
}

// GatherConfig describes what was changed by hand. Where there is nothing to
// describe it takes no lock.
func (s *Store) GatherConfig(ctx context.Context, known *sqlstore.Config) (rev int64, err error) {
	pending := false
	if err := s.each(ctx, s.q.get("config_pending"), nil, func(v []driver.Value) error {
		rev, pending = integer(v[0]), boolean(v[1])
		return nil
	}); err != nil || !pending {
		return rev, err
	}
	err = s.configTx(ctx, func(tx sqlstore.ConfigTx) error {
		rev, _, err = sqlstore.GatherIn(tx, known)
		return err
	})
	return rev, err
}

// SettleConfig takes leave of generations of pools, and opens those that wait.
func (s *Store) SettleConfig(ctx context.Context, known *sqlstore.Config) (left int, err error) {
	err = s.configTx(ctx, func(tx sqlstore.ConfigTx) error {
		left, err = sqlstore.SettleIn(tx, known)
		return err
	})
	return left, err
}

// ConfigAt returns the configuration of a revision.
func (s *Store) ConfigAt(ctx context.Context, revision int64) (cfg *sqlstore.Config, err error) {
	err = s.snapshot(ctx, func(c *conn) error {
		cfg, err = sqlstore.ConfigIn(&configTx{conn: c, look: true}, revision)
		return err
	})
	return cfg, err
}

// configTx runs do in a transaction that the triggers leave alone.
func (s *Store) configTx(ctx context.Context, do func(sqlstore.ConfigTx) error) error {
	return s.tx(ctx, func(c *conn) error {
		err := c.run("config_begin")
		if err == nil {
			err = do(&configTx{conn: c})
		}
		if err == nil {
			err = c.run("config_end")
		}
		return err
	})
}

// configTx is a transaction of the configuration; it implements
// sqlstore.ConfigTx. One that only looks takes no lock.
type configTx struct {
	*conn
	look bool
}

// Head reads config_head.
func (c *configTx) Head() (h sqlstore.ConfigHead, err error) {
	query := "config_lock"
	if c.look {
		query = "config_look"
	}
	err = c.each(c.q.get(query), nil, func(v []driver.Value) error {
		h = sqlstore.ConfigHead{Revision: integer(v[0]), Described: integer(v[1]), Comment: text(v[2]), Secret: binary(v[3])}
		return nil
	})
	return h, err
}

// Load reads the configuration; the lock keeps it as it is.
func (c *configTx) Load() (*sqlstore.Config, error) { return c.loadConfig() }

// UsedIDs returns the ids that were ever used.
func (c *configTx) UsedIDs() (used sqlstore.UsedIDs, err error) {
	err = c.each(c.q.get("config_gens"), nil, func(v []driver.Value) error {
		used.Add(int(integer(v[0])), uint32(integer(v[1])), uint32(integer(v[2])))
		return nil
	})
	return used, err
}

// Authors returns the database users who changed rows.
func (c *configTx) Authors(after int64) (list []string, err error) {
	err = c.each(c.q.get("config_authors"), []any{after}, func(v []driver.Value) error {
		for author := range strings.SplitSeq(text(v[0]), ", ") {
			if !slices.Contains(list, author) {
				list = append(list, author)
			}
		}
		return nil
	})
	return list, err
}

// InUse returns the oldest revision in use.
func (c *configTx) InUse() (int64, error) {
	if _, err := c.exec(c.q.get("config_fence_dead")); err != nil {
		return 0, err
	}
	rev := sqlstore.NobodyUses
	err := c.each(c.q.get("config_in_use"), nil, func(v []driver.Value) error {
		if v[0] != nil {
			rev = integer(v[0])
		}
		return nil
	})
	return rev, err
}

// Contents returns what is kept of a revision.
func (c *configTx) Contents(revision int64) (list []sqlstore.RevisionContent, err error) {
	err = c.each(c.q.get("config_contents"), []any{revision, revision}, func(v []driver.Value) error {
		list = append(list, sqlstore.RevisionContent{Revision: integer(v[0]), Full: boolean(v[1]), Data: binary(v[2])})
		return nil
	})
	return list, err
}

// Record writes the rows of a new revision.
func (c *configTx) Record(n sqlstore.NewRevision) error {
	if err := c.run("config_raise", n.Number, n.Number); err != nil {
		return fmt.Errorf("config_raise: %w", err)
	}
	if err := c.describe(n); err != nil {
		return err
	}
	notes := &items{}
	note := func(kind int64, id uint32) {
		notes.Begin()
		notes.Number(int64(id))
		notes.Number(kind)
		notes.Number(n.Number)
		notes.End()
	}
	if n.Global {
		note(1, 0)
	}
	for _, id := range n.Links {
		note(2, id)
	}
	if !n.Global && len(n.Links) == 0 {
		return nil
	}
	return c.run("config_note", notes.Text())
}

// describe writes the row of a revision.
func (c *configTx) describe(n sqlstore.NewRevision) error {
	content := hex.EncodeToString(n.Content.Data)
	res, err := c.exec(c.q.get("config_record"), n.Number, n.Author, n.Comment, n.Diff, content, n.Content.Full, n.Number)
	if err != nil {
		return fmt.Errorf("config_record: %w", err)
	}
	if made, err := res.RowsAffected(); err != nil || made > 0 {
		return err
	}
	if err := c.run("config_describe", n.Diff, content, n.Content.Full, n.Number); err != nil {
		return fmt.Errorf("config_describe: %w", err)
	}
	return nil
}
