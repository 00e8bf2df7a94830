package sqlite

import (
	"context"
	"database/sql"
	"fmt"
	"net/netip"
	"time"

	"rowlock/sqlstore"
)

// pollInterval bounds how long a change of another process goes unnoticed.
const pollInterval = 250 * time.Millisecond

// Revision returns the newest revision.
func (s *Store) Revision(ctx context.Context) (rev int64, err error) {
	err = s.r.one(ctx, "config_revision", func(v []any) error {
		rev = integer(v[0])
		return nil
	})
	return rev, err
}

// WaitRevision returns at once when a newer revision is there, when this
// process applies one, or after 250 ms: SQLite cannot tell of the changes of
// other processes.
func (s *Store) WaitRevision(ctx context.Context, known int64) error {
	s.mu.Lock()
	changed := s.changed
	s.mu.Unlock()
	rev, err := s.Revision(ctx)
	if err != nil || rev > known {
		return err
	}
	timer := time.NewTimer(pollInterval)
	defer timer.Stop()
	select {
	case <-changed:
	case <-timer.C:
	case <-ctx.Done():
		return fmt.Errorf("wait for revision: %w", ctx.Err())
	}
	return nil
}

// announce wakes everybody in WaitRevision.
func (s *Store) announce() {
	s.mu.Lock()
	defer s.mu.Unlock()
	close(s.changed)
	s.changed = make(chan struct{})
}

// LoadConfig reads the configuration in one snapshot.
func (s *Store) LoadConfig(ctx context.Context) (cfg *sqlstore.Config, err error) {
	err = s.r.snapshot(ctx, func(tx *sql.Tx) error {
		cfg, _, err = loadConfig(func(name string, read func([]any) error) error { return s.r.each(ctx, tx, 0, name, read) })
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("load configuration: %w", err)
	}
	return cfg, nil
}

// eachRow calls read with every row of a query without arguments.
type eachRow func(query string, read func([]any) error) error

// loadConfig reads the configuration and the secret.
func loadConfig(each eachRow) (*sqlstore.Config, []byte, error) {
	l := &loader{cfg: &sqlstore.Config{}, links: map[int64]*sqlstore.Link{}, subnets: map[int64]*sqlstore.Subnet{}}
	for _, step := range []struct {
		query string
		read  func([]any) error
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
		if err := each(step.query, step.read); err != nil {
			return nil, nil, err
		}
	}
	return l.cfg, l.secret, nil
}

// loader builds a Config from the rows of the configuration tables. Foreign
// keys see to it that links come with their subnets and these with theirs.
type loader struct {
	cfg     *sqlstore.Config
	secret  []byte
	links   map[int64]*sqlstore.Link
	subnets map[int64]*sqlstore.Subnet
}

func (l *loader) head(v []any) error {
	l.cfg.Revision, l.cfg.ServerDUID, l.secret = integer(v[0]), blob(v[1]), blob(v[2])
	return nil
}

func (l *loader) link(v []any) error {
	link := &sqlstore.Link{ID: uint32(integer(v[0])), Name: text(v[1]), VRF: uint32(integer(v[2]))}
	l.links[integer(v[0])] = link
	l.cfg.Links = append(l.cfg.Links, link)
	return nil
}

func (l *loader) subnet(v []any) error {
	prefix, err := netip.ParsePrefix(text(v[3]))
	link := l.links[integer(v[1])]
	if err != nil || link == nil {
		return fmt.Errorf("subnet %d: prefix %q, link %d: %w", integer(v[0]), text(v[3]), integer(v[1]), sqlstore.ErrData)
	}
	s := &sqlstore.Subnet{
		ID: uint32(integer(v[0])), LinkID: link.ID, PreviousLinkID: uint32(integer(v[2])), Prefix: prefix,
		Interface: text(v[4]), Closing: integer(v[6]) != 0,
	}
	if id := blob(v[5]); len(id) > 0 {
		s.InterfaceID = id
	}
	l.subnets[integer(v[0])] = s
	link.Subnets = append(link.Subnets, s)
	return nil
}

func (l *loader) relay(v []any) error {
	a, err := netip.ParseAddr(text(v[1]))
	s := l.subnets[integer(v[0])]
	if err != nil || s == nil {
		return fmt.Errorf("relay %q of subnet %d: %w", text(v[1]), integer(v[0]), sqlstore.ErrData)
	}
	s.Relays = append(s.Relays, a)
	return nil
}

func (l *loader) pool(v []any) error {
	first, err := netip.ParseAddr(text(v[3]))
	if err != nil {
		return fmt.Errorf("pool %d: %w: %w", integer(v[0]), sqlstore.ErrData, err)
	}
	last, err := netip.ParseAddr(text(v[4]))
	s := l.subnets[integer(v[1])]
	if err != nil || s == nil {
		return fmt.Errorf("pool %d: last address %q, subnet %d: %w", integer(v[0]), text(v[4]), integer(v[1]), sqlstore.ErrData)
	}
	id, gen := uint32(integer(v[0])), uint32(integer(v[6]))
	s.Pools = append(s.Pools, &sqlstore.Pool{
		ID: id, Gen: gen, SubnetID: s.ID, LinkID: s.LinkID, VRF: l.links[int64(s.LinkID)].VRF, Kind: sqlstore.Kind(integer(v[2])),
		First: first, Last: last, DelegatedLen: uint8(integer(v[5])), Closing: integer(v[7]) != 0 || s.Closing,
		PermKey: sqlstore.PermKeyFor(l.secret, id, gen),
	})
	return nil
}

func (l *loader) option(v []any) error {
	o := sqlstore.OptionData{
		Family: sqlstore.Family(integer(v[2])), Code: uint16(integer(v[3])), Name: text(v[4]), Data: text(v[5]),
		Hex: integer(v[6]) != 0, Always: integer(v[7]) != 0,
	}
	if _, options := l.scope(text(v[0]), integer(v[1])); options != nil {
		*options = append(*options, o)
	}
	return nil
}

func (l *loader) parameter(v []any) error {
	params, _ := l.scope(text(v[0]), integer(v[1]))
	if params == nil {
		return nil
	}
	if *params == nil {
		*params = sqlstore.Parameters{}
	}
	(*params)[text(v[2])] = text(v[3])
	return nil
}

// scope returns where settings of a scope go, nil when it has no object: such
// a row was written by hand and has no effect.
func (l *loader) scope(name string, id int64) (*sqlstore.Parameters, *[]sqlstore.OptionData) {
	switch name {
	case "global":
		return &l.cfg.Parameters, &l.cfg.Options
	case "link":
		if t := l.links[id]; t != nil {
			return &t.Parameters, &t.Options
		}
	case "subnet":
		if t := l.subnets[id]; t != nil {
			return &t.Parameters, &t.Options
		}
	}
	return nil, nil
}
