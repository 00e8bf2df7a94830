package engine

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/netip"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/stretchr/testify/require"

	"rowlock/sqlstore"
)

// fakeStore answers as a test tells it. Methods that a test does not need are
// those of the nil interface, and fail it.
type fakeStore struct {
	sqlstore.Store
	split bool
	apply func(*sqlstore.Batch) (*sqlstore.BatchResult, error)

	mu      sync.Mutex
	batches []sqlstore.Batch
	running int
	most    int // transactions at once

	take      func([]sqlstore.PoolNeed) ([]sqlstore.Hints, error)
	borrow    func([]sqlstore.PoolNeed) ([]sqlstore.Hints, error)
	reclaim   func([]*sqlstore.Pool) ([]int, error)
	scrub     func(*sqlstore.Pool, uint64) (int, uint64, error)
	reclaimed int
	dropped   int
	lead      error
	chunks    []int64
	used      []sqlstore.UsedFree

	config     *sqlstore.Config
	unread     error              // what reading it fails with
	noted      *sqlstore.Config   // what reading the changes gives, where that is another
	noPast     error              // what reading an earlier one fails with
	known      []*sqlstore.Config // what was given to LoadChanges
	past       map[int64]*sqlstore.Config
	settle     func(known *sqlstore.Config) (int, error)
	frontends  []sqlstore.FrontendInfo
	beaten     sqlstore.FrontendInfo // what the last heartbeat told
	beat       error
	registered int64
}

func (f *fakeStore) SplitLanes() bool { return f.split }

func (f *fakeStore) Apply(_ context.Context, b *sqlstore.Batch) (*sqlstore.BatchResult, error) {
	f.mu.Lock()
	f.batches = append(f.batches, *b)
	f.running++
	f.most = max(f.most, f.running)
	f.mu.Unlock()
	defer func() {
		f.mu.Lock()
		f.running--
		f.mu.Unlock()
	}()
	if f.apply != nil {
		return f.apply(b)
	}
	return done(b), nil
}

// done answers that everything was done.
func done(b *sqlstore.Batch) *sqlstore.BatchResult {
	res := &sqlstore.BatchResult{Revision: 1, Alive: true}
	for i := range b.Inserts {
		in := &b.Inserts[i]
		l := sqlstore.Lease{Family: in.Family, Key: in.Key, Addr: in.Addr, PrefixLen: in.PrefixLen, State: sqlstore.Offered, Remaining: time.Minute, Rev: 1}
		res.Inserts = append(res.Inserts, sqlstore.InsertResult{Status: sqlstore.Inserted, Lease: l})
	}
	for i := range b.Updates {
		u := &b.Updates[i]
		l := sqlstore.Lease{Family: u.Family, Key: u.Key, Addr: u.Addr, PrefixLen: 32, State: sqlstore.Active, Remaining: time.Hour, Rev: 2}
		res.Updates = append(res.Updates, sqlstore.UpdateResult{Status: sqlstore.Updated, Lease: l, Fresh: true})
	}
	return res
}

func (f *fakeStore) TakeFree(_ context.Context, _ sqlstore.Fence, needs []sqlstore.PoolNeed) ([]sqlstore.Hints, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.take(needs)
}

func (f *fakeStore) DoneFree(_ context.Context, _ sqlstore.Fence, chunks []int64, used []sqlstore.UsedFree) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.chunks, f.used = append(f.chunks, chunks...), append(f.used, used...)
	return nil
}

// done returns the chunks and free addresses that were reported as used up.
func (f *fakeStore) done() ([]int64, []sqlstore.UsedFree) {
	f.mu.Lock()
	defer f.mu.Unlock()
	return slices.Clone(f.chunks), slices.Clone(f.used)
}

// atOnce returns how many transactions ran at once, at most.
func (f *fakeStore) atOnce() int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.most
}

func (f *fakeStore) Borrow(_ context.Context, _ sqlstore.Fence, needs []sqlstore.PoolNeed) ([]sqlstore.Hints, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.borrow != nil {
		return f.borrow(needs)
	}
	out := make([]sqlstore.Hints, len(needs))
	for i := range needs {
		out[i].Pool = needs[i].Pool
	}
	return out, nil
}

func (f *fakeStore) Reclaim(_ context.Context, pools []*sqlstore.Pool, _ int) ([]int, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.reclaimed++
	if f.reclaim != nil {
		return f.reclaim(pools)
	}
	return make([]int, len(pools)), nil
}

func (f *fakeStore) Scrub(_ context.Context, _ sqlstore.Fence, p *sqlstore.Pool, from uint64) (int, uint64, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.scrub != nil {
		return f.scrub(p, from)
	}
	return 0, 0, nil
}

func (f *fakeStore) DropChunks(context.Context) (int, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.dropped++
	return 0, nil
}

func (f *fakeStore) Lead(context.Context, string, string, time.Duration) (int64, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	return 1, f.lead
}

func (f *fakeStore) Unregister(context.Context, sqlstore.Fence) error { return nil }

func (f *fakeStore) Register(context.Context, sqlstore.FrontendInfo) (int64, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.registered++
	return f.registered, nil
}

func (f *fakeStore) Heartbeat(_ context.Context, info sqlstore.FrontendInfo) ([]sqlstore.FrontendInfo, int64, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.beaten = info
	revision := int64(1)
	if f.config != nil {
		revision = f.config.Revision
	}
	return f.frontends, revision, f.beat
}

func (f *fakeStore) Frontends(context.Context) ([]sqlstore.FrontendInfo, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.frontends, nil
}

func (f *fakeStore) LoadConfig(context.Context) (*sqlstore.Config, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.config, f.unread
}

func (f *fakeStore) LoadChanges(_ context.Context, known *sqlstore.Config) (*sqlstore.Config, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.known = append(f.known, known)
	if f.unread == nil && f.config.Revision == known.Revision {
		return known, nil
	}
	if f.noted != nil {
		return f.noted, f.unread
	}
	return f.config, f.unread
}

func (f *fakeStore) Revision(context.Context) (int64, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.config.Revision, nil
}

// WaitRevision waits for as long as a database without notifications does.
func (f *fakeStore) WaitRevision(ctx context.Context, known int64) error {
	if newest, _ := f.Revision(ctx); newest <= known {
		pause(ctx, 250*time.Millisecond)
	}
	return ctx.Err()
}

func (f *fakeStore) ConfigAt(_ context.Context, revision int64) (*sqlstore.Config, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.noPast != nil {
		return nil, f.noPast
	}
	if c := f.past[revision]; c != nil {
		return c, nil
	}
	return nil, sqlstore.ErrNotFound
}

func (f *fakeStore) SettleConfig(_ context.Context, known *sqlstore.Config) (int, error) {
	if f.settle == nil {
		return 0, nil
	}
	return f.settle(known)
}

func (f *fakeStore) GatherConfig(context.Context, *sqlstore.Config) (int64, error) {
	return 0, errors.New("SettleConfig does that")
}

func (f *fakeStore) CountLive(context.Context, []*sqlstore.Pool) ([]int64, error) {
	return nil, errors.New("not for engines")
}

// set replaces the configuration of the database, and how reading it fails.
func (f *fakeStore) set(c *sqlstore.Config, unread error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.config, f.unread = c, unread
}

// told returns what the last heartbeat told.
func (f *fakeStore) told() sqlstore.FrontendInfo {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.beaten
}

// newTest returns an engine on a fake store whose background work is not
// running. It is ready.
func newTest(t *testing.T, f *fakeStore) *Engine {
	t.Helper()
	e, err := New(Config{
		Store: f, Logger: slog.New(slog.DiscardHandler), Registerer: prometheus.NewRegistry(), Frontend: sqlstore.FrontendInfo{ID: "fe1"},
	})
	require.NoError(t, err)
	require.NoError(t, e.register(t.Context()))
	e.loader.read(1, time.Now()) // the revision that done names
	return e
}

func testKey(n int) sqlstore.Key {
	return sqlstore.ClientKey(1, sqlstore.KeyHWAddr, fmt.Appendf(nil, "%06d", n))
}

func testPool(size int) *sqlstore.Pool {
	first := netip.MustParseAddr("192.0.2.1")
	last := first
	for range size - 1 {
		last = last.Next()
	}
	return &sqlstore.Pool{ID: 1, Gen: 1, Kind: sqlstore.NA, First: first, Last: last, DelegatedLen: 32}
}

func testItem(op sqlstore.Op, n int, want string, pools ...*sqlstore.Pool) sqlstore.Item {
	it := sqlstore.Item{
		Op: op, Key: testKey(n), Kind: sqlstore.NA, Pools: sqlstore.NewPoolSet(pools...), ValidLft: 3600, OfferLft: 60,
	}
	if want != "" {
		it.Want = netip.MustParseAddr(want)
	}
	return it
}

func insertJob(e *Engine, n int) *job {
	return newInsert(context.Background(), e.fence().Incarnation, sqlstore.Insert{Family: sqlstore.IPv4, Key: testKey(n)})
}

// knownRevisions returns what LoadChanges was given.
func (f *fakeStore) knownRevisions() (out []int64) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, c := range f.known {
		out = append(out, c.Revision)
	}
	return out
}

func (f *fakeStore) batchCount() int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return len(f.batches)
}
