package engine

import (
	"errors"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"rowlock/sqlstore"
)

// siteOf is a configuration with one pool.
func siteOf(revision int64, p *sqlstore.Pool) *sqlstore.Config {
	return &sqlstore.Config{Revision: revision, Links: []*sqlstore.Link{{ID: 1, Subnets: []*sqlstore.Subnet{{ID: 1, Pools: []*sqlstore.Pool{p}}}}}}
}

// delegating is generation gen of a pool of prefixes.
func delegating(gen uint32) *sqlstore.Pool {
	p := keptConfig(1).Links[0].Subnets[1].Pools[1]
	p.Gen = gen
	return p
}

// passedOver is a frontend with revision 5 whose row is given a higher incarnation
// by others, once.
type passedOver struct {
	*fakeStore
	e    *Engine
	hold chan struct{} // while set, a configuration that was read is held back

	mu  sync.Mutex
	bad error // why revisions are refused
}

func newPassedOver(t *testing.T) *passedOver {
	p := &passedOver{fakeStore: &fakeStore{split: true, config: siteOf(5, delegating(1))}}
	p.take = func(needs []sqlstore.PoolNeed) ([]sqlstore.Hints, error) {
		out := make([]sqlstore.Hints, len(needs))
		for i := range needs {
			out[i] = sqlstore.Hints{Pool: needs[i].Pool}
		}
		return out, nil
	}
	p.apply = func(b *sqlstore.Batch) (*sqlstore.BatchResult, error) {
		res := done(b)
		res.Revision, _ = p.Revision(t.Context())
		for i := range b.Inserts {
			if !b.Inserts[i].Addr.IsValid() { // a look-up: the client has no row
				res.Inserts[i].Status = sqlstore.NotPlaced
			}
		}
		return res, nil
	}
	p.e = running(t, p.fakeStore, func(c *Config) {
		c.OnConfig = func(*sqlstore.Config) error {
			p.mu.Lock()
			hold, bad := p.hold, p.bad
			p.mu.Unlock()
			if hold != nil {
				<-hold
			}
			return bad
		}
	})
	return p
}

// comes changes the database to a revision and lets the frontend find that its row
// was taken from it.
func (p *passedOver) comes(t *testing.T, c *sqlstore.Config, unread, bad error, hold chan struct{}) {
	p.mu.Lock()
	p.hold, p.bad = hold, bad
	p.mu.Unlock()
	p.fakeStore.mu.Lock()
	p.beat = sqlstore.ErrFenced
	p.config, p.unread = c, unread
	p.fakeStore.mu.Unlock()
	p.e.heartbeat(t.Context())
	p.fakeStore.mu.Lock()
	p.beat = nil
	p.fakeStore.mu.Unlock()
	synctest.Wait()
}

// ask asks for a new prefix of a pool that is named, from a configuration.
func (p *passedOver) ask(t *testing.T, revision int64, pool *sqlstore.Pool) (*sqlstore.Decision, error) {
	it := testItem(sqlstore.OpSelect, 1, pool.First.String(), pool)
	it.Kind = sqlstore.PD
	p.fakeStore.mu.Lock()
	p.batches = nil
	p.fakeStore.mu.Unlock()
	return p.e.Do(t.Context(), &sqlstore.Request{Family: sqlstore.IPv6, Revision: revision, Items: []sqlstore.Item{it}})
}

// A frontend that registered again does nothing until it has compared its
// configuration with the database, and then nothing of before begins.
func TestReturnTakesTheNewest(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPassedOver(t)
		_, err := p.ask(t, 5, delegating(1))
		require.NoError(t, err)
		hold := make(chan struct{})
		p.comes(t, siteOf(6, delegating(2)), nil, nil, hold)
		require.EqualValues(t, 2, p.e.fence().Incarnation)
		require.Empty(t, p.e.hints.stocks)
		for range 10 {
			_, err = p.ask(t, 5, delegating(1))
			require.ErrorIs(t, err, sqlstore.ErrFenced)
			require.Zero(t, p.batchCount(), "nothing is written")
			require.False(t, p.e.Ready())
			require.NoError(t, p.e.Away())
			require.ErrorIs(t, p.e.NotReady(), errVoid)
			require.EqualValues(t, 5, p.told().Revision)
			time.Sleep(time.Second)
		}
		close(hold)
		synctest.Wait()
		require.NoError(t, p.e.NotReady())
		_, err = p.ask(t, 5, delegating(1))
		require.ErrorIs(t, err, sqlstore.ErrSuperseded)
		require.Zero(t, p.batchCount())
		d, err := p.ask(t, 6, delegating(2))
		require.NoError(t, err)
		require.Equal(t, sqlstore.Granted, d.Results[0].Code)
	})
}

// Where nothing changed meanwhile, it goes on once the database said so; what was
// made from an older configuration does not.
func TestReturnToTheSame(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPassedOver(t)
		require.True(t, p.e.flights.begin(5)) // under way: 5 is told
		p.set(siteOf(6, delegating(2)), nil)
		time.Sleep(2 * time.Second)
		require.EqualValues(t, 6, using(p.e))
		p.comes(t, siteOf(6, delegating(2)), errors.New("away"), nil, nil)
		_, err := p.ask(t, 6, delegating(2))
		require.ErrorIs(t, err, sqlstore.ErrFenced)
		require.ErrorContains(t, p.e.NotReady(), "away")
		p.set(p.config, nil)
		time.Sleep(2 * time.Second)
		_, err = p.ask(t, 5, delegating(1))
		require.ErrorIs(t, err, sqlstore.ErrSuperseded)
		d, err := p.ask(t, 6, delegating(2))
		require.NoError(t, err)
		require.Equal(t, sqlstore.Granted, d.Results[0].Code)
		p.e.ended(5)
	})
}

// A frontend that refuses the newest one goes on with the one before, but for what
// was given away: the pools that the newest one does not have.
func TestReturnRefuses(t *testing.T) {
	for name, c := range map[string]struct {
		unread, bad error
		next        *sqlstore.Pool
		want        sqlstore.Code
	}{
		"another generation":     {bad: errors.New("faulty"), next: delegating(2), want: sqlstore.Exhausted},
		"the same":               {bad: errors.New("faulty"), next: delegating(1), want: sqlstore.Granted},
		"nobody knows which one": {unread: errors.Join(errors.New("faulty"), sqlstore.ErrData), next: delegating(1), want: sqlstore.Exhausted},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				p := newPassedOver(t)
				p.comes(t, siteOf(6, c.next), c.unread, c.bad, nil)
				time.Sleep(2 * time.Second)
				require.EqualValues(t, 5, using(p.e))
				require.Equal(t, [2]int64{5, 6}, [2]int64{p.told().Revision, p.told().RefusedRevision})
				require.NoError(t, p.e.NotReady())
				d, err := p.ask(t, 5, delegating(1))
				require.NoError(t, err)
				require.Equal(t, c.want.String(), d.Results[0].Code.String())
				inserts := slices.ContainsFunc(p.batches, func(b sqlstore.Batch) bool {
					return slices.ContainsFunc(b.Inserts, func(in sqlstore.Insert) bool { return in.Addr.IsValid() })
				})
				require.False(t, inserts && c.want != sqlstore.Granted)

				p.mu.Lock()
				p.bad = nil
				p.mu.Unlock()
				p.set(siteOf(7, delegating(3)), nil)
				time.Sleep(2 * time.Second)
				require.Nil(t, p.e.withheld.Load())
				_, err = p.ask(t, 5, delegating(1))
				require.ErrorIs(t, err, sqlstore.ErrSuperseded)
				d, err = p.ask(t, 7, delegating(3))
				require.NoError(t, err)
				require.Equal(t, sqlstore.Granted, d.Results[0].Code)
			})
		})
	}
}

// The database is at an older revision: it was restored or reset. It is followed.
func TestOlderRevision(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPassedOver(t)
		p.set(siteOf(2, delegating(2)), nil)
		p.e.sawRevision(9) // named by what was under way
		time.Sleep(2 * time.Second)
		require.EqualValues(t, 2, using(p.e))
		require.EqualValues(t, 2, p.told().Revision)
		time.Sleep(10 * time.Second)
		require.NoError(t, p.e.NotReady())
		d, err := p.ask(t, 2, delegating(2))
		require.NoError(t, err)
		require.Equal(t, sqlstore.Granted, d.Results[0].Code)
		p.set(siteOf(3, delegating(3)), nil)
		time.Sleep(2 * time.Second)
		require.EqualValues(t, 3, using(p.e))
		require.EqualValues(t, 3, p.told().Revision)
	})
}
