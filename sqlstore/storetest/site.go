package storetest

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/netip"
	"sync/atomic"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/stretchr/testify/require"

	"rowlock/sqlstore"
	"rowlock/sqlstore/engine"
)

// variant is what a test of leases runs for: IPv4, IPv6 addresses, prefixes.
type variant struct {
	name   string
	family sqlstore.Family
	kind   sqlstore.Kind
	length uint8
}

var variants = []variant{
	{"v4", sqlstore.IPv4, sqlstore.NA, 32},
	{"v6", sqlstore.IPv6, sqlstore.NA, 128},
	{"pd", sqlstore.IPv6, sqlstore.PD, 64},
}

// addr returns the n-th address or prefix, 0 <= n < 65536.
func (v variant) addr(n int) netip.Addr {
	switch v.name {
	case "v4":
		if n < 256 {
			return netip.AddrFrom4([4]byte{192, 0, 2, byte(n)})
		}
		return netip.AddrFrom4([4]byte{198, 51, byte(n >> 8), byte(n)})
	case "v6":
		return netip.MustParseAddr(fmt.Sprintf("2001:db8::%x", n))
	}
	return netip.MustParseAddr(fmt.Sprintf("2001:db8:8:%x::", n))
}

// pool returns a pool of the addresses from first to last.
func (v variant) pool(id uint32, vrf uint32, first, last int) *sqlstore.Pool {
	return &sqlstore.Pool{
		ID: id, Gen: 1, SubnetID: id, LinkID: vrf, VRF: vrf, Kind: v.kind, First: v.addr(first), Last: v.addr(last),
		DelegatedLen: v.length, PermKey: uint64(id) * 0x9e3779b97f4a7c15,
	}
}

// key returns the binding key of a client that is known by a number.
func (v variant) key(link uint32, client int) sqlstore.Key {
	if v.family == sqlstore.IPv4 {
		return sqlstore.ClientKey(link, sqlstore.KeyHWAddr, fmt.Appendf(nil, "\x01%06d", client))
	}
	return sqlstore.IAKey(link, sqlstore.KeyDUID, fmt.Appendf(nil, "\x00\x03\x00\x01%06d", client), 1, v.kind, 0)
}

func (v variant) client(n int) sqlstore.Client {
	c := sqlstore.Client{
		HWAddr: fmt.Appendf(nil, "%06d", n), HWType: 1, HWSource: 1, ClientID: fmt.Appendf(nil, "\x00client-%d", n),
		RelayAddr: v.addr(250), CircuitID: []byte("circuit"), RemoteID: []byte("remote"), Hostname: fmt.Sprintf("host-%d.example.org", n),
	}
	if v.family == sqlstore.IPv6 {
		c.IAID = 1
	}
	return c
}

// item returns what a client asks for.
func (v variant) item(op sqlstore.Op, link uint32, client int, want netip.Addr, pools *sqlstore.PoolSet) sqlstore.Item {
	return sqlstore.Item{
		Op: op, Key: v.key(link, client), VRF: link, Kind: v.kind, Want: want, Pools: pools,
		ValidLft: 3600, PreferredLft: 1800, OfferLft: 60, Client: v.client(client),
	}
}

// insert returns the row of a client for LaneStore.Apply.
func (v variant) insert(vrf uint32, client int, addr netip.Addr) sqlstore.Insert {
	return sqlstore.Insert{
		Family: v.family, Key: v.key(vrf, client), VRF: vrf, Addr: addr, PrefixLen: v.length, SubnetID: 1, PoolID: 1, PoolGen: 1,
		ValidLft: 3600, PrefLft: 1800, OfferLft: 60, Client: v.client(client),
	}
}

var vrfs atomic.Uint32

// newVRF returns a number that no other test of this process uses as vrf,
// link or pool, so that tests may share a database.
func newVRF() uint32 { return vrfs.Add(1) }

// newEngine starts an engine that leaves sweeping to the test.
func newEngine(t testing.TB, store sqlstore.Store, id string) *engine.Engine {
	t.Helper()
	e, err := engine.New(engine.Config{
		Store: store, Logger: slog.New(slog.DiscardHandler), Registerer: prometheus.NewRegistry(),
		Frontend: sqlstore.FrontendInfo{ID: id}, SweepEvery: time.Hour,
	})
	require.NoError(t, err)
	_, err = store.Lead(t.Context(), "sweep", "test", time.Hour)
	require.NoError(t, err)
	require.NoError(t, e.Start(t.Context()))
	t.Cleanup(func() { _ = e.Stop(context.Background()) })
	return e
}

// decide runs one item and returns its outcome.
func decide(t testing.TB, e *engine.Engine, f sqlstore.Family, it sqlstore.Item) sqlstore.Result {
	t.Helper()
	res, err := tryDecide(e, f, it)
	require.NoError(t, err)
	return res
}

// tryDecide waits for an engine whose heartbeats a slow machine has delayed.
func tryDecide(e *engine.Engine, f sqlstore.Family, items ...sqlstore.Item) (sqlstore.Result, error) {
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	d, err := e.Do(ctx, &sqlstore.Request{Family: f, Items: items})
	for errors.Is(err, sqlstore.ErrFenced) && ctx.Err() == nil {
		time.Sleep(100 * time.Millisecond)
		d, err = e.Do(ctx, &sqlstore.Request{Family: f, Items: items})
	}
	if err != nil {
		return sqlstore.Result{}, err
	}
	return d.Results[0], nil
}

// leases returns the rows of a vrf by address, as they are in the table, with
// nothing that changes by itself.
func leases(t testing.TB, s sqlstore.Store, f sqlstore.Family, vrf uint32) map[netip.Addr]sqlstore.Lease {
	t.Helper()
	out := map[netip.Addr]sqlstore.Lease{}
	filter := sqlstore.LeaseFilter{Family: f, AfterVRF: vrf, Limit: 32}
	for {
		list, err := s.Leases(t.Context(), filter)
		require.NoError(t, err)
		for _, l := range list {
			if l.VRF != vrf {
				return out
			}
			l.Remaining = 0
			out[l.Addr] = l
			filter.AfterAddr = l.Addr
		}
		if len(list) < filter.Limit {
			return out
		}
	}
}

// apply runs a batch that a tool sends and requires that it succeeds; like
// every tool it repeats one that met a deadlock.
func apply(t testing.TB, s sqlstore.Store, b *sqlstore.Batch) *sqlstore.BatchResult {
	t.Helper()
	res, err := s.Apply(t.Context(), b)
	for range 5 {
		if !errors.Is(err, sqlstore.ErrRetry) {
			break
		}
		res, err = s.Apply(t.Context(), b)
	}
	require.NoError(t, err)
	require.True(t, res.Alive)
	return res
}

// change runs one update.
func change(t testing.TB, s sqlstore.Store, u sqlstore.Update) sqlstore.UpdateResult {
	t.Helper()
	u.Count = 1
	return apply(t, s, &sqlstore.Batch{Updates: []sqlstore.Update{u}}).Updates[0]
}

// place runs one insert.
func place(t testing.TB, s sqlstore.Store, in sqlstore.Insert) sqlstore.InsertResult {
	t.Helper()
	return apply(t, s, &sqlstore.Batch{Inserts: []sqlstore.Insert{in}}).Inserts[0]
}
