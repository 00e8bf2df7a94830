package main

import (
	"fmt"

	"github.com/spf13/cobra"

	"rowlock/admin/site"
)

func (p *program) exportCommand() *cobra.Command {
	return &cobra.Command{
		Use: "export", Short: "print the network configuration as a document", Args: exactly(0),
		RunE: func(cmd *cobra.Command, _ []string) error {
			store, err := p.openStore(cmd.Context())
			if err != nil {
				return err
			}
			defer store.Close()
			c, err := store.LoadConfig(cmd.Context())
			if err != nil {
				return fmt.Errorf("load configuration: %w", err)
			}
			text, err := site.Export(c)
			if err != nil {
				return err
			}
			if _, err := p.stdout.Write(text); err != nil {
				return fmt.Errorf("write document: %w", err)
			}
			return nil
		},
	}
}
