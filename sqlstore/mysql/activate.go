package mysql

import (
	"bytes"
	"time"

	"rowlock/sqlstore"
)

// isPlain tells whether a change is that of lease_activate: a client takes or
// renews its row, no holding ends, and the row knows all of the client.
func (ch *change) isPlain() bool {
	return ch.u.Action == sqlstore.Activate && ch.u.NewKey == "" && ch.endedBy() == 0 && knows(&ch.res.Lease.Client, &ch.u.Client)
}

// knows tells whether a row has everything that a packet told.
func knows(was, c *sqlstore.Client) bool {
	same := func(v, old []byte) bool { return len(v) == 0 || bytes.Equal(v, old) }
	return c.Classes == was.Classes && same(c.HWAddr, was.HWAddr) &&
		(len(c.HWAddr) == 0 || c.HWType == was.HWType && c.HWSource == was.HWSource) &&
		same(c.ClientID, was.ClientID) && (!c.RelayAddr.IsValid() || c.RelayAddr == was.RelayAddr) &&
		same(c.CircuitID, was.CircuitID) && same(c.RemoteID, was.RemoteID) &&
		same(c.SubscriberID, was.SubscriberID) && same(c.RelayID, was.RelayID) &&
		(c.Hostname == "" || c.Hostname == was.Hostname && c.FQDNFlags == was.FQDNFlags)
}

// terms are what the rows of one lease_activate have in common.
type terms struct {
	fresh            bool
	valid, preferred uint32
}

// addPlain adds a statement for each kind of plain changes, and what consumers
// are told of them.
func (c *conn) addPlain(p *packet, f sqlstore.Family, changes []change, consumed bool) {
	var order []terms
	keys, begun := map[terms][]any{}, []any{}
	for i := range changes {
		ch := &changes[i]
		if !ch.plain {
			continue
		}
		t := terms{ch.fresh(), ch.u.ValidLft, ch.u.PrefLft}
		if _, met := keys[t]; !met {
			order = append(order, t)
		}
		keys[t] = append(keys[t], hexKey(ch.u.Key))
		if consumed && t.fresh {
			begun = append(begun, hexKey(ch.u.Key))
		}
	}
	for _, t := range order {
		args := []any{int64(0), t.valid, t.valid, t.valid}
		if t.fresh {
			args[0] = int64(1)
		}
		if f == sqlstore.IPv6 {
			args = append(args, t.preferred)
		}
		p.add(c.q.forKeys(f, "lease_activate", len(keys[t])), append(args, keys[t]...)...)
	}
	if len(begun) > 0 {
		p.add(c.q.forKeys(f, "lease_assigned", len(begun)), begun...)
	}
}

// forever is the end of a lease that has none.
var forever = time.Date(9000, 1, 1, 0, 0, 0, 0, time.UTC)

// activated is the row that lease_activate makes of a locked one.
func (ch *change) activated(frontend string, now time.Time) sqlstore.Lease {
	l := ch.res.Lease
	if ch.fresh() && now.After(l.Since) {
		l.Since = now
	}
	l.State, l.ReclaimAt, l.Rev = sqlstore.Active, time.Time{}, max(l.Rev+1, now.UnixMicro())
	l.ValidLft, l.Expires = ch.u.ValidLft, now.Add(time.Duration(ch.u.ValidLft)*time.Second)
	if ch.u.ValidLft == sqlstore.Infinite {
		l.Expires = forever
	}
	l.Remaining = microseconds(l.Expires.UnixMicro() - now.UnixMicro())
	if l.Family == sqlstore.IPv6 {
		l.PreferredLft = ch.u.PrefLft
	}
	if frontend != "" {
		l.Frontend = frontend
	}
	return l
}
