package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"net/netip"
	"os"
	"slices"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/stretchr/testify/require"

	"rowlock/cmd/rowlock/internal/torture"
	"rowlock/cmd/rowperf/load"
	"rowlock/sqlstore"
	"rowlock/sqlstore/engine"
	"rowlock/sqlstore/storetest"
)

// TestTorture lets clients come and go at frontends on one database while
// frontends, connections and the database are killed, and then proves by what
// the clients saw and what the tables hold that nothing went wrong.
// ROWLOCK_TEST_TORTURE is for how long, on each engine: make torture sets it.
func TestTorture(t *testing.T) {
	if testing.Short() {
		t.Skip("faults take their time")
	}
	t.Parallel()
	length, databaseEvery := 6*time.Second, 2500*time.Millisecond
	if text := os.Getenv("ROWLOCK_TEST_TORTURE"); text != "" {
		var err error
		length, err = time.ParseDuration(text)
		require.NoError(t, err)
		databaseEvery = min(10*time.Second, length/2)
	}
	program := built(t)
	for _, dialect := range storetest.Dialects {
		t.Run(dialect, func(t *testing.T) {
			t.Parallel()
			testTorture(t, newTortureLab(t, dialect, program), length, databaseEvery)
		})
	}
}

func testTorture(t *testing.T, l *tortureLab, length, databaseEvery time.Duration) {
	c := &tortureChaos{tortureLab: l, db: l.openSQL(), r: rand.New(rand.NewPCG(tortureSeed, 0))}
	t.Cleanup(c.back.Wait)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	var begun, completed int
	lived := make(chan error, 1)
	go func() {
		var err error
		begun, completed, err = l.crowds(ctx)
		lived <- err
	}()
	c.run(length, databaseEvery)
	cancel()
	require.NoError(t, <-lived)
	for _, f := range l.fronts {
		require.NoError(t, f.err)
	}
	l.stop()

	s := storetest.Open(t, l.url)
	e := l.settle(s)
	r := &torture.Record{Seed: tortureSeed, Events: l.log.Events(), Outages: l.outages, Hold: tortureHold}
	var err error
	r.Tables, err = torture.Read(t.Context(), s)
	require.NoError(t, err)
	violations := torture.Check(r)
	await(t, "the end of what others may not have", c.age)
	sizes, lost, err := l.fill(e, s)
	violations = append(violations, lost...)
	t.Logf("%s: %d of %d exchanges, %s; killed: %d frontends, %d connections, %d times the database; %d holdings, of which %d followed another client's, and %d events in the database; %s; %d violations",
		l.dialect, completed, begun, count(r.Events), c.fronts, c.conns, c.restarts, len(r.Tables.Spans), r.Tables.Handovers(), len(r.Tables.Log), sizes, len(violations))
	report(t, r, violations)
	require.NoError(t, err)
}

// await looks for something until it is so.
func await(t *testing.T, what string, so func() bool) {
	t.Helper()
	for deadline := time.Now().Add(torturePatience); !so(); time.Sleep(100 * time.Millisecond) {
		require.True(t, time.Now().Before(deadline), "waited for %s", what)
	}
}

// count tells how many messages of each kind there were.
func count(events []load.Event) string {
	n := map[load.EventType]int{}
	for _, e := range events {
		n[e.Type]++
	}
	return fmt.Sprintf("%d offers, %d acknowledgements, %d refusals, %d releases, %d declines",
		n[load.Offer]+n[load.Advertise], n[load.Ack]+n[load.Reply], n[load.Nak], n[load.Released], n[load.Declined])
}

// report fails the test with the violations and the histories of the first
// addresses that they are about, and keeps the record.
func report(t *testing.T, r *torture.Record, violations []torture.Violation) {
	t.Helper()
	if len(violations) == 0 {
		return
	}
	told := map[netip.Prefix]bool{}
	for i, v := range violations {
		if i == 20 {
			t.Errorf("and %d more", len(violations)-i)
			break
		}
		t.Error(v)
		if p := v.Prefix; p.IsValid() && !told[p] && len(told) < 3 {
			told[p] = true
			var b bytes.Buffer
			r.Write(&b, p)
			t.Logf("history of %s:\n%s", p, b.String())
		}
	}
	file, err := os.CreateTemp("", "rowlock-torture-*.csv")
	require.NoError(t, err)
	w := load.NewWriter(file)
	for _, e := range r.Events {
		w.Record(e)
	}
	require.NoError(t, errors.Join(w.Flush(), file.Close()))
	t.Logf("what the clients saw is in %s", file.Name())
}

// settle ends all leases and takes all events out of the bag. It returns an
// engine, the only one that is left.
func (l *tortureLab) settle(s sqlstore.Store) *engine.Engine {
	t := l.t
	t.Helper()
	e, err := engine.New(engine.Config{
		Store: s, Logger: slog.New(slog.DiscardHandler), Registerer: prometheus.NewRegistry(),
		Frontend: sqlstore.FrontendInfo{ID: "settle"}, SweepEvery: time.Hour,
	})
	require.NoError(t, err)
	require.NoError(t, e.Start(t.Context()))
	t.Cleanup(func() { _ = e.Stop(context.Background()) })
	await(t, "the end of all leases", func() bool {
		_, err := e.Sweep(t.Context())
		require.NoError(t, err)
		left := 0
		for _, family := range []sqlstore.Family{sqlstore.IPv4, sqlstore.IPv6} {
			for _, state := range []sqlstore.State{sqlstore.Offered, sqlstore.Active} {
				rows, err := s.Leases(t.Context(), sqlstore.LeaseFilter{Family: family, State: state, Limit: 1})
				require.NoError(t, err)
				left += len(rows)
			}
		}
		tables, err := torture.Read(t.Context(), s)
		require.NoError(t, err)
		return left == 0 && !slices.ContainsFunc(tables.Spans, func(s torture.Span) bool { return s.Live })
	})
	l.drain(s)
	return e
}

// drain takes the events out of the bag, as the successor of whoever did so.
func (l *tortureLab) drain(s sqlstore.Store) {
	t := l.t
	t.Helper()
	lead := sqlstore.Lead{Name: sqlstore.LeadSequence}
	await(t, "the leadership", func() bool {
		for _, f := range l.fronts {
			fence, err := s.Lead(t.Context(), lead.Name, f.id, time.Minute)
			if err == nil {
				lead.Holder, lead.Fence = f.id, fence
				return true
			}
			require.ErrorIs(t, err, sqlstore.ErrConflict)
		}
		return false
	})
	for n := 1; n > 0; {
		var err error
		n, err = s.Sequence(t.Context(), lead, 500, func(*sqlstore.Event) []sqlstore.NameMark { return nil })
		require.NoError(t, err)
	}
	left, _, err := s.Backlog(t.Context())
	require.NoError(t, err)
	require.Zero(t, left)
}

// fill takes the whole rest of each pool.
func (l *tortureLab) fill(e *engine.Engine, s sqlstore.Store) (sizes string, lost []torture.Violation, err error) {
	t := l.t
	t.Helper()
	c, err := s.LoadConfig(t.Context())
	require.NoError(t, err)
	var all, taken uint64
	for _, link := range c.Links {
		for _, subnet := range link.Subnets {
			for _, p := range subnet.Pools {
				n, v, err := torture.Fill(t.Context(), e, s, p, torturePatience)
				all, taken, lost = all+p.Size(), taken+uint64(n), append(lost, v...)
				if err != nil {
					return "", lost, err
				}
			}
		}
	}
	return fmt.Sprintf("%d of %d addresses free in the end", taken, all), lost, nil
}
