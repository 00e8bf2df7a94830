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
	extra, value, prefix := "", "", `\xc000`
	if f == sqlstore.IPv6 {
		extra, value, prefix = ", prefix_len, iaid, preferred_lft", ", 128, 1, 1800", `\x20010db80000000000000000ffff`
	}
	_, err := c.Exec(t.Context(), fmt.Sprintf(`INSERT INTO lease%d (binding_key, vrf, addr, subnet_id, pool_id, pool_gen, state, valid_lft,
	  since, expires_at, reclaim_at, rev%s)
	  SELECT '\x0000000102'::bytea || int4send(i), 0, '%s'::bytea || substr(int4send(i), 3), 1, 1 + i %% 50, 1, 2 + i %% 3, 3600, now(),
	         now() + interval '1 hour', CASE WHEN i %% 3 > 0 THEN now() - interval '1 minute' END, i%s FROM generate_series(1, %d) i`,
		f, extra, prefix, value, n))
	require.NoError(t, err)
	_, err = c.Exec(t.Context(), fmt.Sprintf("ANALYZE lease%d", f))
	require.NoError(t, err)
}

var seqScan = regexp.MustCompile(`Seq Scan on lease[46]\b`)

// The lanes find rows by the primary key, whatever the size of the tables and
// of what the planner knows of them; so do those who sweep large ones.
func TestPlans(t *testing.T) {
	url := storetest.Migrated(t, "postgres")
	lane, plain := connect(t, url, postgres.LaneSettings()), connect(t, url, nil)
	for _, size := range []int{0, 20000} {
		for _, f := range families {
			if size > 0 {
				fill(t, plain, f, size)
			}
			table := fmt.Sprintf("lease%d", f)
			for name, index := range map[string]string{"lease_insert": "_pkey", "lease_update": "_pkey"} {
				sql, err := postgres.LeaseQuery(f, name)
				require.NoError(t, err)
				got := plan(t, lane, sql)
				require.Contains(t, got, "using "+table+index, "%s at %d rows:\n%s", name, size, got)
				require.NotRegexp(t, seqScan, got, "%s at %d rows", name, size)
				require.NotContains(t, got, "Hash", "%s at %d rows: locks would be taken in the order of a hash table", name, size)
			}
			if size == 0 {
				continue
			}
			for name, index := range map[string]string{
				"lease_due": "_pkey", "lease_delete_offers": "_pkey", "lease_reclaim": "_reclaim", "lease_forget": "_reclaim",
				"lease_list": "_addr",
			} {
				sql, err := postgres.LeaseQuery(f, name)
				require.NoError(t, err)
				got := plan(t, plain, sql)
				require.Contains(t, got, table+index, "%s at %d rows:\n%s", name, size, got)
				require.NotRegexp(t, seqScan, got, "%s at %d rows", name, size)
			}
		}
	}
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
