package telemetry

import (
	"github.com/prometheus/client_golang/prometheus"

	"github.com/pointsman-ai/pointsman"
)

// audits are the metrics of shadow audits, by task.
type audits struct {
	results *prometheus.CounterVec
	cost    *prometheus.CounterVec
	level   *prometheus.GaugeVec
}

func newAudits() audits {
	return audits{
		results: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "pointsman_audits_total", Help: "Answers drawn for a shadow audit by this process, by what came of it.",
		}, []string{"task", "result"}),
		cost: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "pointsman_audit_cost_dollars_total", Help: "What shadow audits of this process were charged to their budgets.",
		}, []string{"task"}),
		level: prometheus.NewGaugeVec(prometheus.GaugeOpts{
			Name: "pointsman_drift_level", Help: "Evidence of drift in audited answers; at 1 the certificate is withdrawn.",
		}, []string{"task"}),
	}
}

// Audited counts what came of an answer that was drawn for an audit. The result
// is one of few names that the code gives.
func (m *Metrics) Audited(id pointsman.TaskID, result string, charged pointsman.Money) {
	m.labels.mu.RLock()
	defer m.labels.mu.RUnlock()
	task := m.labels.task(id)
	m.audits.results.WithLabelValues(task, result).Inc()
	m.audits.cost.WithLabelValues(task).Add(charged.Dollars())
}

// DriftLevel says how the test of a task's audits stands.
func (m *Metrics) DriftLevel(id pointsman.TaskID, level float64) {
	m.labels.mu.RLock()
	defer m.labels.mu.RUnlock()
	m.audits.level.WithLabelValues(m.labels.task(id)).Set(level)
}
