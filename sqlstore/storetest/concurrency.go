package storetest

import (
	"context"
	"fmt"
	"math/rand/v2"
	"net/netip"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"rowlock/sqlstore"
	"rowlock/sqlstore/engine"
)

// testConcurrency lets several frontends work on one database at once.
func testConcurrency(t *testing.T, dialect string) {
	for _, v := range []variant{variants[0], variants[2]} {
		t.Run("same client/"+v.name, func(t *testing.T) { sameClient(t, newCrowd(t, dialect, v, 500)) })
		t.Run("few addresses/"+v.name, func(t *testing.T) { fewAddresses(t, newCrowd(t, dialect, v, 24)) })
	}
	t.Run("data error", func(t *testing.T) { dataError(t, newCrowd(t, dialect, variants[0], 200)) })
	t.Run("former keys", func(t *testing.T) { formerKeys(t, newCrowd(t, dialect, variants[0], 200)) })
}

// crowd is several engines on one database. SQLite has one serving process:
// there the engines are the threads of one.
type crowd struct {
	*bench
	engines []*engine.Engine
	set     *sqlstore.PoolSet
	size    int
}

func newCrowd(t *testing.T, dialect string, v variant, size int) *crowd {
	db := serving(t, dialect)
	c := &crowd{bench: &bench{v, db, Open(t, db.url), newVRF()}, size: size}
	c.set = sqlstore.NewPoolSet(c.pool(c.vrf, c.vrf, 1, size))
	for i := range 3 {
		store := c.store
		if db.server() && i > 0 {
			store = Open(t, db.url)
		}
		c.engines = append(c.engines, newEngine(t, store, fmt.Sprintf("fe%d", i)))
	}
	return c
}

func (c *crowd) ask(e *engine.Engine, op sqlstore.Op, client int, want netip.Addr) (sqlstore.Result, error) {
	it := c.item(op, c.vrf, client, want, c.set)
	it.ValidLft = 2
	if op == sqlstore.OpOffer {
		it.OfferLft = 2
	}
	return tryDecide(e, c.family, it)
}

// INV-3: the packets of a client reach all frontends at the same moment. It
// gets one address from all of them, and what is acknowledged is in the table.
func sameClient(t *testing.T, c *crowd) {
	var wg sync.WaitGroup
	for client := range 60 {
		wg.Go(func() {
			offers := c.atOnce(t, sqlstore.OpOffer, client, netip.Addr{})
			acks := c.atOnce(t, sqlstore.OpSelect, client, offers[0].Addr)
			for _, l := range append(offers, acks...) {
				require.Equal(t, offers[0].Addr, l.Addr, "client %d has two addresses", client)
			}
		})
	}
	wg.Wait()
	rows := leases(t, c.store, c.family, c.vrf)
	require.Len(t, rows, 60)
	seen := map[sqlstore.Key]bool{}
	for _, l := range rows {
		require.False(t, seen[l.Key])
		seen[l.Key] = true
	}
}

// atOnce asks all frontends together and returns what they granted; a lost
// race is no answer, and the client asks again.
func (c *crowd) atOnce(t *testing.T, op sqlstore.Op, client int, want netip.Addr) []sqlstore.Lease {
	var mu sync.Mutex
	var out []sqlstore.Lease
	var wg sync.WaitGroup
	for _, e := range c.engines {
		wg.Go(func() {
			for range 5 {
				it := c.item(op, c.vrf, client, want, c.set)
				res, err := tryDecide(e, c.family, it)
				if err != nil {
					require.ErrorIs(t, err, sqlstore.ErrBusy)
					continue
				}
				require.Equal(t, sqlstore.Granted.String(), res.Code.String(), "client %d", client)
				mu.Lock()
				defer mu.Unlock()
				out = append(out, res.Lease)
				return
			}
			require.Fail(t, "client lost every race")
		})
	}
	wg.Wait()
	return out
}

// holding is an address that a client was told it has, by database time.
type holding struct {
	client      int
	addr        netip.Addr
	since, last time.Time
}

// INV-1: no address is held by two at one time, whatever clients, sweepers and
// frontends do; and what was acknowledged is never lost.
func fewAddresses(t *testing.T, c *crowd) {
	ctx, cancel := context.WithTimeout(context.Background(), 3*time.Second)
	defer cancel()
	var mu sync.Mutex
	var acked []holding
	var wg sync.WaitGroup
	var acks atomic.Int64
	for client := range 40 {
		wg.Go(func() {
			r := rand.New(rand.NewPCG(uint64(client), 1))
			for ctx.Err() == nil {
				for _, h := range c.live(t, r, client) {
					acks.Add(1)
					mu.Lock()
					acked = append(acked, h)
					mu.Unlock()
				}
				time.Sleep(time.Duration(r.IntN(5)) * time.Millisecond)
			}
		})
	}
	wg.Go(func() {
		for ctx.Err() == nil {
			c.db.exec(t, "UPDATE %s SET reclaim_at = %s WHERE reclaim_at IS NOT NULL", table(c.family), c.db.back("reclaim_at", time.Hour))
			_, err := c.engines[rand.IntN(len(c.engines))].Sweep(context.Background())
			require.NoError(t, err)
			time.Sleep(100 * time.Millisecond)
		}
	})
	wg.Wait()
	require.Greater(t, acks.Load(), int64(40))
	c.checkHolders(t)
	c.checkAcked(t, acked)
}

// live is a piece of a client's life; it returns what was acknowledged.
func (c *crowd) live(t *testing.T, r *rand.Rand, client int) (acked []holding) {
	e := c.engines[r.IntN(len(c.engines))]
	want := netip.Addr{}
	if r.IntN(3) == 0 {
		want = c.addr(1 + r.IntN(c.size))
	}
	res, err := c.ask(e, sqlstore.OpOffer, client, want)
	if err != nil || res.Code != sqlstore.Granted {
		return nil
	}
	addr := res.Lease.Addr
	for _, op := range []sqlstore.Op{sqlstore.OpSelect, sqlstore.OpRenew, sqlstore.OpRebind}[:1+r.IntN(3)] {
		res, err = c.ask(c.engines[r.IntN(len(c.engines))], op, client, addr)
		if err != nil || res.Code != sqlstore.Granted {
			return acked
		}
		acked = append(acked, holding{client, res.Lease.Addr, res.Lease.Since, res.Lease.Expires})
	}
	switch r.IntN(4) {
	case 0:
		_, _ = c.ask(e, sqlstore.OpRelease, client, addr)
	case 1:
		if r.IntN(5) == 0 {
			_, _ = c.ask(e, sqlstore.OpDecline, client, addr)
		}
	}
	return acked
}

// checkHolders looks at all holdings, those that have ended and those that go
// on: for each address one ends before the next begins.
func (c *crowd) checkHolders(t *testing.T) {
	t.Helper()
	type span struct {
		key      sqlstore.Key
		from, to time.Time
	}
	spans := map[netip.Addr][]span{}
	for _, h := range c.db.history(t, c.family, c.vrf) {
		require.False(t, h.EndedA.Before(h.Since))
		spans[h.Addr] = append(spans[h.Addr], span{h.Key, h.Since, h.EndedA})
	}
	for addr, l := range leases(t, c.store, c.family, c.vrf) {
		if l.State == sqlstore.Active {
			spans[addr] = append(spans[addr], span{l.Key, l.Since, l.Expires})
		}
	}
	for addr, list := range spans {
		for i, a := range list {
			for _, b := range list[i+1:] {
				require.False(t, a.from.Before(b.to) && b.from.Before(a.to), "%s was held by %x and %x at one time", addr, string(a.key), string(b.key))
			}
		}
	}
}

// checkAcked: each acknowledgement is in a lease or in the history.
func (c *crowd) checkAcked(t *testing.T, acked []holding) {
	t.Helper()
	type id struct {
		key   sqlstore.Key
		addr  netip.Addr
		since time.Time
	}
	known := map[id]bool{}
	for _, h := range c.db.history(t, c.family, c.vrf) {
		known[id{h.Key, h.Addr, h.Since}] = true
	}
	for _, l := range leases(t, c.store, c.family, c.vrf) {
		known[id{l.Key, l.Addr, l.Since}] = true
	}
	for _, a := range acked {
		require.True(t, known[id{c.key(c.vrf, a.client), a.addr, a.since}], "client %d was told %s since %s, and nothing is written of it", a.client, a.addr, a.since)
	}
}

// One client whose data the database refuses does not harm those in the same
// batch, and is set aside.
func dataError(t *testing.T, c *crowd) {
	e := c.engines[0]
	var wg sync.WaitGroup
	for client := range 40 {
		wg.Go(func() {
			it := c.item(sqlstore.OpAssign, c.vrf, client, netip.Addr{}, c.set)
			if client == 17 {
				it.Client.ClientID = make([]byte, 300)
			}
			res, err := tryDecide(e, c.family, it)
			if client == 17 {
				if err == nil {
					require.NotEqual(t, sqlstore.Granted, res.Code)
				} else {
					require.ErrorIs(t, err, sqlstore.ErrData)
				}
				return
			}
			require.NoError(t, err)
			require.Equal(t, sqlstore.Granted, res.Code)
		})
	}
	wg.Wait()
	require.Len(t, leases(t, c.store, c.family, c.vrf), 39)
}

// A client that is known under another key by now keeps its address, or where
// it may not have that any more, gets another one and the old one is blocked.
func formerKeys(t *testing.T, c *crowd) {
	e := c.engines[0]
	grant := func(it sqlstore.Item) sqlstore.Lease {
		res := decide(t, e, c.family, it)
		require.Equal(t, sqlstore.Granted, res.Code)
		return res.Lease
	}
	first := grant(c.item(sqlstore.OpAssign, c.vrf, 1, netip.Addr{}, c.set))
	now := c.item(sqlstore.OpOffer, c.vrf, 2, netip.Addr{}, c.set)
	now.Former = []sqlstore.Key{c.key(c.vrf, 99), first.Key}
	l := grant(now)
	require.Equal(t, first.Addr, l.Addr)
	require.Equal(t, now.Key, l.Key)
	require.Equal(t, sqlstore.Active, l.State)
	require.Equal(t, first.Since, l.Since)
	require.Len(t, leases(t, c.store, c.family, c.vrf), 1)

	// a renewal finds it too
	renew := c.item(sqlstore.OpRenew, c.vrf, 3, l.Addr, c.set)
	renew.Former = []sqlstore.Key{now.Key}
	require.Equal(t, l.Addr, grant(renew).Addr)

	moved := c.item(sqlstore.OpOffer, c.vrf, 4, netip.Addr{}, sqlstore.NewPoolSet(c.pool(c.vrf+1<<20, c.vrf, 300, 310)))
	moved.Former = []sqlstore.Key{renew.Key}
	other := grant(moved)
	require.NotEqual(t, l.Addr, other.Addr)
	rows := leases(t, c.store, c.family, c.vrf)
	require.Len(t, rows, 2)
	require.Equal(t, sqlstore.Parked, rows[l.Addr].State)
	require.Equal(t, renew.Key, rows[l.Addr].ParkedKey)

	// two frontends at once
	last := grant(c.item(sqlstore.OpAssign, c.vrf, 10, netip.Addr{}, c.set))
	var wg sync.WaitGroup
	for _, e := range c.engines {
		wg.Go(func() {
			it := c.item(sqlstore.OpSelect, c.vrf, 11, last.Addr, c.set)
			it.Former = []sqlstore.Key{last.Key}
			for range 5 {
				res, err := tryDecide(e, c.family, it)
				if err == nil {
					require.Equal(t, sqlstore.Granted.String(), res.Code.String())
					require.Equal(t, last.Addr, res.Lease.Addr)
					return
				}
				require.ErrorIs(t, err, sqlstore.ErrBusy)
			}
		})
	}
	wg.Wait()
	require.Equal(t, c.key(c.vrf, 11), leases(t, c.store, c.family, c.vrf)[last.Addr].Key)
}
