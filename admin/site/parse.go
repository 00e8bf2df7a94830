package site

import (
	"encoding/hex"
	"fmt"
	"net/netip"
	"strconv"
	"strings"

	"rowlock/sqlstore"
)

// Parse reads a document; name is its file's name, for messages only. The
// error joins every *Problem found, in the order of the document; the Config
// is nil then. Ids that the document does not give are 0; a key has its secret
// only where the document does.
func Parse(name string, data []byte, options ...Option) (*sqlstore.Config, error) {
	t, err := readTree(name, data)
	if err != nil {
		return nil, err
	}
	root := t.root
	if root.kind == nothing {
		// a file that was cut off must not remove a network
		return nil, &Problem{
			File: name, Line: root.line, Column: root.column,
			Rule: "a document must be a mapping (write {} for an empty network)", Value: root.describe(),
		}
	}
	r := &reader{file: name, broken: map[*node]bool{}}
	for _, o := range options {
		o(r)
	}
	r.remarked(t.lost, t.twice, t.secrets)
	c := r.document(root)
	r.check(root, c)
	if err := join(r.problems); err != nil {
		return nil, err
	}
	r.selectors(root, c)
	order(c)
	return c, nil
}

// check adds what sqlstore.Check finds, unless there is enough.
func (r *reader) check(root *node, c *sqlstore.Config) {
	if r.full() {
		return
	}
	for _, v := range sqlstore.Check(c) {
		if n := root.find(v.Path); !r.broken[n] {
			r.add(&Problem{Line: n.line, Column: n.column, Object: v.Object, Rule: v.Rule, Value: v.Value})
		}
	}
}

func (r *reader) document(n *node) *sqlstore.Config {
	f := r.mapping(n, "", documentKeys...)
	c := &sqlstore.Config{Comment: r.comment(f), Options: r.options(f, 0)}
	c.Parameters, c.Notes = r.parameters(f)
	for item := range r.list(f, "vrfs") {
		c.VRFs = append(c.VRFs, r.vrf(item))
	}
	r.dns(f, c)
	for item := range r.list(f, "shared_networks") {
		c.Links = append(c.Links, r.sharedNetwork(item))
	}
	for item := range r.list(f, "subnets") {
		s, vrf := r.subnet(item, subnetKeys)
		c.Links = append(c.Links, &sqlstore.Link{VRF: vrf, Subnets: []*sqlstore.Subnet{s}})
	}
	return c
}

func (r *reader) sharedNetwork(n *node) *sqlstore.Link {
	f := r.mapping(n, "shared_network", sharedNetworkKeys...)
	l := &sqlstore.Link{Comment: r.comment(f)}
	if name, ok := r.required(f, "name"); ok {
		l.Name = name
		f.object += " " + name
	} else {
		// a name that no document can have keeps the link a shared network
		l.Name = fmt.Sprintf("\x00%d:%d", n.line, n.column)
		r.broken[n.find("name")] = true
	}
	l.ID = r.id(f)
	l.VRF = r.number(f, "vrf", 0, sqlstore.MaxID)
	l.Parameters, l.Notes = r.parameters(f)
	l.Options = r.options(f, 0)
	for item := range r.list(f, "subnets") {
		s, _ := r.subnet(item, innerSubnetKeys)
		l.Subnets = append(l.Subnets, s)
	}
	return l
}

// subnet reads one subnet; keys are those that are allowed in its place.
func (r *reader) subnet(n *node, keys []string) (s *sqlstore.Subnet, vrf uint32) {
	object := "subnet"
	if name := n.find("subnet"); name != n && name.kind == scalar && name.text != "" {
		object += " " + name.text
	}
	f := r.mapping(n, object, keys...)
	s = &sqlstore.Subnet{ID: r.id(f), Closing: r.boolean(f, "closing"), Comment: r.comment(f)}
	family := sqlstore.Family(0)
	if p, ok := r.prefix(f, "subnet"); ok {
		s.Prefix = p
		family = s.Family()
		if s.ID != 0 {
			f.object = fmt.Sprintf("subnet %d (%s)", s.ID, p)
		}
	}
	vrf = r.number(f, "vrf", 0, sqlstore.MaxID)
	s.Relays = r.addresses(f, "relay")
	s.Interface, _ = r.word(f, "interface")
	s.InterfaceID = r.interfaceID(f)
	s.Parameters, s.Notes = r.parameters(f)
	s.Options = r.options(f, family)
	for item := range r.list(f, "pools") {
		s.Pools = append(s.Pools, r.pool(item, f.object))
	}
	for item := range r.list(f, "pd_pools") {
		s.Pools = append(s.Pools, r.prefixPool(item, f.object))
	}
	return s, vrf
}

// interfaceID reads text, or bytes written as 0x and hex digits.
func (r *reader) interfaceID(f fields) []byte {
	text, ok := r.word(f, "interface_id")
	if !ok {
		return nil
	}
	digits, isHex := strings.CutPrefix(text, "0x")
	if !isHex {
		return []byte(text)
	}
	b, err := hex.DecodeString(digits)
	if err != nil || len(b) == 0 {
		r.report(f.values["interface_id"], f.object, "interface_id must be text, or 0x and an even number of hex digits", strconv.Quote(text))
	}
	return b
}

func (r *reader) pool(n *node, object string) *sqlstore.Pool {
	f := r.mapping(n, object+" pool", poolKeys...)
	p := &sqlstore.Pool{Kind: sqlstore.NA, ID: r.id(f), Closing: r.boolean(f, "closing"), Comment: r.comment(f)}
	text, ok := r.required(f, "pool")
	if !ok {
		return p
	}
	if p.First, p.Last, ok = addressRange(text); !ok {
		r.report(f.values["pool"], f.object, "pool must be a range such as 192.0.2.10 - 192.0.2.99, or a prefix with zero host bits", strconv.Quote(text))
	}
	p.DelegatedLen = uint8(p.First.BitLen())
	return p
}

// addressRange reads "first - last" or a prefix.
func addressRange(text string) (first, last netip.Addr, ok bool) {
	if low, high, isRange := strings.Cut(text, "-"); isRange {
		first, okFirst := address(strings.TrimSpace(low))
		last, okLast := address(strings.TrimSpace(high))
		if !okFirst || !okLast {
			return netip.Addr{}, netip.Addr{}, false
		}
		return first, last, true
	}
	p, err := netip.ParsePrefix(text)
	if err != nil || p != p.Masked() {
		return netip.Addr{}, netip.Addr{}, false
	}
	return p.Addr(), lastAddr(p), true
}

func (r *reader) prefixPool(n *node, object string) *sqlstore.Pool {
	f := r.mapping(n, object+" pd_pool", prefixPoolKeys...)
	p := &sqlstore.Pool{Kind: sqlstore.PD, ID: r.id(f), Closing: r.boolean(f, "closing"), Comment: r.comment(f)}
	base, ok := r.prefix(f, "prefix")
	if ok {
		f.object += " " + base.String()
	}
	if _, given := r.required(f, "delegated_len"); !ok || !given {
		r.broken[n.find("prefix")], r.broken[n.find("delegated_len")] = true, true
		return p
	}
	length := r.number(f, "delegated_len", 1, 127)
	if length == 0 {
		r.broken[f.values["prefix"]] = true
		return p
	}
	p.DelegatedLen = uint8(length)
	if base != base.Masked() {
		r.report(f.values["prefix"], f.object, fmt.Sprintf("the host bits of a prefix must be zero, as in %s", base.Masked()), base.String())
		return p
	}
	if base.Addr().Is6() && int(length) < base.Bits() {
		r.report(f.values["delegated_len"], f.object, "delegated_len must not be less than the length of the prefix", fmt.Sprint(length))
		r.broken[f.values["prefix"]] = true
		return p
	}
	p.First, p.Last = base.Addr(), netip.PrefixFrom(lastAddr(base), min(int(length), base.Addr().BitLen())).Masked().Addr()
	return p
}

// lastAddr returns the highest address of a prefix.
func lastAddr(p netip.Prefix) netip.Addr {
	b := p.Masked().Addr().AsSlice()
	for bit := p.Bits(); bit < len(b)*8; bit++ {
		b[bit/8] |= 0x80 >> (bit % 8)
	}
	a, _ := netip.AddrFromSlice(b)
	return a
}
