package engine

import (
	"context"
	"errors"
	"net/netip"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"rowlock/sqlstore"
)

// rowsOf is a PreviewSource of these rows. Whatever would write is an error.
type rowsOf []*sqlstore.Lease

func (r rowsOf) Apply(_ context.Context, b *sqlstore.Batch) (*sqlstore.BatchResult, error) {
	if len(b.Updates) > 0 || b.Fence != (sqlstore.Fence{}) {
		return nil, errors.New("a preview writes")
	}
	out := &sqlstore.BatchResult{Alive: true}
	for i := range b.Inserts {
		if b.Inserts[i].Addr.IsValid() {
			return nil, errors.New("a preview writes")
		}
		res := sqlstore.InsertResult{Status: sqlstore.NotPlaced}
		for _, l := range r {
			if l.Key == b.Inserts[i].Key {
				res = sqlstore.InsertResult{Status: sqlstore.KeyExists, Lease: *l}
			}
		}
		out.Inserts = append(out.Inserts, res)
	}
	return out, nil
}

func (r rowsOf) Leases(_ context.Context, f sqlstore.LeaseFilter) (out []sqlstore.Lease, err error) {
	for _, l := range r {
		if l.Addr == f.Addr {
			out = append(out, *l)
		}
	}
	return out, nil
}

func TestPreview(t *testing.T) {
	live := row(sqlstore.Active, inPool, time.Hour)
	live.ValidLft = 3600
	ended := row(sqlstore.Expired, inPool, -time.Hour)
	elsewhere := row(sqlstore.Active, foreign, time.Hour)
	elsewhere.ValidLft = sqlstore.Infinite
	others := row(sqlstore.Active, another, time.Hour)
	others.Key = testKey(2)
	former := row(sqlstore.Active, inPool, time.Hour)
	former.Key = sqlstore.ClientKey(9, sqlstore.KeyHWAddr, []byte("000001"))
	for _, c := range []struct {
		name  string
		op    sqlstore.Op
		want  string
		rows  rowsOf
		pools []*sqlstore.Pool
		code  sqlstore.Code
		addr  string // "": none, "any": any of the pool
		steps []string
		held  bool // the address wanted is another client's
	}{
		{name: "new client", op: sqlstore.OpOffer, code: sqlstore.Granted, addr: "any", steps: []string{"insert a row with something free of pool 1"}},
		{name: "new client that names an address", op: sqlstore.OpOffer, want: inPool, code: sqlstore.Granted, addr: inPool, steps: []string{"insert a row with 192.0.2.1/32"}},
		{
			name: "which is taken", op: sqlstore.OpOffer, want: another, rows: rowsOf{others}, code: sqlstore.Granted, addr: "any",
			steps: []string{"192.0.2.2 is taken", "insert a row with something free of pool 1"}, held: true,
		},
		{
			name: "taken, and nothing else will do", op: sqlstore.OpRenew, want: another, rows: rowsOf{others}, code: sqlstore.WrongAddress,
			steps: []string{"192.0.2.2 is taken"}, held: true,
		},
		{
			name: "renewal", op: sqlstore.OpRenew, want: inPool, rows: rowsOf{live}, code: sqlstore.Granted, addr: inPool,
			steps: []string{"the client has 192.0.2.1/32, active for another 1h0m0s", "activate 192.0.2.1/32"},
		},
		{
			name: "ended, offered again", op: sqlstore.OpOffer, rows: rowsOf{ended}, code: sqlstore.Granted, addr: inPool,
			steps: []string{"the client has 192.0.2.1/32, expired", "offer again 192.0.2.1/32"},
		},
		{
			name: "no longer permitted", op: sqlstore.OpOffer, rows: rowsOf{elsewhere}, code: sqlstore.Granted, addr: "any",
			steps: []string{"the client has 198.51.100.1/32, active", "park 198.51.100.1/32", "insert a row with something free of pool 1"},
		},
		{
			name: "no longer permitted, renewed", op: sqlstore.OpRenew, want: foreign, rows: rowsOf{elsewhere}, code: sqlstore.WrongAddress,
			steps: []string{"the client has 198.51.100.1/32, active", "park 198.51.100.1/32"},
		},
		{
			name: "moved with its subnet", op: sqlstore.OpRenew, want: inPool, rows: rowsOf{former}, code: sqlstore.Granted, addr: inPool,
			steps: []string{"the client has 192.0.2.1/32, active for another 1h0m0s", "take over under the client's key on this link 192.0.2.1/32", "activate 192.0.2.1/32"},
		},
		{name: "release", op: sqlstore.OpRelease, want: inPool, rows: rowsOf{live}, code: sqlstore.Done, steps: []string{
			"the client has 192.0.2.1/32, active for another 1h0m0s", "release 192.0.2.1/32",
		}},
		{name: "release of nothing", op: sqlstore.OpRelease, want: inPool, code: sqlstore.NoBinding},
		{name: "decline", op: sqlstore.OpDecline, want: inPool, rows: rowsOf{live}, code: sqlstore.Done, steps: []string{
			"the client has 192.0.2.1/32, active for another 1h0m0s", "put into quarantine 192.0.2.1/32",
		}},
		{name: "pool that waits", op: sqlstore.OpOffer, pools: []*sqlstore.Pool{waitingPool(4)}, code: sqlstore.Exhausted},
		{name: "no pool", op: sqlstore.OpOffer, pools: []*sqlstore.Pool{}, code: sqlstore.Exhausted},
	} {
		if c.pools == nil {
			c.pools = []*sqlstore.Pool{testPool(4)}
		}
		it := testItem(c.op, 1, c.want, c.pools...)
		it.Former = []sqlstore.Key{former.Key}
		before := make([]sqlstore.Lease, len(c.rows))
		for i, l := range c.rows {
			before[i] = *l
		}
		all, err := Preview(t.Context(), c.rows, &sqlstore.Request{Family: sqlstore.IPv4, Revision: 1, Items: []sqlstore.Item{it}})
		require.NoError(t, err, c.name)
		p := all[0]
		require.Equal(t, c.code, p.Result.Code, c.name)
		require.Equal(t, c.addr == "any", p.Any, c.name)
		if c.addr != "" && !p.Any {
			require.Equal(t, netip.MustParseAddr(c.addr), p.Result.Lease.Addr, c.name)
		}
		require.Equal(t, c.steps, p.Steps, c.name)
		require.Equal(t, c.held, p.Holder != nil, c.name)
		for i, l := range c.rows {
			require.Equal(t, before[i], *l, "%s: the rows stay", c.name)
			require.Equal(t, l.Key != others.Key, p.Row != nil && p.Row.Addr == l.Addr, c.name)
		}
	}
}

// The items of a message are decided together, and without a database.
func TestPreviewOfNoDatabase(t *testing.T) {
	na, pd := testItem(sqlstore.OpOffer, 1, "", testPool(4)), testItem(sqlstore.OpSelect, 2, "")
	pd.Kind = sqlstore.PD
	pd.Pools = sqlstore.NewPoolSet(&sqlstore.Pool{
		ID: 3, Gen: 1, Kind: sqlstore.PD, First: netip.MustParseAddr("2001:db8::"), Last: netip.MustParseAddr("2001:db8:0:ff00::"), DelegatedLen: 56,
	})
	all, err := Preview(t.Context(), nil, &sqlstore.Request{Family: sqlstore.IPv6, Items: []sqlstore.Item{na, pd}})
	require.NoError(t, err)
	require.EqualValues(t, 1, all[0].Result.Lease.PoolID)
	require.EqualValues(t, 3, all[1].Result.Lease.PoolID)
	require.EqualValues(t, 56, all[1].Result.Lease.PrefixLen)
	require.Equal(t, sqlstore.Active, all[1].Result.Lease.State)
}

type noSource struct{ rowsOf }

func (noSource) Apply(context.Context, *sqlstore.Batch) (*sqlstore.BatchResult, error) {
	return nil, sqlstore.ErrUnavailable
}

func TestPreviewSaysWhyItCannotRead(t *testing.T) {
	_, err := Preview(t.Context(), noSource{}, &sqlstore.Request{Family: sqlstore.IPv4, Items: []sqlstore.Item{testItem(sqlstore.OpRenew, 1, inPool, testPool(4))}})
	require.ErrorIs(t, err, sqlstore.ErrUnavailable)
	require.ErrorContains(t, err, "look for a row")
}
