package sqlite

import "rowlock/sqlstore"

// change is one update under way.
type change struct {
	u     *sqlstore.Update
	res   *sqlstore.UpdateResult
	old   row
	next  row
	ends  bool  // a holding ends
	fresh bool  // a new one begins
	event int64 // kind of lease_event, 0: none
}

// The kinds of lease_event.
const (
	eventAssigned = 1
	eventChanged  = 2
	eventEnded    = 3
)

// permitted is the guard of an update.
func permitted(u *sqlstore.Update, r *row, now int64) bool {
	if r.Addr != u.Addr {
		return false
	}
	if u.Rev != 0 {
		if u.Rev != r.Rev {
			return false
		}
	} else if r.State != sqlstore.Offered && !r.live(now) {
		return false
	}
	switch u.Action {
	case sqlstore.Hold:
		return !r.live(now) // an acknowledged lease never becomes an offer again
	case sqlstore.Release, sqlstore.Quarantine:
		return r.State == sqlstore.Active
	case sqlstore.Expire:
		return (r.State == sqlstore.Offered || r.State == sqlstore.Active) && r.expires <= now
	case sqlstore.Withdraw:
		return r.State == sqlstore.Offered
	case sqlstore.Activate, sqlstore.Park, sqlstore.Rekey:
		return true
	}
	return false
}

// plan works out the row after the change, whether a holding ends, and the
// event.
func (a *applier) plan(c *change) {
	u, now := c.u, a.now
	c.next = c.old
	n := &c.next
	live, grace := c.old.live(now), int64(u.Grace)*second
	n.Rev = a.rev(c.old.Rev)
	if a.frontend != "" {
		n.Frontend = a.frontend
	}
	expires := c.old.expires
	switch u.Action {
	case sqlstore.Activate, sqlstore.Hold:
		a.grant(c, live)
		return
	case sqlstore.Release:
		n.State, expires = sqlstore.Released, min(now, expires)
		n.setReclaim(now + grace)
	case sqlstore.Expire:
		n.State = sqlstore.Expired
		n.setReclaim(expires + grace)
	case sqlstore.Quarantine:
		n.State, expires = sqlstore.Declined, min(now, expires)
		n.setReclaim(now + grace)
	case sqlstore.Park:
		n.State = sqlstore.Parked
		n.setReclaim(max(expires, now) + grace)
		if expires >= infinite {
			n.setReclaim(now + int64(u.ParkMax)*second)
		}
	case sqlstore.Withdraw:
		expires = min(now, expires)
	}
	n.setExpires(expires, now)
	if n.State == sqlstore.Released || n.State == sqlstore.Expired {
		if u.Key.IsReserved() {
			n.State = sqlstore.Reserved
			n.setReclaim(0)
		}
	}
	c.move()
	if c.old.State == sqlstore.Active && u.Action != sqlstore.Rekey {
		c.ends, c.event = true, eventEnded
	}
}

// move gives the row its new key where the action has one.
func (c *change) move() {
	switch c.u.Action {
	case sqlstore.Quarantine, sqlstore.Park:
		c.next.ParkedKey = c.old.Key
		c.next.Key = c.u.NewKey
	case sqlstore.Rekey:
		c.next.Key = c.u.NewKey
	}
}

// grant plans an Activate or a Hold. A row that was active but has run out
// ends its holding here, before the sweep came by.
func (a *applier) grant(c *change, live bool) {
	u, n := c.u, &c.next
	lifetime := u.ValidLft
	n.State = sqlstore.Active
	if u.Action == sqlstore.Hold {
		n.State, lifetime = sqlstore.Offered, u.OfferLft
	}
	c.ends = c.old.State == sqlstore.Active && !live
	c.fresh = u.Action == sqlstore.Activate && !live
	if !live {
		n.Since = moment(max(a.now, n.Since.UnixMicro())) // a clock may have been set back
	}
	n.ValidLft = u.ValidLft
	if u.Family == sqlstore.IPv6 {
		n.PreferredLft = u.PrefLft
	}
	n.setReclaim(0)
	n.setExpires(until(a.now, lifetime), a.now)
	n.Client = u.Client.Over(c.old.Client)
	switch {
	case u.Action == sqlstore.Hold:
		if c.ends {
			c.event = eventEnded
		}
	case c.fresh:
		c.event = eventAssigned
	case n.Client.Hostname != c.old.Client.Hostname || n.Client.FQDNFlags != c.old.Client.FQDNFlags:
		c.event = eventChanged
	}
}
