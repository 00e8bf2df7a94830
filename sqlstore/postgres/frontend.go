package postgres

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"strings"

	"github.com/jackc/pgx/v5"

	"rowlock/sqlstore"
)

// Register writes the frontend's row with a new incarnation; ErrMoved in a
// database that a move has marked.
func (s *Store) Register(ctx context.Context, f sqlstore.FrontendInfo) (incarnation int64, err error) {
	err = s.general.QueryRow(ctx, s.q.get("frontend_register"), f.ID, f.Host, f.Version, strings.Join(f.Roles, ","), joinAddrs(f.Addrs)).Scan(&incarnation)
	if errors.Is(err, pgx.ErrNoRows) {
		return 0, s.notRefreshed(ctx, f.ID)
	}
	return incarnation, classify(err)
}

// Heartbeat refreshes the row and reads all others.
func (s *Store) Heartbeat(ctx context.Context, f sqlstore.FrontendInfo) (all []sqlstore.FrontendInfo, revision int64, err error) {
	tag, err := s.general.Exec(ctx, s.q.get("frontend_heartbeat"), f.ID, f.Incarnation, joinAddrs(f.Addrs), f.Revision, f.Draining, f.Exchanges,
		f.RefusedRevision, f.Refused)
	if err != nil {
		return nil, 0, classify(err)
	}
	if tag.RowsAffected() == 0 {
		return nil, 0, s.notRefreshed(ctx, f.ID)
	}
	if all, err = s.Frontends(ctx); err != nil {
		return nil, 0, err
	}
	revision, err = s.Revision(ctx)
	return all, revision, err
}

// notRefreshed says why a frontend's row was not written: a move has marked the
// database, or the row is another's.
func (s *Store) notRefreshed(ctx context.Context, id string) error {
	mark, err := s.MoveMark(ctx)
	if err == nil {
		err = mark.Err()
	}
	if err == nil {
		err = sqlstore.ErrFenced
	}
	return fmt.Errorf("heartbeat of %s: %w", id, err)
}

// Unregister removes the row.
func (s *Store) Unregister(ctx context.Context, f sqlstore.Fence) error {
	_, err := s.general.Exec(ctx, s.q.get("frontend_unregister"), f.Frontend, f.Incarnation)
	return classify(err)
}

// Frontends lists the rows of the last day.
func (s *Store) Frontends(ctx context.Context) ([]sqlstore.FrontendInfo, error) {
	rows, err := s.general.Query(ctx, s.q.get("frontend_list"))
	if err != nil {
		return nil, classify(err)
	}
	all, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (f sqlstore.FrontendInfo, err error) {
		var roles, addrs string
		var age float64
		err = row.Scan(&f.ID, &f.Incarnation, &f.Host, &f.Version, &roles, &addrs, &f.Revision, &f.Draining, &f.Exchanges, &f.RefusedRevision, &f.Refused, &age)
		f.Age, f.Addrs = seconds(age), splitAddrs(addrs)
		if roles != "" {
			f.Roles = strings.Split(roles, ",")
		}
		return f, err
	})
	return all, classify(err)
}

func joinAddrs(addrs []netip.Addr) string {
	text := make([]string, len(addrs))
	for i, a := range addrs {
		text[i] = a.String()
	}
	return strings.Join(text, ",")
}

func splitAddrs(text string) (addrs []netip.Addr) {
	for part := range strings.SplitSeq(text, ",") {
		if a, err := netip.ParseAddr(part); err == nil {
			addrs = append(addrs, a)
		}
	}
	return addrs
}
