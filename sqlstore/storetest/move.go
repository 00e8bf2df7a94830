package storetest

import (
	"fmt"
	"maps"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"rowlock/sqlstore"
	"rowlock/sqlstore/transfer"
)

// testMove copies whole databases into and out of a dialect.
func testMove(t *testing.T, dialect string) {
	t.Run("tables", func(t *testing.T) { moveTables(t, dialect) })
	t.Run("there and back", func(t *testing.T) { moveRound(t, "sqlite", dialect, "sqlite") })
	t.Run("renewal", func(t *testing.T) { moveRenewal(t, dialect) })
	t.Run("counters", func(t *testing.T) { moveCounters(t, dialect) })
	t.Run("interrupted", func(t *testing.T) { moveInterrupted(t, dialect) })
	t.Run("refused", func(t *testing.T) { moveRefused(t, dialect) })
	t.Run("served", func(t *testing.T) { moveServed(t, dialect) })
	t.Run("marks", func(t *testing.T) { moveMarks(t, dialect) })
	t.Run("corrupted", func(t *testing.T) { moveCorrupted(t, dialect) })
	t.Run("unfit", func(t *testing.T) { moveUnfit(t, dialect) })
	t.Run("two at once", func(t *testing.T) { moveTwice(t, dialect) })
	t.Run("fenced", func(t *testing.T) { moveFenced(t, dialect) })
	t.Run("taken over", func(t *testing.T) { moveTakenOver(t, dialect) })
}

// RunMoves moves a database round over the dialects and back to the first.
func RunMoves(t *testing.T, round ...string) {
	moveRound(t, append(round, round[0])...)
}

// side returns a database as a move sees it.
func side(t testing.TB, db *database) transfer.Side {
	t.Helper()
	return transfer.Side{Store: Open(t, db.url), Name: db.url}
}

// furnished makes a database that has rows of every kind.
func furnished(t *testing.T, dialect string) *database {
	t.Helper()
	db := migrated(t, dialect)
	c := &configured{db, Open(t, db.url)}
	db.exec(t, "INSERT INTO event_consumer (name, seq) VALUES ('dns', 3)")
	cfg := wholeSite()
	cfg.Options = append(cfg.Options, sqlstore.OptionData{Family: sqlstore.IPv6, Code: 31, Data: "2001:db8::123"})
	c.apply(t, cfg)
	c.fill(t, cfg)
	c.hints(t, cfg)
	c.oddities(t)
	return db
}

// hints makes rows of addr_chunk, pool_cursor and addr_free.
func (c *configured) hints(t *testing.T, cfg *sqlstore.Config) {
	t.Helper()
	inc, err := c.store.Register(t.Context(), sqlstore.FrontendInfo{ID: "gone"})
	require.NoError(t, err)
	fence := sqlstore.Fence{Frontend: "gone", Incarnation: inc}
	var needs []sqlstore.PoolNeed
	for _, l := range cfg.Links {
		for _, s := range l.Subnets {
			for _, p := range s.Pools {
				needs = append(needs, sqlstore.PoolNeed{Pool: p, Want: 3})
			}
		}
	}
	_, err = c.store.TakeFree(t.Context(), fence, needs)
	require.NoError(t, err)
	require.NoError(t, c.store.Unregister(t.Context(), fence))
	pool := cfg.Links[0].Subnets[0].Pools[0]
	c.db.exec(t, "UPDATE lease4 SET reclaim_at = %s WHERE state = 4", c.db.back("reclaim_at", 48*time.Hour))
	require.Equal(t, 1, reclaimed(t, c.store, pool, 1))
}

// oddities writes what no server has written yet, as its SQL can be the same
// everywhere: history of several months, the log of events, leases without end,
// names outside of ASCII, and numbers at the end of their range.
func (c *configured) oddities(t *testing.T) {
	t.Helper()
	db := c.db
	when := func(month time.Month, us int) string {
		return db.literal(time.Date(2025, month, 3, 4, 5, 6, us*1000, time.UTC))
	}
	for month := time.January; month <= time.June; month++ {
		db.exec(t, `INSERT INTO lease_history (family, vrf, addr, prefix_len, subnet_id, binding_key, since, ended_at, ended_by, rev, hwaddr, iaid, hostname, frontend)
		  VALUES (6, %d, %s, 128, 1, %s, %s, %s, 3, %d, %s, 4294967295, 'größe-%d', 'fe1')`,
			month%3, db.bytes([]byte("0123456789abcde"+string(rune('a'+month)))), db.bytes([]byte{0, 0, 0, 1, 4, 0, 0xff}),
			when(month, 0), when(month, 123456), int64(1)<<62+int64(month), db.bytes([]byte{}), month)
	}
	db.exec(t, `INSERT INTO event_log (seq, at, kind, family, vrf, addr, prefix_len, subnet_id, binding_key, hostname, fqdn_flags, state, rev)
	  SELECT id, at, kind, family, vrf, addr, prefix_len, subnet_id, binding_key, hostname, fqdn_flags, state, rev FROM lease_event`)
	db.exec(t, "DELETE FROM lease_event WHERE kind = 3")
	db.exec(t, "UPDATE lease4 SET expires_at = %s, valid_lft = 4294967295, hostname = 'žluťoučký-kůň', classes = '%s' WHERE state = 2",
		db.literal(time.Date(9000, 1, 1, 0, 0, 0, 0, time.UTC)), strings.Repeat("a, ''b\"c'', ", 300))
	db.exec(t, "UPDATE lease4 SET expires_at = %s WHERE state = 3", db.literal(time.Unix(0, 0).UTC()))
	db.exec(t, "UPDATE option_data SET data = '日本 \\\\ %s' WHERE code = 15", strings.Repeat("x", 70000))
	db.exec(t, `INSERT INTO dns_name (name, zone, state, marked_at, due_at, holder, claim, published, attempted, changed_at)
	  VALUES ('pc.example.org', 'example.org', 1, %[1]s, %[1]s, 'worker', 9, '600 A 192.0.2.1\n600 DHCID AAAB', '', %[1]s)`, when(time.July, 654321))
	db.exec(t, `INSERT INTO dns_name (name, state, marked_at, due_at, last_error, changed_at) VALUES ('pc.example.net', 5, %[1]s, NULL, 'no zone', %[1]s)`, when(time.July, 0))
	db.exec(t, "INSERT INTO dns_name_addr (name, vrf, addr) VALUES ('pc.example.org', 3, %s)", db.bytes([]byte{192, 0, 2, 1}))
	for kind, expires := range map[int]string{1: "NULL", 2: when(time.July, 5)} {
		db.exec(t, `INSERT INTO api_token (id, kind, name, hash, created_at, expires_at) VALUES ('id%[1]d', %[1]d, 'who', %[2]s, %[3]s, %[4]s)`,
			kind, db.bytes([]byte(strings.Repeat(fmt.Sprint(kind), 32))), when(time.May, 1), expires)
	}
	db.exec(t, "UPDATE config_revision SET diff = '-a\n+b\t', comment = ''")
}

// literal is a time as the dialect writes it.
func (d *database) literal(at time.Time) string {
	if d.dialect == "sqlite" {
		return fmt.Sprint(at.UnixMicro())
	}
	zone := map[bool]string{true: "+00"}[d.postgres()]
	return "'" + at.Format("2006-01-02 15:04:05.000000") + zone + "'"
}

// Every table of the schema is copied, with all of its columns, or is in the
// list of those that are not.
func moveTables(t *testing.T, dialect string) {
	db := migrated(t, dialect)
	columns := db.columns(t)
	for _, view := range []string{"lease_active", "pool_usage", "subnet_usage", "address_holder", "frontend_health", "dns_queue"} {
		require.Contains(t, columns, view)
		delete(columns, view)
	}
	require.Contains(t, columns["config_head"], "applying")
	columns["config_head"] = slices.DeleteFunc(columns["config_head"], func(c string) bool { return c == "applying" })
	columns["goose_db_version"], columns["rowlock_migration_lock"] = nil, nil
	reasons := sqlstore.NotCopied()
	for _, table := range sqlstore.CopyTables() {
		require.Equal(t, strings.Join(columns[table.Name], ", "), table.Names(), table.Name)
		require.NotContains(t, reasons, table.Name)
		require.NotEmpty(t, table.Key)
		for _, c := range table.Columns {
			require.NotZero(t, c.Kind, "%s.%s", table.Name, c.Name)
		}
		delete(columns, table.Name)
	}
	require.ElementsMatch(t, slices.Collect(maps.Keys(columns)), slices.Collect(maps.Keys(reasons)))
}

// moveRound moves a database from each dialect to the next; what arrives is
// what was there at first.
func moveRound(t *testing.T, dialects ...string) {
	db := furnished(t, dialects[0])
	var first []transfer.TableSum
	for _, dialect := range dialects[1:] {
		next := migrated(t, dialect)
		from, to := side(t, db), side(t, next)
		sums, err := transfer.Move(t.Context(), from, to, transfer.Options{})
		require.NoError(t, err, "%s to %s", db.dialect, dialect)
		for i, s := range sums {
			require.Equal(t, s.From, s.To)
			if s.Name != "lease_event" {
				require.Positive(t, s.To.Rows, s.Name)
			}
			if first != nil {
				require.Equal(t, first[i], s)
			}
		}
		first = sums
		require.NoError(t, to.Store.CheckSchema(t.Context()), "the target may be used")
		require.Zero(t, next.number(t, "SELECT count(*) FROM config_head WHERE applying"), "triggers are awake")
		config, err := from.Store.LoadConfig(t.Context())
		require.NoError(t, err)
		copied, err := to.Store.LoadConfig(t.Context())
		require.NoError(t, err)
		require.Equal(t, config, copied)
		old, err := revisions(to.Store).ConfigAt(t.Context(), 1)
		require.NoError(t, err)
		require.Len(t, old.Links, len(config.Links))
		for _, f := range []sqlstore.Family{sqlstore.IPv4, sqlstore.IPv6} {
			list, err := to.Store.Leases(t.Context(), sqlstore.LeaseFilter{Family: f})
			require.NoError(t, err, "what was copied can be read")
			require.NotEmpty(t, list)
		}
		require.ErrorIs(t, from.Store.CheckSchema(t.Context()), sqlstore.ErrMoved)
		sums, err = transfer.Compare(t.Context(), from, to, nil)
		require.NoError(t, err)
		require.Equal(t, first, sums)
		db = next
	}
}

// A client renews in the new database what it was given in the old one, and
// nobody else gets it.
func moveRenewal(t *testing.T, dialect string) {
	old, next := migrated(t, "sqlite"), migrated(t, dialect)
	from, to := side(t, old), side(t, next)
	_, err := from.Store.ApplyConfig(t.Context(), sqlstore.AnyRevision, wholeSite(), "author", "")
	require.NoError(t, err)
	before := newEngine(t, from.Store, "old")
	pools := map[string]*sqlstore.PoolSet{}
	link := map[string]uint32{}
	got := map[string][]sqlstore.Lease{}
	for _, v := range variants {
		vrf := newVRF()
		link[v.name], pools[v.name] = vrf, sqlstore.NewPoolSet(v.pool(900+vrf, vrf, 1, 40))
		for client := range 8 {
			l := decide(t, before, v.family, v.item(sqlstore.OpAssign, vrf, client, netip.Addr{}, pools[v.name])).Lease
			require.Equal(t, sqlstore.Active, l.State)
			got[v.name] = append(got[v.name], l)
		}
	}
	require.NoError(t, before.Stop(t.Context()))
	_, err = transfer.Move(t.Context(), from, to, transfer.Options{})
	require.NoError(t, err)
	after := newEngine(t, to.Store, "new")
	for _, v := range variants {
		for client, was := range got[v.name] {
			now := decide(t, after, v.family, v.item(sqlstore.OpRenew, link[v.name], client, was.Addr, pools[v.name])).Lease
			require.Equal(t, was.Addr, now.Addr)
			require.Equal(t, was.Since.UnixMicro(), now.Since.UnixMicro())
			require.Greater(t, now.Rev, was.Rev)
		}
		taken := leases(t, to.Store, v.family, link[v.name])
		for client := 100; client < 108; client++ {
			l := decide(t, after, v.family, v.item(sqlstore.OpAssign, link[v.name], client, netip.Addr{}, pools[v.name])).Lease
			require.True(t, l.Addr.IsValid())
			require.NotContains(t, taken, l.Addr)
		}
	}
}
