package transfer

import (
	"context"
	"testing"

	"github.com/stretchr/testify/require"

	"rowlock/sqlstore"
)

// cutStore shows one row of each table, and counts as many as it is told.
type cutStore struct {
	sqlstore.Store
	counts int64
}

func (s cutStore) CopySnapshot(_ context.Context, do func(sqlstore.CopyReader) error) error {
	return do(s)
}

func (s cutStore) CountRows(context.Context, *sqlstore.CopyTable) (int64, error) {
	return s.counts, nil
}

func (s cutStore) ReadRows(_ context.Context, _ *sqlstore.CopyTable, _ sqlstore.Row, do func(sqlstore.Row) error) error {
	return do(sqlstore.Row{int64(1)})
}

// A server that cuts results short does so for the copy and for the comparison:
// both sides then look the same, and are not.
func TestCompareCounts(t *testing.T) {
	silent := func(Progress) {}
	whole, cut := Side{cutStore{counts: 1}, "whole"}, Side{cutStore{counts: 2}, "cut"}
	sums, err := compare(t.Context(), whole, whole, silent)
	require.NoError(t, err)
	require.Len(t, sums, len(sqlstore.CopyTables()))
	for _, sides := range [][2]Side{{cut, whole}, {whole, cut}, {cut, cut}} {
		_, err = compare(t.Context(), sides[0], sides[1], silent)
		require.ErrorIs(t, err, ErrDiffer)
		require.ErrorContains(t, err, "read cut: config_head: databases differ: 1 rows were read of 2")
	}
}
