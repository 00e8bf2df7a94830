package frontend

import (
	"context"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/insomniacslk/dhcp/dhcpv6"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/stretchr/testify/require"

	"rowlock/sqlstore"
	"rowlock/sqlstore/dialects"
	"rowlock/sqlstore/engine"
	"rowlock/sqlstore/storetest"
)

// tables is a database whose events somebody follows, and what is in it.
type tables struct {
	url   string
	store sqlstore.Store
}

func newTables(t *testing.T) *tables {
	t.Helper()
	x := &tables{url: storetest.Migrated(t, "sqlite")}
	storetest.Script(t, x.url, "INSERT INTO event_consumer (name) VALUES ('test');")
	x.store = storetest.Open(t, x.url)
	return x
}

// serve makes an engine decide for a server, which gets the configuration.
func (x *tables) serve(t *testing.T, s *Server, c *sqlstore.Config) {
	t.Helper()
	x.apply(t, c)
	e, err := engine.New(engine.Config{
		Store: x.store, Logger: slog.New(slog.DiscardHandler), Registerer: prometheus.NewRegistry(),
		Frontend: sqlstore.FrontendInfo{ID: "names"}, OnConfig: s.SetConfig,
	})
	require.NoError(t, err)
	require.NoError(t, e.Start(t.Context()))
	t.Cleanup(func() { require.NoError(t, e.Stop(context.Background())) })
	s.cfg.Leaser = e
}

func (x *tables) apply(t *testing.T, c *sqlstore.Config) int64 {
	t.Helper()
	revision, err := x.store.ApplyConfig(t.Context(), sqlstore.AnyRevision, c, "test", "")
	require.NoError(t, err)
	return revision
}

// lines returns what a query finds, a row a line.
func (x *tables) lines(t *testing.T, statement string) string {
	t.Helper()
	_, rows, err := dialects.Report(t.Context(), x.url, statement)
	require.NoError(t, err)
	var out []string
	for _, r := range rows {
		out = append(out, strings.Join(r, " "))
	}
	return strings.Join(out, "\n")
}

// From the packet to the row and its events: assigned, renamed, refused, named
// again, switched off.
func TestNamesInTheTables(t *testing.T) {
	t.Parallel()
	x, b := newTables(t), newBench4(t, lan4, onLink4)
	config := func(params string) *sqlstore.Config {
		c, err := parseConfig4(params + "link\n subnet 192.0.2.0/24 interface=eth0\n pool 192.0.2.10 192.0.2.10\n")
		require.NoError(t, err)
		return c
	}
	x.serve(t, b.Server, config(benchNames))
	for _, step := range []struct{ text, row string }{
		{"DISCOVER\n 12 text Alice", "alice.dyn.example.org 192"},
		{"REQUEST\n 50 addr 192.0.2.10\n 54 addr 192.0.2.1\n 12 text Alice", "alice.dyn.example.org 192"},
		{renewal4, "alice.dyn.example.org 192"},
		{renewal4 + "81 010000 626f62", "bob.dyn.example.org 193"},
		{renewal4 + "81 000000 626f62", "bob.dyn.example.org 128"},
		{renewal4 + "81 010000 77706164", "bob.dyn.example.org 0"},
		{renewal4 + "12 text carol", "carol.dyn.example.org 192"},
	} {
		_, m, err := b.ask(t, step.text)
		require.NoError(t, err, step.text)
		require.NotEqual(t, "NAK", m.kind)
		require.Equal(t, step.row, x.lines(t, "SELECT hostname, fqdn_flags FROM lease4"), step.text)
	}
	off := x.apply(t, config(""))
	require.Eventually(t, func() bool { return b.Revision() == off }, 10*time.Second, 5*time.Millisecond)
	_, _, err := b.ask(t, renewal4)
	require.NoError(t, err)
	require.Equal(t, "carol.dyn.example.org 0", x.lines(t, "SELECT hostname, fqdn_flags FROM lease4"))
	_, _, err = b.ask(t, renewal4+"12 text Carol")
	require.NoError(t, err)
	require.Equal(t, strings.Join([]string{
		"1 alice.dyn.example.org 192", "2 bob.dyn.example.org 193", "2 bob.dyn.example.org 128", "2 bob.dyn.example.org 0",
		"2 carol.dyn.example.org 192", "2 carol.dyn.example.org 0", "2 carol 0",
	}, "\n"), x.lines(t, "SELECT kind, hostname, fqdn_flags FROM lease_event ORDER BY id"))
}

// DHCPv6 with rapid commit: an address and a prefix. Only the address is named
// in DNS, and generated names are those of the address given.
func TestNamesInTheTables6(t *testing.T) {
	t.Parallel()
	x, b := newTables(t), newBench6(t)
	c := config6()
	c.Options = nil
	c.Parameters = sqlstore.Parameters{"ddns_send_updates": "true", "ddns_qualifying_suffix": "dyn.example.org", "rapid_commit": "true"}
	c.Links[0].Subnets[0].Pools[0].Last = c.Links[0].Subnets[0].Pools[0].First // one address
	c.Links[0].Subnets[0].PreviousLinkID = 0
	x.serve(t, b.Server, c)
	solicit := func(fqdn string) {
		m := b.answer(t, msg6(dhcpv6.MessageTypeSolicit, clientID6(), na6(1, "2001:db8:1::1fff"), pd6(1), opt6(dhcpv6.OptionRapidCommit),
			opt6(dhcpv6.OptionFQDN, []byte(fqdn))))
		require.Equal(t, dhcpv6.MessageTypeReply, m.MessageType)
	}
	const rows = "SELECT prefix_len, hostname, fqdn_flags FROM lease6 ORDER BY prefix_len"
	solicit("\x01\x05Alice")
	require.Equal(t, "56 alice.dyn.example.org 1\n128 alice.dyn.example.org 193", x.lines(t, rows))
	solicit("\x01")
	generated := "host-2001-0db8-0001-0000-0000-0000-0000-1000.dyn.example.org"
	require.Equal(t, "56 alice.dyn.example.org 1\n128 "+generated+" 193", x.lines(t, rows))
	require.Equal(t, "1 alice.dyn.example.org 193\n2 "+generated+" 193",
		x.lines(t, "SELECT kind, hostname, fqdn_flags FROM lease_event WHERE prefix_len = 128 ORDER BY id"))
}
