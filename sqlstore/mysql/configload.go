package mysql

import (
	"bytes"
	"database/sql/driver"
	"errors"
	"fmt"
	"net/netip"

	"rowlock/sqlstore"
)

// configLoader builds a Config from the rows of the configuration tables.
type configLoader struct {
	cfg     *sqlstore.Config
	secret  []byte
	links   map[int64]*sqlstore.Link
	subnets map[int64]*sqlstore.Subnet
}

func (l *configLoader) head(v []driver.Value) error {
	l.cfg.Revision, l.cfg.ServerDUID, l.secret = integer(v[0]), bytes.Clone(raw(v[1])), bytes.Clone(raw(v[2]))
	l.cfg.Comment = text(v[3])
	return nil
}

func (l *configLoader) vrf(v []driver.Value) error {
	id := uint32(integer(v[0]))
	if integer(v[1]) == 0 {
		l.cfg.VRFs = append(l.cfg.VRFs, sqlstore.VRF{ID: id, Comment: text(v[3])})
		return nil
	}
	n := len(l.cfg.VRFs)
	if n == 0 || l.cfg.VRFs[n-1].ID != id {
		return fmt.Errorf("vrf %d of %q is not there: %w", id, text(v[2]), sqlstore.ErrData)
	}
	vrf := &l.cfg.VRFs[n-1]
	if integer(v[1]) == 1 {
		vrf.Interfaces = append(vrf.Interfaces, text(v[2]))
		return nil
	}
	a, err := netip.ParseAddr(text(v[2]))
	if err != nil {
		return fmt.Errorf("relay of vrf %d: %w: %w", id, sqlstore.ErrData, err)
	}
	vrf.Relays = append(vrf.Relays, a)
	return nil
}

func (l *configLoader) link(v []driver.Value) error {
	link := &sqlstore.Link{ID: uint32(integer(v[0])), Name: text(v[1]), VRF: uint32(integer(v[2])), Comment: text(v[3])}
	l.links[integer(v[0])] = link
	l.cfg.Links = append(l.cfg.Links, link)
	return nil
}

func (l *configLoader) subnet(v []driver.Value) error {
	p, err := netip.ParsePrefix(text(v[4]))
	if err != nil {
		return fmt.Errorf("subnet %d: %w: %w", integer(v[0]), sqlstore.ErrData, err)
	}
	link := l.links[integer(v[1])]
	if link == nil {
		return fmt.Errorf("subnet %d: link %d is not there: %w", integer(v[0]), integer(v[1]), sqlstore.ErrData)
	}
	s := &sqlstore.Subnet{
		ID: uint32(integer(v[0])), LinkID: link.ID, PreviousLinkID: uint32(integer(v[2])), EarlierLinkID: uint32(integer(v[3])), Prefix: p,
		Interface: text(v[5]), InterfaceID: binary(v[6]), Closing: boolean(v[7]), Comment: text(v[8]),
	}
	l.subnets[integer(v[0])] = s
	link.Subnets = append(link.Subnets, s)
	return nil
}

func (l *configLoader) relay(v []driver.Value) error {
	a, err := netip.ParseAddr(text(v[1]))
	if err != nil {
		return fmt.Errorf("relay of subnet %d: %w: %w", integer(v[0]), sqlstore.ErrData, err)
	}
	s := l.subnets[integer(v[0])]
	if s == nil {
		return fmt.Errorf("relay of subnet %d, which is not there: %w", integer(v[0]), sqlstore.ErrData)
	}
	s.Relays = append(s.Relays, a)
	return nil
}

func (l *configLoader) pool(v []driver.Value) error {
	p, err := poolOf(v[3], v[4], v[5])
	if err != nil {
		return fmt.Errorf("pool %d: %w", integer(v[0]), err)
	}
	s := l.subnets[integer(v[1])]
	if s == nil {
		return fmt.Errorf("pool %d: subnet %d is not there: %w", integer(v[0]), integer(v[1]), sqlstore.ErrData)
	}
	p.ID, p.Gen, p.SubnetID, p.LinkID, p.VRF = uint32(integer(v[0])), uint32(integer(v[6])), s.ID, s.LinkID, l.links[int64(s.LinkID)].VRF
	p.Kind, p.Closing, p.Waiting, p.Comment = sqlstore.Kind(integer(v[2])), boolean(v[7]) || s.Closing, boolean(v[8]), text(v[9])
	p.PermKey = sqlstore.PermKeyFor(l.secret, p.ID, p.Gen)
	s.Pools = append(s.Pools, p)
	return nil
}

// poolOf makes a pool of its geometry; ErrData where there is none.
func poolOf(first, last, length driver.Value) (*sqlstore.Pool, error) {
	a, err := netip.ParseAddr(text(first))
	b, berr := netip.ParseAddr(text(last))
	if err = errors.Join(err, berr); err != nil {
		return nil, fmt.Errorf("%w: %w", sqlstore.ErrData, err)
	}
	return &sqlstore.Pool{First: a, Last: b, DelegatedLen: uint8(integer(length))}, nil
}

func (l *configLoader) option(v []driver.Value) error {
	o := sqlstore.OptionData{
		Family: sqlstore.Family(integer(v[2])), Code: uint16(integer(v[3])), Name: text(v[4]), Data: text(v[5]),
		Hex: boolean(v[6]), Always: boolean(v[7]), Comment: text(v[8]),
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
	put := func(p *sqlstore.Parameters, n *sqlstore.Notes) {
		if *p == nil {
			*p = sqlstore.Parameters{}
		}
		(*p)[text(v[2])] = text(v[3])
		comment := text(v[4])
		if comment == "" {
			return
		}
		if *n == nil {
			*n = sqlstore.Notes{}
		}
		(*n)[text(v[2])] = comment
	}
	switch text(v[0]) {
	case "global":
		put(&l.cfg.Parameters, &l.cfg.Notes)
	case "link":
		if t := l.links[integer(v[1])]; t != nil {
			put(&t.Parameters, &t.Notes)
		}
	case "subnet":
		if t := l.subnets[integer(v[1])]; t != nil {
			put(&t.Parameters, &t.Notes)
		}
	}
	return nil
}
