package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"rowlock/sqlstore"
	"rowlock/sqlstore/dialects"
)

func (p *program) migrateCommand() *cobra.Command {
	var yes bool
	up := &cobra.Command{
		Use: "up", Short: "apply what the schema is missing", Args: exactly(0),
		RunE: func(cmd *cobra.Command, _ []string) error { return p.withMigrator(cmd.Context(), true, p.migrateUp) },
	}
	status := &cobra.Command{
		Use: "status", Short: "list migrations and when they were applied", Args: exactly(0),
		RunE: func(cmd *cobra.Command, _ []string) error {
			return p.withMigrator(cmd.Context(), false, p.migrateStatus)
		},
	}
	down := &cobra.Command{
		Use: "down", Short: "take the newest migration back, with the data that only it can hold", Args: exactly(0),
		RunE: func(cmd *cobra.Command, _ []string) error {
			return p.withMigrator(cmd.Context(), false, func(ctx context.Context, m sqlstore.Migrator) error {
				return p.migrateDown(ctx, m, yes)
			})
		},
	}
	down.Flags().BoolVar(&yes, "yes", false, "do it without asking")
	return group("migrate", "make and change the database schema", up, status, down, p.migrateGrantsCommand())
}

// withMigrator opens the schema tool for do; with create a new SQLite file is
// made where none is.
func (p *program) withMigrator(ctx context.Context, create bool, do func(context.Context, sqlstore.Migrator) error) error {
	c, err := p.loadConfig()
	if err != nil {
		return err
	}
	log, err := newLogger(p.stderr, c.Log)
	if err != nil {
		return err
	}
	find := c.databaseURL
	if create {
		find = c.prepareDatabase
	}
	dsn, err := find()
	if err != nil {
		return err
	}
	m, err := dialects.Migrator(ctx, dsn, dialects.Options{Logger: log, Create: create})
	if err != nil {
		return fmt.Errorf("open database %s: %w", redact(dsn), err)
	}
	defer m.Close()
	if err := do(ctx, m); err != nil {
		return fmt.Errorf("migrate %s: %w", redact(dsn), err)
	}
	return nil
}

// refuseNewer fails where the schema has migrations that this program does not
// know: they are in no list, and neither is what they changed.
func (p *program) refuseNewer(ctx context.Context) (err error) {
	c, err := p.loadConfig()
	if err != nil {
		return err
	}
	dsn, err := c.databaseURL()
	if err != nil {
		return err
	}
	store, err := dialects.Open(ctx, dsn, dialects.Options{})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, store.Close()) }()
	if err := store.CheckSchema(ctx); !errors.Is(err, sqlstore.ErrMoved) {
		return err
	}
	return nil // the schema of a database that is not served from may be changed
}

func (p *program) migrateUp(ctx context.Context, m sqlstore.Migrator) error {
	applied, err := m.Up(ctx)
	for _, name := range applied {
		fmt.Fprintf(p.stdout, "applied %s\n", name)
	}
	if err != nil {
		return err
	}
	if err := p.refuseNewer(ctx); err != nil {
		return err
	}
	if len(applied) == 0 {
		fmt.Fprintln(p.stdout, "nothing to do: the schema is up to date")
	}
	return nil
}

func (p *program) migrateStatus(ctx context.Context, m sqlstore.Migrator) error {
	all, err := m.Status(ctx)
	if err != nil {
		return err
	}
	table := tabwriter.NewWriter(p.stdout, 0, 8, 2, ' ', 0)
	fmt.Fprintln(table, "VERSION\tNAME\tAPPLIED")
	for _, s := range all {
		applied := "no"
		if s.Applied {
			applied = s.AppliedAt.UTC().Format(time.RFC3339)
		}
		fmt.Fprintf(table, "%d\t%s\t%s\n", s.Version, s.Name, applied)
	}
	if err := table.Flush(); err != nil {
		return err
	}
	if slices.ContainsFunc(all, func(s sqlstore.MigrationStatus) bool { return !s.Applied }) {
		return nil // there is something to do, and the list says it
	}
	return p.refuseNewer(ctx)
}

func (p *program) migrateDown(ctx context.Context, m sqlstore.Migrator, yes bool) error {
	if err := p.confirm("Take the newest migration back? Its tables and what is in them are lost.", yes); err != nil {
		return err
	}
	name, err := m.Down(ctx)
	switch {
	case err != nil:
		return err
	case name == "":
		fmt.Fprintln(p.stdout, "nothing to do: no migration is applied")
	default:
		fmt.Fprintf(p.stdout, "took back %s\n", name)
	}
	return nil
}
