package frontend

import (
	"net/netip"
	"strings"
)

// locate4 returns the network that a message belongs to. t may be nil.
func locate4(p *packet, q *query4, snap *snapshot, t *trace) (*network, error) {
	if err := q.origin.named(); err != nil { // via.go
		return nil, err
	}
	n := snap.index.select4(&q.origin, t)
	if n != nil {
		return n, nil
	}
	var c claim
	snap.index.claim4(&c, &q.origin)
	if c.other.IsValid() {
		return nil, snap.index.contradicts(&c)
	}
	if snap.index.strayed(&q.origin, &c) {
		return nil, drop(ReasonUnknownVRF, "its address is of a vrf that is known by relays, and it came past them (%s)", &q.origin)
	}
	if !q.origin.giaddr.IsValid() && p.listener.config.Kind == ListenUDP {
		return nil, drop(ReasonNotRelayed, "neither a relay nor a known subnet of its own (%s)", &q.origin)
	}
	return nil, drop(ReasonNoSubnet, "no subnet for %s", &q.origin)
}

// String lists what the message tells about where it comes from.
func (o *origin4) String() string {
	var parts []string
	for _, v := range []struct {
		name string
		addr netip.Addr
	}{{"link-selection", o.linkSelection}, {"subnet-selection", o.subnetSelection}, {"giaddr", o.giaddr}, {"ciaddr", o.ciaddr}, {"source", o.src}} {
		if v.addr.IsValid() && !v.addr.IsUnspecified() {
			parts = append(parts, v.name+" "+v.addr.String())
		}
	}
	if o.iface != nil {
		parts = append(parts, "interface "+o.iface.name)
	}
	if len(parts) == 0 {
		return "a message that says nothing"
	}
	return strings.Join(parts, ", ")
}
