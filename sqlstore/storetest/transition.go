package storetest

import (
	"net/netip"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"rowlock/sqlstore"
	"rowlock/sqlstore/engine"
)

// The transition tables: what becomes of the row found (rows) by what a
// message asks (columns). The words for rows are explained at cell.prepare,
// those for outcomes at outcomes. "-" stands where there is nothing to ask.
const (
	table4 = `
row               offer      assign      select     init-reboot renew      rebind     release    decline    withdraw
none              offer      assign      assign     silent      assign     assign     none       none       nothing
none-any          offer      assign      -          -           -          -          none       none       nothing
none-foreign      offer      assign      nak        silent      nak        nak        none       none       nothing
none-taken        offer      assign      nak        silent      nak        nak        none       none       nothing
none-full         exhausted  exhausted   nak        silent      nak        nak        none       none       nothing
offered           same       grant       grant      grant       grant      grant      none       none       withdraw
offered-low       hold       grant       grant      grant       grant      grant      none       none       withdraw
offered-dead      hold       grant       grant      grant       grant      grant      none       none       nothing
offered-other     same       grant       nak-own    nak-own     nak-own    nak-own    none       none       withdraw
offered-gone      park-offer park-assign park-nak   park-nak    park-nak   park-nak   none       none       withdraw
active            same       renew       renew      renew       renew      renew      release    quarantine nothing
active-other      same       renew       nak-own    nak-own     nak-own    nak-own    none       none       nothing
active-gone       park-offer park-assign park-nak   park-nak    park-nak   park-nak   release    quarantine nothing
runout            hold       grant       grant      grant       grant      grant      none       none       nothing
runout-other      hold       grant       nak-own    nak-own     nak-own    nak-own    none       none       nothing
runout-gone       park-offer park-assign park-nak   park-nak    park-nak   park-nak   none       none       nothing
expired           hold       grant       grant      grant       grant      grant      none       none       nothing
expired-other     hold       grant       nak-own    nak-own     nak-own    nak-own    none       none       nothing
expired-gone      park-offer park-assign park-nak   park-nak    park-nak   park-nak   none       none       nothing
released          hold       grant       grant      grant       grant      grant      none       none       nothing
released-other    hold       grant       nak-own    nak-own     nak-own    nak-own    none       none       nothing
released-gone     park-offer park-assign park-nak   park-nak    park-nak   park-nak   none       none       nothing
declined          offer      assign      nak        silent      nak        nak        none       none       nothing
parked            offer      assign      nak        silent      nak        nak        none       none       nothing
reserved          hold       grant       grant      grant       grant      grant      none       none       nothing
reserved-none     offer      assign      assign     silent      assign     assign     none       none       nothing
reserved-taken    exhausted  exhausted   exhausted  silent      exhausted  exhausted  none       none       nothing
reserved-offered  same       grant       grant      grant       grant      grant      none       none       withdraw
reserved-active   same       renew       renew      renew       renew      renew      release    quarantine nothing
reserved-runout   hold       grant       grant      grant       grant      grant      none       none       nothing
reserved-other    hold       grant       nak-own    nak-own     nak-own    nak-own    none       none       nothing
reserved-moved    park-offer park-assign park-nak   park-nak    park-nak   park-nak   release    quarantine nothing
`
	table6 = `
row               offer      assign      select      renew       rebind      release    decline
none              offer      assign      assign      assign      assign      none       none
none-any          offer      assign      assign      -           -           none       none
none-foreign      offer      assign      assign      none        none        none       none
none-taken        offer      assign      assign      none        none        none       none
none-full         exhausted  exhausted   exhausted   none        none        none       none
offered           same       grant       grant       grant       grant       none       none
offered-low       hold       grant       grant       grant       grant       none       none
offered-dead      hold       grant       grant       grant       grant       none       none
offered-other     same       grant       grant       grant       grant       none       none
offered-gone      park-offer park-assign park-assign park-assign park-assign none       none
active            same       renew       renew       renew       renew       release    quarantine
active-other      same       renew       renew       renew       renew       none       none
active-gone       park-offer park-assign park-assign park-assign park-assign release    quarantine
runout            hold       grant       grant       grant       grant       none       none
runout-other      hold       grant       grant       grant       grant       none       none
runout-gone       park-offer park-assign park-assign park-assign park-assign none       none
expired           hold       grant       grant       grant       grant       none       none
expired-other     hold       grant       grant       grant       grant       none       none
expired-gone      park-offer park-assign park-assign park-assign park-assign none       none
released          hold       grant       grant       grant       grant       none       none
released-other    hold       grant       grant       grant       grant       none       none
released-gone     park-offer park-assign park-assign park-assign park-assign none       none
declined          offer      assign      assign      none        none        none       none
parked            offer      assign      assign      none        none        none       none
reserved          hold       grant       grant       grant       grant       none       none
reserved-none     offer      assign      assign      assign      assign      none       none
reserved-taken    exhausted  exhausted   exhausted   exhausted   exhausted   none       none
reserved-offered  same       grant       grant       grant       grant       none       none
reserved-active   same       renew       renew       renew       renew       release    quarantine
reserved-runout   hold       grant       grant       grant       grant       none       none
reserved-other    hold       grant       grant       grant       grant       none       none
reserved-moved    park-offer park-assign park-assign park-assign park-assign release    quarantine
`
)

// opOf returns the operation of a column.
func opOf(t *testing.T, name string) sqlstore.Op {
	for op := sqlstore.OpOffer; op <= sqlstore.OpWithdraw; op++ {
		if op.String() == name {
			return op
		}
	}
	require.Fail(t, "no operation "+name)
	return 0
}

// cell is one field of a table, with a client, a link and a pool of its own.
type cell struct {
	variant
	row, op, want string

	db     *database
	store  sqlstore.Store
	e      *engine.Engine
	events bool // somebody consumes events

	vrf  uint32
	item sqlstore.Item
	a    netip.Addr // the address of the client's row
	b    netip.Addr // another one of the pool
}

// The clients of a cell.
const (
	me    = 1
	other = 2
)

func cells(v variant) []cell {
	text := table4
	if v.family == sqlstore.IPv6 {
		text = table6
	}
	var out []cell
	var columns []string
	for line := range strings.Lines(strings.TrimSpace(text)) {
		f := strings.Fields(line)
		if columns == nil {
			columns = f
			continue
		}
		for i := 1; i < len(f); i++ {
			if f[i] != "-" {
				out = append(out, cell{variant: v, row: f[0], op: columns[i], want: f[i]})
			}
		}
	}
	return out
}

func testTransitions(t *testing.T, dialect string) {
	for _, consumed := range []bool{true, false} {
		name := "consumed"
		if !consumed {
			name = "quiet"
		}
		t.Run(name, func(t *testing.T) {
			db := serving(t, dialect)
			if consumed {
				db.exec(t, "INSERT INTO event_consumer (name) VALUES ('test')")
			}
			db.exec(t, "CREATE INDEX test_history ON lease_history (family, vrf)") // the tests ask what nobody else does
			db.exec(t, "CREATE INDEX test_event ON lease_event (family, vrf)")
			store := Open(t, db.url)
			e := newEngine(t, store, "fe1")
			todo := make(chan cell)
			var wg sync.WaitGroup
			for range 16 { // more than -parallel allows: they wait for the database, not for a processor
				wg.Go(func() {
					for c := range todo {
						t.Run(c.name+"/"+c.row+"/"+strings.ToUpper(c.op), func(t *testing.T) { c.run(t) })
					}
				})
			}
			for _, v := range variants {
				for _, c := range cells(v) {
					if consumed || outcomes[c.want].event != 0 && v.kind == sqlstore.NA {
						c.db, c.store, c.e, c.events = db, store, e, consumed
						todo <- c
					}
				}
			}
			close(todo)
			wg.Wait()
		})
	}
}

func (c *cell) run(t *testing.T) {
	c.vrf = newVRF()
	c.a, c.b = c.addr(2), c.addr(5)
	pool := c.pool(c.vrf, c.vrf, 1, 8)
	c.item = c.variant.item(opOf(t, c.op), c.vrf, me, c.a, sqlstore.NewPoolSet(pool))
	c.prepare(t)
	before := c.look(t)
	it := c.item
	it.ValidLft, it.PreferredLft = 7200, 5400
	from := c.db.now(t)
	res := decide(t, c.e, c.family, it)
	c.check(t, before, c.look(t), res, from, c.db.now(t))
}

// prepare makes the row that the first word of c.row names:
//
//	none      the client has no row
//	offered   held for it, 60 s are left
//	active    acknowledged
//	runout    active in the table, but its time has passed
//	expired   ended by the sweep
//	released  ended by the client
//	declined  put into quarantine: the key is free, the address is not
//	parked    put aside: likewise
//	reserved  the client's reservation, idle
//
// and then what the second says:
//
//	any       the client names no address
//	foreign   it names one of no pool
//	taken     it names one that another client has
//	full      likewise, and the pool has no other
//	low, dead less than half of the offer's time is left, or none
//	other     it names another address of the pool than it has
//	gone      its address is in no pool it may use any more
//	moved     the reservation is for another address now
func (c *cell) prepare(t *testing.T) {
	state, what, _ := strings.Cut(c.row, "-")
	if state == "reserved" {
		state = c.reserve(t, &what)
	}
	switch what {
	case "low":
		defer c.age(t, 40*time.Second)
	case "dead":
		defer c.age(t, 70*time.Second)
	case "full":
		c.item.Pools = sqlstore.NewPoolSet(c.pool(c.vrf, c.vrf, 2, 2))
	}
	if state == "none" {
		c.none(t, what)
		return
	}
	c.ask(t, sqlstore.OpOffer)
	if state != "offered" {
		c.ask(t, sqlstore.OpSelect)
		c.age(t, 100*time.Second) // so that a new since can be told from the old one
	}
	switch state {
	case "runout", "expired":
		c.age(t, 3700*time.Second)
	case "released", "idle":
		c.ask(t, sqlstore.OpRelease)
	case "declined":
		c.ask(t, sqlstore.OpDecline)
	case "parked":
		c.end(t, sqlstore.Park)
	}
	if state == "expired" {
		c.end(t, sqlstore.Expire)
	}
	switch what {
	case "other":
		c.item.Want = c.b
	case "gone":
		c.item.Pools = sqlstore.NewPoolSet(c.pool(c.vrf+1<<20, c.vrf, 11, 18))
	case "moved":
		c.item.Reserved = c.b
	}
}

// reserve makes the item one of a reservation and returns the state to bring
// its row to.
func (c *cell) reserve(t *testing.T, what *string) string {
	ia := c.kind
	if c.family == sqlstore.IPv4 {
		ia = 0
	}
	c.item.Key, c.item.Reserved = sqlstore.ReservedKey(c.vrf, 7, ia, 0), c.a
	state := *what
	*what = ""
	switch state {
	case "none":
	case "taken":
		*what = "taken"
		return "none"
	case "offered", "active", "runout":
	case "other":
		*what = "other"
		return "idle"
	case "moved":
		*what = "moved"
		return "active"
	default:
		return "idle"
	}
	return state
}

func (c *cell) none(t *testing.T, what string) {
	switch what {
	case "any":
		c.item.Want = netip.Addr{}
	case "foreign":
		c.item.Want = c.addr(200)
	case "taken", "full":
		it := c.variant.item(sqlstore.OpAssign, c.vrf, other, c.a, c.item.Pools)
		res := decide(t, c.e, c.family, it)
		require.Equal(t, sqlstore.Granted, res.Code)
		require.Equal(t, c.a, res.Lease.Addr)
	}
}

// ask lets the client itself send something about its address.
func (c *cell) ask(t *testing.T, op sqlstore.Op) {
	it := c.item
	it.Op, it.Want = op, c.a
	res := decide(t, c.e, c.family, it)
	require.Contains(t, []sqlstore.Code{sqlstore.Granted, sqlstore.Done}, res.Code)
	require.Equal(t, c.a, res.Lease.Addr)
}

func (c *cell) age(t *testing.T, by time.Duration) { c.db.age(t, c.family, c.item.Key, by) }

// end changes the row by a tool.
func (c *cell) end(t *testing.T, action sqlstore.Action) {
	l := leases(t, c.store, c.family, c.vrf)[c.a]
	res := change(t, c.store, sqlstore.Update{
		Family: c.family, Action: action, Key: l.Key, NewKey: newKey(action, l), Addr: l.Addr, Rev: l.Rev, Grace: 60, ParkMax: 604800,
	})
	require.Equal(t, sqlstore.Updated, res.Status)
}

func newKey(action sqlstore.Action, l sqlstore.Lease) sqlstore.Key {
	if action == sqlstore.Park || action == sqlstore.Quarantine {
		return sqlstore.ParkedKey(l.Key, l.Addr)
	}
	return ""
}
