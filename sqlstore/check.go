package sqlstore

import (
	"fmt"
	"math"
	"net/netip"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

// MaxID is the largest id and vrf number: SQL keeps them as signed 32 bit
// integers.
const MaxID = math.MaxInt32

// Violation is one rule that a configuration breaks.
type Violation struct {
	// Path names the place in terms of the network document, for example
	// "subnets[3].pools[0].pool": links that have a name are shared_networks,
	// the others are subnets, and a subnet's address pools and pd_pools are
	// counted apart. The document's top is "".
	Path   string
	Object string // "subnet 12 (192.0.2.0/24) pool 192.0.2.10-192.0.2.20"
	Rule   string // what should be so, as a sentence without a full stop
	Value  string // what is there instead
}

// String returns the violation on one line: object, rule, value.
func (v Violation) String() string { return v.Object + ": " + v.Rule + ": " + v.Value }

// Check returns every rule that c breaks, in an order that depends on c only;
// none when c may be applied. Objects that are closing are on their way out: they
// may overlap others, and may lie where they could not be made any more. Ids that are 0 are not checked: they are chosen when the
// configuration is applied. How options are encoded is not known here.
// Its time grows with n log n in the number of subnets and pools.
func Check(c *Config) []Violation {
	k := &checker{
		linkID: map[uint32]*place{}, linkName: map[string]*place{},
		subnetID: map[uint32]*place{}, poolID: map[uint32]*place{},
		selectors: map[selector]owner{},
	}
	top := (*place)(nil).named("global")
	k.comment(top, c.Comment)
	k.settings(top, "global", 0, c.Parameters, c.Notes, c.Options)
	k.lifetimes(top, 0, c.Parameters)
	k.dns(c)
	k.vrfs(c.VRFs)
	lone, named := 0, 0
	for _, l := range c.Links {
		if l.Name == "" {
			k.loneSubnet(c, l, lone)
			lone++
			continue
		}
		k.sharedNetwork(c, l, named)
		named++
	}
	k.overlaps(k.subnets, "subnets of a vrf must not overlap")
	k.overlaps(k.pools, "pools of a vrf must not overlap")
	return k.found
}

type checker struct {
	found     []Violation
	linkID    map[uint32]*place // id -> object that has it
	linkName  map[string]*place
	subnetID  map[uint32]*place
	poolID    map[uint32]*place
	selectors map[selector]owner
	subnets   []span
	pools     []span
}

func (k *checker) add(at *place, value, rule string, args ...any) {
	k.found = append(k.found, Violation{at.path(), at.object(), fmt.Sprintf(rule, args...), value})
}

func (k *checker) sharedNetwork(c *Config, l *Link, index int) {
	at := (*place)(nil).item("shared_networks", index).named("shared_network %s", l.Name)
	if !printable(l.Name) {
		at = at.named("shared_network %q", l.Name)
		k.add(at.key("name"), fmt.Sprintf("%q", l.Name), "a name must be printable text of at most 255 bytes")
	}
	if other, taken := k.linkName[l.Name]; taken {
		k.add(at.key("name"), other.object(), "a name must be used for one shared_network only")
	}
	k.linkName[l.Name] = at
	k.id(at, l.ID, k.linkID)
	k.vrf(at, l.VRF)
	k.comment(at, l.Comment)
	k.settings(at, "link", 0, l.Parameters, l.Notes, l.Options)
	k.lifetimes(at, 0, l.Parameters, c.Parameters)
	for i, s := range l.Subnets {
		k.subnet(at.item("subnets", i), c, l, s)
	}
}

// loneSubnet checks a link without a name. Its own id, parameters and options
// have no place in the document but that of its subnet.
func (k *checker) loneSubnet(c *Config, l *Link, index int) {
	at := (*place)(nil).item("subnets", index).named("link %d", l.ID)
	if len(l.Subnets) > 1 { // one whose subnet somebody deleted is empty
		k.add(at, fmt.Sprintf("%d subnets", len(l.Subnets)), "a link without a name must have one subnet")
	}
	k.vrf(at, l.VRF)
	k.comment(at, l.Comment)
	family := Family(0) // of the options that a document can say
	if len(l.Subnets) == 1 && l.Subnets[0].Prefix.IsValid() {
		family = l.Subnets[0].Family()
	}
	k.settings(at, "link", family, l.Parameters, l.Notes, l.Options)
	k.lifetimes(at, 0, l.Parameters, c.Parameters)
	for _, s := range l.Subnets {
		k.subnet(at, c, l, s)
	}
}

// settings checks what is set in a scope; family is that of a subnet.
func (k *checker) settings(at *place, scope string, family Family, ps Parameters, notes Notes, options []OptionData) {
	k.parameters(at, scope, ps)
	k.notes(at, ps, notes)
	k.options(at, family, options)
}

func (k *checker) subnet(at *place, c *Config, l *Link, s *Subnet) {
	at = at.at(l, s)
	k.id(at, s.ID, k.subnetID)
	family := Family(0)
	if k.prefix(at, s.Prefix) {
		family = s.Family()
		if !s.Closing {
			first, last := prefixRange(s.Prefix)
			k.subnets = append(k.subnets, span{l.VRF, first, last, at, "subnet"})
		}
	}
	k.comment(at, s.Comment)
	k.selection(at, l, s, family)
	k.settings(at, "subnet", family, s.Parameters, s.Notes, s.Options)
	k.lifetimes(at, family, s.Parameters, l.Parameters, c.Parameters)
	na, pd := 0, 0
	for _, p := range s.Pools {
		if p.Kind == PD {
			k.prefixPool(at.item("pd_pools", pd), l, s, p)
			pd++
			continue
		}
		k.addressPool(at.item("pools", na), l, s, p)
		na++
	}
}

// prefix tells whether p is good enough for the checks that need it.
func (k *checker) prefix(at *place, p netip.Prefix) bool {
	switch {
	case !p.IsValid():
		k.add(at.key("subnet"), p.String(), "a subnet must have a prefix")
		return false
	case p.Addr().Is4In6():
		k.add(at.key("subnet"), p.String(), "an IPv4 prefix must be written as IPv4")
		return false
	case p.Addr().IsMulticast():
		k.add(at.key("subnet"), p.String(), "a subnet must be unicast")
	case p != p.Masked():
		k.add(at.key("subnet"), p.String(), "the host bits of a prefix must be zero, as in %s", p.Masked())
	}
	return true
}

// id checks that no other object of its kind has the id.
func (k *checker) id(at *place, id uint32, seen map[uint32]*place) {
	if id == 0 {
		return
	}
	if id > MaxID {
		k.add(at.key("id"), fmt.Sprint(id), "an id must be from 1 to %d", MaxID)
	}
	if other, taken := seen[id]; taken {
		k.add(at.key("id"), fmt.Sprintf("%d is %s", id, other.object()), "an id must be used once only")
		return
	}
	seen[id] = at
}

func (k *checker) vrf(at *place, vrf uint32) {
	if vrf > MaxID {
		k.add(at.key("vrf"), fmt.Sprint(vrf), "a vrf must be from 0 to %d", MaxID)
	}
}

func (k *checker) options(at *place, family Family, options []OptionData) {
	type key struct {
		family Family
		code   uint16
		name   string
	}
	var seen map[key]bool
	for i, o := range options {
		name := o.Name
		if name == "" {
			name = strconv.Itoa(int(o.Code))
		}
		here := func() *place { return at.item("option_data", i).of("option_data %s", name) }
		switch {
		case o.Family != IPv4 && o.Family != IPv6:
			k.add(here().key("family"), fmt.Sprint(uint8(o.Family)), "the family of an option must be v4 or v6")
		case family != 0 && o.Family != family:
			k.add(here().key("family"), o.Family.String(), "an option of a %s subnet must be of that family", family)
		case o.Code == 0 && o.Name == "":
			k.add(here(), "neither", "an option must have a name or a code")
		}
		if o.Comment != "" {
			k.comment(here(), o.Comment)
		}
		id := key{o.Family, o.Code, ""}
		if o.Code == 0 {
			id.name = o.Name
		}
		if seen[id] {
			k.add(here(), name, "an option must be set once only in a place")
		}
		if len(options) == 1 {
			return
		}
		if seen == nil {
			seen = map[key]bool{}
		}
		seen[id] = true
	}
}

func subnetName(l *Link, s *Subnet) string {
	name := s.Prefix.String()
	if l.VRF != 0 {
		name += fmt.Sprintf(" vrf %d", l.VRF)
	}
	if s.ID != 0 {
		return fmt.Sprintf("subnet %d (%s)", s.ID, name)
	}
	return "subnet " + name
}

func printable(s string) bool {
	return len(s) <= 255 && utf8.ValidString(s) &&
		!strings.ContainsFunc(s, func(r rune) bool { return !unicode.IsPrint(r) })
}
