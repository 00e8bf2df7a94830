package postgres

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"rowlock/sqlstore"
)

// classify turns a driver's error into one of sqlstore's, by SQLSTATE.
func classify(err error) error {
	if err == nil || errors.Is(err, context.Canceled) {
		return err
	}
	if errors.Is(err, pgx.ErrNoRows) {
		return fmt.Errorf("%w", sqlstore.ErrNotFound)
	}
	var pe *pgconn.PgError
	if errors.Is(err, pgconn.ErrReadOnlyConnection) {
		return fmt.Errorf("%w: %w: %w", sqlstore.ErrUnavailable, sqlstore.ErrReadOnly, err)
	}
	if !errors.As(err, &pe) {
		return fmt.Errorf("%w: %w", sqlstore.ErrUnavailable, err)
	}
	if strings.HasPrefix(pe.Code, "28") { // invalid authorization
		return fmt.Errorf("%w: %w: %w", sqlstore.ErrUnavailable, sqlstore.ErrLogin, err)
	}
	sentinel := sqlstore.ErrUnavailable
	switch {
	case pe.Code == "40001", pe.Code == "40P01", pe.Code == "55P03":
		sentinel = sqlstore.ErrRetry
	case pe.Code == "23505":
		sentinel = sqlstore.ErrConflict
	case pe.Code == "42501":
		sentinel = sqlstore.ErrDenied
	case strings.HasPrefix(pe.Code, "22"), strings.HasPrefix(pe.Code, "23"):
		sentinel = sqlstore.ErrData
	case pe.Code == "42P01", pe.Code == "42703", pe.Code == "3F000":
		sentinel = sqlstore.ErrSchema
	}
	return fmt.Errorf("%w: %w", sentinel, err)
}

// classifyConfig keeps errors that carry one of sqlstore's already.
func classifyConfig(err error) error {
	for _, ours := range []error{sqlstore.ErrConflict, sqlstore.ErrHeld, sqlstore.ErrNotFound, sqlstore.ErrData} {
		if errors.Is(err, ours) {
			return err
		}
	}
	return classify(err)
}
