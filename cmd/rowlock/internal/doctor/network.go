package doctor

import (
	"context"
	"fmt"
	"net/netip"
	"slices"
	"strconv"
	"time"

	"rowlock/sqlstore"
)

// deadAfter is when a heartbeat is old: what its frontend writes counts no
// more.
const deadAfter = 5 * time.Second

// frontends looks at the processes on this database and returns their rows.
func (d *doctor) frontends(ctx context.Context, store sqlstore.FrontendStore) []sqlstore.FrontendInfo {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	all, err := store.Frontends(ctx)
	if err != nil {
		d.unread("frontend.list", "list the frontends", err)
		return nil
	}
	for _, f := range all {
		d.frontend(f)
	}
	if len(all) == 0 {
		d.found.Add("frontend.list", sqlstore.FindingNote, "no frontend was seen in the last day", "nobody answers DHCP from this database", "rowlock serve")
	} else {
		d.found.OK("frontend.list", "%d frontend(s) were seen in the last day", len(all))
	}
	return all
}

func (d *doctor) frontend(f sqlstore.FrontendInfo) {
	switch {
	case f.Age >= deadAfter:
		d.found.Add(id("frontend.NAME.alive", f.ID), sqlstore.FindingNote,
			fmt.Sprintf("no heartbeat for %s; it ran on %s and did not end in order", f.Age.Round(time.Second), f.Host),
			"the others answer its clients; its unused addresses are taken over", "start it again there, or leave it: the row goes away after a day")
	case f.ID == d.FrontendID && f.Host != d.Hostname:
		d.found.Add(id("frontend.NAME.duplicate", f.ID), sqlstore.FindingProblem,
			fmt.Sprintf("%s is alive on the host %s, and this one (%s) is set to the same name", f.ID, f.Host, d.Hostname),
			"the second process to come takes the name over, and the first one stops serving", "give each process file a frontend_id of its own")
	default:
		d.found.OK(id("frontend.NAME.alive", f.ID), "alive on %s, version %s, revision %d", f.Host, f.Version, f.Revision)
	}
}

// network looks at the configuration, and returns the relays that it and the
// leases name.
func (d *doctor) network(ctx context.Context, store sqlstore.ConfigStore, more sqlstore.Diagnoser) []netip.Addr {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	c, err := store.LoadConfig(ctx)
	if err != nil {
		d.unread("config.revision", "read the network configuration", err)
		return nil
	}
	d.judgeConfig(c)
	var relays []netip.Addr
	for _, l := range c.Links {
		for _, s := range l.Subnets {
			relays = append(relays, s.Relays...)
		}
	}
	recent, err := more.RecentRelays(ctx, maxRelays)
	if err != nil {
		d.unread("relay.list", "list the relays of leases", err)
	}
	for _, a := range recent {
		if a = a.Unmap(); a.IsValid() && !a.IsUnspecified() {
			relays = append(relays, a)
		}
	}
	slices.SortFunc(relays, netip.Addr.Compare)
	return slices.Compact(relays)
}

func (d *doctor) judgeConfig(c *sqlstore.Config) {
	subnets := 0
	here, err := d.Host.interfaceNames()
	for _, l := range c.Links {
		for _, s := range l.Subnets {
			subnets++
			subnet := strconv.FormatUint(uint64(s.ID), 10)
			if !slices.ContainsFunc(s.Pools, func(p *sqlstore.Pool) bool { return !p.Closing }) && !s.Closing {
				d.found.Add(id("subnet.ID.pools", subnet), sqlstore.FindingNote, s.Prefix.String()+" has no pool that gives out addresses",
					"its clients get no new lease", "add pools to the subnet in the document, then: rowlock apply FILE")
			}
			if s.Interface != "" && err == nil && !slices.Contains(here, s.Interface) {
				d.found.Add(id("subnet.ID.interface", subnet), sqlstore.FindingNote,
					fmt.Sprintf("%s is selected by the interface %s, which this host does not have", s.Prefix, s.Interface),
					"on this host no packet comes in there", "nothing, if another frontend has that interface; else mend the name in the document: rowlock apply FILE")
			}
		}
	}
	if c.Revision == 0 || subnets == 0 {
		d.found.Add("config.revision", sqlstore.FindingWarning, fmt.Sprintf("there is no network to serve (revision %d, no subnet)", c.Revision),
			"the server waits and answers nothing", "rowlock apply FILE")
	} else {
		d.found.OK("config.revision", "revision %d has %d subnet(s)", c.Revision, subnets)
	}
}
