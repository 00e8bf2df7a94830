package frontend

import (
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
	config   *sqlstore.Config
	links    map[*sqlstore.Link][]*network // in the order of the link's subnets
}

// network is a subnet with all that a packet from it needs, inherited settings
// included.
type network struct {
	subnet   *sqlstore.Subnet
	link     *sqlstore.Link
	settings settings
	naming   *naming // never nil
	options  optionSet
	// pools and prefixes hold the pools of all subnets of the link and family but
	// those that are closing, the subnet's own first: addresses, and delegated
	// prefixes. Never nil.
	pools    *sqlstore.PoolSet
	prefixes *sqlstore.PoolSet
	segment  *segment
}

// segment is the part of a link that has one family.
type segment struct {
	networks []*network // those that are open, sorted by prefix
	closing  []*network
	byID     map[uint32]*network // the open ones by id of the subnet; nil where there is no other network
	named    bool                // the names of clients in one of them are kept in DNS
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

// scopes returns the parameters that apply in the network, nearest first.
func (n *network) scopes(c *sqlstore.Config) []sqlstore.Parameters {
	return []sqlstore.Parameters{n.subnet.Parameters, n.link.Parameters, c.Parameters}
}

func familyIndex(f sqlstore.Family) int {
	if f == sqlstore.IPv6 {
		return 1
	}
	return 0
}
