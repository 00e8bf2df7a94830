package main

import (
	"fmt"
	"os"

	"github.com/spf13/cobra"

	"rowlock/cmd/rowperf/load"
)

// verifyCommand checks records of earlier runs together.
func verifyCommand() *cobra.Command {
	var offers bool
	cmd := &cobra.Command{
		Use:   "verify FILE...",
		Short: "Check records: no address acknowledged to two clients at one time",
		Long: `Check records that were written with --record. Several files are one history:
they must come from runs with the same seed against one address space.`,
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) == 0 {
				return usageError{fmt.Errorf("verify needs a record file")}
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			events, err := readRecords(args)
			if err != nil {
				return err
			}
			violations := load.Verify(events)
			if offers {
				violations = append(violations, load.VerifyOffers(events)...)
			}
			fmt.Fprintf(cmd.OutOrStdout(), "%d violations in %d events\n", len(violations), len(events))
			if err := printViolations(cmd.OutOrStdout(), violations); err != nil {
				return err
			}
			if len(violations) > 0 {
				return errFailed
			}
			return nil
		},
	}
	cmd.Flags().BoolVar(&offers, "offers", true, "one DISCOVER must be answered with one address by all servers")
	return cmd
}

func readRecords(names []string) ([]load.Event, error) {
	var all []load.Event
	for _, name := range names {
		f, err := os.Open(name)
		if err != nil {
			return nil, fmt.Errorf("open record: %w", err)
		}
		events, err := load.ReadEvents(f)
		f.Close()
		if err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
		all = append(all, events...)
	}
	return all, nil
}
