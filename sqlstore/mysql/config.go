package mysql

import (
	"context"
	"database/sql/driver"
	"fmt"
	"time"

	"rowlock/sqlstore"
)

// How often and for how long WaitRevision looks.
const (
	pollEvery = 50 * time.Millisecond
	pollFor   = 250 * time.Millisecond
)

// Revision returns the newest configuration revision.
func (s *Store) Revision(ctx context.Context) (rev int64, err error) {
	err = s.each(ctx, s.q.get("config_revision"), nil, func(v []driver.Value) error {
		rev = integer(v[0])
		return nil
	})
	return rev, err
}

// WaitRevision looks for a newer revision every 50 ms for up to 250 ms: the
// server cannot tell.
func (s *Store) WaitRevision(ctx context.Context, known int64) error {
	until := time.Now().Add(pollFor)
	tick := time.NewTicker(pollEvery)
	defer tick.Stop()
	for {
		rev, err := s.Revision(ctx)
		if err != nil || rev > known || !time.Now().Before(until) {
			return err
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return fmt.Errorf("wait for revision: %w", ctx.Err())
		}
	}
}

// LoadConfig reads the configuration in one snapshot.
func (s *Store) LoadConfig(ctx context.Context) (cfg *sqlstore.Config, err error) {
	err = s.snapshot(ctx, func(c *conn) error {
		cfg, err = c.loadConfig()
		return err
	})
	return cfg, err
}

// LoadChanges reads the links that changed since known, and what is outside of
// links; all of it where more than half of the links changed.
func (s *Store) LoadChanges(ctx context.Context, known *sqlstore.Config) (cfg *sqlstore.Config, err error) {
	cfg = known
	err = s.snapshot(ctx, func(c *conn) error {
		var newest int64
		if err := c.each(c.q.get("config_revision"), nil, func(v []driver.Value) error {
			newest = integer(v[0])
			return nil
		}); err != nil || newest == known.Revision {
			return err
		}
		ids, err := c.changedLinks(known.Revision)
		if err != nil {
			return err
		}
		if newest < known.Revision || 2*len(ids) > len(known.Links) {
			cfg, err = c.loadConfig()
			return err
		}
		part, err := c.loadLinks(ids)
		if err == nil {
			cfg = known.WithLinks(part, ids)
		}
		return err
	})
	if err != nil {
		return nil, err
	}
	return cfg, nil
}

// changedLinks returns which links changed since a revision.
func (c *conn) changedLinks(since int64) (ids []uint32, err error) {
	err = c.each(c.q.get("config_changed"), []any{since}, func(v []driver.Value) error {
		ids = append(ids, uint32(integer(v[0])))
		return nil
	})
	return ids, err
}

// snapshot runs do where all tables are seen as they are at one moment.
func (s *Store) snapshot(ctx context.Context, do func(*conn) error) error {
	return s.with(ctx, s.general, func(c *conn) error {
		for _, name := range []string{"config_snapshot", "tx_begin"} {
			if err := c.run(name); err != nil {
				return err
			}
		}
		return c.rollback(do(c)) // nothing was written
	})
}

// loadConfig reads the configuration.
func (c *conn) loadConfig() (*sqlstore.Config, error) { return c.load("", nil) }

// loadLinks reads what is outside of links, and some links.
func (c *conn) loadLinks(ids []uint32) (*sqlstore.Config, error) {
	return c.load("_some", idList(ids).Text())
}

// load reads with the statements whose names end in the suffix; those of links
// are asked for those of a list.
func (c *conn) load(suffix string, list any) (*sqlstore.Config, error) {
	l := &configLoader{cfg: &sqlstore.Config{}, links: map[int64]*sqlstore.Link{}, subnets: map[int64]*sqlstore.Subnet{}}
	for _, step := range []struct {
		query string
		lists int // how often the list goes into it
		read  func([]driver.Value) error
	}{
		{"config_head", 0, l.head},
		{"config_vrfs", 0, l.vrf},
		{"config_links", 1, l.link},
		{"config_subnets", 1, l.subnet},
		{"config_relays", 1, l.relay},
		{"config_pools", 1, l.pool},
		{"config_options", 2, l.option},
		{"config_parameters", 2, l.parameter},
		{"config_keys", 0, l.key},
		{"config_zones", 0, l.server},
	} {
		name, args := step.query, []any(nil)
		if step.lists > 0 {
			name += suffix
			for range step.lists {
				if list != nil {
					args = append(args, list)
				}
			}
		}
		if err := c.each(c.q.get(name), args, step.read); err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
	}
	return l.cfg, nil
}

// idList is a list of ids as statements take it.
func idList(ids []uint32) *items {
	list := &items{}
	for _, id := range ids {
		list.row(id)
	}
	return list
}
