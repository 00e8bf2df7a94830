package storetest

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/netip"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"rowlock/sqlstore"
)

// testEditsLoad edits pools in every way while clients of three frontends come,
// renew, leave and vanish: no two have an address, or overlapping prefixes, at
// one time (INV-1), and in the end each address can be had (INV-9).
func testEditsLoad(t *testing.T, dialect string) {
	db := migrated(t, dialect)
	x := &editsLoad{configured: configured{db, db.openBoth(t)}, site: newEditSite()}
	x.apply(t, x.site.config())
	for i := range 3 {
		x.fes = append(x.fes, newEditFrontend(t, x.store, fmt.Sprintf("fe%d", i)))
	}
	x.clients.Store(1000)
	stop := x.begin(t)
	for _, step := range editSteps {
		x.step(t, step.name, step.edit, step.byHand)
	}
	holds := stop()
	t.Logf("%d holdings, %d revisions", len(holds), x.load(t).Revision)
	requireAlone(t, holds)
	require.Greater(t, len(holds), 10*len(editSteps), "clients were served meanwhile")
	x.account(t)
}

// editSite is what the steps change, by the names of the objects.
type editSite struct {
	subnets map[string]*sqlstore.Subnet
	linkOf  map[string]string
	pools   map[string]*sqlstore.Pool
	homeOf  map[string]string
}

func newEditSite() *editSite {
	s := &editSite{map[string]*sqlstore.Subnet{}, map[string]string{}, map[string]*sqlstore.Pool{}, map[string]string{}}
	s.subnet("a", "one", 1, "192.0.2.0/25")
	s.subnet("b", "one", 2, "192.0.2.128/25")
	s.subnet("c", "two", 3, "198.51.100.0/24")
	s.subnet("d", "six", 4, "2001:db8:1::/64")
	s.subnet("e", "six", 5, "2001:db8:2::/64")
	s.subnet("f", "seven", 6, "2001:db8:3::/64")
	s.pool("a", "a", 11, "192.0.2.10", "192.0.2.40", 32)
	s.pool("b", "b", 12, "192.0.2.130", "192.0.2.150", 32)
	s.pool("c", "c", 13, "198.51.100.10", "198.51.100.30", 32)
	s.pool("d", "d", 14, "2001:db8:1::10", "2001:db8:1::3f", 128)
	s.pool("e", "e", 15, "2001:db8:2::10", "2001:db8:2::1f", 128)
	s.pool("pd", "d", 16, "2001:db8:8000::", "2001:db8:8000:1f00::", 56)
	s.pool("pe", "e", 17, "2001:db8:8001::", "2001:db8:8001:f00::", 56)
	s.pool("pf", "f", 18, "2001:db8:8002::", "2001:db8:8002:f00::", 56)
	return s
}

func (s *editSite) subnet(name, link string, id uint32, prefix string) {
	s.subnets[name], s.linkOf[name] = &sqlstore.Subnet{ID: id, Prefix: netip.MustParsePrefix(prefix)}, link
}

func (s *editSite) pool(name, home string, id uint32, first, last string, length uint8) {
	p := &sqlstore.Pool{ID: id, Kind: sqlstore.NA, First: netip.MustParseAddr(first), Last: netip.MustParseAddr(last), DelegatedLen: length}
	if p.Family() == sqlstore.IPv6 && length < 128 {
		p.Kind = sqlstore.PD
	}
	s.pools[name], s.homeOf[name] = p, home
}

// config is the site as a document.
func (s *editSite) config() *sqlstore.Config {
	c := &sqlstore.Config{}
	for i, name := range []string{"one", "two", "six", "seven"} {
		l := &sqlstore.Link{ID: uint32(i + 1), Name: name}
		for key, home := range s.linkOf {
			if home == name {
				subnet := *s.subnets[key]
				for pool, at := range s.homeOf {
					if at == key {
						p := *s.pools[pool]
						subnet.Pools = append(subnet.Pools, &p)
					}
				}
				slices.SortFunc(subnet.Pools, func(p, q *sqlstore.Pool) int { return int(p.ID) - int(q.ID) })
				l.Subnets = append(l.Subnets, &subnet)
			}
		}
		slices.SortFunc(l.Subnets, func(p, q *sqlstore.Subnet) int { return int(p.ID) - int(q.ID) })
		if len(l.Subnets) > 0 {
			c.Links = append(c.Links, l)
		}
	}
	return c
}

func (s *editSite) removePool(name string) { delete(s.pools, name); delete(s.homeOf, name) }

// editSteps are what is done, one after the other: by document, or by hand, where
// edit is what comes of it.
var editSteps = []struct {
	name   string
	edit   func(*editSite)
	byHand string
}{
	{name: "shrink", edit: func(s *editSite) {
		s.pool("a", "a", 11, "192.0.2.10", "192.0.2.25", 32)
		s.pool("d", "d", 14, "2001:db8:1::10", "2001:db8:1::1f", 128)
		s.pool("pd", "d", 16, "2001:db8:8000::", "2001:db8:8000:f00::", 56)
	}},
	{name: "grow", edit: func(s *editSite) {
		s.pool("a", "a", 11, "192.0.2.5", "192.0.2.50", 32)
		s.pool("d", "d", 14, "2001:db8:1::", "2001:db8:1::4f", 128)
		s.pool("pd", "d", 16, "2001:db8:8000::", "2001:db8:8000:2f00::", 56)
	}},
	{name: "split", edit: func(s *editSite) {
		s.pool("a", "a", 11, "192.0.2.5", "192.0.2.29", 32)
		s.pool("a2", "a", 21, "192.0.2.30", "192.0.2.50", 32)
		s.pool("pd", "d", 16, "2001:db8:8000::", "2001:db8:8000:1f00::", 56)
		s.pool("pd2", "d", 26, "2001:db8:8000:2000::", "2001:db8:8000:2f00::", 56)
	}},
	{name: "move pool to another subnet", edit: func(s *editSite) { s.homeOf["pd2"] = "e" }},
	{name: "move pool to another link", edit: func(s *editSite) { s.homeOf["pd2"] = "f" }},
	{name: "move subnet to another link", edit: func(s *editSite) { s.linkOf["c"], s.linkOf["e"] = "one", "seven" }},
	{name: "move subnet back", edit: func(s *editSite) { s.linkOf["c"], s.linkOf["e"] = "two", "six" }},
	{name: "delete pools", edit: func(s *editSite) { s.removePool("b"); s.removePool("e"); s.removePool("pe") }},
	{name: "create pools anew", edit: func(s *editSite) {
		s.pool("b", "b", 12, "192.0.2.130", "192.0.2.150", 32)
		s.pool("e", "e", 15, "2001:db8:2::10", "2001:db8:2::1f", 128)
		s.pool("pe", "e", 27, "2001:db8:8001::", "2001:db8:8001:f00::", 56)
	}},
	{name: "close pools", edit: func(s *editSite) { s.pools["pd"].Closing, s.pools["a2"].Closing = true, true }},
	{name: "change delegated length", edit: func(s *editSite) { s.pool("pd", "d", 16, "2001:db8:8000::", "2001:db8:8000:1ff0::", 60) }},
	{name: "delete what is closed", edit: func(s *editSite) { s.removePool("a2") }},
	{name: "close again", edit: func(s *editSite) { s.pools["pd"].Closing = true }},
	{name: "change delegated length back, as another pool", edit: func(s *editSite) {
		s.removePool("pd")
		s.pool("pd3", "d", 36, "2001:db8:8000::", "2001:db8:8000:1f00::", 56)
	}},
	{name: "change delegated length by hand, whatever is held", edit: func(s *editSite) {
		s.pool("pd3", "d", 36, "2001:db8:8000::", "2001:db8:8000:1fc0::", 58)
	}, byHand: "UPDATE pool SET delegated_len = 58, last_addr = '2001:db8:8000:1fc0::' WHERE id = 36"},
	{name: "shrink by hand", edit: func(s *editSite) { s.pool("a", "a", 11, "192.0.2.5", "192.0.2.20", 32) }, byHand: "UPDATE pool SET last_addr = '192.0.2.20' WHERE id = 11"},
	{name: "delete by hand", edit: func(s *editSite) { s.removePool("pe") }, byHand: "DELETE FROM pool WHERE id = 27"},
	{
		name: "create by hand", edit: func(s *editSite) { s.pool("pe", "e", 37, "2001:db8:8001::", "2001:db8:8001:1f0::", 60) },
		byHand: "INSERT INTO pool (id, subnet_id, kind, first_addr, last_addr, delegated_len) VALUES (37, 5, 2, '2001:db8:8001::', '2001:db8:8001:1f0::', 60)",
	},
}

type editsLoad struct {
	configured
	site *editSite
	fes  []*editFrontend

	forgot  time.Time
	clients atomic.Int64 // those that come when all is over
}

// begin lets clients come and go until the function that it returns is called,
// which returns what they had.
func (x *editsLoad) begin(t *testing.T) (stop func() []held) {
	ctx, cancel := context.WithCancel(context.Background())
	var all []*visitor
	var wg sync.WaitGroup
	for _, at := range []struct {
		v      variant
		subnet string
	}{{variants[0], "a"}, {variants[0], "c"}, {variants[1], "d"}, {variants[1], "e"}, {variants[2], "d"}, {variants[2], "e"}, {variants[2], "f"}} {
		for range 8 {
			id := len(all) + 1
			c := &visitor{variant: at.v, id: id, subnet: x.site.subnets[at.subnet].Prefix, rand: rand.New(rand.NewPCG(uint64(id), 6))}
			all = append(all, c)
			wg.Go(func() {
				for ctx.Err() == nil {
					if err := c.visit(ctx, x.fes[c.rand.IntN(len(x.fes))]); err != nil && !expected(err) {
						t.Errorf("client %d: %v", c.id, err)
						return
					}
					time.Sleep(time.Duration(c.rand.IntN(100)) * time.Millisecond)
				}
			})
		}
	}
	end := func() { cancel(); wg.Wait() }
	t.Cleanup(end)
	return func() (holds []held) {
		end()
		for _, c := range all {
			holds = append(holds, c.holds...)
		}
		return holds
	}
}

// expected tells whether a message may be without an answer for that.
func expected(err error) bool {
	for _, e := range []error{errNoPlace, sqlstore.ErrBusy, sqlstore.ErrFenced, sqlstore.ErrSuperseded, sqlstore.ErrRetry, context.DeadlineExceeded, context.Canceled} {
		if errors.Is(err, e) {
			return true
		}
	}
	return false
}

// step makes one edit and waits until all frontends use it and nothing waits for
// anything.
func (x *editsLoad) step(t *testing.T, name string, edit func(*editSite), byHand string) {
	t.Helper()
	edit(x.site)
	deadline := time.Now().Add(30 * time.Second)
	for byHand == "" {
		_, err := x.store.ApplyConfig(t.Context(), sqlstore.AnyRevision, x.site.config(), "test", name)
		if err == nil {
			break
		}
		// leases of another length are held: the pool is closed, and they end
		require.ErrorIs(t, err, sqlstore.ErrHeld, name)
		require.True(t, time.Now().Before(deadline), "%s: %v", name, err)
		x.forget(t)
		time.Sleep(50 * time.Millisecond)
	}
	if byHand != "" {
		x.db.exec(t, "%s", byHand)
	}
	x.settled(t, name, deadline)
	time.Sleep(200 * time.Millisecond) // under load
}

// settled waits for the frontends.
func (x *editsLoad) settled(t *testing.T, name string, deadline time.Time) {
	t.Helper()
	for {
		now := x.load(t)
		left := x.db.number(t, "SELECT count(*) FROM pool_gen WHERE retired_rev IS NOT NULL") + x.db.number(t, "SELECT count(*) FROM pool WHERE waiting")
		behind := slices.ContainsFunc(x.fes, func(f *editFrontend) bool { rev, _, _ := f.current(); return rev < now.Revision })
		if left == 0 && !behind {
			return
		}
		require.True(t, time.Now().Before(deadline), "%s: %d are left, or a frontend is behind: %v", name, left, x.db.rows(t, "SELECT id, revision, refused_revision FROM frontend"))
		x.forget(t)
		time.Sleep(20 * time.Millisecond)
	}
}

// forget cuts short the time for which nobody else gets the address of a lease
// that has ended, three times a second at most: it is in the way of the lanes.
func (x *editsLoad) forget(t *testing.T) {
	t.Helper()
	if time.Since(x.forgot) < 300*time.Millisecond {
		return
	}
	x.forgot = time.Now()
	now := x.db.timeAt(x.db.now(t))
	for _, f := range []sqlstore.Family{sqlstore.IPv4, sqlstore.IPv6} {
		ended := fmt.Sprintf("reclaim_at > %s AND expires_at < %s", now, now)
		if !x.db.mysql() {
			x.db.exec(t, "UPDATE %s SET reclaim_at = expires_at WHERE %s", table(f), ended)
			continue
		}
		for _, row := range x.db.rows(t, "SELECT binding_key FROM %s WHERE %s", table(f), ended) { // one by one: lanes must not wait for all
			x.db.exec(t, "UPDATE %s SET reclaim_at = expires_at WHERE %s AND %s", table(f), x.db.rowOf(sqlstore.Key(row[0])), ended)
		}
	}
}

// account requires that in the end the configuration is the site's, every address
// of every pool can be had, and rows have the names of the pools they lie in.
func (x *editsLoad) account(t *testing.T) {
	t.Helper()
	var pools []*sqlstore.Pool
	for _, l := range x.load(t).Links {
		for _, s := range l.Subnets {
			pools = append(pools, s.Pools...)
		}
	}
	require.Len(t, pools, len(x.site.pools))
	for deadline := time.Now().Add(30 * time.Second); ; time.Sleep(100 * time.Millisecond) {
		x.forget(t)
		pools = slices.DeleteFunc(pools, func(p *sqlstore.Pool) bool { return x.held(t, p) == int(p.Size()) })
		if len(pools) == 0 {
			return
		}
		require.True(t, time.Now().Before(deadline), "pool %d: %d of %d", pools[0].ID, x.held(t, pools[0]), pools[0].Size())
		var wg sync.WaitGroup
		for _, p := range pools {
			wg.Go(func() { x.fill(t, p) })
		}
		wg.Wait()
	}
}

// held counts the addresses of a pool that are used or in quarantine.
func (x *editsLoad) held(t *testing.T, p *sqlstore.Pool) (n int) {
	t.Helper()
	for a, l := range leases(t, x.store, p.Family(), 0) {
		if p.Contains(a) && l.State != sqlstore.Expired && l.State != sqlstore.Released {
			require.Equal(t, p.DelegatedLen, l.PrefixLen)
			require.Equal(t, [3]uint32{p.ID, p.Gen, p.SubnetID}, [3]uint32{l.PoolID, l.PoolGen, l.SubnetID}, "%s", a)
			n++
		}
	}
	return n
}

// fill gives addresses of a pool to clients never seen before, until there are
// none.
func (x *editsLoad) fill(t *testing.T, p *sqlstore.Pool) {
	t.Helper()
	v := variants[slices.IndexFunc(variants, func(v variant) bool { return v.family == p.Family() && v.kind == p.Kind })]
	for {
		client := int(x.clients.Add(1))
		it := v.item(sqlstore.OpAssign, p.LinkID, client, netip.Addr{}, sqlstore.NewPoolSet(p))
		it.VRF, it.ValidLft, it.PreferredLft = p.VRF, sqlstore.Infinite, sqlstore.Infinite
		res, err := tryDecide(x.fes[client%len(x.fes)].e, v.family, it)
		if !noError(t, err) || res.Code != sqlstore.Granted {
			return
		}
	}
}
