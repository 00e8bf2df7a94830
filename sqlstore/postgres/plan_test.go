package postgres_test

import (
	"context"
	"fmt"
	"maps"
	"regexp"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"rowlock/sqlstore"
	"rowlock/sqlstore/postgres"
	"rowlock/sqlstore/storetest"
)

var families = []sqlstore.Family{sqlstore.IPv4, sqlstore.IPv6}

// connect opens a connection with the given settings.
func connect(t *testing.T, url string, settings map[string]string) *pgx.Conn {
	t.Helper()
	cfg, err := pgx.ParseConfig(url)
	require.NoError(t, err)
	maps.Copy(cfg.RuntimeParams, settings)
	c, err := pgx.ConnectConfig(t.Context(), cfg)
	require.NoError(t, err)
	t.Cleanup(func() { _ = c.Close(context.Background()) })
	return c
}

// plan returns the generic plan of a statement, the one that lanes use.
func plan(t *testing.T, c *pgx.Conn, sql string) string {
	t.Helper()
	_, err := c.Exec(t.Context(), "SET plan_cache_mode = force_generic_plan")
	require.NoError(t, err)
	d, err := c.Prepare(t.Context(), "q", sql)
	require.NoError(t, err)
	args := strings.TrimSuffix(strings.Repeat("NULL, ", len(d.ParamOIDs)), ", ")
	if args != "" {
		args = "(" + args + ")"
	}
	rows, err := c.Query(t.Context(), "EXPLAIN EXECUTE q"+args, pgx.QueryExecModeSimpleProtocol)
	require.NoError(t, err)
	lines, err := pgx.CollectRows(rows, pgx.RowTo[string])
	require.NoError(t, err)
	_, err = c.Exec(t.Context(), "DEALLOCATE q")
	require.NoError(t, err)
	return strings.Join(lines, "\n")
}

// fill adds leases of 50 pools, two thirds of them dead.
func fill(t *testing.T, c *pgx.Conn, f sqlstore.Family, n int) {
	t.Helper()
	fillFrom(t, c, f, 0, n)
	run(t, c, fmt.Sprintf("ANALYZE lease%d", f))
}

func fillFrom(t *testing.T, c *pgx.Conn, f sqlstore.Family, from, to int) {
	t.Helper()
	extra, value, prefix := "", "", `\xc000`
	if f == sqlstore.IPv6 {
		extra, value, prefix = ", prefix_len, iaid, preferred_lft", ", 128, 1, 1800", `\x20010db80000000000000000ffff`
	}
	run(t, c, fmt.Sprintf(`INSERT INTO lease%d (binding_key, vrf, addr, subnet_id, pool_id, pool_gen, state, valid_lft,
	  since, expires_at, reclaim_at, rev%s)
	  SELECT '\x0000000102'::bytea || int4send(i), 0, '%s'::bytea || substr(int4send(i), 3), 1, 1 + i %% 50, 1, 2 + i %% 3, 3600, now(),
	         now() + interval '1 hour', CASE WHEN i %% 3 > 0 THEN now() - interval '1 minute' END, i%s FROM generate_series(%d, %d) i`,
		f, extra, prefix, value, from+1, to))
}

// fillHints adds free addresses, chunks and cursors.
func fillHints(t *testing.T, c *pgx.Conn, from, to int) {
	t.Helper()
	numbers := fmt.Sprintf("generate_series(%d, %d) i", from+1, to)
	run(t, c, `INSERT INTO addr_free (vrf, addr, pool_id) SELECT 0, '\xc000'::bytea || substr(int4send(i), 3), 1 + i % 50 FROM `+numbers)
	run(t, c, "INSERT INTO addr_chunk (pool_id, gen, first_index, n, holder, incarnation) SELECT 1 + i % 50, 1, i, 1, 'fe', 1 FROM "+numbers)
	run(t, c, "INSERT INTO pool_cursor (pool_id, gen, size) SELECT i, 1, 256 FROM "+numbers)
	run(t, c, "INSERT INTO frontend (id, incarnation) SELECT 'fe-' || i, 1 FROM "+numbers)
}

// The statements by the index through which they find rows. Lanes use theirs
// whatever the planner knows; the others where there is a choice.
var (
	lanePlans  = map[string]string{"lease_insert": "_pkey", "lease_update": "_pkey", "lease_activate": "_pkey"}
	leasePlans = map[string]string{
		"lease_due": "_pkey", "lease_delete_offers": "_pkey", "lease_forget": "_reclaim", "lease_above": "_reclaim", "lease_list": "_addr",
	}
	commonPlans    = map[string]string{"frontend_heartbeat": "frontend_pkey"}
	leaseHintPlans = map[string]string{"lease_reclaim": "_reclaim", "lease_held": "_addr"}
	hintPlans      = map[string]string{
		"hint_adopt": "addr_chunk_pool", "hint_cursor": "pool_cursor_pkey", "hint_cursor_make": "pool_cursor_pkey", "hint_free": "addr_free_pool",
		"hint_chunk_done": "addr_chunk_pkey", "hint_free_done": "addr_free_pkey", "hint_others": "addr_chunk_pool", "hint_lent": "addr_free_pool",
		"hint_reach": "pool_cursor_pkey", "hint_chunks": "addr_chunk_pool", "hint_current": "pool_pkey",
	}
	seqScan = regexp.MustCompile(`Seq Scan on (?:lease[46]|addr_chunk|addr_free|pool_cursor)\b`)
)

// The lanes find rows by the primary key, whatever the size of the tables and
// of what the planner knows of them.
func TestLanePlans(t *testing.T) {
	url := storetest.Migrated(t, "postgres")
	lane, plain := connect(t, url, postgres.LaneSettings()), connect(t, url, nil)
	_, statements, err := postgres.QueryNames()
	require.NoError(t, err)
	was := 0
	for _, size := range []int{0, 100, 20000} {
		for _, f := range families {
			fillFrom(t, plain, f, was, size)
			run(t, plain, fmt.Sprintf("ANALYZE lease%d", f))
			table := fmt.Sprintf("lease%d", f)
			for name, index := range lanePlans {
				got := plan(t, lane, statements[f][name])
				require.Contains(t, got, "using "+table+index, "%s at %d rows:\n%s", name, size, got)
				require.NotRegexp(t, seqScan, got, "%s at %d rows", name, size)
				require.Regexp(t, `Index Cond: \(binding_key = k(_\d)?\.key\)`, got, "%s at %d rows", name, size)
				if name == "lease_activate" && f == sqlstore.IPv4 { // and changes them where they lie
					require.Contains(t, got, "Tid Scan on "+table, "at %d rows:\n%s", size, got)
				}
				require.NotContains(t, got, "Hash", "%s at %d rows: locks would be taken in the order of a hash table", name, size)
			}
		}
		was = size
	}
}

// Those who look for addresses, sweep and show a sign of life find rows by an
// index where tables are large, also on a connection that prepared and used the
// statement while they were empty or small, and before the server has looked at
// what there is. In small ones the planner may read all rows.
func TestGeneralPlans(t *testing.T) {
	growing(t, postgres.GeneralSettings(), commonPlans, leasePlans)
}

// Who settles pools once a second reads the generations that are in the way, and
// not all that there ever were.
func TestRetiredPlan(t *testing.T) {
	c := connect(t, storetest.Migrated(t, "postgres"), postgres.GeneralSettings())
	run(t, c, `INSERT INTO pool_gen (pool_id, gen, first_addr, last_addr, delegated_len, retired_rev)
	  SELECT i, 1, '192.0.2.1', '192.0.2.9', 32, nullif(i / 19990, 0) FROM generate_series(1, 20000) i`)
	run(t, c, "ANALYZE pool_gen")
	common, _, err := postgres.QueryNames()
	require.NoError(t, err)
	require.Contains(t, plan(t, c, common["config_retired"]), "using pool_gen_retired")
}

func TestHintPlans(t *testing.T) { growing(t, postgres.NameSettings(), hintPlans, leaseHintPlans) }

// growing looks at plans while tables grow.
func growing(t *testing.T, settings, commonPlans, leasePlans map[string]string) {
	t.Helper()
	url := storetest.Migrated(t, "postgres")
	c, plain := connect(t, url, settings), connect(t, url, nil)
	common, statements, err := postgres.QueryNames()
	require.NoError(t, err)
	wanted := map[string]string{} // index by prepared name
	explain := map[string]string{}
	add := func(name, sql, index string) {
		wanted[name], explain[name] = index, prepared(t, c, name, sql)
	}
	for name, index := range commonPlans {
		add(name, common[name], index)
	}
	for _, f := range families {
		for name, index := range leasePlans {
			add(fmt.Sprint(name, f), statements[f][name], fmt.Sprintf("lease%d%s", f, index))
		}
	}
	was := 0
	for _, size := range []int{0, 100, 20000} {
		fillHints(t, plain, was, size)
		for _, f := range families {
			fillFrom(t, plain, f, was, size)
		}
		for name, statement := range explain {
			var got string
			for range 8 { // a generic plan is thought of after five
				rows, err := c.Query(t.Context(), statement, pgx.QueryExecModeSimpleProtocol)
				require.NoError(t, err)
				lines, err := pgx.CollectRows(rows, pgx.RowTo[string])
				require.NoError(t, err)
				got = strings.Join(lines, "\n")
			}
			require.NotContains(t, got, "One-Time Filter: false", "%s: the arguments show nothing", name)
			if size > 1000 && !strings.HasPrefix(name, "lease_list") { // a person's question: no matter
				require.Contains(t, got, wanted[name], "%s at %d rows:\n%s", name, size, got)
				require.NotRegexp(t, seqScan, got, "%s at %d rows:\n%s", name, size, got)
			}
		}
		was = size
	}
}

// prepared prepares a statement and returns what explains it, with some
// arguments.
func prepared(t *testing.T, c *pgx.Conn, name, sql string) string {
	t.Helper()
	d, err := c.Prepare(t.Context(), name, sql)
	require.NoError(t, err)
	var args []string
	for _, oid := range d.ParamOIDs {
		arg := "'1'"
		if typ, ok := c.TypeMap().TypeForOID(oid); ok && strings.HasPrefix(typ.Name, "_") {
			arg = "'{1}'"
		}
		args = append(args, arg)
	}
	if len(args) == 0 {
		return "EXPLAIN EXECUTE " + name
	}
	return "EXPLAIN EXECUTE " + name + "(" + strings.Join(args, ", ") + ")"
}

// Every statement is one that the server takes on the newest schema.
func TestQueriesPrepare(t *testing.T) {
	c := connect(t, storetest.Migrated(t, "postgres"), nil)
	common, lease, err := postgres.QueryNames()
	require.NoError(t, err)
	require.Greater(t, len(common), 30)
	for name, sql := range common {
		if strings.HasPrefix(name, "migrate_") || strings.HasPrefix(name, "grants_") {
			continue
		}
		_, err := c.Prepare(t.Context(), name, sql)
		require.NoError(t, err, name)
	}
	require.Len(t, lease[sqlstore.IPv4], len(lease[sqlstore.IPv6]))
	for f, set := range lease {
		for name, sql := range set {
			_, err := c.Prepare(t.Context(), fmt.Sprint(name, f), sql)
			require.NoError(t, err, "%s of %s", name, f)
		}
	}
	require.NotContains(t, lease[sqlstore.IPv6]["lease_update"], "lease4")
	require.NotContains(t, lease[sqlstore.IPv4]["lease_update"], "new_preferred")
}
