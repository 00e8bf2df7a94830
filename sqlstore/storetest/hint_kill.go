package storetest

import (
	"context"
	"fmt"
	"net/netip"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"rowlock/sqlstore"
	"rowlock/sqlstore/engine"
)

// mortal is a store whose frontend may die without a word; it counts what free
// addresses cost.
type mortal struct {
	sqlstore.Store
	calls   *atomic.Int64 // for candidates
	inserts *atomic.Int64 // of an address
	dead    atomic.Bool
}

func (m *mortal) Unregister(ctx context.Context, f sqlstore.Fence) error {
	if m.dead.Load() {
		return nil
	}
	return m.Store.Unregister(ctx, f)
}

func (m *mortal) DoneFree(ctx context.Context, f sqlstore.Fence, chunks []int64, used []sqlstore.UsedFree) error {
	if m.dead.Load() {
		return sqlstore.ErrUnavailable
	}
	return m.Store.DoneFree(ctx, f, chunks, used)
}

func (m *mortal) TakeFree(ctx context.Context, f sqlstore.Fence, needs []sqlstore.PoolNeed) ([]sqlstore.Hints, error) {
	m.calls.Add(1)
	return m.Store.TakeFree(ctx, f, needs)
}

func (m *mortal) Borrow(ctx context.Context, f sqlstore.Fence, needs []sqlstore.PoolNeed) ([]sqlstore.Hints, error) {
	m.calls.Add(1)
	return m.Store.Borrow(ctx, f, needs)
}

func (m *mortal) Reclaim(ctx context.Context, pools []*sqlstore.Pool, n int) ([]int, error) {
	m.calls.Add(1)
	return m.Store.Reclaim(ctx, pools, n)
}

func (m *mortal) Apply(ctx context.Context, b *sqlstore.Batch) (*sqlstore.BatchResult, error) {
	for i := range b.Inserts {
		if b.Inserts[i].Addr.IsValid() {
			m.inserts.Add(1)
		}
	}
	return m.Store.Apply(ctx, b)
}

// fleet is three frontends on one pool, any of which may be killed.
type fleet struct {
	*bench
	pool           *sqlstore.Pool
	set            *sqlstore.PoolSet
	calls, inserts atomic.Int64

	mu     sync.Mutex
	places [3]*engine.Engine
	stores [3]*mortal
	ids    [3]string
	born   int
}

func newFleet(t *testing.T, dialect string, size int) *fleet {
	db := serving(t, dialect)
	b := &bench{variants[0], db, Open(t, db.url), newVRF()}
	p := b.pool(b.vrf, b.vrf, 256, 256+size-1)
	fl := &fleet{bench: b, pool: p, set: sqlstore.NewPoolSet(p)}
	for i := range fl.places {
		fl.start(t, i)
	}
	return fl
}

func (fl *fleet) start(t *testing.T, i int) {
	m := &mortal{Store: fl.store, calls: &fl.calls, inserts: &fl.inserts}
	fl.born++
	id := fmt.Sprintf("mortal-%d", fl.born)
	e := newEngine(t, m, id)
	fl.mu.Lock()
	defer fl.mu.Unlock()
	fl.places[i], fl.stores[i], fl.ids[i] = e, m, id
}

func (fl *fleet) at(i int) *engine.Engine {
	fl.mu.Lock()
	defer fl.mu.Unlock()
	return fl.places[i%len(fl.places)]
}

// kill ends a frontend in the middle of its work, with all that it has in hand;
// another one takes its place. Nothing waits for the ten seconds in which it
// might come back.
func (fl *fleet) kill(t *testing.T, i int) {
	fl.stores[i].dead.Store(true)
	require.NoError(t, fl.places[i].Stop(context.Background()))
	fl.db.exec(t, "UPDATE frontend SET heartbeat_at = %s WHERE id = '%s'", fl.db.back("heartbeat_at", time.Hour), fl.ids[i])
	fl.start(t, i)
}

// assign asks for an address for a client until it has one.
func (fl *fleet) assign(client int, until time.Time) error {
	for turn := client; time.Now().Before(until); turn++ {
		ctx, cancel := context.WithTimeout(context.Background(), 500*time.Millisecond) // it may have been killed
		d, err := fl.at(turn).Do(ctx, &sqlstore.Request{
			Family: fl.family, Items: []sqlstore.Item{fl.item(sqlstore.OpAssign, fl.vrf, client, netip.Addr{}, fl.set)},
		})
		cancel()
		switch {
		case err != nil:
			time.Sleep(5 * time.Millisecond)
		case d.Results[0].Code == sqlstore.Granted:
			return nil
		default:
			time.Sleep(300 * time.Millisecond)
		}
	}
	return fmt.Errorf("client %d has no address", client)
}

func (fl *fleet) used(t *testing.T) int { return len(leases(t, fl.store, fl.family, fl.vrf)) }

// fill gives addresses to the clients [from, to), some at a time, and calls
// meanwhile every 100 clients.
func (fl *fleet) fill(t *testing.T, from, to int, meanwhile func(round int)) {
	t.Helper()
	until := time.Now().Add(90 * time.Second)
	var next atomic.Int64
	next.Store(int64(from))
	var wg sync.WaitGroup
	for range 24 {
		wg.Go(func() {
			for c := int(next.Add(1)) - 1; c < to; c = int(next.Add(1)) - 1 {
				if !noError(t, fl.assign(c, until)) {
					return
				}
			}
		})
	}
	done := make(chan struct{})
	go func() { wg.Wait(); close(done) }()
	for round := from / 100; meanwhile != nil; {
		if now := int(next.Load()) / 100; now > round {
			round = now
			meanwhile(round)
		}
		select {
		case <-done:
			return
		case <-time.After(time.Millisecond):
		}
	}
	<-done
}

// INV-9: three frontends, one of which is killed now and then with all that it
// has in hand, fill a pool to its last address; hints that nobody knows any more
// come back by a scrub.
func hintKills(t *testing.T, dialect string) {
	const size = 2000
	fl := newFleet(t, dialect, size)
	fl.fill(t, 0, size-200, func(round int) { fl.kill(t, round%3) })
	// a hint is lost as by a crash of the database, which takes rows of offers
	// whose chunks are deleted already
	lost := fl.db.exec(t, "DELETE FROM addr_chunk WHERE pool_id = %d", fl.pool.ID)
	fl.kill(t, 0)
	fl.kill(t, 1)
	fl.kill(t, 2)
	listed, err := fl.at(0).Scrub(t.Context(), fl.pool)
	require.NoError(t, err)
	t.Logf("%d frontends, %d chunks lost, %d addresses listed again", fl.born, lost, listed)
	require.Positive(t, listed)
	fl.fill(t, size-200, size, func(round int) { fl.kill(t, round%3) })
	require.Equal(t, size, fl.used(t), "used = size: no two clients have one address")
	for i := range 3 {
		res, err := tryDecide(fl.at(i), fl.family, fl.item(sqlstore.OpOffer, fl.vrf, size+i, netip.Addr{}, fl.set))
		require.NoError(t, err)
		require.Equal(t, sqlstore.Exhausted, res.Code)
	}
}

// What an address costs does not grow as the pool fills up: the last ones are
// spread over three frontends. Counted in calls and inserts, not in time.
func hintFillCost(t *testing.T, dialect string) {
	const size = 1500
	fl := newFleet(t, dialect, size)
	cost := func(from, to int) (calls, inserts float64) {
		c, n := fl.calls.Load(), fl.inserts.Load()
		fl.fill(t, from, to, nil)
		per := float64(to - from)
		return float64(fl.calls.Load()-c) / per, float64(fl.inserts.Load()-n) / per
	}
	for _, part := range []struct {
		upto           int
		calls, inserts float64 // at most, for one address
	}{{size / 2, 1, 1.5}, {size * 99 / 100, 1.5, 1.5}, {size, 6, 3}} {
		from := fl.used(t)
		calls, inserts := cost(from, part.upto)
		t.Logf("%d to %d: %.2f calls and %.2f inserts an address", from, part.upto, calls, inserts)
		require.LessOrEqual(t, calls, part.calls, "calls from %d to %d", from, part.upto)
		require.LessOrEqual(t, inserts, part.inserts, "inserts from %d to %d", from, part.upto)
	}
	require.Equal(t, size, fl.used(t))
	calls, inserts := fl.calls.Load(), fl.inserts.Load()
	for i := range 300 {
		res, err := tryDecide(fl.at(0), fl.family, fl.item(sqlstore.OpOffer, fl.vrf, size+i, netip.Addr{}, fl.set))
		require.NoError(t, err)
		require.Equal(t, sqlstore.Exhausted, res.Code)
	}
	require.LessOrEqual(t, fl.inserts.Load()-inserts, int64(40), "nothing is tried but what was borrowed before")
	t.Logf("300 refused: %d calls", fl.calls.Load()-calls)
	require.LessOrEqual(t, fl.calls.Load()-calls, int64(100), "a look a second and not one for each")
}

// Two frontends that work on the same clients at the same time lose no address:
// of two candidates for one client one goes back.
func hintSameClients(t *testing.T, dialect string) {
	const size = 400
	fl := newFleet(t, dialect, size)
	for round := range 2 {
		var wg sync.WaitGroup
		for i := range 2 {
			wg.Go(func() {
				for n := range 100 {
					for {
						_, err := tryDecide(fl.at(i), fl.family, fl.item(sqlstore.OpOffer, fl.vrf, round*100+n, netip.Addr{}, fl.set))
						if err == nil {
							break
						}
					}
				}
			})
		}
		wg.Wait()
	}
	require.Equal(t, 200, fl.used(t))
	s := &small{bench: fl.bench, pool: fl.pool, set: fl.set}
	s.account(t)
	listed, err := fl.at(2).Scrub(t.Context(), fl.pool)
	require.NoError(t, err)
	require.Zero(t, listed, "nothing was lost")
	fl.fill(t, 200, size, nil)
	require.Equal(t, size, fl.used(t))
}
