package main

import (
	"context"
	"encoding/json"
	"fmt"
	"net"
	"net/netip"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"rowlock/admin"
	"rowlock/sqlstore"
)

// leaseFlags are the filters of a listing as written.
type leaseFlags struct {
	family, state, addr, hwaddr string
	subnet                      uint32
	limit                       int
	json                        bool
}

func (p *program) leaseCommand() *cobra.Command {
	return group("lease", "look at leases and end them", p.leaseListCommand(), p.leaseShowCommand(), p.leaseReleaseCommand())
}

func (p *program) leaseListCommand() *cobra.Command {
	var f leaseFlags
	cmd := &cobra.Command{
		Use: "list", Short: "list leases in order of address", Args: exactly(0),
		RunE: func(cmd *cobra.Command, _ []string) error {
			filters, err := f.filters()
			if err != nil {
				return err
			}
			store, err := p.openStore(cmd.Context())
			if err != nil {
				return err
			}
			defer store.Close()
			return p.leaseList(cmd.Context(), store, filters, f)
		},
	}
	flags := cmd.Flags()
	flags.StringVar(&f.family, "family", "", "v4 or v6 (default both)")
	flags.Uint32Var(&f.subnet, "subnet", 0, "`ID` of the subnet")
	flags.StringVar(&f.state, "state", "", "offered, active, expired, released, declined, parked or reserved")
	flags.StringVar(&f.addr, "addr", "", "`ADDRESS`, or base of a delegated prefix")
	flags.StringVar(&f.hwaddr, "hwaddr", "", "hardware `ADDRESS`")
	flags.IntVar(&f.limit, "limit", 0, "print at most so many (default all)")
	flags.BoolVar(&f.json, "json", false, "print JSON, one object a line")
	return cmd
}

// filters returns one filter for each family asked for.
func (f leaseFlags) filters() ([]sqlstore.LeaseFilter, error) {
	base := sqlstore.LeaseFilter{SubnetID: f.subnet}
	var err error
	if f.state != "" {
		if base.State, err = sqlstore.ParseState(f.state); err != nil {
			return nil, usageError{fmt.Errorf("--state: %w", err)}
		}
	}
	if f.addr != "" {
		if base.Addr, err = netip.ParseAddr(f.addr); err != nil {
			return nil, usagef("--addr: %q is not an address", f.addr)
		}
	}
	if f.hwaddr != "" {
		if base.HWAddr, err = net.ParseMAC(f.hwaddr); err != nil {
			return nil, usagef("--hwaddr: %q is not a hardware address", f.hwaddr)
		}
	}
	if f.limit < 0 {
		return nil, usagef("--limit: %d is negative", f.limit)
	}
	if f.family != "" && f.family != "v4" && f.family != "v6" {
		return nil, usagef("--family: %q is neither v4 nor v6", f.family)
	}
	var filters []sqlstore.LeaseFilter
	for _, family := range []sqlstore.Family{sqlstore.IPv4, sqlstore.IPv6} {
		other := base.Addr.IsValid() && base.Addr.Is4() != (family == sqlstore.IPv4)
		if !other && (f.family == "" || f.family == family.String()) {
			base.Family = family
			filters = append(filters, base)
		}
	}
	return filters, nil
}

// page is how many leases are read at a time, so that a listing of millions
// needs little memory and no long transaction.
const page = 1000

func (p *program) leaseList(ctx context.Context, store sqlstore.LeaseStore, filters []sqlstore.LeaseFilter, f leaseFlags) error {
	table := tabwriter.NewWriter(p.stdout, 0, 8, 2, ' ', 0)
	if !f.json {
		fmt.Fprintln(table, "ADDRESS\tSTATE\tSUBNET\tCLIENT\tHOSTNAME\tEXPIRES")
	}
	lines := json.NewEncoder(p.stdout)
	left := f.limit
	err := eachLease(ctx, store, filters, func(l *sqlstore.Lease) (more bool, err error) {
		if left--; f.json {
			err = lines.Encode(admin.NewLeaseView(l))
		} else {
			_, err = fmt.Fprintf(table, "%s\t%s\t%d\t%s\t%s\t%s\n",
				leaseName(l), l.State, l.SubnetID, clientName(l), l.Client.Hostname, expiryText(l))
		}
		return left != 0, err
	}, func() error { return table.Flush() })
	if err != nil {
		return fmt.Errorf("list leases: %w", err)
	}
	return table.Flush()
}

// eachLease calls do for every lease that a filter selects until do wants no
// more, and flush after each page.
func eachLease(ctx context.Context, store sqlstore.LeaseStore, filters []sqlstore.LeaseFilter, do func(*sqlstore.Lease) (bool, error), flush func() error) error {
	for _, f := range filters {
		f.Limit = page
		for {
			leases, err := store.Leases(ctx, f)
			if err != nil {
				return err
			}
			for i := range leases {
				if more, err := do(&leases[i]); err != nil || !more {
					return err
				}
			}
			if len(leases) < page {
				break
			}
			if err := flush(); err != nil {
				return err
			}
			last := &leases[len(leases)-1]
			f.AfterVRF, f.AfterAddr = last.VRF, last.Addr
		}
	}
	return nil
}

func (p *program) leaseShowCommand() *cobra.Command {
	var asJSON bool
	cmd := &cobra.Command{
		Use: "show ADDRESS", Short: "show all that is known of a lease", Args: exactly(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			store, leases, err := p.findLeases(cmd.Context(), args[0])
			if err != nil {
				return err
			}
			defer store.Close()
			for i := range leases {
				if err := p.showLease(&leases[i], asJSON); err != nil {
					return fmt.Errorf("show lease: %w", err)
				}
			}
			return nil
		},
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "print JSON, one object a line")
	return cmd
}

// findLeases opens the database and returns the leases of an address: one in
// each vrf that has it. The caller closes the store unless there is an error.
func (p *program) findLeases(ctx context.Context, text string) (sqlstore.Store, []sqlstore.Lease, error) {
	addr, err := netip.ParseAddr(text)
	if err != nil || addr.Zone() != "" {
		return nil, nil, usagef("%q is not an address", text)
	}
	family := sqlstore.IPv6
	if addr.Is4() {
		family = sqlstore.IPv4
	}
	store, err := p.openStore(ctx)
	if err != nil {
		return nil, nil, err
	}
	leases, err := store.Leases(ctx, sqlstore.LeaseFilter{Family: family, Addr: addr})
	if err == nil && len(leases) == 0 {
		err = sqlstore.ErrNotFound
	}
	if err != nil {
		store.Close()
		return nil, nil, fmt.Errorf("find lease of %s: %w", addr, err)
	}
	return store, leases, nil
}
