package frontend

import (
	"errors"
	"fmt"
	"net/netip"
	"slices"

	"rowlock/sqlstore"
)

// snapshot is the network configuration of one revision, compiled for the
// packet path. It is immutable; whoever handles a packet uses one snapshot
// from beginning to end.
type snapshot struct {
	revision int64
	duid     []byte // DHCPv6 server identifier
	index    index
	limits   limits
}

// network is a subnet with all that a packet from it needs, inherited settings
// included.
type network struct {
	subnet   *sqlstore.Subnet
	link     *sqlstore.Link
	settings settings
	naming   *naming // never nil
	options  optionSet
	// pools and prefixes hold the open pools of all subnets of the link and
	// family, the subnet's own first: addresses, and delegated prefixes. Never
	// nil.
	pools    *sqlstore.PoolSet
	prefixes *sqlstore.PoolSet
	segment  *segment
}

// segment is the part of a link that has one family.
type segment struct {
	networks []*network // those that are open, sorted by prefix
	closing  []*network
	named    bool // the names of clients in one of them are kept in DNS
	// former are the links that subnets of this one came from: clients may
	// still have their bindings under these.
	former []uint32
}

// find returns the network of the segment whose prefix has addr, or nil: a
// client may hold an address of any subnet of its link.
func (g *segment) find(addr netip.Addr) *network {
	i, found := slices.BinarySearchFunc(g.networks, addr, func(n *network, a netip.Addr) int {
		return n.subnet.Prefix.Addr().Compare(a)
	})
	if !found {
		i--
	}
	if i >= 0 && g.networks[i].subnet.Prefix.Contains(addr) {
		return g.networks[i]
	}
	for _, n := range g.closing {
		if n.subnet.Prefix.Contains(addr) {
			return n
		}
	}
	return nil
}

// compile makes a snapshot of c, which it keeps and does not change. Its error
// names the first object that breaks a rule and how many others do.
func compile(c *sqlstore.Config) (*snapshot, error) {
	if c == nil {
		return nil, errors.New("no configuration")
	}
	if found := sqlstore.Check(c); len(found) > 0 {
		return nil, fmt.Errorf("%s (%d rules broken)", found[0], len(found))
	}
	s := &snapshot{revision: c.Revision, duid: c.ServerDUID, limits: newLimits(c.Parameters)}
	var all []*network
	global, err := encodeOptions(c.Options)
	if err != nil {
		return nil, fmt.Errorf("global: %w", err)
	}
	names := newNamings(c)
	naming, err := names.of(nil, c.Parameters)
	if err != nil {
		return nil, fmt.Errorf("global: %w", err)
	}
	for _, l := range c.Links {
		own, err := encodeOptions(l.Options)
		if err != nil {
			return nil, fmt.Errorf("link %d %s: %w", l.ID, l.Name, err)
		}
		naming, err := names.of(naming, l.Parameters, c.Parameters)
		if err != nil {
			return nil, fmt.Errorf("link %d %s: %w", l.ID, l.Name, err)
		}
		networks, err := compileLink(c, l, names, inherited{
			options: familyOptions{own[0].over(global[0]), own[1].over(global[1])}, naming: naming,
		})
		if err != nil {
			return nil, err
		}
		all = append(all, networks...)
	}
	s.index = newIndex(all)
	return s, nil
}

// inherited is what subnets have from their link and from the whole.
type inherited struct {
	options familyOptions
	naming  *naming
}

func compileLink(c *sqlstore.Config, l *sqlstore.Link, names *namings, outer inherited) ([]*network, error) {
	var all []*network
	segments := [2]*segment{{}, {}}
	for _, sub := range l.Subnets {
		n := &network{
			subnet: sub, link: l, segment: segments[familyIndex(sub.Family())],
			settings: newSettings(sub.Family(), sub.Parameters, l.Parameters, c.Parameters),
		}
		own, err := encodeOptions(sub.Options)
		if err != nil {
			return nil, fmt.Errorf("subnet %d (%s): %w", sub.ID, sub.Prefix, err)
		}
		f := familyIndex(sub.Family())
		n.options = own[f].over(outer.options[f])
		if n.naming, err = names.of(outer.naming, sub.Parameters, l.Parameters, c.Parameters); err != nil {
			return nil, fmt.Errorf("subnet %d (%s): %w", sub.ID, sub.Prefix, err)
		}
		n.segment.named = n.segment.named || n.naming.policy.SendUpdates
		if sub.Closing {
			n.segment.closing = append(n.segment.closing, n)
		} else {
			n.segment.networks = append(n.segment.networks, n)
		}
		if prev := sub.PreviousLinkID; prev != 0 && prev != l.ID && !slices.Contains(n.segment.former, prev) {
			n.segment.former = append(n.segment.former, prev)
		}
		all = append(all, n)
	}
	for _, n := range all {
		n.pools = linkPools(l, n.subnet, sqlstore.NA)
		n.prefixes = linkPools(l, n.subnet, sqlstore.PD)
	}
	for _, g := range segments {
		slices.SortFunc(g.networks, func(a, b *network) int {
			return a.subnet.Prefix.Addr().Compare(b.subnet.Prefix.Addr())
		})
	}
	return all, nil
}

// linkPools returns the open pools of a kind of all of the link's subnets that
// are of own's family, own's first.
func linkPools(l *sqlstore.Link, own *sqlstore.Subnet, kind sqlstore.Kind) *sqlstore.PoolSet {
	var first, rest []*sqlstore.Pool
	for _, sub := range l.Subnets {
		if sub.Closing || sub.Family() != own.Family() {
			continue
		}
		for _, p := range sub.Pools {
			switch {
			case p.Closing || p.Kind != kind:
			case sub == own:
				first = append(first, p)
			default:
				rest = append(rest, p)
			}
		}
	}
	return sqlstore.NewPoolSet(append(first, rest...)...)
}

func familyIndex(f sqlstore.Family) int {
	if f == sqlstore.IPv6 {
		return 1
	}
	return 0
}
