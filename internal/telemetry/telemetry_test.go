package telemetry_test

import (
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/pointsman-ai/pointsman"
	"github.com/pointsman-ai/pointsman/internal/telemetry"
)

func TestObserveCountsWhatHappened(t *testing.T) {
	m := telemetry.New()
	m.Gauge("pointsman_test", "A test's value.", func() float64 { return 7 })
	m.Observe(&pointsman.Decision{
		Task: "support", Tier: "large", Cause: pointsman.CauseUncertain, Lifecycle: pointsman.Completed,
		Cost: pointsman.KnownCost(2 * pointsman.Dollar), Baseline: pointsman.KnownCost(3 * pointsman.Dollar),
		Attempts: []pointsman.Attempt{{Tier: "small", Cause: pointsman.CauseUncertain}, {Tier: "large", Cause: pointsman.CauseLast}},
	})
	m.Observe(&pointsman.Decision{Task: "support", Attempts: []pointsman.Attempt{{Tier: "small"}}})
	m.Observe(&pointsman.Decision{Cause: pointsman.CauseInvalid, Lifecycle: pointsman.Failed})
	w := httptest.NewRecorder()
	m.Handler().ServeHTTP(w, httptest.NewRequest("GET", "/metrics", nil))
	for _, want := range []string{
		`pointsman_requests_total{cause="uncertain",lifecycle="completed",task="support",tier="large"} 1`,
		`pointsman_attempts_total{cause="last_tier",task="support",tier="large"} 1`,
		`pointsman_cost_dollars_total{task="support"} 2`,
		`pointsman_baseline_dollars_total{task="support"} 3`,
		`pointsman_unpriced_requests_total{task="support"} 1`,
		`pointsman_test 7`,
	} {
		if !strings.Contains(w.Body.String(), want) {
			t.Errorf("no %s in\n%s", want, w.Body.String())
		}
	}
}
