package frontend

import (
	"bytes"
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"log/slog"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus/testutil"
	"github.com/stretchr/testify/require"

	"rowlock/sqlstore"
)

func (b *bench4) drops(f sqlstore.Family, r Reason) float64 {
	return testutil.ToFloat64(b.metrics.drops.WithLabelValues(f.String(), string(r)))
}

// through takes a packet the way from the reader to its end.
func (b *bench4) through(p *packet) {
	b.enqueue(p)
	taken, ok := b.queue.take()
	if !ok {
		return
	}
	if err := b.guard(taken); err != nil {
		b.dropped(taken, err)
	}
	b.queue.done(taken)
}

func TestPanicEndsThePacketOnly(t *testing.T) {
	t.Parallel()
	b := newBench4(t, lan4, onLink4)
	var log bytes.Buffer
	b.log = slog.New(slog.NewTextHandler(&log, nil))
	b.model.say = func(*sqlstore.Request) (*sqlstore.Decision, error) { panic("boom") }
	data := encode4(t, "DISCOVER")
	b.through(b.packet(data, "0.0.0.0:68", "255.255.255.255:67"))
	require.EqualValues(t, 1, b.drops(sqlstore.IPv4, ReasonPanic))
	require.EqualValues(t, 1, testutil.ToFloat64(b.metrics.panics.WithLabelValues("v4")))
	require.Contains(t, log.String(), "event=packet.panic")
	require.Contains(t, log.String(), hex.EncodeToString(data))

	b.model = newModel4()
	b.cfg.Leaser = b.model
	b.through(b.packet(data, "0.0.0.0:68", "255.255.255.255:67"))
	require.Len(t, b.listener.raw.out, 1, "the next one is served")
}

func TestErrorsOfTheLeaserAreReasons(t *testing.T) {
	t.Parallel()
	for reason, err := range map[Reason]error{
		ReasonUnavailable: sqlstore.ErrUnavailable, ReasonDenied: sqlstore.ErrDenied, ReasonFenced: sqlstore.ErrFenced, ReasonBusy: sqlstore.ErrBusy,
		ReasonRefusedData: sqlstore.ErrData, ReasonDeadline: context.DeadlineExceeded, ReasonInternal: errors.New("other"),
	} {
		b := newBench4(t, lan4, onLink4)
		var log bytes.Buffer
		b.log = slog.New(slog.NewTextHandler(&log, nil))
		b.model.say = func(*sqlstore.Request) (*sqlstore.Decision, error) { return nil, fmt.Errorf("run batch: %w", err) }
		b.through(b.packet(encode4(t, "DISCOVER"), "0.0.0.0:68", "255.255.255.255:67"))
		require.EqualValues(t, 1, b.drops(sqlstore.IPv4, reason), reason)
		require.Empty(t, b.listener.raw.out)
		require.Equal(t, reason == ReasonRefusedData, bytes.Contains(log.Bytes(), []byte("packet.refused-data")), reason)
	}
}

func TestStalePacketCostsNoTransaction(t *testing.T) {
	t.Parallel()
	b := newBench4(t, lan4, onLink4)
	p := b.packet(encode4(t, "DISCOVER"), "0.0.0.0:68", "255.255.255.255:67")
	p.received = time.Now().Add(-time.Minute)
	b.through(p)
	require.EqualValues(t, 1, b.drops(sqlstore.IPv4, ReasonStale))
	require.Empty(t, b.model.requests)
}

func TestDeadlineReachesTheLeaser(t *testing.T) {
	t.Parallel()
	b := newBench4(t, lan4, onLink4)
	b.cfg.Deadline = time.Second
	b.cfg.Leaser = leaserFunc(func(ctx context.Context, _ *sqlstore.Request) (*sqlstore.Decision, error) {
		end, ok := ctx.Deadline()
		require.True(t, ok)
		require.WithinDuration(t, time.Now().Add(time.Second), end, 500*time.Millisecond)
		return nil, context.DeadlineExceeded
	})
	b.through(b.packet(encode4(t, "DISCOVER"), "0.0.0.0:68", "255.255.255.255:67"))
	require.EqualValues(t, 1, b.drops(sqlstore.IPv4, ReasonDeadline))
}

type leaserFunc func(context.Context, *sqlstore.Request) (*sqlstore.Decision, error)

func (f leaserFunc) Do(ctx context.Context, r *sqlstore.Request) (*sqlstore.Decision, error) {
	return f(ctx, r)
}

func TestNoConfiguration(t *testing.T) {
	t.Parallel()
	b := newBench4(t, lan4, onLink4)
	b.snap.Store(nil)
	_, _, err := b.ask(t, "DISCOVER")
	requireDrop(t, ReasonNoConfig, err)
	require.Zero(t, b.Revision())
}

// refuse makes the model deny a request of an old revision.
func refuse(newest int64) func(*sqlstore.Request) (*sqlstore.Decision, error) {
	return func(r *sqlstore.Request) (*sqlstore.Decision, error) {
		if r.Revision >= newest {
			return nil, nil
		}
		return &sqlstore.Decision{Revision: newest, Results: []sqlstore.Result{{Code: sqlstore.WrongAddress}}}, nil
	}
}

func TestNegativeAnswerWaitsForTheNewerConfiguration(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench4(t, "link\n subnet 192.0.2.0/24", onLink4)
		b.model.say = refuse(2)
		go func() {
			time.Sleep(300 * time.Millisecond)
			c, err := parseConfig4("revision 2\n" + lan4)
			if err == nil {
				err = b.SetConfig(c)
			}
			if err != nil {
				t.Error(err)
			}
		}()
		began := time.Now()
		_, m, err := b.ask(t, "REQUEST\n 50 addr 192.0.2.10\n 54 addr 192.0.2.1")
		require.NoError(t, err)
		require.Equal(t, "ACK", m.kind)
		require.Equal(t, 300*time.Millisecond, time.Since(began))
		require.Len(t, b.model.requests, 2)
		require.EqualValues(t, 2, b.model.requests[1].Revision)
	})
}

func TestSecondNegativeAnswerIsFinal(t *testing.T) {
	t.Parallel()
	b := newBench4(t, lan4, onLink4)
	b.model.say = refuse(2)
	c, err := parseConfig4("revision 2\n" + lan4)
	require.NoError(t, err)
	require.NoError(t, b.SetConfig(c))
	b.model.say = refuse(3) // the database has moved on again
	c, err = parseConfig4("revision 3\n link\n subnet 192.0.2.0/24")
	require.NoError(t, err)
	b.snapAfter(t, c)
	_, m, err := b.ask(t, "REQUEST\n 50 addr 192.0.2.10\n 54 addr 192.0.2.1")
	require.NoError(t, err)
	require.Equal(t, "NAK", m.kind)
	require.Len(t, b.model.requests, 2)
}

// snapAfter sets a configuration while the model has its first request.
func (b *bench4) snapAfter(t testing.TB, c *sqlstore.Config) {
	say, first := b.model.say, true
	b.model.say = func(r *sqlstore.Request) (*sqlstore.Decision, error) {
		if first {
			first = false
			require.NoError(t, b.SetConfig(c))
		}
		return say(r)
	}
}

func TestRefusedRevisionCountsAsSeen(t *testing.T) {
	t.Parallel()
	b := newBench4(t, lan4, onLink4)
	b.model.say = refuse(2)
	c, err := parseConfig4("revision 2\n link\n option routers nonsense\n subnet 192.0.2.0/24")
	require.NoError(t, err)
	require.Error(t, b.SetConfig(c))
	_, m, err := b.ask(t, "REQUEST\n 50 addr 192.0.2.10\n 54 addr 192.0.2.1")
	require.NoError(t, err)
	require.Equal(t, "NAK", m.kind)
	require.Len(t, b.model.requests, 1)
}

// A database that was restored counts its revisions anew from an older one: what
// was seen before does not stand for one that has not come yet.
func TestRevisionsOfARestoredDatabaseAreNotSeenYet(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := newBench4(t, "revision 9\n"+lan4, onLink4)
		at := func(revision int64) {
			c, err := parseConfig4(fmt.Sprintf("revision %d\n%s", revision, lan4))
			require.NoError(t, err)
			require.NoError(t, b.SetConfig(c))
		}
		b.Refuse(11)
		require.EqualValues(t, 11, b.Seen())
		at(10)
		require.EqualValues(t, 11, b.Seen(), "the refused one is the newest yet")
		at(2)
		require.EqualValues(t, 2, b.Seen())
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		snap, err := b.since(ctx, 2, 3)
		require.Nil(t, snap)
		requireDrop(t, ReasonConfigBehind, err)
		time.AfterFunc(time.Second, func() { at(3) })
		snap, err = b.since(t.Context(), 2, 3)
		require.NoError(t, err)
		require.EqualValues(t, 3, snap.revision)
	})
}

func TestConfigurationThatDoesNotComeDropsTheAnswer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench4(t, lan4, onLink4)
		b.model.say = refuse(2)
		ctx, cancel := context.WithTimeout(context.Background(), time.Second)
		defer cancel()
		err := b.handle4(ctx, b.packet(encode4(t, "REQUEST\n ciaddr 192.0.2.10"), "0.0.0.0:68", "255.255.255.255:67"))
		requireDrop(t, ReasonConfigBehind, err)
	})
}

func TestPositiveAnswerDoesNotWait(t *testing.T) {
	t.Parallel()
	b := newBench4(t, lan4, onLink4)
	b.model.say = func(r *sqlstore.Request) (*sqlstore.Decision, error) {
		b.model.say = nil
		return &sqlstore.Decision{Revision: 99, Results: []sqlstore.Result{b.model.decide(&r.Items[0])}}, nil
	}
	_, m, err := b.ask(t, "DISCOVER")
	require.NoError(t, err)
	require.Equal(t, "OFFER", m.kind)
}

func TestSendQueueFull(t *testing.T) {
	t.Parallel()
	b := newBench4(t, lan4, onLink4)
	b.listener.raw = newSocket(nil, 1)
	for i, want := range []Reason{"", ReasonSendQueueFull} {
		err := b.handle4(context.Background(), b.packet(encode4(t, "DISCOVER"), "0.0.0.0:68", "255.255.255.255:67"))
		if want == "" {
			require.NoError(t, err, i)
			continue
		}
		requireDrop(t, want, err)
	}
}
