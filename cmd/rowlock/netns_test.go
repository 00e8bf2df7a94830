//go:build linux

package main_test

import (
	"testing"

	"rowlock/cmd/rowlock/internal/netlab"
	"rowlock/sqlstore/storetest"
)

// Timers of the sites: an hour with renewals after a few seconds, and a lease
// that is soon rebound but does not run out while the server is away.
const (
	renewTimers  = "valid_lifetime: 3600, renew_timer: 3, rebind_timer: 3000"
	rebindTimers = "valid_lifetime: 120, renew_timer: 4, rebind_timer: 8"
)

// The programs, and what they may be asked for.
var (
	programs4 = []namedProgram{
		{"dhclient", dhclient}, {"udhcpc", udhcpc}, {"dhcpcd", dhcpcd}, {"systemd-networkd", networkd},
	}
	programs6 = []namedProgram{
		{"dhclient", dhclient}, {"dhcpcd", dhcpcd}, {"dhcp6c", dhcp6c}, {"dibbler", dibbler},
	}
	want4      = want{v4: true}
	wantNA     = want{address: true}
	wantPD     = want{prefix: true}
	wantBoth   = want{address: true, prefix: true}
	wantNames6 = map[want]string{wantNA: "address", wantPD: "prefix", wantBoth: "address and prefix"}
)

type namedProgram struct {
	name    string
	program program
}

// clientCase is one test with a site of its own.
type clientCase struct {
	name, timers string
	run          func(s *site)
}

// TestClients runs real clients and relay agents against the server in network
// namespaces: all of them on PostgreSQL, one for each family on the other
// engines. Each test has a database of its own and looks at both ends: what the
// client has, and the row that holds it.
func TestClients(t *testing.T) {
	if testing.Short() {
		t.Skip("real clients take their time")
	}
	t.Parallel()
	netlab.NeedRoot(t)
	bin := buildRowlock(t)
	for _, engine := range storetest.Dialects {
		cases := relayedCases()
		if engine == "postgres" {
			cases = allCases()
		}
		t.Run(engine, func(t *testing.T) {
			t.Parallel()
			for _, c := range cases {
				t.Run(c.name, func(t *testing.T) {
					t.Parallel()
					c.run(newSite(t, bin, engine, c.timers))
				})
			}
		})
	}
}

// relayedCases is one client of each family, with what a relay adds.
func relayedCases() []clientCase {
	return []clientCase{
		{"v4 relayed by dhcrelay", renewTimers, func(s *site) { testRelay4(s, dhcrelay4) }},
		{"v6 relayed by dhcrelay", renewTimers, func(s *site) { testRelay6(s, dhcrelay6) }},
	}
}

func allCases() []clientCase {
	cases := append(relayedCases(), []clientCase{
		{"v4 relayed by dnsmasq", renewTimers, func(s *site) { testRelay4(s, dnsmasq4) }},
		{"v6 relayed by dnsmasq", renewTimers, func(s *site) { testRelay6(s, dnsmasq6) }},
		{"v4 two relays", renewTimers, testTwoRelays4},
		{"v6 two relays", renewTimers, testTwoRelays6},
		{"v6 relay behind relay", renewTimers, testRelayChain6},
		{"v6 takeover dhclient", renewTimers, testTakeover6},
		{"v4 moved dhclient", renewTimers, func(s *site) { testMoved4(s, dhclient) }},
		{"v4 moved dhcpcd", renewTimers, func(s *site) { testMoved4(s, dhcpcd) }},
		{"v6 moved dhclient", renewTimers, func(s *site) { testMoved6(s, dhclient) }},
		{"v4 restart dhclient", renewTimers, func(s *site) { testReboot4(s, dhclient) }},
		{"v4 restart dhcpcd", renewTimers, func(s *site) { testReboot4(s, dhcpcd) }},
		{"v4 restart systemd-networkd", renewTimers, func(s *site) { testReboot4(s, networkd) }},
		{"v6 restart dhclient", renewTimers, func(s *site) { testConfirm6(s, dhclient) }},
		{"v6 restart dhcpcd", renewTimers, func(s *site) { testConfirm6(s, dhcpcd) }},
		{"v6 restart dibbler", renewTimers, func(s *site) { testConfirm6(s, dibbler) }},
	}...)
	for _, p := range programs4 {
		cases = append(cases,
			clientCase{"v4 lease " + p.name, renewTimers, func(s *site) { testLease4(s, p.program) }},
			clientCase{"v4 server restart " + p.name, rebindTimers, func(s *site) { testRestart4(s, p.program) }},
			clientCase{"v4 takeover " + p.name, rebindTimers, func(s *site) { testTakeover4(s, p.program) }})
	}
	for _, p := range programs6 {
		cases = append(cases,
			clientCase{"v6 rebind " + p.name, rebindTimers, func(s *site) { testRebind6(s, p.program) }})
		for _, w := range []want{wantNA, wantPD, wantBoth} {
			run := func(s *site) { testLease6(s, p.program, w) }
			cases = append(cases, clientCase{"v6 lease " + p.name + " " + wantNames6[w], renewTimers, run})
		}
	}
	return cases
}
