package main

import (
	"context"
	"fmt"

	"github.com/spf13/cobra"

	"rowlock/admin/site"
	"rowlock/sqlstore"
)

func (p *program) revisionRevertCommand() *cobra.Command {
	var o applyOptions
	cmd := &cobra.Command{
		Use: "revert REVISION", Short: "make the network configuration what it was",
		Long: `revert prints what changes and what that means for live leases, asks, and makes the
configuration of an earlier revision the newest one, in one transaction. Nothing is
forgotten: it is a new revision. Keys keep the secrets that they have now.`,
		Args: exactly(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			n, err := revisionArgument(args[0])
			if err != nil {
				return err
			}
			if err := o.check(); err != nil {
				return err
			}
			if o.comment == "" {
				o.comment = fmt.Sprintf("revert to %d", n)
			}
			if err := p.revert(cmd.Context(), n, o); err != nil {
				return fmt.Errorf("revert to revision %d: %w", n, err)
			}
			return nil
		},
	}
	flags := cmd.Flags()
	flags.BoolVar(&o.dryRun, "dry-run", false, "print what would change and stop")
	flags.BoolVar(&o.yes, "yes", false, "do it without asking")
	flags.StringVar(&o.comment, "comment", "", "`TEXT` to keep with the revision (default \"revert to REVISION\")")
	return cmd
}

func (p *program) revert(ctx context.Context, n int64, o applyOptions) error {
	store, err := p.openGathered(ctx)
	if err != nil {
		return err
	}
	defer store.Close()
	now, err := configOf(ctx, store, 0)
	if err != nil {
		return err
	}
	then, err := configOf(ctx, store, n)
	if err != nil {
		return err
	}
	rotated, err := sqlstore.PrepareRevert(now, then)
	if err != nil {
		return err
	}
	for _, name := range rotated {
		fmt.Fprintf(p.stderr, "tsig_key %s keeps the secret and algorithm that it has now: the secret of then is not stored\n", sqlstore.Visible(name, ""))
	}
	// rows written by hand may break rules that only a loader knows
	if err := site.Valid(fmt.Sprintf("revision %d", n), then); err != nil {
		return err
	}
	return p.change(ctx, store, now, then, fmt.Sprintf("revision %d", n), o)
}
