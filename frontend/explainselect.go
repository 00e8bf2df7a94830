package frontend

import (
	"bytes"
	"fmt"
	"net/netip"
	"slices"

	"rowlock/sqlstore"
)

// maxCandidates bounds how many subnets are shown that were not chosen.
const maxCandidates = 20

// fact is something that a packet says about its subnet.
type fact struct {
	rule  string
	addr  netip.Addr // of a relay list where relay is set, else in a prefix
	relay bool
	name  interfaceKey
	id    []byte
}

func interfaceFacts(f sqlstore.Family, i *iface) []fact {
	if i == nil {
		return nil
	}
	list := []fact{{rule: ruleInterface, name: interfaceKey{f, i.name}}}
	for _, a := range i.addrs {
		if a.Addr().Is4() == (f == sqlstore.IPv4) && !a.Addr().IsLinkLocalUnicast() {
			list = append(list, fact{rule: ruleInterfaceAddress, addr: a.Addr()})
		}
	}
	return list
}

// fits tells whether a subnet has what the packet says.
func (f *fact) fits(s *sqlstore.Subnet) bool {
	switch {
	case f.relay:
		return f.addr.IsValid() && slices.Contains(s.Relays, f.addr)
	case f.addr.IsValid():
		return s.Prefix.Contains(f.addr)
	case f.name.name != "":
		return f.name == interfaceKey{s.Family(), s.Interface}
	}
	return len(f.id) > 0 && bytes.Equal(f.id, s.InterfaceID)
}

func (f *fact) value() string {
	switch {
	case f.addr.IsValid():
		return f.addr.String()
	case f.name.name != "":
		return f.name.name
	}
	return fmt.Sprintf("0x%x", f.id)
}

// selected shows how the network was found, nil for none, and what else the
// packet might have meant.
func (x *explainer) selected(n *network, t *trace, facts []fact) {
	if t.torn {
		return // it is in no vrf
	}
	if x.snap.index.plans != nil {
		x.out.VRF = &ExplainedVRF{ID: t.vrfID, Rule: t.vrfRule, Value: t.vrfValue}
	} else if n != nil {
		x.out.VRF = &ExplainedVRF{ID: n.link.VRF, Rule: "no vrf says which packets are its own"}
	}
	rule, none := "", "no subnet has it"
	if n != nil && n.subnet.Closing {
		none = "no open subnet has it"
	}
	for _, l := range t.looks {
		v := ExplainedRule{Rule: l.rule, Value: l.value, Text: none}
		if l.found != nil {
			rule = l.rule
			v.Subnet, v.Chosen, v.Text = l.found.subnet.ID, true, subnetObject(l.found.link, l.found.subnet)
		}
		x.out.Selection = append(x.out.Selection, v)
	}
	x.candidates(n, rule, t, facts)
	if n == nil {
		return
	}
	x.out.Subnet = subnetView(n.link, n.subnet, rule)
	x.out.Link = &ExplainedLink{ID: n.link.ID, SharedNetwork: n.link.Name, Former: n.segment.former, Subnets: []ExplainedSubnet{}}
	for _, s := range n.link.Subnets {
		if s.Family() == n.subnet.Family() {
			x.out.Link.Subnets = append(x.out.Link.Subnets, *subnetView(n.link, s, siblingText(n.subnet, s)))
		}
	}
	x.pools(n)
}

func siblingText(chosen, s *sqlstore.Subnet) string {
	switch {
	case s == chosen:
		return "chosen: its pools come first"
	case s.Closing:
		return "closing: its pools give nothing"
	}
	return "same link: its pools come after those of the chosen subnet"
}

func subnetView(l *sqlstore.Link, s *sqlstore.Subnet, why string) *ExplainedSubnet {
	return &ExplainedSubnet{ID: s.ID, Prefix: s.Prefix.String(), VRF: l.VRF, Link: l.ID, Closing: s.Closing, Why: why}
}

// candidates shows the subnets that fit something the packet says and were not
// chosen.
func (x *explainer) candidates(n *network, rule string, t *trace, facts []fact) {
	left := 0
	for _, l := range x.snap.config.Links {
		for _, s := range l.Subnets {
			if n != nil && s == n.subnet {
				continue
			}
			i := slices.IndexFunc(facts, func(f fact) bool { return f.fits(s) })
			switch {
			case i < 0:
			case len(x.out.Candidates) == maxCandidates:
				left++
			default:
				why := facts[i].rule + " " + facts[i].value() + ": " + x.whyNot(n, rule, t, &facts[i], l, s)
				x.out.Candidates = append(x.out.Candidates, *subnetView(l, s, why))
			}
		}
	}
	if left > 0 {
		x.out.Candidates[maxCandidates-1].Why += fmt.Sprintf(" (and %d more subnets that are not shown)", left)
	}
}

// whyNot says why a subnet that fits a fact was not chosen.
func (x *explainer) whyNot(n *network, rule string, t *trace, f *fact, l *sqlstore.Link, s *sqlstore.Subnet) string {
	strict := x.snap.index.plans != nil
	switch {
	case strict && l.VRF != t.vrfID:
		return fmt.Sprintf("it is in vrf %d, and the packet in vrf %d", l.VRF, t.vrfID)
	case n == nil && !strict && t.tried(f.rule):
		return x.nobodys(f, l, s)
	case n == nil:
		return t.last() + " decides alone, and no other subnet takes its place"
	case s.Closing && !n.subnet.Closing:
		return "it is closing, and an open subnet is preferred"
	case l.VRF != n.link.VRF:
		return fmt.Sprintf("vrf %d comes before vrf %d where no vrf says which packets are its own", n.link.VRF, l.VRF)
	case rule != f.rule:
		return rule + " comes before " + f.rule
	}
	return "a longer prefix has it"
}

// nobodys says why a subnet that fits a fact was not chosen where none was and no
// VRF says which packets are its own.
func (x *explainer) nobodys(f *fact, l *sqlstore.Link, s *sqlstore.Subnet) string {
	whole := x.snap.index.whole
	d := &whole.open
	if s.Closing {
		d = &whole.closing
	}
	_, open := whole.open.lookup(f.addr)
	switch inPrefix := f.addr.IsValid() && !f.relay; {
	case inPrefix && s.Closing && open:
		return "open subnets of several vrfs have it, none of them vrf 0, and no vrf says which packets are its own"
	case inPrefix && d.prefixes[s.Prefix.Masked()] != nil:
		return "a longer prefix has it, in several vrfs and not in vrf 0, and no vrf says which packets are its own"
	}
	return fmt.Sprintf("so do subnets of other vrfs than its vrf %d, none of them vrf 0, and no vrf says which packets are its own", l.VRF)
}

func (t *trace) tried(rule string) bool {
	return slices.ContainsFunc(t.looks, func(l look) bool { return l.rule == rule })
}

// last returns the rule that was tried last.
func (t *trace) last() string {
	if len(t.looks) == 0 {
		return "what the packet does not say"
	}
	return t.looks[len(t.looks)-1].rule
}
