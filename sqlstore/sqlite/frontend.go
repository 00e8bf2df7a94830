package sqlite

import (
	"context"
	"database/sql/driver"
	"errors"
	"fmt"
	"net/netip"
	"strings"
	"time"

	"rowlock/sqlstore"
)

// errNotRefreshed tells that a heartbeat changed no row.
var errNotRefreshed = errors.New("no row was refreshed")

// Register writes the frontend's row with a new incarnation; ErrMoved in a
// database that a move has marked.
func (s *Store) Register(ctx context.Context, f sqlstore.FrontendInfo) (incarnation int64, err error) {
	err = s.w.write(ctx, "register frontend "+f.ID, func(t *transaction) error {
		if _, err := t.exec(0, "frontend_forget", f.ID, t.now); err != nil {
			return err
		}
		return t.each(0, "frontend_register", func(v []driver.Value) error {
			incarnation = integer(v[0])
			return nil
		}, f.ID, f.Host, f.Version, strings.Join(f.Roles, ","), joinAddrs(f.Addrs), t.rev(0), t.now)
	})
	if err == nil && incarnation == 0 {
		err = s.notRefreshed(ctx, f.ID)
	}
	return incarnation, err
}

// Heartbeat refreshes the row and reads all others.
func (s *Store) Heartbeat(ctx context.Context, f sqlstore.FrontendInfo) (all []sqlstore.FrontendInfo, revision int64, err error) {
	err = s.w.write(ctx, "heartbeat", func(t *transaction) error {
		n, err := t.exec(0, "frontend_heartbeat", f.ID, f.Incarnation, joinAddrs(f.Addrs), f.Revision, flag(f.Draining), t.now, f.Exchanges,
			f.RefusedRevision, f.Refused)
		if err == nil && n == 0 {
			return errNotRefreshed
		}
		return err
	})
	if errors.Is(err, errNotRefreshed) {
		return nil, 0, s.notRefreshed(ctx, f.ID)
	}
	if err != nil {
		return nil, 0, err
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
	return s.w.write(ctx, "unregister frontend "+f.Frontend, func(t *transaction) error {
		_, err := t.exec(0, "frontend_unregister", f.Frontend, f.Incarnation)
		return err
	})
}

// Frontends lists the rows of the last day.
func (s *Store) Frontends(ctx context.Context) ([]sqlstore.FrontendInfo, error) {
	var all []sqlstore.FrontendInfo
	err := s.r.each(ctx, nil, 0, "frontend_list", func(v []any) error {
		f := sqlstore.FrontendInfo{
			ID: text(v[0]), Incarnation: integer(v[1]), Host: text(v[2]), Version: text(v[3]), Addrs: splitAddrs(text(v[5])),
			Revision: integer(v[6]), Draining: integer(v[7]) != 0, Exchanges: integer(v[8]), RefusedRevision: integer(v[9]), Refused: text(v[10]),
			Age: time.Duration(integer(v[11])) * time.Microsecond,
		}
		if roles := text(v[4]); roles != "" {
			f.Roles = strings.Split(roles, ",")
		}
		all = append(all, f)
		return nil
	})
	return all, err
}

func joinAddrs(addrs []netip.Addr) string {
	out := make([]string, len(addrs))
	for i, a := range addrs {
		out[i] = a.String()
	}
	return strings.Join(out, ",")
}

func splitAddrs(list string) (addrs []netip.Addr) {
	for part := range strings.SplitSeq(list, ",") {
		if a, err := netip.ParseAddr(part); err == nil {
			addrs = append(addrs, a)
		}
	}
	return addrs
}

// flag is a boolean column.
func flag(b bool) driver.Value {
	if b {
		return int64(1)
	}
	return int64(0)
}
