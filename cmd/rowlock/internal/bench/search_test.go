//go:build linux

package main

import (
	"math"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// Limits of the search for the highest rate.
const (
	maxDrops    = 0.01
	searchSteps = 5
	closeEnough = 1.1 // between a rate that was too much and one that was not
)

// sample is what one rate led to.
type sample struct {
	perfdhcpResult
	cpu   time.Duration // per exchange
	batch float64       // mean items of a transaction, 0 where unknown
}

// search looks for the highest rate that is done with few enough drops, and
// returns what it led to; where none was low enough, the one with the fewest
// drops.
func search(rate float64, offer func(rate float64) sample) sample {
	low, high := 0.0, math.Inf(1)
	var best, least sample
	for range searchSteps {
		s := offer(rate)
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
		switch {
		case high/low < closeEnough:
			return best
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
	b.Helper()
	ms := func(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }
	b.ReportMetric(0, "ns/op") // the time of a search says nothing
	b.ReportMetric(s.rate(), rateUnit)
	b.ReportMetric(100*s.drops(), dropsUnit)
	b.ReportMetric(float64(s.cpu.Microseconds()), cpuUnit)
	b.ReportMetric(ms(s.first.avg), "offer-avg-ms")
	b.ReportMetric(ms(s.second.avg), "ack-avg-ms")
	b.ReportMetric(max(ms(s.first.max), ms(s.second.max)), "max-ms")
	if s.batch > 0 {
		b.ReportMetric(s.batch, "items/batch")
	}
}

// server is one that can do so many exchanges a second and drops the rest, and
// load that can offer no more than most.
func server(capacity, most float64, tried *[]float64) func(rate float64) sample {
	return func(rate float64) sample {
		*tried = append(*tried, rate)
		sent := min(rate, most)
		return sample{perfdhcpResult: perfdhcpResult{
			first: perfdhcpCount{sent: int(sent)}, second: perfdhcpCount{received: int(min(sent, capacity))}, period: time.Second,
		}}
	}
}

func TestSearch(t *testing.T) {
	for _, c := range []struct{ capacity, most, begin, low, high float64 }{
		{1000, 1e6, 800, 900, 1011},
		{1000, 1e6, 3000, 800, 1011},
		{2800, 1e6, 1000, 2500, 2830},
		{1e6, 9000, 4000, 9000, 9000},
		{10, 1e6, 4000, 10, 10}, // out of reach: the one with the fewest drops
	} {
		var tried []float64
		s := search(c.begin, server(c.capacity, c.most, &tried))
		require.LessOrEqual(t, len(tried), searchSteps)
		require.GreaterOrEqual(t, s.rate(), c.low, "%v: %v", c, tried)
		require.LessOrEqual(t, s.rate(), c.high, "%v: %v", c, tried)
	}
}
