package frontend

import (
	"net/netip"

	"github.com/insomniacslk/dhcp/dhcpv4"

	"rowlock/sqlstore"
)

// reply4 makes the answer from the decision. It returns nil for a message that
// takes none (RELEASE, DECLINE). as is the server identifier.
func reply4(q *query4, n *network, as netip.Addr, a *ask4) (*writer4, error) {
	if a.op == 0 {
		return informed4(q, n, as), nil
	}
	r := &a.decision.Results[0]
	switch a.op {
	case sqlstore.OpWithdraw:
		return nil, drop(ReasonForeignServer, "the client took the offer of %s", q.serverID)
	case sqlstore.OpRelease, sqlstore.OpDecline:
		if r.Code == sqlstore.Done {
			return nil, nil
		}
		return nil, drop(ReasonNoBinding, "%s of %s: %s", a.op, a.want, r.Code)
	}
	switch r.Code {
	case sqlstore.Granted:
		return granted4(q, n, as, a, r)
	case sqlstore.Exhausted:
		return nil, drop(ReasonExhausted, "subnet %s", n.subnet.Prefix)
	case sqlstore.WrongAddress, sqlstore.NoBinding:
		return refused4(q, n, as, a, r)
	}
	return nil, drop(ReasonInternal, "%s came back as %s", a.op, r.Code)
}

// granted4 is an OFFER or ACK with options and lifetimes of the subnet that
// the address is in.
func granted4(q *query4, n *network, as netip.Addr, a *ask4, r *sqlstore.Result) (*writer4, error) {
	addr, kind := r.Lease.Addr, dhcpv4.MessageTypeAck
	valid, _ := lifetimes(r)
	if a.op == sqlstore.OpOffer {
		// The client is told what it will get, not what is left of a lease that
		// it may have.
		kind, valid = dhcpv4.MessageTypeOffer, a.request.Items[0].ValidLft
	}
	at := n.segment.find(addr)
	if !r.HasLease || at == nil {
		return nil, drop(ReasonInternal, "granted %s, which is in no subnet of the link", addr)
	}
	w := newWriter4(q, at, kind, as)
	w.yiaddr = addr
	if kind == dhcpv4.MessageTypeAck {
		w.ciaddr = q.origin.ciaddr // RFC 2131 table 3
	}
	w.seconds(dhcpv4.OptionIPAddressLeaseTime, valid)
	if t1, t2, ok := at.settings.timers4(valid); ok {
		w.seconds(dhcpv4.OptionRenewTimeValue, t1)
		w.seconds(dhcpv4.OptionRebindingTimeValue, t2)
	}
	w.mask(at)
	w.configured(at.options)
	w.name(&r.Lease)
	return w, nil
}

// informed4 answers an INFORM: an ACK without an address and lifetimes
// (RFC 2131 section 4.3.5). It has no name: the Client FQDN option answers a
// DISCOVER or REQUEST only (RFC 4702 section 4).
func informed4(q *query4, n *network, as netip.Addr) *writer4 {
	at := n
	if own := n.segment.find(q.origin.ciaddr); own != nil {
		at = own
	}
	w := newWriter4(q, at, dhcpv4.MessageTypeAck, as)
	w.ciaddr = q.origin.ciaddr
	w.mask(at)
	w.configured(at.options)
	return w
}

// refused4 is a NAK, or silence where we may not tell (RFC 2131 section
// 4.3.2): INIT-REBOOT of a client that we do not know, and anything but an
// answer to our own offer where the server is not authoritative.
func refused4(q *query4, n *network, as netip.Addr, a *ask4, r *sqlstore.Result) (*writer4, error) {
	switch {
	case a.op == sqlstore.OpOffer:
		return nil, drop(ReasonInternal, "%s came back as %s", a.op, r.Code)
	case a.op == sqlstore.OpInitReboot && r.Code == sqlstore.NoBinding:
		return nil, drop(ReasonNotOurs, "INIT-REBOOT of an unknown client for %s", a.want)
	case a.op != sqlstore.OpSelect && !n.settings.authoritative:
		return nil, drop(ReasonNotOurs, "not authoritative: %s of %s: %s", a.op, a.want, r.Code)
	}
	w := newWriter4(q, n, dhcpv4.MessageTypeNak, as)
	if q.origin.giaddr.IsValid() {
		w.flags |= broadcastFlag // the client may not have an address (RFC 2131 section 4.3.2)
	}
	return w, nil
}

// timers4 returns T1 and T2 of a lease; ok is false when it has none: it never
// ends, or is too short for T1 < T2 < lifetime (RFC 2131 section 4.4.5).
func (s *settings) timers4(valid uint32) (t1, t2 uint32, ok bool) {
	if valid == sqlstore.Infinite || valid < 3 {
		return 0, 0, false
	}
	t1, t2 = s.renew, s.rebind
	if t2 == 0 {
		t2 = uint32(float64(valid) * s.t2)
	}
	if t1 == 0 {
		t1 = uint32(float64(valid) * s.t1)
	}
	t2 = min(max(t2, 2), valid-1)
	return min(max(t1, 1), t2-1), t2, true
}
