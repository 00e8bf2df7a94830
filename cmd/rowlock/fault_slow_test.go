package main

import (
	"context"
	"database/sql"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"rowlock/cmd/rowperf/load"
	"rowlock/frontend"
	"rowlock/sqlstore/storetest/dbserver"
)

// admin is one connection to a database as its administrator.
func (l *faultLab) admin(t *testing.T, name string) *sql.Conn {
	t.Helper()
	driver, source := "mysql", dbserver.User+"@unix("+l.db.Socket+")/"+name
	if l.dialect == "postgres" {
		driver, source = "pgx", l.db.URL(name)
	}
	db, err := sql.Open(driver, source)
	require.NoError(t, err)
	t.Cleanup(func() { _ = db.Close() })
	c, err := db.Conn(t.Context())
	require.NoError(t, err)
	return c
}

// run executes statements on a connection.
func runAll(t *testing.T, c *sql.Conn, statements ...string) {
	t.Helper()
	for _, s := range statements {
		ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
		_, err := c.ExecContext(ctx, s)
		cancel()
		require.NoError(t, err, s)
	}
}

// Each answer of the database takes long, and more new clients come than it can
// serve: those who renew are answered before them. What waits is bounded, and
// nothing is left of it when the database is fast again.
func (l *faultLab) slow(t *testing.T) {
	name := l.site(t, 17)
	k, s := l.linked(t, name)
	const renewing = 50
	renew := held(t, s, renewing)(s.dhcp4())
	renew.Outstanding, renew.Tries, renew.Timeout = renewing, 3, time.Second
	slow := 200 * time.Millisecond // a renewal takes two answers, a heartbeat more
	k.set(func() { k.delay = slow })

	o := s.clients("10.30.0.1", 3000)
	o.Tries = 1
	end := crowd(t, o, 1000)
	eventually(t, "no crowd", func() bool { return s.metric("rowlock_frontend_packets_received_total", `type="discover"`) > 2000 })
	began := time.Now()
	var waiting float64
	eventually(t, "renewals are not answered", func() bool {
		waiting = max(waiting, s.metric("rowlock_frontend_queue_packets", ""))
		return completes(t, renew)
	})
	took := time.Since(began)
	r := end()
	require.LessOrEqual(t, waiting, float64(frontend.DefaultQueueLen))
	k.set(func() { k.delay = 0 })
	back := s.serves("10.20.0.1", renewing)
	l.settled(t, s)
	t.Logf("answers %v late: %d renewals in %.1f s, %d of %d new clients; at most %.0f packets wait; %d ms until all is well",
		slow, renewing, took.Seconds(), r.Completed, r.Started, waiting, back.Milliseconds())
	require.Zero(t, s.end())
}

// settled waits until every packet has ended, and checks that those dropped
// were dropped for want of time.
func (l *faultLab) settled(t *testing.T, s *served) {
	t.Helper()
	eventually(t, "packets hang", func() bool {
		in := s.metric("rowlock_frontend_packets_received_total", "")
		return in == s.metric("rowlock_frontend_packets_sent_total", "")+s.metric("rowlock_frontend_drops_total", "")
	})
	known := 0.0
	for _, r := range []frontend.Reason{
		frontend.ReasonStale, frontend.ReasonQueueFull, frontend.ReasonDeadline, frontend.ReasonBusy, frontend.ReasonUnavailable,
		frontend.ReasonFenced, // a heartbeat takes several answers too
	} {
		known += s.metric("rowlock_frontend_drops_total", `reason="`+string(r)+`"`)
	}
	require.Equal(t, known, s.metric("rowlock_frontend_drops_total", ""))
}

// Somebody locks the whole lease table: nobody is answered meanwhile, and all
// are when the lock is gone.
func (l *faultLab) tableLocked(t *testing.T) {
	name := l.site(t, 18)
	s := startServe(t, l.url(l.db.Addr(), name))
	s.waitReady()
	renew := held(t, s, 20)(s.dhcp4())
	renew.Outstanding = 20
	other := l.admin(t, name)
	if l.dialect == "postgres" {
		runAll(t, other, "BEGIN", "LOCK TABLE lease4 IN ACCESS EXCLUSIVE MODE")
	} else {
		runAll(t, other, "LOCK TABLES lease4 WRITE")
	}
	for range 3 {
		r, err := load.Run(t.Context(), renew)
		require.NoError(t, err)
		require.Zero(t, r.Completed)
	}
	if l.dialect == "postgres" {
		require.Positive(t, s.metric("rowlock_sqlstore_retries_total", ""), "lock_timeout")
		runAll(t, other, "COMMIT")
	} else {
		runAll(t, other, "UNLOCK TABLES")
	}
	began := time.Now()
	eventually(t, "renewals are not answered", func() bool { return completes(t, renew) })
	took := time.Since(began)
	l.settled(t, s)
	t.Logf("all renew %d ms after the lock", took.Milliseconds())
	require.Zero(t, s.end())
}
