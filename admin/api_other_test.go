package admin

import (
	"fmt"
	"net/http"
	"net/netip"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"rowlock/sqlstore"
)

func TestSubnets(t *testing.T) {
	b := newBench(t)
	require.JSONEq(t, `{"subnets": []}`, b.get(t, "/v1/subnets", nil).body)
	b.apply(t, site1)
	for i := range 4 {
		b.lease(t, 0, 1, fmt.Sprintf("192.0.2.%d", 10+i), i, "")
	}
	require.Equal(t, http.StatusOK, b.do(t, http.MethodDelete, "/v1/leases/192.0.2.13", "").status)
	b.lease(t, 0, 3, "2001:db8:1::1000", 10, "")
	b.usage.at = time.Time{} // as if the last look was long ago
	require.Len(t, follow(t, b, "/v1/subnets?limit=1", "subnets"), 4)
	require.Len(t, follow(t, b, "/v1/subnets?limit=4", "subnets"), 4)
	var n subnetView
	b.get(t, "/v1/subnets/1", &n)
	require.Equal(t, "192.0.2.0/24", n.Subnet)
	require.Equal(t, "campus", n.SharedNetwork)
	require.Equal(t, []string{"198.51.100.1"}, n.Relay)
	require.EqualValues(t, 10, n.Usage.Size)
	require.EqualValues(t, 3, n.Usage.Active)
	require.EqualValues(t, 1, n.Usage.Ended)
	require.InDelta(t, 0.3, *n.Usage.Utilisation, 1e-9, "who is released can be replaced")
	b.get(t, "/v1/subnets/2", &n)
	require.Nil(t, n.Usage.Utilisation, "no pool")
	require.Empty(t, n.Pools)
	b.get(t, "/v1/subnets/3", &n)
	require.Nil(t, n.Usage.Utilisation, "addresses and prefixes are not added")
	require.Equal(t, uint8(56), n.Pools[1].DelegatedLen)
	require.EqualValues(t, 0x1000+1<<16, n.Usage.Size)
	b.get(t, "/v1/subnets/4", &n)
	require.EqualValues(t, 7, n.VRF)
	require.Zero(t, *n.Usage.Utilisation)
}

// The largest pools do not wrap around.
func TestUsageOfHugePools(t *testing.T) {
	n := &sqlstore.Subnet{Prefix: netip.MustParsePrefix("2001:db8::/32")}
	for i := range 6 {
		p := netip.PrefixFrom(netip.MustParseAddr(fmt.Sprintf("2001:db8:%d::", i)), 48)
		n.Pools = append(n.Pools, &sqlstore.Pool{Kind: sqlstore.NA, First: p.Addr(), Last: netip.MustParseAddr(fmt.Sprintf("2001:db8:%d:ffff:ffff:ffff:ffff:ffff", i)), DelegatedLen: 128})
	}
	u := usageOf(n, map[sqlstore.State]int64{sqlstore.Active: 5})
	require.Equal(t, ^uint64(0), u.Size)
	require.InDelta(t, 0, *u.Utilisation, 1e-9)
}

func TestFrontends(t *testing.T) {
	b := newBench(t)
	require.JSONEq(t, `{"revision": 0, "frontends": []}`, b.get(t, "/v1/frontends", nil).body)
	b.apply(t, site1)
	b.apply(t, "{}")
	f := sqlstore.FrontendInfo{ID: "fe1", Host: "dhcp1.example.org", Version: "1.0", Roles: []string{"dhcp4"}, Addrs: []netip.Addr{netip.MustParseAddr("192.0.2.1")}}
	var err error
	f.Incarnation, err = b.store.Register(t.Context(), f)
	require.NoError(t, err)
	f.Revision = 1
	_, _, err = b.store.Heartbeat(t.Context(), f)
	require.NoError(t, err)
	b.members.at = time.Time{}
	var out struct {
		Revision  int64
		Frontends []member
	}
	b.get(t, "/v1/frontends", &out)
	require.EqualValues(t, 2, out.Revision)
	require.Len(t, out.Frontends, 1)
	require.Equal(t, "alive", out.Frontends[0].Health)
	require.EqualValues(t, 1, out.Frontends[0].Behind)
	require.Equal(t, []string{"192.0.2.1"}, out.Frontends[0].Addrs)
	for age, health := range map[time.Duration]string{time.Second: "alive", 6 * time.Second: "dead"} {
		m := viewMember(&sqlstore.FrontendInfo{Age: age}, 0, time.Now())
		require.Equal(t, health, m.Health)
	}
	drains := viewMember(&sqlstore.FrontendInfo{Draining: true, Revision: 5}, 3, time.Now())
	require.Equal(t, "draining", drains.Health)
	require.Zero(t, drains.Behind)
}

func TestNames(t *testing.T) {
	b := newBench(t)
	require.JSONEq(t, `{"zones": []}`, b.get(t, "/v1/dns/queue", nil).body)
	b.names.queue = []sqlstore.ZoneQueue{{Zone: "example.org", Pending: 3, Oldest: 90 * time.Second, Conflicts: 1}}
	for i := range 5 {
		b.names.rows = append(b.names.rows, sqlstore.DNSName{
			Name: fmt.Sprintf("host%d.example.org", i), Zone: "example.org", State: sqlstore.NameState(i + 1), Published: "600 A 192.0.2.1\n600 DHCID AAIB", LastError: "<refused>",
		})
	}
	b.queue.at = time.Time{}
	require.JSONEq(t, `{"zones": [{"zone": "example.org", "pending": 3, "oldest": 90, "conflicts": 1, "failed": 0}]}`, b.get(t, "/v1/dns/queue", nil).body)
	require.Len(t, follow(t, b, "/v1/dns/names?limit=2", "names"), 5)
	require.Len(t, follow(t, b, "/v1/dns/names?state=no+zone", "names"), 1)
	var page struct{ Names []nameView }
	b.get(t, "/v1/dns/names?name=HOST1.example.org.", &page)
	require.Len(t, page.Names, 1)
	require.Equal(t, "published", page.Names[0].State)
	require.Equal(t, []string{"600 A 192.0.2.1", "600 DHCID AAIB"}, page.Names[0].Published)
	require.Nil(t, page.Names[0].DueAt)

	a := b.do(t, http.MethodPost, "/v1/dns/names/Host2.example.org./retry", "")
	require.Equal(t, http.StatusAccepted, a.status, a.body)
	require.Equal(t, []string{"host2.example.org"}, b.names.retried)

	b.Server.names = nil
	for _, path := range []string{"/v1/dns/queue", "/v1/dns/names"} {
		requireProblem(t, b.do(t, http.MethodGet, path, ""), http.StatusNotImplemented, "not-implemented")
	}
	requireProblem(t, b.do(t, http.MethodPost, "/v1/dns/names/x/retry", ""), http.StatusNotImplemented, "not-implemented")
}

func TestTokens(t *testing.T) {
	b := newBench(t)
	a := b.do(t, http.MethodPost, "/v1/tokens", `{"name": "billing"}`)
	require.Equal(t, http.StatusCreated, a.status, a.body)
	var made struct{ ID, Name, Token string }
	a.json(t, &made)
	require.True(t, looksLikeToken(made.Token))
	require.Equal(t, "billing", made.Name)
	other := "Bearer " + made.Token
	var list struct{ Tokens []tokenView }
	a = b.do(t, http.MethodGet, "/v1/tokens", "", "Authorization", other)
	a.json(t, &list)
	require.Len(t, list.Tokens, 2)
	require.Equal(t, "tester", list.Tokens[0].Name)
	require.Nil(t, list.Tokens[1].Expires)
	require.NotContains(t, a.body, made.Token)

	// what was begun with a token ends with it
	session := b.loginWith(t, made.Token)
	require.Equal(t, http.StatusOK, b.do(t, http.MethodGet, "/v1/leases", "", "Authorization", "", "Cookie", cookieName+"="+session).status)
	a = b.do(t, http.MethodDelete, "/v1/tokens/"+made.ID, "")
	require.Equal(t, http.StatusNoContent, a.status)
	require.Empty(t, a.body)
	requireProblem(t, b.do(t, http.MethodGet, "/v1/leases", "", "Authorization", other), http.StatusUnauthorized, "unauthorized")
	requireProblem(t, b.do(t, http.MethodGet, "/v1/leases", "", "Authorization", "", "Cookie", cookieName+"="+session), http.StatusUnauthorized, "unauthorized")
	b.get(t, "/v1/tokens", &list)
	require.Len(t, list.Tokens, 1)

	a = b.do(t, http.MethodPost, "/v1/tokens", `{"name": "short", "expires_in": 3600}`)
	require.Equal(t, http.StatusCreated, a.status)
	b.get(t, "/v1/tokens", &list)
	require.InDelta(t, 3600, time.Until(*list.Tokens[1].Expires).Seconds(), 30)
	require.NotContains(t, b.logged.String(), made.Token)
}
