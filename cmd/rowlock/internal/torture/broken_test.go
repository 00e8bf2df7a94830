package torture

import (
	"context"
	"database/sql"
	"errors"
	"log/slog"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/stretchr/testify/require"

	"rowlock/cmd/rowperf/load"
	"rowlock/sqlstore"
	"rowlock/sqlstore/engine"
	"rowlock/sqlstore/storetest"
)

// lifetime of leases in these tests, in seconds.
const lifetime = 1

// world is a database with two engines, which may be broken, and clients that
// speak to them without packets.
type world struct {
	t       *testing.T
	db      *sql.DB
	plain   sqlstore.Store
	engines []*engine.Engine
	pool    *sqlstore.Pool
	log     load.Log
}

// fault breaks an engine: by its store, or in the database.
type fault struct {
	store    func(w *world, s sqlstore.Store) sqlstore.Store
	database string // a statement
}

func newWorld(t *testing.T, dialect string, f fault) *world {
	t.Helper()
	u := storetest.Migrated(t, dialect)
	driver, source := "pgx", u
	if dialect == "sqlite" {
		driver, source = "sqlite", "file:"+strings.TrimPrefix(u, "sqlite:")+"?_pragma=busy_timeout(10000)"
	}
	db, err := sql.Open(driver, source)
	require.NoError(t, err)
	t.Cleanup(func() { _ = db.Close() })
	w := &world{t: t, db: db, plain: storetest.Open(t, u)}
	w.pool = &sqlstore.Pool{
		ID: 1, Gen: 1, SubnetID: 1, LinkID: 1, Kind: sqlstore.NA, DelegatedLen: 32,
		First: netip.MustParseAddr("192.0.2.1"), Last: netip.MustParseAddr("192.0.2.64"),
	}
	_, err = w.plain.ApplyConfig(t.Context(), sqlstore.AnyRevision, &sqlstore.Config{Zones: []sqlstore.DNSZone{{Name: "torture.test"}}}, "test", "")
	require.NoError(t, err)
	if f.database != "" {
		w.exec(f.database)
	}
	store := w.plain
	if f.store != nil {
		store = f.store(w, store)
	}
	for _, id := range []string{"left", "right"} {
		e, err := engine.New(engine.Config{
			Store: store, Logger: slog.New(slog.DiscardHandler), Registerer: prometheus.NewRegistry(),
			Frontend: sqlstore.FrontendInfo{ID: id}, SweepEvery: time.Hour,
		})
		require.NoError(t, err)
		require.NoError(t, e.Start(t.Context()))
		t.Cleanup(func() { _ = e.Stop(context.Background()) })
		w.engines = append(w.engines, e)
	}
	return w
}

func (w *world) exec(statement string, args ...any) {
	w.t.Helper()
	_, err := w.db.ExecContext(w.t.Context(), statement, args...)
	require.NoError(w.t, err)
}

// ask lets a client ask an engine and notes what it saw.
func (w *world) ask(e int, op sqlstore.Op, client int, want netip.Addr) netip.Addr {
	hw := load.HWAddr(seed, client)
	r := &sqlstore.Request{Family: sqlstore.IPv4, Items: []sqlstore.Item{{
		Op: op, Key: keyOf(client), Kind: sqlstore.NA, Want: want, Pools: sqlstore.NewPoolSet(w.pool),
		ValidLft: lifetime, OfferLft: 60, Client: sqlstore.Client{ClientID: hw[:], HWAddr: hw[:], HWType: 1},
	}}}
	seen := load.Event{Sent: time.Now(), Client: client, Asked: prefixOf(want), XID: uint32(len(w.log.Events()))}
	if op == sqlstore.OpRelease {
		seen.At, seen.Type, seen.Addr = seen.Sent, load.Released, prefixOf(want)
		w.log.Record(seen)
	}
	ctx, cancel := context.WithTimeout(w.t.Context(), 20*time.Second)
	defer cancel()
	d, err := w.engines[e].Do(ctx, r)
	for errors.Is(err, sqlstore.ErrBusy) && ctx.Err() == nil {
		d, err = w.engines[e].Do(ctx, r)
	}
	require.NoError(w.t, err)
	if op == sqlstore.OpRelease {
		return netip.Addr{}
	}
	require.Equal(w.t, sqlstore.Granted.String(), d.Results[0].Code.String())
	seen.At, seen.Addr, seen.Valid, seen.Type = time.Now(), d.Results[0].Lease.Prefix(), lifetime, load.Ack
	if op == sqlstore.OpOffer {
		seen.Type, seen.Asked = load.Offer, netip.Prefix{}
	}
	w.log.Record(seen)
	return seen.Addr.Addr()
}

func prefixOf(a netip.Addr) netip.Prefix {
	if !a.IsValid() {
		return netip.Prefix{}
	}
	return netip.PrefixFrom(a, a.BitLen())
}

// live is what clients do in each of these tests: two want one address, one gives
// its lease back to both engines.
func (w *world) live() {
	want := netip.MustParseAddr("192.0.2.50")
	for client := range 2 {
		offered := w.ask(client, sqlstore.OpOffer, client, want)
		w.ask(client, sqlstore.OpSelect, client, offered)
		w.ask(1-client, sqlstore.OpRenew, client, offered)
	}
	third := w.ask(0, sqlstore.OpOffer, 2, netip.Addr{})
	w.ask(1, sqlstore.OpSelect, 2, third)
	w.ask(0, sqlstore.OpRelease, 2, third)
	w.ask(1, sqlstore.OpRelease, 2, third)
}

// settle ends all leases and returns what there is to be checked, with the log
// that the consumer has.
func (w *world) settle(consume func(lead sqlstore.Lead)) *Record {
	w.t.Helper()
	time.Sleep(lifetime*time.Second + 100*time.Millisecond)
	_, err := w.engines[0].Sweep(w.t.Context())
	require.NoError(w.t, err)
	lead := sqlstore.Lead{Name: sqlstore.LeadSequence, Holder: "test"}
	lead.Fence, err = w.plain.Lead(w.t.Context(), lead.Name, lead.Holder, time.Minute)
	require.NoError(w.t, err)
	consume(lead)
	r := &Record{Seed: seed, Events: w.log.Events()}
	r.Tables, err = Read(w.t.Context(), w.plain)
	require.NoError(w.t, err)
	return r
}

// sequence takes all events into the log.
func (w *world) sequence(lead sqlstore.Lead) {
	w.t.Helper()
	_, err := w.plain.Sequence(w.t.Context(), lead, 500, func(*sqlstore.Event) []sqlstore.NameMark { return nil })
	require.NoError(w.t, err)
}

// fill takes the rest of the pool by one engine, the only one.
func (w *world) fill(patience time.Duration) []Violation {
	w.t.Helper()
	w.exec("UPDATE lease4 SET reclaim_at = 1 WHERE reclaim_at IS NOT NULL")
	require.NoError(w.t, w.engines[1].Stop(w.t.Context()))
	_, lost, err := Fill(w.t.Context(), w.engines[0], w.plain, w.pool, patience)
	require.NoError(w.t, err)
	return lost
}

// What the next tests find is not there in an engine that is whole.
func TestWholeEngine(t *testing.T) {
	t.Parallel()
	w := newWorld(t, "sqlite", fault{})
	w.live()
	vs := append(Check(w.settle(w.sequence)), w.fill(30*time.Second)...)
	require.Empty(t, vs)
}

func TestBrokenNoUniqueAddress(t *testing.T) {
	t.Parallel()
	w := newWorld(t, "sqlite", fault{database: "DROP INDEX lease4_addr"})
	w.live()
	require.Equal(t, []string{"double-allocation", NotARegister, RowsOverlap}, rulesOf(Check(w.settle(w.sequence))))
}

// early answers before the transaction, which then is lost.
type early struct{ sqlstore.Store }

func (s early) Apply(ctx context.Context, b *sqlstore.Batch) (*sqlstore.BatchResult, error) {
	if len(b.Updates) == 0 || b.Updates[0].Action != sqlstore.Activate {
		return s.Store.Apply(ctx, b)
	}
	res := &sqlstore.BatchResult{Revision: 1, Alive: true}
	for _, u := range b.Updates {
		l := sqlstore.Lease{Family: u.Family, Key: u.Key, Addr: u.Addr, PrefixLen: 32, State: sqlstore.Active, ValidLft: u.ValidLft, Remaining: lifetime * time.Second}
		res.Updates = append(res.Updates, sqlstore.UpdateResult{Status: sqlstore.Updated, Lease: l, Fresh: true})
	}
	return res, nil
}

func TestBrokenReplyBeforeCommit(t *testing.T) {
	t.Parallel()
	w := newWorld(t, "sqlite", fault{store: func(_ *world, s sqlstore.Store) sqlstore.Store { return early{s} }})
	w.live()
	require.Equal(t, []string{NotInDatabase}, rulesOf(Check(w.settle(w.sequence))))
}

// hasty writes the event of what an item asks for, whether the row changed or not.
type hasty struct {
	sqlstore.Store
	w *world
}

func (s hasty) Apply(ctx context.Context, b *sqlstore.Batch) (*sqlstore.BatchResult, error) {
	res, err := s.Store.Apply(ctx, b)
	if err != nil {
		return nil, err
	}
	for i, u := range b.Updates {
		if u.Action == sqlstore.Release && res.Updates[i].Status != sqlstore.Updated {
			s.w.exec(`INSERT INTO lease_event (kind, family, vrf, addr, prefix_len, subnet_id, binding_key, hostname, fqdn_flags, state, rev)
				VALUES (3, 4, 0, ?1, 32, 1, ?2, '', 0, 4, ?3)`, u.Addr.AsSlice(), []byte(u.Key), time.Now().UnixMicro())
		}
	}
	return res, nil
}

func TestBrokenEventFromItems(t *testing.T) {
	t.Parallel()
	w := newWorld(t, "sqlite", fault{store: func(w *world, s sqlstore.Store) sqlstore.Store { return hasty{s, w} }})
	w.live()
	require.Equal(t, []string{EventTooMany}, rulesOf(Check(w.settle(w.sequence))))
}

// forgetful loses one address of a chunk that it says it goes on holding.
type forgetful struct {
	sqlstore.Store
	once  sync.Once
	lost  netip.Addr
	chunk atomic.Int64
}

func (s *forgetful) TakeFree(ctx context.Context, f sqlstore.Fence, needs []sqlstore.PoolNeed) ([]sqlstore.Hints, error) {
	if id := s.chunk.Load(); id != 0 && f.Frontend == "left" {
		needs = slices.Clone(needs)
		for i := range needs {
			needs[i].Known = append(slices.Clone(needs[i].Known), id)
		}
	}
	hints, err := s.Store.TakeFree(ctx, f, needs)
	for i := range hints {
		h := &hints[i]
		if n := len(h.Addrs); n > 1 && h.Chunk != 0 && f.Frontend == "left" { // the one that is there in the end
			s.once.Do(func() {
				s.lost, h.Addrs = h.Addrs[n-1].Addr, h.Addrs[:n-1]
				s.chunk.Store(h.Chunk)
			})
		}
	}
	return hints, err
}

func (s *forgetful) DoneFree(ctx context.Context, f sqlstore.Fence, chunks []int64, used []sqlstore.UsedFree) error {
	chunks = slices.DeleteFunc(slices.Clone(chunks), func(id int64) bool { return id == s.chunk.Load() })
	return s.Store.DoneFree(ctx, f, chunks, used)
}

func TestBrokenLostHint(t *testing.T) {
	t.Parallel()
	broken := &forgetful{}
	w := newWorld(t, "sqlite", fault{store: func(_ *world, s sqlstore.Store) sqlstore.Store {
		broken.Store = s
		return broken
	}})
	w.live()
	require.Empty(t, Check(w.settle(w.sequence)))
	found := w.fill(3 * time.Second)
	require.True(t, broken.lost.IsValid())
	require.Equal(t, []string{AddressLost}, rulesOf(found))
	require.Contains(t, prefixesOf(found), prefixOf(broken.lost))
}

func prefixesOf(vs []Violation) (out []netip.Prefix) {
	for _, v := range vs {
		out = append(out, v.Prefix)
	}
	return out
}

// slow holds up the transaction that writes an event of client 7 between its
// event's number and its commit.
const slow = `CREATE FUNCTION slow() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  PERFORM pg_sleep(0.5);
  RETURN NULL;
END $$;
CREATE TRIGGER slow AFTER INSERT ON lease_event FOR EACH ROW WHEN (NEW.kind = 1 AND NEW.addr = '\xc0000207'::bytea) EXECUTE FUNCTION slow()`

// Two engines commit in another order than their events are numbered in. A
// consumer that keeps a number misses one; the sequencer takes every event.
func TestBrokenCursorOnIDs(t *testing.T) {
	t.Parallel()
	w := newWorld(t, "postgres", fault{database: slow})
	first, second := netip.MustParseAddr("192.0.2.7"), netip.MustParseAddr("192.0.2.8")
	require.Equal(t, first, w.ask(0, sqlstore.OpOffer, 7, first))
	require.Equal(t, second, w.ask(1, sqlstore.OpOffer, 8, second))
	var cursor int64
	var seen []LogEvent
	take := func() {
		rows, err := w.db.QueryContext(t.Context(), "SELECT id, kind, binding_key, addr, rev FROM lease_event WHERE id > $1 ORDER BY id", cursor)
		require.NoError(t, err)
		defer func() { _ = rows.Close() }()
		for rows.Next() {
			var key, addr []byte
			e := LogEvent{Seq: int64(len(seen) + 1)}
			require.NoError(t, rows.Scan(&cursor, &e.Kind, &key, &addr, &e.Rev))
			e.Key, e.Prefix = sqlstore.Key(key), netip.PrefixFrom(netip.AddrFrom4([4]byte(addr)), 32)
			seen = append(seen, e)
		}
		require.NoError(t, rows.Err())
	}
	var wg sync.WaitGroup
	wg.Go(func() { w.ask(0, sqlstore.OpSelect, 7, first) })
	require.Eventually(t, func() bool { // the slow one has its number
		var n int
		require.NoError(t, w.db.QueryRowContext(t.Context(),
			"SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event = 'PgSleep'").Scan(&n))
		return n == 1
	}, 10*time.Second, 5*time.Millisecond)
	w.ask(1, sqlstore.OpSelect, 8, second)
	take()
	require.Len(t, seen, 1, "the slow transaction has not ended")
	wg.Wait()
	r := w.settle(func(lead sqlstore.Lead) {
		take()
		w.sequence(lead)
	})
	require.Empty(t, Check(r))
	r.Tables.Log = seen
	require.Equal(t, []string{EventMissing}, rulesOf(Check(r)))
}
