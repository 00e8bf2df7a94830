package main

import (
	"context"
	_ "embed"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/spf13/cobra"

	"rowlock/admin/deploy"
	"rowlock/admin/site"
	"rowlock/cmd/rowperf/load"
	"rowlock/sqlstore"
	"rowlock/sqlstore/dialects"
)

//go:embed demo.sql
var demoQuery string

// demo is one run of the demonstration. Its processes are children, so that
// they can be killed; everything it writes is in one folder.
type demo struct {
	out      io.Writer
	dir      string
	program  string
	site     *sqlstore.Config
	clients4 int
	clients6 int
	relays4  []load.Relay
	relays6  []load.Relay
	servers  []*child
	cleanup  []func()
	patience time.Duration // until a server is ready; 0 is 15 s
}

// fewestClients is how many there must be of each family.
const fewestClients = 100

func (p *program) demoCommand() *cobra.Command {
	d := &demo{out: p.stdout}
	var keep bool
	cmd := &cobra.Command{
		Use:   "demo",
		Short: "show the server at work: clients, leases in SQL, a crash and what is left of it",
		Long: `Starts servers on loopback ports with a sample site, lets clients behind two
relays get their leases, shows them by SQL, looks their names up in a DNS server
of its own where BIND is installed, kills the server with -9 and shows that every
client gets its address back: first on an SQLite file, then with two
servers on one PostgreSQL database, of which one is killed in the middle. That
part needs PostgreSQL's programs, or a server named by --database, where a
database of its own is made and removed. No root is needed, and nothing is left
behind. Exit status 0 says that every check held.`,
		Args: exactly(0),
		RunE: func(cmd *cobra.Command, _ []string) error {
			if least := min(d.clients4, d.clients6); least < fewestClients {
				return usagef("--clients4 and --clients6: %d are too few for a server to be killed among them (at least %d)", least, fewestClients)
			}
			err := d.run(cmd.Context(), p.database, keep)
			if err != nil && cmd.Context().Err() != nil {
				return errInterrupted
			}
			return err
		},
	}
	cmd.Flags().BoolVar(&keep, "keep", false, "leave two servers running and print where they are and what to try; end them with ctrl-c")
	cmd.Flags().IntVar(&d.clients4, "clients4", 2000, "DHCPv4 clients")
	cmd.Flags().IntVar(&d.clients6, "clients6", 500, "DHCPv6 clients, each with an address and a prefix")
	return cmd
}

func (d *demo) run(ctx context.Context, database string, keep bool) (err error) {
	started := time.Now()
	if err := d.prepare(); err != nil {
		return err
	}
	defer d.close()
	if err := d.sqlitePart(ctx); err != nil {
		return fmt.Errorf("on SQLite: %w", err)
	}
	if database == "" {
		if database, err = d.startPostgres(ctx); err != nil {
			return err
		}
	}
	if database == "" {
		fmt.Fprintln(d.out, "\nPostgreSQL is not installed and --database is not given: the part with two servers on one database is left out.")
	} else {
		d.stopServers()
		if err := d.sharedPart(ctx, database); err != nil {
			return fmt.Errorf("two servers on PostgreSQL: %w", err)
		}
	}
	fmt.Fprintf(d.out, "\nEvery check held (%.0f s).\n", time.Since(started).Seconds())
	if keep {
		return d.keep(ctx)
	}
	return nil
}

func (d *demo) prepare() (err error) {
	if d.program, err = os.Executable(); err != nil {
		return err
	}
	if d.site, err = site.Parse("isp-site.yaml", deploy.Site); err != nil {
		return err
	}
	if d.dir, err = os.MkdirTemp("", "rowlock-demo-"); err != nil {
		return err
	}
	d.cleanup = append(d.cleanup, func() { _ = os.RemoveAll(d.dir) })
	for _, l := range d.site.Links {
		for _, s := range l.Subnets {
			if len(s.Relays) == 0 {
				continue
			}
			r := load.Relay{Addr: s.Relays[0], CircuitPrefix: "olt1/" + s.Relays[0].String() + "/", InterfaceID: "olt1/" + s.Relays[0].String()}
			if s.Family() == sqlstore.IPv4 {
				d.relays4 = append(d.relays4, r)
			} else {
				d.relays6 = append(d.relays6, r)
			}
		}
	}
	if len(d.relays4) < 2 || len(d.relays6) == 0 {
		return errors.New("the sample site has no relays")
	}
	d.relays4 = d.relays4[:2]
	return nil
}

func (d *demo) close() {
	d.stopServers()
	for _, v := range slices.Backward(d.cleanup) {
		v()
	}
}

// database brings the schema and the sample site into a new database.
func (d *demo) database(ctx context.Context, url string, c *sqlstore.Config) error {
	m, err := dialects.Migrator(ctx, url, dialects.Options{Create: true})
	if err != nil {
		return err
	}
	applied, err := m.Up(ctx)
	if err = errors.Join(err, m.Close()); err != nil {
		return err
	}
	s, err := dialects.Open(ctx, url, dialects.Options{})
	if err != nil {
		return err
	}
	rev, err := s.ApplyConfig(ctx, sqlstore.AnyRevision, c, "demo", "sample site")
	if err = errors.Join(err, s.Close()); err != nil {
		return err
	}
	fmt.Fprintf(d.out, "  schema: %d migrations; site: %s, revision %d\n", len(applied), describeSite(c), rev)
	return nil
}

func describeSite(c *sqlstore.Config) string {
	subnets, pools := 0, 0
	for _, l := range c.Links {
		subnets += len(l.Subnets)
		for _, s := range l.Subnets {
			pools += len(s.Pools)
		}
	}
	return fmt.Sprintf("%d links, %d subnets, %d pools", len(c.Links), subnets, pools)
}

func (d *demo) sqlitePart(ctx context.Context) error {
	fmt.Fprintln(d.out, "One server on an SQLite file")
	url := "sqlite:" + filepath.Join(d.dir, "rowlock.db")
	names, err := d.startDNS(ctx)
	if err != nil {
		return err
	}
	network := d.site
	if names != nil {
		network = names.named(d.site)
	} else {
		fmt.Fprintln(d.out, "  BIND (named and dig) is not installed: names in DNS are left out")
	}
	if err := d.database(ctx, url, network); err != nil {
		return err
	}
	server, err := d.start(ctx, "demo", url)
	if err != nil {
		return err
	}
	d.console()
	record := &load.Log{}
	before, err := d.load(ctx, record, load.New, nil)
	if err != nil {
		return err
	}
	if err := d.report(ctx, url); err != nil {
		return err
	}
	if names != nil {
		if err := d.names(ctx, names, before); err != nil {
			return err
		}
	}
	if err := server.kill(); err != nil {
		return err
	}
	down := time.Now()
	if _, err := d.start(ctx, "demo", url); err != nil {
		return err
	}
	fmt.Fprintf(d.out, "  killed -9; serving again after %.1f s\n", time.Since(down).Seconds())
	after, err := d.load(ctx, record, load.New, nil)
	if err != nil {
		return err
	}
	if err := sameLeases(before, after); err != nil {
		return err
	}
	fmt.Fprintf(d.out, "  every client got its address back: %d leases, none moved\n", len(after))
	return d.verify(record, false)
}

func (d *demo) sharedPart(ctx context.Context, server string) error {
	fmt.Fprintln(d.out, "\nTwo servers on one PostgreSQL database, each receiving every packet")
	url, drop, err := dialects.Scratch(ctx, server, fmt.Sprintf("rowlock_demo_%d", os.Getpid()))
	if err != nil {
		return err
	}
	d.cleanup = append(d.cleanup, func() {
		bound, cancel := context.WithTimeout(context.WithoutCancel(ctx), 10*time.Second)
		defer cancel()
		if err := drop(bound); err != nil {
			fmt.Fprintln(d.out, "the demo's database could not be removed:", err)
		}
	})
	if err := d.database(ctx, url, d.site); err != nil {
		return err
	}
	for _, id := range []string{"left", "right"} {
		if _, err := d.start(ctx, id, url); err != nil {
			return err
		}
	}
	d.console()
	record := &load.Log{}
	leases, err := d.load(ctx, record, load.New, d.servers[1])
	if err != nil {
		return err
	}
	if err := d.report(ctx, url); err != nil {
		return err
	}
	if err := d.verify(record, true); err != nil {
		return err
	}
	return d.inDatabase(ctx, url, leases)
}
