package postgres

import (
	"context"
	"fmt"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgtype"

	"rowlock/sqlstore"
)

// configTx is the configuration within a transaction. One that only looks takes
// no lock.
type configTx struct {
	s    *Store
	ctx  context.Context // the methods of sqlstore.ConfigTx have none
	tx   pgx.Tx
	look bool
}

// configure runs do in a transaction in which triggers leave the configuration
// alone.
func (s *Store) configure(ctx context.Context, do func(sqlstore.ConfigTx) error) error {
	err := pgx.BeginTxFunc(ctx, s.general, pgx.TxOptions{IsoLevel: pgx.ReadCommitted}, func(tx pgx.Tx) error {
		if err := do(&configTx{s: s, ctx: ctx, tx: tx}); err != nil {
			return err
		}
		return s.run(ctx, tx, "config_end")
	})
	return classifyConfig(err)
}

// ApplyConfig replaces the configuration in one transaction.
func (s *Store) ApplyConfig(ctx context.Context, base int64, next *sqlstore.Config, author, comment string) (rev int64, err error) {
	err = s.configure(ctx, func(tx sqlstore.ConfigTx) error {
		rev, _, err = sqlstore.ApplyTo(tx, base, next, author, comment)
		return err
	})
	next.Revision = rev
	return rev, err
}

// GatherConfig describes what was changed by hand. While there is nothing it
// takes no lock.
func (s *Store) GatherConfig(ctx context.Context, known *sqlstore.Config) (rev int64, err error) {
	var all bool
	err = s.general.QueryRow(ctx, s.q.get("config_described")).Scan(&rev, &all)
	if err != nil || all {
		return rev, classify(err)
	}
	err = s.configure(ctx, func(tx sqlstore.ConfigTx) error {
		rev, _, err = sqlstore.GatherIn(tx, known)
		return err
	})
	return rev, err
}

// SettleConfig forgets generations of pools that nobody uses, and opens pools
// that waited for them.
func (s *Store) SettleConfig(ctx context.Context, known *sqlstore.Config) (left int, err error) {
	err = s.configure(ctx, func(tx sqlstore.ConfigTx) error {
		left, err = sqlstore.SettleIn(tx, known)
		return err
	})
	return left, err
}

// ConfigAt returns the configuration of a revision.
func (s *Store) ConfigAt(ctx context.Context, revision int64) (cfg *sqlstore.Config, err error) {
	opt := pgx.TxOptions{IsoLevel: pgx.RepeatableRead, AccessMode: pgx.ReadOnly}
	err = pgx.BeginTxFunc(ctx, s.general, opt, func(tx pgx.Tx) error {
		cfg, err = sqlstore.ConfigIn(&configTx{s: s, ctx: ctx, tx: tx, look: true}, revision)
		return err
	})
	return cfg, classifyConfig(err)
}

// Head returns config_head.
func (c *configTx) Head() (h sqlstore.ConfigHead, err error) {
	query := "config_begin"
	if c.look {
		query = "config_look"
	}
	err = c.tx.QueryRow(c.ctx, c.s.q.get(query)).Scan(&h.Revision, &h.Described, &h.Comment, &h.Secret)
	return h, named(query, err)
}

// Load reads all rows.
func (c *configTx) Load() (*sqlstore.Config, error) { return c.s.loadConfig(c.ctx, c.tx, nil) }

// UsedIDs returns the ids that were ever used.
func (c *configTx) UsedIDs() (used sqlstore.UsedIDs, err error) {
	var what, id, gen int32
	err = c.each("config_gens", []any{&what, &id, &gen}, func() error {
		used.Add(int(what), uint32(id), uint32(gen))
		return nil
	})
	return used, err
}

// Authors returns who changed rows by hand.
func (c *configTx) Authors(after int64) (authors []string, err error) {
	var author string
	err = c.each("config_authors", []any{&author}, func() error {
		authors = append(authors, author)
		return nil
	}, after)
	return authors, err
}

// InUse returns the oldest revision in use.
func (c *configTx) InUse() (int64, error) {
	if err := c.run("config_fence_dead"); err != nil {
		return 0, err
	}
	var oldest pgtype.Int8
	if err := c.tx.QueryRow(c.ctx, c.s.q.get("config_in_use")).Scan(&oldest); err != nil {
		return 0, named("config_in_use", err)
	}
	if !oldest.Valid {
		return sqlstore.NobodyUses, nil
	}
	return oldest.Int64, nil
}

// PutConsumer keeps the row of the zones' keeper among the consumers.
func (c *configTx) PutConsumer() error {
	for _, query := range []string{"config_put_consumer", "config_clear_consumer"} {
		if err := c.run(query); err != nil {
			return err
		}
	}
	return nil
}

// Contents returns what a revision is made from.
func (c *configTx) Contents(revision int64) (parts []sqlstore.RevisionContent, err error) {
	var p sqlstore.RevisionContent
	err = c.each("config_contents", []any{&p.Revision, &p.Full, &p.Data}, func() error {
		parts = append(parts, p)
		p.Data = nil
		return nil
	}, revision)
	return parts, err
}

// Record writes a revision down.
func (c *configTx) Record(n sqlstore.NewRevision) error {
	err := c.run("config_record", n.Number, n.Author, n.Comment, n.Diff, n.Content.Data, n.Content.Full)
	if err == nil {
		err = c.run("config_raise", n.Number)
	}
	if err == nil && (n.Global || len(n.Links) > 0) {
		ids := make([]int32, len(n.Links))
		for i, id := range n.Links {
			ids[i] = int32(id)
		}
		err = c.run("config_note", n.Number, n.Author, n.Global, ids)
	}
	return err
}

// run executes a statement that returns nothing.
func (c *configTx) run(query string, args ...any) error {
	return named(query, c.s.run(c.ctx, c.tx, query, args...))
}

// each calls read for every row, after scanning into dest.
func (c *configTx) each(query string, dest []any, read func() error, args ...any) error {
	rows, err := c.tx.Query(c.ctx, c.s.q.get(query), args...)
	if err == nil {
		_, err = pgx.ForEachRow(rows, dest, read)
	}
	return named(query, err)
}

// named says which statement failed.
func named(query string, err error) error {
	if err != nil {
		return fmt.Errorf("%s: %w", query, err)
	}
	return nil
}
