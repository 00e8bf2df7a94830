package main

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"strings"

	"github.com/spf13/cobra"

	"rowlock/admin"
	"rowlock/frontend"
	"rowlock/sqlstore"
	"rowlock/sqlstore/engine"
)

func (p *program) explainCommand() *cobra.Command {
	var f explainFlags
	cmd := &cobra.Command{
		Use:   "explain",
		Short: "tell what would become of a packet, and why",
		Long: "explain takes a DHCP message (from hex, from a capture, or made up of flags) and tells\n" +
			"what a server would do with it: which subnet it chooses by which rule, which others it\n" +
			"refuses and why, what the database would decide, and with which parameters and options\n" +
			"it would answer. It goes the way of a packet, and changes and sends nothing.\n\n" +
			"It cannot see what depends on the moment: limits on rates, full pools, a database that\n" +
			"is slow, and other frontends.",
		Example: "rowlock explain --mac 02:00:5e:10:00:01 --relay 192.0.2.1\n" +
			"rowlock explain --mac 02:00:5e:10:00:01 --interface eth0 --type request --requested 192.0.2.10\n" +
			"rowlock explain --duid 000300010200 --link-address 2001:db8:1::1 --interface-id port1 --pd\n" +
			"rowlock explain --file site.yaml --pcap capture.pcap --packet 2 --json",
		Args: exactly(0),
		RunE: func(cmd *cobra.Command, _ []string) error { return p.explain(cmd.Context(), &f) },
	}
	f.register(cmd.Flags())
	return cmd
}

// explanation is what is printed as JSON.
type explanation struct {
	*frontend.Explanation
	Leases []explainedLease `json:"leases"`
}

// explainedLease is a row that the message is about.
type explainedLease struct {
	Binding int    `json:"binding"` // index in bindings
	Role    string `json:"role"`    // own: the client's; holder: another client's, at the address that is wanted
	admin.LeaseView
}

func (p *program) explain(ctx context.Context, f *explainFlags) error {
	if err := f.check(); err != nil {
		return err
	}
	c, source, closeStore, err := p.explainSource(ctx, f)
	if err != nil {
		return err
	}
	defer closeStore()
	in, err := f.input(p.stdin, c)
	if err != nil {
		return err
	}
	in.Interface, in.InterfaceAddrs = f.iface, addressesOf(f.iface)
	in.Preview = func(ctx context.Context, r *sqlstore.Request) ([]sqlstore.Preview, error) {
		return engine.Preview(ctx, source, r)
	}
	x, err := frontend.Explain(ctx, c, in)
	if errors.Is(err, frontend.ErrConfig) && source != nil {
		return refusedRevision(c.Revision, err)
	}
	if err != nil {
		return err
	}
	out := explanation{x, leasesOf(x)}
	if !f.json {
		return p.explainText(&out, source != nil)
	}
	lines := json.NewEncoder(p.stdout)
	lines.SetIndent("", "  ")
	lines.SetEscapeHTML(false)
	if err := lines.Encode(out); err != nil {
		return fmt.Errorf("write explanation: %w", err)
	}
	return nil
}

// explainSource returns the configuration, and where rows are: nil if it is that
// of a document.
func (p *program) explainSource(ctx context.Context, f *explainFlags) (*sqlstore.Config, engine.PreviewSource, func(), error) {
	if f.file != "" {
		c, err := p.readDocument(f.file)
		if err == nil {
			err = assignAlone(c)
		}
		if err != nil {
			return nil, nil, nil, err
		}
		return c, nil, func() {}, nil
	}
	store, err := p.openStore(ctx)
	if err != nil {
		return nil, nil, nil, err
	}
	c, err := configAt(ctx, store, f.revision)
	if err != nil {
		store.Close()
		return nil, nil, nil, err
	}
	return c, store, func() { store.Close() }, nil
}

func configAt(ctx context.Context, store sqlstore.Store, revision int64) (*sqlstore.Config, error) {
	if revision == 0 {
		c, err := store.LoadConfig(ctx)
		if errors.Is(err, sqlstore.ErrData) {
			if newest, also := store.Revision(ctx); also == nil {
				return nil, refusedRevision(newest, err)
			}
		}
		if err != nil {
			return nil, fmt.Errorf("load configuration: %w", err)
		}
		return c, nil
	}
	history, ok := store.(sqlstore.RevisionStore)
	if !ok {
		return nil, errors.New("load revision: this database keeps no revisions")
	}
	c, err := history.ConfigAt(ctx, revision)
	if err != nil {
		return nil, fmt.Errorf("load revision %d: %w", revision, err)
	}
	return c, nil
}

// refusedRevision says of a revision what is wrong with it, and what to do instead.
func refusedRevision(revision int64, err error) error {
	return fmt.Errorf("explain with revision %d: servers refuse it and keep an earlier one, which --revision NUMBER explains (rowlock revision list has the numbers): %w", revision, err)
}

// assignAlone gives the objects of a document numbers, as an empty database would.
// The secrets of its keys need not be at hand.
func assignAlone(c *sqlstore.Config) error {
	for i := range c.TSIGKeys {
		c.TSIGKeys[i].Secret = cmp.Or(c.TSIGKeys[i].Secret, strings.Repeat("A", 43)+"=")
	}
	if err := sqlstore.Assign(&sqlstore.Config{}, c, nil, sqlstore.UsedIDs{}); err != nil {
		return fmt.Errorf("number the objects of the document: %w", err)
	}
	return nil
}

// addressesOf returns the addresses of an interface of this host, none if it has
// no such.
func addressesOf(name string) (out []netip.Prefix) {
	i, err := net.InterfaceByName(name)
	if err != nil {
		return nil
	}
	all, err := i.Addrs()
	if err != nil {
		return nil
	}
	for _, a := range all {
		if prefix, err := netip.ParsePrefix(a.String()); err == nil {
			out = append(out, prefix)
		}
	}
	return out
}

// leasesOf lists the rows that the bindings are about.
func leasesOf(x *frontend.Explanation) []explainedLease {
	out := []explainedLease{}
	for i := range x.Bindings {
		p := x.Bindings[i].Preview
		if p == nil {
			continue
		}
		if p.Row != nil {
			out = append(out, explainedLease{i, "own", admin.NewLeaseView(p.Row)})
		}
		if p.Holder != nil {
			out = append(out, explainedLease{i, "holder", admin.NewLeaseView(p.Holder)})
		}
	}
	return out
}
