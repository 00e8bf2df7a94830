package admin

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"rowlock/sqlstore"
)

// noAnswer is what a part of the page shows instead of guesses.
const noAnswer = "The database does not answer."

// maxSubnets bounds the page; the API has all of them.
const maxSubnets = 50

// How full a subnet is when its bar changes colour.
const (
	highPart = 0.80
	fullPart = 0.95
)

// problemText says why a part cannot be shown. The page is asked for all the
// time, so the log has it at debug.
func (s *Server) problemText(part string, err error) string {
	s.log.Debug("part of the page could not be made", "event", "admin.part_failed", "name", part, "err", err)
	if p := problemOf(err); p.Detail != "" && p.Type != problemPath+"internal" {
		return strings.ToUpper(p.Detail[:1]) + p.Detail[1:] + "."
	}
	return noAnswer
}

type summaryView struct {
	Rate, Active, Alive, Frontends, Names, Revision string
	FrontendsWarn, NamesWarn                        bool
}

const unknown = "–"

// viewSummary is what somebody sees who looks for a second only.
func (s *Server) viewSummary(ctx context.Context) summaryView {
	v := summaryView{Rate: s.rates.newest(), Active: unknown, Alive: unknown, Names: unknown, Revision: unknown}
	if counts, err := s.usage.get(ctx); err == nil {
		var active int64
		for _, states := range counts {
			active += states[sqlstore.Active]
		}
		v.Active = thousands(active)
	}
	if list, err := s.members.get(ctx); err == nil {
		alive := 0
		for _, m := range list {
			if m.Health != "dead" {
				alive++
			}
		}
		v.Alive, v.FrontendsWarn = strconv.Itoa(alive), alive < len(list)
		if len(list) > 0 {
			v.Frontends = strconv.Itoa(len(list))
		}
	}
	if s.names != nil {
		if zones, err := s.queue.get(ctx); err == nil {
			var waiting int64
			for _, z := range zones {
				waiting += z.Pending
				v.NamesWarn = v.NamesWarn || z.Conflicts+z.Failed > 0
			}
			v.Names = thousands(waiting)
		}
	}
	if revision, err := s.store.Revision(ctx); err == nil {
		v.Revision = ""
		if revision > 0 {
			v.Revision = strconv.FormatInt(revision, 10)
		}
	}
	return v
}

type frontendsView struct {
	Err  string
	Rows []frontendRow
}

type frontendRow struct {
	ID, Where, Health, Age, Revision, Exchanges string
	Behind                                      int64
}

func (s *Server) viewFrontends(ctx context.Context) frontendsView {
	list, err := s.members.get(ctx)
	if err != nil {
		return frontendsView{Err: s.problemText("frontends", err)}
	}
	v := frontendsView{}
	for _, m := range list {
		row := frontendRow{ID: m.ID, Where: strings.Join(m.Roles, ", "), Health: m.Health, Age: moment(time.Since(m.seen)), Exchanges: thousands(m.Exchanges)}
		if m.Host != "" && m.Host != m.ID {
			row.Where = m.Host + " · " + row.Where
		}
		if m.Revision > 0 {
			row.Revision = strconv.FormatInt(m.Revision, 10)
		}
		if m.Health != "dead" {
			row.Behind = m.Behind
		}
		v.Rows = append(v.Rows, row)
	}
	return v
}

type dnsView struct {
	Err   string
	Zones bool // some are configured
	Rows  []dnsRow
}

type dnsRow struct{ Zone, Pending, Oldest, Trouble string }

func (s *Server) viewDNS(ctx context.Context) dnsView {
	c, err := s.network.get(ctx)
	if err != nil {
		return dnsView{Err: s.problemText("dns", err)}
	}
	v := dnsView{Zones: len(c.Zones) > 0}
	if s.names == nil {
		return v
	}
	zones, err := s.queue.get(ctx)
	if err != nil {
		return dnsView{Err: s.problemText("dns", err)}
	}
	for _, z := range zones {
		row := dnsRow{Zone: z.Zone, Pending: thousands(z.Pending), Oldest: unknown}
		if z.Pending > 0 {
			row.Oldest = span(time.Duration(z.Oldest * float64(time.Second)))
		}
		var trouble []string
		if z.Conflicts > 0 {
			trouble = append(trouble, plural(z.Conflicts, "conflict"))
		}
		if z.Failed > 0 {
			trouble = append(trouble, thousands(z.Failed)+" failed")
		}
		row.Trouble = strings.Join(trouble, ", ")
		v.Rows = append(v.Rows, row)
	}
	v.Zones = v.Zones || len(v.Rows) > 0 // what was published of zones that are gone
	return v
}

type subnetsView struct {
	Err   string
	Rows  []subnetRow
	Total string
	More  bool
}

type subnetRow struct {
	Subnet, Note                          string
	Known                                 bool
	Why, Level, Percent                   string
	Width, BlockedWidth                   string
	Active, Offered, Ended, Blocked, Size string
	part                                  float64
}

// viewSubnets shows all subnets in order of address, or the fullest of many.
func (s *Server) viewSubnets(ctx context.Context) subnetsView {
	c, counts, err := s.usageNow(ctx)
	if err != nil {
		return subnetsView{Err: s.problemText("subnets", err)}
	}
	all := subnetsByID(c)
	slices.SortStableFunc(all, func(a, b placedSubnet) int {
		return cmp.Or(cmp.Compare(a.link.VRF, b.link.VRF), a.Prefix.Addr().Compare(b.Prefix.Addr()))
	})
	v := subnetsView{Total: thousands(int64(len(all))), More: len(all) > maxSubnets}
	for _, n := range all {
		v.Rows = append(v.Rows, rowOf(n, usageOf(n.Subnet, counts[n.ID])))
	}
	if v.More {
		slices.SortStableFunc(v.Rows, func(a, b subnetRow) int { return cmp.Compare(b.part, a.part) })
		v.Rows = v.Rows[:maxSubnets]
	}
	return v
}

func rowOf(n placedSubnet, u usageView) subnetRow {
	row := subnetRow{
		Subnet: n.Prefix.String(), Why: "no pool", Active: thousands(u.Active), Offered: thousands(u.Offered), Ended: thousands(u.Ended),
		Blocked: thousands(u.Blocked), Size: size(u.Size), Level: "low",
	}
	var notes []string
	if n.link.Name != "" {
		notes = append(notes, n.link.Name)
	}
	if n.link.VRF != 0 {
		notes = append(notes, fmt.Sprintf("vrf %d", n.link.VRF))
	}
	if n.Closing {
		notes = append(notes, "closing")
	}
	row.Note = strings.Join(notes, " · ")
	switch {
	case u.Utilisation != nil:
		row.Known, row.part = true, *u.Utilisation
		blocked := min(row.part, float64(u.Blocked)/float64(u.Size))
		row.Percent, row.Width, row.BlockedWidth = percent(row.part), fixed(100*(row.part-blocked)), fixed(100*blocked)
		if row.part >= fullPart {
			row.Level = "full"
		} else if row.part >= highPart {
			row.Level = "high"
		}
	case u.Size > 0:
		row.Why = "addresses and prefixes"
	}
	return row
}

type leasesView struct {
	Err  string
	Rows []newestRow
}

type newestRow struct {
	leaseRow
	Since, SinceISO, Left string
}

func (s *Server) viewLeases(ctx context.Context) leasesView {
	list, err := s.newest.get(ctx)
	if err != nil {
		return leasesView{Err: s.problemText("leases", err)}
	}
	v := leasesView{}
	for _, l := range list {
		row := newestRow{l, moment(time.Since(l.Since)), l.Since.Format(time.RFC3339), "for ever"}
		if !l.Forever {
			row.Left = span(l.Remaining)
		}
		v.Rows = append(v.Rows, row)
	}
	return v
}
