package main

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"rowlock/cmd/rowperf/load"
)

// crowd lets so many clients a second come, one after the other and over again.
// end stops them.
func crowd(t *testing.T, o load.Options, rate float64) (end func() *load.Result) {
	t.Helper()
	o.First, o.Mode, o.Rate, o.Outstanding, o.Duration, o.Repeat = 10_000, load.Rate, rate, 0, time.Hour, true
	ctx, cancel := context.WithCancel(t.Context())
	var r *load.Result
	done := make(chan error, 1)
	go func() {
		var err error
		r, err = load.Run(ctx, o)
		done <- err
	}()
	return func() *load.Result {
		t.Helper()
		cancel()
		if err := <-done; !errors.Is(err, context.Canceled) {
			require.NoError(t, err)
		}
		return r
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
	log := &load.Log{}
	o := one.clients("10.20.0.1", 3000)
	o.Servers, o.Record = append(o.Servers, two.dhcp4()), log
	end := crowd(t, o, 100)
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
