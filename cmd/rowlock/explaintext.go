package main

import (
	"cmp"
	"fmt"
	"io"
	"strconv"
	"strings"
	"text/tabwriter"

	"rowlock/frontend"
	"rowlock/sqlstore"
)

// explainText prints an explanation for people. rows tells that the leases of a
// database were looked at.
func (p *program) explainText(x *explanation, rows bool) error {
	w := tabwriter.NewWriter(p.stdout, 0, 8, 2, ' ', 0)
	for _, part := range []struct {
		title string
		write func(io.Writer)
	}{
		{"packet", x.packetText},
		{"subnet", x.subnetText},
		{"pools", x.poolText},
		{"decision", func(w io.Writer) { x.bindingText(w, rows) }},
		{"parameters", x.parameterText},
		{"options", x.optionText},
		{"answer", x.answerText},
	} {
		var b strings.Builder
		if part.write(&b); b.Len() == 0 {
			continue
		}
		fmt.Fprintln(w, part.title)
		for line := range strings.Lines(b.String()) {
			fmt.Fprint(w, "  "+line)
		}
		if err := w.Flush(); err != nil { // columns are as wide as the part needs
			return fmt.Errorf("write explanation: %w", err)
		}
	}
	return nil
}

func (x *explanation) packetText(w io.Writer) {
	v := &x.Packet
	fmt.Fprintf(w, "type\t%s %s, xid %s\n", v.Family, v.Type, v.XID)
	for _, f := range [][2]string{
		{"from", v.From},
		{"to", v.To},
		{"interface", v.Interface},
		{"relays", strings.Join(v.Relays, ", ")},
		{"hwaddr", v.HWAddr},
		{"client_id", v.ClientID},
		{"circuit_id", v.CircuitID},
		{"remote_id", v.RemoteID},
		{"subscriber_id", v.SubscriberID},
		{"relay_id", v.RelayID},
		{"server_id", v.ServerID},
		{"hostname", v.Hostname},
	} {
		if f[1] != "" {
			fmt.Fprintf(w, "%s\t%s\n", f[0], f[1])
		}
	}
}

func (x *explanation) subnetText(w io.Writer) {
	if v := x.VRF; v != nil {
		fmt.Fprintf(w, "vrf %d\t%s\n", v.ID, strings.TrimSpace(v.Rule+" "+v.Value))
	}
	for _, r := range x.Selection {
		mark := ""
		if r.Chosen {
			mark = ": chosen"
		}
		fmt.Fprintf(w, "%s %s\t%s%s\n", r.Rule, r.Value, r.Text, mark)
	}
	for _, c := range x.Candidates {
		fmt.Fprintf(w, "not %s\t%s\n", subnetText(&c), c.Why)
	}
	if l := x.Link; l != nil {
		name := "link " + strconv.Itoa(int(l.ID))
		if l.SharedNetwork != "" {
			name += " (" + l.SharedNetwork + ")"
		}
		for i := range l.Subnets {
			fmt.Fprintf(w, "%s\t%s: %s\n", name, subnetText(&l.Subnets[i]), l.Subnets[i].Why)
		}
		if len(l.Former) > 0 {
			fmt.Fprintf(w, "%s\tsubnets of it came from %v: bindings are looked for there too\n", name, l.Former)
		}
	}
}

func subnetText(s *frontend.ExplainedSubnet) string {
	text := fmt.Sprintf("subnet %d (%s)", s.ID, s.Prefix)
	if s.VRF != 0 {
		text += fmt.Sprintf(" vrf %d", s.VRF)
	}
	return text
}

func (x *explanation) poolText(w io.Writer) {
	for _, p := range x.Pools {
		what := p.First + "-" + p.Last
		if p.Kind == sqlstore.PD.String() {
			what += fmt.Sprintf(" /%d", p.Length)
		}
		fmt.Fprintf(w, "pool %d\tsubnet %d\t%s\t%d\t%s\n", p.ID, p.Subnet, what, p.Size, p.State)
	}
}

func (x *explanation) bindingText(w io.Writer, rows bool) {
	for i := range x.Bindings {
		b := &x.Bindings[i]
		name := strings.TrimSpace(b.Op + " " + b.Kind)
		if b.IAID != nil {
			name += fmt.Sprintf(" %d", *b.IAID)
		}
		if b.Want != "" {
			name += ", wants " + b.Want
		}
		fmt.Fprintf(w, "%s\t%s\n", name, outcomeText(b))
		if b.Identity != "" {
			fmt.Fprintf(w, "identity\t%s\n", b.Identity)
			fmt.Fprintf(w, "key\t%s\n", b.Key)
		}
		for _, k := range b.FormerKeys {
			fmt.Fprintf(w, "former key\t%s\n", k)
		}
		for _, s := range b.Steps {
			fmt.Fprintf(w, "step\t%s\n", s)
		}
		x.leaseText(w, i)
	}
	if !rows && len(x.Bindings) > 0 {
		fmt.Fprint(w, "leases\tnot looked at: the network is that of a document\n")
	}
}

func (x *explanation) leaseText(w io.Writer, binding int) {
	for i := range x.Leases {
		l := &x.Leases[i]
		if l.Binding != binding {
			continue
		}
		until := "for ever"
		if l.Expires != nil {
			until = "until " + l.Expires.UTC().Format("2006-01-02 15:04:05 MST")
		}
		role := map[string]string{"own": "lease of the client", "holder": "lease of another client"}[l.Role]
		fmt.Fprintf(w, "%s\t%s/%d vrf %d, %s %s, subnet %d, pool %d\n", role, l.Addr, l.PrefixLen, l.VRF, l.State, until, l.SubnetID, l.PoolID)
	}
}

func outcomeText(b *frontend.ExplainedBinding) string {
	text := b.Outcome
	switch {
	case b.AnyOfPool != 0:
		text += fmt.Sprintf(": something free of pool %d, if there is", b.AnyOfPool)
	case b.Address != "":
		text += ": " + b.Address
	}
	if b.Valid != 0 {
		text += ", for " + secondsText(b.Valid)
	}
	if b.Preferred != 0 {
		text += ", preferred for " + secondsText(b.Preferred)
	}
	return text
}

func secondsText(n uint32) string {
	if n == sqlstore.Infinite {
		return "ever"
	}
	return fmt.Sprintf("%d s", n)
}

// parameterText leaves out what has its default.
func (x *explanation) parameterText(w io.Writer) {
	for _, p := range x.Parameters {
		if p.From != "default" || p.Name == "valid_lifetime" {
			fmt.Fprintf(w, "%s\t%s\t%s\n", p.Name, p.Value, p.From)
		}
	}
}

func (x *explanation) optionText(w io.Writer) {
	for _, o := range x.Options {
		sent := "sent"
		if !o.Sent {
			sent = "not sent"
		}
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\n", strings.TrimSpace(fmt.Sprintf("%d %s", o.Code, o.Name)), sent, o.From, o.Why, strconv.QuoteToGraphic(o.Value))
	}
}

func (x *explanation) answerText(w io.Writer) {
	if n := x.Name; n != nil {
		keeps := []string{}
		if n.Forward {
			keeps = append(keeps, "address")
		}
		if n.Reverse {
			keeps = append(keeps, "reverse")
		}
		fmt.Fprintf(w, "name\t%q; records kept: %s\n", n.Name, cmp.Or(strings.Join(keeps, ", "), "none"))
		if n.Refused != "" {
			fmt.Fprintf(w, "name refused\t%s\n", n.Refused)
		}
	}
	switch {
	case x.Drop != nil:
		fmt.Fprintf(w, "none\t%s: %s\n", x.Drop.Reason, x.Drop.Text)
		if x.Drop.Reason == frontend.ReasonNotRelayed {
			fmt.Fprint(w, "hint\t--interface NAME tells which interface a direct client is on\n")
		}
	case x.Reply == nil:
		fmt.Fprint(w, "none\tthe message takes no answer\n")
	default:
		r := x.Reply
		fmt.Fprintf(w, "%s\tto %s\n", r.Type, r.To)
		fmt.Fprintf(w, "server_id\t%s\n", cmp.Or(r.ServerID, "that of the frontend"))
	}
}
