//go:build linux

package main_test

import (
	"net/netip"
	"strings"
	"sync"

	"github.com/stretchr/testify/require"
)

// hostileNames are lines of dhclient's configuration, and the name that the
// client gets, "" for none.
var hostileNames = []struct{ lines, host string }{
	{`send host-name "Bob's \"PC\" <1>";`, "bobspc1.example.org"},
	{`send host-name "x$(reboot)\\` + "`id`" + `;--";`, "xrebootid.example.org"},
	{`send host-name "*";`, ""},
	{`send host-name "wpad";`, ""},
	{`send host-name "a..b";`, ""},
	{`send host-name "m\303\274nchen";`, ""},
	{`send host-name "` + strings.Repeat("a", 255) + `";`, ""},
	{`send host-name "www.example.com";`, ""},
	{`send host-name "1.2.0.192.in-addr.arpa";`, ""},
	{fqdn("example.org."), ""},
	{fqdn("*.example.org."), ""},
	{fqdn("www.example.org."), "www.example.org"}, // which is somebody else's, see www
	{fqdn("ns1.example.com."), ""},
}

// Whatever clients are called, they get an address, and in DNS is nothing but
// what may be there.
func testNamesHostile(s *nameSite) {
	require.Len(s.t, s.nodes, len(hostileNames))
	clients := make([]*client, len(hostileNames))
	for i, h := range hostileNames {
		clients[i] = dhclient(s.t, s.lab, s.nodes[i], want4)
		clients[i].configure(h.lines)
		clients[i].start()
	}
	var want [][]string
	used := map[netip.Addr]bool{}
	for i, h := range hostileNames {
		row := s.lease(clients[i].address(direct4), "active")
		used[netip.MustParseAddr(row.Addr)] = true
		require.Equal(s.t, h.host, row.Hostname, h.lines)
		if h.host != "" && h.host != www {
			want = append(want, entry(h.host, row))
		}
	}
	require.Len(s.t, used, len(hostileNames))
	s.logged("event=ddns.conflict name=" + www)
	s.published(want...)
	var end sync.WaitGroup
	for _, c := range clients {
		end.Go(c.release)
	}
	end.Wait()
	s.published()
}
