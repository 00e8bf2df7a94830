package main

import (
	"context"
	"errors"
	"fmt"

	"rowlock/sqlstore"
)

// openGathered is openStore once what was changed by hand is described.
func (p *program) openGathered(ctx context.Context) (sqlstore.Store, error) {
	store, err := p.openStore(ctx)
	if err != nil {
		return nil, err
	}
	if _, err := store.GatherConfig(ctx, nil); err != nil {
		store.Close()
		return nil, fmt.Errorf("describe changes by hand: %w", err)
	}
	return store, nil
}

// change prints what makes next of old, asks, and makes it the newest revision.
// what is where next comes from.
func (p *program) change(ctx context.Context, store sqlstore.Store, old, next *sqlstore.Config, what string, o applyOptions) error {
	changes, err := sqlstore.Plan(ctx, store, old, next)
	if err != nil {
		return err
	}
	for _, c := range changes {
		fmt.Fprintln(p.stdout, c)
		for _, e := range c.Effects {
			fmt.Fprintf(p.stdout, "    %s\n", e)
		}
	}
	if len(changes) == 0 {
		fmt.Fprintf(p.stdout, "nothing to change: revision %d is what %s says\n", old.Revision, what)
		return nil
	}
	if o.dryRun {
		fmt.Fprintf(p.stdout, "%s to revision %d, none made\n", countOf(len(changes), "change"), old.Revision)
		return nil
	}
	question := fmt.Sprintf("Make these %d changes?", len(changes))
	if len(changes) == 1 {
		question = "Make this change?"
	}
	if err := p.confirm(question, o.yes); err != nil {
		return err
	}
	revision, err := store.ApplyConfig(ctx, old.Revision, next, p.author(), o.comment)
	if errors.Is(err, sqlstore.ErrConflict) {
		return fmt.Errorf("the configuration was changed by somebody else meanwhile, or an id is taken; nothing was changed (run it again to see): %w", err)
	}
	if err != nil {
		return err
	}
	fmt.Fprintf(p.stdout, "revision %d applied, %s\n", revision, countOf(len(changes), "change"))
	return nil
}

// countOf is a number with its noun.
func countOf(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}
