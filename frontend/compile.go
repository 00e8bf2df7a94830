package frontend

import (
	"errors"
	"fmt"
	"reflect"
	"slices"

	"rowlock/sqlstore"
)

// compile makes a snapshot of c, which it keeps and does not change. What
// previous has for links that are still the same object in c is used again where
// nothing global has changed; previous may be nil. The error names the first
// object that breaks a rule, and how many do.
func compile(c *sqlstore.Config, previous *snapshot) (*snapshot, error) {
	if c == nil {
		return nil, errors.New("no configuration")
	}
	if found := sqlstore.Check(c); len(found) > 0 {
		return nil, fmt.Errorf("%s (%d rules broken)", found[0], len(found))
	}
	return build(c, previous)
}

// build is compile of a configuration that sqlstore.Check has nothing against.
func build(c *sqlstore.Config, previous *snapshot) (*snapshot, error) {
	s := &snapshot{
		revision: c.Revision, duid: c.ServerDUID, limits: newLimits(c.Parameters),
		config: c, links: make(map[*sqlstore.Link][]*network, len(c.Links)),
	}
	k, err := newCompiler(c)
	if err != nil {
		return nil, err
	}
	var known map[*sqlstore.Link][]*network
	if previous != nil && sameGlobals(previous.config, c) {
		known = previous.links
	}
	all := make([]*network, 0, len(c.Links))
	for _, l := range c.Links {
		networks, same := known[l]
		if !same {
			if networks, err = k.link(l); err != nil {
				return nil, err
			}
		}
		s.links[l] = networks
		all = append(all, networks...)
	}
	s.index = newIndex(c.VRFs, all)
	return s, nil
}

// sameGlobals tells whether all that networks have from outside of their links
// is the same in two configurations.
func sameGlobals(a, b *sqlstore.Config) bool {
	return reflect.DeepEqual(a.Parameters, b.Parameters) && reflect.DeepEqual(a.Options, b.Options) && reflect.DeepEqual(a.Zones, b.Zones)
}

// compiler compiles the links of a configuration.
type compiler struct {
	config  *sqlstore.Config
	names   *namings
	options familyOptions // global ones
	naming  *naming       // global one
}

func newCompiler(c *sqlstore.Config) (*compiler, error) {
	k := &compiler{config: c, names: newNamings(c)}
	var err error
	if k.options, err = encodeOptions("global", scopeGlobal, c.Options); err != nil {
		return nil, err
	}
	k.naming, err = k.names.of("global", nil, c.Parameters)
	return k, err
}

// link compiles the subnets of a link, in their order.
func (k *compiler) link(l *sqlstore.Link) ([]*network, error) {
	own, err := encodeOptions(linkObject(l), scopeLink, l.Options)
	if err != nil {
		return nil, err
	}
	options := familyOptions{own[0].over(k.options[0]), own[1].over(k.options[1])}
	naming, err := k.names.of(linkObject(l), k.naming, l.Parameters, k.config.Parameters)
	if err != nil {
		return nil, err
	}
	all := make([]*network, len(l.Subnets))
	var segments [2]*segment
	for i, sub := range l.Subnets {
		g := &segments[familyIndex(sub.Family())]
		if *g == nil {
			*g = &segment{}
		}
		all[i] = &network{subnet: sub, link: l, segment: *g}
		if err := k.subnet(all[i], options[familyIndex(sub.Family())], naming); err != nil {
			return nil, err
		}
		(*g).add(all[i])
	}
	for f, g := range segments {
		if g != nil {
			g.finish()
			sharePools(all, f)
		}
	}
	return all, nil
}

// subnet fills in the settings of a network, over those of its link.
func (k *compiler) subnet(n *network, options optionSet, naming *naming) error {
	sub := n.subnet
	scopes := n.scopes(k.config)
	n.settings = newSettings(sub.Family(), scopes...)
	own, err := encodeOptions(subnetObject(n.link, sub), scopeSubnet, sub.Options)
	if err != nil {
		return err
	}
	n.options = own[familyIndex(sub.Family())].over(options)
	n.naming, err = k.names.of(subnetObject(n.link, sub), naming, scopes...)
	return err
}

func (g *segment) add(n *network) {
	g.named = g.named || n.naming.policy.SendUpdates
	if n.subnet.Closing {
		g.closing = append(g.closing, n)
	} else {
		g.networks = append(g.networks, n)
	}
	for _, id := range []uint32{n.subnet.PreviousLinkID, n.subnet.EarlierLinkID} {
		if id != 0 && id != n.link.ID && !slices.Contains(g.former, id) {
			g.former = append(g.former, id)
		}
	}
}

func (g *segment) finish() {
	if len(g.networks)+len(g.closing) < 2 {
		return
	}
	slices.SortFunc(g.networks, func(a, b *network) int { return a.subnet.Prefix.Addr().Compare(b.subnet.Prefix.Addr()) })
	g.byID = make(map[uint32]*network, len(g.networks))
	for _, n := range g.networks {
		g.byID[n.subnet.ID] = n
	}
}

// sharePools gives the networks of a family the pools of all of them.
func sharePools(all []*network, family int) {
	var pools [2][]*sqlstore.Pool // by kind
	for _, n := range all {
		if familyIndex(n.subnet.Family()) != family || n.subnet.Closing {
			continue
		}
		for _, p := range n.subnet.Pools {
			if i := kindIndex(p.Kind); !p.Closing {
				pools[i] = append(pools[i], p)
			}
		}
	}
	addresses, prefixes := sqlstore.NewPoolSet(pools[0]...), sqlstore.NewPoolSet(pools[1]...)
	for _, n := range all {
		if familyIndex(n.subnet.Family()) == family {
			n.pools, n.prefixes = addresses.Prefer(n.subnet.Pools...), prefixes.Prefer(n.subnet.Pools...)
		}
	}
}

func kindIndex(k sqlstore.Kind) int {
	if k == sqlstore.PD {
		return 1
	}
	return 0
}
