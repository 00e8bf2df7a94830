package frontend

import (
	"encoding/binary"
	"net"
	"net/netip"
	"time"

	"github.com/insomniacslk/dhcp/dhcpv6"
	"github.com/insomniacslk/dhcp/iana"

	"rowlock/sqlstore"
)

// answer6 is what a reply says about one IA.
type answer6 struct {
	leases []leased6
	status iana.StatusCode // Success: no status option
	text   string
	// absent leaves the IA out of the reply, unless it says something about
	// another IA.
	absent bool
}

// leased6 is an address or prefix with lifetimes; zero lifetimes tell the
// client to stop using it (RFC 9915 section 18.2.10.1).
type leased6 struct {
	prefix    netip.Prefix
	preferred uint32
	valid     uint32
}

// reply6 makes the answer to a message. dec is the decision about asked, nil
// if nothing was asked. The error is a Drop where the protocol wants silence.
func reply6(q *query6, n *network, duid []byte, asked asked6, dec *sqlstore.Decision) (*dhcpv6.Message, error) {
	msg := &dhcpv6.Message{MessageType: dhcpv6.MessageTypeReply, TransactionID: q.xid}
	if q.clientID != nil {
		msg.AddOption(&dhcpv6.OptionGeneric{OptionCode: dhcpv6.OptionClientID, OptionData: q.clientID})
	}
	msg.AddOption(&dhcpv6.OptionGeneric{OptionCode: dhcpv6.OptionServerID, OptionData: duid})
	switch q.kind {
	case dhcpv6.MessageTypeConfirm:
		return msg, confirm6(msg, q, n)
	case dhcpv6.MessageTypeRelease, dhcpv6.MessageTypeDecline:
		ended6(msg, q, asked, dec)
		return msg, nil
	case dhcpv6.MessageTypeInformationRequest:
		addOptions6(msg, q, n)
		return msg, nil
	}
	answers, err := answers6(q, n, asked, dec)
	if err != nil {
		return nil, err
	}
	at, granted := granted6At(n, asked, dec)
	switch {
	case asked.op == sqlstore.OpAssign && (granted || len(q.ias) == 0):
		msg.AddOption(&dhcpv6.OptionGeneric{OptionCode: dhcpv6.OptionRapidCommit})
	case q.kind == dhcpv6.MessageTypeSolicit:
		msg.MessageType = dhcpv6.MessageTypeAdvertise
		if p := at.settings.preference; p != 0 {
			msg.AddOption(&dhcpv6.OptionGeneric{OptionCode: dhcpv6.OptionPreference, OptionData: []byte{p}})
		}
	}
	addIAs6(msg, q, at, answers)
	addOptions6(msg, q, at)
	return msg, nil
}

// granted6At returns the network of the first address that was granted, else
// of the first prefix, else n; granted is false when nothing was.
func granted6At(n *network, asked asked6, dec *sqlstore.Decision) (at *network, granted bool) {
	for _, kind := range []sqlstore.Kind{sqlstore.NA, sqlstore.PD} {
		for _, i := range asked.items {
			if i >= 0 && asked.request.Items[i].Kind == kind && dec.Results[i].Code == sqlstore.Granted {
				return n.home6(kind, dec.Results[i].Lease.Addr), true
			}
		}
	}
	return n, false
}

// confirm6 answers a CONFIRM from the configuration alone: Success when every
// address is appropriate for the link, else NotOnLink; silence when there is
// no address to confirm (RFC 9915 section 18.3.3).
func confirm6(msg *dhcpv6.Message, q *query6, n *network) error {
	addresses := false
	for i := range q.ias {
		ia := &q.ias[i]
		if ia.kind != sqlstore.NA || len(ia.named) == 0 {
			continue
		}
		addresses = true
		if ia.offLink(n) {
			msg.AddOption(status6(iana.StatusNotOnLink, "address is not of this link"))
			return nil
		}
	}
	if !addresses {
		return drop(ReasonNoAddress, "confirm has no address")
	}
	msg.AddOption(status6(iana.StatusSuccess, "addresses are of this link"))
	return nil
}

// ended6 answers a RELEASE or DECLINE, always with Success, and NoBinding for
// each IA that has none (RFC 9915 sections 18.3.7 and 18.3.8).
func ended6(msg *dhcpv6.Message, q *query6, asked asked6, dec *sqlstore.Decision) {
	msg.AddOption(status6(iana.StatusSuccess, ""))
	for i := range q.ias {
		if at := asked.items[i]; at >= 0 && dec.Results[at].Code == sqlstore.NoBinding {
			msg.AddOption(ia6Option(&q.ias[i], answer6{status: iana.StatusNoBinding, text: "no binding"}, 0, 0))
		}
	}
}

// answers6 finds what to say about each IA. A REBIND about which there is
// nothing to say is dropped: another server may know the client (RFC 9915
// section 18.3.5).
func answers6(q *query6, n *network, asked asked6, dec *sqlstore.Decision) ([]answer6, error) {
	var all []answer6
	absent := 0
	for i := range q.ias {
		ia, at := &q.ias[i], asked.items[i]
		var a answer6
		if at < 0 { // only a REQUEST has an IA that is not asked about
			a = answer6{status: iana.StatusNotOnLink, text: "address is not of this link"}
		} else {
			a = answerIA6(asked.op, ia, &asked.request.Items[at], &dec.Results[at], n)
		}
		if a.absent {
			absent++
		}
		all = append(all, a)
	}
	if len(all) > 0 && absent == len(all) {
		return nil, drop(ReasonNoBinding, "%d identity associations are unknown", absent)
	}
	return all, nil
}

// answerIA6 turns the result about one IA into what the reply says.
func answerIA6(op sqlstore.Op, ia *ia6, it *sqlstore.Item, r *sqlstore.Result, n *network) answer6 {
	extends := op == sqlstore.OpRenew || op == sqlstore.OpRebind
	unknown := answer6{status: iana.StatusNoBinding, text: "no binding"}
	switch r.Code {
	case sqlstore.Granted:
		return granted6(op, ia, it, r)
	case sqlstore.NoBinding:
		if op == sqlstore.OpRenew { // RFC 9915 section 18.3.4
			return unknown
		}
		// Section 18.3.5: what is not of this link, or in a pool of ours and held
		// by another client, is taken back; anything else may be known elsewhere.
		if _, ours := it.Permits(it.Want); op == sqlstore.OpRebind && !ours && !ia.offLink(n) {
			unknown.absent = true
			return unknown
		}
	case sqlstore.WrongAddress, sqlstore.Exhausted:
	default:
		return answer6{absent: true}
	}
	switch {
	case extends && len(ia.named) > 0:
		return answer6{leases: refused6(ia, netip.Prefix{})}
	case ia.kind == sqlstore.PD:
		return answer6{status: iana.StatusNoPrefixAvail, text: "no prefix is available"}
	}
	return answer6{status: iana.StatusNoAddrsAvail, text: "no address is available"}
}

// granted6 states the lease, and zero lifetimes for what else the client
// named. Offers and first assignments leave that out: there it was a wish.
func granted6(op sqlstore.Op, ia *ia6, it *sqlstore.Item, r *sqlstore.Result) answer6 {
	l := leased6{r.Lease.Prefix(), r.Lease.PreferredLft, r.Lease.ValidLft}
	if op == sqlstore.OpOffer { // the row of a known client has its last lifetimes
		l.preferred, l.valid = it.PreferredLft, it.ValidLft
	}
	a := answer6{leases: []leased6{l}}
	if op != sqlstore.OpOffer && op != sqlstore.OpAssign {
		a.leases = append(a.leases, refused6(ia, l.prefix)...)
	}
	return a
}

// refused6 is what the client named, except keep, with zero lifetimes.
func refused6(ia *ia6, keep netip.Prefix) []leased6 {
	var list []leased6
	for _, named := range ia.named {
		if named.prefix != keep {
			list = append(list, leased6{prefix: named.prefix})
		}
	}
	return list
}

// addIAs6 adds the IA options. IA_TA gets the answer of a server without
// temporary addresses: RFC 9915 took them out of the protocol.
func addIAs6(msg *dhcpv6.Message, q *query6, n *network, answers []answer6) {
	preferred, valid, found := shortest6(answers)
	var t1, t2 uint32
	if found {
		t1, t2 = n.settings.timers6(preferred, valid)
	}
	for i := range answers {
		msg.AddOption(ia6Option(&q.ias[i], answers[i], t1, t2))
	}
	if q.kind != dhcpv6.MessageTypeSolicit && q.kind != dhcpv6.MessageTypeRequest {
		return
	}
	for _, iaid := range q.tas {
		ta := &dhcpv6.OptIATA{IaId: [4]byte(binary.BigEndian.AppendUint32(nil, iaid))}
		ta.Options.Add(status6(iana.StatusNoAddrsAvail, "no temporary addresses"))
		msg.AddOption(ta)
	}
}

// shortest6 returns the shortest lifetimes that are not zero; found is
// false when there are none.
func shortest6(answers []answer6) (preferred, valid uint32, found bool) {
	preferred, valid = sqlstore.Infinite, sqlstore.Infinite
	for _, a := range answers {
		for _, l := range a.leases {
			if l.valid != 0 {
				preferred, valid, found = min(preferred, l.preferred), min(valid, l.valid), true
			}
		}
	}
	return preferred, valid, found
}

// ia6Option builds an IA_NA or IA_PD.
func ia6Option(ia *ia6, a answer6, t1, t2 uint32) dhcpv6.Option {
	iaid := [4]byte(binary.BigEndian.AppendUint32(nil, ia.iaid))
	var opts dhcpv6.Options
	for _, l := range a.leases {
		opts.Add(l.option(ia.kind))
	}
	if a.status != iana.StatusSuccess {
		opts.Add(status6(a.status, a.text))
	}
	if ia.kind == sqlstore.PD {
		return &dhcpv6.OptIAPD{IaId: iaid, T1: seconds6(t1), T2: seconds6(t2), Options: dhcpv6.PDOptions{Options: opts}}
	}
	return &dhcpv6.OptIANA{IaId: iaid, T1: seconds6(t1), T2: seconds6(t2), Options: dhcpv6.IdentityOptions{Options: opts}}
}

func (l leased6) option(kind sqlstore.Kind) dhcpv6.Option {
	ip := net.IP(l.prefix.Addr().AsSlice())
	if kind == sqlstore.PD {
		return &dhcpv6.OptIAPrefix{
			PreferredLifetime: seconds6(l.preferred), ValidLifetime: seconds6(l.valid),
			Prefix: &net.IPNet{IP: ip, Mask: net.CIDRMask(l.prefix.Bits(), 128)},
		}
	}
	return &dhcpv6.OptIAAddress{
		IPv6Addr: ip, PreferredLifetime: seconds6(l.preferred), ValidLifetime: seconds6(l.valid),
	}
}

func status6(code iana.StatusCode, text string) dhcpv6.Option {
	return &dhcpv6.OptStatusCode{StatusCode: code, StatusMessage: text}
}

func seconds6(n uint32) time.Duration { return time.Duration(n) * time.Second }

// addOptions6 adds the configured options that the client asked for or gets
// always. The information refresh time belongs to answers without leases
// (RFC 9915 section 21.23).
func addOptions6(msg *dhcpv6.Message, q *query6, n *network) {
	for _, o := range n.options {
		code := dhcpv6.OptionCode(o.code)
		if code == dhcpv6.OptionInformationRefreshTime && q.kind != dhcpv6.MessageTypeInformationRequest {
			continue
		}
		if o.always || q.wants(o.code) {
			msg.AddOption(&dhcpv6.OptionGeneric{OptionCode: code, OptionData: o.data})
		}
	}
}
