package engine

import (
	"errors"

	"github.com/prometheus/client_golang/prometheus"
)

// metrics of the engine; names and labels are in README.md.
type metrics struct {
	batch, waiting, transaction *prometheus.HistogramVec
	retries, failures, swept    *prometheus.CounterVec
	heartbeats                  *prometheus.CounterVec
	conflicts, races, data      prometheus.Counter
	cached                      prometheus.Counter
	panics, scrubbed, exhausted prometheus.Counter
	hints                       *prometheus.CounterVec
	revision, stock, stray      prometheus.Gauge
	refused                     prometheus.Gauge
}

// newMetrics makes the metrics and registers them; lengths returns how many
// items wait in each lane, ready whether this frontend may serve.
func newMetrics(reg prometheus.Registerer, lengths func() map[string]int, ready func() float64) (*metrics, error) {
	seconds := prometheus.ExponentialBuckets(0.0001, 2, 15)
	histogram := func(name, help string, buckets []float64) *prometheus.HistogramVec {
		return prometheus.NewHistogramVec(prometheus.HistogramOpts{Name: name, Help: help, Buckets: buckets}, []string{"lane"})
	}
	counter := func(name, help string, labels ...string) *prometheus.CounterVec {
		return prometheus.NewCounterVec(prometheus.CounterOpts{Name: name, Help: help}, labels)
	}
	plain := func(name, help string) prometheus.Counter {
		return prometheus.NewCounter(prometheus.CounterOpts{Name: name, Help: help})
	}
	m := &metrics{
		batch:       histogram("rowlock_sqlstore_batch_items", "Items per lane transaction.", prometheus.ExponentialBuckets(1, 2, 9)),
		waiting:     histogram("rowlock_sqlstore_wait_seconds", "How long the oldest item of a batch waited for its lane.", seconds),
		transaction: histogram("rowlock_sqlstore_transaction_seconds", "Duration of lane transactions.", seconds),
		retries:     counter("rowlock_sqlstore_retries_total", "Lane batches repeated, by cause.", "cause"),
		failures:    counter("rowlock_sqlstore_failures_total", "Requests that were not decided, by cause.", "cause"),
		swept:       counter("rowlock_sqlstore_swept_total", "Rows ended by the sweeper or a dry pool, by kind.", "kind"),
		heartbeats:  counter("rowlock_sqlstore_heartbeats_total", "Heartbeats, by result.", "result"),
		conflicts:   plain("rowlock_sqlstore_conflicts_total", "Candidate addresses found taken."),
		races:       plain("rowlock_sqlstore_races_total", "Updates that lost a race and went round again."),
		data:        plain("rowlock_sqlstore_data_errors_total", "Items whose data the database refused; each is a bug."),
		cached:      plain("rowlock_sqlstore_cached_total", "Renewals granted without a write."),
		panics:      plain("rowlock_sqlstore_panics_total", "Panics recovered from; each is a bug."),
		scrubbed:    plain("rowlock_sqlstore_scrubbed_total", "Addresses found lost and listed as free again."),
		exhausted:   plain("rowlock_sqlstore_exhausted_total", "How often a pool was found to have nothing left."),
		hints:       counter("rowlock_sqlstore_hints_total", "Candidate addresses fetched, by source.", "source"),
		stock:       prometheus.NewGauge(prometheus.GaugeOpts{Name: "rowlock_sqlstore_hints", Help: "Candidate addresses at hand."}),
		revision:    prometheus.NewGauge(prometheus.GaugeOpts{Name: "rowlock_sqlstore_config_revision", Help: "Configuration revision in use."}),
	}
	m.refused = prometheus.NewGauge(prometheus.GaugeOpts{
		Name: "rowlock_sqlstore_config_refused", Help: "Newest configuration revision if it cannot be used, else 0.",
	})
	gauge := prometheus.NewGaugeFunc(prometheus.GaugeOpts{
		Name: "rowlock_sqlstore_ready", Help: "1 while this frontend may serve and the database takes leases, else 0.",
	}, ready)
	m.stray = prometheus.NewGauge(prometheus.GaugeOpts{Name: "rowlock_sqlstore_history_stray", Help: "1 while the history has rows where a month of their own should be."})
	var errs []error
	for _, c := range []prometheus.Collector{
		m.batch, m.waiting, m.transaction, m.retries, m.failures, m.swept, m.heartbeats, m.conflicts, m.races, m.data, m.cached, m.panics, m.hints, m.stock,
		m.scrubbed, m.exhausted, m.revision, m.refused, m.stray, gauge,
		laneGauge{prometheus.NewDesc("rowlock_sqlstore_lane_items", "Items waiting for a transaction.", []string{"lane"}, nil), lengths},
	} {
		errs = append(errs, reg.Register(c))
	}
	return m, errors.Join(errs...)
}

// laneGauge shows the lanes as they are when it is asked.
type laneGauge struct {
	desc    *prometheus.Desc
	lengths func() map[string]int
}

// Describe is part of prometheus.Collector.
func (g laneGauge) Describe(out chan<- *prometheus.Desc) { out <- g.desc }

// Collect is part of prometheus.Collector.
func (g laneGauge) Collect(out chan<- prometheus.Metric) {
	for lane, n := range g.lengths() {
		out <- prometheus.MustNewConstMetric(g.desc, prometheus.GaugeValue, float64(n), lane)
	}
}
