// Package telemetry counts what a running gateway does, for Prometheus to
// scrape. It opens no connection of its own. Labels are names that the
// configuration in force holds; nothing that a client sends becomes one.
package telemetry

import (
	"net/http"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"github.com/pointsman-ai/pointsman"
)

// Metrics counts finished requests. It is safe for concurrent use.
type Metrics struct {
	registry *prometheus.Registry
	labels   labels
	requests *prometheus.CounterVec
	attempts *prometheus.CounterVec
	latency  *prometheus.HistogramVec
	overhead prometheus.Histogram
	cost     *prometheus.CounterVec
	baseline *prometheus.CounterVec
	unpriced *prometheus.CounterVec
	audits   audits
}

// New makes the metrics and the collectors of the Go runtime and the process.
func New() *Metrics {
	m := &Metrics{
		registry: prometheus.NewRegistry(),
		requests: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "pointsman_requests_total", Help: "Finished requests by task, tier that answered, cause and lifecycle.",
		}, []string{"task", "tier", "cause", "lifecycle"}),
		attempts: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "pointsman_attempts_total", Help: "Tiers asked, by task, tier and the attempt's cause.",
		}, []string{"task", "tier", "cause"}),
		latency: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name: "pointsman_request_seconds", Help: "Time of a request in the gateway, upstream calls included.",
			Buckets: prometheus.ExponentialBuckets(0.0005, 2.5, 14),
		}, []string{"task"}),
		overhead: prometheus.NewHistogram(prometheus.HistogramOpts{
			Name: "pointsman_overhead_seconds", Help: "Time of a request that no upstream call covers.",
			Buckets: prometheus.ExponentialBuckets(0.00002, 2.5, 12),
		}),
		cost: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "pointsman_cost_dollars_total", Help: "What requests with a known price cost.",
		}, []string{"task"}),
		baseline: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "pointsman_baseline_dollars_total", Help: "What the same requests would have cost at the largest tier alone.",
		}, []string{"task"}),
		unpriced: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "pointsman_unpriced_requests_total", Help: "Requests whose cost is unknown, because a price or a usage is.",
		}, []string{"task"}),
	}
	m.audits = newAudits()
	m.registry.MustRegister(m.audits.results, m.audits.cost, m.audits.level)
	m.registry.MustRegister(m.requests, m.attempts, m.latency, m.overhead, m.cost, m.baseline, m.unpriced,
		collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	return m
}

// Gauge adds a value that is read when it is scraped.
func (m *Metrics) Gauge(name, help string, read func() float64) {
	m.registry.MustRegister(prometheus.NewGaugeFunc(prometheus.GaugeOpts{Name: name, Help: help}, read))
}

// Counter adds a count that is kept elsewhere and only grows.
func (m *Metrics) Counter(name, help string, read func() float64) {
	m.registry.MustRegister(prometheus.NewCounterFunc(prometheus.CounterOpts{Name: name, Help: help}, read))
}

// vectors are the metrics with labels of the configuration.
func (m *Metrics) vectors() []interface {
	DeletePartialMatch(labels prometheus.Labels) int
} {
	return []interface {
		DeletePartialMatch(labels prometheus.Labels) int
	}{
		m.requests.MetricVec, m.attempts.MetricVec, m.latency.MetricVec, m.cost.MetricVec, m.baseline.MetricVec, m.unpriced.MetricVec,
		m.audits.results.MetricVec, m.audits.cost.MetricVec, m.audits.level.MetricVec,
	}
}

// Observe counts a finished request.
func (m *Metrics) Observe(d *pointsman.Decision) {
	l := &m.labels
	l.mu.RLock()
	defer l.mu.RUnlock()
	task := l.task(d.Task)
	m.requests.WithLabelValues(task, l.tier(d.Task, d.Tier), l.cause(d.Cause), l.lifecycle(d.Lifecycle)).Inc()
	m.latency.WithLabelValues(task).Observe(d.Latency.Seconds())
	m.overhead.Observe(d.Overhead.Seconds())
	for i := range d.Attempts {
		m.attempts.WithLabelValues(task, l.tier(d.Task, d.Attempts[i].Tier), l.cause(d.Attempts[i].Cause)).Inc()
	}
	switch {
	case d.Cost.Known && d.Baseline.Known:
		m.cost.WithLabelValues(task).Add(d.Cost.Amount.Dollars())
		m.baseline.WithLabelValues(task).Add(d.Baseline.Amount.Dollars())
	case len(d.Attempts) > 0:
		m.unpriced.WithLabelValues(task).Inc()
	}
}

// Handler serves the metrics in the Prometheus text format.
func (m *Metrics) Handler() http.Handler {
	return promhttp.HandlerFor(m.registry, promhttp.HandlerOpts{})
}
