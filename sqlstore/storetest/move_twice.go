package storetest

import (
	"context"
	"testing"

	"github.com/stretchr/testify/require"

	"rowlock/sqlstore"
	"rowlock/sqlstore/transfer"
)

// Of two moves into the same database one ends, and the other finds out.
func moveTwice(t *testing.T, dialect string) {
	old, next := many(t, otherThan(dialect), 6000), migrated(t, dialect)
	from, to := side(t, old), side(t, next)
	var inner error
	done := false
	_, outer := transfer.Move(t.Context(), from, to, transfer.Options{Progress: func(p transfer.Progress) {
		if p.Phase == transfer.Copying && p.Table == "lease4" && !done {
			done = true
			_, inner = transfer.Move(context.Background(), from, to, transfer.Options{})
		}
	}})
	require.True(t, done)
	require.NoError(t, inner)
	require.ErrorIs(t, outer, sqlstore.ErrOtherMove)
	require.NotContains(t, outer.Error(), "does not fit")
	require.NoError(t, to.Store.CheckSchema(t.Context()))
	_, err := transfer.Compare(t.Context(), from, to, nil)
	require.NoError(t, err)
}

// A move that was begun anew by somebody else, after its own copy was found to
// be whole, does not let what is there now be used.
func moveTakenOver(t *testing.T, dialect string) {
	old, next := furnished(t, otherThan(dialect)), migrated(t, dialect)
	from, to := side(t, old), side(t, next)
	stop, cancel := context.WithCancel(t.Context())
	_, err := transfer.Move(stop, from, to, transfer.Options{Progress: func(p transfer.Progress) {
		if p.Table == "lease4" && p.TableDone {
			cancel()
		}
	}})
	require.ErrorIs(t, err, context.Canceled)
	require.ErrorIs(t, to.Store.FinishCopy(t.Context()), sqlstore.ErrOtherMove, "as the other move would end")
	require.ErrorIs(t, to.Store.CheckSchema(t.Context()), sqlstore.ErrMoved)
	_, err = transfer.Move(t.Context(), from, to, transfer.Options{})
	require.NoError(t, err, "the one that was begun anew goes on")
	require.NoError(t, to.Store.CheckSchema(t.Context()))
}
