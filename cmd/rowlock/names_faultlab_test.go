package main

import (
	"context"
	"fmt"
	"io"
	"net/netip"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"rowlock/cmd/rowperf/load"
	"rowlock/ddns/dnsserver"
	"rowlock/ddns/name"
	"rowlock/sqlstore"
	"rowlock/sqlstore/storetest"
)

// The clients come and go in groups, so many of them together, at this rate.
// Every third group is of DHCPv6.
const (
	faultGroups = 9
	faultGroup  = 50
	faultRate   = 250
)

// exactTime is how long it may take until DNS is what it has to be.
const exactTime = 90 * time.Second

// faults is the sample site on a database, with names in a DNS server.
type faults struct {
	t        *testing.T
	d        *demo
	database string
	dns      *dnsserver.Server
	store    sqlstore.Store
	clients  map[sqlstore.Family]load.Options
	held     [faultGroups][]load.Lease // what the clients of a group have
	round    int
	changes  int // leases that were given or given back
}

var faultZones = append([]string{demoZone}, demoReverse...)

func newFaults(t *testing.T, program, database, kind string) *faults {
	t.Helper()
	f := &faults{t: t, d: &demo{out: io.Discard}, database: database}
	require.NoError(t, f.d.prepare())
	t.Cleanup(f.d.close)
	f.d.program = program
	f.dns = dnsserver.Start(t, kind, dnsserver.Options{Zones: faultZones})
	site := (&dns{addr: netip.MustParseAddrPort(f.dns.Addr()), secret: dnsserver.Secret}).named(f.d.site)
	site.TSIGKeys[0].Name = dnsserver.Key
	for _, z := range site.Zones {
		z.Servers[0].Key = dnsserver.Key
	}
	require.NoError(t, f.d.database(t.Context(), database, site))
	f.store = storetest.Open(t, database)
	return f
}

const faultConfig = `database: %%q
frontend_id: %%q
state_dir: %%q
roles: [%s]
listen:
  dhcp4: [{address: 127.0.0.1, port: 0}]
  dhcp6: [{address: "::1", port: 0}]
  health: 127.0.0.1:0
log: {level: info, format: json}
`

// start starts a process with these roles: one that has the clients, any number
// of others. The end of its log is shown when the test fails.
func (f *faults) start(id, roles string) *child {
	f.t.Helper()
	c, err := f.d.launchKept(f.t.Context(), id, f.database, fmt.Sprintf(faultConfig, roles))
	require.NoError(f.t, err)
	f.t.Cleanup(func() {
		if f.t.Failed() {
			f.t.Log(id, tail(c.logFile))
		}
	})
	if len(c.ready.DHCP4) > 0 {
		f.clients = map[sqlstore.Family]load.Options{sqlstore.IPv4: f.d.options(sqlstore.IPv4), sqlstore.IPv6: f.d.options(sqlstore.IPv6)}
	}
	return c
}

// launchKept is launch on a thread that lives as long as the process does: it
// would end with the thread, which tests of network namespaces may end.
func (d *demo) launchKept(ctx context.Context, id, database, format string) (c *child, err error) {
	started := make(chan error)
	go func() {
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		var err error
		c, err = d.launch(ctx, id, database, format)
		started <- err
		if err == nil {
			<-c.done
		}
	}()
	err = <-started
	return c, err
}

// during tells for a time that there shall be another round.
func (f *faults) during(d time.Duration) func() bool {
	end := time.Now().Add(d)
	return func() bool { return time.Now().Before(end) }
}

// rounds tells n times that there shall be another round.
func (f *faults) rounds(n int) func() bool {
	return func() bool { n--; return n >= 0 }
}

// churn lets one group after the other get leases, or give back what it has; the
// first one gets them again.
// That some clients get no answer does not matter: what counts is the table.
func (f *faults) churn(more func() bool) error {
	for more() {
		g := f.round % faultGroups
		f.round++
		family := sqlstore.IPv4
		if g%3 == 2 {
			family = sqlstore.IPv6
		}
		o := f.clients[family]
		o.First, o.Clients, o.Mode, o.Rate, o.Tries, o.Linger = g*faultGroup, faultGroup, load.Rate, faultRate, 2, 50*time.Millisecond
		if f.held[g] != nil && g > 0 {
			o.Scenario, o.Leases = load.Release, f.held[g]
		}
		r, err := load.Run(context.WithoutCancel(f.t.Context()), o)
		if err != nil {
			return err
		}
		f.changes += r.Completed
		f.held[g] = nil
		if o.Scenario == load.New {
			f.held[g] = r.Leases
		}
	}
	return nil
}

// exact waits until the zones are what the lease table says, tells how long
// that took, and that nothing is left to do.
func (f *faults) exact(format string, args ...any) {
	f.t.Helper()
	began := time.Now()
	var want, got []string
	for {
		var err error
		want, err = f.wanted()
		got = nil
		for _, z := range faultZones {
			got = append(got, f.dns.Zone(z)...)
		}
		if slices.Sort(got); err == nil && slices.Equal(got, want) {
			break
		}
		if time.Since(began) > exactTime {
			f.t.Fatalf("%d records, not %d (error %v): missing %v, stale %v", len(got), len(want), err, without(want, got), without(got, want))
		}
		time.Sleep(100 * time.Millisecond)
	}
	f.t.Logf("%s: %d lease changes, %d records, exact after %.1f s", fmt.Sprintf(format, args...), f.changes, len(got), time.Since(began).Seconds())
	require.NotEmpty(f.t, got)
	require.Eventually(f.t, func() bool {
		rows, err := f.store.DNSNames(f.t.Context(), sqlstore.NameFilter{Limit: 10_000})
		return err == nil && !slices.ContainsFunc(rows, func(n sqlstore.DNSName) bool { return n.State != sqlstore.NamePublished })
	}, exactTime, 100*time.Millisecond, "rows of names that are not published")
}

// wanted is what the zones have to have, by the lease table alone.
func (f *faults) wanted() (lines []string, err error) {
	f.t.Helper()
	for _, family := range []sqlstore.Family{sqlstore.IPv4, sqlstore.IPv6} {
		leases, err := f.store.Leases(f.t.Context(), sqlstore.LeaseFilter{Family: family, State: sqlstore.Active, Limit: 10_000})
		if err != nil {
			return nil, err // the database may have been away
		}
		for _, l := range leases {
			if l.Kind() != sqlstore.NA || !l.Live() {
				continue
			}
			lines = append(lines, leaseLines(f.t, &l)...)
		}
	}
	slices.Sort(lines)
	return lines, nil
}

// leaseLines are the records of a lease whose name no other lease has.
func leaseLines(t *testing.T, l *sqlstore.Lease) []string {
	t.Helper()
	host, ttl, kind := l.Client.Hostname, name.TTL{}.Of(l.ValidLft), "A"
	if l.Family == sqlstore.IPv6 {
		kind = "AAAA"
	}
	require.True(t, strings.HasSuffix(host, "."+demoZone), host)
	id, err := name.ClientIdentity(l.Family, &l.Client)
	require.NoError(t, err)
	data, err := name.DHCID(id, host)
	require.NoError(t, err)
	return []string{
		fmt.Sprintf("%s %d %s %s", host, ttl, kind, l.Addr),
		fmt.Sprintf("%s %d DHCID %s", host, ttl, name.DHCIDText(data)),
		fmt.Sprintf("%s %d PTR %s", name.Reverse(l.Addr), ttl, host),
	}
}

// without returns what a has and b does not have, at most a few.
func without(a, b []string) []string {
	const few = 5
	out := slices.DeleteFunc(slices.Clone(a), func(l string) bool { return slices.Contains(b, l) })
	return out[:min(few, len(out))]
}
