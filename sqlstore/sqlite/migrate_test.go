package sqlite

import (
	"context"
	"errors"
	"io/fs"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"rowlock/migrations"
	"rowlock/sqlstore"
)

func newMigrator(t *testing.T, file string) sqlstore.Migrator {
	t.Helper()
	m, err := NewMigrator(file, nil, true)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, m.Close()) })
	return m
}

// schema is the text of all tables, indexes and views.
func (x *fixture) schema() (out []string) {
	x.t.Helper()
	rows, err := x.db.Query("SELECT sql FROM sqlite_schema WHERE sql IS NOT NULL ORDER BY name")
	require.NoError(x.t, err)
	defer rows.Close()
	for rows.Next() {
		var s string
		require.NoError(x.t, rows.Scan(&s))
		out = append(out, s)
	}
	require.NoError(x.t, rows.Err())
	return out
}

func TestMigrateUpDownUp(t *testing.T) {
	x := newFixture(t)
	before := x.schema()
	m := newMigrator(t, x.path)
	for i := range migrations.Newest {
		name, err := m.Down(t.Context())
		require.NoError(t, err)
		require.Equal(t, []string{"00008_revision", "00007_bound", "00006_dns", "00005_move", "00004_view", "00003_membership", "00002_lease", "00001_config"}[i], name)
		require.ErrorIs(t, x.CheckSchema(t.Context()), sqlstore.ErrSchema)
	}
	name, err := m.Down(t.Context())
	require.NoError(t, err)
	require.Empty(t, name)
	require.Zero(t, x.number("SELECT count(*) FROM sqlite_schema WHERE type IN ('table', 'view') AND name NOT LIKE 'sqlite_%' AND name <> 'goose_db_version'"))
	status, err := m.Status(t.Context())
	require.NoError(t, err)
	require.Len(t, status, migrations.Newest)
	require.False(t, status[0].Applied)

	applied, err := m.Up(t.Context())
	require.NoError(t, err)
	require.Equal(t, []string{"00001_config", "00002_lease", "00003_membership", "00004_view", "00005_move", "00006_dns", "00007_bound", "00008_revision"}, applied)
	require.Equal(t, before, x.schema())
	require.NoError(t, x.CheckSchema(t.Context()))
	require.Equal(t, sqlstore.Inserted, x.insert(offer4(1)).Status, "an open store goes on")
	status, err = m.Status(t.Context())
	require.NoError(t, err)
	require.True(t, status[4].Applied)
	require.Equal(t, "00005_move", status[4].Name)
	require.Equal(t, int64(5), status[4].Version)
	require.WithinDuration(t, time.Now(), status[4].AppliedAt, time.Hour)
	applied, err = m.Up(t.Context())
	require.NoError(t, err)
	require.Empty(t, applied)
}

// Several processes may migrate at once: each migration is applied once.
func TestMigrateAtOnce(t *testing.T) {
	file := filepath.Join(t.TempDir(), "rowlock.db")
	var wg sync.WaitGroup
	var mu sync.Mutex
	var applied []string
	for range 6 {
		wg.Go(func() {
			m, err := NewMigrator(file, nil, true)
			if err != nil {
				t.Error(err)
				return
			}
			names, err := m.Up(t.Context())
			if err != nil {
				t.Error(err)
			}
			mu.Lock()
			applied = append(applied, names...)
			mu.Unlock()
			if err := m.Close(); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	slices.Sort(applied)
	require.Equal(t, []string{"00001_config", "00002_lease", "00003_membership", "00004_view", "00005_move", "00006_dns", "00007_bound", "00008_revision"}, applied)
	require.NoError(t, openTest(t, file).CheckSchema(t.Context()))
}

func TestMigrateWaitsNoLongerThanItsContext(t *testing.T) {
	file := migrated(t)
	lock, err := lockFile(file + ".migrating")
	require.NoError(t, err)
	defer lock.Close()
	ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	_, err = newMigrator(t, file).Up(ctx)
	require.ErrorIs(t, err, sqlstore.ErrUnavailable)
}

func TestMigrateBesideAWriter(t *testing.T) {
	x := newFixture(t)
	m := newMigrator(t, x.path)
	stop, done := make(chan struct{}), make(chan error, 1)
	go func() {
		for n := 0; ; n++ {
			select {
			case <-stop:
				done <- nil
				return
			default:
			}
			_, err := x.Apply(context.Background(), &sqlstore.Batch{Inserts: []sqlstore.Insert{offer4(n % 1000)}})
			if err != nil && !errors.Is(err, sqlstore.ErrRetry) { // a migration may hold the file for longer than a batch waits
				done <- err
				return
			}
		}
	}()
	for range 5 {
		_, err := m.Down(t.Context()) // which the writer does not need
		require.NoError(t, err)
		_, err = m.Up(t.Context())
		require.NoError(t, err)
	}
	close(stop)
	require.NoError(t, <-done)
}

var (
	createTable = regexp.MustCompile(`(?ms)^CREATE TABLE (\w+) \(\n(.*?)^\)`)
	createView  = regexp.MustCompile(`(?m)^CREATE VIEW (\w+) AS`)
	columnLine  = regexp.MustCompile(`(?m)^  (\w+) +[a-zA-Z]`)
)

// shape lists migrations, and the tables with their columns and the views in
// the order they are made first. Left out are the views and tables rowlock_*,
// which SQLite has where PostgreSQL has functions.
func shape(t *testing.T, dialect string) (out []string) {
	t.Helper()
	files, err := fs.Glob(migrations.Files, dialect+"/*.sql")
	require.NoError(t, err)
	for _, file := range files {
		b, err := migrations.Files.ReadFile(file)
		require.NoError(t, err)
		out = append(out, filepath.Base(file))
		for _, m := range createTable.FindAllStringSubmatch(string(b), -1) {
			var columns []string
			for _, c := range columnLine.FindAllStringSubmatch(m[2], -1) {
				if c[1] != "PRIMARY" && c[1] != "CHECK" {
					columns = append(columns, c[1])
				}
			}
			require.NotEmpty(t, columns, m[1])
			if !strings.HasPrefix(m[1], "rowlock_") {
				out = append(out, "table "+m[1]+" "+strings.Join(columns, " "))
			}
		}
		for _, m := range createView.FindAllStringSubmatch(string(b), -1) {
			if view := "view " + m[1]; !strings.HasPrefix(m[1], "rowlock_") && !slices.Contains(out, view) {
				out = append(out, view)
			}
		}
	}
	return out
}

// The dialects have the same migrations, tables, columns and views.
func TestSchemaMirrorsPostgres(t *testing.T) {
	got := shape(t, "sqlite")
	require.Greater(t, len(got), 25)
	require.Equal(t, shape(t, "postgres"), got)
}

func TestViewColumns(t *testing.T) {
	x := newFixture(t)
	for view, want := range map[string]string{
		"lease_active":    "family vrf address subnet_id pool_id since expires_at valid_lft hwaddr client_id iaid relay_addr circuit_id remote_id subscriber_id hostname frontend",
		"pool_usage":      "pool_id subnet_id kind first_addr last_addr delegated_len closing offered active ended blocked reserved",
		"subnet_usage":    "subnet_id prefix link_id offered active ended blocked reserved",
		"address_holder":  "family vrf address since ended_at ended_by subnet_id hwaddr client_id iaid circuit_id remote_id hostname",
		"frontend_health": "id host version roles addrs revision newest_revision draining started_at heartbeat_age alive refused_revision refused",
	} {
		rows, err := x.db.Query("SELECT * FROM " + view)
		require.NoError(t, err)
		columns, err := rows.Columns()
		require.NoError(t, err)
		require.NoError(t, rows.Close())
		require.Equal(t, want, strings.Join(columns, " "), view)
	}
}

// A configuration of before gets what its rows are compared by, and is told as a
// change of its newest revision.
func TestMigrateAConfiguration(t *testing.T) {
	x := newFixture(t)
	x.run("INSERT INTO link (id, name, vrf) VALUES (1, 'one', 3)")
	x.run("INSERT INTO subnet (id, link_id, prefix) VALUES (1, 1, '192.0.2.0/24')")
	x.run("INSERT INTO subnet_relay (subnet_id, addr) VALUES (1, '198.51.100.1')")
	x.run("INSERT INTO pool (id, subnet_id, kind, first_addr, last_addr, delegated_len) VALUES (1, 1, 1, '192.0.2.10', '192.0.2.20', 32)")
	before, err := x.LoadConfig(t.Context())
	require.NoError(t, err)
	m := newMigrator(t, x.path)
	for range migrations.Newest - 7 {
		_, err = m.Down(t.Context())
		require.NoError(t, err)
	}
	_, err = m.Up(t.Context())
	require.NoError(t, err)
	after, err := x.LoadConfig(t.Context())
	require.NoError(t, err)
	require.Equal(t, before, after)
	require.Equal(t, before.Revision, x.number("SELECT min(revision) FROM config_change"))
	require.EqualValues(t, 3, x.number("SELECT vrf FROM pool_gen"))
	require.EqualValues(t, 3, x.number("SELECT vrf FROM subnet_relay"))
	_, err = x.db.Exec("INSERT INTO pool (id, subnet_id, kind, first_addr, last_addr, delegated_len) VALUES (2, 1, 1, '192.0.2.20', '192.0.2.30', 32)")
	require.ErrorContains(t, err, "pools of a vrf must not overlap")
	_, err = x.db.Exec("INSERT INTO subnet (id, link_id, prefix) VALUES (2, 1, '192.0.2.128/25')")
	require.ErrorContains(t, err, "subnets of a vrf must not overlap")
	rev, err := x.GatherConfig(t.Context(), nil)
	require.NoError(t, err)
	require.Equal(t, before.Revision, rev)
	told, err := x.ConfigAt(t.Context(), rev)
	require.NoError(t, err)
	require.True(t, sqlstore.SameConfig(before, told))
}
