package postgres

import (
	"context"
	"fmt"
	"io"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/stretchr/testify/require"

	"rowlock/sqlstore"
)

func TestClassify(t *testing.T) {
	for code, want := range map[string]error{
		"40001": sqlstore.ErrRetry, "40P01": sqlstore.ErrRetry, "55P03": sqlstore.ErrRetry,
		"23505": sqlstore.ErrConflict,
		"22001": sqlstore.ErrData, "22P02": sqlstore.ErrData, "23502": sqlstore.ErrData, "23514": sqlstore.ErrData,
		"42P01": sqlstore.ErrSchema, "42703": sqlstore.ErrSchema, "3F000": sqlstore.ErrSchema,
		"57P01": sqlstore.ErrUnavailable, "53300": sqlstore.ErrUnavailable, "28P01": sqlstore.ErrUnavailable, "25006": sqlstore.ErrUnavailable,
		"": sqlstore.ErrUnavailable, "2": sqlstore.ErrUnavailable, // whatever stands between the server and us may say
	} {
		err := &pgconn.PgError{Code: code, Message: "message"}
		require.ErrorIs(t, classify(fmt.Errorf("do: %w", err)), want, code)
		require.ErrorIs(t, classify(err), err, "the cause is kept")
	}
	require.NoError(t, classify(nil))
	require.Equal(t, context.Canceled, classify(context.Canceled))
	require.ErrorIs(t, classify(pgx.ErrNoRows), sqlstore.ErrNotFound)
	require.ErrorIs(t, classify(io.ErrUnexpectedEOF), sqlstore.ErrUnavailable)
	require.ErrorIs(t, classify(context.DeadlineExceeded), sqlstore.ErrUnavailable)
}
