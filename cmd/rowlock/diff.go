package main

import (
	"context"
	"errors"
	"fmt"
	"strconv"

	"github.com/spf13/cobra"

	"rowlock/sqlstore"
)

// errDifferent ends diff with status 1; it is no failure.
var errDifferent = errors.New("there are differences")

// troubleError is why diff could not compare: status 2, as with diff(1).
type troubleError struct{ error }

func (e troubleError) Unwrap() error { return e.error }

func (p *program) diffCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "diff FILE|REVISION [FILE|REVISION]",
		Short: "show how two network configurations differ",
		Long: `diff prints what has to change in the first configuration to make it the second
one. A number is a revision, anything else the file of a document, - standard
input.

With one argument the other side is the newest revision: of a file, what applying
it would change; of a revision, what has changed since.`,
		Annotations: map[string]string{exitStatus: "0 no difference, 1 there are some, 2 they could not be compared."},
		Args: func(cmd *cobra.Command, args []string) error {
			if err := cobra.RangeArgs(1, 2)(cmd, args); err != nil {
				return usageError{err}
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			changes, err := p.diff(cmd.Context(), args)
			if err != nil {
				return troubleError{err}
			}
			for _, c := range changes {
				fmt.Fprintln(p.stdout, c)
			}
			if len(changes) > 0 {
				return errDifferent
			}
			return nil
		},
		ValidArgsFunction: files("yaml", "yml", "json"),
	}
}

// diff compares what the arguments name.
func (p *program) diff(ctx context.Context, args []string) ([]sqlstore.Change, error) {
	if len(args) == 2 && args[0] == "-" && args[1] == "-" {
		return nil, usagef("standard input can be read once only")
	}
	sides := make([]*sqlstore.Config, 2)
	numbers := make([]int64, 2)
	for i, arg := range args {
		n, isNumber, err := revisionNumber(arg)
		if err != nil {
			return nil, err
		}
		if numbers[i] = n; isNumber {
			continue
		}
		if sides[i], err = p.readDocument(arg); err != nil {
			return nil, err
		}
	}
	if len(args) == 2 && sides[0] != nil && sides[1] != nil {
		return sqlstore.Diff(sides[0], sides[1]), nil
	}
	store, err := p.openGathered(ctx)
	if err != nil {
		return nil, err
	}
	defer store.Close()
	if len(args) == 1 && sides[0] != nil { // a document is what will be
		sides[0], sides[1] = nil, sides[0]
	}
	document := sides[1] != nil
	for i := range sides {
		if sides[i] != nil {
			continue
		}
		if sides[i], err = configOf(ctx, store, numbers[i]); err != nil {
			return nil, err
		}
	}
	if document {
		sides[1] = sqlstore.Planned(sides[0], sides[1])
	}
	return sqlstore.Diff(sides[0], sides[1]), nil
}

// revisionNumber reads the number of a revision; isNumber is false where the text
// is none.
func revisionNumber(text string) (n int64, isNumber bool, err error) {
	for _, r := range text {
		if r < '0' || r > '9' {
			return 0, false, nil
		}
	}
	if n, err = strconv.ParseInt(text, 10, 64); err != nil || n < 1 {
		return 0, false, usagef("%q is not the number of a revision", text)
	}
	return n, true, nil
}

// configOf returns the configuration of a revision, 0 for the newest.
func configOf(ctx context.Context, store sqlstore.Store, revision int64) (*sqlstore.Config, error) {
	if revision == 0 {
		c, err := store.LoadConfig(ctx)
		if err != nil {
			return nil, fmt.Errorf("load configuration: %w", err)
		}
		return c, nil
	}
	c, err := store.ConfigAt(ctx, revision)
	if err != nil {
		return nil, fmt.Errorf("load revision %d: %w", revision, err)
	}
	return c, nil
}
