package admin

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/stretchr/testify/require"

	"rowlock/sqlstore"
	"rowlock/sqlstore/storetest"
)

// bench is a server on a database of its own, spoken to through HTTP.
type bench struct {
	*Server
	store    sqlstore.Store
	names    *fakeNames
	registry *prometheus.Registry
	logged   *logBuffer
	url      string
	token    string
	client   *http.Client
}

// logBuffer is what was logged.
type logBuffer struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (l *logBuffer) Write(b []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(b)
}

func (l *logBuffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}

// site is the network of the tests.
const site1 = `
parameters: {valid_lifetime: 3600}
shared_networks:
  - name: campus
    subnets:
      - subnet: 192.0.2.0/24
        id: 1
        relay: [198.51.100.1]
        pools: [{pool: 192.0.2.10 - 192.0.2.19}]
subnets:
  - subnet: 198.51.100.0/24
    id: 2
  - subnet: 2001:db8:1::/64
    id: 3
    pools: [{pool: "2001:db8:1::1000 - 2001:db8:1::1fff"}]
    pd_pools: [{prefix: "2001:db8:8000::/40", delegated_len: 56}]
  - subnet: 192.0.2.0/25
    id: 4
    vrf: 7
    pools: [{pool: 192.0.2.10 - 192.0.2.19}]
`

func newBench(t *testing.T) *bench {
	t.Helper()
	b := &bench{
		store: storetest.Open(t, storetest.Migrated(t, "sqlite")), names: &fakeNames{}, registry: prometheus.NewRegistry(), logged: &logBuffer{},
		client: &http.Client{Timeout: time.Minute, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }},
	}
	b.start(t, b.store)
	text, _, err := AddToken(t.Context(), b.store, "tester", 0)
	require.NoError(t, err)
	b.token = text
	return b
}

// start serves from a store.
func (b *bench) start(t *testing.T, store Store) {
	t.Helper()
	var err error
	b.Server, err = New(Config{
		Store: store, Names: b.names, Logger: slog.New(slog.NewTextHandler(b.logged, &slog.HandlerOptions{Level: slog.LevelDebug})),
		Metrics: b.registry, Version: "test", Listen: "127.0.0.1:0",
	})
	require.NoError(t, err)
	web := httptest.NewServer(b.Server)
	t.Cleanup(web.Close)
	b.url = web.URL
	work, stop := context.WithCancel(context.Background())
	var wait sync.WaitGroup
	wait.Go(func() { b.rates.run(work) })
	t.Cleanup(func() { stop(); wait.Wait() })
}

// answer is what came back.
type answer struct {
	status int
	header http.Header
	body   string
}

func (a answer) json(t testing.TB, v any) {
	t.Helper()
	require.NoError(t, json.Unmarshal([]byte(a.body), v), a.body)
}

// do sends a request; header are names and values in turn. The token goes along
// unless there is an Authorization already.
func (b *bench) do(t testing.TB, method, path, body string, header ...string) answer {
	t.Helper()
	req, err := http.NewRequestWithContext(context.Background(), method, b.url+path, strings.NewReader(body))
	require.NoError(t, err)
	req.Header.Set("Authorization", "Bearer "+b.token)
	for i := 0; i < len(header); i += 2 {
		req.Header.Set(header[i], header[i+1])
		if header[i+1] == "" {
			req.Header.Del(header[i])
		}
	}
	res, err := b.client.Do(req)
	require.NoError(t, err)
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	require.NoError(t, err)
	return answer{res.StatusCode, res.Header, string(text)}
}

// get reads a resource into v and requires that there is one.
func (b *bench) get(t testing.TB, path string, v any) answer {
	t.Helper()
	a := b.do(t, http.MethodGet, path, "")
	require.Equal(t, http.StatusOK, a.status, a.body)
	if v != nil {
		a.json(t, v)
	}
	return a
}

// problemBody is a problem as it is answered.
type problemBody struct {
	Type, Title, Detail string
	Status              int
	Errors              []struct {
		Message, Location string
		Value             any
	}
}

// requireProblem checks the form of a problem and returns it.
func requireProblem(t testing.TB, a answer, status int, name string) problemBody {
	t.Helper()
	require.Equal(t, status, a.status, a.body)
	require.Equal(t, "application/problem+json", a.header.Get("Content-Type"), a.body)
	var p problemBody
	a.json(t, &p)
	require.Equal(t, problemPath+name, p.Type, a.body)
	require.Equal(t, kindOf(name, 0).title, p.Title)
	require.Equal(t, status, p.Status)
	return p
}

// apply makes the configuration what a document says.
func (b *bench) apply(t testing.TB, document string) int64 {
	t.Helper()
	a := b.do(t, http.MethodPost, applyPath, document)
	require.Equal(t, http.StatusOK, a.status, a.body)
	var out struct{ Revision int64 }
	a.json(t, &out)
	return out.Revision
}

// lease makes an active lease.
func (b *bench) lease(t testing.TB, vrf, subnet uint32, addr string, client int, hostname string) sqlstore.Lease {
	t.Helper()
	a := netip.MustParseAddr(addr)
	in := sqlstore.Insert{
		Family: familyOf(a), VRF: vrf, Addr: a, PrefixLen: uint8(a.BitLen()), SubnetID: subnet, PoolID: 1, PoolGen: 1, ValidLft: 3600, PrefLft: 1800, OfferLft: 60,
		Client: sqlstore.Client{HWAddr: []byte{0x00, 0x00, 0x5e, 0x00, 0x53, byte(client)}, HWType: 1, ClientID: fmt.Appendf(nil, "client%d", client), Hostname: hostname},
	}
	in.Key = sqlstore.ClientKey(subnet, sqlstore.KeyHWAddr, in.Client.HWAddr)
	if a.Is6() {
		in.Key = sqlstore.IAKey(subnet, sqlstore.KeyDUID, in.Client.HWAddr, 1, sqlstore.NA, 0)
		in.Client.IAID = 1
	}
	res, err := b.store.Apply(t.Context(), &sqlstore.Batch{Inserts: []sqlstore.Insert{in}})
	require.NoError(t, err)
	require.Equal(t, sqlstore.Inserted, res.Inserts[0].Status)
	res, err = b.store.Apply(t.Context(), &sqlstore.Batch{Updates: []sqlstore.Update{{
		Family: in.Family, Action: sqlstore.Activate, Key: in.Key, Addr: a, Count: 1, ValidLft: 3600, PrefLft: 1800, Client: in.Client,
	}}})
	require.NoError(t, err)
	require.Equal(t, sqlstore.Updated, res.Updates[0].Status)
	return res.Updates[0].Lease
}

// fakeNames keeps names in memory.
type fakeNames struct {
	mu      sync.Mutex
	rows    []sqlstore.DNSName
	queue   []sqlstore.ZoneQueue
	retried []string
}

func (f *fakeNames) RetryName(_ context.Context, name string) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if !slices.ContainsFunc(f.rows, func(n sqlstore.DNSName) bool { return n.Name == name }) {
		return sqlstore.ErrNotFound
	}
	f.retried = append(f.retried, name)
	return nil
}

func (f *fakeNames) NameQueue(context.Context) ([]sqlstore.ZoneQueue, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.queue, nil
}

func (f *fakeNames) DNSNames(_ context.Context, filter sqlstore.NameFilter) ([]sqlstore.DNSName, error) {
	out := slices.DeleteFunc(slices.Clone(f.rows), func(n sqlstore.DNSName) bool {
		return filter.Name != "" && n.Name != filter.Name || filter.Zone != "" && n.Zone != filter.Zone || filter.State != 0 && n.State != filter.State || n.Name <= filter.After
	})
	return out[:min(len(out), filter.Limit)], nil
}
