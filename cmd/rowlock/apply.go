package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"os/user"
	"path/filepath"

	"github.com/spf13/cobra"

	"rowlock/admin/site"
	"rowlock/sqlstore"
)

type applyOptions struct {
	dryRun, yes bool
	comment     string
}

// check looks at what is given for the revision.
func (o applyOptions) check() error {
	if err := sqlstore.CheckComment(o.comment); err != nil {
		return usagef("--comment %w", err)
	}
	return nil
}

func (p *program) applyCommand() *cobra.Command {
	var o applyOptions
	cmd := &cobra.Command{
		Use:   "apply FILE",
		Short: "make the network configuration what a document says",
		Long: "apply reads a network document (YAML or JSON, - for standard input), prints what\n" +
			"changes and what that means for live leases, asks, and writes all of it in one\n" +
			"transaction. A document with any mistake changes nothing.",
		Args: exactly(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := o.check(); err != nil {
				return err
			}
			return p.apply(cmd.Context(), args[0], o)
		},

		ValidArgsFunction: files("yaml", "yml", "json"),
	}
	flags := cmd.Flags()
	flags.BoolVar(&o.dryRun, "dry-run", false, "print what would change and stop")
	flags.BoolVar(&o.yes, "yes", false, "do it without asking")
	flags.StringVar(&o.comment, "comment", "", "`TEXT` to keep with the revision")
	return cmd
}

func (p *program) apply(ctx context.Context, file string, o applyOptions) error {
	next, err := p.readDocument(file)
	if err != nil {
		return err
	}
	store, err := p.openStore(ctx)
	if err != nil {
		return err
	}
	defer store.Close()
	old, err := store.LoadConfig(ctx)
	if err != nil {
		return fmt.Errorf("load configuration: %w", err)
	}
	if err := sqlstore.KeepSecrets(old, next); err != nil {
		return fmt.Errorf("apply %s: %w", file, err)
	}
	if err := p.change(ctx, store, old, next, file, o); err != nil {
		return fmt.Errorf("apply %s: %w", file, err)
	}
	return nil
}

func (p *program) readDocument(file string) (*sqlstore.Config, error) {
	in, name := p.stdin, "stdin"
	if file != "-" {
		f, err := os.Open(file)
		if err != nil {
			return nil, fmt.Errorf("read document: %w", err)
		}
		defer f.Close()
		in, name = f, file
	}
	data, err := io.ReadAll(io.LimitReader(in, site.MaxSize+1))
	if err != nil {
		return nil, fmt.Errorf("read document: %w", err)
	}
	var notes []site.Note
	c, err := site.Parse(name, data, site.Notes(&notes), site.SecretFiles(func(path string) ([]byte, error) {
		if file != "-" && !filepath.IsAbs(path) {
			path = filepath.Join(filepath.Dir(file), path)
		}
		return readSecret(path)
	}))
	for _, n := range notes {
		fmt.Fprintln(p.stderr, n)
	}
	return c, err
}

// readSecret reads a file of a document, and no more of it than it may have.
func readSecret(path string) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return io.ReadAll(io.LimitReader(f, site.MaxSecretFile+1))
}

// author names the person at the command line, also behind sudo.
func (p *program) author() string {
	if name := p.getenv("SUDO_USER"); name != "" {
		return name
	}
	if u, err := user.Current(); err == nil {
		return u.Username
	}
	return fmt.Sprintf("uid %d", p.uid)
}
