package mysql

import (
	"bytes"
	"context"
	"database/sql/driver"
	"fmt"
	"net/netip"
	"time"

	"rowlock/sqlstore"
)

// How often and for how long WaitRevision looks.
const (
	pollEvery = 50 * time.Millisecond
	pollFor   = 250 * time.Millisecond
)

// Revision returns the newest configuration revision.
func (s *Store) Revision(ctx context.Context) (rev int64, err error) {
	err = s.each(ctx, s.q.get("config_revision"), nil, func(v []driver.Value) error {
		rev = integer(v[0])
		return nil
	})
	return rev, err
}

// WaitRevision looks for a newer revision every 50 ms for up to 250 ms: the
// server cannot tell.
func (s *Store) WaitRevision(ctx context.Context, known int64) error {
	until := time.Now().Add(pollFor)
	tick := time.NewTicker(pollEvery)
	defer tick.Stop()
	for {
		rev, err := s.Revision(ctx)
		if err != nil || rev > known || !time.Now().Before(until) {
			return err
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return fmt.Errorf("wait for revision: %w", ctx.Err())
		}
	}
}

// LoadConfig reads the configuration in one snapshot.
func (s *Store) LoadConfig(ctx context.Context) (cfg *sqlstore.Config, err error) {
	err = s.with(ctx, s.general, func(c *conn) error {
		if _, err := c.exec(c.q.get("config_snapshot")); err != nil {
			return err
		}
		if _, err := c.exec(c.q.get("tx_begin")); err != nil {
			return err
		}
		if cfg, _, err = c.loadConfig(); err != nil {
			return c.rollback(err)
		}
		return c.rollback(nil) // nothing was written
	})
	return cfg, err
}

// loadConfig reads the configuration and the secret.
func (c *conn) loadConfig() (*sqlstore.Config, []byte, error) {
	l := &configLoader{cfg: &sqlstore.Config{}, links: map[int64]*sqlstore.Link{}, subnets: map[int64]*sqlstore.Subnet{}}
	for _, step := range []struct {
		query string
		read  func([]driver.Value) error
	}{
		{"config_head", l.head},
		{"config_links", l.link},
		{"config_subnets", l.subnet},
		{"config_relays", l.relay},
		{"config_pools", l.pool},
		{"config_options", l.option},
		{"config_parameters", l.parameter},
		{"config_keys", l.key},
		{"config_zones", l.server},
	} {
		if err := c.each(c.q.get(step.query), nil, step.read); err != nil {
			return nil, nil, fmt.Errorf("%s: %w", step.query, err)
		}
	}
	return l.cfg, l.secret, nil
}

// configLoader builds a Config from the rows of the configuration tables.
type configLoader struct {
	cfg     *sqlstore.Config
	secret  []byte
	links   map[int64]*sqlstore.Link
	subnets map[int64]*sqlstore.Subnet
}

func (l *configLoader) head(v []driver.Value) error {
	l.cfg.Revision, l.cfg.ServerDUID, l.secret = integer(v[0]), bytes.Clone(raw(v[1])), bytes.Clone(raw(v[2]))
	return nil
}

func (l *configLoader) link(v []driver.Value) error {
	link := &sqlstore.Link{ID: uint32(integer(v[0])), Name: text(v[1]), VRF: uint32(integer(v[2]))}
	l.links[integer(v[0])] = link
	l.cfg.Links = append(l.cfg.Links, link)
	return nil
}

func (l *configLoader) subnet(v []driver.Value) error {
	p, err := netip.ParsePrefix(text(v[3]))
	if err != nil {
		return fmt.Errorf("subnet %d: %w", integer(v[0]), err)
	}
	s := &sqlstore.Subnet{
		ID: uint32(integer(v[0])), LinkID: uint32(integer(v[1])), PreviousLinkID: uint32(integer(v[2])), Prefix: p, Interface: text(v[4]),
		InterfaceID: binary(v[5]), Closing: boolean(v[6]),
	}
	l.subnets[integer(v[0])] = s
	link := l.links[integer(v[1])]
	link.Subnets = append(link.Subnets, s)
	return nil
}

func (l *configLoader) relay(v []driver.Value) error {
	a, err := netip.ParseAddr(text(v[1]))
	if err != nil {
		return fmt.Errorf("relay of subnet %d: %w", integer(v[0]), err)
	}
	s := l.subnets[integer(v[0])]
	s.Relays = append(s.Relays, a)
	return nil
}

func (l *configLoader) pool(v []driver.Value) error {
	first, err := netip.ParseAddr(text(v[3]))
	if err != nil {
		return fmt.Errorf("pool %d: %w", integer(v[0]), err)
	}
	last, err := netip.ParseAddr(text(v[4]))
	if err != nil {
		return fmt.Errorf("pool %d: %w", integer(v[0]), err)
	}
	id, gen, s := uint32(integer(v[0])), uint32(integer(v[6])), l.subnets[integer(v[1])]
	s.Pools = append(s.Pools, &sqlstore.Pool{
		ID: id, Gen: gen, SubnetID: s.ID, LinkID: s.LinkID, VRF: l.links[int64(s.LinkID)].VRF, Kind: sqlstore.Kind(integer(v[2])),
		First: first, Last: last, DelegatedLen: uint8(integer(v[5])), Closing: boolean(v[7]) || s.Closing,
		PermKey: sqlstore.PermKeyFor(l.secret, id, gen),
	})
	return nil
}

func (l *configLoader) option(v []driver.Value) error {
	o := sqlstore.OptionData{
		Family: sqlstore.Family(integer(v[2])), Code: uint16(integer(v[3])), Name: text(v[4]), Data: text(v[5]),
		Hex: boolean(v[6]), Always: boolean(v[7]),
	}
	switch text(v[0]) {
	case "global":
		l.cfg.Options = append(l.cfg.Options, o)
	case "link":
		if t := l.links[integer(v[1])]; t != nil {
			t.Options = append(t.Options, o)
		}
	case "subnet":
		if t := l.subnets[integer(v[1])]; t != nil {
			t.Options = append(t.Options, o)
		}
	}
	return nil
}

func (l *configLoader) parameter(v []driver.Value) error {
	put := func(p *sqlstore.Parameters) {
		if *p == nil {
			*p = sqlstore.Parameters{}
		}
		(*p)[text(v[2])] = text(v[3])
	}
	switch text(v[0]) {
	case "global":
		put(&l.cfg.Parameters)
	case "link":
		if t := l.links[integer(v[1])]; t != nil {
			put(&t.Parameters)
		}
	case "subnet":
		if t := l.subnets[integer(v[1])]; t != nil {
			put(&t.Parameters)
		}
	}
	return nil
}
