//go:build linux

package main

import (
	"fmt"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"rowlock/cmd/rowlock/internal/netlab"
	"rowlock/cmd/rowperf/load"
	"rowlock/sqlstore/storetest"
)

// target is a server, on one engine, that perfdhcp is turned on.
type target struct {
	engine, server string
	begin          float64 // the first rate that is tried
}

// targets take turns: Kea and Rowlock on each engine.
var targets = []target{
	{"memfile", "kea", 4000},
	{"sqlite", "rowlock", 4000},
	{"postgres", "kea", 800},
	{"postgres", "rowlock", 4000},
	{"mariadb", "kea", 500},
	{"mariadb", "rowlock", 3000},
	{"mysql", "kea", 500},
	{"mysql", "rowlock", 3000},
}

// BenchmarkPerfdhcp searches the highest rate of exchanges of new clients, by
// perfdhcp over a virtual link, of which at most 1 % are dropped. Kea and Rowlock
// have the same machine, the same traffic and the same database servers. The
// processor time is that of server and database.
func BenchmarkPerfdhcp(b *testing.B) { eachTarget(b, "v4", highestRate) }

// BenchmarkPerfdhcp6 is BenchmarkPerfdhcp for DHCPv6: an address, and an address
// with a prefix.
func BenchmarkPerfdhcp6(b *testing.B) {
	eachTarget(b, "v6", highestRate)
	eachTarget(b, "v6pd", highestRate)
}

func highestRate(b *testing.B, t target, offer func(rate float64) sample) {
	search(t.begin, offer).report(b)
}

// BenchmarkRates measures what an exchange costs at rates that are given, as far
// as the server can do them.
func BenchmarkRates(b *testing.B) {
	eachTarget(b, "v4", func(b *testing.B, _ target, offer func(rate float64) sample) {
		b.ReportMetric(0, "ns/op")
		for _, rate := range []float64{1000, 2000, 5000} {
			s := offer(rate)
			if s.drops() > maxDrops {
				return
			}
			b.ReportMetric(float64(s.cpu.Microseconds()), fmt.Sprintf("cpu-us@%.0f", rate))
		}
	})
}

// eachTarget starts one server after the other, each on an empty database, and
// measures it, given a function that offers it a rate.
func eachTarget(b *testing.B, family string, measure func(b *testing.B, t target, offer func(rate float64) sample)) {
	b.Helper()
	if version, err := exec.Command("chroot", os.Getenv(keaVar), "/usr/sbin/kea-dhcp4", "-v").Output(); err == nil {
		fmt.Printf("engine: Kea %s\n", strings.TrimSpace(string(version)))
	}
	program := build(b)
	for _, t := range targets {
		b.Run(strings.Join([]string{family, t.engine, t.server}, "/"), func(b *testing.B) {
			for b.Loop() {
				s := newBench(b)
				var p *netlab.Process
				if t.server == "kea" {
					p = s.startKea(t.engine, family)
				} else {
					p = s.startRowlock(program, storetest.URL(b, t.engine), family)
				}
				pids, number := append([]int{p.PID()}, serverPIDs(b, t.engine)...), 0
				measure(b, t, func(rate float64) sample {
					number++
					return s.offer(t, pids, family, rate, number)
				})
				p.Stop()
			}
		})
	}
}

// offerTime is how long a rate is offered.
const offerTime = 2 * time.Second

// offer is one run of perfdhcp, the number-th on this server.
func (s *bench) offer(t target, pids []int, family string, rate float64, number int) sample {
	s.b.Helper()
	batches := func() (transactions, items float64) {
		if t.server == "rowlock" {
			return s.batches()
		}
		return 0, 0
	}
	transactions, items := batches()
	before, err := load.ProcessCPU(pids...)
	require.NoError(s.b, err)
	out := sample{perfdhcpResult: perfdhcp(s.b, s.client, family, rate, offerTime, number)}
	after, err := load.ProcessCPU(pids...)
	require.NoError(s.b, err)
	n, sum := batches()
	out.cpu = (after - before) / time.Duration(max(1, out.second.received))
	out.batch = (sum - items) / max(1, n-transactions)
	s.b.Logf("%s/%s/%s: %.0f/s offered, %.0f/s done, %.2f %% dropped, %d us",
		family, t.engine, t.server, out.offered(), out.rate(), 100*out.drops(), out.cpu.Microseconds())
	return out
}
