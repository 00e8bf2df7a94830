package sqlstore

import (
	"cmp"
	"fmt"
	"net/netip"
	"reflect"
	"slices"
)

// Assign prepares next to take the place of old: ids that are 0 are taken from
// the object of old that is the same one (links by name, or by the prefix of a
// lone subnet; subnets by vrf and prefix; pools by subnet and geometry, or by
// the largest overlap with a pool of the subnet and kind that is no more), else
// chosen; references between objects and the permutation keys of pools are
// filled in, and pools of a closing subnet are closing; a subnet that moved to
// another link remembers the old one; a pool whose geometry changed, or that
// comes back after it was removed, gets the next generation. A chosen id was
// never used before: leases and history may still name those of removed
// objects. It returns ErrConflict when an id is used twice, and the errors of
// KeepSecrets, which it calls.
func Assign(old, next *Config, secret []byte, used UsedIDs) error {
	if err := KeepSecrets(old, next); err != nil {
		return err
	}
	a := newAssigner(old, secret, used)
	for _, l := range next.Links {
		a.claim(l)
	}
	for _, l := range next.Links {
		if err := a.link(l); err != nil {
			return err
		}
	}
	slices.SortFunc(next.Links, func(x, y *Link) int { return cmp.Compare(x.ID, y.ID) })
	next.ServerDUID = old.ServerDUID
	return nil
}

// UsedIDs are the ids that the database has ever used.
type UsedIDs struct {
	Link, Subnet uint32            // highest ones
	Gens         map[uint32]uint32 // highest generation of each pool id
}

// Add notes a row of the statement config_gens: what it is about (1 a pool, 2
// links, 3 subnets), the id, and of a pool its generation.
func (u *UsedIDs) Add(what int, id, gen uint32) {
	switch what {
	case 1:
		if u.Gens == nil {
			u.Gens = map[uint32]uint32{}
		}
		u.Gens[id] = gen
	case 2:
		u.Link = id
	case 3:
		u.Subnet = id
	}
}

type vrfPrefix struct {
	vrf    uint32
	prefix netip.Prefix
}

type poolShape struct {
	subnet      uint32
	kind        Kind
	first, last netip.Addr
	length      uint8
}

type assigner struct {
	secret   []byte
	gens     map[uint32]uint32
	linkName map[string]*Link
	named    map[string]bool // names of shared networks in the next configuration
	subnets  map[vrfPrefix]*Subnet
	subnetID map[uint32]*Subnet
	linkOf   map[uint32]*Link
	pools    map[poolShape]*Pool
	poolID   map[uint32]*Pool

	usedLink, usedSubnet, usedPool map[uint32]bool
	takenPool                      map[uint32]bool // ids that no other pool may get
	lastLink, lastSubnet, lastPool uint32
}

func newAssigner(old *Config, secret []byte, used UsedIDs) *assigner {
	a := &assigner{
		secret: secret, gens: used.Gens, lastLink: used.Link, lastSubnet: used.Subnet, linkName: map[string]*Link{}, named: map[string]bool{}, subnets: map[vrfPrefix]*Subnet{},
		subnetID: map[uint32]*Subnet{}, linkOf: map[uint32]*Link{}, pools: map[poolShape]*Pool{}, poolID: map[uint32]*Pool{},
		usedLink: map[uint32]bool{}, usedSubnet: map[uint32]bool{}, usedPool: map[uint32]bool{},
		takenPool: map[uint32]bool{},
	}
	for id := range used.Gens {
		a.lastPool = max(a.lastPool, id)
	}
	for _, l := range old.Links {
		a.lastLink = max(a.lastLink, l.ID)
		if l.Name != "" {
			a.linkName[l.Name] = l
		}
		for _, s := range l.Subnets {
			a.lastSubnet = max(a.lastSubnet, s.ID)
			a.subnets[vrfPrefix{l.VRF, s.Prefix}] = s
			a.subnetID[s.ID], a.linkOf[s.ID] = s, l
			for _, p := range s.Pools {
				a.lastPool = max(a.lastPool, p.ID)
				a.pools[shape(s.ID, p)], a.poolID[p.ID] = p, p
			}
		}
	}
	return a
}

func shape(subnet uint32, p *Pool) poolShape {
	return poolShape{subnet, p.Kind, p.First, p.Last, p.DelegatedLen}
}

// claim keeps explicit ids from being chosen for others.
func (a *assigner) claim(l *Link) {
	a.lastLink = max(a.lastLink, l.ID)
	a.named[l.Name] = true
	for _, s := range l.Subnets {
		a.lastSubnet = max(a.lastSubnet, s.ID)
		for _, p := range s.Pools {
			a.lastPool = max(a.lastPool, p.ID)
			if p.ID != 0 {
				a.takenPool[p.ID] = true
			}
		}
	}
}

func (a *assigner) link(l *Link) error {
	for _, s := range l.Subnets {
		if err := a.subnet(l, s); err != nil {
			return err
		}
	}
	if l.ID == 0 {
		l.ID = a.oldLinkID(l)
	}
	if l.ID == 0 || a.usedLink[l.ID] && l.Name == "" {
		a.lastLink++
		l.ID = a.lastLink
	}
	if err := use(a.usedLink, l.ID, "link"); err != nil {
		return err
	}
	for _, s := range l.Subnets {
		s.LinkID = l.ID
		if was := a.linkOf[s.ID]; was != nil {
			before := a.subnetID[s.ID]
			s.PreviousLinkID, s.EarlierLinkID = before.PreviousLinkID, before.EarlierLinkID
			if was.ID != l.ID {
				s.PreviousLinkID, s.EarlierLinkID = was.ID, before.PreviousLinkID
			}
		}
		a.poolIDs(s)
		for _, p := range s.Pools {
			if err := a.pool(l, s, p); err != nil {
				return err
			}
		}
	}
	return nil
}

func (a *assigner) oldLinkID(l *Link) uint32 {
	if was := a.linkName[l.Name]; was != nil {
		return was.ID
	}
	if l.Name != "" {
		return a.renamed(l)
	}
	if len(l.Subnets) == 0 {
		return 0
	}
	if was := a.linkOf[l.Subnets[0].ID]; was != nil && was.Name == "" {
		return was.ID
	}
	return 0
}

// renamed returns the id of the shared network that l is under another name, 0
// if none: that name is gone, and all of its subnets are here. The leases go on.
func (a *assigner) renamed(l *Link) uint32 {
	var was *Link
	here := map[uint32]bool{}
	for _, s := range l.Subnets {
		if was == nil {
			was = a.linkOf[s.ID]
		}
		here[s.ID] = true
	}
	if was == nil || was.Name == "" || a.named[was.Name] {
		return 0
	}
	for _, s := range was.Subnets {
		if !here[s.ID] {
			return 0
		}
	}
	return was.ID
}

func (a *assigner) subnet(l *Link, s *Subnet) error {
	if s.ID == 0 {
		if was := a.subnets[vrfPrefix{l.VRF, s.Prefix}]; was != nil && !a.usedSubnet[was.ID] {
			s.ID = was.ID
		} else {
			a.lastSubnet++
			s.ID = a.lastSubnet
		}
	}
	return use(a.usedSubnet, s.ID, "subnet")
}

func (a *assigner) pool(l *Link, s *Subnet, p *Pool) error {
	p.SubnetID, p.LinkID, p.VRF, p.Gen = s.ID, l.ID, l.VRF, a.gens[p.ID]+1
	p.Closing = p.Closing || s.Closing
	if was := a.poolID[p.ID]; was != nil && shape(0, was) == shape(0, p) && was.VRF == p.VRF {
		p.Gen, p.Waiting = was.Gen, was.Waiting
	}
	p.PermKey = PermKeyFor(a.secret, p.ID, p.Gen)
	return use(a.usedPool, p.ID, "pool")
}

func use(used map[uint32]bool, id uint32, what string) error {
	if used[id] {
		return fmt.Errorf("%s id %d is used twice: %w", what, id, ErrConflict)
	}
	used[id] = true
	return nil
}

// SameConfig tells whether two configurations say the same, apart from their
// revision. A secret is the one that has its fingerprint.
func SameConfig(a, b *Config) bool {
	x, y := *a, *b
	x.Revision, y.Revision = 0, 0
	return reflect.DeepEqual(normal(&x), normal(&y))
}

// normal returns a copy in which what is empty is nil and links and options
// are in the order that the database gives.
func normal(c *Config) *Config {
	out := &Config{
		ServerDUID: c.ServerDUID, Comment: c.Comment, Parameters: normalMap(c.Parameters), Notes: normalMap(c.Notes),
		Options: normalOptions(c.Options),
	}
	for _, v := range c.VRFs {
		v.Interfaces = slices.Sorted(slices.Values(v.Interfaces))
		v.Relays = slices.SortedFunc(slices.Values(v.Relays), netip.Addr.Compare)
		out.VRFs = append(out.VRFs, v)
	}
	slices.SortFunc(out.VRFs, func(x, y VRF) int { return cmp.Compare(x.ID, y.ID) })
	for _, key := range c.TSIGKeys {
		out.TSIGKeys = append(out.TSIGKeys, key.Identity())
	}
	slices.SortFunc(out.TSIGKeys, func(x, y TSIGKey) int { return cmp.Compare(x.Name, y.Name) })
	out.Zones = slices.SortedFunc(slices.Values(c.Zones), func(x, y DNSZone) int { return cmp.Compare(x.Name, y.Name) })
	for _, l := range c.Links {
		out.Links = append(out.Links, normalLink(l))
	}
	return out
}

func normalLink(l *Link) *Link {
	link := *l
	link.Parameters, link.Notes, link.Options, link.Subnets = normalMap(l.Parameters), normalMap(l.Notes), normalOptions(l.Options), nil
	for _, s := range l.Subnets {
		subnet := *s
		subnet.Parameters, subnet.Notes, subnet.Options = normalMap(s.Parameters), normalMap(s.Notes), normalOptions(s.Options)
		subnet.Relays = slices.SortedFunc(slices.Values(s.Relays), netip.Addr.Compare)
		if len(s.InterfaceID) == 0 {
			subnet.InterfaceID = nil
		}
		subnet.Pools = nil
		for _, p := range s.Pools {
			pool := *p
			pool.PermKey = 0 // follows from the id and the generation
			subnet.Pools = append(subnet.Pools, &pool)
		}
		link.Subnets = append(link.Subnets, &subnet)
	}
	slices.SortFunc(link.Subnets, func(x, y *Subnet) int { return cmp.Compare(x.ID, y.ID) })
	return &link
}

func normalMap[M ~map[string]string](m M) M {
	if len(m) == 0 {
		return nil
	}
	return m
}

func normalOptions(o []OptionData) []OptionData {
	return slices.SortedStableFunc(slices.Values(o), func(x, y OptionData) int {
		return cmp.Or(cmp.Compare(x.Family, y.Family), cmp.Compare(x.Code, y.Code))
	})
}
