package admin

import (
	"fmt"
	"strconv"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// metrics are the counters of one Server. Labels come from closed sets: routes
// are patterns, not paths.
type metrics struct {
	requests *prometheus.CounterVec
	duration *prometheus.HistogramVec
	failures *prometheus.CounterVec
	changes  *prometheus.CounterVec
	panics   prometheus.Counter
}

func newMetrics(r prometheus.Registerer) (*metrics, error) {
	counter := func(name, help string, labels ...string) *prometheus.CounterVec {
		return prometheus.NewCounterVec(prometheus.CounterOpts{Name: name, Help: help}, labels)
	}
	m := &metrics{
		requests: counter("rowlock_admin_requests_total", "Requests answered, by route and status.", "route", "code"),
		duration: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name: "rowlock_admin_request_seconds", Help: "Time to answer a request, by route.",
			Buckets: []float64{.001, .005, .02, .1, .5, 2, 10, 60},
		}, []string{"route"}),
		failures: counter("rowlock_admin_auth_failures_total", "Requests refused because of their token, by reason.", "reason"),
		changes:  counter("rowlock_admin_changes_total", "Changes made by way of the API, by kind.", "kind"),
		panics:   prometheus.NewCounter(prometheus.CounterOpts{Name: "rowlock_admin_panics_total", Help: "Requests whose handling panicked."}),
	}
	for _, c := range []prometheus.Collector{m.requests, m.duration, m.failures, m.changes, m.panics} {
		if err := r.Register(c); err != nil {
			return nil, fmt.Errorf("register metrics: %w", err)
		}
	}
	return m, nil
}

func (m *metrics) served(pattern string, status int, d time.Duration) {
	if pattern == "" {
		pattern = "none"
	}
	m.requests.WithLabelValues(pattern, strconv.Itoa(status)).Inc()
	m.duration.WithLabelValues(pattern).Observe(d.Seconds())
}

func (m *metrics) refused(reason string) { m.failures.WithLabelValues(reason).Inc() }

func (m *metrics) changed(kind string) { m.changes.WithLabelValues(kind).Inc() }
