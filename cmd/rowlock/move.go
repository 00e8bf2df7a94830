package main

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"rowlock/sqlstore"
	"rowlock/sqlstore/dialects"
	"rowlock/sqlstore/transfer"
)

// moveOptions are the flags of the command.
type moveOptions struct {
	verify, undo, restart, keep, yes bool
	fromPassword, toPassword         string // files
}

func (p *program) moveCommand() *cobra.Command {
	var o moveOptions
	cmd := &cobra.Command{
		Use:   "move FROM TO",
		Short: "copy a whole database into another one, of whatever engine",
		Long: `Copies everything from the database FROM into the empty database TO and
compares the two, table by table, by count and checksum. Both are URLs as for
--database, without passwords: these come from the environment,
ROWLOCK_MOVE_FROM_PASSWORD and ROWLOCK_MOVE_TO_PASSWORD, or from files. Nobody may
serve from either meanwhile. TO gets its schema if it has none.

A move that was interrupted goes on where it ended when the command is given
again. FROM is marked as moved: nobody serves from it any more, so that no two
servers give out the same addresses; "rowlock move --undo FROM" takes that back.`,
		Args: func(cmd *cobra.Command, args []string) error {
			if o.undo {
				return exactly(1)(cmd, args)
			}
			return exactly(2)(cmd, args)
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := o.validate(); err != nil {
				return err
			}
			err := p.move(cmd.Context(), args, o)
			if err != nil && cmd.Context().Err() != nil {
				fmt.Fprintln(p.stderr, "rowlock: what was copied is kept: the same command goes on from there")
				return errInterrupted
			}
			return err
		},
	}
	flags := cmd.Flags()
	flags.BoolVar(&o.verify, "verify", false, "only compare the two databases")
	flags.BoolVar(&o.undo, "undo", false, "let FROM be served from again")
	flags.BoolVar(&o.restart, "restart", false, "give up what an interrupted move has copied into TO, and begin anew")
	flags.BoolVar(&o.keep, "keep-source", false, "leave FROM as it is, unmarked: for a copy to try something with")
	flags.BoolVar(&o.yes, "yes", false, "do it without asking")
	flags.StringVar(&o.fromPassword, "from-password-file", "", "`FILE` whose first line is the password for FROM")
	flags.StringVar(&o.toPassword, "to-password-file", "", "`FILE` whose first line is the password for TO")
	return cmd
}

func (o moveOptions) validate() error {
	for _, pair := range []struct {
		set  bool
		text string
	}{
		{o.verify && o.undo, "--verify and --undo"},
		{o.verify && o.restart, "--verify and --restart"},
		{o.verify && o.keep, "--verify and --keep-source"},
		{o.undo && o.restart, "--undo and --restart"},
		{o.undo && o.keep, "--undo and --keep-source"},
	} {
		if pair.set {
			return usagef("%s do not go together", pair.text)
		}
	}
	return nil
}

func (p *program) move(ctx context.Context, args []string, o moveOptions) error {
	from, err := p.moveSide("FROM", args[0], o.fromPassword)
	if err != nil {
		return err
	}
	if o.undo {
		return p.moveUndo(ctx, from, o)
	}
	to, err := p.moveSide("TO", args[1], o.toPassword)
	if err != nil {
		return err
	}
	if from.name == to.name {
		return usagef("FROM and TO are the same database")
	}
	if err := from.open(ctx, !o.verify, false); err != nil {
		return err
	}
	defer from.close()
	if err := to.open(ctx, !o.verify, !o.verify); err != nil {
		return err
	}
	defer to.close()
	show := newMoveProgress(p)
	var sums []transfer.TableSum
	if o.verify {
		sums, err = transfer.Compare(ctx, from.side(), to.side(), show.report)
	} else {
		if o.restart {
			if err := p.confirm(fmt.Sprintf("Empty %s and begin the move anew?", to.name), o.yes); err != nil {
				return err
			}
		}
		sums, err = transfer.Move(ctx, from.side(), to.side(), transfer.Options{Restart: o.restart, KeepSource: o.keep, Progress: show.report})
	}
	show.end()
	if sums != nil {
		p.printSums(sums)
	}
	if err != nil {
		return moveError(err, o)
	}
	if o.verify {
		fmt.Fprintf(p.stdout, "%s and %s are the same\n", from.name, to.name)
		return nil
	}
	fmt.Fprintf(p.stdout, "%s was moved to %s\n", from.name, to.name)
	return nil
}

// moveError says what to do, where that is not what the error says.
func moveError(err error, o moveOptions) error {
	what := "move: %w"
	switch {
	case o.verify:
		what = "verify: %w"
	case errors.Is(err, transfer.ErrDiffer):
		what = "move: %w: nothing is served from the copy; begin anew with --restart, or stay with `rowlock move --undo`"
	}
	return fmt.Errorf(what, err)
}

// printSums lists what was compared.
func (p *program) printSums(sums []transfer.TableSum) {
	table := tabwriter.NewWriter(p.stdout, 0, 8, 2, ' ', 0)
	fmt.Fprintln(table, "TABLE\tROWS\tCHECKSUM\tCOPY")
	for _, s := range sums {
		same := "same"
		if s.From != s.To {
			same = fmt.Sprintf("differs: %d rows, %s", s.To.Rows, s.To.String()[:16])
		}
		fmt.Fprintf(table, "%s\t%d\t%s\t%s\n", s.Name, s.From.Rows, s.From.String()[:16], same)
	}
	_ = table.Flush()
}

func (p *program) moveUndo(ctx context.Context, from *moveDatabase, o moveOptions) error {
	if err := from.open(ctx, true, false); err != nil {
		return err
	}
	defer from.close()
	question := "Let " + from.name + " be served from again? Where its copy is served from too, both give out the same addresses."
	if err := p.confirm(question, o.yes); err != nil {
		return err
	}
	if err := transfer.Undo(ctx, from.side()); err != nil {
		return fmt.Errorf("undo move: %w", err)
	}
	fmt.Fprintf(p.stdout, "%s may be served from again\n", from.name)
	return nil
}

// moveDatabase is one side of a move.
type moveDatabase struct {
	url, name string // with password, and for people
	store     sqlstore.Store
}

func (d *moveDatabase) side() transfer.Side { return transfer.Side{Store: d.store, Name: d.name} }
func (d *moveDatabase) close()              { d.store.Close() }

// moveSide reads a URL of the command line; which is FROM or TO.
func (p *program) moveSide(which, dsn, passwordFile string) (*moveDatabase, error) {
	variable := "ROWLOCK_MOVE_" + which + "_PASSWORD"
	if err := checkURL(dsn); err != nil {
		return nil, usagef("%s: %w", which, passwordHint(err, "in the command line, where everybody can read it (use "+variable+")"))
	}
	if file, ok := strings.CutPrefix(dsn, "sqlite:"); ok {
		abs, err := filepath.Abs(strings.TrimPrefix(file, "//"))
		if err != nil || file == "" {
			return nil, usagef("%s: the SQLite file has no name", which)
		}
		dsn = "sqlite:" + abs
	}
	withPassword, err := movePassword(dsn, passwordFile, func() string { return p.getenv(variable) })
	if err != nil {
		return nil, fmt.Errorf("%s: %w", which, err)
	}
	return &moveDatabase{url: withPassword, name: redact(dsn)}, nil
}

// movePassword puts a password from the environment or a file into a URL, as
// for the database of the process file.
func movePassword(dsn, file string, environment func() string) (string, error) {
	c := &processConfig{Database: dsn, DatabasePasswordFile: file}
	err := c.readPassword(func(name string) string {
		if name == "ROWLOCK_DATABASE_PASSWORD" {
			return environment()
		}
		return ""
	})
	if err != nil {
		return "", err
	}
	return c.databaseURL()
}

// open connects, with create makes the schema where there is none, and with
// alone keeps servers off an SQLite file.
func (d *moveDatabase) open(ctx context.Context, alone, create bool) (err error) {
	if create {
		if err := d.makeSchema(ctx); err != nil {
			return fmt.Errorf("migrate %s: %w", d.name, err)
		}
	}
	if d.store, err = dialects.Open(ctx, d.url, dialects.Options{}); err != nil {
		return fmt.Errorf("open database %s: %w", d.name, err)
	}
	err = d.store.CheckSchema(ctx)
	if errors.Is(err, sqlstore.ErrMoved) {
		err = nil // what the mark allows is for the move to decide
	}
	if locker, ok := d.store.(interface{ LockServing() error }); ok && alone && err == nil {
		err = locker.LockServing()
	}
	if err != nil {
		d.store.Close()
		return fmt.Errorf("open database %s: %w", d.name, err)
	}
	return nil
}

// makeSchema migrates a database that has no schema. One that has an older
// schema may be in use: it is left to `rowlock migrate up`.
func (d *moveDatabase) makeSchema(ctx context.Context) error {
	m, err := dialects.Migrator(ctx, d.url, dialects.Options{Create: true})
	if err != nil {
		return err
	}
	defer m.Close()
	all, err := m.Status(ctx)
	if err != nil || slices.ContainsFunc(all, func(s sqlstore.MigrationStatus) bool { return s.Applied }) {
		return err
	}
	_, err = m.Up(ctx)
	return err
}
