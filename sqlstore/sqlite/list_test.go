package sqlite

import (
	"net/netip"
	"testing"

	"github.com/stretchr/testify/require"

	"rowlock/sqlstore"
)

func TestLeasesInOrderAndByPage(t *testing.T) {
	x := newFixture(t)
	for n := 1; n <= 5; n++ {
		for vrf := range uint32(2) {
			in, in6 := offer4(n+10*int(vrf)), offer6(n+10*int(vrf))
			in.VRF, in6.VRF, in.Addr, in6.Addr = vrf, vrf, addr4(n), addr6(n)
			require.Equal(t, sqlstore.Inserted, x.insert(in).Status)
			require.Equal(t, sqlstore.Inserted, x.insert(in6).Status)
		}
	}
	for _, family := range []sqlstore.Family{0, sqlstore.IPv4, sqlstore.IPv6} {
		want, err := x.Leases(t.Context(), sqlstore.LeaseFilter{Family: family})
		require.NoError(t, err)
		require.Len(t, want, map[sqlstore.Family]int{0: 20, sqlstore.IPv4: 10, sqlstore.IPv6: 10}[family])
		var got []sqlstore.Lease
		f := sqlstore.LeaseFilter{Family: family, Limit: 3}
		for {
			page, err := x.Leases(t.Context(), f)
			require.NoError(t, err)
			if len(page) == 0 {
				break
			}
			got = append(got, page...)
			f.AfterVRF, f.AfterAddr = page[len(page)-1].VRF, page[len(page)-1].Addr
		}
		require.Len(t, got, len(want))
		for i := range got {
			require.Equal(t, want[i].Key, got[i].Key)
			if i > 0 {
				p, l := got[i-1], got[i]
				require.True(t, p.VRF < l.VRF || p.VRF == l.VRF && p.Addr.Less(l.Addr))
			}
		}
	}
}

func TestLeasesFilters(t *testing.T) {
	x := newFixture(t)
	x.holds(offer4(1), "active")
	x.holds(offer4(2), "run out")
	x.holds(offer4(3), "expired")
	x.holds(offer6(4), "active")
	vrf := offer4(5)
	vrf.VRF, vrf.Addr, vrf.SubnetID = 7, addr4(1), 9
	x.holds(vrf, "parked")
	for name, c := range map[string]struct {
		f    sqlstore.LeaseFilter
		want []sqlstore.Key
	}{
		"active":             {sqlstore.LeaseFilter{State: sqlstore.Active}, []sqlstore.Key{key4(1), key6(4)}},
		"expired, by time":   {sqlstore.LeaseFilter{State: sqlstore.Expired}, []sqlstore.Key{key4(2), key4(3)}},
		"subnet":             {sqlstore.LeaseFilter{SubnetID: 2}, []sqlstore.Key{key6(4)}},
		"address":            {sqlstore.LeaseFilter{Addr: addr4(1)}, []sqlstore.Key{key4(1), key4(5)}},
		"address and subnet": {sqlstore.LeaseFilter{Addr: addr4(1), SubnetID: 9}, []sqlstore.Key{key4(5)}},
		"address and state":  {sqlstore.LeaseFilter{Addr: addr4(2), State: sqlstore.Expired}, []sqlstore.Key{key4(2)}},
		"hardware address":   {sqlstore.LeaseFilter{HWAddr: client(4).HWAddr}, []sqlstore.Key{key6(4)}},
		"both":               {sqlstore.LeaseFilter{HWAddr: client(4).HWAddr, Addr: addr4(1)}, nil},
		"after":              {sqlstore.LeaseFilter{Addr: addr4(1), AfterAddr: addr4(1)}, []sqlstore.Key{key4(5)}},
		"limit":              {sqlstore.LeaseFilter{Addr: addr4(1), Limit: 1}, []sqlstore.Key{key4(1)}},
		"no such":            {sqlstore.LeaseFilter{Addr: netip.MustParseAddr("192.0.2.77")}, nil},
	} {
		list, err := x.Leases(t.Context(), c.f)
		require.NoError(t, err)
		var got []sqlstore.Key
		for _, l := range list {
			got = append(got, l.Key)
		}
		require.Equal(t, c.want, got, name)
	}
	counts, err := x.CountLeases(t.Context(), sqlstore.IPv4)
	require.NoError(t, err)
	require.Equal(t, map[uint32]map[sqlstore.State]int64{1: {sqlstore.Active: 1, sqlstore.Expired: 2}, 9: {sqlstore.Parked: 1}}, counts)
	counts, err = x.CountLeases(t.Context(), 0)
	require.NoError(t, err)
	require.Len(t, counts, 3)
}

func TestViews(t *testing.T) {
	x := newFixture(t)
	x.put(site())
	pd := offer6(2)
	pd.Addr, pd.PrefixLen, pd.PoolID = netip.MustParseAddr("2001:db8:8000:1200::"), 56, 3
	pd.Client.RelayAddr = netip.Addr{}
	x.holds(offer4(250), "active")
	x.holds(pd, "active")
	in := offer4(3)
	x.holds(in, "active")
	x.update(sqlstore.Update{Family: sqlstore.IPv4, Action: sqlstore.Release, Key: in.Key, Addr: in.Addr})
	text := func(query string, args ...any) (s string) {
		t.Helper()
		require.NoError(t, x.db.QueryRow(query, args...).Scan(&s))
		return s
	}
	require.Equal(t, "198.51.100.250", text("SELECT address FROM lease_active WHERE family = 4"))
	require.Equal(t, "192.0.2.1", text("SELECT relay_addr FROM lease_active WHERE family = 4"))
	require.Equal(t, "0200000000fa", text("SELECT hwaddr FROM lease_active WHERE family = 4"))
	require.Equal(t, "2001:0db8:8000:1200:0000:0000:0000:0000/56", text("SELECT address FROM lease_active WHERE family = 6"))
	require.Equal(t, int64(1), x.number("SELECT relay_addr IS NULL FROM lease_active WHERE family = 6"))
	require.Regexp(t, `^20\d\d-\d\d-\d\dT\d\d:\d\d:\d\d\.\d\d\dZ$`, text("SELECT since FROM lease_active"))
	require.Equal(t, "released", text("SELECT ended_by FROM address_holder WHERE ended_by IS NOT NULL AND address = '198.51.100.3'"))
	require.Equal(t, int64(3), x.number("SELECT count(*) FROM address_holder"))
	require.Equal(t, int64(1), x.number("SELECT active FROM pool_usage WHERE pool_id = 1"))
	require.Equal(t, int64(1), x.number("SELECT ended FROM pool_usage WHERE pool_id = 1"))
	require.Equal(t, int64(1), x.number("SELECT active FROM subnet_usage WHERE prefix = '2001:db8:1::/64'"))
	x.frontend("a")
	require.Equal(t, int64(1), x.number("SELECT alive FROM frontend_health WHERE heartbeat_age < 5 AND newest_revision = 1"))
	x.update(sqlstore.Update{Family: sqlstore.IPv4, Action: sqlstore.Activate, Key: key4(250), Addr: addr4(250), ValidLft: sqlstore.Infinite})
	require.Equal(t, "9000-01-01T00:00:00.000Z", text("SELECT expires_at FROM lease_active WHERE family = 4"))
}
