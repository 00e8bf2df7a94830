//go:build linux

package main

import (
	"fmt"
	"math"
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

// fullVar makes the benchmarks of make bench-full, beside those of make bench.
const fullVar = "ROWLOCK_BENCH_FULL"

func full() bool { return os.Getenv(fullVar) != "" }

// Limits of the search for the highest rate.
const (
	maxDrops    = 0.01
	closeEnough = 1.12 // between a rate that was too much and one that was not
)

// searchSteps is how many rates are tried.
func searchSteps() int {
	if full() {
		return 8
	}
	return 4
}

// target is a server, on one engine, that perfdhcp is turned on.
type target struct {
	engine, server string
	begin          float64 // the first rate that is tried
}

// targets are interleaved: Rowlock and Kea take turns on each engine.
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
func BenchmarkPerfdhcp(b *testing.B) {
	families := []string{"v4"}
	if full() {
		families = append(families, "v6", "v6pd")
	}
	if version, err := exec.Command("chroot", os.Getenv(keaVar), "/usr/sbin/kea-dhcp4", "-v").Output(); err == nil {
		fmt.Printf("engine: Kea %s\n", strings.TrimSpace(string(version)))
	}
	program := build(b)
	for _, family := range families {
		for _, t := range targets {
			b.Run(strings.Join([]string{family, t.engine, t.server}, "/"), func(b *testing.B) {
				for b.Loop() {
					t.measure(b, program, family)
				}
			})
		}
	}
}

// sample is one step of the search.
type sample struct {
	perfdhcpResult
	cpu   time.Duration // per exchange
	batch float64       // mean items of a transaction, 0 where unknown
}

func (t target) measure(b *testing.B, program, family string) {
	s := newBench(b)
	var p *netlab.Process
	if t.server == "kea" {
		p = s.startKea(t.engine, family)
	} else {
		p = s.startRowlock(program, storetest.URL(b, t.engine), family)
	}
	pids := append([]int{p.PID()}, serverPIDs(b, t.engine)...)
	steps := 0
	best := search(t.begin, func(rate float64) sample {
		steps++
		return s.step(t, pids, family, rate, steps)
	})
	best.report(b)
	if full() {
		s.fixedRates(t, pids, family, best.rate(), steps)
	}
	p.Stop()
}

// fixedRates measures rates below the highest one.
func (s *bench) fixedRates(t target, pids []int, family string, highest float64, number int) {
	for _, rate := range []int{1000, 2000, 5000} {
		if number++; float64(rate) < highest {
			at := s.step(t, pids, family, float64(rate), number)
			s.b.ReportMetric(float64(at.cpu.Microseconds()), fmt.Sprintf("cpu-us@%d", rate))
		}
	}
}

// step offers one rate.
func (s *bench) step(t target, pids []int, family string, rate float64, number int) sample {
	s.b.Helper()
	period := 2 * time.Second
	if full() {
		period = 4 * time.Second
	}
	var transactions, items float64
	if t.server == "rowlock" {
		transactions, items = s.batches()
	}
	before, err := load.ProcessCPU(pids...)
	require.NoError(s.b, err)
	out := sample{perfdhcpResult: perfdhcp(s.b, s.client, family, rate, period, number)}
	after, err := load.ProcessCPU(pids...)
	require.NoError(s.b, err)
	out.cpu = (after - before) / time.Duration(max(1, out.second.received))
	if t.server == "rowlock" {
		n, sum := s.batches()
		out.batch = (sum - items) / max(1, n-transactions)
	}
	s.b.Logf("%s/%s/%s: %.0f/s offered, %.0f/s done, %.2f %% dropped, %d us",
		family, t.engine, t.server, out.offered(), out.rate(), 100*out.drops(), out.cpu.Microseconds())
	return out
}

// search looks for the highest rate that try does with few enough drops, and
// returns what it did then; where none was low enough, the one with the fewest
// drops.
func search(rate float64, try func(rate float64) sample) sample {
	low, high := 0.0, math.Inf(1)
	var best, least sample
	for range searchSteps() {
		s := try(rate)
		if s.drops() <= maxDrops {
			low = rate
			if best.period == 0 || s.rate() > best.rate() {
				best = s
			}
			if s.offered() < 0.9*rate {
				return best // perfdhcp itself can do no more
			}
		} else {
			high = rate
			if least.period == 0 || s.drops() < least.drops() {
				least = s
			}
		}
		if high/low < closeEnough {
			break
		}
		switch {
		case math.IsInf(high, 1):
			rate = low * 1.5
		case low == 0:
			rate = high / 2
		default:
			rate = math.Sqrt(low * high)
		}
	}
	if best.period == 0 {
		return least
	}
	return best
}

func (s sample) report(b *testing.B) {
	ms := func(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }
	b.ReportMetric(0, "ns/op") // a step's time says nothing
	b.ReportMetric(s.rate(), "exchanges/s")
	b.ReportMetric(100*s.drops(), "drops-%")
	b.ReportMetric(float64(s.cpu.Microseconds()), "cpu-us/exchange")
	b.ReportMetric(ms(s.first.avg), "offer-avg-ms")
	b.ReportMetric(ms(s.second.avg), "ack-avg-ms")
	b.ReportMetric(max(ms(s.first.max), ms(s.second.max)), "max-ms")
	if s.batch > 0 {
		b.ReportMetric(s.batch, "items/batch")
	}
}
