package frontend

import (
	"fmt"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"rowlock/sqlstore"
)

// metrics are the counters of one Server. Labels come from closed sets only.
type metrics struct {
	received *prometheus.CounterVec
	sent     *prometheus.CounterVec
	drops    *prometheus.CounterVec
	panics   *prometheus.CounterVec
	handle   *prometheus.HistogramVec
	queue    prometheus.Collector
	revision prometheus.GaugeFunc
	refused  prometheus.Counter
	names    *prometheus.CounterVec

	// those that every packet needs
	receivedBy, sentBy byType
	handledBy          [2]prometheus.Observer // by familyIndex
}

// byType has the counters of the message types that were met: to find one by
// its labels costs as much as to choose the subnet.
type byType struct {
	mu    sync.RWMutex
	known map[familyType]prometheus.Counter
}

type familyType struct {
	family sqlstore.Family
	kind   string
}

func (b *byType) inc(of *prometheus.CounterVec, f sqlstore.Family, kind string) {
	b.mu.RLock()
	c := b.known[familyType{f, kind}]
	b.mu.RUnlock()
	if c == nil {
		c = of.WithLabelValues(f.String(), kind)
		b.mu.Lock()
		if b.known == nil {
			b.known = map[familyType]prometheus.Counter{}
		}
		b.known[familyType{f, kind}] = c
		b.mu.Unlock()
	}
	c.Inc()
}

// newMetrics makes the metrics and registers them.
func newMetrics(r prometheus.Registerer, queued func() (fresh, urgent int), revision func() float64) (*metrics, error) {
	counter := func(name, help string, labels ...string) *prometheus.CounterVec {
		return prometheus.NewCounterVec(prometheus.CounterOpts{Name: name, Help: help}, labels)
	}
	m := &metrics{
		received: counter("rowlock_frontend_packets_received_total", "Messages received, by type.", "family", "type"),
		sent:     counter("rowlock_frontend_packets_sent_total", "Messages sent, by type.", "family", "type"),
		drops:    counter("rowlock_frontend_drops_total", "Packets that ended without an answer, by reason.", "family", "reason"),
		panics:   counter("rowlock_frontend_panics_total", "Packets whose handling panicked.", "family"),
		names:    counter("rowlock_frontend_names_refused_total", "Names of clients that were refused, by reason.", "reason"),
		handle: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name:    "rowlock_frontend_handle_seconds",
			Help:    "Time from receiving a packet to handing its reply to the socket, or dropping it.",
			Buckets: []float64{.0002, .0005, .001, .002, .005, .01, .02, .05, .1, .2, .5, 1},
		}, []string{"family"}),
		queue: newQueueGauge(queued),
		revision: prometheus.NewGaugeFunc(prometheus.GaugeOpts{
			Name: "rowlock_frontend_config_revision", Help: "Configuration revision in use.",
		}, revision),
		refused: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "rowlock_frontend_config_refused_total", Help: "Configurations refused because they were faulty.",
		}),
	}
	for _, c := range []prometheus.Collector{
		m.received, m.sent, m.drops, m.panics, m.handle, m.queue, m.revision, m.refused, m.names,
	} {
		if err := r.Register(c); err != nil {
			return nil, fmt.Errorf("register metrics: %w", err)
		}
	}
	for _, f := range []sqlstore.Family{sqlstore.IPv4, sqlstore.IPv6} {
		m.handledBy[familyIndex(f)] = m.handle.WithLabelValues(f.String())
	}
	return m, nil
}

// queueGauge shows the queue as it is when it is asked.
type queueGauge struct {
	desc *prometheus.Desc
	len  func() (fresh, urgent int)
}

func newQueueGauge(length func() (fresh, urgent int)) *queueGauge {
	return &queueGauge{prometheus.NewDesc("rowlock_frontend_queue_packets", "Packets waiting for a worker, by part of the queue.", []string{"part"}, nil), length}
}

// Describe is part of prometheus.Collector.
func (g *queueGauge) Describe(out chan<- *prometheus.Desc) { out <- g.desc }

// Collect is part of prometheus.Collector.
func (g *queueGauge) Collect(out chan<- prometheus.Metric) {
	fresh, urgent := g.len()
	out <- prometheus.MustNewConstMetric(g.desc, prometheus.GaugeValue, float64(fresh), "new")
	out <- prometheus.MustNewConstMetric(g.desc, prometheus.GaugeValue, float64(urgent), "begun")
}

func (m *metrics) dropped(f sqlstore.Family, r Reason) {
	m.drops.WithLabelValues(f.String(), string(r)).Inc()
}

// receivedType counts a message; kind is a lower-case name from a closed set.
func (m *metrics) receivedType(f sqlstore.Family, kind string) {
	m.receivedBy.inc(m.received, f, kind)
}

func (m *metrics) sentType(f sqlstore.Family, kind string) {
	m.sentBy.inc(m.sent, f, kind)
}

func (m *metrics) panicked(f sqlstore.Family) { m.panics.WithLabelValues(f.String()).Inc() }

func (m *metrics) handled(f sqlstore.Family, d time.Duration) {
	m.handledBy[familyIndex(f)].Observe(d.Seconds())
}
