package storetest

import (
	"context"
	"testing"
	"time"

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

// A frontend that was paused, or cut off from the database, while it was moved
// does not come back to it; nor does a new one come. The one that was there goes on when
// the move is undone.
func moveFenced(t *testing.T, dialect string) {
	ctx := t.Context()
	old, next := furnished(t, dialect), migrated(t, dialect)
	from, to := side(t, old), side(t, next)
	paused := sqlstore.FrontendInfo{ID: "paused"}
	var err error
	paused.Incarnation, err = from.Store.Register(ctx, paused)
	require.NoError(t, err)
	_, _, err = from.Store.Heartbeat(ctx, paused)
	require.NoError(t, err)
	old.exec(t, "UPDATE frontend SET heartbeat_at = %s", old.back("heartbeat_at", 11*time.Second))
	refused := func(s transfer.Side) {
		t.Helper()
		_, _, err := s.Store.Heartbeat(ctx, paused)
		require.ErrorIs(t, err, sqlstore.ErrMoved)
		for _, id := range []string{"paused", "new"} {
			_, err = s.Store.Register(ctx, sqlstore.FrontendInfo{ID: id})
			require.ErrorIs(t, err, sqlstore.ErrMoved)
		}
	}
	looked := false
	_, err = transfer.Move(ctx, from, to, transfer.Options{Progress: func(p transfer.Progress) {
		if p.Phase == transfer.Copying && p.Table == "lease4" && !looked {
			looked = true
			refused(from)
			refused(to)
		}
	}})
	require.NoError(t, err)
	require.True(t, looked)
	refused(from)
	_, err = to.Store.Register(ctx, sqlstore.FrontendInfo{ID: "new"})
	require.NoError(t, err)
	require.NoError(t, transfer.Undo(ctx, from))
	_, _, err = from.Store.Heartbeat(ctx, paused)
	require.NoError(t, err)
}
