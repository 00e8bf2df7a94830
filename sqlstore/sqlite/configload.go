package sqlite

import (
	"encoding/json"
	"fmt"
	"math"
	"net/netip"
	"slices"

	"rowlock/sqlstore"
)

// loadConfig reads all of the configuration, or what is outside of links and
// those with the given ids.
func loadConfig(each eachRow, ids []uint32) (*sqlstore.Config, error) {
	l := &loader{cfg: &sqlstore.Config{}, links: map[int64]*sqlstore.Link{}, subnets: map[int64]*sqlstore.Subnet{}}
	suffix, args := "", []any{}
	if ids != nil {
		list, err := json.Marshal(ids)
		if err != nil {
			return nil, err
		}
		suffix, args = partSuffix, []any{string(list)}
	}
	for _, step := range []struct {
		query string
		read  func([]any) error
		part  bool // there is another one for some links
	}{
		{"config_head", l.head, false},
		{"config_vrfs", l.vrf, false},
		{"config_links", l.link, true},
		{"config_subnets", l.subnet, true},
		{"config_relays", l.relay, true},
		{"config_pools", l.pool, true},
		{"config_options", l.option, true},
		{"config_parameters", l.parameter, true},
		{"config_keys", l.key, false},
		{"config_zones", l.server, false},
	} {
		var err error
		if step.part {
			err = each(step.query+suffix, step.read, args...)
		} else {
			err = each(step.query, step.read)
		}
		if err != nil {
			return nil, err
		}
	}
	return l.cfg, nil
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
	l.cfg.Revision, l.cfg.ServerDUID, l.secret, l.cfg.Comment = integer(v[0]), blob(v[1]), blob(v[2]), text(v[3])
	return nil
}

// vrf reads a vrf and one of its selectors, if it has any.
func (l *loader) vrf(v []any) error {
	id, n := uint32(integer(v[0])), len(l.cfg.VRFs)
	if n == 0 || l.cfg.VRFs[n-1].ID != id {
		l.cfg.VRFs = append(l.cfg.VRFs, sqlstore.VRF{ID: id, Comment: text(v[1])})
		n++
	}
	last := &l.cfg.VRFs[n-1]
	if v[2] != nil {
		last.Interfaces = append(last.Interfaces, text(v[2]))
	}
	if v[3] != nil {
		a, err := canonicalAddr(fmt.Sprintf("relay of vrf %d", id), text(v[3]))
		if err != nil {
			return err
		}
		last.Relays = append(last.Relays, a)
		slices.SortFunc(last.Relays, netip.Addr.Compare)
	}
	return nil
}

// rowID reads an id. Triggers see to its bounds; rows that were written past them
// are refused here.
func rowID(what string, v any) (uint32, error) {
	if id := integer(v); id < 1 || id > math.MaxInt32 {
		return 0, fmt.Errorf("%s %d: an id must be from 1 to %d: %w", what, id, math.MaxInt32, sqlstore.ErrData)
	}
	return uint32(integer(v)), nil
}

func (l *loader) link(v []any) error {
	id, err := rowID("link", v[0])
	if err != nil {
		return err
	}
	link := &sqlstore.Link{ID: id, Name: text(v[1]), VRF: uint32(integer(v[2])), Comment: text(v[3])}
	l.links[integer(v[0])] = link
	l.cfg.Links = append(l.cfg.Links, link)
	return nil
}

func (l *loader) subnet(v []any) error {
	id, err := rowID("subnet", v[0])
	if err != nil {
		return err
	}
	prefix, err := netip.ParsePrefix(text(v[4]))
	link := l.links[integer(v[1])]
	if err != nil || link == nil {
		return fmt.Errorf("subnet %d: prefix %q, link %d: %w", id, text(v[4]), integer(v[1]), sqlstore.ErrData)
	}
	if prefix.String() != text(v[4]) {
		return fmt.Errorf("subnet %d: a prefix must be written in its shortest form, as in %s: %q: %w", id, prefix, text(v[4]), sqlstore.ErrData)
	}
	s := &sqlstore.Subnet{
		ID: id, LinkID: link.ID, PreviousLinkID: uint32(integer(v[2])), EarlierLinkID: uint32(integer(v[3])), Prefix: prefix,
		Interface: text(v[5]), Closing: integer(v[7]) != 0, Comment: text(v[8]),
	}
	if port := blob(v[6]); len(port) > 0 {
		s.InterfaceID = port
	}
	l.subnets[integer(v[0])] = s
	link.Subnets = append(link.Subnets, s)
	return nil
}

func (l *loader) relay(v []any) error {
	what := fmt.Sprintf("relay of subnet %d", integer(v[0]))
	a, err := canonicalAddr(what, text(v[1]))
	if err != nil {
		return err
	}
	s := l.subnets[integer(v[0])]
	if s == nil {
		return fmt.Errorf("%s: the subnet must exist: %w", what, sqlstore.ErrData)
	}
	s.Relays = append(s.Relays, a)
	return nil
}

func (l *loader) pool(v []any) error {
	p, err := newPool(v[0], v[3], v[4], v[5])
	if err != nil {
		return err
	}
	s := l.subnets[integer(v[1])]
	if s == nil {
		return fmt.Errorf("pool %d: the subnet must exist: %d: %w", p.ID, integer(v[1]), sqlstore.ErrData)
	}
	p.Kind, p.Gen, p.SubnetID, p.LinkID, p.VRF = sqlstore.Kind(integer(v[2])), uint32(integer(v[6])), s.ID, s.LinkID, l.links[int64(s.LinkID)].VRF
	p.Closing, p.Waiting, p.Comment = integer(v[7]) != 0 || s.Closing, integer(v[8]) != 0, text(v[9])
	p.PermKey = sqlstore.PermKeyFor(l.secret, p.ID, p.Gen)
	s.Pools = append(s.Pools, p)
	return nil
}

func (l *loader) option(v []any) error {
	o := sqlstore.OptionData{
		Family: sqlstore.Family(integer(v[2])), Code: uint16(integer(v[3])), Name: text(v[4]), Data: text(v[5]),
		Hex: integer(v[6]) != 0, Always: integer(v[7]) != 0, Comment: text(v[8]),
	}
	if at := l.scope(text(v[0]), integer(v[1])); at.options != nil {
		*at.options = append(*at.options, o)
	}
	return nil
}

func (l *loader) parameter(v []any) error {
	at := l.scope(text(v[0]), integer(v[1]))
	if at.parameters == nil {
		return nil
	}
	if *at.parameters == nil {
		*at.parameters = sqlstore.Parameters{}
	}
	(*at.parameters)[text(v[2])] = text(v[3])
	if comment := text(v[4]); comment != "" {
		if *at.notes == nil {
			*at.notes = sqlstore.Notes{}
		}
		(*at.notes)[text(v[2])] = comment
	}
	return nil
}

// settings is where settings of a scope go, empty when it has no object: such a
// row was written past the triggers and has no effect.
type settings struct {
	parameters *sqlstore.Parameters
	notes      *sqlstore.Notes
	options    *[]sqlstore.OptionData
}

func (l *loader) scope(name string, id int64) settings {
	switch name {
	case "global":
		return settings{&l.cfg.Parameters, &l.cfg.Notes, &l.cfg.Options}
	case "link":
		if t := l.links[id]; t != nil {
			return settings{&t.Parameters, &t.Notes, &t.Options}
		}
	case "subnet":
		if t := l.subnets[id]; t != nil {
			return settings{&t.Parameters, &t.Notes, &t.Options}
		}
	}
	return settings{}
}
