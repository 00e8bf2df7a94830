package sqlstore

import (
	"cmp"
	"fmt"
	"math/bits"
	"net/netip"
	"slices"
	"strings"
	"unicode"
)

// span is a range of addresses of a vrf, and whose it is.
type span struct {
	vrf         uint32
	first, last netip.Addr
	at          *place
	step        string // of at
}

// overlaps reports every span that shares an address with one before it in
// the order of addresses: against the one of those that reaches furthest.
func (k *checker) overlaps(spans []span, rule string) {
	slices.SortStableFunc(spans, func(a, b span) int {
		return cmp.Or(cmp.Compare(a.vrf, b.vrf), a.first.Compare(b.first), b.last.Compare(a.last))
	})
	var far *span
	for i := range spans {
		s := &spans[i]
		if far == nil || far.vrf != s.vrf || far.first.BitLen() != s.first.BitLen() || far.last.Less(s.first) {
			far = s
			continue
		}
		k.add(s.at.key(s.step), "overlaps "+far.at.object(), "%s", rule)
		if far.last.Less(s.last) {
			far = s
		}
	}
}

// prefixRange returns the first and the last address of a prefix.
func prefixRange(p netip.Prefix) (first, last netip.Addr) {
	first = p.Masked().Addr()
	b := first.AsSlice()
	for bit := p.Bits(); bit < len(b)*8; bit++ {
		b[bit/8] |= 0x80 >> (bit % 8)
	}
	last, _ = netip.AddrFromSlice(b)
	return first, last
}

func (k *checker) addressPool(at *place, l *Link, s *Subnet, p *Pool) {
	at = at.of("pool %s-%s", p.First, p.Last)
	k.id(at, p.ID, k.poolID)
	k.comment(at, p.Comment)
	if p.Closing || s.Closing {
		return
	}
	if !k.ends(at, "pool", p) {
		return
	}
	k.pools = append(k.pools, span{l.VRF, p.First, p.Last, at, "pool"})
	if p.Kind != NA {
		k.add(at.key("pool"), fmt.Sprint(uint8(p.Kind)), "the kind of a pool must be na or pd")
	}
	if int(p.DelegatedLen) != p.First.BitLen() {
		k.add(at.key("pool"), fmt.Sprint(p.DelegatedLen), "the delegated length of an address pool must be %d", p.First.BitLen())
	}
	if s.Prefix.IsValid() && (!s.Prefix.Contains(p.First) || !s.Prefix.Contains(p.Last)) {
		k.add(at.key("pool"), fmt.Sprintf("%s-%s", p.First, p.Last), "a pool must lie within its subnet %s", s.Prefix)
	}
}

// prefixPool checks a pool of delegated prefixes (RFC 9915 section 21.21). It
// need not lie within the prefix of the subnet.
func (k *checker) prefixPool(at *place, l *Link, s *Subnet, p *Pool) {
	base, whole := p.Base()
	if whole {
		at = at.of("pd_pool %s delegated_len %d", base, p.DelegatedLen)
	} else {
		at = at.of("pd_pool %s-%s delegated_len %d", p.First, p.Last, p.DelegatedLen)
	}
	k.id(at, p.ID, k.poolID)
	k.comment(at, p.Comment)
	if p.Closing || s.Closing {
		return
	}
	if s.Prefix.IsValid() && s.Family() == IPv4 {
		k.add(at.key("prefix"), s.Prefix.String(), "a pd_pool must be in an IPv6 subnet")
	}
	if !k.ends(at, "prefix", p) {
		return
	}
	_, last := prefixRange(netip.PrefixFrom(p.Last, min(int(p.DelegatedLen), p.Last.BitLen())))
	k.pools = append(k.pools, span{l.VRF, p.First, last, at, "prefix"})
	if p.Family() == IPv4 {
		k.add(at.key("prefix"), p.First.String(), "the prefix of a pd_pool must be IPv6")
		return
	}
	// a lease of length 128 is an address, so a prefix must be shorter
	if p.DelegatedLen < 1 || p.DelegatedLen > 127 {
		k.add(at.key("delegated_len"), fmt.Sprint(p.DelegatedLen), "a delegated length must be from 1 to 127")
	} else if !whole {
		k.add(at.key("prefix"), fmt.Sprintf("%s-%s", p.First, p.Last),
			"a pd_pool must be one whole prefix with zero host bits, no longer than the delegated length %d", p.DelegatedLen)
	}
}

// ends tells whether the ends of a pool are fit for comparison.
func (k *checker) ends(at *place, step string, p *Pool) bool {
	switch {
	case !p.First.IsValid() || !p.Last.IsValid():
		k.add(at.key(step), fmt.Sprintf("%s-%s", p.First, p.Last), "a pool must have a first and a last address")
	case p.First.BitLen() != p.Last.BitLen():
		k.add(at.key(step), fmt.Sprintf("%s-%s", p.First, p.Last), "both ends of a pool must be of one family")
	case p.First.Is4In6() || p.Last.Is4In6():
		k.add(at.key(step), fmt.Sprintf("%s-%s", p.First, p.Last), "an IPv4 address must be written as IPv4")
	case p.Last.Less(p.First):
		k.add(at.key(step), fmt.Sprintf("%s-%s", p.First, p.Last), "the first address of a pool must not be above the last")
	default:
		return true
	}
	return false
}

// Base returns the prefix that a pool of delegated prefixes divides, and
// whether First, Last and DelegatedLen are exactly all of it.
func (p *Pool) Base() (base netip.Prefix, whole bool) {
	if p.Kind != PD || !p.First.IsValid() || p.First.BitLen() != p.Last.BitLen() {
		return netip.Prefix{}, false
	}
	steps := p.offset(p.Last)
	width := bits.Len64(steps.lo)
	if steps.hi != 0 {
		width = 64 + bits.Len64(steps.hi)
	}
	base = netip.PrefixFrom(p.First, int(p.DelegatedLen)-width)
	if base.IsValid() && base == base.Masked() {
		_, last := prefixRange(base)
		if netip.PrefixFrom(last, int(p.DelegatedLen)).Masked().Addr() == p.Last {
			return base, true
		}
	}
	return netip.PrefixFrom(p.First, int(p.DelegatedLen)), false
}

// selector is what makes a packet belong to a link.
type selector struct {
	kind   string
	vrf    uint32
	family Family
	value  string
	addr   netip.Addr
}

type owner struct {
	link   *Link
	subnet *Subnet
	at     *place
}

// selection checks what selects the subnet: a packet must lead to one link.
func (k *checker) selection(at *place, l *Link, s *Subnet, family Family) {
	me := owner{l, s, at}
	for i, a := range s.Relays {
		here := func() *place { return at.item("relay", i).of("relay %s", a) }
		switch {
		case !unicast(a):
			k.add(here(), a.String(), "a relay must be a unicast address")
			continue
		case family != 0 && (family == IPv4) != a.Is4():
			k.add(here(), a.String(), "a relay of a %s subnet must be of that family", family)
			continue
		}
		k.selects(here, selector{"relay", l.VRF, 0, "", a}, me, true)
	}
	if s.Interface != "" {
		here := func() *place { return at.key("interface") }
		if !interfaceName(s.Interface) {
			k.add(here(), fmt.Sprintf("%q", s.Interface), "an interface must be a name of 1 to 15 characters without space, slash and colon")
		}
		if family != 0 {
			k.selects(here, selector{"interface", 0, family, s.Interface, netip.Addr{}}, me, false)
		}
	}
	if len(s.InterfaceID) > 0 {
		here := func() *place { return at.key("interface_id") }
		if family == IPv4 {
			k.add(here(), fmt.Sprintf("0x%x", s.InterfaceID), "an interface_id must be in an IPv6 subnet")
		} else {
			k.selects(here, selector{"interface_id", l.VRF, 0, string(s.InterfaceID), netip.Addr{}}, me, false)
		}
	}
}

func (k *checker) selects(at func() *place, key selector, me owner, once bool) {
	if me.subnet.Closing {
		return
	}
	other, taken := k.selectors[key]
	switch {
	case !taken:
		k.selectors[key] = me
	case other.link != me.link:
		k.add(at(), "also "+other.at.object(), "the same %s must not select two links", key.kind)
	case once && other.subnet == me.subnet:
		k.add(at(), key.addr.String(), "a %s must be listed once only", key.kind)
	}
}

// unicast tells whether an address can be that of a host, in any network.
func unicast(a netip.Addr) bool {
	return a.IsValid() && a.Zone() == "" && !a.Is4In6() && !a.IsUnspecified() && !a.IsMulticast()
}

// interfaceName follows the rules of the Linux kernel.
func interfaceName(s string) bool {
	return len(s) <= 15 && s != "." && s != ".." && printable(s) && !strings.ContainsAny(s, "/:") &&
		!strings.ContainsFunc(s, unicode.IsSpace)
}
