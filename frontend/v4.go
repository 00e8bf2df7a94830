package frontend

import (
	"context"

	"rowlock/sqlstore"
)

// handle4 answers one DHCPv4 message (RFC 2131). Its error is a Drop; nil
// means that a reply is on its way, or that the message takes none.
func (s *Server) handle4(ctx context.Context, p *packet) error {
	q, err := decode4(p) // decode4.go: bytes to query
	if err != nil {
		return err
	}
	snap, err := s.current() // work.go: the configuration in use
	if err != nil {
		return err
	}
	newer, err := s.evaluate4(ctx, p, q, snap, false)
	if newer != nil {
		_, err = s.evaluate4(ctx, p, q, newer, true)
	}
	return err
}

// evaluate4 does one round with one snapshot. It returns a newer snapshot when
// the message has to be evaluated once more on that; a final round never does.
func (s *Server) evaluate4(ctx context.Context, p *packet, q *query4, snap *snapshot, final bool) (*snapshot, error) {
	q.origin.place = s.place(p, snap)  // via.go: where it came in
	n, err := locate4(p, q, snap, nil) // locate4.go: the subnet it comes from
	if err != nil {
		return nil, err
	}
	as, err := s.name4(p, q, n) // name4.go: the server identifier we answer with
	if err != nil {
		return nil, err
	}
	ask, err := request4(q, n, as, snap.revision) // request4.go: what we ask of SQL
	if err != nil {
		return nil, err
	}
	newer, err := s.decide4(ctx, p, n, snap, ask, final)
	if newer != nil || err != nil {
		return newer, err
	}
	reply, err := reply4(q, n, as, ask) // reply4.go: the message, options by scope
	if err != nil || reply == nil {
		return nil, err
	}
	if ask.op != sqlstore.OpOffer && ask.op != 0 && ask.decision.Results[0].Code == sqlstore.Granted {
		s.nameRefused(p, &q.names, ask.decision.Results[0].Lease.Addr) // namer.go
	}
	out, err := route4(p, q, reply) // route4.go: where it goes
	if err != nil {
		return nil, err
	}
	return nil, s.send(out) // listener.go: to the writer of the socket
}

// decide4 has the database decide what was asked, and puts the decision into ask. It
// returns a newer snapshot as evaluate4 does.
func (s *Server) decide4(ctx context.Context, p *packet, n *network, snap *snapshot, ask *ask4, final bool) (newer *snapshot, err error) {
	if ask.request == nil {
		if ask.decision == nil || final {
			return nil, nil
		}
		return s.confirmed(ctx, sqlstore.IPv4, snap) // work.go; refused whatever the rows are
	}
	var charges []charge
	if ask.op == sqlstore.OpDecline {
		charges = s.declineCharges(p, snap, n, string(ask.request.Items[0].Key))
		if err := s.admitDecline(p, charges); err != nil { // admit.go
			return nil, err
		}
	}
	if ask.decision, err = s.lease(ctx, ask.request); err != nil { // work.go
		if newer := s.superseding(err); newer != nil && !final {
			return newer, nil
		}
		return nil, err
	}
	s.declined(p, charges, ask.decision)
	if final {
		return nil, nil
	}
	return s.newer(ctx, ask.request, ask.decision) // work.go
}
