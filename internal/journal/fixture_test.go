package journal

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/pointsman-ai/pointsman"
)

func TestMain(m *testing.M) {
	if role := os.Getenv(childRole); role != "" {
		child(role)
		return
	}
	goleak.VerifyTestMain(m)
}

// epoch is when the tests' clocks start.
var epoch = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

// manualClock is a clock that a test moves. It is not safe for concurrent use.
type manualClock struct{ now time.Time }

func (c *manualClock) Now() time.Time          { return c.now }
func (c *manualClock) Advance(d time.Duration) { c.now = c.now.Add(d) }

func testOptions() Options {
	o := DefaultOptions()
	o.Clock = func() time.Time { return epoch }
	return o
}

func mustOpen(t testing.TB, dir string, o Options) *Journal {
	t.Helper()
	j, err := Open(dir, o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = j.Close() })
	return j
}

func mustClose(t testing.TB, j *Journal) {
	t.Helper()
	if err := j.Close(); err != nil {
		t.Fatal(err)
	}
}

// testID is the n-th identifier of a test.
func testID(n int) pointsman.DecisionID {
	return pointsman.DecisionID(fmt.Sprintf("0195%04x-%04x-7000-8000-%012x", n>>16, n&0xffff, n))
}

func ptr[T any](v T) *T { return &v }

// testDecision is a decision as a two-tier classify task makes it.
func testDecision(n int) *pointsman.Decision {
	signals := pointsman.Signals{
		pointsman.Measured("request.words", 12), pointsman.Measured("request.chars", 71),
		pointsman.Unmeasured("request.ood", "the policy has no model of it"),
	}
	answer := pointsman.Signals{
		pointsman.Measured("answer.logprob_mean", -0.0123456789), pointsman.Measured("answer.logprob_min", -1.25),
		pointsman.Measured("answer.label_margin", 0.734512), pointsman.Measured("answer.entropy_first", 0.0912),
		pointsman.Unmeasured("answer.agreement", "outside the grey zone"), pointsman.Measured("answer.length", 3),
	}
	variant := pointsman.DigestOf([]byte("variant"))
	attempt := func(tier, model string, cause pointsman.Cause) pointsman.Attempt {
		return pointsman.Attempt{
			Tier: pointsman.TierID(tier), Model: pointsman.ModelID(model), Variant: variant, ServedBy: model + "-2026-01",
			Signals: answer, Reading: pointsman.Reading{Valid: true, Label: "card_arrival"},
			Confidence: pointsman.Confidence{Acceptable: ptr(0.9312), Uplift: ptr(0.0213), Threshold: ptr(0.05), Harm: ptr(0.041)}, Stakes: 5,
			Cause: cause, FinishReason: "stop",
			Usage:   pointsman.Usage{Known: true, Input: 412, Output: 4},
			Cost:    pointsman.KnownCost(64_200),
			Latency: 213 * time.Millisecond,
			Answer:  pointsman.DigestOf([]byte("card_arrival")),
		}
	}
	return &pointsman.Decision{
		ID: testID(n), Time: epoch.Add(time.Duration(n) * time.Second), Task: "banking",
		Conversation: fmt.Sprintf("c-%d", n/3), Principal: "web",
		Metadata: map[string]string{"tenant": "acme", "lang": "en"}, Slices: []string{"lang=en"},
		Config: pointsman.DigestOf([]byte("config")), Policy: pointsman.DigestOf([]byte("policy")),
		Request: signals,
		Rules:   pointsman.RuleEffect{Permitted: []pointsman.TierID{"small", "large"}, Stakes: 1},
		Attempts: []pointsman.Attempt{
			attempt("small", "small-model", pointsman.CauseUncertain), attempt("large", "large-model", pointsman.CauseLast),
		},
		Tier: "large", Model: "large-model", Cause: pointsman.CauseUncertain, Propensity: 1,
		Lifecycle: pointsman.Completed, Status: 200,
		Cost: pointsman.KnownCost(128_400), Baseline: pointsman.KnownCost(64_200),
		Latency: 431 * time.Millisecond, Overhead: 410 * time.Microsecond,
		Input: pointsman.DigestOf([]byte("input")), Answer: pointsman.DigestOf([]byte("card_arrival")),
	}
}

func testPayload(n int) *Payload {
	return &Payload{
		Decision: testID(n), Recording: pointsman.RecordFull,
		Request:  fmt.Sprintf(`{"model":"banking","messages":[{"role":"user","content":"Where is my card? %d"}]}`, n),
		Input:    fmt.Sprintf("Where is my card? %d", n),
		Attempts: []AttemptText{{Tier: "small", Answer: "card_arrival"}, {Tier: "large", Answer: "card_arrival"}},
	}
}

func testOutcome(n int) *pointsman.Outcome {
	return &pointsman.Outcome{
		ID: pointsman.DigestOf(fmt.Append(nil, n)), Decision: testID(n), Time: epoch, Source: "web", Label: "card_arrival",
	}
}

// readAll reads a journal to its end.
func readAll(t testing.TB, dir string) []Entry {
	t.Helper()
	var all []Entry
	for e, err := range Read(dir, Position{}) {
		if err != nil {
			t.Fatal(err)
		}
		e.Body = append([]byte(nil), e.Body...)
		all = append(all, e)
	}
	return all
}

// copyDir copies a journal, so that a test can damage it or stand in for a
// process that ended without closing.
func copyDir(t testing.TB, from, to string) {
	t.Helper()
	_ = os.RemoveAll(to)
	if err := os.CopyFS(to, os.DirFS(from)); err != nil {
		t.Fatal(err)
	}
	_ = os.Remove(filepath.Join(to, lockName))
}
