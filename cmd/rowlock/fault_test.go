package main

import (
	"sync"
	"testing"
)

// TestFaults does to databases what the table of frontend/README.md says of
// faults: TestFaults/postgres/01_database_killed and so on, with the numbers of
// its rows. Each row has a database of its own. Those that are done to the
// server go one after the other; the others wait most of their time, and do so
// together.
func TestFaults(t *testing.T) {
	t.Parallel()
	var engines sync.WaitGroup
	defer engines.Wait()
	run := func(dialect string, test func(*testing.T)) {
		engines.Go(func() { t.Run(dialect, test) })
	}
	for _, dialect := range []string{"postgres", "mariadb", "mysql"} {
		run(dialect, func(t *testing.T) {
			l := newFaultLab(t, dialect)
			t.Run("01_database_killed", l.databaseKilled)
			t.Run("08_read_only", l.readOnly)
			t.Run("08_disk_full", l.diskFull)
			t.Run("09_too_many_connections", l.tooManyConnections)
			var rows sync.WaitGroup
			places := make(chan struct{}, 4)
			defer rows.Wait()
			for name, row := range map[string]func(*testing.T){
				"05_partition":                     l.partition,
				"06_unknown_outcome":               l.unknownOutcome,
				"07_slow":                          l.slow,
				"07_table_locked":                  l.tableLocked,
				"10_deadlock":                      l.deadlock,
				"13_frontend_killed":               l.frontendKilled,
				"13_host_gone":                     l.hostGone,
				"13_host_gone_with_free_addresses": l.hostGoneWithFree,
				"14_duplicates":                    l.duplicates,
			} {
				rows.Go(func() {
					places <- struct{}{}
					defer func() { <-places }()
					t.Run(name, row)
				})
			}
		})
	}
	run("sqlite", func(t *testing.T) {
		t.Run("08_disk_full", diskFullOnSQLite)
		t.Run("14_duplicates", duplicatesOnSQLite)
	})
}
