package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"
)

// readyCheck is one condition for serving; Check returns why it is not met.
// It must be safe for concurrent use and return when its context ends.
type readyCheck struct {
	Name  string
	Check func(context.Context) error
}

// checkTime bounds one readiness check: what takes longer is not ready.
const checkTime = time.Second

// healthHandler answers /healthz (the process runs), /readyz (every check
// passes; the body has one line a check) and /metrics.
func healthHandler(metrics prometheus.Gatherer, checks ...readyCheck) http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) {
		fmt.Fprintln(w, "ok")
	})
	mux.HandleFunc("GET /readyz", func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/plain; charset=utf-8")
		w.Header().Set("Cache-Control", "no-store")
		body, ready := runChecks(r.Context(), checks)
		if !ready {
			w.WriteHeader(http.StatusServiceUnavailable)
		}
		fmt.Fprint(w, body)
	})
	mux.Handle("GET /metrics", promhttp.HandlerFor(metrics, promhttp.HandlerOpts{}))
	return mux
}

// runChecks runs all checks at once and reports them in their order.
func runChecks(ctx context.Context, checks []readyCheck) (body string, ready bool) {
	ctx, cancel := context.WithTimeout(ctx, checkTime)
	defer cancel()
	errs := make([]error, len(checks))
	var wait sync.WaitGroup
	for i, c := range checks {
		wait.Go(func() { errs[i] = c.Check(ctx) })
	}
	wait.Wait()
	var text bytes.Buffer
	for i, c := range checks {
		if errs[i] != nil {
			fmt.Fprintf(&text, "%s: %v\n", c.Name, errs[i])
			continue
		}
		fmt.Fprintf(&text, "%s: ok\n", c.Name)
	}
	return text.String(), errors.Join(errs...) == nil
}

// serveHealth serves until ctx ends, then lets requests under way finish. It
// closes l.
func serveHealth(ctx context.Context, l net.Listener, h http.Handler) error {
	server := &http.Server{Handler: h, ReadHeaderTimeout: 5 * time.Second, ReadTimeout: 10 * time.Second, MaxHeaderBytes: 16 << 10}
	stop := context.AfterFunc(ctx, func() {
		end, cancel := context.WithTimeout(context.Background(), 2*checkTime)
		defer cancel()
		if server.Shutdown(end) != nil {
			server.Close()
		}
	})
	defer stop()
	if err := server.Serve(l); !errors.Is(err, http.ErrServerClosed) {
		return fmt.Errorf("serve health: %w", err)
	}
	return nil
}
