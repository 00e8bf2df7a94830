package storetest

import (
	"errors"
	"net/netip"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"rowlock/sqlstore"
	"rowlock/sqlstore/engine"
)

// testReturn is a frontend that was silent for so long that a range of its pool was
// given to another generation without it, and then comes back with prefixes in hand:
// what it hands out overlaps nobody's (INV-1), while it reads the newest
// configuration and where it refuses it.
func testReturn(t *testing.T, dialect string) {
	t.Run("reads", func(t *testing.T) {
		r := newReturning(t, dialect)
		r.held = make(chan struct{})
		held := r.held
		r.edit(t)
		theirs := r.served(t, r.sibling, 1)
		require.Len(t, theirs, returning)
		r.registers(t)
		_, answered := r.clients(t, r.old, 1, returning)
		require.Zero(t, answered, "not before it has read")
		close(held)
		ours := r.served(t, r.old, 100)
		require.Len(t, ours, returning)
		requireApart(t, theirs, ours)
	})
	t.Run("refuses", func(t *testing.T) {
		r := newReturning(t, dialect)
		r.refuse = true
		before, _, _ := r.old.current()
		r.edit(t)
		theirs := r.served(t, r.sibling, 1)
		require.Len(t, theirs, returning)
		r.registers(t)
		requireApart(t, theirs, r.served(t, r.old, 100))
		now, _, _ := r.old.current()
		require.Equal(t, before, now)
		require.Eventually(t, func() bool {
			return r.db.number(t, "SELECT count(*) FROM frontend WHERE id = 'old' AND revision = %d AND refused_revision > revision", before) == 1
		}, 10*time.Second, 20*time.Millisecond, "nothing more is taken from it")
	})
}

// returning is how many clients ask a frontend for a prefix.
const returning = 40

type returned struct {
	configured
	old, sibling *editFrontend
	subnet       netip.Prefix
	edited       atomic.Bool   // from then on the one that was away
	refuse       bool          // refuses what it reads, or
	held         chan struct{} // needs so long to use it
}

// newReturning starts a frontend that has prefixes in hand.
func newReturning(t *testing.T, dialect string) *returned {
	db := migrated(t, dialect)
	site := newEditSite()
	r := &returned{configured: configured{db, db.openBoth(t)}, subnet: site.subnets["d"].Prefix}
	r.apply(t, site.config())
	r.old = newEditFrontend(t, r.store, "old", func(c *engine.Config, f *editFrontend) {
		c.OnConfig = func(cfg *sqlstore.Config) error {
			if r.edited.Load() {
				if r.refuse {
					return errors.New("this version cannot use it")
				}
				if r.held != nil {
					<-r.held
				}
			}
			return f.use(cfg)
		}
	})
	require.Len(t, r.served(t, r.old, 1000), returning)
	return r
}

// edit gives the range to prefixes of another length behind the back of a frontend
// that is taken for dead, and starts another one.
func (r *returned) edit(t *testing.T) {
	t.Helper()
	r.edited.Store(true)
	// what it handed out goes back, so that nothing but its own stock keeps it from the range
	r.db.exec(t, "DELETE FROM lease6 WHERE prefix_len = 56")
	r.db.exec(t, "UPDATE pool SET delegated_len = 60, last_addr = '2001:db8:8000:1ff0::' WHERE id = 16")
	for deadline := time.Now().Add(20 * time.Second); ; {
		r.db.exec(t, "UPDATE frontend SET heartbeat_at = %s WHERE id = 'old'", r.db.back("heartbeat_at", 6*time.Second))
		left, err := r.revisions().SettleConfig(t.Context(), nil)
		if !errors.Is(err, sqlstore.ErrRetry) {
			require.NoError(t, err)
			if left == 0 {
				break
			}
		}
		require.True(t, time.Now().Before(deadline), "%d are left", left)
	}
	r.sibling = newEditFrontend(t, r.store, "new")
}

// registers waits until the frontend that was away has a row again that is fresh.
func (r *returned) registers(t *testing.T) {
	t.Helper()
	require.Eventually(t, func() bool {
		all, err := r.store.Frontends(t.Context())
		return noError(t, err) && slices.ContainsFunc(all, func(f sqlstore.FrontendInfo) bool { return f.ID == "old" && f.Age < 5*time.Second })
	}, 10*time.Second, 10*time.Millisecond)
}

// served has clients ask for a prefix each as soon as the frontend answers.
func (r *returned) served(t *testing.T, f *editFrontend, from int) []netip.Prefix {
	t.Helper()
	for deadline := time.Now().Add(20 * time.Second); ; time.Sleep(10 * time.Millisecond) {
		if _, answered := r.clients(t, f, from, 1); answered > 0 {
			got, _ := r.clients(t, f, from, returning)
			return got
		}
		require.True(t, time.Now().Before(deadline), "no answer: %v", f.e.NotReady())
	}
}

// clients has n clients ask a frontend for a prefix each, and returns what they got and
// how many had an answer.
func (r *returned) clients(t *testing.T, f *editFrontend, from, n int) (got []netip.Prefix, answered int) {
	t.Helper()
	for i := range n {
		rev, places, _ := f.current()
		at := places[r.subnet]
		it := variants[2].item(sqlstore.OpAssign, at.link, from+i, netip.Addr{}, at.pools)
		it.VRF = 0
		d, err := f.e.Do(t.Context(), &sqlstore.Request{Family: sqlstore.IPv6, Revision: rev, Items: []sqlstore.Item{it}})
		if err != nil {
			require.True(t, expected(err), "%v", err)
			continue
		}
		answered++
		if res := d.Results[0]; res.Code == sqlstore.Granted {
			got = append(got, netip.PrefixFrom(res.Lease.Addr, int(res.Lease.PrefixLen)))
		}
	}
	return got, answered
}

func requireApart(t *testing.T, theirs, ours []netip.Prefix) {
	t.Helper()
	for _, p := range theirs {
		for _, q := range ours {
			require.False(t, p.Overlaps(q), "%s and %s", p, q)
		}
	}
}
