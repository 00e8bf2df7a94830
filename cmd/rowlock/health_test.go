package main

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/stretchr/testify/require"
)

func get(t *testing.T, url string) (status int, body string) {
	t.Helper()
	answer, err := http.Get(url)
	require.NoError(t, err)
	defer answer.Body.Close()
	text, err := io.ReadAll(answer.Body)
	require.NoError(t, err)
	return answer.StatusCode, string(text)
}

func TestHealth(t *testing.T) {
	metrics := prometheus.NewRegistry()
	counter := prometheus.NewCounter(prometheus.CounterOpts{Name: "rowlock_test_things_total"})
	metrics.MustRegister(counter)
	var schema error
	h := healthHandler(metrics,
		readyCheck{"database", func(context.Context) error { return nil }},
		readyCheck{"schema", func(context.Context) error { return schema }},
	)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- serveHealth(ctx, l, h) }()
	base := "http://" + l.Addr().String()

	status, body := get(t, base+"/healthz")
	require.Equal(t, 200, status)
	require.Equal(t, "ok\n", body)
	status, body = get(t, base+"/readyz")
	require.Equal(t, 200, status)
	require.Equal(t, "database: ok\nschema: ok\n", body)
	schema = errors.New("too old")
	status, body = get(t, base+"/readyz")
	require.Equal(t, 503, status)
	require.Equal(t, "database: ok\nschema: too old\n", body)
	status, body = get(t, base+"/metrics")
	require.Equal(t, 200, status)
	require.Contains(t, body, "rowlock_test_things_total 0")
	status, _ = get(t, base+"/debug/pprof/")
	require.Equal(t, 404, status)

	http.DefaultClient.CloseIdleConnections()
	cancel()
	require.NoError(t, <-done)
	_, err = net.Dial("tcp", l.Addr().String())
	require.Error(t, err, "the listener is closed")
}

// A check that hangs is a check that fails, and is not waited for any longer.
func TestReadyChecksAreBounded(t *testing.T) {
	hang := func(ctx context.Context) error { <-ctx.Done(); return ctx.Err() }
	start := time.Now()
	body, ready := runChecks(t.Context(), []readyCheck{{"a", hang}, {"b", hang}, {"c", func(context.Context) error { return nil }}})
	require.False(t, ready)
	require.Equal(t, "a: context deadline exceeded\nb: context deadline exceeded\nc: ok\n", body)
	require.Less(t, time.Since(start), 3*checkTime)
}

func TestInterfaceCheck(t *testing.T) {
	require.NoError(t, interfaceCheck(nil))
	require.EqualError(t, interfaceCheck([]string{"eth1", "eth2"}), "gone: eth1, eth2")
}
