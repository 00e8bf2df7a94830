package engine

import (
	"errors"
	"log/slog"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"rowlock/sqlstore"
)

// passes are the calls of SettleConfig.
type passes struct {
	mu    sync.Mutex
	known []int64
	told  []int64 // what the last heartbeat told by then
	left  int
	err   error
	takes time.Duration
}

func newPasses(f *fakeStore) *passes {
	p := &passes{}
	f.settle = func(known *sqlstore.Config) (int, error) {
		revision, told := int64(-1), f.told().Revision
		if known != nil {
			revision = known.Revision
		}
		p.mu.Lock()
		p.known, p.told = append(p.known, revision), append(p.told, told)
		left, err, takes := p.left, p.err, p.takes
		p.mu.Unlock()
		time.Sleep(takes) // without the lock, which would stop the clock of the test
		return left, err
	}
	return p
}

func (p *passes) set(left int, err error, takes time.Duration) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.left, p.err, p.takes = left, err, takes
}

func (p *passes) count() int {
	known, _ := p.seen()
	return len(known)
}

// seen returns the revisions that passes began with, and what had been told then.
func (p *passes) seen() (known, told []int64) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return slices.Clone(p.known), slices.Clone(p.told)
}

// A pass is made once the siblings know that this frontend uses a new revision,
// and more while something is left, less and less often.
func TestSettled(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := &fakeStore{config: &sqlstore.Config{Revision: 1}}
		p := newPasses(f)
		running(t, f, func(c *Config) {
			c.OnConfig = func(cfg *sqlstore.Config) error {
				if cfg.Revision == 3 {
					return errors.New("faulty")
				}
				return nil
			}
		})
		time.Sleep(time.Minute)
		require.Equal(t, 1, p.count(), "what was left by others, and then nothing")
		p.set(2, nil, 0)
		f.set(&sqlstore.Config{Revision: 2}, nil)
		time.Sleep(250*time.Millisecond + beatRest)
		synctest.Wait()
		known, told := p.seen()
		require.Equal(t, []int64{1, 2}, known)
		require.Equal(t, []int64{1, 2}, told)
		time.Sleep(5 * time.Second)
		require.Equal(t, 5, p.count(), "after 1, 2.5 and 4.75 s")
		time.Sleep(time.Minute)
		n := p.count()
		time.Sleep(10 * time.Minute)
		require.Equal(t, n+60, p.count(), "what waits for leases may wait for days")
		p.set(1, nil, 0)
		time.Sleep(settleRare + 5*time.Second)
		require.GreaterOrEqual(t, p.count(), n+64, "something is done: more may be soon")
		p.set(0, nil, 0)
		time.Sleep(time.Minute)
		n = p.count()
		time.Sleep(time.Minute)
		require.Equal(t, n, p.count())

		f.set(&sqlstore.Config{Revision: 3}, nil)
		time.Sleep(time.Minute)
		require.Equal(t, n+1, p.count(), "what is refused is described too")
		known, _ = p.seen()
		require.EqualValues(t, 2, known[n], "from the last good one")
	})
}

// Changes that come one by one are described one by one where a pass is quick.
func TestSettleOneByOne(t *testing.T) {
	for _, takes := range []time.Duration{time.Millisecond, 5 * time.Millisecond, quickPass - 1} {
		synctest.Test(t, func(t *testing.T) {
			f := &fakeStore{config: &sqlstore.Config{Revision: 1}}
			p := newPasses(f)
			p.set(0, nil, takes)
			e := running(t, f)
			time.Sleep(time.Minute)
			want := []int64{1}
			for revision := int64(2); revision <= 21; revision++ {
				f.set(&sqlstore.Config{Revision: revision}, nil)
				e.sawRevision(revision)
				time.Sleep(100 * time.Millisecond)
				want = append(want, revision)
			}
			known, _ := p.seen()
			require.Equal(t, want, known, "%s", takes)
		})
	}
}

// While changes keep coming passes are few, and fewer where they take long, so
// that whoever makes the changes is not slowed down.
func TestSettleWaitsForQuiet(t *testing.T) {
	for _, c := range []struct {
		takes    time.Duration
		atLeast  int
		atMost   int
		duration time.Duration
	}{{time.Millisecond, 30, 3500, time.Minute}, {15 * time.Millisecond, 30, 295, time.Minute}, {time.Second, 2, 4, time.Minute}} {
		synctest.Test(t, func(t *testing.T) {
			f := &fakeStore{config: &sqlstore.Config{Revision: 1}}
			p := newPasses(f)
			p.set(0, nil, c.takes)
			e := running(t, f)
			time.Sleep(5 * time.Second)
			require.Equal(t, 1, p.count())
			revision := int64(1)
			for began := time.Now(); time.Since(began) < c.duration; time.Sleep(20 * time.Millisecond) {
				revision++
				f.set(&sqlstore.Config{Revision: revision}, nil)
				e.sawRevision(revision)
			}
			require.GreaterOrEqual(t, p.count(), c.atLeast)
			require.LessOrEqual(t, p.count(), c.atMost)
			time.Sleep(5 * time.Second)
			known, _ := p.seen()
			require.Equal(t, revision, known[len(known)-1])
		})
	}
}

// A pass that fails is logged once for each kind of error, repeated less and less
// often, and stops nothing.
func TestSettleFails(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := &fakeStore{config: &sqlstore.Config{Revision: 1}}
		p := newPasses(f)
		p.set(0, sqlstore.ErrDenied, 0)
		var log logged
		e := running(t, f, func(c *Config) { c.Logger = slog.New(slog.NewTextHandler(&log, nil)) })
		time.Sleep(10 * time.Minute)
		require.NoError(t, e.NotReady())
		require.Equal(t, 1, log.count("config.unsettled"))
		require.Contains(t, log.String(), "`rowlock migrate grants --role frontend`")
		require.LessOrEqual(t, p.count(), 26)
		require.GreaterOrEqual(t, p.count(), 15)
		p.set(0, sqlstore.ErrUnavailable, 0)
		time.Sleep(10 * time.Minute)
		require.Equal(t, 2, log.count("config.unsettled"))
		p.set(0, nil, 0)
		time.Sleep(time.Minute)
		n := p.count()
		time.Sleep(10 * time.Minute)
		require.Equal(t, n, p.count())
		p.set(0, sqlstore.ErrDenied, 0)
		f.set(&sqlstore.Config{Revision: 2}, nil)
		time.Sleep(time.Minute)
		require.Equal(t, 3, log.count("config.unsettled"), "it had worked in between")
	})
	synctest.Test(t, func(t *testing.T) {
		f := &fakeStore{config: &sqlstore.Config{Revision: 1}}
		p := newPasses(f)
		p.set(0, sqlstore.ErrRetry, 0)
		var log logged
		running(t, f, func(c *Config) { c.Logger = slog.New(slog.NewTextHandler(&log, nil)) })
		time.Sleep(900 * time.Millisecond)
		require.Equal(t, 5, p.count(), "a deadlock is no failure")
		require.Zero(t, log.count("config.unsettled"))
	})
}
