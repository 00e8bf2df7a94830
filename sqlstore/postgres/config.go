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
	opt := pgx.TxOptions{IsoLevel: pgx.RepeatableRead, AccessMode: pgx.ReadOnly}
	err = pgx.BeginTxFunc(ctx, s.general, opt, func(tx pgx.Tx) error {
		cfg, _, err = s.loadConfig(ctx, tx)
		return err
	})
	return cfg, classify(err)
}

func (s *Store) loadConfig(ctx context.Context, tx pgx.Tx) (*sqlstore.Config, []byte, error) {
	l := &configLoader{s: s, tx: tx, cfg: &sqlstore.Config{}, links: map[int32]*sqlstore.Link{}, subnets: map[int32]*sqlstore.Subnet{}}
	if err := tx.QueryRow(ctx, s.q.get("config_head")).Scan(&l.cfg.Revision, &l.cfg.ServerDUID, &l.secret); err != nil {
		return nil, nil, err
	}
	for _, step := range []func(context.Context) error{
		l.loadLinks, l.loadSubnets, l.loadRelays, l.loadPools, l.loadOptions, l.loadParameters, l.loadKeys, l.loadZones,
	} {
		if err := step(ctx); err != nil {
			return nil, nil, fmt.Errorf("load configuration: %w", err)
		}
	}
	return l.cfg, l.secret, nil
}

// configLoader builds a Config from the rows of the configuration tables.
type configLoader struct {
	s       *Store
	tx      pgx.Tx
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

func (l *configLoader) loadLinks(ctx context.Context) error {
	var id, vrf int32
	var name string
	return l.each(ctx, "config_links", []any{&id, &name, &vrf}, func() error {
		l.links[id] = &sqlstore.Link{ID: uint32(id), Name: name, VRF: uint32(vrf)}
		l.cfg.Links = append(l.cfg.Links, l.links[id])
		return nil
	})
}

func (l *configLoader) loadSubnets(ctx context.Context) error {
	var id, link, previous int32
	var prefix, iface string
	var ifaceID []byte
	var closing bool
	return l.each(ctx, "config_subnets", []any{&id, &link, &previous, &prefix, &iface, &ifaceID, &closing}, func() error {
		p, err := netip.ParsePrefix(prefix)
		if err != nil {
			return fmt.Errorf("subnet %d: %w", id, err)
		}
		l.subnets[id] = &sqlstore.Subnet{
			ID: uint32(id), LinkID: uint32(link), PreviousLinkID: uint32(previous), Prefix: p, Interface: iface,
			InterfaceID: nonEmpty(append([]byte(nil), ifaceID...)), Closing: closing,
		}
		l.links[link].Subnets = append(l.links[link].Subnets, l.subnets[id])
		return nil
	})
}

func (l *configLoader) loadRelays(ctx context.Context) error {
	var id int32
	var addr string
	return l.each(ctx, "config_relays", []any{&id, &addr}, func() error {
		a, err := netip.ParseAddr(addr)
		if err != nil {
			return fmt.Errorf("relay of subnet %d: %w", id, err)
		}
		l.subnets[id].Relays = append(l.subnets[id].Relays, a)
		return nil
	})
}

func (l *configLoader) loadPools(ctx context.Context) error {
	var id, subnet, gen int32
	var kind, length int16
	var first, last string
	var closing bool
	return l.each(ctx, "config_pools", []any{&id, &subnet, &kind, &first, &last, &length, &gen, &closing}, func() error {
		a, err := netip.ParseAddr(first)
		if err != nil {
			return fmt.Errorf("pool %d: %w", id, err)
		}
		b, err := netip.ParseAddr(last)
		if err != nil {
			return fmt.Errorf("pool %d: %w", id, err)
		}
		s := l.subnets[subnet]
		s.Pools = append(s.Pools, &sqlstore.Pool{
			ID: uint32(id), Gen: uint32(gen), SubnetID: s.ID, LinkID: s.LinkID, VRF: l.links[int32(s.LinkID)].VRF,
			Kind: sqlstore.Kind(kind), First: a, Last: b, DelegatedLen: uint8(length), Closing: closing || s.Closing,
			PermKey: sqlstore.PermKeyFor(l.secret, uint32(id), uint32(gen)),
		})
		return nil
	})
}

func (l *configLoader) loadOptions(ctx context.Context) error {
	var scope, name, data string
	var id, code int32
	var family int16
	var hex, always bool
	return l.each(ctx, "config_options", []any{&scope, &id, &family, &code, &name, &data, &hex, &always}, func() error {
		o := sqlstore.OptionData{Family: sqlstore.Family(family), Code: uint16(code), Name: name, Data: data, Hex: hex, Always: always}
		switch scope {
		case "global":
			l.cfg.Options = append(l.cfg.Options, o)
		case "link":
			if t := l.links[id]; t != nil {
				t.Options = append(t.Options, o)
			}
		case "subnet":
			if t := l.subnets[id]; t != nil {
				t.Options = append(t.Options, o)
			}
		}
		return nil
	})
}

func (l *configLoader) loadParameters(ctx context.Context) error {
	var scope, name, value string
	var id int32
	put := func(p *sqlstore.Parameters) {
		if *p == nil {
			*p = sqlstore.Parameters{}
		}
		(*p)[name] = value
	}
	return l.each(ctx, "config_parameters", []any{&scope, &id, &name, &value}, func() error {
		switch scope {
		case "global":
			put(&l.cfg.Parameters)
		case "link":
			if t := l.links[id]; t != nil {
				put(&t.Parameters)
			}
		case "subnet":
			if t := l.subnets[id]; t != nil {
				put(&t.Parameters)
			}
		}
		return nil
	})
}
