//go:build linux

package main

import (
	"bufio"
	"fmt"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"rowlock/cmd/rowlock/internal/netlab"
)

// perfdhcpWait is how long perfdhcp goes on receiving after its last packet.
const perfdhcpWait = time.Second

// perfdhcpRun is what perfdhcp counted of one kind of answer.
type perfdhcpCount struct {
	sent, received int
	min, avg, max  time.Duration
}

// perfdhcpResult has both halves of the exchanges of a run.
type perfdhcpResult struct {
	first, second perfdhcpCount
	period        time.Duration
}

// rate is the completed exchanges a second.
func (r perfdhcpResult) rate() float64 { return float64(r.second.received) / r.period.Seconds() }

// offered is the exchanges begun a second.
func (r perfdhcpResult) offered() float64 { return float64(r.first.sent) / r.period.Seconds() }

// drops is the share of the exchanges begun that did not complete.
func (r perfdhcpResult) drops() float64 {
	if r.first.sent == 0 {
		return 1
	}
	return 1 - float64(r.second.received)/float64(r.first.sent)
}

// perfdhcp offers a rate of exchanges for a time, from clients that no run with
// another number has had.
func perfdhcp(b *testing.B, n *netlab.Node, family string, rate float64, period time.Duration, run int) perfdhcpResult {
	b.Helper()
	args := []string{
		"/usr/sbin/perfdhcp", "-r", strconv.Itoa(int(rate)), "-p", strconv.Itoa(int(period.Seconds())),
		"-R", "16000000", "-b", fmt.Sprintf("mac=00:%02x:00:00:00:00", run), "-s", strconv.Itoa(run),
		"-W", strconv.Itoa(int(perfdhcpWait.Microseconds())),
	}
	switch family {
	case "v4":
		args = append(args, "-4", "-l", clientAddr, serverAddr)
	case "v6":
		args = append(args, "-6", "-l", clientIface)
	case "v6pd":
		args = append(args, "-6", "-e", "address-and-prefix", "-l", clientIface)
	}
	out, err := n.Run(args...) // the status says whether there were drops
	result, parseErr := parsePerfdhcp(out)
	require.NoError(b, parseErr, "%v\n%s", err, out)
	result.period = period
	return result
}

// parsePerfdhcp reads the statistics at the end of perfdhcp's output.
func parsePerfdhcp(text string) (perfdhcpResult, error) {
	var r perfdhcpResult
	var at *perfdhcpCount
	seen := 0
	for lines := bufio.NewScanner(strings.NewReader(text)); lines.Scan(); {
		line := lines.Text()
		if what, ok := strings.CutPrefix(line, "***Statistics for: "); ok {
			switch strings.TrimRight(what, "*") {
			case "DISCOVER-OFFER", "SOLICIT-ADVERTISE":
				at = &r.first
			case "REQUEST-ACK", "REQUEST-REPLY":
				at = &r.second
			default:
				at = nil
			}
			continue
		}
		name, value, ok := strings.Cut(line, ": ")
		if !ok || at == nil {
			continue
		}
		field, err := strconv.ParseFloat(strings.Fields(value)[0], 64)
		if err != nil && name != "sent packets" {
			continue // a delay of nothing is no number
		}
		switch name {
		case "sent packets":
			at.sent = int(field)
			seen++
		case "received packets":
			at.received = int(field)
		case "min delay":
			at.min = time.Duration(field * float64(time.Millisecond))
		case "avg delay":
			at.avg = time.Duration(field * float64(time.Millisecond))
		case "max delay":
			at.max = time.Duration(field * float64(time.Millisecond))
		}
	}
	if seen != 2 {
		return r, fmt.Errorf("perfdhcp: %d statistics instead of 2", seen)
	}
	return r, nil
}
