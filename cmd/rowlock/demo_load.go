package main

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"os"
	"strings"
	"sync"
	"text/tabwriter"
	"time"

	"rowlock/cmd/rowperf/load"
	"rowlock/sqlstore"
	"rowlock/sqlstore/dialects"
)

// load lets all clients of both families get their leases, prints what that
// took, and returns the leases. A victim is killed when two fifths of the
// clients are done.
func (d *demo) load(ctx context.Context, record load.Recorder, what load.Scenario, victim *child) ([]load.Lease, error) {
	var once sync.Once
	var results []*load.Result
	var leases []load.Lease
	for _, f := range []sqlstore.Family{sqlstore.IPv4, sqlstore.IPv6} {
		o := d.options(f)
		o.Scenario, o.Record = what, record
		o.Progress = func(s load.Stats) {
			d.progress(f, s)
			if victim != nil && f == sqlstore.IPv4 && s.Completed >= o.Clients*2/5 {
				once.Do(func() {
					_ = victim.kill()
					fmt.Fprintf(d.out, "%s  server %s killed -9 after %d clients\n", clearLine(), victim.id, s.Completed)
				})
			}
		}
		r, err := load.Run(ctx, o)
		if err != nil {
			return nil, err
		}
		fmt.Fprint(d.out, clearLine())
		results = append(results, r)
		leases = append(leases, r.Leases...)
	}
	if victim != nil && !victim.dead {
		return nil, errors.New("the run was over before the server could be killed")
	}
	d.table(results)
	for _, r := range results {
		if r.Failed > 0 {
			return nil, fmt.Errorf("%d clients got no lease: %v", r.Failed, r.Failures)
		}
	}
	return leases, nil
}

func (d *demo) options(f sqlstore.Family) load.Options {
	o := load.Options{
		Family: f, Relays: d.relays4, Clients: d.clients4, Seed: 1, ClientIDs: true, Mode: load.Saturate, Outstanding: 64,
		Timeout: 500 * time.Millisecond, Tries: 6, Linger: 200 * time.Millisecond, ProgressEvery: 20 * time.Millisecond,
	}
	if f == sqlstore.IPv6 {
		o.Relays, o.Clients, o.NA, o.PD = d.relays6, d.clients6, true, true
	}
	for _, s := range d.servers {
		if s.dead {
			continue
		}
		if f == sqlstore.IPv4 {
			o.Servers = append(o.Servers, s.ready.DHCP4...)
		} else {
			o.Servers = append(o.Servers, s.ready.DHCP6...)
		}
	}
	return o
}

// clearLine empties the line on a terminal; elsewhere progress is not shown.
func clearLine() string {
	if info, err := os.Stdout.Stat(); err == nil && info.Mode()&os.ModeCharDevice != 0 {
		return "\r\x1b[K"
	}
	return ""
}

func (d *demo) progress(f sqlstore.Family, s load.Stats) {
	if clearLine() != "" {
		fmt.Fprintf(d.out, "%s  dhcp%s: %d of %d clients, %.0f/s", clearLine(), f, s.Completed, s.Total, s.Rate)
	}
}

func (d *demo) table(results []*load.Result) {
	w := tabwriter.NewWriter(d.out, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(w, "  \tclients\tleases\tseconds\texchanges/s\tp50\tp99\tsent again\tfailed\t")
	for i, r := range results {
		name := [...]string{"DHCPv4", "DHCPv6 address + prefix"}[i]
		fmt.Fprintf(w, "  %s\t%d\t%d\t%.2f\t%.0f\t%s\t%s\t%d\t%d\t\n", name, r.Completed, len(r.Leases), r.Elapsed.Seconds(), r.Rate,
			r.Latency.Whole.Quantile(0.5).Round(100*time.Microsecond), r.Latency.Whole.Quantile(0.99).Round(100*time.Microsecond), r.Retransmits, r.Failed)
	}
	_ = w.Flush()
}

// report runs the example query and prints it with its answer.
func (d *demo) report(ctx context.Context, url string) error {
	columns, rows, err := dialects.Report(ctx, url, demoQuery)
	if err != nil {
		return err
	}
	fmt.Fprintf(d.out, "  sql> %s\n", strings.TrimSpace(demoQuery))
	w := tabwriter.NewWriter(d.out, 0, 0, 2, ' ', 0)
	for _, row := range append([][]string{columns}, rows...) {
		fmt.Fprintln(w, "  "+strings.Join(row, "\t"))
	}
	return w.Flush()
}

// verify checks everything the clients saw.
func (d *demo) verify(record *load.Log, several bool) error {
	events := record.Events()
	breaches := load.Verify(events)
	if several {
		breaches = append(breaches, load.VerifyOffers(events)...)
	}
	for i, v := range breaches {
		if i < 10 {
			fmt.Fprintln(d.out, "  BREACH", v)
		}
	}
	if len(breaches) > 0 {
		return fmt.Errorf("%d breaches", len(breaches))
	}
	fmt.Fprintf(d.out, "  checked %d answers: nothing was given to two clients, no client got two addresses\n", len(events))
	return nil
}

type heldName struct {
	client int
	kind   sqlstore.Kind
	family sqlstore.Family
}

// sameLeases checks that the clients hold the same as before.
func sameLeases(before, after []load.Lease) error {
	held := map[heldName]netip.Prefix{}
	for _, l := range before {
		held[heldName{l.Client, l.Kind, l.Family}] = l.Addr
	}
	for _, l := range after {
		if was := held[heldName{l.Client, l.Kind, l.Family}]; was != l.Addr {
			return fmt.Errorf("client %d had %s and now has %s", l.Client, was, l.Addr)
		}
	}
	if len(before) != len(after) {
		return fmt.Errorf("%d leases before and %d after", len(before), len(after))
	}
	return nil
}

// inDatabase checks that every acknowledged lease is an active row.
func (d *demo) inDatabase(ctx context.Context, url string, leases []load.Lease) error {
	s, err := dialects.Open(ctx, url, dialects.Options{})
	if err != nil {
		return err
	}
	defer func() { _ = s.Close() }()
	active := map[netip.Prefix]bool{}
	for _, f := range []sqlstore.Family{sqlstore.IPv4, sqlstore.IPv6} {
		filter := sqlstore.LeaseFilter{Family: f, State: sqlstore.Active, Limit: 1000}
		for {
			page, err := s.Leases(ctx, filter)
			if err != nil {
				return err
			}
			for i := range page {
				active[page[i].Prefix()] = true
			}
			if len(page) < filter.Limit {
				break
			}
			filter.AfterVRF, filter.AfterAddr = page[len(page)-1].VRF, page[len(page)-1].Addr
		}
	}
	for _, l := range leases {
		if !active[l.Addr] {
			return fmt.Errorf("client %d was acknowledged %s, which is not in the database", l.Client, l.Addr)
		}
	}
	fmt.Fprintf(d.out, "  all %d acknowledged leases are rows in the database\n", len(leases))
	return nil
}
