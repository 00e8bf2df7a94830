package mysql

import (
	"bytes"

	"rowlock/sqlstore"
)

// change appends the row of a change, in the order that the fragment changes
// reads. What stays as it is in the row is left out.
func (b *items) change(n int, ch *change) {
	u := ch.u
	b.Begin()
	b.Number(int64(n))
	b.key(u.Key)
	b.key(u.NewKey)
	b.Number(int64(u.Action))
	b.Boolean(ch.fresh())
	b.Number(int64(ch.endedBy()))
	b.Number(ch.event())
	if !ch.begins() {
		for range 2 {
			b.Null()
		}
		b.Number(int64(u.Grace))
		b.Number(int64(u.ParkMax))
		b.End()
		return
	}
	lft := u.ValidLft
	if u.Action == sqlstore.Hold {
		lft = u.OfferLft
	}
	for _, v := range []uint32{u.ValidLft, lft, 0, 0, u.PrefLft} {
		b.Number(int64(v))
	}
	b.client(&u.Client, &ch.res.Lease.Client)
	if ch.event() == eventEnded {
		b.String(ch.res.Lease.Client.Hostname)
		b.Number(int64(ch.res.Lease.Client.FQDNFlags))
	}
	b.End()
}

// client appends what a packet told that the row does not have yet.
func (b *items) client(c, was *sqlstore.Client) {
	differs := func(v, old []byte) {
		if bytes.Equal(v, old) {
			v = nil
		}
		b.Bytes(v)
	}
	if c.Classes == was.Classes {
		b.Null()
	} else {
		b.String(c.Classes)
	}
	differs(c.HWAddr, was.HWAddr)
	if len(c.HWAddr) > 0 && (c.HWType != was.HWType || c.HWSource != was.HWSource) {
		b.Number(int64(c.HWType))
		b.Number(int64(c.HWSource))
	} else {
		b.Null()
		b.Null()
	}
	differs(c.ClientID, was.ClientID)
	if c.RelayAddr == was.RelayAddr {
		b.Null()
	} else {
		b.Addr(c.RelayAddr)
	}
	differs(c.CircuitID, was.CircuitID)
	differs(c.RemoteID, was.RemoteID)
	differs(c.SubscriberID, was.SubscriberID)
	differs(c.RelayID, was.RelayID)
	if c.Hostname != "" && (c.Hostname != was.Hostname || c.FQDNFlags != was.FQDNFlags) {
		b.String(c.Hostname)
		b.Number(int64(c.FQDNFlags))
	} else {
		b.Null()
		b.Null()
	}
}

// missingRows lists the items whose rows were not locked, nil if there are
// none.
func missingRows(changes []change) *items {
	var rows *items
	for i := range changes {
		if changes[i].locked {
			continue
		}
		if rows == nil {
			rows = &items{}
		}
		rows.Begin()
		rows.Number(int64(i))
		rows.key(changes[i].u.Key)
		rows.End()
	}
	return rows
}
