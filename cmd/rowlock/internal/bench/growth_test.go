//go:build linux

package main

import (
	"encoding/binary"
	"fmt"
	"net/netip"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"rowlock/admin/site"
	"rowlock/cmd/rowperf/load"
	"rowlock/sqlstore"
	"rowlock/sqlstore/storetest"
)

// fullVar lets things grow as far as make bench-full does.
const fullVar = "ROWLOCK_BENCH_FULL"

// sizes say how far things grow: a little in make bench, in full in make
// bench-full.
type sizes struct {
	clients int // exchanges of a case
	leases  int // the pool that is nearly full
	free    int // what it has left
	passes  int // runs over that, since it is soon used up
	subnets int
	longest time.Duration // a run begins no exchange after it
}

func growthSizes() sizes {
	if os.Getenv(fullVar) != "" {
		return sizes{clients: 10_000, leases: 1_000_000, free: 1000, passes: 5, subnets: 10_000, longest: 5 * time.Second}
	}
	return sizes{clients: 3000, leases: 100_000, free: 1000, passes: 1, subnets: 1000, longest: time.Second}
}

// BenchmarkGrowth measures the whole server at saturation, by rowperf's clients
// on loopback, as things grow. The case "new" is what the others are compared
// with: new clients, no leases before, one subnet, one frontend. Cases share
// databases and go in order: use -benchtime 1x.
func BenchmarkGrowth(b *testing.B) {
	program := build(b)
	for _, engine := range storetest.Dialects {
		b.Run(engine, func(b *testing.B) {
			g := &growth{program: program, engine: engine, sizes: growthSizes()}
			g.clientsAndFrontends(b)
			g.leasesAndPools(b)
			g.manySubnets(b)
		})
	}
}

type growth struct {
	program, engine string
	sizes
}

// Relays, each within the subnet that it selects: one with room for everybody,
// one of which 95 % is taken, the one that is nearly full.
var (
	wide4 = netip.MustParseAddr("10.0.0.1")
	wide6 = netip.MustParseAddr("2001:db8:1::1")
	most4 = netip.MustParseAddr("10.64.0.1")
	full4 = netip.MustParseAddr("10.128.0.1")
)

// pool4 is a pool of that many addresses in the subnet of the relay.
func pool4(relay netip.Addr, size int) (first, last netip.Addr) {
	at := binary.BigEndian.Uint32(relay.AsSlice()) + 255
	var a, z [4]byte
	binary.BigEndian.PutUint32(a[:], at)
	binary.BigEndian.PutUint32(z[:], at+uint32(max(1, size))-1)
	return netip.AddrFrom4(a), netip.AddrFrom4(z)
}

// growthSite is a network with pools of those sizes.
func growthSite(b *testing.B, most, leases int) *sqlstore.Config {
	b.Helper()
	var text strings.Builder
	text.WriteString(settings + "subnets:\n")
	for _, s := range []struct {
		relay netip.Addr
		size  int
	}{{wide4, 4_000_000}, {most4, most}, {full4, leases}} {
		first, last := pool4(s.relay, s.size)
		fmt.Fprintf(&text, "  - {subnet: %s, pools: [{pool: %s - %s}]}\n", netip.PrefixFrom(s.relay, 10).Masked(), first, last)
	}
	text.WriteString(`  - subnet: 2001:db8:1::/64
    pools: [{pool: "2001:db8:1:0:1:: - 2001:db8:1:0:ffff:ffff:ffff:ffff"}]
    pd_pools: [{prefix: "2001:db8:4000::/36", delegated_len: 60}]
`)
	return parseSite(b, text.String())
}

func parseSite(b *testing.B, text string) *sqlstore.Config {
	b.Helper()
	c, err := site.Parse("site.yaml", []byte(text))
	require.NoError(b, err)
	return c
}

// serving makes a database with the site and starts a frontend.
func (g *growth) serving(b *testing.B, c *sqlstore.Config) *frontends {
	b.Helper()
	f := &frontends{program: g.program, engine: g.engine, database: storetest.Migrated(b, g.engine)}
	store := storetest.Open(b, f.database)
	fmt.Printf("engine: %s\n", store.Version())
	_, err := store.ApplyConfig(b.Context(), sqlstore.AnyRevision, c, "bench", "")
	require.NoError(b, err)
	f.start(b)
	return f
}

// measure is a benchmark of runs with those options, one for each pass. It
// returns the leases of the last.
func (g *growth) measure(b *testing.B, name string, f *frontends, passes int, options func(b *testing.B, pass int) load.Options) (held []load.Lease) {
	b.Helper()
	b.Run(name, func(b *testing.B) {
		var cpu, wall time.Duration
		var done, failed int
		var last *load.Result
		for b.Loop() {
			for pass := range passes {
				o := options(b, pass)
				if o.Duration == 0 {
					o.Duration = g.longest
				}
				r, took := f.run(b, o)
				cpu, wall, done, failed, last = cpu+took, wall+r.Elapsed, done+r.Completed, failed+r.Failed, r
			}
		}
		held = last.Leases
		report(b, done, cpu, wall)
		b.ReportMetric(100*float64(failed)/float64(done+failed), "failed-%")
		b.ReportMetric(float64(last.Latency.Whole.Quantile(0.5).Microseconds())/1000, "p50-ms")
		b.ReportMetric(float64(last.Latency.Whole.Quantile(0.99).Microseconds())/1000, "p99-ms")
	})
	return held
}

// report adds exchanges a second and processor time per exchange.
func report(b *testing.B, done int, cpu, wall time.Duration) {
	b.Helper()
	require.NotZero(b, done)
	b.ReportMetric(0, "ns/op")
	b.ReportMetric(float64(done)/wall.Seconds(), "exchanges/s")
	b.ReportMetric(float64(cpu.Microseconds())/float64(done), "cpu-us/exchange")
}

func (g *growth) clientsAndFrontends(b *testing.B) {
	f := g.serving(b, growthSite(b, 0, 0))
	defer f.stop()
	_, _ = f.run(b, f.new(500, wide4)) // statements are planned, files are there
	for _, family := range []struct {
		suffix  string
		relay   netip.Addr
		clients int
	}{{"", wide4, g.clients}, {"-v6", wide6, g.clients / 2}} {
		known := f.new(family.clients, family.relay)
		known.Leases = g.measure(b, "new"+family.suffix, f, 1, func(*testing.B, int) load.Options { return known })
		for _, s := range []load.Scenario{load.Renew, load.Returning} {
			known.Scenario = s
			g.measure(b, s.String()+family.suffix, f, 1, func(*testing.B, int) load.Options { return known })
		}
	}
	if g.engine == "sqlite" {
		return // it has one serving process
	}
	for _, n := range []int{2, 4} {
		for len(f.list) < n {
			f.start(b)
		}
		g.measure(b, fmt.Sprintf("frontends=%d", n), f, 1, func(*testing.B, int) load.Options { return f.new(g.clients, wide4) })
	}
}

// leasesAndPools has a database full of leases: new clients in a subnet without
// any, in a pool of which 95 % is taken, and in one that is nearly full. What is
// left there belongs to ended bindings, as in a pool that has been in use for
// long. Then it is full, and new clients get nothing, known ones what they had.
func (g *growth) leasesAndPools(b *testing.B) {
	most := g.clients * 25
	f := g.serving(b, growthSite(b, most, g.leases))
	known := f.new(g.free, full4)
	held, _ := f.run(b, known)
	f.stop()
	t := openTables(b, g.engine, f.database)
	t.fill(b, most4, 0, most, 20)
	t.fill(b, full4, 2*g.free, g.leases, g.leases/g.free) // behind what the known clients may have got
	t.settle(b)
	f.start(b)
	defer f.stop()
	_, _ = f.run(b, f.new(500, wide4))
	g.measure(b, "leases", f, 1, func(*testing.B, int) load.Options { return f.new(g.clients, wide4) })
	g.measure(b, "pool=95%", f, 1, func(*testing.B, int) load.Options { return f.new(g.clients, most4) })
	g.measure(b, fmt.Sprintf("pool=%g%%", 100-100*float64(g.free)/float64(g.leases)), f, g.passes, func(b *testing.B, pass int) load.Options {
		if pass > 0 {
			t.end(b, full4, 2*g.free)
		}
		return f.new(g.free*9/10, full4)
	})
	t.occupy(b, full4)
	g.refused(b, f)
	known.Scenario, known.Leases = load.Returning, held.Leases
	g.measure(b, "pool=100%/returning", f, 1, func(*testing.B, int) load.Options { return known })
}

// refused is what it costs to tell a new client that there is nothing.
func (g *growth) refused(b *testing.B, f *frontends) {
	take := f.new(g.free, full4) // what the frontend has in stock
	take.Tries, take.Timeout = 1, 200*time.Millisecond
	_, _ = f.run(b, take)
	b.Run("pool=100%/refused", func(b *testing.B) {
		var cpu, wall time.Duration
		var begun int
		for b.Loop() {
			o := f.new(g.clients, full4)
			o.Mode, o.Rate, o.Outstanding = load.Rate, 4000, 0
			o.Tries, o.Timeout = 1, 200*time.Millisecond
			o.Duration = g.longest
			began := time.Now()
			r, took := f.run(b, o)
			cpu, wall, begun = cpu+took, wall+time.Since(began), begun+r.Started
		}
		report(b, begun, cpu, wall)
	})
}

// manySubnets spreads new clients over all of many subnets: those that are the
// first of theirs, and then such that come to subnets in use.
func (g *growth) manySubnets(b *testing.B) {
	var text strings.Builder
	text.WriteString(settings + "subnets:\n")
	var relays []netip.Addr
	for i := range g.subnets {
		net := fmt.Sprintf("10.%d.%d.", i>>8, i&255)
		fmt.Fprintf(&text, "  - {subnet: %s0/24, pools: [{pool: %s10 - %s250}]}\n", net, net, net)
		relays = append(relays, netip.MustParseAddr(net+"1"))
	}
	f := g.serving(b, parseSite(b, text.String()))
	defer f.stop()
	first := f.new(g.subnets, relays...)
	first.Duration = time.Minute // all of them
	g.measure(b, "subnets/first", f, 1, func(*testing.B, int) load.Options { return first })
	g.measure(b, "subnets", f, 1, func(*testing.B, int) load.Options { return f.new(g.clients, relays...) })
}
