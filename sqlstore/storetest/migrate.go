package storetest

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"rowlock/migrations"
	"rowlock/sqlstore"
	"rowlock/sqlstore/dialects"
)

func testMigrations(t *testing.T, dialect string) {
	t.Run("up down up", func(t *testing.T) { migrateUpDownUp(t, dialect) })
	t.Run("together", func(t *testing.T) { migrateTogether(t, dialect) })
	t.Run("same tables", func(t *testing.T) { migrateSameTables(t, dialect) })
}

func migrator(t testing.TB, databaseURL string) sqlstore.Migrator {
	t.Helper()
	m, err := dialects.Migrator(t.Context(), databaseURL, dialects.Options{Create: true})
	require.NoError(t, err)
	t.Cleanup(func() { _ = m.Close() })
	return m
}

func migrateUpDownUp(t *testing.T, dialect string) {
	ctx := t.Context()
	db := newDatabase(t, dialect, URL(t, dialect))
	m := migrator(t, db.url)
	store := Open(t, db.url)
	err := store.CheckSchema(ctx)
	require.ErrorIs(t, err, sqlstore.ErrSchema)
	require.ErrorContains(t, err, "rowlock migrate up", "an empty database")

	status, err := m.Status(ctx)
	require.NoError(t, err)
	require.Len(t, status, migrations.Newest)
	for i, s := range status {
		require.EqualValues(t, i+1, s.Version)
		require.False(t, s.Applied)
		require.True(t, s.AppliedAt.IsZero())
	}
	names, err := m.Up(ctx)
	require.NoError(t, err)
	require.Len(t, names, migrations.Newest)
	require.NoError(t, store.CheckSchema(ctx))
	first := db.columns(t)
	again, err := m.Up(ctx)
	require.NoError(t, err)
	require.Empty(t, again)
	status, err = m.Status(ctx)
	require.NoError(t, err)
	for i, s := range status {
		require.True(t, s.Applied)
		require.False(t, s.AppliedAt.IsZero())
		require.Equal(t, names[i], s.Name)
	}

	for _, newest := range slices.Backward(names) {
		name, err := m.Down(ctx)
		require.NoError(t, err)
		require.Equal(t, newest, name)
		err = store.CheckSchema(ctx)
		require.ErrorIs(t, err, sqlstore.ErrSchema)
		require.ErrorContains(t, err, "rowlock migrate up")
	}
	name, err := m.Down(ctx)
	require.NoError(t, err)
	require.Empty(t, name)
	require.Empty(t, db.columns(t), "nothing is left behind")
	_, err = m.Up(ctx)
	require.NoError(t, err)
	require.Equal(t, first, db.columns(t))

	db.exec(t, "INSERT INTO goose_db_version (version_id, is_applied) VALUES (%d, %s)", migrations.Newest+1, map[bool]string{true: "true", false: "1"}[db.postgres()])
	err = store.CheckSchema(ctx)
	require.ErrorIs(t, err, sqlstore.ErrSchema)
	require.ErrorContains(t, err, "install a newer rowlock")
	require.ErrorContains(t, err, fmt.Sprint(migrations.Newest+1))
}

// Several processes that start at once migrate once.
func migrateTogether(t *testing.T, dialect string) {
	databaseURL := URL(t, dialect)
	var wg sync.WaitGroup
	applied := make([]int, 4)
	errs := make([]error, 4)
	for i := range applied {
		m := migrator(t, databaseURL)
		wg.Go(func() {
			var names []string
			names, errs[i] = m.Up(context.Background())
			applied[i] = len(names)
		})
	}
	wg.Wait()
	total := 0
	for i, n := range applied {
		require.NoError(t, errs[i])
		total += n
	}
	require.Equal(t, migrations.Newest, total)
	require.NoError(t, Open(t, databaseURL).CheckSchema(t.Context()))
}

// columns lists tables and views with their columns, those of the migration
// tool and of history partitions left out, and what a column is generated of. So
// is what SQLite alone needs because it has neither a type for addresses nor
// functions: the columns that triggers compare, and the views that triggers call.
func (d *database) columns(t testing.TB) map[string][]string {
	t.Helper()
	query := `SELECT m.name, c.name FROM sqlite_master m, pragma_table_info(m.name) c
	  WHERE m.type IN ('table', 'view') AND m.name NOT LIKE 'sqlite%' AND m.name NOT LIKE 'goose%'
	    AND m.name NOT LIKE 'rowlock%'
	    AND NOT (m.name IN ('subnet', 'subnet_relay', 'pool') AND c.name IN ('vrf', 'first_key', 'last_key', 'end_key'))
	  ORDER BY m.name, c.cid`
	if d.postgres() {
		query = `SELECT table_name, column_name FROM information_schema.columns
		  WHERE table_schema = 'public' AND table_name NOT LIKE 'goose%' AND table_name NOT LIKE 'lease\_history\__%'
		  AND table_name NOT LIKE '%migration_lock' ORDER BY table_name, ordinal_position`
	}
	if d.mysql() {
		query = `SELECT table_name, column_name FROM information_schema.columns
		  WHERE table_schema = DATABASE() AND table_name NOT LIKE 'goose%' AND COALESCE(generation_expression, '') = ''
		  AND NOT (table_name = 'subnet_relay' AND column_name = 'vrf') ORDER BY table_name, ordinal_position`
	}
	out := map[string][]string{}
	rows, err := d.query(t, query)
	require.NoError(t, err)
	for _, r := range rows {
		if r[0] != "rowlock_migration_lock" && (r[0] != "subnet" || r[1] != "vrf") { // kept by triggers wherever the engine likes
			out[r[0]] = append(out[r[0]], r[1])
		}
	}
	return out
}

// keys lists the primary keys, unique constraints and indexes of each table with
// their columns, in order; those of the migration tool are left out.
func (d *database) keys(t testing.TB) map[string][]string {
	t.Helper()
	query := `SELECT m.name, 'primary' AS kind, '' AS named, c.name AS col, c.pk AS n FROM sqlite_master m, pragma_table_info(m.name) c
	   WHERE m.type = 'table' AND m.name NOT LIKE 'sqlite%' AND c.pk > 0
	  UNION ALL SELECT m.name, CASE WHEN i."unique" THEN 'unique' ELSE 'index' END, i.name, x.name, x.seqno
	    FROM sqlite_master m, pragma_index_list(m.name) i, pragma_index_info(i.name) x
	   WHERE m.type = 'table' AND m.name NOT LIKE 'sqlite%' AND i.origin <> 'pk' ORDER BY 1, 2, 3, 5`
	if d.postgres() {
		query = `SELECT t.relname, CASE WHEN i.indisprimary THEN 'primary' WHEN i.indisunique THEN 'unique' ELSE 'index' END, x.relname, a.attname, k.n
		    FROM pg_index i JOIN pg_class t ON t.oid = i.indrelid JOIN pg_class x ON x.oid = i.indexrelid
		    CROSS JOIN LATERAL unnest(i.indkey::smallint[]) WITH ORDINALITY AS k (att, n)
		    JOIN pg_attribute a ON a.attrelid = t.oid AND a.attnum = k.att
		   WHERE t.relnamespace = 'public'::regnamespace AND NOT t.relispartition ORDER BY 1, 2, 3, 5`
	}
	if d.mysql() {
		query = `SELECT table_name, CASE WHEN index_name = 'PRIMARY' THEN 'primary' WHEN non_unique = 0 THEN 'unique' ELSE 'index' END,
		         index_name, column_name, seq_in_index
		    FROM information_schema.statistics WHERE table_schema = DATABASE() ORDER BY 1, 2, 3, 5`
	}
	rows, err := d.query(t, query)
	require.NoError(t, err)
	out := map[string][]string{}
	last := ""
	for _, r := range rows {
		if strings.HasPrefix(r[0], "goose") || r[0] == "rowlock_migration_lock" {
			continue
		}
		if this := strings.Join(r[:3], " "); this != last {
			last = this
			out[r[0]] = append(out[r[0]], r[1])
		}
		list := out[r[0]]
		list[len(list)-1] += " " + r[3]
	}
	for _, list := range out {
		slices.Sort(list)
	}
	return out
}

// Tables, views and columns have the same names, in the same order, in all
// dialects; and the same columns are unique, or have an index.
func migrateSameTables(t *testing.T, dialect string) {
	if dialect == "sqlite" {
		t.Skip("the others are compared with it")
	}
	first, other := migrated(t, "sqlite"), migrated(t, dialect)
	want := first.columns(t)
	require.Greater(t, len(want), 20)
	require.Equal(t, want, other.columns(t))
	keys, others := first.keys(t), other.keys(t)
	require.Greater(t, len(keys), 15)
	for _, k := range []map[string][]string{keys, others} {
		require.Contains(t, k["pool"], "index subnet_id")
		require.Contains(t, k["subnet"], "index link_id")
		// triggers look for neighbours by what the engine has indexes on
		for _, table := range []string{"pool", "pool_gen", "subnet", "subnet_relay"} {
			k[table] = slices.DeleteFunc(k[table], func(key string) bool { return strings.HasPrefix(key, "index ") })
		}
	}
	require.Equal(t, []string{"index hwaddr", "index pool_id reclaim_at", "primary binding_key", "unique vrf addr"}, keys["lease4"])
	require.Equal(t, keys["lease4"], keys["lease6"])
	require.Equal(t, keys, others)
}
