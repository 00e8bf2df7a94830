package storetest

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"rowlock/sqlstore"
)

const day = 24 * time.Hour

// testHistory is how long history is kept.
func testHistory(t *testing.T, dialect string) {
	for name, test := range map[string]func(*testing.T, *bench){
		"a year": historyYear, "for ever": historyForEver, "shorter": historyShorter, "in steps": historySteps, "stray": historyStray,
	} {
		t.Run(name, func(t *testing.T) {
			db := migrated(t, dialect)
			test(t, &bench{variants[0], db, Open(t, db.url), newVRF()})
		})
	}
}

// ended writes a holding that ended so long ago, in a partition of its month
// where the engine has them and month says so.
func (b *bench) ended(t *testing.T, n int, ago time.Duration, month bool) {
	t.Helper()
	at := b.db.now(t).Add(-ago)
	if month {
		b.partition(t, at)
	}
	b.db.exec(t, `INSERT INTO lease_history (family, vrf, addr, prefix_len, subnet_id, binding_key, since, ended_at, ended_by, rev, hostname, frontend)
	  VALUES (4, %d, %s, 32, 1, %s, %s, %s, 3, 1, '', 'fe1')`, b.vrf, b.db.address(b.addr(n)), b.db.key(b.key(b.vrf, n)), b.db.timeAt(at.Add(-time.Hour)), b.db.timeAt(at))
}

// timeAt is a literal of a time.
func (d *database) timeAt(at time.Time) string {
	if d.dialect == "sqlite" {
		return fmt.Sprint(at.UnixMicro())
	}
	text := at.UTC().Format("2006-01-02 15:04:05.000000")
	if d.postgres() {
		text += "+00"
	}
	return "'" + text + "'"
}

// partition makes the partition of a month that is before all there are.
func (b *bench) partition(t *testing.T, at time.Time) {
	t.Helper()
	begin := time.Date(at.Year(), at.Month(), 1, 0, 0, 0, 0, time.UTC)
	end := begin.AddDate(0, 1, 0)
	switch {
	case b.db.postgres():
		b.db.exec(t, "CREATE TABLE lease_history_%s PARTITION OF lease_history FOR VALUES FROM (%s) TO (%s)",
			begin.Format("200601"), b.db.timeAt(begin), b.db.timeAt(end))
	case b.db.mysql():
		first := b.db.rows(t, `SELECT partition_name, partition_description FROM information_schema.partitions
		  WHERE table_schema = DATABASE() AND table_name = 'lease_history' ORDER BY partition_ordinal_position LIMIT 1`)[0]
		b.db.exec(t, "ALTER TABLE lease_history REORGANIZE PARTITION %s INTO (PARTITION p%s VALUES LESS THAN ('%s'), PARTITION %s VALUES LESS THAN (%s))",
			first[0], begin.Format("200601"), end.Format("2006-01-02"), first[0], first[1])
	}
}

// bound drops what is too old and returns the addresses of what is left.
func (b *bench) bound(t *testing.T) (left []int) {
	t.Helper()
	_, _, err := b.store.BoundHistory(t.Context())
	require.NoError(t, err)
	for _, h := range b.db.history(t, b.family, b.vrf) {
		left = append(left, int(h.Addr.As4()[3]))
	}
	return left
}

func (b *bench) retain(t *testing.T, seconds string) {
	t.Helper()
	b.db.exec(t, "INSERT INTO parameter (scope, scope_id, name, value) VALUES ('global', 0, 'history_retention', '%s')", seconds)
}

// By default what is older than a year goes, when its month is over a year old.
func historyYear(t *testing.T, b *bench) {
	def, _ := sqlstore.ParameterByName("history_retention")
	require.Equal(t, fmt.Sprint(int(365*day/time.Second)), def.Default, "the routines of the dialects have the same default")
	require.Empty(t, b.bound(t))
	b.ended(t, 1, 400*day, true)
	b.ended(t, 2, 460*day, true)
	b.ended(t, 3, 364*day, false)
	b.ended(t, 4, 0, false)
	require.Equal(t, []int{3, 4}, b.bound(t))
	require.Equal(t, []int{3, 4}, b.bound(t), "once more changes nothing")
	require.NoError(t, b.store.MakePartitions(t.Context()))
	b.ended(t, 5, 0, false)
	require.Equal(t, []int{3, 4, 5}, b.bound(t))
}

func historyForEver(t *testing.T, b *bench) {
	b.retain(t, "0")
	b.ended(t, 1, 4000*day, true)
	b.ended(t, 2, 400*day, false)
	gone, _, err := b.store.BoundHistory(t.Context())
	require.NoError(t, err)
	require.Zero(t, gone)
	require.Equal(t, []int{1, 2}, b.bound(t))
}

// A month stays until its last day is old enough.
func historyShorter(t *testing.T, b *bench) {
	b.retain(t, fmt.Sprint(int(100*day/time.Second)))
	b.ended(t, 1, 135*day, true)
	b.ended(t, 2, 99*day, false)
	require.Equal(t, []int{2}, b.bound(t))
	b.db.exec(t, "UPDATE parameter SET value = '4294967295' WHERE name = 'history_retention'")
	b.ended(t, 3, 4000*day, false)
	require.Equal(t, []int{3, 2}, b.bound(t))
}

// Rows without a partition of their own go in bounded steps.
func historySteps(t *testing.T, b *bench) {
	if b.db.mysql() {
		for _, p := range b.db.rows(t, `SELECT partition_name FROM information_schema.partitions
		  WHERE table_schema = DATABASE() AND table_name = 'lease_history' AND partition_name <> 'p_default'`) {
			b.db.exec(t, "ALTER TABLE lease_history DROP PARTITION %s", p[0])
		}
	}
	b.ended(t, 1, 400*day, false)
	b.ended(t, 2, 1*day, false)
	for n := 1; n < sqlstore.TrimStep+5; n *= 2 {
		b.db.exec(t, `INSERT INTO lease_history (family, vrf, addr, prefix_len, subnet_id, binding_key, since, ended_at, ended_by, rev, hostname, frontend)
		  SELECT family, vrf, addr, prefix_len, subnet_id, binding_key, since, ended_at, ended_by, rev + %d, hostname, frontend
		    FROM lease_history WHERE addr = %s`, n, b.db.address(b.addr(1)))
	}
	old := b.db.number(t, "SELECT count(*) FROM lease_history WHERE addr = %s", b.db.address(b.addr(1)))
	require.Greater(t, old, int64(sqlstore.TrimStep))
	for _, want := range []int64{sqlstore.TrimStep, old - sqlstore.TrimStep, 0} {
		gone, _, err := b.store.BoundHistory(t.Context())
		require.NoError(t, err)
		require.EqualValues(t, want, gone)
	}
	require.Equal(t, []int{2}, b.bound(t))
}

// Rows of this month or later in the default partition are told.
func historyStray(t *testing.T, b *bench) {
	check := func(want bool, what string) {
		t.Helper()
		_, stray, err := b.store.BoundHistory(t.Context())
		require.NoError(t, err)
		require.Equal(t, want && b.db.server(), stray, what)
	}
	check(false, "empty")
	b.ended(t, 1, 0, false)
	b.ended(t, 2, 200*day, false)
	check(false, "rows of this month and of one before all partitions")
	b.ended(t, 3, -300*day, false)
	check(true, "a month without a partition")
	b.db.exec(t, "DELETE FROM lease_history WHERE addr = %s", b.db.address(b.addr(3)))
	check(false, "moved")
}
