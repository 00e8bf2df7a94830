package main

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"rowlock/ddns/dnsserver"
	"rowlock/sqlstore/storetest"
	"rowlock/sqlstore/storetest/dbserver"
)

// TestClientsNamesFaults ends parts of the system at once while leases come and
// go: what is in the DNS in the end is what the lease table says, exactly. How
// much happened and how long it took is in the log of the test.
func TestClientsNamesFaults(t *testing.T) {
	if testing.Short() {
		t.Skip("faults take their time")
	}
	t.Parallel()
	program := built(t)
	for name, test := range map[string]func(t *testing.T, program string){
		"BIND away":          func(t *testing.T, program string) { testDNSAway(t, program, dnsserver.BIND, 20*time.Second) },
		"PowerDNS away":      func(t *testing.T, program string) { testDNSAway(t, program, dnsserver.PowerDNSSQLite, 5*time.Second) },
		"workers killed":     testWorkersKilled,
		"database restarted": testDatabaseRestarted,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			test(t, program)
		})
	}
}

// The DNS server is killed, and comes back later.
func testDNSAway(t *testing.T, program, kind string, away time.Duration) {
	f := newFaults(t, program, storetest.URL(t, "postgres"), kind)
	f.start("server", "dhcp4, dhcp6, ddns")
	require.NoError(t, f.churn(f.rounds(8)))
	f.exact("before")
	f.dns.Kill()
	require.NoError(t, f.churn(f.during(away)))
	f.dns.Run()
	f.exact("after %v without a DNS server", away)
}

// Two processes that publish names are killed in turn, and come back at once.
func testWorkersKilled(t *testing.T, program string) {
	const kills, pause = 12, 1500 * time.Millisecond
	f := newFaults(t, program, storetest.URL(t, "postgres"), dnsserver.BIND)
	f.start("server", "dhcp4, dhcp6")
	workers := []*child{f.start("one", "ddns"), f.start("two", "ddns")}
	churned := make(chan error, 1)
	go func() { churned <- f.churn(f.during((kills + 2) * pause)) }()
	for i := range kills {
		time.Sleep(pause)
		w := &workers[i%len(workers)]
		require.NoError(t, (*w).kill())
		*w = f.start((*w).id, "ddns")
	}
	require.NoError(t, <-churned)
	f.exact("after the last of %d kills of workers", kills)
}

// The database server is killed and comes back; clients have to wait meanwhile.
func testDatabaseRestarted(t *testing.T, program string) {
	const before, away, after = 4 * time.Second, 3 * time.Second, 12
	db := dbserver.Start(t, "postgres", dbserver.Options{})
	db.Exec("postgres", "CREATE DATABASE names")
	f := newFaults(t, program, db.URL("names"), dnsserver.BIND)
	f.start("server", "dhcp4, dhcp6, ddns")
	churned := make(chan error, 1)
	go func() { churned <- f.churn(f.during(before + away)) }()
	time.Sleep(before)
	db.Kill()
	time.Sleep(away)
	db.Run()
	require.NoError(t, <-churned)
	changes := f.changes
	require.NoError(t, f.churn(f.rounds(after)))
	require.Greater(t, f.changes, changes)
	f.exact("after the database was away for %v in the middle", away)
}
