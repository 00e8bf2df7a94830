package engine

import (
	"net/netip"
	"slices"

	"rowlock/sqlstore"
)

// stepKind is what is to be done next for one item.
type stepKind uint8

const (
	stepLookup stepKind = iota + 1 // read the row of the key, through the offer lane
	stepInsert                     // insert a row with a candidate address
	stepUpdate                     // change the row
	stepCached                     // a renewal that need not be written, if the whole message need not
	stepFinal                      // the outcome is known
)

// step is one move of the transition table.
type step struct {
	kind stepKind

	// stepInsert: the only address that will do; zero: any from the pools,
	// preferring the one the client wants.
	only netip.Addr
	wait bool // wait for a candidate when none is at hand

	thenInsert bool // stepLookup: insert if there is no row

	// stepUpdate
	action sqlstore.Action
	key    sqlstore.Key
	addr   netip.Addr
	rev    int64
	unname *sqlstore.Lease // this row keeps its name, but not in DNS

	// stepFinal; stepCached has the row
	code sqlstore.Code
	row  *sqlstore.Lease
}

func final(code sqlstore.Code, row *sqlstore.Lease) step {
	return step{kind: stepFinal, code: code, row: row}
}

func update(a sqlstore.Action, row *sqlstore.Lease) step {
	s := step{kind: stepUpdate, action: a, key: row.Key, addr: row.Addr, rev: row.Rev}
	if a == sqlstore.Activate && (row.State == sqlstore.Offered || row.Live()) {
		s.rev = 0 // a renewal of the same binding by a sibling does no harm
	}
	return s
}

// unname takes the name of a row that was just written out of DNS: a message
// without a name does not change that of the row by itself. By rev, because
// the name that is written is the one that was read.
func unname(a sqlstore.Action, row *sqlstore.Lease) step {
	return step{kind: stepUpdate, action: a, key: row.Key, addr: row.Addr, rev: row.Rev, unname: row}
}

// first is the step taken before anything is known: writing first under a
// guard is cheaper than reading first.
func first(f sqlstore.Family, it *sqlstore.Item) step {
	switch it.Op {
	case sqlstore.OpOffer, sqlstore.OpAssign:
		return step{kind: stepInsert}
	case sqlstore.OpRelease:
		return step{kind: stepUpdate, action: sqlstore.Release, key: it.Key, addr: it.Want}
	case sqlstore.OpDecline:
		return step{kind: stepUpdate, action: sqlstore.Quarantine, key: it.Key, addr: it.Want}
	case sqlstore.OpWithdraw:
		return step{kind: stepLookup}
	}
	if _, ok := it.Gives(it.Want); !ok || readFirst(it) { // a pool that waits: whether the row is live has to be known
		return step{kind: stepLookup}
	}
	return step{kind: stepUpdate, action: sqlstore.Activate, key: it.Key, addr: it.Want}
}

// readFirst tells whether a message may turn out to need no write. A REQUEST in
// SELECTING is not one: its row is nearly always an offer.
func readFirst(it *sqlstore.Item) bool {
	switch it.Op {
	case sqlstore.OpRenew, sqlstore.OpRebind, sqlstore.OpInitReboot:
		return it.CacheAge > 0
	}
	return false
}

// onRow decides when the client's own row is known (design 4.2).
func onRow(f sqlstore.Family, it *sqlstore.Item, row *sqlstore.Lease) step {
	switch it.Op {
	case sqlstore.OpRelease, sqlstore.OpDecline:
		return onEnd(it, row)
	case sqlstore.OpWithdraw:
		if row.State == sqlstore.Offered && row.Remaining > 0 {
			return update(sqlstore.Withdraw, row)
		}
		return final(sqlstore.Unchanged, nil)
	}
	if row.State == sqlstore.Parked || row.State == sqlstore.Declined {
		return final(sqlstore.Unchanged, nil) // such rows have keys of their own
	}
	if !it.Keeps(row) {
		return onLost(it, row)
	}
	switch it.Op {
	case sqlstore.OpOffer:
		return onOffer(it, row)
	case sqlstore.OpAssign:
		return update(sqlstore.Activate, row)
	}
	if f == sqlstore.IPv4 && row.Addr != it.Want {
		return final(sqlstore.WrongAddress, row) // RFC 2131 4.3.2
	}
	if it.Cacheable(row) {
		return step{kind: stepCached, row: row}
	}
	return update(sqlstore.Activate, row) // v6: its own address, the one asked for is refused beside it
}

// onOffer: an offer that stands is repeated, a live lease is shown as it is,
// what has ended is offered again.
func onOffer(it *sqlstore.Item, row *sqlstore.Lease) step {
	switch {
	case row.Live():
		return final(sqlstore.Granted, row)
	case row.State == sqlstore.Offered && row.Remaining.Seconds() >= float64(it.OfferLft)/2:
		return final(sqlstore.Granted, row)
	}
	return update(sqlstore.Hold, row)
}

// onEnd: RELEASE and DECLINE change only the live lease that they name.
func onEnd(it *sqlstore.Item, row *sqlstore.Lease) step {
	if !row.Live() || row.Addr != it.Want {
		return final(sqlstore.NoBinding, nil)
	}
	action := sqlstore.Release
	if it.Op == sqlstore.OpDecline {
		action = sqlstore.Quarantine
	}
	return update(action, row)
}

// onNone decides when the key has no row.
func onNone(f sqlstore.Family, it *sqlstore.Item) step {
	switch it.Op {
	case sqlstore.OpOffer, sqlstore.OpAssign:
		return step{kind: stepInsert}
	case sqlstore.OpSelect:
		if f == sqlstore.IPv6 {
			return step{kind: stepInsert}
		}
	case sqlstore.OpInitReboot, sqlstore.OpRelease, sqlstore.OpDecline:
		return final(sqlstore.NoBinding, nil) // RFC 2131 4.3.2: silence
	case sqlstore.OpWithdraw:
		return final(sqlstore.Unchanged, nil)
	}
	if _, ok := it.Gives(it.Want); ok {
		return step{kind: stepInsert, only: it.Want}
	}
	if f == sqlstore.IPv6 {
		return final(sqlstore.NoBinding, nil)
	}
	return final(sqlstore.WrongAddress, nil)
}

// onTaken decides when the only address that would do is somebody else's.
func onTaken(f sqlstore.Family) step {
	if f == sqlstore.IPv6 {
		return final(sqlstore.NoBinding, nil)
	}
	return final(sqlstore.WrongAddress, nil)
}

// onParked decides when the client's row was put aside because it may not have
// that address any more.
func onParked(f sqlstore.Family, it *sqlstore.Item) step {
	if f == sqlstore.IPv4 && it.Op != sqlstore.OpOffer && it.Op != sqlstore.OpAssign {
		return final(sqlstore.WrongAddress, nil)
	}
	return step{kind: stepInsert}
}

// onLost decides about a row whose address the client may not have: it is put
// aside. But what has ended in a pool that waits stays, where there is no other
// pool: it will be offered again soon.
func onLost(it *sqlstore.Item, row *sqlstore.Lease) step {
	p, ok := it.Permits(row.Addr)
	if ok && p != nil && p.Waiting && p.DelegatedLen == row.PrefixLen && !hasOpen(it) {
		return final(sqlstore.Exhausted, nil)
	}
	return update(sqlstore.Park, row)
}

// hasOpen tells whether there is a pool from which the client may get something.
func hasOpen(it *sqlstore.Item) bool {
	if it.Reserved.IsValid() {
		return true
	}
	for p := range it.Pools.Open {
		if p.Kind == it.Kind {
			return true
		}
	}
	return false
}

// belongs tells whether a row found under a former key is a binding of the link
// that the client is on now: its subnet has come to this link. A subnet may
// have come from a link that is still there, with bindings of its own.
func belongs(it *sqlstore.Item, row *sqlstore.Lease) bool {
	if row.Key.Link() == it.Key.Link() || it.Keeps(row) {
		return true
	}
	return slices.ContainsFunc(it.Pools.All(), func(p *sqlstore.Pool) bool { return p.SubnetID == row.SubnetID })
}
