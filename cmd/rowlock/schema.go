package main

import (
	"fmt"

	"github.com/spf13/cobra"

	"rowlock/admin/site"
)

func (p *program) schemaCommand() *cobra.Command {
	return &cobra.Command{
		Use: "schema", Short: "print the JSON Schema of network documents, for editors", Args: exactly(0),
		RunE: func(*cobra.Command, []string) error {
			if _, err := p.stdout.Write(site.Schema()); err != nil {
				return fmt.Errorf("write schema: %w", err)
			}
			return nil
		},
	}
}
