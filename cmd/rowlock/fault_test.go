package main

import "testing"

// TestFaults does to a database what frontend/README.md says of faults, row by
// row: TestFaults/postgres/01_database_killed and so on. The rows after the
// last one in order have each a database and a link of their own, and are at
// work together.
func TestFaults(t *testing.T) {
	for _, dialect := range []string{"postgres", "mariadb", "mysql"} {
		t.Run(dialect, func(t *testing.T) {
			t.Parallel()
			l := newFaultLab(t, dialect)
			t.Run("01_database_killed", l.databaseKilled)
			t.Run("08_read_only", l.readOnly)
			t.Run("08_disk_full", l.diskFull)
			t.Run("09_too_many_connections", l.tooManyConnections)
			together := func(name string, row func(*testing.T)) {
				t.Run(name, func(t *testing.T) {
					t.Parallel()
					row(t)
				})
			}
			together("05_partition", l.partition)
			together("06_unknown_outcome", l.unknownOutcome)
			together("07_slow", l.slow)
			together("07_table_locked", l.tableLocked)
			together("10_deadlock", l.deadlock)
			together("13_frontend_killed", l.frontendKilled)
			together("13_host_gone", l.hostGone)
			together("13_host_gone_with_free_addresses", l.hostGoneWithFree)
			together("14_duplicates", l.duplicates)
		})
	}
	t.Run("sqlite", func(t *testing.T) {
		t.Parallel()
		t.Run("08_disk_full", diskFullOnSQLite)
		t.Run("14_duplicates", duplicatesOnSQLite)
	})
}
