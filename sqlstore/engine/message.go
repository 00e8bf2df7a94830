package engine

import (
	"context"
	"fmt"
	"net/netip"

	"rowlock/sqlstore"
)

const (
	maxRounds = 1000 // steps of one message, most of them tries of taken addresses; its time ends it before
	maxRaces  = 3    // lost races of one item
)

// message is one request on its way through the lanes.
type message struct {
	e        *Engine
	req      *sqlstore.Request
	items    []item
	decision sqlstore.Decision // Revision is that which the database named last

	incarnation int64 // of the frontend when it came
	searches    int   // rounds that only looked for former keys

	itemRoom   [1]item // what a message of one item needs, in one piece
	resultRoom [1]sqlstore.Result
	keyRoom    [2]sqlstore.Key
}

// newMessage begins a request of a life of the frontend, to which pools that are
// withheld give nothing new. Its keys are those of its items, and of rows that
// may be theirs.
func newMessage(e *Engine, r *sqlstore.Request, incarnation int64, withheld *poolGens) (m *message, keys []sqlstore.Key) {
	m = &message{e: e, req: r, incarnation: incarnation}
	m.items = append(m.itemRoom[:0], make([]item, len(r.Items))...)
	m.decision.Results = append(m.resultRoom[:0], make([]sqlstore.Result, len(r.Items))...)
	keys = m.keyRoom[:0]
	for i := range r.Items {
		m.items[i] = item{Item: withheld.from(&r.Items[i]), result: &m.decision.Results[i]}
		m.items[i].next = first(r.Family, m.items[i].Item)
		keys = append(keys, r.Items[i].Key)
	}
	return m, keys
}

// item is the state of one of its items.
type item struct {
	*sqlstore.Item
	next     step
	done     bool
	result   *sqlstore.Result
	races    int
	firstRev int64      // of a RELEASE or DECLINE: it is never repeated with a newer one
	tried    netip.Addr // the wanted address was tried and is taken
	hint     *candidate // what the insert under way uses
	checking bool       // a lookup tells whether the key or the address was in the way
	only     bool       // the insert under way accepts no other address
	assigned bool       // v6: the address asked for is refused, any will do

	searching bool // the look-up under way is for some of the former keys
	searched  int  // of the former keys, because they have no row
}

// run takes the message to its end. What is decided is answered, also when its
// time is over by then; only a further step needs time that is left. A candidate
// whose fate is not known when it ends early is tried again later.
func (m *message) run(ctx context.Context) error {
	defer func() {
		for i := range m.items {
			m.e.hints.unknown(m.items[i].takeHint())
		}
	}()
	for i := 0; i < maxRounds+m.searches; i++ {
		inserts, updates := m.pending()
		if len(inserts)+len(updates) > 0 && ctx.Err() != nil {
			return sqlstore.ErrBusy // but what is decided is answered: the work is done
		}
		switch {
		case len(inserts) > 0:
			if err := m.insertRound(ctx, inserts); err != nil {
				return err
			}
		case len(updates) > 0:
			if err := m.updateRound(ctx, updates); err != nil {
				return err
			}
		default:
			return nil
		}
	}
	return fmt.Errorf("no decision after %d steps: %w", maxRounds, sqlstore.ErrBusy)
}

// pending sorts the open items: inserts and look-ups go first, one by one; the
// updates of a message go together when nothing else is open.
func (m *message) pending() (inserts, updates []*item) {
	m.settleCached()
	for i := range m.items {
		it := &m.items[i]
		if it.next.kind == stepFinal && !it.done {
			m.finish(it)
		}
		switch {
		case it.done:
		case it.next.kind == stepCached: // waits for the others
		case it.next.kind == stepUpdate:
			updates = append(updates, it)
		default:
			inserts = append(inserts, it)
		}
	}
	return inserts, updates
}

func (m *message) finish(it *item) {
	it.done = true
	it.result.Code = it.next.code
	if it.next.row != nil {
		it.result.Lease, it.result.HasLease = *it.next.row, true
	}
	if !it.Want.IsValid() || m.req.Family != sqlstore.IPv6 {
		return
	}
	switch it.Op {
	case sqlstore.OpSelect, sqlstore.OpRenew, sqlstore.OpRebind:
		if it.result.Code != sqlstore.Granted || it.result.Lease.Addr != it.Want {
			it.result.Refused = it.Want
		}
	}
}
