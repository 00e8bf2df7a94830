package admin

import (
	"net/http"
	"testing"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/stretchr/testify/require"

	"rowlock/sqlstore"
	"rowlock/sqlstore/storetest"
)

// Everything works on every engine, for a database user who may do no more than
// the role admin.
func TestEveryEngine(t *testing.T) {
	for _, dialect := range storetest.Dialects {
		t.Run(dialect, func(t *testing.T) {
			t.Parallel()
			owner := storetest.Migrated(t, dialect)
			b := &bench{
				store: storetest.Open(t, owner), registry: prometheus.NewRegistry(), logged: &logBuffer{},
				client: &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }},
			}
			user := storetest.Open(t, storetest.Login(t, owner, sqlstore.RoleAdmin))
			b.start(t, user)
			b.Server.names = user
			var err error
			b.token, _, err = AddToken(t.Context(), user, "tester", 0)
			require.NoError(t, err)

			b.apply(t, site1+`
tsig_keys: [{name: one.example.org, secret: "Z3Vlc3MgbWUgYW5kIHlvdSBhcmUgaW4="}]
dns_zones: [{name: example.org, servers: [{address: 192.0.2.53, tsig_key: one.example.org}]}]
`)
			b.lease(t, 0, 1, "192.0.2.10", 1, "host.example.org")
			require.NoError(t, b.store.MarkNames(t.Context(), []sqlstore.NameMark{{Name: "host.example.org", Zone: "example.org"}}))
			for _, op := range operations(t) {
				if op.method == http.MethodGet {
					path := op.path
					if path == "/v1/leases/192.0.2.10" {
						path += "?vrf=0"
					}
					b.get(t, path, nil)
				}
			}
			require.Len(t, follow(t, b, "/v1/leases", "leases"), 1)
			require.Len(t, follow(t, b, "/v1/dns/names", "names"), 1)
			a := b.do(t, http.MethodPost, "/v1/dns/names/host.example.org/retry", "")
			require.Equal(t, http.StatusAccepted, a.status, a.body)
			a = b.do(t, http.MethodDelete, "/v1/leases/192.0.2.10", "")
			require.Equal(t, http.StatusOK, a.status, a.body)
			page := b.visit(t, "/", b.login(t))
			require.Equal(t, http.StatusOK, page.status)
			require.NotContains(t, page.body, `class="alert"`)
			a = b.do(t, http.MethodPost, "/v1/tokens", `{"name": "x"}`)
			require.Equal(t, http.StatusCreated, a.status, a.body)
			var made struct{ ID string }
			a.json(t, &made)
			require.Equal(t, http.StatusNoContent, b.do(t, http.MethodDelete, "/v1/tokens/"+made.ID, "").status)
			require.NotContains(t, b.logged.String(), "level=ERROR")
			require.NotContains(t, b.logged.String(), "level=WARN")
		})
	}
}
