package frontend

import (
	"net/netip"

	"github.com/insomniacslk/dhcp/dhcpv4"

	"rowlock/sqlstore"
)

// ask4 is what a message wants.
type ask4 struct {
	op   sqlstore.Op // 0 for INFORM
	want netip.Addr
	// request is what SQL has to decide, nil when decision is known without.
	request  *sqlstore.Request
	decision *sqlstore.Decision
}

// request4 makes the question to SQL. as is the server identifier that name4
// found.
func request4(q *query4, n *network, as netip.Addr, revision int64) (*ask4, error) {
	op, want, err := state4(q)
	if err != nil {
		return nil, err
	}
	a := &ask4{op: op, want: want}
	switch {
	case op == 0:
		return a, nil
	case !as.IsValid():
		a.op = sqlstore.OpWithdraw
	case op == sqlstore.OpInitReboot && n.segment.find(want) == nil:
		// RFC 2131 section 4.3.2: the client is on the wrong network. That does
		// not depend on what the database holds.
		a.decision = &sqlstore.Decision{Results: []sqlstore.Result{{Code: sqlstore.WrongAddress}}}
		return a, nil
	}
	at := n
	if holding := n.segment.find(want); holding != nil && op != sqlstore.OpOffer {
		at = holding // the lifetimes of the subnet that the address is in
	}
	key, former := key4(q, n)
	q.names.begin(n)
	a.request = &sqlstore.Request{
		Family: sqlstore.IPv4, Revision: revision,
		Items: []sqlstore.Item{{
			Op: a.op, Key: key, Former: former, VRF: n.link.VRF, Kind: sqlstore.NA,
			Want: want, Pools: n.pools, Client: q.client,
			ValidLft: at.settings.lifetime(q.lease, q.asked), OfferLft: n.settings.offer,
		}},
	}
	it := &a.request.Items[0]
	it.CacheAge = at.settings.cacheAge(it.ValidLft)
	q.names.ask(it)
	return a, nil
}

// state4 tells which operation a message is, and the address that it is about;
// for a REQUEST by the state of the client (RFC 2131 section 4.3.2, table 4).
// The operation of an INFORM is 0.
func state4(q *query4) (sqlstore.Op, netip.Addr, error) {
	ciaddr := q.origin.ciaddr
	switch q.kind {
	case dhcpv4.MessageTypeDiscover:
		return sqlstore.OpOffer, q.requested, nil
	case dhcpv4.MessageTypeInform:
		return 0, netip.Addr{}, nil
	case dhcpv4.MessageTypeRelease:
		if !ciaddr.IsValid() {
			return 0, ciaddr, drop(ReasonNoAddress, "RELEASE without ciaddr")
		}
		return sqlstore.OpRelease, ciaddr, nil
	case dhcpv4.MessageTypeDecline:
		if !q.requested.IsValid() {
			return 0, q.requested, drop(ReasonNoAddress, "DECLINE without requested address")
		}
		return sqlstore.OpDecline, q.requested, nil
	}
	switch {
	case q.serverID.IsValid() && q.requested.IsValid():
		return sqlstore.OpSelect, q.requested, nil
	case ciaddr.IsValid() && q.origin.unicast && !q.origin.giaddr.IsValid():
		// A server identifier must not be here, but does no harm either.
		return sqlstore.OpRenew, ciaddr, nil
	case ciaddr.IsValid():
		return sqlstore.OpRebind, ciaddr, nil
	case q.requested.IsValid():
		return sqlstore.OpInitReboot, q.requested, nil
	}
	return 0, netip.Addr{}, drop(ReasonNoAddress, "REQUEST with neither requested address nor ciaddr")
}

// key4 returns the binding key of the client: by client identifier (RFC 2131
// section 4.2), or by hardware address where it has none or the site does not
// match it; and its keys under the links that subnets of this one came from.
func key4(q *query4, n *network) (key sqlstore.Key, former []sqlstore.Key) {
	kind, identity := sqlstore.KeyClientID, q.client.ClientID
	if hw := q.client.HWAddr; len(identity) == 0 || !n.settings.matchClientID && len(hw) > 0 {
		kind, identity = sqlstore.KeyHWAddr, append([]byte{byte(q.client.HWType)}, hw...)
	}
	for _, link := range n.segment.former {
		former = append(former, sqlstore.ClientKey(link, kind, identity))
	}
	return sqlstore.ClientKey(n.link.ID, kind, identity), former
}
