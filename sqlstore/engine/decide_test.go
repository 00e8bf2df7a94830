package engine

import (
	"net/netip"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"rowlock/sqlstore"
)

// words of the tables below: what a step is.
func words(s step) string {
	switch s.kind {
	case stepFinal:
		if s.row != nil {
			return s.code.String() + " with row"
		}
		return s.code.String()
	case stepInsert:
		if s.only.IsValid() {
			return "insert that"
		}
		return "insert any"
	case stepLookup:
		return "look"
	}
	name := map[sqlstore.Action]string{
		sqlstore.Activate: "activate", sqlstore.Hold: "hold", sqlstore.Release: "release", sqlstore.Quarantine: "quarantine",
		sqlstore.Park: "park", sqlstore.Rekey: "rekey", sqlstore.Withdraw: "withdraw",
	}[s.action]
	if s.rev != 0 {
		name += " by rev"
	}
	return name
}

var allOps = []sqlstore.Op{
	sqlstore.OpOffer, sqlstore.OpAssign, sqlstore.OpSelect, sqlstore.OpInitReboot, sqlstore.OpRenew, sqlstore.OpRebind,
	sqlstore.OpRelease, sqlstore.OpDecline, sqlstore.OpWithdraw,
}

const (
	inPool  = "192.0.2.1"
	another = "192.0.2.2"
	foreign = "198.51.100.1"
)

// Writing under a guard comes first; what the client may not have is looked at.
func TestFirst(t *testing.T) {
	for _, c := range []struct {
		want string
		out  []string // in the order of allOps
	}{
		{inPool, []string{"insert any", "insert any", "activate", "activate", "activate", "activate", "release", "quarantine", "look"}},
		{foreign, []string{"insert any", "insert any", "look", "look", "look", "look", "release", "quarantine", "look"}},
		{"", []string{"insert any", "insert any", "look", "look", "look", "look", "release", "quarantine", "look"}},
	} {
		for i, op := range allOps {
			it := testItem(op, 1, c.want, testPool(4))
			require.Equal(t, c.out[i], words(first(sqlstore.IPv4, &it)), "%s of %q", op, c.want)
		}
	}
}

func row(state sqlstore.State, addr string, left time.Duration) *sqlstore.Lease {
	return &sqlstore.Lease{
		Family: sqlstore.IPv4, Key: testKey(1), Addr: netip.MustParseAddr(addr), PrefixLen: 32, State: state, Remaining: left, Rev: 5,
	}
}

func TestOnRow(t *testing.T) {
	live, gone := time.Hour, -time.Second
	nak := "wrong-address with row"
	for _, c := range []struct {
		name string
		row  *sqlstore.Lease
		v4   []string
		v6   []string // where it differs; "" as v4
	}{
		{
			"offered", row(sqlstore.Offered, inPool, time.Minute),
			[]string{"granted with row", "activate", "activate", "activate", "activate", "activate", "no-binding", "no-binding", "withdraw by rev"},
			nil,
		},
		{
			"offered, half its time left", row(sqlstore.Offered, inPool, 30*time.Second),
			[]string{"granted with row", "activate", "activate", "activate", "activate", "activate", "no-binding", "no-binding", "withdraw by rev"},
			nil,
		},
		{
			"offered, less left", row(sqlstore.Offered, inPool, 29*time.Second),
			[]string{"hold by rev", "activate", "activate", "activate", "activate", "activate", "no-binding", "no-binding", "withdraw by rev"},
			nil,
		},
		{
			"offered, none left", row(sqlstore.Offered, inPool, gone),
			[]string{"hold by rev", "activate", "activate", "activate", "activate", "activate", "no-binding", "no-binding", "unchanged"},
			nil,
		},
		{
			"active", row(sqlstore.Active, inPool, live),
			[]string{"granted with row", "activate", "activate", "activate", "activate", "activate", "release by rev", "quarantine by rev", "unchanged"},
			nil,
		},
		{
			"run out", row(sqlstore.Active, inPool, gone),
			[]string{"hold by rev", "activate by rev", "activate by rev", "activate by rev", "activate by rev", "activate by rev", "no-binding", "no-binding", "unchanged"},
			nil,
		},
		{
			"another address", row(sqlstore.Active, another, live),
			[]string{"granted with row", "activate", nak, nak, nak, nak, "no-binding", "no-binding", "unchanged"},
			[]string{"", "", "activate", "activate", "activate", "activate", "", "", ""},
		},
		{
			"not permitted", row(sqlstore.Active, foreign, live),
			[]string{"park by rev", "park by rev", "park by rev", "park by rev", "park by rev", "park by rev", "no-binding", "no-binding", "unchanged"},
			nil,
		},
		{
			"parked", row(sqlstore.Parked, inPool, live),
			[]string{"unchanged", "unchanged", "unchanged", "unchanged", "unchanged", "unchanged", "no-binding", "no-binding", "unchanged"},
			nil,
		},
	} {
		for i, op := range allOps {
			it := testItem(op, 1, inPool, testPool(4))
			require.Equal(t, c.v4[i], words(onRow(sqlstore.IPv4, &it, c.row)), "%s of %s", op, c.name)
			want := c.v4[i]
			if c.v6 != nil && c.v6[i] != "" {
				want = c.v6[i]
			}
			require.Equal(t, want, words(onRow(sqlstore.IPv6, &it, c.row)), "v6 %s of %s", op, c.name)
		}
	}
	for _, state := range []sqlstore.State{sqlstore.Expired, sqlstore.Released, sqlstore.Reserved} {
		it := testItem(sqlstore.OpOffer, 1, "", testPool(4))
		require.Equal(t, "hold by rev", words(onRow(sqlstore.IPv4, &it, row(state, inPool, gone))), state)
		it.Op, it.Want = sqlstore.OpRenew, netip.MustParseAddr(inPool)
		require.Equal(t, "activate by rev", words(onRow(sqlstore.IPv4, &it, row(state, inPool, gone))), state)
	}
}

func TestOnNone(t *testing.T) {
	for _, c := range []struct {
		want   string
		v4, v6 []string
	}{
		{
			inPool,
			[]string{"insert any", "insert any", "insert that", "no-binding", "insert that", "insert that", "no-binding", "no-binding", "unchanged"},
			[]string{"insert any", "insert any", "insert any", "no-binding", "insert that", "insert that", "no-binding", "no-binding", "unchanged"},
		},
		{
			foreign,
			[]string{"insert any", "insert any", "wrong-address", "no-binding", "wrong-address", "wrong-address", "no-binding", "no-binding", "unchanged"},
			[]string{"insert any", "insert any", "insert any", "no-binding", "no-binding", "no-binding", "no-binding", "no-binding", "unchanged"},
		},
	} {
		for i, op := range allOps {
			it := testItem(op, 1, c.want, testPool(4))
			require.Equal(t, c.v4[i], words(onNone(sqlstore.IPv4, &it)), "%s of %s", op, c.want)
			require.Equal(t, c.v6[i], words(onNone(sqlstore.IPv6, &it)), "v6 %s of %s", op, c.want)
		}
	}
}

func TestOnTakenAndParked(t *testing.T) {
	require.Equal(t, "wrong-address", words(onTaken(sqlstore.IPv4)))
	require.Equal(t, "no-binding", words(onTaken(sqlstore.IPv6)))
	for _, op := range allOps[:6] {
		it := testItem(op, 1, inPool, testPool(4))
		want := "wrong-address"
		if op == sqlstore.OpOffer || op == sqlstore.OpAssign {
			want = "insert any"
		}
		require.Equal(t, want, words(onParked(sqlstore.IPv4, &it)), op)
		require.Equal(t, "insert any", words(onParked(sqlstore.IPv6, &it)), op)
	}
}

// A prefix of another length than its pool delegates now is not kept.
func TestPermitted(t *testing.T) {
	p := &sqlstore.Pool{
		ID: 1, Gen: 1, Kind: sqlstore.PD, First: netip.MustParseAddr("2001:db8::"), Last: netip.MustParseAddr("2001:db8:0:ff00::"), DelegatedLen: 56,
	}
	it := sqlstore.Item{Op: sqlstore.OpRenew, Kind: sqlstore.PD, Pools: sqlstore.NewPoolSet(p)}
	l := &sqlstore.Lease{Addr: netip.MustParseAddr("2001:db8:0:100::"), PrefixLen: 56}
	require.True(t, it.Keeps(l))
	l.PrefixLen = 60
	require.False(t, it.Keeps(l))
	l.PrefixLen, it.Kind = 56, sqlstore.NA
	require.False(t, it.Keeps(l), "a prefix is no address")
	it.Kind, it.Reserved = sqlstore.PD, netip.MustParseAddr("2001:db8:0:200::")
	require.False(t, it.Keeps(l), "another one is reserved for the client")
	l.Addr = it.Reserved
	require.True(t, it.Keeps(l))
	it.Reserved, l.Addr, l.PrefixLen = netip.MustParseAddr("2001:db8:1::"), netip.MustParseAddr("2001:db8:1::"), 48
	require.True(t, it.Keeps(l), "a reservation outside of all pools has its own length")
}
