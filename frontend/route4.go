package frontend

import (
	"net/netip"

	"github.com/insomniacslk/dhcp/dhcpv4"
)

// route4 decides where a reply goes (RFC 2131 section 4.1):
//
//   - an answer to an INFORM to ciaddr (section 4.3.5);
//   - through the relay, at the server port, or at the port it sent from when
//     it says so (RFC 8357 section 5.2);
//   - a NAK to everybody on the link;
//   - to ciaddr, which the client has;
//   - to everybody where the client asks for that or has no Ethernet address,
//     else to the new address at the client's Ethernet address.
//
// It leaves by the interface that tells the client's VRF, if one does.
//
// A listener of kind udp has no link: there a NAK goes to the ciaddr of the
// client that renews through routers, and the last case is a drop.
func route4(p *packet, q *query4, w *writer4) (outgoing, error) {
	out := outgoing{data: w.bytes(), from: p.local, ifindex: q.origin.bound, kind: kindNames4[w.kind], in: p}
	hw, ethernet := w.ethernet()
	c := p.listener.config
	ciaddr, giaddr := q.origin.ciaddr, q.origin.giaddr
	switch {
	case q.kind == dhcpv4.MessageTypeInform && ciaddr.IsValid():
		out.to = netip.AddrPortFrom(ciaddr, c.ClientPort)
	case giaddr.IsValid():
		out.to = netip.AddrPortFrom(giaddr, c.RelayPort)
		if q.relayPort {
			out.to = netip.AddrPortFrom(giaddr, p.src.Port())
		}
	case w.kind == dhcpv4.MessageTypeNak && c.Kind == ListenInterface:
		frame4(p, w.as, &out)
	case ciaddr.IsValid():
		out.to = netip.AddrPortFrom(ciaddr, c.ClientPort)
	case q.kind == dhcpv4.MessageTypeInform && p.src.Addr().IsValid() && !p.src.Addr().IsUnspecified():
		out.to = netip.AddrPortFrom(p.src.Addr(), c.ClientPort)
	case q.kind == dhcpv4.MessageTypeInform:
		return out, drop(ReasonNoAddress, "INFORM with neither ciaddr nor a source address")
	case c.Kind != ListenInterface:
		return out, drop(ReasonNotRelayed, "a client without an address cannot be reached by UDP")
	case w.flags&broadcastFlag != 0 || !ethernet:
		frame4(p, w.as, &out)
	default:
		frame4(p, w.as, &out)
		out.to, out.hw = netip.AddrPortFrom(w.yiaddr, c.ClientPort), hw
	}
	return out, nil
}

// frame4 makes out a raw frame to everybody on the link, from the address of
// the interface, or from the server identifier where it has none.
func frame4(p *packet, as netip.Addr, out *outgoing) {
	out.to, out.hw = netip.AddrPortFrom(broadcast4, p.listener.config.ClientPort), broadcastHW
	if out.from = p.iface.addr4(); !out.from.IsValid() {
		out.from = as
	}
}
