package admin

import (
	"encoding/json"
	"fmt"
	"net/http"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestListLeases(t *testing.T) {
	b := newBench(t)
	b.apply(t, site1)
	var page struct{ Leases []LeaseView }
	a := b.get(t, "/v1/leases", &page)
	require.JSONEq(t, `{"leases": []}`, a.body)
	for i := range 7 {
		b.lease(t, 0, 1, fmt.Sprintf("192.0.2.%d", 10+i), i, fmt.Sprintf("host-%d.example.org", i))
	}
	b.lease(t, 7, 4, "192.0.2.10", 100, "")
	for i := range 3 {
		b.lease(t, 0, 3, fmt.Sprintf("2001:db8:1::10%02d", i), 200+i, "")
	}
	order := func(items []json.RawMessage) (out []string) {
		for _, item := range items {
			var l LeaseView
			require.NoError(t, json.Unmarshal(item, &l))
			out = append(out, fmt.Sprintf("%d %s", l.VRF, l.Addr))
		}
		return out
	}
	want := []string{
		"0 192.0.2.10", "0 192.0.2.11", "0 192.0.2.12", "0 192.0.2.13", "0 192.0.2.14", "0 192.0.2.15", "0 192.0.2.16", "7 192.0.2.10",
		"0 2001:db8:1::1000", "0 2001:db8:1::1001", "0 2001:db8:1::1002",
	}
	for limit := range 12 { // every place where a page may end
		require.Equal(t, want, order(follow(t, b, fmt.Sprintf("/v1/leases?limit=%d", limit+1), "leases")))
	}
	require.Equal(t, want[8:], order(follow(t, b, "/v1/leases?family=v6&limit=2", "leases")))
	require.Equal(t, want[7:8], order(follow(t, b, "/v1/leases?subnet_id=4&limit=1", "leases")))
	require.Equal(t, []string{want[0], want[7]}, order(follow(t, b, "/v1/leases?addr=192.0.2.10&limit=1", "leases")))
	require.Equal(t, want[9:10], order(follow(t, b, "/v1/leases?addr=2001:DB8:1::1001", "leases")))
	require.Equal(t, want[3:4], order(follow(t, b, "/v1/leases?hwaddr=00:00:5e:00:53:03", "leases")))
	require.Len(t, follow(t, b, "/v1/leases?state=active&limit=3", "leases"), 11)
	require.Empty(t, follow(t, b, "/v1/leases?state=declined&limit=3", "leases"))
}

func TestGetAndReleaseLease(t *testing.T) {
	b := newBench(t)
	b.apply(t, site1)
	b.lease(t, 0, 1, "192.0.2.10", 1, "host.example.org")
	b.lease(t, 7, 4, "192.0.2.10", 1, "")
	b.lease(t, 0, 3, "2001:db8:1::1000", 2, "")

	requireProblem(t, b.do(t, http.MethodGet, "/v1/leases/192.0.2.10", ""), http.StatusConflict, "conflict")
	requireProblem(t, b.do(t, http.MethodGet, "/v1/leases/192.0.2.10?vrf=8", ""), http.StatusNotFound, "not-found")
	var l LeaseView
	b.get(t, "/v1/leases/192.0.2.10?vrf=0", &l)
	require.Equal(t, "host.example.org", l.Hostname)
	require.Equal(t, "00:00:5e:00:53:01", l.HWAddr)
	require.Equal(t, "636c69656e7431", l.ClientID)
	require.Equal(t, "active", l.State)
	require.InDelta(t, 3600, l.Remaining, 30)
	require.Nil(t, l.IAID)
	b.get(t, "/v1/leases/2001:db8:1:0::1000", &l)
	require.Equal(t, "v6", l.Family)
	require.Equal(t, "636c69656e7432", l.DUID)
	require.EqualValues(t, 1, *l.IAID)

	a := b.do(t, http.MethodDelete, "/v1/leases/192.0.2.10?vrf=0", "")
	require.Equal(t, http.StatusOK, a.status, a.body)
	a.json(t, &l)
	require.Equal(t, "released", l.State)
	requireProblem(t, b.do(t, http.MethodDelete, "/v1/leases/192.0.2.10?vrf=0", ""), http.StatusConflict, "conflict")
	b.get(t, "/v1/leases/192.0.2.10?vrf=7", &l)
	require.Equal(t, "active", l.State, "the one of the other plan")
	require.Contains(t, b.logged.String(), "event=admin.lease_released addr=192.0.2.10 by=tester")
}

// What a client calls itself is text to everybody.
func TestHostnameIsEscaped(t *testing.T) {
	b := newBench(t)
	b.apply(t, site1)
	const evil = `<script>alert(1)</script>&"'`
	b.lease(t, 0, 1, "192.0.2.10", 1, evil)
	var page struct{ Leases []LeaseView }
	a := b.get(t, "/v1/leases", &page)
	require.Equal(t, evil, page.Leases[0].Hostname)
	require.NotContains(t, a.body, "<")
	require.NotContains(t, a.body, "&\\\"")
	page1 := b.do(t, http.MethodGet, "/", "", "Authorization", "", "Cookie", cookieName+"="+b.login(t))
	require.Equal(t, http.StatusOK, page1.status)
	require.Contains(t, page1.body, "192.0.2.10")
	require.NotContains(t, page1.body, "<script>alert")
	require.Contains(t, page1.body, "&lt;script&gt;alert(1)")
}
