package postgres

import (
	"context"
	"fmt"
	"net/netip"

	"github.com/jackc/pgx/v5"

	"rowlock/sqlstore"
)

// Revision returns the newest configuration revision.
func (s *Store) Revision(ctx context.Context) (rev int64, err error) {
	err = s.general.QueryRow(ctx, s.q.get("config_revision")).Scan(&rev)
	return rev, classify(err)
}

// LoadConfig reads the configuration in one snapshot.
func (s *Store) LoadConfig(ctx context.Context) (cfg *sqlstore.Config, err error) {
	err = s.snapshot(ctx, func(tx pgx.Tx) error {
		cfg, err = s.loadConfig(ctx, tx, nil)
		return err
	})
	return cfg, classifyConfig(err)
}

// LoadChanges reads what changed since known was loaded; all of it where that is
// more than half of the links.
func (s *Store) LoadChanges(ctx context.Context, known *sqlstore.Config) (cfg *sqlstore.Config, err error) {
	err = s.snapshot(ctx, func(tx pgx.Tx) error {
		var rev int64
		if err := tx.QueryRow(ctx, s.q.get("config_revision")).Scan(&rev); err != nil {
			return err
		}
		if rev == known.Revision {
			cfg = known
			return nil
		}
		rows, err := tx.Query(ctx, s.q.get("config_changed"), known.Revision)
		if err != nil {
			return err
		}
		ids, err := pgx.CollectRows(rows, pgx.RowTo[int32])
		if err != nil {
			return err
		}
		if rev < known.Revision || 2*len(ids) > len(known.Links) {
			cfg, err = s.loadConfig(ctx, tx, nil)
			return err
		}
		part, err := s.loadConfig(ctx, tx, ids)
		if err != nil {
			return err
		}
		links := make([]uint32, len(ids))
		for i, id := range ids {
			links[i] = uint32(id)
		}
		cfg = known.WithLinks(part, links)
		return nil
	})
	return cfg, classifyConfig(err)
}

// snapshot runs do in a transaction that sees one moment.
func (s *Store) snapshot(ctx context.Context, do func(pgx.Tx) error) error {
	return pgx.BeginTxFunc(ctx, s.general, pgx.TxOptions{IsoLevel: pgx.RepeatableRead, AccessMode: pgx.ReadOnly}, do)
}

// loadConfig reads all of the configuration, or what is outside of links and
// those with the given ids.
func (s *Store) loadConfig(ctx context.Context, tx pgx.Tx, ids []int32) (*sqlstore.Config, error) {
	l := &configLoader{s: s, tx: tx, ids: ids, cfg: &sqlstore.Config{}, links: map[int32]*sqlstore.Link{}, subnets: map[int32]*sqlstore.Subnet{}}
	head := tx.QueryRow(ctx, s.q.get("config_head"))
	if err := head.Scan(&l.cfg.Revision, &l.cfg.ServerDUID, &l.secret, &l.cfg.Comment); err != nil {
		return nil, err
	}
	for _, step := range []func(context.Context) error{
		l.loadVRFs, l.loadLinks, l.loadSubnets, l.loadRelays, l.loadPools, l.loadOptions, l.loadParameters, l.loadKeys, l.loadZones,
	} {
		if err := step(ctx); err != nil {
			return nil, fmt.Errorf("load configuration: %w", err)
		}
	}
	return l.cfg, nil
}

// configLoader builds a Config from the rows of the configuration tables.
type configLoader struct {
	s       *Store
	tx      pgx.Tx
	ids     []int32 // of the links to load; nil: of all
	cfg     *sqlstore.Config
	secret  []byte
	links   map[int32]*sqlstore.Link
	subnets map[int32]*sqlstore.Subnet
}

// each calls read for every row of the named query, after scanning into dest.
func (l *configLoader) each(ctx context.Context, query string, dest []any, read func() error) error {
	rows, err := l.tx.Query(ctx, l.s.q.get(query))
	if err != nil {
		return err
	}
	_, err = pgx.ForEachRow(rows, dest, read)
	return err
}

// some is each for a query that there is twice: for everything, and for links.
func (l *configLoader) some(ctx context.Context, query string, dest []any, read func() error) error {
	if l.ids == nil {
		return l.each(ctx, query, dest, read)
	}
	rows, err := l.tx.Query(ctx, l.s.q.get(query+partSuffix), l.ids)
	if err != nil {
		return err
	}
	_, err = pgx.ForEachRow(rows, dest, read)
	return err
}

func (l *configLoader) loadLinks(ctx context.Context) error {
	var id, vrf int32
	var name, comment string
	return l.some(ctx, "config_links", []any{&id, &name, &vrf, &comment}, func() error {
		l.links[id] = &sqlstore.Link{ID: uint32(id), Name: name, VRF: uint32(vrf), Comment: comment}
		l.cfg.Links = append(l.cfg.Links, l.links[id])
		return nil
	})
}

func (l *configLoader) loadSubnets(ctx context.Context) error {
	var id, link, previous, earlier int32
	var prefix, iface, comment string
	var ifaceID []byte
	var closing bool
	return l.some(ctx, "config_subnets", []any{&id, &link, &previous, &earlier, &prefix, &iface, &ifaceID, &closing, &comment}, func() error {
		p, err := netip.ParsePrefix(prefix)
		if err != nil {
			return fmt.Errorf("subnet %d: %w: %w", id, sqlstore.ErrData, err)
		}
		home := l.links[link]
		if home == nil {
			return fmt.Errorf("subnet %d: %w: there is no link %d", id, sqlstore.ErrData, link)
		}
		l.subnets[id] = &sqlstore.Subnet{
			ID: uint32(id), LinkID: uint32(link), PreviousLinkID: uint32(previous), EarlierLinkID: uint32(earlier), Prefix: p, Interface: iface,
			InterfaceID: nonEmpty(append([]byte(nil), ifaceID...)), Closing: closing, Comment: comment,
		}
		home.Subnets = append(home.Subnets, l.subnets[id])
		return nil
	})
}

func (l *configLoader) loadRelays(ctx context.Context) error {
	var id int32
	var addr string
	return l.some(ctx, "config_relays", []any{&id, &addr}, func() error {
		a, err := netip.ParseAddr(addr)
		if err != nil {
			return fmt.Errorf("relay of subnet %d: %w: %w", id, sqlstore.ErrData, err)
		}
		s := l.subnets[id]
		if s == nil {
			return fmt.Errorf("relay %s: %w: there is no subnet %d", a, sqlstore.ErrData, id)
		}
		s.Relays = append(s.Relays, a)
		return nil
	})
}

func (l *configLoader) loadPools(ctx context.Context) error {
	var id, subnet, gen int32
	var kind, length int16
	var first, last, comment string
	var closing, waiting bool
	return l.some(ctx, "config_pools", []any{&id, &subnet, &kind, &first, &last, &length, &gen, &closing, &waiting, &comment}, func() error {
		p, err := newPool(id, first, last, length)
		if err != nil {
			return err
		}
		s := l.subnets[subnet]
		if s == nil {
			return fmt.Errorf("pool %d: %w: there is no subnet %d", id, sqlstore.ErrData, subnet)
		}
		p.Gen, p.Kind, p.SubnetID, p.LinkID, p.VRF = uint32(gen), sqlstore.Kind(kind), s.ID, s.LinkID, l.links[int32(s.LinkID)].VRF
		p.Closing, p.Waiting, p.Comment = closing || s.Closing, waiting, comment
		p.PermKey = sqlstore.PermKeyFor(l.secret, p.ID, p.Gen)
		s.Pools = append(s.Pools, p)
		return nil
	})
}
