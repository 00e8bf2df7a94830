package postgres_test

import (
	"context"
	"net/netip"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"rowlock/sqlstore"
	"rowlock/sqlstore/postgres"
	"rowlock/sqlstore/storetest"
)

func pool4(id, gen uint32, first, last netip.Addr) *sqlstore.Pool {
	return &sqlstore.Pool{ID: id, Gen: gen, SubnetID: 1, LinkID: 1, Kind: sqlstore.NA, DelegatedLen: 32, First: first, Last: last}
}

func register(t *testing.T, s *postgres.Store, id string) sqlstore.Fence {
	t.Helper()
	incarnation, err := s.Register(t.Context(), sqlstore.FrontendInfo{ID: id})
	require.NoError(t, err)
	return sqlstore.Fence{Frontend: id, Incarnation: incarnation}
}

func take(t *testing.T, s *postgres.Store, f sqlstore.Fence, p *sqlstore.Pool, want int) sqlstore.Hints {
	t.Helper()
	h, err := s.TakeFree(t.Context(), f, []sqlstore.PoolNeed{{Pool: p, Want: want}})
	require.NoError(t, err)
	require.Len(t, h, 1)
	require.Same(t, p, h[0].Pool)
	return h[0]
}

func number(t *testing.T, c *pgx.Conn, query string) (n int) {
	t.Helper()
	require.NoError(t, c.QueryRow(t.Context(), query).Scan(&n))
	return n
}

func run(t *testing.T, c *pgx.Conn, statement string) {
	t.Helper()
	_, err := c.Exec(t.Context(), statement)
	require.NoError(t, err)
}

func TestHintsAreFenced(t *testing.T) {
	url := storetest.Migrated(t, "postgres")
	s, c := open(t, url, 0), connect(t, url, nil)
	p := pool4(1, 1, addr(0), addr(255))
	f := register(t, s, "a")
	h := take(t, s, f, p, 8)
	for name, stale := range map[string]sqlstore.Fence{
		"former life": {Frontend: "a", Incarnation: f.Incarnation - 1}, "unknown": {Frontend: "b", Incarnation: 1},
	} {
		_, err := s.TakeFree(t.Context(), stale, []sqlstore.PoolNeed{{Pool: p, Want: 8}})
		require.ErrorIs(t, err, sqlstore.ErrFenced, name)
		require.ErrorIs(t, s.DoneFree(t.Context(), stale, []int64{h.Chunk}, nil), sqlstore.ErrFenced, name)
	}
	run(t, c, "UPDATE frontend SET heartbeat_at = now() - interval '6 seconds'")
	_, err := s.TakeFree(t.Context(), f, []sqlstore.PoolNeed{{Pool: p, Want: 8}})
	require.ErrorIs(t, err, sqlstore.ErrFenced, "silent for too long")
	require.ErrorIs(t, s.DoneFree(t.Context(), f, []int64{h.Chunk}, nil), sqlstore.ErrFenced)
	require.Equal(t, 1, number(t, c, "SELECT count(*) FROM addr_chunk"))
	require.NotEmpty(t, take(t, s, sqlstore.Fence{}, p, 8).Addrs, "tools pass")
}

// A frontend that has not seen the newest configuration yet leaves no rows for
// pools that are gone or have another geometry, and takes nothing from them.
func TestHintsOfFormerGenerations(t *testing.T) {
	url := storetest.Migrated(t, "postgres")
	s, c := open(t, url, 0), connect(t, url, nil)
	f := register(t, s, "a")
	run(t, c, `INSERT INTO link (id, name, vrf) VALUES (1, 'one', 0)`)
	run(t, c, `INSERT INTO subnet (id, link_id, previous_link_id, prefix, interface, closing) VALUES (1, 1, 0, '192.0.2.0/24', '', false)`)
	run(t, c, `INSERT INTO pool (id, subnet_id, kind, first_addr, last_addr, delegated_len)
	  VALUES (7, 1, 1, '192.0.2.10', '192.0.2.20', 32), (8, 1, 1, '192.0.2.30', '192.0.2.40', 32)`)
	run(t, c, `UPDATE pool SET last_addr = first_addr WHERE id = 7`)
	run(t, c, `DELETE FROM pool WHERE id = 8`)
	run(t, c, `INSERT INTO addr_free (vrf, addr, pool_id) VALUES (0, '\xc000020a', 7), (0, '\xc000020b', 7), (9, '\xc000020a', 7)`)
	require.Empty(t, take(t, s, f, pool4(7, 1, addr(10), addr(20)), 8).Addrs)
	require.Empty(t, take(t, s, f, pool4(8, 1, addr(30), addr(40)), 8).Addrs)
	require.Zero(t, number(t, c, "SELECT count(*) FROM pool_cursor"))
	require.Zero(t, number(t, c, "SELECT count(*) FROM addr_chunk"))
	require.Equal(t, 3, number(t, c, "SELECT count(*) FROM addr_free"))

	now := pool4(7, 2, addr(10), addr(10))
	require.Len(t, take(t, s, f, now, 8).Addrs, 1)
	given := take(t, s, f, now, 8).Addrs
	require.Len(t, given, 1, "what is in the pool and its vrf")
	require.Equal(t, addr(10), given[0].Addr)
	require.Empty(t, take(t, s, f, now, 8).Addrs)
	require.Equal(t, 1, number(t, c, "SELECT count(*) FROM addr_free"), "the others are forgotten")
}

// No frontend takes more than its share of what was given back.
func TestFreeListIsShared(t *testing.T) {
	url := storetest.Migrated(t, "postgres")
	s, c := open(t, url, 0), connect(t, url, nil)
	f := register(t, s, "a")
	register(t, s, "b")
	p := pool4(1, 1, addr(0), addr(159))
	run(t, c, `INSERT INTO pool_cursor (pool_id, gen, next_index, size) VALUES (1, 1, 160, 160)`)
	run(t, c, `INSERT INTO addr_free (vrf, addr, pool_id) SELECT 0, '\xc00002'::bytea || substr(int4send(i), 4), 1 FROM generate_series(0, 159) i`)
	require.Len(t, take(t, s, f, p, 256).Addrs, 160/2)
	require.Len(t, take(t, s, f, p, 3).Addrs, 3)
	left := 77
	for left > 0 {
		n := len(take(t, s, f, p, 256).Addrs)
		require.Equal(t, max(1, left/2), n)
		left -= n
	}
	require.Empty(t, take(t, s, f, p, 256).Addrs)
}

// Two frontends ask for the same pools in opposite orders.
func TestTakeFreeLocksInOneOrder(t *testing.T) {
	url := storetest.Migrated(t, "postgres")
	s, c := open(t, url, 0), connect(t, url, nil)
	f := register(t, s, "a")
	one, two := pool4(1, 1, addr(0), addr(99)), pool4(2, 1, addr(100), addr(199))
	take(t, s, f, one, 1)
	take(t, s, f, two, 1)
	// somebody holds the cursor of the first pool: whoever is waiting for it
	// must not hold that of the second
	tx, err := c.Begin(t.Context())
	require.NoError(t, err)
	_, err = tx.Exec(t.Context(), "SELECT 1 FROM pool_cursor WHERE pool_id = 1 FOR UPDATE")
	require.NoError(t, err)
	done := make(chan error, 1)
	go func() {
		h, err := s.TakeFree(context.WithoutCancel(t.Context()), f, []sqlstore.PoolNeed{{Pool: two, Want: 1}, {Pool: one, Want: 1}})
		if err == nil && (h[0].Pool != two || h[1].Pool != one) {
			err = context.Canceled
		}
		done <- err
	}()
	watch := connect(t, url, nil)
	waiting := "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
	for number(t, watch, waiting) == 0 {
		require.Empty(t, done)
	}
	_, err = tx.Exec(t.Context(), "SELECT 1 FROM pool_cursor WHERE pool_id = 2 FOR UPDATE NOWAIT")
	require.NoError(t, err)
	require.NoError(t, tx.Commit(t.Context()))
	require.NoError(t, <-done)
}
