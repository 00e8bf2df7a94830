package main

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"rowlock/cmd/rowperf/load"
	"rowlock/sqlstore"
	"rowlock/sqlstore/storetest"
)

// The link to the database loses everything, both ways: packets end within
// their time and without an answer, the frontend is not ready after 5 s, and
// all of it serves again when the link is back.
func (l *faultLab) partition(t *testing.T) {
	name := l.site(t, 5)
	k, s := l.linked(t, name)
	s.serves("10.20.0.1", 20)
	before := active(t, l.db.URL(name))
	require.Len(t, before, 20)

	k.set(func() { k.silent = true })
	began := time.Now()
	require.Zero(t, s.lease("10.20.0.1", 4).Completed, "an answer without a database")
	s.notReady("heartbeat: not confirmed")
	away := time.Since(began)
	// a client waits 4 s before it asks again (RFC 2131 4.1): by then its first
	// packet has been given up
	eventually(t, "packets hang", func() bool {
		in := s.metric("rowlock_frontend_packets_received_total", "")
		return in == s.metric("rowlock_frontend_packets_sent_total", "")+s.metric("rowlock_frontend_drops_total", "")
	})
	require.Less(t, s.metric("rowlock_frontend_handle_seconds_sum", ""), 4*s.metric("rowlock_frontend_handle_seconds_count", ""))
	require.NotZero(t, s.logged("frontend.heartbeat_failed"))

	k.set(func() { k.silent = false })
	back := s.serves("10.20.0.1", 20)
	require.Equal(t, before, active(t, l.db.URL(name)))
	t.Logf("not ready after %.1f s; serves %d ms after the link was back", away.Seconds(), back.Milliseconds())
	require.Zero(t, s.end())
}

// The connection is lost after the statement that commits went out. Whether it
// came to the database or not, the client is not answered; when it asks again
// it gets that lease. The connection is not used again.
func (l *faultLab) unknownOutcome(t *testing.T) {
	name := l.site(t, 6)
	k, s := l.linked(t, name)
	store := storetest.Open(t, l.db.URL(name))
	rows := func(state sqlstore.State) []sqlstore.Lease {
		list, err := store.Leases(t.Context(), sqlstore.LeaseFilter{Family: sqlstore.IPv4, State: state})
		require.NoError(t, err)
		return list
	}
	for n, what := range []loss{lostAnswer, lostRequest} {
		log := &load.Log{}
		o := s.clients("10.20.0.1", 1)
		o.First, o.Record, o.Tries, o.Timeout = n, log, 8, 500*time.Millisecond
		c := k.catch(commitOf(l.dialect), what)
		done := make(chan *load.Result, 1)
		go func() {
			r, err := load.Run(t.Context(), o)
			if err == nil {
				done <- r
			}
			close(done)
		}()
		c.wait(t)
		if what == lostAnswer {
			eventually(t, "not committed", func() bool { return len(rows(sqlstore.Active)) == n+1 })
		} else {
			require.Len(t, rows(sqlstore.Active), n)
		}
		for _, e := range log.Events() {
			require.Equal(t, load.Offer, e.Type, "an acknowledgement without an outcome")
		}
		k.set(c.pipe.close)
		r := <-done
		require.NotNil(t, r)
		require.Equal(t, 1, r.Completed, "%v", r.Failures)
		require.Positive(t, r.Retransmits)
		require.Empty(t, load.Verify(log.Events()))
		held := rows(sqlstore.Active)
		require.Len(t, held, n+1)
		require.Condition(t, func() bool { return held[0].Addr == r.Leases[0].Addr.Addr() || held[n].Addr == r.Leases[0].Addr.Addr() })
		require.Empty(t, rows(sqlstore.Offered), "it has one lease")
		require.Zero(t, c.pipe.later, "the connection was used again")
		require.Positive(t, s.metric("rowlock_frontend_drops_total", `reason="unavailable"`))
	}
	require.Zero(t, s.end())
}
