package admin

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// looker is a sampler with a clock and frontends of the test.
type looker struct {
	*sampler
	clock   time.Time
	members []member
	err     error
}

func newLooker() *looker {
	l := &looker{clock: time.Unix(1_000_000, 0)}
	l.sampler = newSampler(func(context.Context) ([]member, error) { return l.members, l.err })
	l.now = func() time.Time { return l.clock }
	return l
}

// step lets time pass and takes a sample of what the frontends have then.
func (l *looker) step(t *testing.T, d time.Duration, members ...member) {
	t.Helper()
	l.clock = l.clock.Add(d)
	l.members = members
	l.sample(t.Context())
}

// alive is a frontend whose heartbeat was some time ago.
func (l *looker) alive(after time.Duration, id string, exchanges, incarnation int64, ago time.Duration) member {
	return member{ID: id, Health: "alive", Exchanges: exchanges, incarnation: incarnation, seen: l.clock.Add(after - ago)}
}

func values(list []*float64) (out []any) {
	for _, v := range list {
		if v == nil {
			out = append(out, nil)
		} else {
			out = append(out, *v)
		}
	}
	return out
}

// The rate is that between heartbeats, however late each is read.
func TestRates(t *testing.T) {
	l := newLooker()
	require.Equal(t, unknown, l.newest())
	l.step(t, sampleEvery, l.alive(sampleEvery, "a", 1000, 1, 900*time.Millisecond))
	l.step(t, sampleEvery, l.alive(sampleEvery, "a", 1290, 1, 0), l.alive(sampleEvery, "b", 5, 1, 0))
	l.step(t, sampleEvery, l.alive(sampleEvery, "a", 1490, 1, 0), l.alive(sampleEvery, "b", 25, 1, 0))
	c := l.chart()
	require.Equal(t, []string{"a", "b"}, c.Names)
	require.Equal(t, []any{nil, 100.0, 100.0}, values(c.Rates[0]))
	require.Equal(t, []any{nil, nil, 10.0}, values(c.Rates[1]))
	require.Equal(t, []any{nil, 100.0, 110.0}, values(c.Sum))
	require.Equal(t, "110", l.newest())

	// a new start counts from nothing, and the dead do nothing
	dead := l.alive(sampleEvery, "b", 25, 1, time.Minute)
	dead.Health = "dead"
	l.step(t, sampleEvery, l.alive(sampleEvery, "a", 3, 2, 0), dead)
	require.Nil(t, l.chart().Sum[3], "of those alive nothing is known")
	l.step(t, sampleEvery, l.alive(sampleEvery, "a", 7, 2, 0), dead)
	require.Equal(t, []any{2.0, 0.0, 2.0}, []any{*l.chart().Rates[0][4], *l.chart().Rates[1][4], *l.chart().Sum[4]})
	require.Equal(t, "2.0", l.newest())
	// no heartbeat since: not known, and counted when it comes
	l.step(t, sampleEvery, l.alive(0, "a", 7, 2, 0))
	require.Nil(t, l.chart().Sum[5])
	l.step(t, sampleEvery, l.alive(sampleEvery, "a", 15, 2, 0))
	require.InDelta(t, 2, *l.chart().Sum[6], 0.01)
}

// What nobody looked at is a gap, not a line.
func TestRatesHaveGaps(t *testing.T) {
	l := newLooker()
	for i := range 3 {
		l.step(t, sampleEvery, l.alive(sampleEvery, "a", int64(i)*20, 1, 0))
	}
	l.step(t, 10*time.Minute, l.alive(10*time.Minute, "a", 100_000, 1, 0))
	l.step(t, sampleEvery, l.alive(sampleEvery, "a", 100_020, 1, 0))
	require.Equal(t, []any{nil, 10.0, 10.0, nil, nil, 10.0}, values(l.chart().Sum))
	l.err = errors.New("no database")
	l.step(t, sampleEvery)
	require.Nil(t, l.chart().Sum[6])
	require.Equal(t, unknown, l.newest())
}

// The chart has an end, in time and in lines.
func TestRatesAreBounded(t *testing.T) {
	l := newLooker()
	for i := range maxSamples + 50 {
		var all []member
		for f := range 2 * maxLines {
			all = append(all, l.alive(sampleEvery, fmt.Sprintf("fe%02d", f), int64(i*f), 1, 0))
		}
		l.step(t, sampleEvery, all...)
		l.step(t, 0, all...) // twice at once is once
	}
	c := l.chart()
	require.LessOrEqual(t, len(c.Times), maxSamples)
	require.Greater(t, len(c.Times), maxSamples-5)
	require.Len(t, c.Names, maxLines)
	require.Equal(t, "fe12", c.Names[0], "those with the highest rates")
	for _, line := range c.Rates {
		require.Len(t, line, len(c.Times))
	}
	require.InDelta(t, 0.5*float64(23*24/2), *c.Sum[len(c.Sum)-1], 0.1, "of all, also those without a line")
}

// Nothing is sampled while nobody looks.
func TestSamplingStops(t *testing.T) {
	l := newLooker()
	require.False(t, l.watched())
	l.look()
	require.True(t, l.watched())
	l.clock = l.clock.Add(lookTime)
	require.False(t, l.watched())
}
