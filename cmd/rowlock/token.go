package main

import (
	"context"
	"fmt"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"rowlock/admin"
	"rowlock/sqlstore"
)

func (p *program) tokenCommand() *cobra.Command {
	return group("token", "look after the tokens of the API and the console", p.tokenAddCommand(), p.tokenListCommand(), p.tokenRemoveCommand())
}

func (p *program) tokenAddCommand() *cobra.Command {
	var life time.Duration
	cmd := &cobra.Command{
		Use:   "add NAME",
		Short: "make a token and print it",
		Long: "add makes a token for whoever NAME says and prints it, this once: only its hash is\n" +
			"stored. Who has it may do everything that the API offers, and log in at the\n" +
			"console.",
		Args: exactly(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if life < 0 {
				return usagef("--life: %v is negative", life)
			}
			return p.withStore(cmd.Context(), func(store sqlstore.Store) error {
				text, row, err := admin.AddToken(cmd.Context(), store, args[0], life)
				if err != nil {
					return err
				}
				fmt.Fprintf(p.stderr, "token %s of %s, shown this once:\n", row.ID, row.Name)
				fmt.Fprintln(p.stdout, text)
				return nil
			})
		},
	}
	cmd.Flags().DurationVar(&life, "life", 0, "how long it is good for, as in 720h (default for ever)")
	return cmd
}

func (p *program) tokenListCommand() *cobra.Command {
	return &cobra.Command{
		Use: "list", Short: "list tokens, and sessions of the console", Args: exactly(0),
		RunE: func(cmd *cobra.Command, _ []string) error {
			return p.withStore(cmd.Context(), func(store sqlstore.Store) error {
				list, err := store.Tokens(cmd.Context())
				if err != nil {
					return fmt.Errorf("list tokens: %w", err)
				}
				table := tabwriter.NewWriter(p.stdout, 0, 8, 2, ' ', 0)
				fmt.Fprintln(table, "ID\tKIND\tNAME\tCREATED\tEXPIRES")
				for _, t := range list {
					kind, expires := "token", "never"
					if t.Kind == sqlstore.SessionToken {
						kind = "session"
					}
					if !t.Expires.IsZero() {
						expires = t.Expires.Format(time.RFC3339)
					}
					fmt.Fprintf(table, "%s\t%s\t%s\t%s\t%s\n", t.ID, kind, t.Name, t.Created.Format(time.RFC3339), expires)
				}
				return table.Flush()
			})
		},
	}
}

func (p *program) tokenRemoveCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "remove ID",
		Short: "remove a token, and the sessions that were begun with it",
		Args:  exactly(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return p.withStore(cmd.Context(), func(store sqlstore.Store) error {
				if err := admin.RemoveToken(cmd.Context(), store, args[0]); err != nil {
					return err
				}
				fmt.Fprintf(p.stdout, "token %s is removed\n", args[0])
				return nil
			})
		},
	}
}

// withStore opens the database for do.
func (p *program) withStore(ctx context.Context, do func(sqlstore.Store) error) error {
	store, err := p.openStore(ctx)
	if err != nil {
		return err
	}
	defer store.Close()
	return do(store)
}
