package ddns

import (
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"rowlock/sqlstore"
)

// results are the values of the label result.
var results = []string{"done", "conflict", "failed", "retry"}

// metrics are the counters of one Worker. Labels come from closed sets only.
type metrics struct {
	updates     *prometheus.CounterVec
	messages    *prometheus.CounterVec
	seconds     prometheus.Histogram
	events      prometheus.Counter
	troubles    *prometheus.CounterVec
	queue       prometheus.Gauge
	queueAge    prometheus.Gauge
	conflicts   prometheus.Gauge
	failures    prometheus.Gauge
	backlog     prometheus.Gauge
	backlogAge  prometheus.Gauge
	serversDown prometheus.GaugeFunc
}

// The values of the label kind.
const (
	troubleStore = "store" // the database did not do something
	troublePanic = "panic"
)

// newMetrics makes the metrics and registers them.
func newMetrics(r prometheus.Registerer, down func() float64) (*metrics, error) {
	opts := func(name, help string) prometheus.Opts {
		return prometheus.Opts{Namespace: "rowlock", Subsystem: "ddns", Name: name, Help: help}
	}
	gauge := func(name, help string) prometheus.Gauge {
		return prometheus.NewGauge(prometheus.GaugeOpts(opts(name, help)))
	}
	m := &metrics{
		updates:  prometheus.NewCounterVec(prometheus.CounterOpts(opts("updates_total", "Names worked on, by what became of them.")), []string{"result"}),
		messages: prometheus.NewCounterVec(prometheus.CounterOpts(opts("messages_total", "Update messages, by the answer.")), []string{"rcode"}),
		seconds: prometheus.NewHistogram(prometheus.HistogramOpts{
			Namespace: "rowlock", Subsystem: "ddns", Name: "message_seconds", Help: "Time from sending an update message to its answer.",
			Buckets: []float64{0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5},
		}),
		events:      prometheus.NewCounter(prometheus.CounterOpts(opts("events_total", "Lease events taken out of the bag."))),
		troubles:    prometheus.NewCounterVec(prometheus.CounterOpts(opts("errors_total", "What went wrong in this process, and is tried again.")), []string{"kind"}),
		queue:       gauge("queue_names", "Names that wait for their update; of the leader only."),
		queueAge:    gauge("queue_oldest_seconds", "Age of the name that has waited the longest; of the leader only."),
		conflicts:   gauge("conflict_names", "Names that somebody else has; of the leader only."),
		failures:    gauge("failed_names", "Names that cannot be published; of the leader only."),
		backlog:     gauge("backlog_events", "Lease events in the bag, counted up to 100000; of the leader only."),
		backlogAge:  gauge("backlog_oldest_seconds", "Age of the oldest lease event in the bag; of the leader only."),
		serversDown: prometheus.NewGaugeFunc(prometheus.GaugeOpts(opts("servers_down", "DNS servers that failed when last asked, and once more for each zone that they refuse.")), down),
	}
	for _, c := range codes {
		m.messages.WithLabelValues(c)
	}
	for _, c := range results {
		m.updates.WithLabelValues(c)
	}
	for _, kind := range []string{troubleStore, troublePanic} {
		m.troubles.WithLabelValues(kind)
	}
	for _, c := range []prometheus.Collector{
		m.updates, m.messages, m.seconds, m.events, m.troubles, m.queue, m.queueAge, m.conflicts, m.failures, m.backlog, m.backlogAge, m.serversDown,
	} {
		if err := r.Register(c); err != nil {
			return nil, err
		}
	}
	return m, nil
}

// waiting shows how much waits.
func (m *metrics) waiting(events int64, oldest time.Duration, zones []sqlstore.ZoneQueue) {
	var all sqlstore.ZoneQueue
	for _, z := range zones {
		if z.Zone == "" {
			continue
		}
		all.Pending += z.Pending
		all.Conflicts += z.Conflicts
		all.Failed += z.Failed
		all.Oldest = max(all.Oldest, z.Oldest)
	}
	m.queue.Set(float64(all.Pending))
	m.queueAge.Set(all.Oldest.Seconds())
	m.conflicts.Set(float64(all.Conflicts))
	m.failures.Set(float64(all.Failed))
	m.backlog.Set(float64(events))
	m.backlogAge.Set(oldest.Seconds())
}

// clear shows nothing: another process leads.
func (m *metrics) clear() { m.waiting(0, 0, nil) }
