package telemetry_test

import (
	"fmt"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/pointsman-ai/pointsman"
	"github.com/pointsman-ai/pointsman/internal/telemetry"
)

func TestObserveCountsWhatHappened(t *testing.T) {
	m := telemetry.New()
	m.Configure(telemetry.Names{"support": {"small", "large"}})
	m.Gauge("pointsman_test", "A test's value.", func() float64 { return 7 })
	m.Observe(&pointsman.Decision{
		Task: "support", Tier: "large", Cause: pointsman.CauseUncertain, Lifecycle: pointsman.Completed,
		Cost: pointsman.KnownCost(2 * pointsman.Dollar), Baseline: pointsman.KnownCost(3 * pointsman.Dollar),
		Attempts: []pointsman.Attempt{{Tier: "small", Cause: pointsman.CauseUncertain}, {Tier: "large", Cause: pointsman.CauseLast}},
	})
	m.Observe(&pointsman.Decision{Task: "support", Attempts: []pointsman.Attempt{{Tier: "small"}}})
	m.Observe(&pointsman.Decision{Cause: pointsman.CauseInvalid, Lifecycle: pointsman.Failed})
	scraped := scrape(m)
	for _, want := range []string{
		`pointsman_requests_total{cause="uncertain",lifecycle="completed",task="support",tier="large"} 1`,
		`pointsman_attempts_total{cause="last_tier",task="support",tier="large"} 1`,
		`pointsman_cost_dollars_total{task="support"} 2`,
		`pointsman_baseline_dollars_total{task="support"} 3`,
		`pointsman_unpriced_requests_total{task="support"} 1`,
		`pointsman_test 7`,
	} {
		if !strings.Contains(scraped, want) {
			t.Errorf("no %s in\n%s", want, scraped)
		}
	}
}

func scrape(m *telemetry.Metrics) string {
	w := httptest.NewRecorder()
	m.Handler().ServeHTTP(w, httptest.NewRequest("GET", "/metrics", nil))
	return w.Body.String()
}

// Names that clients invent do not become series, and those of the
// configuration do.
func TestInventedNamesMakeNoSeries(t *testing.T) {
	m := telemetry.New()
	m.Configure(telemetry.Names{"support": {"small", "large"}})
	direct := func(n int) *pointsman.Decision {
		name := fmt.Sprintf("upstream/invented-%d", n)
		return &pointsman.Decision{
			Task: pointsman.TaskID(name), Tier: pointsman.TierID(name), Cause: pointsman.CauseDirect, Lifecycle: pointsman.Completed,
			Attempts: []pointsman.Attempt{{Tier: pointsman.TierID(name), Cause: pointsman.CauseDirect}},
		}
	}
	m.Observe(direct(0))
	m.Observe(&pointsman.Decision{Task: "gone", Tier: "small", Cause: "made up", Lifecycle: "made up", Attempts: []pointsman.Attempt{{Tier: "small"}}})
	m.Observe(&pointsman.Decision{Task: "support", Tier: "made up", Cause: pointsman.CausePinned, Lifecycle: pointsman.Completed})
	m.Observe(&pointsman.Decision{Task: "support", Cause: pointsman.CauseForbidden, Lifecycle: pointsman.Failed})
	lines := strings.Count(scrape(m), "\n")
	for n := range 1000 {
		m.Observe(direct(n))
		m.Observe(&pointsman.Decision{Task: pointsman.TaskID(fmt.Sprint("invented-", n)), Tier: "small", Cause: pointsman.CauseInvalid, Lifecycle: pointsman.Failed})
	}
	scraped := scrape(m)
	if grown := strings.Count(scraped, "\n") - lines; grown > 1 {
		t.Errorf("%d more lines after 2000 invented names", grown)
	}
	for _, want := range []string{
		`pointsman_requests_total{cause="direct",lifecycle="completed",task="direct",tier="direct"} 1001`,
		`pointsman_requests_total{cause="other",lifecycle="other",task="other",tier="other"} 1`,
		`pointsman_requests_total{cause="pinned",lifecycle="completed",task="support",tier="other"} 1`,
		`pointsman_requests_total{cause="no_permitted_tier",lifecycle="failed",task="support",tier="none"} 1`,
	} {
		if !strings.Contains(scraped, want) {
			t.Errorf("no %s in\n%s", want, scraped)
		}
	}
}

// A configuration that changes often leaves no series behind, and what stays in
// it keeps its counts.
func TestSeriesOfWhatIsGoneAreDropped(t *testing.T) {
	m := telemetry.New()
	observe := func(task pointsman.TaskID, tier pointsman.TierID) {
		m.Observe(&pointsman.Decision{
			Task: task, Tier: tier, Cause: pointsman.CauseLast, Lifecycle: pointsman.Completed,
			Attempts: []pointsman.Attempt{{Tier: tier, Cause: pointsman.CauseLast}},
		})
	}
	for n := range 20 {
		task, tier := pointsman.TaskID(fmt.Sprint("task-", n)), pointsman.TierID(fmt.Sprint("tier-", n))
		m.Configure(telemetry.Names{"stays": {"small", tier}, task: {"small"}})
		observe("stays", "small")
		observe("stays", tier)
		observe(task, "small")
	}
	scraped := scrape(m)
	for n := range 19 {
		for _, gone := range []string{fmt.Sprintf(`"task-%d"`, n), fmt.Sprintf(`"tier-%d"`, n)} {
			if strings.Contains(scraped, gone) {
				t.Errorf("%s is still there", gone)
			}
		}
	}
	for _, want := range []string{`task="stays",tier="small"} 20`, `task="stays",tier="tier-19"} 1`, `task="task-19",tier="small"} 1`} {
		if !strings.Contains(scraped, want) {
			t.Errorf("no %s in\n%s", want, scraped)
		}
	}
}
