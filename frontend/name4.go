package frontend

import (
	"net/netip"

	"github.com/insomniacslk/dhcp/dhcpv4"

	"rowlock/sqlstore"
)

// name4 returns the server identifier to answer with. It is the zero Addr for
// a REQUEST that took the offer of a server which is none of ours.
//
// A message that names us is answered with the name it used, and so is one
// that names a sibling whose heartbeat is over: its clients must be able to
// finish and to renew. What names a live sibling is left to it.
func (s *Server) name4(p *packet, q *query4, n *network) (netip.Addr, error) {
	own := ownName4(p, q, n)
	named := q.serverID
	if q.kind == dhcpv4.MessageTypeDiscover || q.kind == dhcpv4.MessageTypeInform {
		named = netip.Addr{} // RFC 2131 table 5: must not be there, so it means nothing
	}
	switch {
	case !own.IsValid():
		return own, drop(ReasonNoServerID, "no address of ours to be the server identifier")
	case !named.IsValid(), named == own, named == p.local, p.iface != nil && p.iface.has(named):
		if named.IsValid() {
			return named, nil
		}
		return own, nil
	}
	switch s.cfg.Members.Owner(named) {
	case sqlstore.OwnerSelf, sqlstore.OwnerDead:
		return named, nil
	case sqlstore.OwnerLive:
		return own, drop(ReasonOtherServer, "names %s", named)
	}
	if q.kind == dhcpv4.MessageTypeRequest && q.requested.IsValid() {
		return netip.Addr{}, nil
	}
	return own, drop(ReasonForeignServer, "names %s", named)
}

// ownName4 returns our server identifier: the one that the relay puts in our
// place (RFC 5107 section 4), the one that all frontends share, the address of
// the link, or the address that the message was sent to.
func ownName4(p *packet, q *query4, n *network) netip.Addr {
	switch {
	case q.override.IsValid():
		return q.override
	case n.settings.serverID.IsValid():
		return n.settings.serverID
	case p.iface != nil:
		return p.iface.addr4()
	case p.local.IsValid() && !p.local.IsUnspecified():
		return p.local
	}
	return netip.Addr{}
}
