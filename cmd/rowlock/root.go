package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"

	"rowlock/admin/site"
	"rowlock/sqlstore"
)

// Exit codes of the program.
const (
	exitOK          = 0
	exitFailed      = 1
	exitUsage       = 2
	exitInterrupted = 130 // as shells have it for SIGINT
)

// program is what commands have of the process around them, and the flags that
// all of them have. Tests make their own.
type program struct {
	stdin          io.Reader
	stdout, stderr io.Writer
	getenv         func(string) string
	uid            int

	configFile string // --config
	database   string // --database
}

// errInterrupted ends a command that a signal stopped before it was done.
var errInterrupted = errors.New("interrupted")

// usageError is a mistake in the command line.
type usageError struct{ error }

func (e usageError) Unwrap() error { return e.error }

func usagef(format string, args ...any) error {
	return usageError{fmt.Errorf(format, args...)}
}

// run carries out one command line. SIGINT and SIGTERM end ctx.
func (p *program) run(ctx context.Context, args []string) int {
	root := p.rootCommand()
	root.SetArgs(args)
	cmd, err := root.ExecuteContextC(ctx)
	if err == nil {
		return exitOK
	}
	if errors.Is(err, errInterrupted) {
		fmt.Fprintln(p.stderr, "interrupted")
		return exitInterrupted
	}
	problems := site.Problems(err)
	for _, problem := range problems {
		fmt.Fprintln(p.stderr, problem)
	}
	if len(problems) == 0 {
		fmt.Fprintln(p.stderr, "rowlock: "+err.Error())
	}
	if errors.Is(err, sqlstore.ErrDenied) {
		fmt.Fprintln(p.stderr, "see: rowlock migrate grants --help (what a database user of each role needs)")
	}
	if errors.As(err, &usageError{}) {
		fmt.Fprintf(p.stderr, "see: %s --help\n", cmd.CommandPath())
		return exitUsage
	}
	return exitFailed
}

func (p *program) rootCommand() *cobra.Command {
	root := &cobra.Command{
		Use:           "rowlock",
		Short:         "DHCP server whose state is rows in a SQL database",
		SilenceErrors: true,
		SilenceUsage:  true,
		Args:          noSuchCommand,
		RunE:          func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	root.SetIn(p.stdin)
	root.SetOut(p.stdout) // before completion, which keeps it
	root.SetErr(p.stderr)
	root.SetFlagErrorFunc(func(_ *cobra.Command, err error) error { return usageError{err} })
	flags := root.PersistentFlags()
	flags.StringVar(&p.configFile, "config", "", "process `FILE` (default $ROWLOCK_CONFIG, else "+systemConfig+" if there is one)")
	flags.StringVar(&p.database, "database", "", "database `URL`: sqlite:FILE, postgres://user@host/name, mysql:// or mariadb:// (default $ROWLOCK_DATABASE, else that of the process file)")
	root.AddCommand(p.commands()...)
	offer(root)
	root.InitDefaultHelpCmd()
	root.InitDefaultCompletionCmd()
	for _, c := range root.Commands() {
		switch c.Name() { // cobra's own begin with a capital
		case "help":
			c.Short = "tell about any command"
		case "completion":
			c.Short = "print the completion script of a shell"
		}
	}
	return root
}

// commands lists the subcommands in the order of the help text.
func (p *program) commands() []*cobra.Command {
	return []*cobra.Command{
		p.serveCommand(),
		p.demoCommand(),
		p.migrateCommand(),
		p.applyCommand(),
		p.exportCommand(),
		p.moveCommand(),
		p.leaseCommand(),
		p.explainCommand(),
		p.tokenCommand(),
		p.doctorCommand(),
		p.manCommand(),
		p.versionCommand(),
	}
}

// group makes a command that has only subcommands.
func group(use, short string, commands ...*cobra.Command) *cobra.Command {
	names := make([]string, len(commands))
	for i, c := range commands {
		names[i] = c.Name()
	}
	cmd := &cobra.Command{
		Use: use, Short: short, Args: noSuchCommand,
		RunE: func(*cobra.Command, []string) error {
			return usagef("%s needs one of: %s", use, strings.Join(names, ", "))
		},
	}
	cmd.AddCommand(commands...)
	return cmd
}

func noSuchCommand(cmd *cobra.Command, args []string) error {
	if len(args) == 0 {
		return nil
	}
	return usagef("unknown command %q for %q", args[0], cmd.CommandPath())
}

// exactly makes a wrong number of arguments a usage error.
func exactly(n int) cobra.PositionalArgs {
	return func(cmd *cobra.Command, args []string) error {
		if err := cobra.ExactArgs(n)(cmd, args); err != nil {
			return usageError{err}
		}
		return nil
	}
}
