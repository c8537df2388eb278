package server

import (
	"github.com/pointsman-ai/pointsman/internal/journal"
	"github.com/pointsman-ai/pointsman/internal/telemetry"
)

// metrics are those of requests and of what they stand on.
func (s *server) metrics() *telemetry.Metrics {
	m := telemetry.New()
	stat := func(read func(journal.Stats) uint64) func() float64 {
		return func() float64 { return float64(read(s.journal.Stats())) }
	}
	m.Counter("pointsman_journal_decisions_total", "Decisions written by this process.", stat(func(s journal.Stats) uint64 { return s.Decisions }))
	m.Counter("pointsman_journal_unwritten_total", "Records that could not be written and were answered all the same.", stat(func(s journal.Stats) uint64 { return s.Unwritten }))
	m.Counter("pointsman_journal_flush_failures_total", "Failed fsyncs.", stat(func(s journal.Stats) uint64 { return s.FlushFailures }))
	m.Gauge("pointsman_journal_healthy", "1 while records can be written.", func() float64 {
		if s.journal.Healthy() != nil {
			return 0
		}
		return 1
	})
	m.Counter("pointsman_log_dropped_lines_total", "Log lines that nobody took in time.", func() float64 { return float64(s.options.Log.Dropped()) })
	m.Counter("pointsman_config_reloads_total", "Configurations put in force after the first.", func() float64 { return float64(s.reloads.Load()) })
	m.Counter("pointsman_config_refused_total", "Changed configurations that were refused.", func() float64 { return float64(s.refused.Load()) })
	return m
}
