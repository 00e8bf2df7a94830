package main

import (
	"net/netip"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"rowlock/cmd/rowperf/load"
	"rowlock/sqlstore"
	"rowlock/sqlstore/storetest"
)

// A relay sends each packet to three frontends, and to each of them twice; so
// it does with retransmissions. All offers to a client are of one address, all
// acknowledgements are alike, and it has one lease.
func (l *faultLab) duplicates(t *testing.T) {
	name := l.site(t, 16)
	var servers []netip.AddrPort
	var first *served
	for _, id := range []string{"one", "two", "three"} {
		s := startServe(t, l.url(l.db.Addr(), name), "frontend_id: "+id)
		s.waitReady()
		servers = append(servers, s.dhcp4(), s.dhcp4())
		first = s
	}
	duplicated(t, first, l.db.URL(name), servers)
}

// One process on a file is sent everything three times.
func duplicatesOnSQLite(t *testing.T) {
	url := storetest.URL(t, "sqlite")
	applySample(t, url)
	s := startServe(t, url)
	s.waitReady()
	at := s.dhcp4()
	duplicated(t, s, url, []netip.AddrPort{at, at, at})
	require.Zero(t, s.end())
}

func duplicated(t *testing.T, s *served, url string, servers []netip.AddrPort) {
	const clients = 60
	log := &load.Log{}
	o := s.clients("10.20.0.1", clients)
	o.Servers, o.Outstanding, o.Record, o.Tries, o.Linger = servers, clients, log, 6, 2*time.Second
	r, err := load.Run(t.Context(), o)
	require.NoError(t, err)
	require.Equal(t, clients, r.Completed, "%v", r.Failures)
	o.Scenario, o.Leases = load.Renew, r.Leases
	again, err := load.Run(t.Context(), o)
	require.NoError(t, err)
	require.Equal(t, clients, again.Completed, "%v", again.Failures)
	require.Zero(t, r.Naks+again.Naks)
	require.Zero(t, again.Moved)

	addr := map[int]netip.Prefix{} // by client
	var acks, offers int
	for _, e := range log.Events() {
		if addr[e.Client].IsValid() {
			require.Equal(t, addr[e.Client], e.Addr, "client %d", e.Client)
		}
		addr[e.Client] = e.Addr
		require.EqualValues(t, 3600, e.Valid, "all are made anew: none is shorter")
		if e.Type == load.Ack {
			acks++
		} else {
			offers++
		}
	}
	require.Empty(t, load.Verify(log.Events()))
	require.Greater(t, offers, clients, "there were several answers")
	require.Greater(t, acks, 2*clients)
	list, err := storetest.Open(t, url).Leases(t.Context(), sqlstore.LeaseFilter{Family: sqlstore.IPv4})
	require.NoError(t, err)
	require.Len(t, list, clients, "one row each")
	for _, row := range list {
		require.Equal(t, sqlstore.Active, row.State)
	}
	t.Logf("%d clients, each packet to %d sockets: %d offers, %d acknowledgements", clients, len(servers), offers, acks)
}
