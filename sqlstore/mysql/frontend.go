package mysql

import (
	"context"
	"database/sql/driver"
	"fmt"
	"net/netip"
	"strings"

	"rowlock/sqlstore"
)

// Register writes the frontend's row with a new incarnation; ErrMoved in a
// database that a move has marked.
func (s *Store) Register(ctx context.Context, f sqlstore.FrontendInfo) (incarnation int64, err error) {
	err = s.tx(ctx, func(c *conn) error {
		if _, err := c.exec(c.q.get("frontend_prune"), f.ID); err != nil {
			return err
		}
		incarnation = 0
		res, err := c.exec(c.q.get("frontend_register"), f.ID, f.Host, f.Version, strings.Join(f.Roles, ","), joinAddrs(f.Addrs))
		if err != nil {
			return err
		}
		if n, err := res.RowsAffected(); err != nil || n == 0 {
			return err
		}
		return c.each(c.q.get("frontend_incarnation"), []any{f.ID}, func(v []driver.Value) error {
			incarnation = integer(v[0])
			return nil
		})
	})
	if err == nil && incarnation == 0 {
		err = s.notRefreshed(ctx, f.ID)
	}
	return incarnation, err
}

// Heartbeat refreshes the row and reads all others.
func (s *Store) Heartbeat(ctx context.Context, f sqlstore.FrontendInfo) (all []sqlstore.FrontendInfo, revision int64, err error) {
	res, err := s.exec(ctx, s.q.get("frontend_heartbeat"), joinAddrs(f.Addrs), f.Revision, f.Draining, f.Exchanges, f.RefusedRevision, f.Refused,
		f.ID, f.Incarnation)
	if err != nil {
		return nil, 0, err
	}
	if n, err := res.RowsAffected(); err != nil || n == 0 {
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
	_, err := s.exec(ctx, s.q.get("frontend_unregister"), f.Frontend, f.Incarnation)
	return err
}

// Frontends lists the rows of the last day.
func (s *Store) Frontends(ctx context.Context) (all []sqlstore.FrontendInfo, err error) {
	err = s.each(ctx, s.q.get("frontend_list"), nil, func(v []driver.Value) error {
		f := sqlstore.FrontendInfo{
			ID: text(v[0]), Incarnation: integer(v[1]), Host: text(v[2]), Version: text(v[3]), Addrs: splitAddrs(text(v[5])),
			Revision: integer(v[6]), Draining: boolean(v[7]), Exchanges: integer(v[8]), Age: microseconds(integer(v[9])),
			RefusedRevision: integer(v[10]), Refused: text(v[11]),
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
	list := make([]string, len(addrs))
	for i, a := range addrs {
		list[i] = a.String()
	}
	return strings.Join(list, ",")
}

func splitAddrs(list string) (addrs []netip.Addr) {
	for part := range strings.SplitSeq(list, ",") {
		if a, err := netip.ParseAddr(part); err == nil {
			addrs = append(addrs, a)
		}
	}
	return addrs
}
