package eval

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"path/filepath"
	"time"

	"github.com/pointsman-ai/pointsman"
	"github.com/pointsman-ai/pointsman/internal/collect"
	"github.com/pointsman-ai/pointsman/internal/durable"
	"github.com/pointsman-ai/pointsman/internal/stat"
)

// Number is a figure with its interval. What does not exist is nil, and Note
// says why.
type Number struct {
	Value *float64 `json:"value"`
	Low   *float64 `json:"low"`
	High  *float64 `json:"high"`
	// Method is how the interval was made.
	Method string `json:"method,omitempty"`
	Note   string `json:"note,omitempty"`
}

// Count is how often a name occurred.
type Count struct {
	Name  string  `json:"name"`
	N     int     `json:"n"`
	Share float64 `json:"share"`
}

// NamedNumber is one part of a score, over the N examples that have it.
type NamedNumber struct {
	Name string `json:"name"`
	N    int    `json:"n"`
	Number
}

// Summary is how a target did on the examples of a dataset or slice.
type Summary struct {
	// Total is Scored + Unscored + Failed + Excluded + Missing.
	Total    int `json:"total"`
	Scored   int `json:"scored"`
	Unscored int `json:"unscored"` // answered, but without an expectation
	Failed   int `json:"failed"`   // asked, without an answer
	Excluded int `json:"excluded"` // not asked: the owner's rules do not permit it
	Missing  int `json:"missing"`  // not asked: the run was interrupted
	// Coverage is the share of examples that are scored.
	Coverage float64 `json:"coverage"`
	// Score is the mean grade, Acceptable the share of acceptable answers; for
	// grades that are right or wrong they are the same.
	Score      Number `json:"score"`
	Acceptable Number `json:"acceptable"`
}

// Skipped is the number of examples without a grade.
func (s *Summary) Skipped() int { return s.Total - s.Scored }

// SliceSummary is a summary of the examples with one value of a metadata key.
type SliceSummary struct {
	Key   string `json:"key"`
	Value string `json:"value"`
	Summary
}

// CostSummary is what the answers cost. One unknown cost makes every sum
// unknown.
type CostSummary struct {
	Answered int             `json:"answered"`
	Unknown  int             `json:"unknown"` // answers whose cost is not known
	Total    pointsman.Cost  `json:"total_nano_dollars"`
	Per1000  pointsman.Cost  `json:"per_1000_nano_dollars"`
	Known    pointsman.Money `json:"known_nano_dollars"` // the sum of what is known
	// PerDollar is the mean grade over the mean cost in dollars: acceptable
	// answers per dollar where grades are right or wrong.
	PerDollar Number `json:"score_per_dollar"`
}

// Quantiles are times in nanoseconds over the N results that have one.
type Quantiles struct {
	N    int            `json:"n"`
	P50  *time.Duration `json:"p50_ns"`
	P95  *time.Duration `json:"p95_ns"`
	P99  *time.Duration `json:"p99_ns"`
	Note string         `json:"note,omitempty"`
}

// TokenSummary is what the answers used, over the N whose usage is known.
type TokenSummary struct {
	N      int   `json:"n"`
	Input  int64 `json:"input"`
	Output int64 `json:"output"`
}

// TargetReport is how one target did.
type TargetReport struct {
	Target   collect.Target   `json:"target"`
	Identity pointsman.Digest `json:"identity"`
	Summary
	Parts  []NamedNumber  `json:"parts,omitempty"`
	Slices []SliceSummary `json:"slices,omitempty"`
	Cost   CostSummary    `json:"cost"`
	// Latency is from asking to the whole answer; Overhead is the gateway's own
	// part of it.
	Latency  Quantiles    `json:"latency"`
	Overhead Quantiles    `json:"overhead"`
	Tokens   TokenSummary `json:"tokens"`
	// Tiers says which tier's answer was given and Causes why. Escalated is the
	// share of answers for which more than one tier was asked or, where the
	// attempts are not known, that did not come from the small tier.
	Tiers     []Count `json:"tiers,omitempty"`
	Escalated Number  `json:"escalated"`
	Causes    []Count `json:"causes,omitempty"`
	// Failures, Exclusions and Skips are the reasons why examples have no
	// grade.
	Failures   []Count `json:"failures,omitempty"`
	Exclusions []Count `json:"exclusions,omitempty"`
	Skips      []Count `json:"skips,omitempty"`
}

// Pair compares two targets on the examples that both were scored on.
type Pair struct {
	First  string `json:"first"`
	Second string `json:"second"`
	N      int    `json:"n"`
	// Difference is the mean grade of the first minus that of the second.
	Difference Number `json:"difference"`
	// Counts are by acceptable answers.
	Counts stat.Pairs `json:"counts"`
	// P is the p-value of Test for the hypothesis that the two are acceptable
	// equally often; PHolm is corrected for all pairs of the report. Both are
	// nil where Note says why.
	P     *float64 `json:"p"`
	PHolm *float64 `json:"p_holm"`
	Test  string   `json:"test,omitempty"`
	Note  string   `json:"note,omitempty"`
}

// Routing is how well the cascade's uplift routes between the small and the
// large tier, as RouteLLM measures it, on the N examples that all three were
// scored on and whose first answer was judged.
type Routing struct {
	Small   string `json:"small"`
	Large   string `json:"large"`
	Cascade string `json:"cascade"`
	N       int    `json:"n"`
	// Unjudged are the examples that all three were scored on but for which no
	// uplift is known; they are left out of the curve.
	Unjudged int    `json:"unjudged"`
	APGR     Number `json:"apgr"`
	CPT50    Number `json:"cpt50"`
	CPT80    Number `json:"cpt80"`
	// Monotone says that quality never falls along the curve; where it does,
	// the CPTs are first crossings.
	Monotone bool              `json:"monotone"`
	Curve    []stat.RoutePoint `json:"curve,omitempty"`
	// RetainMeasured is the cascade's mean grade as a share of the large
	// tier's, on the RetainN examples that both were scored on.
	RetainMeasured Number `json:"retain_measured"`
	RetainN        int    `json:"retain_n"`
	// Unproven counts the examples that a smaller tier answered outside of the
	// policy's promise: pinned, as the last tier that was permitted, or as a
	// fallback.
	Unproven int    `json:"unproven"`
	Note     string `json:"note,omitempty"`
}

// Report is the result of a run.
type Report struct {
	Name     string           `json:"name"`
	Task     pointsman.TaskID `json:"task"`
	Dataset  pointsman.Digest `json:"dataset"`
	Examples int              `json:"examples"`
	// Groups is the number of clusters; where it is below Examples, intervals
	// and tests resample whole clusters.
	Groups     int     `json:"groups"`
	Scorer     string  `json:"scorer"`
	Confidence float64 `json:"confidence"`
	Seed       uint64  `json:"seed"`
	// Asked and Reused count the results of this call of [Run].
	Asked  int `json:"asked"`
	Reused int `json:"reused"`
	// Complete says that every example was put to every target that may be
	// asked it.
	Complete bool           `json:"complete"`
	Started  time.Time      `json:"started"`
	Targets  []TargetReport `json:"targets"`
	Pairs    []Pair         `json:"pairs,omitempty"`
	// Routing has one entry for each cascade, where both the small and the
	// large tier were asked beside it.
	Routing []Routing `json:"routing,omitempty"`
	// Notes are what a reader should know before quoting a figure.
	Notes []string `json:"notes,omitempty"`
}

// Clustered says that some group has more than one member.
func (r *Report) Clustered() bool { return r.Groups < r.Examples }

// WriteJSON writes the report for programs.
func (r *Report) WriteJSON(w io.Writer) error {
	encoder := json.NewEncoder(w)
	encoder.SetEscapeHTML(false)
	encoder.SetIndent("", "  ")
	return encoder.Encode(r)
}

// Save writes the report into a directory: for programs, for people, and as a
// page with plots.
func (r *Report) Save(dir string) error {
	var all []error
	for name, write := range map[string]func(io.Writer) error{
		ReportFile: r.WriteJSON, TextFile: r.WriteText, HTMLFile: r.WriteHTML,
	} {
		var content bytes.Buffer
		if err := write(&content); err != nil {
			all = append(all, err)
			continue
		}
		all = append(all, durable.WriteFile(filepath.Join(dir, name), content.Bytes()))
	}
	return errors.Join(all...)
}
