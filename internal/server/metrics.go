package server

import (
	"github.com/pointsman-ai/pointsman"
	"github.com/pointsman-ai/pointsman/internal/config"
	"github.com/pointsman-ai/pointsman/internal/journal"
	"github.com/pointsman-ai/pointsman/internal/telemetry"
)

// newMetrics makes the metrics of requests and of what they stand on.
func (s *server) newMetrics() *telemetry.Metrics {
	m := telemetry.New()
	m.Configure(names(s.config))
	stat := func(read func(journal.Stats) uint64) func() float64 {
		return func() float64 { return float64(read(s.journal.Stats())) }
	}
	m.Gauge("pointsman_requests_in_flight", "Requests that are being served.", func() float64 { return float64(s.active.requests()) })
	m.Gauge("pointsman_memory_used_bytes", "Memory that requests and answers hold, of server.memory.", func() float64 { return float64(s.memory.Used()) })
	m.Gauge("pointsman_memory_limit_bytes", "server.memory.", func() float64 { return float64(s.memory.Limit()) })
	m.Counter("pointsman_journal_decisions_total", "Decisions written by this process.", stat(func(s journal.Stats) uint64 { return s.Decisions }))
	m.Counter("pointsman_journal_unwritten_total", "Records that could not be written and were answered all the same.", stat(func(s journal.Stats) uint64 { return s.Unwritten }))
	m.Counter("pointsman_journal_flush_failures_total", "Failed fsyncs.", stat(func(s journal.Stats) uint64 { return s.FlushFailures }))
	m.Gauge("pointsman_journal_healthy", "1 while records can be written.", healthy(s.journal.Healthy))
	m.Counter("pointsman_log_dropped_lines_total", "Log lines that nobody took in time.", func() float64 { return float64(s.options.Log.Dropped()) })
	m.Counter("pointsman_config_reloads_total", "Configurations put in force after the first.", func() float64 { return float64(s.reloads.Load()) })
	m.Counter("pointsman_config_refused_total", "Changed configurations that were refused.", func() float64 { return float64(s.refused.Load()) })
	m.Gauge("pointsman_certificates_withdrawn", "Tasks whose certificate is withdrawn for drift; their requests go to the largest tier.", s.withdrawn)
	m.Gauge("pointsman_watch_warnings", "Watches that warn: traffic of a task is not as calibration saw it. Nothing is withdrawn.", s.watches.Warnings)
	return m
}

// healthy is 1 while there is no error.
func healthy(check func() error) func() float64 {
	return func() float64 {
		if check() != nil {
			return 0
		}
		return 1
	}
}

// names are what metrics may be labelled with under a configuration.
func names(c *config.Config) telemetry.Names {
	all := telemetry.Names{}
	for _, task := range c.ResolveTasks() {
		tiers := make([]pointsman.TierID, len(task.Tiers))
		for i := range task.Tiers {
			tiers[i] = task.Tiers[i].ID
		}
		all[task.ID] = tiers
	}
	return all
}
