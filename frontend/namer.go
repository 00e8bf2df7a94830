package frontend

import (
	"context"
	"errors"
	"log/slog"
	"net/netip"

	"rowlock/ddns/name"
	"rowlock/sqlstore"
)

// namer says which name the sender of one message has at an address. It
// remembers the last answer: SQL and the reply ask for the same. It is not safe
// for concurrent use.
type namer struct {
	sent sentName
	home *network
	addr netip.Addr // that last is for
	last named
}

// named is the name at one address.
type named struct {
	naming *naming
	choice name.Choice // none where names are not kept in DNS
	does   name.Decision
}

// begin says which network the message came from.
func (m *namer) begin(n *network) { m.home, m.addr = n, netip.Addr{} }

// ask fills in how SQL gets the item's name.
func (m *namer) ask(it *sqlstore.Item) {
	switch it.Op {
	case sqlstore.OpRelease, sqlstore.OpDecline, sqlstore.OpWithdraw:
		return // the name of what ends is that of the row
	}
	if !m.home.segment.named {
		return
	}
	it.Named = m.stored
	if it.Kind == sqlstore.PD {
		it.Named = m.storedPrefix
	}
	// A DISCOVER or SOLICIT begins anew; what follows it need not repeat the name.
	it.KeepName = it.Op != sqlstore.OpOffer && it.Op != sqlstore.OpAssign && m.sent.silent() &&
		m.network(it.Kind, it.Want).naming.policy.SendUpdates
}

func (m *namer) network(kind sqlstore.Kind, addr netip.Addr) *network { return m.home.home(kind, addr) }

// at returns the name at an address.
func (m *namer) at(addr netip.Addr) *named {
	if m.addr != addr {
		m.addr, m.last = addr, m.choose(m.network(sqlstore.NA, addr).naming, addr)
	}
	return &m.last
}

// choose does not use addr for a name where it is the zero Addr.
func (m *namer) choose(as *naming, addr netip.Addr) named {
	d := named{naming: as}
	if !as.policy.SendUpdates {
		return d
	}
	src := m.sent.sources(addr)
	d.choice = as.rules.Choose(src)
	d.does = as.policy.Decide(src.FQDN, d.choice.Name != "")
	return d
}

// stored is sqlstore.Item.Named of an address.
func (m *namer) stored(addr netip.Addr) (string, uint8) {
	d := m.at(addr)
	switch {
	case !d.naming.policy.SendUpdates:
		return m.sent.plain()
	case d.choice.Name == "":
		return "", 0
	}
	flags := m.sent.flags
	if d.does.Forward {
		flags |= sqlstore.FQDNForward
	}
	if d.does.Reverse {
		flags |= sqlstore.FQDNReverse
	}
	return d.choice.Name, flags
}

// storedPrefix is sqlstore.Item.Named of a delegated prefix, which has no
// records in DNS: the name is for reports, and none is made from the prefix.
func (m *namer) storedPrefix(addr netip.Addr) (string, uint8) {
	as := m.network(sqlstore.PD, addr).naming
	if !as.policy.SendUpdates {
		return m.sent.plain()
	}
	d := m.choose(as, netip.Addr{})
	return d.choice.Name, m.sent.flags
}

// option returns the Client FQDN option that answers the client's, for the
// address that it is granted; the zero Addr: none. A server that does not
// update says so and leaves the client its name (RFC 4702 section 4).
func (m *namer) option(addr netip.Addr) name.FQDN {
	if addr.IsValid() {
		if d := m.at(addr); d.naming.policy.SendUpdates {
			return d.does.Reply(m.sent.fqdn, d.choice.Name)
		}
	}
	f := name.Decision{}.Reply(m.sent.fqdn, m.sent.fqdn.Name)
	f.Full = m.sent.fqdn.Full
	return f
}

// hostname returns the name that the client of a lease is told, "" for none:
// the one it has now, or has kept.
func (m *namer) hostname(l *sqlstore.Lease) string {
	d := m.at(l.Addr)
	if d.choice.Name == "" && m.sent.silent() && l.Client.FQDNFlags&(sqlstore.FQDNForward|sqlstore.FQDNReverse) != 0 {
		return l.Client.Hostname
	}
	return d.choice.Name
}

// refused returns why the client does not have the name it sent at an address,
// nil when it has it or names are not kept there.
func (m *namer) refused(addr netip.Addr) error {
	d := m.at(addr)
	if !d.naming.policy.SendUpdates {
		return nil
	}
	if m.sent.bad == nil {
		return d.choice.Refused
	}
	return errors.Join(m.sent.bad, d.choice.Refused)
}

// nameRefused counts and logs the name of a client that was granted an address
// and may not have the name. Offers are not counted: their REQUEST will be.
func (s *Server) nameRefused(p *packet, m *namer, addr netip.Addr) {
	err := m.refused(addr)
	if err == nil {
		return
	}
	reason := name.ReasonOf(err)
	s.metrics.names.WithLabelValues(string(reason)).Inc()
	if s.log.Enabled(context.Background(), slog.LevelDebug) {
		s.log.Debug("name refused", "event", "name.refused", "family", p.family,
			"reason", reason, "addr", addr, "name", m.last.choice.Name, "from", p.src, "xid", xid(p), "err", err)
	}
}
