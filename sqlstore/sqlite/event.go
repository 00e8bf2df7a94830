package sqlite

import (
	"database/sql/driver"

	"rowlock/sqlstore"
)

// endedBy is the column ended_by: the state that followed the holding, Active
// for a new holding of the same client.
func endedBy(a sqlstore.Action) int64 {
	switch a {
	case sqlstore.Release:
		return int64(sqlstore.Released)
	case sqlstore.Expire:
		return int64(sqlstore.Expired)
	case sqlstore.Quarantine:
		return int64(sqlstore.Declined)
	case sqlstore.Park:
		return int64(sqlstore.Parked)
	}
	return int64(sqlstore.Active)
}

// history records the holding that a change ends, as the row was, until the
// lease ran out or now.
func (a *applier) history(c *change) error {
	o, cl := &c.old, &c.old.Client
	var iaid driver.Value
	if o.Family == sqlstore.IPv6 {
		iaid = int64(cl.IAID)
	}
	_, err := a.exec(0, "history_insert",
		int64(o.Family), int64(o.VRF), addrValue(o.Addr), int64(o.PrefixLen), int64(o.SubnetID), keyValue(o.Key),
		o.Since.UnixMicro(), min(a.now, o.expires), endedBy(c.u.Action), o.Rev, blobValue(cl.HWAddr), blobValue(cl.ClientID),
		iaid, addrValue(cl.RelayAddr), blobValue(cl.CircuitID), blobValue(cl.RemoteID), blobValue(cl.SubscriberID),
		blobValue(cl.RelayID), cl.Hostname, o.Frontend)
	return err
}

// recordEvent puts a change into the outbox: with the client's key and the
// name that matters, the old one when a holding ends.
func (a *applier) recordEvent(c *change) error {
	n, name, flags := &c.next, c.next.Client.Hostname, c.next.Client.FQDNFlags
	if c.event == eventEnded {
		name, flags = c.old.Client.Hostname, c.old.Client.FQDNFlags
	}
	_, err := a.exec(0, "event_insert", a.now, c.event, int64(n.Family), int64(n.VRF), addrValue(n.Addr), int64(n.PrefixLen),
		int64(n.SubnetID), keyValue(c.old.Key), name, int64(flags), int64(n.State), n.Rev)
	return err
}
