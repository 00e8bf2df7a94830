package frontend

// locate4 returns the network that a message belongs to. t may be nil.
func locate4(p *packet, q *query4, snap *snapshot, t *trace) (*network, error) {
	n := snap.index.select4(&q.origin, t)
	if n != nil {
		return n, nil
	}
	if !q.origin.giaddr.IsValid() && p.listener.config.Kind == ListenUDP {
		return nil, drop(ReasonNotRelayed, "neither a relay nor a known subnet of its own (ciaddr %s)", q.origin.ciaddr)
	}
	return nil, drop(ReasonNoSubnet, "no subnet for giaddr %s, ciaddr %s, link-selection %s, subnet-selection %s",
		q.origin.giaddr, q.origin.ciaddr, q.origin.linkSelection, q.origin.subnetSelection)
}
