package engine

import (
	"bytes"
	"errors"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"
	"github.com/stretchr/testify/require"

	"rowlock/sqlstore"
)

// logged is what an engine logs.
type logged struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (l *logged) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(p)
}

// count tells how often an event was logged.
func (l *logged) count(event string) int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return strings.Count(l.text.String(), "event="+event+" ")
}

func (l *logged) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}

// running returns an engine that was started, and is stopped with the test.
func running(t *testing.T, f *fakeStore, with ...func(*Config)) *Engine {
	t.Helper()
	cfg := Config{
		Store: f, Logger: slog.New(slog.DiscardHandler), Registerer: prometheus.NewRegistry(), Frontend: sqlstore.FrontendInfo{ID: "fe1"},
		SweepEvery: time.Hour,
	}
	for _, do := range with {
		do(&cfg)
	}
	e, err := New(cfg)
	require.NoError(t, err)
	require.NoError(t, e.Start(t.Context()))
	t.Cleanup(func() { require.NoError(t, e.Stop(t.Context())) })
	synctest.Wait()
	return e
}

func using(e *Engine) int64 {
	revision, _ := e.Revision()
	return revision
}

// A lane, a heartbeat or a sweep that sees a newer revision has it loaded at
// once; otherwise a look each 250 ms finds it.
func TestNewRevisionIsLoaded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := &fakeStore{config: &sqlstore.Config{Revision: 1}}
		f.apply = func(b *sqlstore.Batch) (*sqlstore.BatchResult, error) {
			res := done(b)
			res.Revision, _ = f.Revision(t.Context())
			return res, nil
		}
		e := running(t, f)
		ways := map[string]func(){
			"positive answer": func() {
				it := testItem(sqlstore.OpRelease, 1, inPool)
				d, err := e.Do(t.Context(), &sqlstore.Request{Family: sqlstore.IPv4, Items: []sqlstore.Item{it}})
				require.NoError(t, err)
				require.Equal(t, sqlstore.Done, d.Results[0].Code)
			},
			"heartbeat": func() { e.heartbeat(t.Context()) },
			"sweep": func() {
				due := []sqlstore.Due{{Key: testKey(1), State: sqlstore.Active}}
				require.NoError(t, e.end(t.Context(), sqlstore.IPv4, due, &Swept{}))
			},
			"look": func() { time.Sleep(250 * time.Millisecond) },
		}
		for name, way := range ways {
			time.Sleep(time.Second - 10*time.Millisecond) // looks and ticks are in step
			next := &sqlstore.Config{Revision: using(e) + 1}
			f.set(next, nil)
			synctest.Wait()
			require.Equal(t, next.Revision-1, using(e), name)
			way()
			synctest.Wait()
			require.Equal(t, next.Revision, using(e), name)
		}
		require.Equal(t, []int64{1, 2, 3, 4}, f.knownRevisions(), "each is read as what changed since the one before")
	})
}

// What is refused is told in the row, the metric and once in the log; what comes
// after it is read as a change of the last good one.
func TestRefusedRevision(t *testing.T) {
	for name, bad := range map[string]struct {
		unread error
		refuse error
		panics bool
	}{
		"does not compile": {refuse: errors.New("pool 7: \x00\xff a rule")},
		"rows unreadable":  {unread: errors.Join(errors.New("pool 7: \x00\xff a rule"), sqlstore.ErrData)},
		"panics":           {panics: true},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				f := &fakeStore{config: &sqlstore.Config{Revision: 1}}
				var log logged
				var lost []int64
				e := running(t, f, func(c *Config) {
					c.Logger = slog.New(slog.NewTextHandler(&log, nil))
					c.OnConfig = func(cfg *sqlstore.Config) error {
						if cfg.Revision != 2 {
							return nil
						}
						if bad.panics {
							panic("pool 7: \x00\xff a rule")
						}
						return bad.refuse
					}
					c.OnUnreadable = func(revision int64) { lost = append(lost, revision) }
				})
				f.set(&sqlstore.Config{Revision: 2}, bad.unread)
				time.Sleep(10 * time.Second)
				revision, why := e.Revision()
				require.EqualValues(t, 1, revision)
				require.ErrorContains(t, why, "pool 7")
				require.NoError(t, e.NotReady(), "the one before is good")
				told := f.told()
				require.Equal(t, [2]int64{1, 2}, [2]int64{told.Revision, told.RefusedRevision})
				require.Contains(t, told.Refused, "pool 7:  ? a rule", "what any database takes")
				require.EqualValues(t, 2, testutil.ToFloat64(e.metrics.refused))
				require.Equal(t, 1, log.count("config.refused"))
				require.Equal(t, bad.unread != nil, len(lost) == 1)

				f.set(&sqlstore.Config{Revision: 3}, nil)
				time.Sleep(time.Second)
				revision, why = e.Revision()
				require.EqualValues(t, 3, revision)
				require.NoError(t, why)
				told = f.told()
				require.Equal(t, [2]int64{3, 0}, [2]int64{told.Revision, told.RefusedRevision})
				require.Empty(t, told.Refused)
				require.Zero(t, testutil.ToFloat64(e.metrics.refused))
				require.Equal(t, []int64{1, 1}, f.knownRevisions())
				require.Equal(t, 1, log.count("config.refused"))
			})
		})
	}
}

func TestRefusalIsCut(t *testing.T) {
	r := refusal{2, errors.New(strings.Repeat("ä", maxRefused))}
	require.Equal(t, strings.Repeat("ä", maxRefused/2), r.text())
	r.why = errors.New("x" + strings.Repeat("ä", maxRefused))
	require.Equal(t, "x"+strings.Repeat("ä", maxRefused/2-1), r.text())
}

// A frontend that for 5 s cannot read what it knows to be there is not ready and
// makes no new leases; those that are there go on.
func TestFrontendThatIsBehind(t *testing.T) {
	for name, why := range map[string]error{"denied": sqlstore.ErrDenied, "other": errors.New("no such column")} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				f := &fakeStore{config: &sqlstore.Config{Revision: 1}, take: func(needs []sqlstore.PoolNeed) ([]sqlstore.Hints, error) {
					return []sqlstore.Hints{{Pool: needs[0].Pool, Source: sqlstore.HintFresh, Chunk: 1, Addrs: []sqlstore.FreeAddr{{Addr: needs[0].Pool.First, Exclusive: true}}}}, nil
				}}
				var log logged
				e := running(t, f, func(c *Config) { c.Logger = slog.New(slog.NewTextHandler(&log, nil)) })
				do := func(op sqlstore.Op, client int, want string) error {
					_, err := e.Do(t.Context(), &sqlstore.Request{Family: sqlstore.IPv4, Revision: using(e), Items: []sqlstore.Item{testItem(op, client, want, testPool(5))}})
					return err
				}
				f.set(&sqlstore.Config{Revision: 2}, why)
				time.Sleep(staleAfter)
				require.NoError(t, e.NotReady())
				require.NoError(t, do(sqlstore.OpOffer, 1, ""))
				time.Sleep(time.Second)
				require.ErrorIs(t, e.NotReady(), why)
				require.ErrorContains(t, e.NotReady(), "revision 2")
				require.True(t, e.Ready())
				require.Positive(t, log.count("config.unreadable"))
				require.Zero(t, log.count("config.refused"))
				require.Equal(t, [2]int64{1, 0}, [2]int64{f.told().Revision, f.told().RefusedRevision})
				require.ErrorIs(t, do(sqlstore.OpOffer, 2, ""), sqlstore.ErrFenced)
				require.NoError(t, do(sqlstore.OpRenew, 1, "192.0.2.1"))
				require.NoError(t, do(sqlstore.OpRelease, 1, "192.0.2.1"))

				f.set(&sqlstore.Config{Revision: 3}, nil)
				time.Sleep(2 * time.Second)
				require.NoError(t, e.NotReady())
				require.NoError(t, do(sqlstore.OpOffer, 2, ""))
			})
		})
	}
}

// Many small changes in a row do not take all of a processor: a load is followed
// by a rest.
func TestLoadsRest(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := &fakeStore{config: &sqlstore.Config{Revision: 1}}
		e := running(t, f, func(c *Config) {
			c.OnConfig = func(*sqlstore.Config) error { time.Sleep(50 * time.Millisecond); return nil }
		})
		for revision := range int64(1000) { // one a millisecond
			f.set(&sqlstore.Config{Revision: revision + 2}, nil)
			e.sawRevision(revision + 2)
			time.Sleep(time.Millisecond)
		}
		require.LessOrEqual(t, len(f.knownRevisions()), 11)
		time.Sleep(time.Second)
		require.EqualValues(t, 1001, using(e))
	})
}

func TestStartWithoutConfiguration(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := &fakeStore{config: &sqlstore.Config{Revision: 4}, unread: sqlstore.ErrData}
		e := running(t, f)
		revision, why := e.Revision()
		require.Zero(t, revision)
		require.ErrorIs(t, why, sqlstore.ErrData)
		require.Equal(t, [2]int64{0, 4}, [2]int64{f.told().Revision, f.told().RefusedRevision})
		f.set(&sqlstore.Config{Revision: 5}, nil)
		time.Sleep(time.Second)
		require.EqualValues(t, 5, using(e))
	})
}

// What was made from changes and is refused is read whole: somebody may have
// written rows past the triggers that note changes.
func TestRefusedChangesAreReadWhole(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := &fakeStore{config: &sqlstore.Config{Revision: 1}}
		var log logged
		e := running(t, f, func(c *Config) {
			c.Logger = slog.New(slog.NewTextHandler(&log, nil))
			c.OnConfig = func(cfg *sqlstore.Config) error {
				if cfg.Comment == "an id is there twice" {
					return errors.New("faulty")
				}
				return nil
			}
		})
		f.mu.Lock()
		f.config, f.noted = &sqlstore.Config{Revision: 2, Comment: "as the rows are"}, &sqlstore.Config{Revision: 2, Comment: "an id is there twice"}
		f.mu.Unlock()
		time.Sleep(time.Second)
		revision, why := e.Revision()
		require.EqualValues(t, 2, revision)
		require.NoError(t, why)
		require.Zero(t, log.count("config.refused"))
		require.Equal(t, 1, log.count("config.reread"))
		cfg, _ := e.loader.current()
		require.Equal(t, "as the rows are", cfg.Comment)
	})
}

// A refusal is over when the database was restored to what is in use.
func TestRefusalEndsWithARestore(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		five := &sqlstore.Config{Revision: 5}
		f := &fakeStore{config: five}
		e := running(t, f, func(c *Config) {
			c.OnConfig = func(cfg *sqlstore.Config) error {
				if cfg.Revision == 6 {
					return errors.New("faulty")
				}
				return nil
			}
		})
		f.set(&sqlstore.Config{Revision: 6}, nil)
		time.Sleep(2 * time.Second)
		require.EqualValues(t, 6, f.told().RefusedRevision)
		f.set(five, nil)
		time.Sleep(2 * time.Second)
		revision, why := e.Revision()
		require.EqualValues(t, 5, revision)
		require.NoError(t, why)
		require.Zero(t, f.told().RefusedRevision)
		require.Empty(t, f.told().Refused)
		require.Zero(t, testutil.ToFloat64(e.metrics.refused))
	})
}
