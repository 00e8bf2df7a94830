package mysql

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"fmt"
	"net/netip"
	"strings"
	"time"

	"rowlock/sqlstore"
)

var _ sqlstore.Diagnoser = (*Store)(nil)

// diagnosis is what was read of the server, before it is judged.
type diagnosis struct {
	mariadb      bool
	version      string
	set          map[string]string // the server's settings
	zone, mode   string            // of a connection of ours
	database     string
	user         string // quoted
	trigger      bool   // the user may make triggers, as far as privileges go
	super        bool
	connections  int64
	needed       int // connections of one frontend
	transactions []transaction
	unseen       bool // transactions of others may not be looked at
	schema       bool // there is one that we work with
	half         []string
	partitions   int64
	strayRows    int64
}

// transaction is one that has been open for long.
type transaction struct {
	thread int64
	age    time.Duration
}

// Diagnose reads the server's settings and activity.
func (s *Store) Diagnose(ctx context.Context, opt sqlstore.DiagnoseOptions) (sqlstore.Findings, error) {
	d := &diagnosis{mariadb: s.mariadb, version: s.version, set: map[string]string{}}
	for _, p := range []*sql.DB{s.offers, s.commits, s.general} {
		d.needed += p.Stats().MaxOpenConnections
	}
	if err := s.with(ctx, s.general, func(c *conn) error { return c.readDiagnosis(d) }); err != nil {
		return nil, fmt.Errorf("look at the server: %w", err)
	}
	if err := s.readSchema(ctx, d); err != nil {
		return nil, fmt.Errorf("look at the schema: %w", err)
	}
	var f sqlstore.Findings
	d.judgeServer(&f)
	d.judgeDurability(&f)
	d.judgeBinaryLog(&f)
	d.judgeTriggers(&f)
	d.judgeLimits(&f, opt.Frontends)
	d.judgeHousekeeping(&f)
	d.judgeSchema(&f)
	return f, nil
}

func (c *conn) readDiagnosis(d *diagnosis) error {
	if err := c.each(c.q.get("diagnose_variables"), nil, func(v []driver.Value) error {
		d.set[strings.ToLower(text(v[0]))] = text(v[1])
		return nil
	}); err != nil {
		return err
	}
	if err := c.each(c.q.get("diagnose_session"), nil, func(v []driver.Value) error {
		d.zone, d.mode, d.database, d.user = text(v[0]), text(v[1]), text(v[2]), quoteUser(text(v[3]))
		return nil
	}); err != nil {
		return err
	}
	g, err := c.grants()
	if err != nil {
		return err
	}
	d.trigger, d.super = g.allow(d.database, sqlstore.Privilege{Object: "config_head", Kind: "TRIGGER"}), g.super()
	if err := c.each(c.q.get("diagnose_connections"), nil, func(v []driver.Value) error {
		d.connections = integer(v[1])
		return nil
	}); err != nil {
		return err
	}
	err = c.each(c.q.get("diagnose_transactions"), nil, func(v []driver.Value) error {
		d.transactions = append(d.transactions, transaction{integer(v[0]), time.Duration(integer(v[1])) * time.Second})
		return nil
	})
	if denied(err) {
		d.unseen, err = true, nil
	}
	return err
}

// readSchema looks at the partitions, or else for what a migration that failed
// half-way has left behind.
func (s *Store) readSchema(ctx context.Context, d *diagnosis) error {
	if s.CheckSchema(ctx) == nil {
		d.schema = true
		return s.each(ctx, s.q.get("diagnose_partitions"), nil, func(v []driver.Value) error {
			d.partitions, d.strayRows = integer(v[0]), integer(v[1])
			return nil
		})
	}
	var version int64
	err := s.each(ctx, s.q.get("schema_version"), nil, func(v []driver.Value) error {
		version = integer(v[0])
		return nil
	})
	if err != nil {
		return nil // schema.version says it: there is none, or it may not be read
	}
	made, err := madeBy(version + 1)
	if err != nil {
		return err
	}
	return s.each(ctx, s.q.get("diagnose_tables"), nil, func(v []driver.Value) error {
		if name := text(v[0]); made[strings.ToLower(name)] {
			d.half = append(d.half, name)
		}
		return nil
	})
}

// Clock returns the database's time.
func (s *Store) Clock(ctx context.Context) (at time.Time, err error) {
	err = s.each(ctx, s.q.get("diagnose_clock"), nil, func(v []driver.Value) error {
		at = time.UnixMicro(integer(v[0])).UTC()
		return nil
	})
	return at, err
}

// RecentRelays looks at some thousand lease rows.
func (s *Store) RecentRelays(ctx context.Context, limit int) (relays []netip.Addr, err error) {
	err = s.each(ctx, s.q.get("diagnose_relays"), []any{limit}, func(v []driver.Value) error {
		if a, ok := netip.AddrFromSlice(binary(v[0])); ok {
			relays = append(relays, a)
		}
		return nil
	})
	return relays, err
}
