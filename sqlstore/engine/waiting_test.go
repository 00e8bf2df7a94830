package engine

import (
	"net/netip"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"rowlock/sqlstore"
)

func waitingPool(size int) *sqlstore.Pool {
	p := testPool(size)
	p.Waiting = true
	return p
}

// openPool is another pool of the link.
func openPool() *sqlstore.Pool {
	return &sqlstore.Pool{
		ID: 2, Gen: 1, Kind: sqlstore.NA, First: netip.MustParseAddr(foreign), Last: netip.MustParseAddr("198.51.100.9"), DelegatedLen: 32,
	}
}

// Whether a renewal is one has to be known before it is written; a new row in
// the pool is made for no message.
func TestSteps_PoolThatWaits(t *testing.T) {
	for i, op := range allOps {
		it := testItem(op, 1, inPool, waitingPool(4), openPool())
		require.Equal(t, []string{"insert any", "insert any", "look", "look", "look", "look", "release", "quarantine", "look"}[i], words(first(sqlstore.IPv6, &it)), op)
		require.Equal(t, []string{"insert any", "insert any", "insert any", "no-binding", "no-binding", "no-binding", "no-binding", "no-binding", "unchanged"}[i],
			words(onNone(sqlstore.IPv6, &it)), op)
		require.Equal(t, []string{"insert any", "insert any", "wrong-address", "no-binding", "wrong-address", "wrong-address", "no-binding", "no-binding", "unchanged"}[i],
			words(onNone(sqlstore.IPv4, &it)), op)
	}
}

func TestOnRow_PoolThatWaits(t *testing.T) {
	for _, c := range []struct {
		name    string
		row     *sqlstore.Lease
		steps   []string // offer, assign, select, init-reboot, renew, rebind
		alone   []string // where the pool is the only one; nil: the same
		release string
	}{
		{
			name: "active", row: row(sqlstore.Active, inPool, time.Hour),
			steps: []string{"granted with row", "activate", "activate", "activate", "activate", "activate"}, release: "release by rev",
		},
		{
			name: "offered", row: row(sqlstore.Offered, inPool, time.Minute),
			steps: []string{"granted with row", "activate", "activate", "activate", "activate", "activate"}, release: "no-binding",
		},
		{
			name: "offered, none left", row: row(sqlstore.Offered, inPool, 0),
			steps: []string{"park by rev", "park by rev", "park by rev", "park by rev", "park by rev", "park by rev"},
			alone: []string{"exhausted", "exhausted", "exhausted", "exhausted", "exhausted", "exhausted"}, release: "no-binding",
		},
		{
			name: "expired", row: row(sqlstore.Expired, inPool, -time.Second),
			steps: []string{"park by rev", "park by rev", "park by rev", "park by rev", "park by rev", "park by rev"},
			alone: []string{"exhausted", "exhausted", "exhausted", "exhausted", "exhausted", "exhausted"}, release: "no-binding",
		},
	} {
		for i, op := range allOps[:6] {
			it := testItem(op, 1, inPool, waitingPool(4), openPool())
			require.Equal(t, c.steps[i], words(onRow(sqlstore.IPv6, &it, c.row)), "%s of %s", op, c.name)
			it.Pools = sqlstore.NewPoolSet(waitingPool(4))
			want := c.steps[i]
			if c.alone != nil {
				want = c.alone[i]
			}
			require.Equal(t, want, words(onRow(sqlstore.IPv6, &it, c.row)), "%s of %s, no other pool", op, c.name)
		}
		it := testItem(sqlstore.OpRelease, 1, inPool, waitingPool(4))
		require.Equal(t, c.release, words(onRow(sqlstore.IPv6, &it, c.row)), c.name)
	}
	it := testItem(sqlstore.OpOffer, 1, "", waitingPool(4))
	other := row(sqlstore.Active, inPool, time.Hour)
	other.PrefixLen = 31
	require.Equal(t, "park by rev", words(onRow(sqlstore.IPv4, &it, other)), "another length is not kept")
}

// decide runs one item through an engine whose database has no rows, and returns
// the result and the addresses that were inserted.
func decideFresh(t *testing.T, s *source, it sqlstore.Item) (res sqlstore.Result, tried []netip.Addr, pools []uint32) {
	t.Helper()
	withHints(t, s, func(t *testing.T, e *Engine, f *fakeStore) {
		f.apply = func(b *sqlstore.Batch) (*sqlstore.BatchResult, error) {
			out := done(b)
			for i := range b.Inserts {
				if !b.Inserts[i].Addr.IsValid() {
					out.Inserts[i] = sqlstore.InsertResult{Status: sqlstore.NotPlaced}
					continue
				}
				tried = append(tried, b.Inserts[i].Addr)
			}
			return out, nil
		}
		take := f.take
		f.take = func(needs []sqlstore.PoolNeed) ([]sqlstore.Hints, error) {
			for _, n := range needs {
				pools = append(pools, n.Pool.ID)
			}
			return take(needs)
		}
		f.borrow, f.reclaim = f.take, func(p []*sqlstore.Pool) ([]int, error) {
			for _, p := range p {
				pools = append(pools, p.ID)
			}
			return make([]int, len(p)), nil
		}
		d, err := e.Do(t.Context(), &sqlstore.Request{Family: sqlstore.IPv6, Revision: 1, Items: []sqlstore.Item{it}})
		require.NoError(t, err)
		res = d.Results[0]
		synctest.Wait()
	})
	return res, tried, pools
}

func TestDo_PoolThatWaits(t *testing.T) {
	for _, op := range []sqlstore.Op{sqlstore.OpOffer, sqlstore.OpAssign, sqlstore.OpSelect} {
		for _, want := range []string{"", inPool} {
			res, tried, pools := decideFresh(t, &source{size: 4}, testItem(op, 1, want, waitingPool(4), openPool()))
			require.Equal(t, sqlstore.Granted, res.Code, "%s of %q", op, want)
			require.Equal(t, []netip.Addr{netip.MustParseAddr(foreign)}, tried)
			require.Equal(t, []uint32{2}, pools, "hints are fetched for the other pool only")

			res, tried, pools = decideFresh(t, &source{size: 4}, testItem(op, 1, want, waitingPool(4)))
			require.Equal(t, sqlstore.Exhausted, res.Code, "%s of %q", op, want)
			require.Empty(t, tried)
			require.Empty(t, pools)
		}
	}
	for _, op := range []sqlstore.Op{sqlstore.OpRenew, sqlstore.OpRebind} {
		res, tried, pools := decideFresh(t, &source{size: 4}, testItem(op, 1, inPool, waitingPool(4), openPool()))
		require.Equal(t, sqlstore.NoBinding, res.Code, op)
		require.Empty(t, tried, "%s: nothing is inserted for a client without a row", op)
		require.Empty(t, pools)
	}
}
