package site_test

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"rowlock/admin/site"
	"rowlock/sqlstore"
)

// live counts the addresses of a list that are in the ranges.
type live struct {
	vrf   uint32
	addrs []string
	calls int
	err   error
}

func (l *live) CountLive(_ context.Context, pools []*sqlstore.Pool) ([]int64, error) {
	l.calls++
	out := make([]int64, len(pools))
	for i, p := range pools {
		for _, text := range l.addrs {
			if p.VRF == l.vrf && p.Contains(netip.MustParseAddr(text)) {
				out[i]++
			}
		}
	}
	return out, l.err
}

func TestPlanTellsWhatBecomesOfLiveLeases(t *testing.T) {
	four := []string{"192.0.2.10", "192.0.2.20", "192.0.2.30", "192.0.2.40"}
	six := []string{"2001:db8:8000::", "2001:db8:8000:100::", "2001:db8:8040::"}
	const pool = "subnets: [{subnet: 192.0.2.0/24, pools: [{pool: 192.0.2.10 - 192.0.2.49}]}]"
	const prefixes = "subnets: [{subnet: 2001:db8::/64, pd_pools: [{prefix: 2001:db8:8000::/40, delegated_len: 56}]}]"
	cases := []struct {
		name, old, next string
		vrf             uint32
		live            []string
		lines           []string
	}{
		{"nothing changes", pool, pool, 0, four, nil},
		{
			"removed subnet", pool, "{}", 0, four, []string{
				"- subnet 192.0.2.0/24", "- subnet 192.0.2.0/24 pool: 192.0.2.10-192.0.2.49",
				"    closes 192.0.2.10-192.0.2.49: 4 live leases run out",
			},
		},
		{
			"removed closing subnet inside its successor",
			"subnets: [{subnet: 192.0.2.0/24, closing: true, pools: [{pool: 192.0.2.15 - 192.0.2.45}]}, {subnet: 192.0.2.0/23, pools: [{pool: 192.0.2.20 - 192.0.2.35}]}]",
			"subnets: [{subnet: 192.0.2.0/23, pools: [{pool: 192.0.2.20 - 192.0.2.35}]}]", 0, four,
			[]string{
				"- subnet 192.0.2.0/24", "- subnet 192.0.2.0/24 closing: true",
				"- subnet 192.0.2.0/24 pool: 192.0.2.15-192.0.2.45",
				"    closes 192.0.2.36-192.0.2.45: 1 live lease runs out",
			},
		},
		{
			"removed pool that nobody uses", pool, "subnets: [{subnet: 192.0.2.0/24}]", 0, nil,
			[]string{"- subnet 192.0.2.0/24 pool: 192.0.2.10-192.0.2.49"},
		},
		{
			"shrunk at both ends", pool, "subnets: [{subnet: 192.0.2.0/24, pools: [{pool: 192.0.2.15 - 192.0.2.25}]}]", 0, four, []string{
				"~ subnet 192.0.2.0/24 pool: 192.0.2.10-192.0.2.49 -> 192.0.2.15-192.0.2.25",
				"    closes 192.0.2.10-192.0.2.14: 1 live lease runs out",
				"    closes 192.0.2.26-192.0.2.49: 2 live leases run out",
			},
		},
		{
			"shrunk by id", "subnets: [{subnet: 192.0.2.0/24, pools: [{pool: 192.0.2.10 - 192.0.2.49, id: 4}]}]",
			"subnets: [{subnet: 192.0.2.0/24, pools: [{pool: 192.0.2.10 - 192.0.2.35, id: 4}]}]", 0, four,
			[]string{
				"~ subnet 192.0.2.0/24 pool: 192.0.2.10-192.0.2.49 -> 192.0.2.10-192.0.2.35",
				"    closes 192.0.2.36-192.0.2.49: 1 live lease runs out",
			},
		},
		{
			"split and grown", pool, "subnets: [{subnet: 192.0.2.0/24, pools: [{pool: 192.0.2.30 - 192.0.2.99}, {pool: 192.0.2.1 - 192.0.2.29}]}]", 0, four,
			[]string{
				"~ subnet 192.0.2.0/24 pool: 192.0.2.10-192.0.2.49 -> 192.0.2.30-192.0.2.99",
				"+ subnet 192.0.2.0/24 pool: 192.0.2.1-192.0.2.29",
			},
		},
		{
			"hole", pool, "subnets: [{subnet: 192.0.2.0/24, pools: [{pool: 192.0.2.10 - 192.0.2.19}, {pool: 192.0.2.30 - 192.0.2.49}]}]", 0, four,
			[]string{
				"+ subnet 192.0.2.0/24 pool: 192.0.2.10-192.0.2.19",
				"~ subnet 192.0.2.0/24 pool: 192.0.2.10-192.0.2.49 -> 192.0.2.30-192.0.2.49",
				"    closes 192.0.2.20-192.0.2.29: 1 live lease runs out",
			},
		},
		{
			"closing pool", pool, "subnets: [{subnet: 192.0.2.0/24, pools: [{pool: 192.0.2.10 - 192.0.2.49, closing: true}]}]", 0, four, []string{
				"~ subnet 192.0.2.0/24 pool: 192.0.2.10-192.0.2.49 -> 192.0.2.10-192.0.2.49 closing",
				"    closes 192.0.2.10-192.0.2.49: 4 live leases run out",
			},
		},
		{
			"closing subnet", pool, "subnets: [{subnet: 192.0.2.0/24, closing: true, pools: [{pool: 192.0.2.10 - 192.0.2.49}]}]", 0, four, []string{
				"+ subnet 192.0.2.0/24 closing: true", "    closes 192.0.2.10-192.0.2.49: 4 live leases run out",
			},
		},
		{
			"closing pool stays as it is", "subnets: [{subnet: 192.0.2.0/24, pools: [{pool: 192.0.2.10 - 192.0.2.49, closing: true}]}]",
			"subnets: [{subnet: 192.0.2.0/24, comment: x, pools: [{pool: 192.0.2.10 - 192.0.2.49, closing: true}]}]", 0, four,
			[]string{`+ subnet 192.0.2.0/24 comment: "x"`},
		},
		{
			"closing pool goes", "subnets: [{subnet: 192.0.2.0/24, pools: [{pool: 192.0.2.10 - 192.0.2.49, closing: true}]}]",
			"subnets: [{subnet: 192.0.2.0/24}]", 0, four[:2],
			[]string{
				"- subnet 192.0.2.0/24 pool: 192.0.2.10-192.0.2.49 closing", "    closes 192.0.2.10-192.0.2.49: 2 live leases run out",
			},
		},
		{
			"into a shared network", pool,
			"shared_networks: [{name: north, subnets: [{subnet: 192.0.2.0/24, pools: [{pool: 192.0.2.10 - 192.0.2.39}]}]}]", 0, four,
			[]string{
				"+ shared_network north: vrf 0", "+ subnet 192.0.2.0/24 shared_network: north",
				"    moves 192.0.2.10-192.0.2.39: 3 live leases go with it",
				"~ subnet 192.0.2.0/24 pool: 192.0.2.10-192.0.2.49 -> 192.0.2.10-192.0.2.39",
				"    closes 192.0.2.40-192.0.2.49: 1 live lease runs out",
			},
		},
		{
			"pool to another subnet of its shared network",
			"shared_networks: [{name: north, subnets: [{subnet: 192.0.2.0/25, pools: [{pool: 192.0.2.10 - 192.0.2.49}]}, {subnet: 192.0.2.128/25}]}]",
			"shared_networks: [{name: north, subnets: [{subnet: 192.0.2.0/24, pools: [{pool: 192.0.2.10 - 192.0.2.49}]}]}]", 0, four,
			[]string{
				"- subnet 192.0.2.0/25", "- subnet 192.0.2.0/25 shared_network: north", "- subnet 192.0.2.0/25 pool: 192.0.2.10-192.0.2.49",
				"- subnet 192.0.2.128/25", "- subnet 192.0.2.128/25 shared_network: north",
				"+ subnet 192.0.2.0/24", "+ subnet 192.0.2.0/24 shared_network: north", "+ subnet 192.0.2.0/24 pool: 192.0.2.10-192.0.2.49",
			},
		},
		{
			"pool to another link", "subnets: [{subnet: 192.0.2.0/25, pools: [{pool: 192.0.2.10 - 192.0.2.49}]}]", pool, 0, four[:1], []string{
				"- subnet 192.0.2.0/25", "- subnet 192.0.2.0/25 pool: 192.0.2.10-192.0.2.49",
				"    closes 192.0.2.10-192.0.2.49: 1 live lease runs out",
				"+ subnet 192.0.2.0/24", "+ subnet 192.0.2.0/24 pool: 192.0.2.10-192.0.2.49",
			},
		},
		{
			"another vrf", "subnets: [{subnet: 192.0.2.0/24, id: 1, vrf: 3, pools: [{pool: 192.0.2.10 - 192.0.2.49, id: 1}]}]",
			"subnets: [{subnet: 192.0.2.0/24, id: 1, vrf: 4, pools: [{pool: 192.0.2.10 - 192.0.2.49, id: 1}]}]", 3, four,
			[]string{
				"~ subnet 192.0.2.0/24 vrf 3: 192.0.2.0/24 vrf 3 -> 192.0.2.0/24 vrf 4",
				"    closes 192.0.2.10-192.0.2.49: 4 live leases run out",
			},
		},
		{
			"another delegated length", prefixes, "subnets: [{subnet: 2001:db8::/64, pd_pools: [{prefix: 2001:db8:8000::/40, delegated_len: 60}]}]", 0, six[:2],
			[]string{
				"~ subnet 2001:db8::/64 pd_pool: 2001:db8:8000::/40 delegated_len 56 -> 2001:db8:8000::/40 delegated_len 60",
				"    closes 2001:db8:8000::/40: 2 live leases run out",
			},
		},
		{
			"half of the prefixes", prefixes, "subnets: [{subnet: 2001:db8::/64, pd_pools: [{prefix: 2001:db8:8000::/42, delegated_len: 56}]}]", 0, six,
			[]string{
				"~ subnet 2001:db8::/64 pd_pool: 2001:db8:8000::/40 delegated_len 56 -> 2001:db8:8000::/42 delegated_len 56",
				"    closes 2001:db8:8040::-2001:db8:80ff:ffff:ffff:ffff:ffff:ffff: 1 live lease runs out",
			},
		},
	}
	for _, tc := range cases {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			old, err := site.Parse("old.yaml", []byte(tc.old))
			require.NoError(t, err)
			next, err := site.Parse("new.yaml", []byte(tc.next))
			require.NoError(t, err)
			require.NoError(t, sqlstore.Assign(&sqlstore.Config{}, old, nil, sqlstore.UsedIDs{}))
			store := &live{vrf: tc.vrf, addrs: tc.live}
			changes, err := sqlstore.Plan(t.Context(), store, old, next)
			require.NoError(t, err)
			require.LessOrEqual(t, store.calls, 1)
			var lines []string
			for _, c := range changes {
				lines = append(lines, c.String())
				for _, e := range c.Effects {
					lines = append(lines, "    "+e.String())
				}
			}
			require.Equal(t, tc.lines, lines)
		})
	}
}

func TestPlanOfAStoreThatDoesNotAnswer(t *testing.T) {
	c, err := site.Parse("site.yaml", []byte("subnets: [{subnet: 192.0.2.0/24, pools: [{pool: 192.0.2.8/29}]}]"))
	require.NoError(t, err)
	away := errors.New("away")
	_, err = sqlstore.Plan(t.Context(), &live{err: away}, c, nil)
	require.ErrorIs(t, err, away)
	_, err = sqlstore.Plan(t.Context(), &live{err: away}, nil, c)
	require.NoError(t, err, "nothing is to be counted")
}

// All of the largest networks may change at once.
func TestPlanTenThousandSubnets(t *testing.T) {
	network := func(last int) *sqlstore.Config {
		c := &sqlstore.Config{}
		for i := range 10000 {
			prefix := netip.MustParsePrefix(fmt.Sprintf("10.%d.%d.0/24", i/256, i%256))
			c.Links = append(c.Links, &sqlstore.Link{Subnets: []*sqlstore.Subnet{{Prefix: prefix, Pools: []*sqlstore.Pool{{
				Kind: sqlstore.NA, DelegatedLen: 32, First: prefix.Addr().Next(), Last: netip.MustParseAddr(fmt.Sprintf("10.%d.%d.%d", i/256, i%256, last)),
			}}}}})
		}
		return c
	}
	old, next := network(250), network(240)
	require.NoError(t, sqlstore.Assign(&sqlstore.Config{}, old, nil, sqlstore.UsedIDs{}))
	start := time.Now()
	changes, err := sqlstore.Plan(t.Context(), &live{addrs: []string{"10.1.1.241"}}, old, next)
	require.NoError(t, err)
	t.Log(time.Since(start))
	require.Len(t, changes, 10000)
	require.Less(t, time.Since(start), 10*time.Second)
	var effects int
	for _, c := range changes {
		effects += len(c.Effects)
	}
	require.Equal(t, 1, effects)
}
