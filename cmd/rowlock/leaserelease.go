package main

import (
	"context"
	"fmt"
	"strconv"

	"github.com/spf13/cobra"

	"rowlock/sqlstore"
)

func (p *program) leaseReleaseCommand() *cobra.Command {
	vrf := -1
	cmd := &cobra.Command{
		Use:   "release ADDRESS",
		Short: "end an active lease as if its client had released it",
		Long: "release ends an active lease as if its client had released it. The client is not\n" +
			"told: it goes on using the address until it renews.",
		Args: exactly(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			store, leases, err := p.findLeases(cmd.Context(), args[0])
			if err != nil {
				return err
			}
			defer store.Close()
			l, err := oneLease(leases, vrf)
			if err != nil {
				return err
			}
			return p.release(cmd.Context(), store, l)
		},
	}
	cmd.Flags().IntVar(&vrf, "vrf", -1, "`NUMBER` of the vrf, where several have the address")
	return cmd
}

func oneLease(leases []sqlstore.Lease, vrf int) (*sqlstore.Lease, error) {
	if vrf < 0 && len(leases) > 1 {
		return nil, usagef("%d vrfs have a lease of %s: name one with --vrf", len(leases), leases[0].Addr)
	}
	for i := range leases {
		if vrf < 0 || leases[i].VRF == uint32(vrf) {
			return &leases[i], nil
		}
	}
	return nil, fmt.Errorf("lease of %s in vrf %d: %w", leases[0].Addr, vrf, sqlstore.ErrNotFound)
}

// release changes the row only as it was found: when a frontend renews the
// lease at the same moment, that wins.
func (p *program) release(ctx context.Context, store sqlstore.Store, l *sqlstore.Lease) error {
	if l.State != sqlstore.Active {
		return fmt.Errorf("release lease of %s: it is %s, not active", leaseName(l), l.State)
	}
	c, err := store.LoadConfig(ctx)
	if err != nil {
		return fmt.Errorf("load configuration: %w", err)
	}
	grace, err := strconv.ParseUint(sqlstore.Lookup("reclaim_grace", c.Parameters), 10, 32)
	if err != nil {
		return fmt.Errorf("read parameter reclaim_grace: %w", err)
	}
	result, err := store.Apply(ctx, &sqlstore.Batch{Updates: []sqlstore.Update{{
		Family: l.Family, Action: sqlstore.Release, Key: l.Key, Addr: l.Addr, Rev: l.Rev, Count: 1, Grace: uint32(grace),
	}}})
	if err != nil {
		return fmt.Errorf("release lease of %s: %w", leaseName(l), err)
	}
	switch u := result.Updates[0]; u.Status {
	case sqlstore.Updated:
		fmt.Fprintf(p.stdout, "%s is %s\n", leaseName(l), u.Lease.State)
		return nil
	case sqlstore.NoRow:
		return fmt.Errorf("release lease of %s: %w", leaseName(l), sqlstore.ErrNotFound)
	default:
		return fmt.Errorf("release lease of %s: it was changed meanwhile, nothing was done (run it again): %w", leaseName(l), sqlstore.ErrConflict)
	}
}
