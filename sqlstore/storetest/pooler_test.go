package storetest_test

import (
	"slices"
	"testing"

	"rowlock/sqlstore/storetest"
	"rowlock/sqlstore/storetest/dbserver"
)

// Behind a pooler, which may give each transaction another connection of the
// server, everything is as on a direct connection.
func TestConformancePooler(t *testing.T) {
	db := dbserver.Start(t, "postgres", dbserver.Options{})
	url, _ := dbserver.StartPooler(t, db, "postgres")
	t.Setenv("ROWLOCK_TEST_POSTGRES", url)
	parts := []string{"hint", "lane", "sweep", "frontend", "event", "name"}
	storetest.RunSome(t, "postgres", func(name string) bool { return slices.Contains(parts, name) })
}
