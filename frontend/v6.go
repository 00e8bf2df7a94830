package frontend

import (
	"context"
	"fmt"
	"net/netip"
	"slices"

	"github.com/insomniacslk/dhcp/dhcpv6"

	"rowlock/sqlstore"
)

// maxReply6 is the largest payload of a UDP datagram over IPv6.
const maxReply6 = 65535 - 40 - 8

// handle6 answers one DHCPv6 message (RFC 9915 section 18.3).
func (s *Server) handle6(ctx context.Context, p *packet) error {
	snap, err := s.current()
	if err != nil {
		return err
	}
	q, err := decode6(p) // decode6.go, relay6.go, ia6.go
	if err != nil {
		return err
	}
	if len(snap.duid) == 0 {
		return drop(ReasonNoServerID, "configuration has no server duid")
	}
	unicast := !p.dst.Addr().IsMulticast()
	if err := validate6(q, snap.duid, unicast); err != nil { // validate6.go
		return err
	}
	n, asked, dec, err := s.decide6(ctx, snap, q, p) // request6.go
	if err != nil {
		return err
	}
	msg, err := reply6(q, n, snap.duid, asked, dec) // reply6.go
	if err != nil {
		return err
	}
	if addr := address6(asked, dec); asked.op != sqlstore.OpOffer && addr.IsValid() {
		s.nameRefused(p, &q.names, addr) // namer.go
	}
	return s.send6(p, q, msg)
}

// decide6 finds the network of a message and asks the database. A negative
// answer from an old configuration is asked for once more on the newer one,
// unless that would end a binding twice.
func (s *Server) decide6(ctx context.Context, snap *snapshot, q *query6, p *packet) (*network, asked6, *sqlstore.Decision, error) {
	for again := false; ; again = true {
		at := s.place(p, snap)
		q.bound = at.bound
		n, err := locate6(q, at, snap, nil)
		if err != nil {
			return nil, asked6{}, nil, err
		}
		asked := request6(q, n, snap.revision)
		if !again && q.offLink(n) { // refused whatever the rows are
			newer, err := s.confirmed(ctx, sqlstore.IPv6, snap) // work.go
			if err != nil {
				return nil, asked6{}, nil, err
			}
			if newer != nil {
				snap = newer
				continue
			}
		}
		if asked.request == nil {
			return n, asked, nil, nil
		}
		var charges []charge
		if asked.op == sqlstore.OpDecline {
			charges = s.declineCharges(p, snap, n, string(q.clientID))
			if err := s.admitDecline(p, charges); err != nil { // admit.go
				return nil, asked6{}, nil, err
			}
		}
		dec, err := s.lease(ctx, asked.request)
		if newer := s.superseding(err); newer != nil && !again {
			snap = newer
			continue
		}
		if err != nil {
			return nil, asked6{}, nil, err
		}
		s.declined(p, charges, dec)
		ended := slices.ContainsFunc(dec.Results, func(r sqlstore.Result) bool { return r.Code == sqlstore.Done })
		if again || ended {
			return n, asked, dec, nil
		}
		newer, err := s.newer(ctx, asked.request, dec)
		if err != nil {
			return nil, asked6{}, nil, err
		}
		if newer == nil {
			return n, asked, dec, nil
		}
		snap = newer
	}
}

// locate6 returns the network that a message belongs to. t may be nil.
func locate6(q *query6, at place, snap *snapshot, t *trace) (*network, error) {
	if err := at.named(); err != nil { // via.go
		return nil, err
	}
	o := q.origin6(at)
	n := snap.index.select6(&o, t)
	if n != nil {
		return n, nil
	}
	var c claim
	if snap.index.claim(&c, sqlstore.IPv6, &o.place, o.link, o.relays); c.other.IsValid() {
		return nil, snap.index.contradicts(&c)
	}
	return nil, drop(ReasonNoSubnet, "no subnet for %s", &o)
}

// String lists what the message tells about where it comes from.
func (o *origin6) String() string {
	text := "source " + o.src.String()
	if o.link.IsValid() {
		text = "link-address " + o.link.String() + ", " + text
	}
	if len(o.interfaceID) > 0 {
		text += fmt.Sprintf(", interface-id %x", o.interfaceID)
	}
	if o.iface != nil {
		text += ", interface " + o.iface.name
	}
	return text
}

// send6 sends a reply to where the packet came from, through the same relays
// (RFC 9915 section 18.3.10). A link-local destination needs the interface, and so
// does one in a VRF that the interface tells; any other is routed.
func (s *Server) send6(p *packet, q *query6, msg *dhcpv6.Message) error {
	data := relayReply6(q.relays, msg).ToBytes()
	if len(data) > maxReply6 {
		return drop(ReasonEncode, "reply has %d bytes", len(data))
	}
	port := q.replyPort6(p.src.Port(), p.listener.config.RelayPort)
	o := outgoing{
		data: data, to: netip.AddrPortFrom(p.src.Addr(), port), from: p.local,
		ifindex: q.bound, kind: typeName6(msg.MessageType), in: p,
	}
	if p.src.Addr().IsLinkLocalUnicast() {
		o.ifindex = p.ifindex
	}
	return s.send(o)
}
