//go:build linux

package main

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

const perfdhcpOutput = `Running: perfdhcp -4 -r 100 -p 2 203.0.113.1
Scenario: basic.
Multi-thread mode enabled.

***Rate statistics***
Rate: 98.9 4-way exchanges/second, expected rate: 100

***Malformed Packets***
Malformed packets: 0
***Statistics for: DISCOVER-OFFER***
sent packets: 200
received packets: 199
drops: 1
drops ratio: 0.5 %
orphans: 0
rejected leases: 0
non unique addresses: 0

min delay: 0.146 ms
avg delay: 0.352 ms
max delay: 2.701 ms
std deviation: 0.288 ms
collected packets: 0

***Statistics for: REQUEST-ACK***
sent packets: 199
received packets: 197
drops: 2
min delay: 0.201 ms
avg delay: 0.411 ms
max delay: 3.5 ms
`

func TestParsePerfdhcp(t *testing.T) {
	r, err := parsePerfdhcp(perfdhcpOutput)
	require.NoError(t, err)
	r.period = 2 * time.Second
	require.Equal(t, perfdhcpCount{sent: 200, received: 199, min: 146 * time.Microsecond, avg: 352 * time.Microsecond, max: 2701 * time.Microsecond}, r.first)
	require.Equal(t, 197, r.second.received)
	require.InDelta(t, 98.5, r.rate(), 1e-9)
	require.InDelta(t, 100, r.offered(), 1e-9)
	require.InDelta(t, 0.015, r.drops(), 1e-9)
	_, err = parsePerfdhcp("ERROR: running perfdhcp: there is no such address\n")
	require.Error(t, err)
	require.InDelta(t, 1, perfdhcpResult{}.drops(), 1e-9)
}
