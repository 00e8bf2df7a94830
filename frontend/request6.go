package frontend

import (
	"math"
	"net/netip"
	"slices"

	"github.com/insomniacslk/dhcp/dhcpv6"

	"rowlock/sqlstore"
)

// asked6 is what a DHCPv6 message asks of the database.
type asked6 struct {
	op sqlstore.Op
	// request is nil when nothing is asked.
	request *sqlstore.Request
	// items has, for each of the message's IAs, the index of its item in the
	// request, or -1: that IA is answered without asking.
	items []int
}

// request6 makes the request for a message from a network, at a revision of
// the configuration: one item for each IA.
func request6(q *query6, n *network, revision int64) asked6 {
	a := asked6{op: op6(q, n), items: make([]int, len(q.ias))}
	q.names.begin(n)
	var items []sqlstore.Item
	for i := range q.ias {
		ia := &q.ias[i]
		a.items[i] = -1
		if a.op == 0 || !a.asks(ia, n) {
			continue
		}
		a.items[i] = len(items)
		items = append(items, item6(a.op, q, ia, n))
	}
	if len(items) > 0 {
		a.request = &sqlstore.Request{Family: sqlstore.IPv6, Revision: revision, Items: items}
	}
	return a
}

// op6 returns the operation that a message asks for, 0 if it asks for none:
// CONFIRM and INFORMATION-REQUEST are answered from the configuration.
func op6(q *query6, n *network) sqlstore.Op {
	switch q.kind {
	case dhcpv6.MessageTypeSolicit:
		if q.rapid && n.settings.rapidCommit { // RFC 9915 section 18.3.1
			return sqlstore.OpAssign
		}
		return sqlstore.OpOffer
	case dhcpv6.MessageTypeRequest:
		return sqlstore.OpSelect
	case dhcpv6.MessageTypeRenew:
		return sqlstore.OpRenew
	case dhcpv6.MessageTypeRebind:
		return sqlstore.OpRebind
	case dhcpv6.MessageTypeRelease:
		return sqlstore.OpRelease
	case dhcpv6.MessageTypeDecline:
		return sqlstore.OpDecline
	}
	return 0
}

// asks tells whether the database is asked about an IA.
func (a *asked6) asks(ia *ia6, n *network) bool {
	switch a.op {
	case sqlstore.OpSelect:
		// RFC 9915 section 18.3.2: an address of another link is answered with
		// NotOnLink; for a prefix there is only NoPrefixAvail
		return ia.kind == sqlstore.PD || !ia.offLink(n)
	case sqlstore.OpRelease: // without a lease in it there is nothing to give back
		return len(ia.named) > 0
	case sqlstore.OpDecline: // section 18.3.8 is about addresses
		return len(ia.named) > 0 && ia.kind == sqlstore.NA
	}
	return true
}

// offLink tells whether a message has an IA that is answered with NotOnLink from
// the configuration alone.
func (q *query6) offLink(n *network) bool {
	if q.kind != dhcpv6.MessageTypeConfirm && q.kind != dhcpv6.MessageTypeRequest {
		return false
	}
	return slices.ContainsFunc(q.ias, func(ia ia6) bool { return ia.kind == sqlstore.NA && ia.offLink(n) })
}

// item6 asks for the binding of one IA. Of the addresses that the client names
// the first one counts; a binding has one.
func item6(op sqlstore.Op, q *query6, ia *ia6, n *network) sqlstore.Item {
	key := func(link uint32) sqlstore.Key {
		return sqlstore.IAKey(link, sqlstore.KeyDUID, q.clientID, ia.iaid, ia.kind, 0)
	}
	it := sqlstore.Item{
		Op: op, Key: key(n.link.ID), VRF: n.link.VRF, Kind: ia.kind,
		Pools: n.pools, WantLen: ia.hintLen,
		OfferLft: n.settings.offer, Client: client6(q, ia.iaid),
	}
	if ia.kind == sqlstore.PD {
		it.Pools = n.prefixes
	}
	for _, old := range n.segment.former {
		it.Former = append(it.Former, key(old))
	}
	var wish uint32
	at := n
	if len(ia.named) > 0 {
		first := ia.named[0]
		it.Want, wish = first.prefix.Addr(), first.valid
		if ia.kind == sqlstore.PD {
			it.WantLen = uint8(first.prefix.Bits())
		}
		if op != sqlstore.OpOffer && op != sqlstore.OpAssign {
			at = n.home(ia.kind, it.Want)
		}
	}
	it.ValidLft = at.settings.lifetime(wish, wish != 0)
	it.PreferredLft = at.settings.preferred6(it.ValidLft)
	// an address that is used must not become deprecated for want of a write
	it.CacheAge = at.settings.cacheAge(min(it.ValidLft, it.PreferredLft))
	q.names.ask(&it)
	return it
}

// home returns the network of the link that an address or prefix belongs to,
// whose lifetimes and options go with it; n itself if none has it.
func (n *network) home(kind sqlstore.Kind, addr netip.Addr) *network {
	if kind == sqlstore.NA {
		if at := n.segment.find(addr); at != nil {
			return at
		}
		return n
	}
	if p := n.prefixes.Find(addr); p != nil && p.SubnetID != n.subnet.ID {
		if at := n.segment.byID[p.SubnetID]; at != nil {
			return at
		}
	}
	return n
}

// preferred6 returns the preferred lifetime that goes with a valid lifetime;
// it is never the longer of the two (RFC 9915 section 21.6).
func (s *settings) preferred6(valid uint32) uint32 {
	switch {
	case s.preferred != 0:
		return min(s.preferred, valid)
	case valid == sqlstore.Infinite:
		return valid
	}
	return uint32(uint64(valid) * 5 / 8)
}

// timers6 returns T1 and T2 for the shortest preferred and valid lifetimes of
// a reply; they are the same for all of its IAs (RFC 9915 section 18.3.2) and
// T1 is not after T2 (section 21.4).
func (s *settings) timers6(preferred, valid uint32) (t1, t2 uint32) {
	part := func(fixed uint32, share float64) uint32 {
		switch {
		case fixed != 0:
			return min(fixed, valid)
		case preferred == sqlstore.Infinite:
			return preferred
		}
		return uint32(math.Floor(float64(preferred) * share))
	}
	t2 = part(s.rebind, s.t2)
	return min(part(s.renew, s.t1), t2), t2
}

// client6 is what is stored about the client.
func client6(q *query6, iaid uint32) sqlstore.Client {
	c := sqlstore.Client{
		ClientID:     q.clientID,
		IAID:         iaid,
		RelayAddr:    q.linkAddr(),
		CircuitID:    q.interfaceID(),
		RemoteID:     q.relayOption(func(r *relay6) []byte { return r.remoteID }),
		SubscriberID: q.relayOption(func(r *relay6) []byte { return r.subscriberID }),
		RelayID:      q.relayOption(func(r *relay6) []byte { return r.relayID }),
	}
	c.Hostname, c.FQDNFlags = q.names.sent.plain()
	c.HWAddr, c.HWType, c.HWSource = q.linkLayer6()
	return c
}

// offLink tells whether the IA names an address that is not appropriate for
// the link: an address outside all of its subnets, a prefix outside all of its
// pools of prefixes, closing ones included.
func (ia *ia6) offLink(n *network) bool {
	for _, named := range ia.named {
		addr := named.prefix.Addr()
		if ia.kind == sqlstore.NA && n.segment.find(addr) == nil {
			return true
		}
		if ia.kind == sqlstore.PD && n.prefixes.Find(addr) == nil && !closingPrefix(n.link, named) {
			return true
		}
	}
	return false
}

// closingPrefix tells whether a prefix is in a pool of the link from which
// nothing new is given.
func closingPrefix(l *sqlstore.Link, named named6) bool {
	for _, sub := range l.Subnets {
		for _, p := range sub.Pools {
			if p.Kind == sqlstore.PD && (p.Closing || sub.Closing) && p.Contains(named.prefix.Addr()) {
				return true
			}
		}
	}
	return false
}
