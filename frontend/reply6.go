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
	addName6(msg, q, at, asked, dec)
	return msg, nil
}

// granted6At returns the network of the first address that was granted, else
// of the first prefix, else n; granted is false when nothing was.
func granted6At(n *network, asked asked6, dec *sqlstore.Decision) (at *network, granted bool) {
	for _, kind := range []sqlstore.Kind{sqlstore.NA, sqlstore.PD} {
		for _, i := range asked.items {
			if i >= 0 && asked.request.Items[i].Kind == kind && dec.Results[i].Code == sqlstore.Granted {
				return n.home(kind, dec.Results[i].Lease.Addr), true
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

// addName6 adds the Client FQDN option for a client that sent it and asks for
// it (RFC 4704 section 6), about the first address that it is granted. An option
// that the site has configured stays.
func addName6(msg *dhcpv6.Message, q *query6, n *network, asked asked6, dec *sqlstore.Decision) {
	code := dhcpv6.OptionFQDN
	if _, configured := n.options.get(uint16(code)); configured || !q.names.sent.has || !q.wants(uint16(code)) {
		return
	}
	if v, err := q.names.option(address6(asked, dec)).Append6(nil); err == nil {
		msg.AddOption(&dhcpv6.OptionGeneric{OptionCode: code, OptionData: v})
	}
}

// address6 returns the first address that was granted, else the zero Addr.
func address6(asked asked6, dec *sqlstore.Decision) netip.Addr {
	for _, i := range asked.items {
		if i >= 0 && asked.request.Items[i].Kind == sqlstore.NA && dec.Results[i].Code == sqlstore.Granted {
			return dec.Results[i].Lease.Addr
		}
	}
	return netip.Addr{}
}

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
