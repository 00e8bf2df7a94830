package frontend

import (
	"fmt"
	"maps"
	"net/netip"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"rowlock/sqlstore"
)

// randomLink is a link with everything that compiling looks at; n places its
// subnets.
func randomLink(r *rapid.T, id uint32, n int) *sqlstore.Link {
	l := &sqlstore.Link{
		ID: id, VRF: rapid.SampledFrom([]uint32{0, 7}).Draw(r, "vrf"), Parameters: randomParameters(r), Options: randomOptions(r, "routers"),
	}
	count := rapid.IntRange(1, 3).Draw(r, "subnets")
	if count > 1 || len(l.Options) > 0 { // one without a name has options of its subnet's family
		l.Name = fmt.Sprint("link", id)
	}
	for i := range count {
		sub := &sqlstore.Subnet{
			ID: id*10 + uint32(i), LinkID: id, Parameters: randomParameters(r), Options: randomOptions(r, "domain-name"),
			Closing: rapid.IntRange(0, 5).Draw(r, "closing") == 0, PreviousLinkID: uint32(rapid.IntRange(0, 3).Draw(r, "previous")),
		}
		kind, length, first := sqlstore.NA, uint8(32), fmt.Sprintf("10.%d.%d.", n, i)
		sub.Prefix = netip.MustParsePrefix(first + "0/24")
		if rapid.Bool().Draw(r, "v6") {
			length, first = 128, fmt.Sprintf("2001:db8:%x:%x::", n, i)
			sub.Prefix, sub.Options = netip.MustParsePrefix(first+"/64"), nil
		}
		if rapid.Bool().Draw(r, "relay") {
			sub.Relays = []netip.Addr{netip.MustParseAddr(first + "254")}
		}
		for p := range rapid.IntRange(0, 2).Draw(r, "pools") {
			a := netip.MustParseAddr(fmt.Sprint(first, p+1))
			sub.Pools = append(sub.Pools, &sqlstore.Pool{
				ID: sub.ID*10 + uint32(p), Gen: 1, SubnetID: sub.ID, LinkID: id, VRF: l.VRF, Kind: kind, First: a, Last: a, DelegatedLen: length,
				Waiting: rapid.IntRange(0, 3).Draw(r, "waiting") == 0, Closing: rapid.IntRange(0, 3).Draw(r, "pool closing") == 0,
			})
		}
		l.Subnets = append(l.Subnets, sub)
	}
	return l
}

func randomParameters(r *rapid.T) sqlstore.Parameters {
	p := sqlstore.Parameters{}
	for name, value := range map[string]string{
		"valid_lifetime": "600", "ddns_send_updates": "true", "ddns_qualifying_suffix": "dyn.example.org", "authoritative": "false",
	} {
		if rapid.IntRange(0, 3).Draw(r, name) == 0 {
			p[name] = value
		}
	}
	return p
}

func randomOptions(r *rapid.T, name string) []sqlstore.OptionData {
	if !rapid.Bool().Draw(r, "option") {
		return nil
	}
	return []sqlstore.OptionData{{Family: sqlstore.IPv4, Name: name, Data: "192.0.2.1"}}
}

func zoneOf(name string) sqlstore.DNSZone {
	return sqlstore.DNSZone{Name: name, Servers: []sqlstore.DNSServer{{Addr: netip.MustParseAddrPort("192.0.2.53:53"), Transport: "udp"}}}
}

// TestIncrementalIsFull edits a configuration at random; what is compiled from
// the snapshot before is what is compiled anew.
func TestIncrementalIsFull(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(r *rapid.T) {
		c := &sqlstore.Config{Revision: 1, ServerDUID: []byte{0, 1, 2, 3}, Parameters: sqlstore.Parameters{}}
		var snap *snapshot
		for step := range rapid.IntRange(1, 8).Draw(r, "steps") {
			next := *c
			next.Revision++
			next.Links = slices.Clone(c.Links)
			n := step + 1
			switch rapid.SampledFrom([]string{"add", "add", "change", "remove", "global", "vrf", "option", "zone"}).Draw(r, "edit") {
			case "add":
				next.Links = append(next.Links, randomLink(r, uint32(n), n))
			case "change":
				if len(c.Links) > 0 {
					i := rapid.IntRange(0, len(c.Links)-1).Draw(r, "which")
					next.Links[i] = randomLink(r, c.Links[i].ID, int(c.Links[i].ID))
				}
			case "remove":
				if len(c.Links) > 0 {
					i := rapid.IntRange(0, len(c.Links)-1).Draw(r, "which")
					next.Links = slices.Delete(next.Links, i, i+1)
				}
			case "global":
				next.Parameters = maps.Clone(c.Parameters)
				next.Parameters["renew_timer"] = fmt.Sprint(n)
			case "vrf":
				next.VRFs = []sqlstore.VRF{{ID: 7, Interfaces: []string{fmt.Sprint("eth", n)}}}
			case "option":
				next.Options = randomOptions(r, "log-servers")
			case "zone":
				next.Zones = []sqlstore.DNSZone{zoneOf(fmt.Sprintf("zone%d.example.org", n))}
			}
			full, err := compile(&next, nil)
			require.NoError(r, err)
			quick, err := compile(&next, snap)
			require.NoError(r, err)
			require.Equal(r, full, quick)
			c, snap = &next, quick
		}
	})
}

// Only what changed is compiled again; a change of something global is one of
// everything.
func TestUnchangedLinksAreShared(t *testing.T) {
	t.Parallel()
	c := manySubnets(3)
	c.Parameters, c.Revision = sqlstore.Parameters{}, 1
	before, err := compile(c, nil)
	require.NoError(t, err)
	next := *c
	changed := *c.Links[1]
	changed.Parameters = sqlstore.Parameters{"valid_lifetime": "77"}
	next.Links = []*sqlstore.Link{c.Links[0], &changed, c.Links[2]}
	next.VRFs = []sqlstore.VRF{{ID: 7, Interfaces: []string{"eth7"}}}
	after, err := compile(&next, before)
	require.NoError(t, err)
	require.Same(t, before.links[c.Links[0]][0], after.links[c.Links[0]][0])
	require.EqualValues(t, 77, after.links[&changed][0].settings.valid)
	require.NotContains(t, after.links, c.Links[1])
	for name, edit := range map[string]func(c *sqlstore.Config){
		"parameter": func(c *sqlstore.Config) { c.Parameters = sqlstore.Parameters{"valid_lifetime": "99"} },
		"option": func(c *sqlstore.Config) {
			c.Options = []sqlstore.OptionData{{Family: sqlstore.IPv4, Name: "routers", Data: "192.0.2.1"}}
		},
		"zone": func(c *sqlstore.Config) { c.Zones = []sqlstore.DNSZone{zoneOf("example.org")} },
	} {
		other := next
		edit(&other)
		snap, err := compile(&other, after)
		require.NoError(t, err)
		require.NotSame(t, after.links[c.Links[0]][0], snap.links[c.Links[0]][0], name)
	}
}

// A shared network of very many subnets costs as much as that many of its own.
func TestLargeSharedNetwork(t *testing.T) {
	t.Parallel()
	c := manySubnets(5000)
	floor := &sqlstore.Link{ID: 1, Name: "floor"}
	for i, l := range c.Links {
		a := l.Subnets[0].Prefix.Addr().Next()
		l.Subnets[0].LinkID = 1
		l.Subnets[0].Pools = []*sqlstore.Pool{{ID: uint32(i + 1), Gen: 1, SubnetID: l.Subnets[0].ID, LinkID: 1, Kind: sqlstore.NA, First: a, Last: a, DelegatedLen: 32}}
		floor.Subnets = append(floor.Subnets, l.Subnets[0])
	}
	c.Links = []*sqlstore.Link{floor}
	snap, err := compile(c, nil)
	require.NoError(t, err)
	n := snap.index.select4(&origin4{giaddr: netip.MustParseAddr("10.3.4.1")}, nil)
	order := slices.Collect(n.pools.Open)
	require.Len(t, order, 5000)
	require.Same(t, n.subnet.Pools[0], order[0])
	require.Same(t, n.pools.All()[0], snap.links[floor][0].pools.All()[0], "the pools are there once for all subnets")
	require.Same(t, &n.pools.All()[0], &snap.links[floor][0].pools.All()[0])
}
