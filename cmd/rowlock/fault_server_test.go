package main

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"rowlock/cmd/rowperf/load"
)

// crowd lets new clients come, one after the other, to all of some servers.
// end stops them.
func crowd(t *testing.T, servers ...*served) (log *load.Log, end func()) {
	t.Helper()
	log = &load.Log{}
	o := servers[0].clients("10.20.0.1", 3000)
	for _, s := range servers[1:] {
		o.Servers = append(o.Servers, s.dhcp4())
	}
	o.First, o.Mode, o.Rate, o.Duration, o.Repeat, o.Record = 1000, load.Rate, 100, time.Hour, true, log
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() {
		_, err := load.Run(ctx, o)
		done <- err
	}()
	return log, func() {
		t.Helper()
		cancel()
		if err := <-done; !errors.Is(err, context.Canceled) {
			require.NoError(t, err)
		}
	}
}

// acksAfter counts the acknowledgements that came after a moment, and says when
// the first one did.
func acksAfter(log *load.Log, from time.Time) (n int, first time.Time) {
	for _, e := range log.Events() {
		if e.Type == load.Ack && e.At.After(from) {
			if n++; n == 1 {
				first = e.At
			}
		}
	}
	return n, first
}

// The database is killed -9 while two frontends use it: they stay, are not
// ready and silent, and serve again as soon as it does. Every lease that was
// acknowledged is there.
func (l *faultLab) databaseKilled(t *testing.T) {
	name := l.site(t, 1)
	url := l.url(l.db.Addr(), name)
	one, two := startServe(t, url), startServe(t, url, "frontend_id: two")
	one.waitReady()
	two.waitReady()
	log, end := crowd(t, one, two)
	eventually(t, "no lease", func() bool { n, _ := acksAfter(log, time.Time{}); return n >= 50 })

	l.db.Kill()
	one.notReady("database: database unavailable")
	two.notReady("database: database unavailable")
	// a process of the server may have been in the middle of a commit; then there
	// is silence, while clients ask
	var away time.Time
	eventually(t, "acknowledgements without a database", func() bool {
		away = time.Now()
		time.Sleep(300 * time.Millisecond)
		n, _ := acksAfter(log, away)
		return n == 0
	})
	l.db.Run()
	back := time.Now()
	eventually(t, "no lease", func() bool { n, _ := acksAfter(log, back); return n >= 50 })
	_, first := acksAfter(log, back)
	one.waitReady()
	two.waitReady()
	end()
	t.Logf("killed for %.1f s; first acknowledgement %d ms after the server answered, %d acknowledgements in all",
		back.Sub(away).Seconds(), first.Sub(back).Milliseconds(), acked(t, l.db.URL(name), log))
	require.Zero(t, one.end())
	require.Zero(t, two.end())
}
