package site

import (
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strings"

	"rowlock/sqlstore"
)

// Export writes c as a document that Parse turns into c again. Links,
// subnets, pools and options keep their order (shared networks stand before
// lone subnets), parameters have that of the manual. Revision and server DUID
// belong to the database and are left out, and so are the secrets of keys, which
// their fingerprints stand for, and that a pool waits. Comments stand above what
// they are about, or in its key comment. It fails
// for a pd_pool that is not one prefix and a link without a name that is not
// one subnet; sqlstore.Check refuses both.
func Export(c *sqlstore.Config) ([]byte, error) {
	w := &writer{}
	w.vrfs(c.VRFs)
	w.parameters("", c.Parameters, c.Notes)
	w.options("", 0, c.Options)
	w.keys(c.TSIGKeys)
	w.zones(c.Zones)
	named := func(l *sqlstore.Link) bool { return l.Name != "" }
	if slices.ContainsFunc(c.Links, named) {
		w.line("", "shared_networks:")
		for _, l := range c.Links {
			if named(l) {
				w.sharedNetwork(l)
			}
		}
	}
	w.loneSubnets(c.Links)
	if len(w.errs) > 0 {
		return nil, fmt.Errorf("export configuration: %w", errors.Join(w.errs...))
	}
	head := &writer{}
	key := head.comment("", c.Comment)
	head.more("", key)
	if key == "" && w.Len() == 0 {
		w.line("", "{}")
	}
	if key == "" && head.Len() > 0 {
		head.line("", "")
	}
	return []byte(head.String() + w.String()), nil
}

// Valid tells whether a configuration that comes from rows may be applied as it is:
// whether it breaks no rule and its document, which is called name, has no mistake.
// The error is that of Parse. Secrets are not looked at.
func Valid(name string, c *sqlstore.Config) error {
	var broken []*Problem
	for _, v := range sqlstore.Check(c) {
		broken = append(broken, &Problem{File: name, Object: v.Object, Rule: v.Rule, Value: v.Value})
	}
	if err := join(broken); err != nil {
		return err
	}
	text, err := Export(c)
	if err != nil {
		return err
	}
	_, err = Parse(name, text)
	return err
}

type writer struct {
	strings.Builder
	errs []error
}

func (w *writer) line(indent, format string, args ...any) {
	w.WriteString(indent)
	fmt.Fprintf(w, format, args...)
	w.WriteByte('\n')
}

// number writes a key whose value 0 means that it is absent.
func (w *writer) number(indent, key string, n uint32) {
	if n != 0 {
		w.line(indent, "%s: %d", key, n)
	}
}

func (w *writer) vrfs(all []sqlstore.VRF) {
	if len(all) > 0 {
		w.line("", "vrfs:")
	}
	for _, v := range all {
		key := w.comment("  ", v.Comment)
		w.line("  ", "- vrf: %d", v.ID)
		w.more("    ", key)
		w.values("    ", "interfaces", v.Interfaces)
		w.values("    ", "relays", addressTexts(v.Relays))
	}
}

// values writes a list on one line, unless it is empty.
func (w *writer) values(indent, key string, values []string) {
	if len(values) == 0 {
		return
	}
	quoted := make([]string, len(values))
	for i, v := range values {
		quoted[i] = quote(v)
	}
	w.line(indent, "%s: [%s]", key, strings.Join(quoted, ", "))
}

func addressTexts(addrs []netip.Addr) []string {
	out := make([]string, len(addrs))
	for i, a := range addrs {
		out[i] = a.String()
	}
	return out
}

func (w *writer) sharedNetwork(l *sqlstore.Link) {
	key := w.comment("  ", l.Comment)
	w.line("  ", "- name: %s", quote(l.Name))
	w.more("    ", key)
	w.number("    ", "id", l.ID)
	w.number("    ", "vrf", l.VRF)
	w.parameters("    ", l.Parameters, l.Notes)
	w.options("    ", 0, l.Options)
	for i, s := range l.Subnets {
		if i == 0 {
			w.line("    ", "subnets:")
		}
		w.subnet("      ", 0, s)
	}
}

func (w *writer) loneSubnets(links []*sqlstore.Link) {
	head := false
	for _, l := range links {
		if l.Name != "" {
			continue
		}
		if len(l.Subnets) > 1 {
			w.errs = append(w.errs, fmt.Errorf("link %d has no name and %d subnets", l.ID, len(l.Subnets)))
			continue
		}
		if len(l.Subnets) == 0 {
			continue
		}
		if !head {
			w.line("", "subnets:")
			head = true
		}
		w.subnet("  ", l.VRF, l.Whole())
	}
}

func (w *writer) subnet(indent string, vrf uint32, s *sqlstore.Subnet) {
	prefix := s.Prefix.String()
	if prefix[0] == ':' {
		prefix = doubleQuote(prefix)
	}
	key := w.comment(indent, s.Comment)
	w.line(indent, "- subnet: %s", prefix)
	indent += "  "
	w.more(indent, key)
	w.number(indent, "id", s.ID)
	w.number(indent, "vrf", vrf)
	w.values(indent, "relay", addressTexts(s.Relays))
	if s.Interface != "" {
		w.line(indent, "interface: %s", quote(s.Interface))
	}
	if len(s.InterfaceID) > 0 {
		w.line(indent, "interface_id: %s", quote(sqlstore.InterfaceIDText(s.InterfaceID)))
	}
	if s.Closing {
		w.line(indent, "closing: true")
	}
	w.parameters(indent, s.Parameters, s.Notes)
	w.options(indent, s.Family(), s.Options)
	w.pools(indent, "pools", sqlstore.NA, s)
	w.pools(indent, "pd_pools", sqlstore.PD, s)
}

// pools writes those of a kind. Those of a closing subnet are closing without a
// word.
func (w *writer) pools(indent, key string, kind sqlstore.Kind, s *sqlstore.Subnet) {
	head := false
	for _, p := range s.Pools {
		if p.Kind != kind {
			continue
		}
		if !head {
			w.line(indent, "%s:", key)
			head = true
		}
		text := "pool: " + doubleQuote(rangeText(p))
		if kind == sqlstore.PD {
			base, ok := p.Base()
			if !ok {
				w.errs = append(w.errs, fmt.Errorf("pd_pool %s-%s with delegated_len %d is not one prefix", p.First, p.Last, p.DelegatedLen))
			}
			text = fmt.Sprintf("prefix: %s, delegated_len: %d", doubleQuote(base.String()), p.DelegatedLen)
		}
		if p.ID != 0 {
			text += fmt.Sprintf(", id: %d", p.ID)
		}
		if p.Closing && !s.Closing {
			text += ", closing: true"
		}
		said := w.comment(indent+"  ", p.Comment)
		w.line(indent+"  ", "- %s", between(text, said))
	}
}
