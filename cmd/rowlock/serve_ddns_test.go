package main

import (
	"fmt"
	"net"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"rowlock/admin/site"
	"rowlock/ddns/dnsserver"
	"rowlock/sqlstore"
	"rowlock/sqlstore/storetest"
)

// ddnsSite is a network whose clients are kept in DNS.
func ddnsSite(t *testing.T, s *dnsserver.Server) *sqlstore.Config {
	t.Helper()
	host, port, err := net.SplitHostPort(s.Addr())
	require.NoError(t, err)
	cfg, err := site.Parse("site.yaml", fmt.Appendf(nil, `
parameters:
  valid_lifetime: 3600
  ddns_send_updates: true
  ddns_replace_client_name: always
  ddns_qualifying_suffix: example.org
tsig_keys: [{name: %s, algorithm: %s, secret: %q}]
dns_zones:
  - {name: example.org, servers: [{address: %s, port: %s, tsig_key: %s}]}
  - {name: 2.0.192.in-addr.arpa, servers: [{address: %s, port: %s, tsig_key: %s}]}
subnets:
  - {subnet: 192.0.2.0/24, pools: [{pool: 192.0.2.10 - 192.0.2.250}]}
`, dnsserver.Key, dnsserver.Algorithm, dnsserver.Secret, host, port, dnsserver.Key, host, port, dnsserver.Key))
	require.NoError(t, err)
	return cfg
}

// Clients get leases from one process, and names from another one, on every
// engine; both are told of the zones while they serve.
func TestServeDDNS(t *testing.T) {
	for _, dialect := range storetest.Dialects {
		t.Run(dialect, func(t *testing.T) {
			t.Parallel()
			dns := dnsserver.Start(t, dnsserver.BIND, dnsserver.Options{})
			url := storetest.Migrated(t, dialect)
			roles := "roles: [dhcp4]"
			if dialect == "sqlite" {
				roles = "roles: [dhcp4, ddns]" // one process has the file
			}
			s := startServe(t, url, roles)
			s.waitServing()
			publisher := s
			if dialect != "sqlite" {
				publisher = startServe(t, storetest.Login(t, url, sqlstore.RoleDDNS), "roles: [ddns]")
				publisher.waitServing()
			}
			store := storetest.Open(t, url)
			_, err := store.ApplyConfig(t.Context(), sqlstore.AnyRevision, ddnsSite(t, dns), "test", "")
			require.NoError(t, err)
			s.waitReady()
			publisher.waitReady()
			_, body := publisher.ready()
			require.Contains(t, body, "ddns: ok\n")
			require.Eventually(t, func() bool { return s.lease("192.0.2.1", 20).Completed == 20 }, 10*time.Second, 10*time.Millisecond)

			leases, err := store.Leases(t.Context(), sqlstore.LeaseFilter{Family: sqlstore.IPv4, State: sqlstore.Active})
			require.NoError(t, err)
			var want []string
			for _, l := range leases {
				want = append(want, fmt.Sprintf("%s 1200 A %s", l.Client.Hostname, l.Addr))
			}
			slices.Sort(want)
			require.GreaterOrEqual(t, len(want), 20)
			addresses := func() (out []string) {
				for _, l := range dns.Zone("example.org") {
					if strings.Contains(l, " A ") {
						out = append(out, l)
					}
				}
				return out
			}
			require.Eventually(t, func() bool {
				return slices.Equal(want, addresses()) && len(dns.Zone("2.0.192.in-addr.arpa")) == len(want)
			}, 20*time.Second, 20*time.Millisecond)
			for _, log := range []*served{s, publisher} {
				require.NotContains(t, log.log.String(), "store_failed")
				require.NotContains(t, log.log.String(), dnsserver.Secret)
			}
			require.Zero(t, s.end())
			if publisher != s {
				require.Zero(t, publisher.end())
			}
		})
	}
}

// A user that may only do a frontend's work serves DHCP with all roles while
// there is no zone, and is not ready for names when there is one.
func TestServeDDNSWithoutPrivileges(t *testing.T) {
	t.Parallel()
	dns := dnsserver.Start(t, dnsserver.BIND, dnsserver.Options{})
	url := storetest.Migrated(t, "postgres")
	cfg := ddnsSite(t, dns)
	zones, keys := cfg.Zones, cfg.TSIGKeys
	cfg.Zones, cfg.TSIGKeys = nil, nil
	store := storetest.Open(t, url)
	_, err := store.ApplyConfig(t.Context(), sqlstore.AnyRevision, cfg, "test", "")
	require.NoError(t, err)
	s := startServe(t, storetest.Login(t, url, sqlstore.RoleFrontend))
	s.waitReady()
	require.NotContains(t, s.log.String(), "store_failed")
	cfg.Zones, cfg.TSIGKeys = zones, keys
	_, err = store.ApplyConfig(t.Context(), sqlstore.AnyRevision, cfg, "test", "")
	require.NoError(t, err)
	require.Eventually(t, func() bool {
		status, body := s.ready()
		return status == http.StatusServiceUnavailable && strings.Contains(body, "ddns: read keys: ")
	}, 20*time.Second, 20*time.Millisecond)
	require.Zero(t, s.end())
}
