package main

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"rowlock/admin"
	"rowlock/admin/site"
	"rowlock/sqlstore"
)

func (p *program) revisionCommand() *cobra.Command {
	return group("revision", "look at revisions of the network configuration, and go back to one",
		p.revisionListCommand(), p.revisionShowCommand(), p.revisionRevertCommand())
}

func (p *program) revisionListCommand() *cobra.Command {
	var limit int
	var asJSON bool
	cmd := &cobra.Command{
		Use: "list", Short: "list revisions, newest first", Args: exactly(0),
		RunE: func(cmd *cobra.Command, _ []string) error {
			if limit < 0 {
				return usagef("--limit: %d is negative", limit)
			}
			store, err := p.openGathered(cmd.Context())
			if err != nil {
				return err
			}
			defer store.Close()
			if err := p.revisionList(cmd.Context(), store, limit, asJSON); err != nil {
				return fmt.Errorf("list revisions: %w", err)
			}
			return nil
		},
	}
	cmd.Flags().IntVar(&limit, "limit", 20, "print at most so many; 0: all")
	cmd.Flags().BoolVar(&asJSON, "json", false, "print JSON, one object a line")
	return cmd
}

// revisionPage is how many revisions are read at a time: each comes with its
// diff.
const revisionPage = 50

func (p *program) revisionList(ctx context.Context, store sqlstore.AdminStore, limit int, asJSON bool) error {
	table := tabwriter.NewWriter(p.stdout, 0, 8, 2, ' ', 0)
	if !asJSON {
		fmt.Fprintln(table, "REVISION\tAT\tAUTHOR\tCOMMENT")
	}
	lines := json.NewEncoder(p.stdout)
	for below, left := int64(0), limit; ; {
		n := revisionPage
		if limit > 0 {
			n = min(n, left)
		}
		list, err := store.Revisions(ctx, below, n)
		if err != nil {
			return err
		}
		for _, r := range list {
			if asJSON {
				err = lines.Encode(admin.NewRevisionView(r))
			} else {
				_, err = fmt.Fprintf(table, "%d\t%s\t%s\t%s\n", r.Number, r.At.UTC().Format(time.DateTime), oneLine(r.Author), oneLine(r.Comment))
			}
			if err != nil {
				return err
			}
			below = r.Number
		}
		if left -= len(list); len(list) < n || limit > 0 && left <= 0 || below == 1 {
			return table.Flush()
		}
	}
}

// oneLine returns the first line of a text that rows may have, and that there are
// more.
func oneLine(text string) string {
	first, _, more := strings.Cut(strings.ReplaceAll(text, "\t", " "), "\n")
	first = sqlstore.Visible(first, "")
	if more {
		return first + " ..."
	}
	return first
}

func (p *program) revisionShowCommand() *cobra.Command {
	var document bool
	cmd := &cobra.Command{
		Use: "show REVISION", Short: "show who changed what, or the whole configuration of then", Args: exactly(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			n, err := revisionArgument(args[0])
			if err != nil {
				return err
			}
			store, err := p.openGathered(cmd.Context())
			if err != nil {
				return err
			}
			defer store.Close()
			if document {
				return p.revisionDocument(cmd.Context(), store, n)
			}
			return p.revisionShow(cmd.Context(), store, n)
		},
	}
	cmd.Flags().BoolVar(&document, "document", false, "print the network document of that revision")
	return cmd
}

func revisionArgument(text string) (int64, error) {
	n, isNumber, err := revisionNumber(text)
	if err == nil && !isNumber {
		err = usagef("%q is not the number of a revision", text)
	}
	return n, err
}

func (p *program) revisionShow(ctx context.Context, store sqlstore.AdminStore, n int64) error {
	list, err := store.Revisions(ctx, n+1, 1)
	if err != nil {
		return fmt.Errorf("show revision %d: %w", n, err)
	}
	if len(list) == 0 || list[0].Number != n {
		return fmt.Errorf("show revision %d: %w", n, sqlstore.ErrNotFound)
	}
	r := list[0]
	fmt.Fprintf(p.stdout, "revision  %d\nat        %s\nauthor    %s\n", r.Number, r.At.UTC().Format(time.RFC3339), sqlstore.Visible(r.Author, ""))
	if r.Comment != "" {
		fmt.Fprintf(p.stdout, "comment   %s\n", strings.ReplaceAll(sqlstore.Visible(r.Comment, "\t\n"), "\n", "\n          "))
	}
	if r.Diff != "" {
		fmt.Fprintf(p.stdout, "\n%s\n", sqlstore.Visible(strings.TrimSuffix(r.Diff, "\n"), "\t\n"))
	}
	return nil
}

func (p *program) revisionDocument(ctx context.Context, store sqlstore.Store, n int64) error {
	c, err := configOf(ctx, store, n)
	if err != nil {
		return err
	}
	text, err := site.Export(c)
	if err != nil {
		return err
	}
	if _, err := p.stdout.Write(text); err != nil {
		return fmt.Errorf("write document: %w", err)
	}
	return nil
}
