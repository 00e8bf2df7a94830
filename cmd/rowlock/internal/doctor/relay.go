package doctor

import (
	"fmt"
	"net/netip"
	"slices"

	"rowlock/sqlstore"
)

// maxRelays bounds how many relays are looked at.
const maxRelays = 200

// relays tells whether this host has a way to each relay. Nothing is sent: a
// firewall or a router further on is not seen.
func (d *doctor) relays(all []netip.Addr) {
	if len(all) > maxRelays {
		d.found.Add("relay.list", sqlstore.FindingNote, fmt.Sprintf("%d relays are known, %d are looked at", len(all), maxRelays),
			"one of the others may be out of reach", "ip route get ADDRESS")
		all = all[:maxRelays]
	}
	for _, relay := range all {
		d.relay(relay)
	}
}

func (d *doctor) relay(relay netip.Addr) {
	name := id("relay.ADDRESS.route", relay.String())
	if relay.IsLinkLocalUnicast() {
		return // of a link: there is no route to tell
	}
	family, wildcard, port := sqlstore.IPv4, false, 67
	if relay.Is6() {
		family, port = sqlstore.IPv6, 547
	}
	var at []netip.Addr
	for _, l := range d.Listen {
		if l.Family == family && l.Interface == "" {
			at = append(at, l.Address)
			wildcard = wildcard || l.Address.IsUnspecified()
		}
	}
	if len(at) == 0 {
		return // this process does not serve relays of that family
	}
	from, err := d.Host.Route(relay)
	switch {
	case err != nil:
		d.found.Add(name, sqlstore.FindingWarning, fmt.Sprintf("there is no route to the relay %s: %v", relay, err),
			"its clients get no answer from this host", fmt.Sprintf("ip route get %s; then add a route", relay))
	case !wildcard && !slices.Contains(at, from):
		d.found.Add(name, sqlstore.FindingNote, fmt.Sprintf("packets to the relay %s leave from %s, which is not listened on", relay, from),
			"replies leave from the address that was asked, by an interface that has another one; a firewall on the way may drop them",
			fmt.Sprintf("ip route get %s; see that source addresses are not filtered, or listen on %s too", relay, from))
	default:
		d.found.OK(name, "a route leads to the relay %s from %s; that it answers on port %d was not tried", relay, from, port)
	}
}
