//go:build linux

package main_test

import (
	"encoding/json"
	"fmt"
	"net/netip"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"rowlock/cmd/rowlock/internal/netlab"
	"rowlock/sqlstore/storetest"
)

// sql changes the configuration as somebody with a SQL shell does, and returns
// the revision that was the newest before.
func (s *site) sql(statements ...string) (before int) {
	s.t.Helper()
	before = s.revisions()[0].Revision
	storetest.Exec(s.t, s.engine, s.database, statements...)
	return before
}

type revisionRow struct {
	Revision int    `json:"revision"`
	Author   string `json:"author"`
	Comment  string `json:"comment"`
}

// revisions are those that the program tells of, the newest first.
func (s *site) revisions() (all []revisionRow) {
	s.t.Helper()
	for line := range strings.Lines(s.rowlock("revision", "list", "--json", "--database", s.database)) {
		var row revisionRow
		require.NoError(s.t, json.Unmarshal([]byte(line), &row), line)
		all = append(all, row)
	}
	require.NotEmpty(s.t, all)
	return all
}

// A lifetime and a router that somebody changes by SQL reach the client with its
// next renewal, and so does the way back. Nothing is restarted.
func testLive4(s *site) {
	const router, lifetime = "^new_routers=(.*)$", "^new_dhcp_lease_time=(.*)$"
	node, server := directNetwork(s)
	process := s.serve(server, "one", "dhcp4: [{interface: eth0}]")
	c := dhclient(s.t, s.lab, node, want4)
	c.start()
	first := s.lease(c.address(direct4), "active")
	c.told(router, "192.0.2.1")
	c.told(lifetime, "3600")

	before := s.sql(
		"UPDATE parameter SET value = '7200' WHERE scope = 'global' AND name = 'valid_lifetime'",
		"UPDATE option_data SET data = '192.0.2.254' WHERE scope = 'subnet' AND scope_id = 1 AND family = 4 AND code = 3",
		"UPDATE config_head SET change_comment = 'a new router'")
	c.told(router, "192.0.2.254")
	c.told(lifetime, "7200")
	s.kept(c, direct4, first)
	require.Equal(s.t, uint32(7200), s.lease(netip.MustParseAddr(first.Addr), "active").ValidLft)
	newest := s.revisions()[0]
	require.Greater(s.t, newest.Revision, before)
	require.Equal(s.t, "a new router", newest.Comment)
	require.Contains(s.t, s.rowlock("revision", "show", strconv.Itoa(newest.Revision), "--database", s.database),
		`~ subnet 192.0.2.0/24 option_data v4 routers: "192.0.2.1" -> "192.0.2.254"`)

	s.rowlock("revision", "revert", strconv.Itoa(before), "--yes", "--database", s.database)
	c.told(router, "192.0.2.1")
	c.told(lifetime, "3600")
	s.kept(c, direct4, first)
	select {
	case <-process.Done():
		s.t.Fatal("the server was restarted")
	default:
	}
}

const perfClients = 40

// Two pools of a subnet are in use; one is closed and then deleted, by SQL, while
// its clients renew without pause. They move to another one, nobody shares an
// address, and in the end each address of that one can be had.
func testPoolAway4(s *site) {
	_, router, server := relayNetwork(s)
	perf := filepath.Join(s.t.TempDir(), "rowperf")
	out, err := exec.Command("go", "build", "-o", perf, "rowlock/cmd/rowperf").CombinedOutput()
	require.NoError(s.t, err, string(out))
	s.serve(server, "one", "dhcp4: [{address: 203.0.113.1, port: 67}]")
	load := func(args ...string) []string {
		return append([]string{perf, "--server", "203.0.113.1:67", "--relay", "198.51.100.1", "--quiet"}, args...)
	}
	record := s.lab.Path("record")
	s.sql("INSERT INTO pool (id, subnet_id, position, kind, first_addr, last_addr, delegated_len) VALUES (77, 2, 1, 1, '198.51.100.200', '198.51.100.249', 32)")
	text, err := router.Run(load("-n", strconv.Itoa(perfClients), "--rate", "100", "--record", record+"1")...)
	require.NoError(s.t, err, text)
	require.Equal(s.t, perfClients, s.within("198.51.100.100", "198.51.100.199"), "the first pool is used first")

	running := router.Start("rowperf", load("--renew", "-n", strconv.Itoa(perfClients), "--leases", record+"1", "--repeat", "--rate", "100",
		"--duration", "8s", "--restarts", "5", "--record", record+"2")...)
	s.moreOf(server, "request", perfClients)
	s.sql("UPDATE pool SET closing = TRUE WHERE subnet_id = 2 AND first_addr = '198.51.100.100'")
	s.lab.Eventually(bindTime, "all clients in the other pool", func() error {
		if n := s.within("198.51.100.200", "198.51.100.249"); n != perfClients {
			return fmt.Errorf("%d are there", n)
		}
		return nil
	})
	s.sql("DELETE FROM pool WHERE subnet_id = 2 AND first_addr = '198.51.100.100'")
	<-running.Done()
	require.NoError(s.t, running.Err(), running.Log())
	text, err = router.Run(perf, "verify", record+"1", record+"2")
	require.NoError(s.t, err, text)
	require.Zero(s.t, s.within("198.51.100.100", "198.51.100.199"))

	text, err = router.Run(load("-n", "10", "--first", "1000", "--rate", "100")...)
	require.NoError(s.t, err, "the rest of the pool: %s", text)
	require.Equal(s.t, 50, s.within("198.51.100.200", "198.51.100.249"), "each address can be had")
}

// within counts the active leases of a range.
func (s *site) within(first, last string) (n int) {
	s.t.Helper()
	low, high := netip.MustParseAddr(first), netip.MustParseAddr(last)
	for line := range strings.Lines(s.rowlock("lease", "list", "--json", "--database", s.database)) {
		var row leaseRow
		require.NoError(s.t, json.Unmarshal([]byte(line), &row))
		if a := netip.MustParseAddr(row.Addr); row.State == "active" && !a.Less(low) && !high.Less(a) {
			n++
		}
	}
	return n
}

// moreOf waits until the server has received that many more messages of a type.
func (s *site) moreOf(n *netlab.Node, kind string, more int) {
	s.t.Helper()
	before := s.packets(n, "received", "v4", kind)
	s.lab.Eventually(bindTime, kind, func() error {
		if now := s.packets(n, "received", "v4", kind); now < before+more {
			return fmt.Errorf("%d of them", now-before)
		}
		return nil
	})
}

// TestClientsLive changes the configuration by SQL while real clients renew, on
// each engine.
func TestClientsLive(t *testing.T) {
	if testing.Short() {
		t.Skip("real clients take their time")
	}
	t.Parallel()
	netlab.NeedRoot(t)
	bin := buildRowlock(t)
	for _, engine := range storetest.Dialects {
		for name, run := range map[string]func(*site){"settings": testLive4, "pool away": testPoolAway4} {
			t.Run(engine+" "+name, func(t *testing.T) {
				t.Parallel()
				run(newSite(t, bin, engine, renewTimers))
			})
		}
	}
}
