package postgres_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"rowlock/sqlstore"
	"rowlock/sqlstore/storetest"
)

// Of two items with one key, the one whose address the row has is told that it
// was placed.
func TestInsertKeyTwice(t *testing.T) {
	s := open(t, storetest.Migrated(t, "postgres"), 0)
	b := &sqlstore.Batch{Inserts: []sqlstore.Insert{offer(1, addr(1)), offer(1, addr(2)), offer(1, addr(1))}}
	res, err := s.Apply(t.Context(), b)
	require.NoError(t, err)
	require.Equal(t, sqlstore.Inserted, res.Inserts[0].Status)
	require.Equal(t, addr(1), res.Inserts[0].Lease.Addr)
	for _, r := range res.Inserts[1:] {
		require.Equal(t, sqlstore.NotPlaced, r.Status)
		require.Empty(t, r.Lease.Key)
	}
}

// Of two updates of one row, one changes it and writes its history; the other
// has lost a race.
func TestUpdateKeyTwice(t *testing.T) {
	url := storetest.Migrated(t, "postgres")
	s, c := open(t, url, 0), connect(t, url, nil)
	place(t, s, 1)
	_, err := s.Apply(t.Context(), &sqlstore.Batch{Updates: []sqlstore.Update{change(sqlstore.Activate, 1)}})
	require.NoError(t, err)
	one, two := change(sqlstore.Release, 1), change(sqlstore.Release, 1)
	two.Message = 2
	res, err := s.Apply(t.Context(), &sqlstore.Batch{Updates: []sqlstore.Update{one, two}})
	require.NoError(t, err)
	got := []sqlstore.UpdateStatus{res.Updates[0].Status, res.Updates[1].Status}
	require.ElementsMatch(t, []sqlstore.UpdateStatus{sqlstore.Updated, sqlstore.Locked}, got)
	var ended int
	require.NoError(t, c.QueryRow(t.Context(), "SELECT count(*) FROM lease_history").Scan(&ended))
	require.Equal(t, 1, ended)
}
