package pointsman

import (
	"encoding/json"
	"time"
)

// Cause says why an attempt was the last one, or why it was not.
type Cause string

// The causes. The first group ends a request, the second makes the cascade
// move on, the third ends a request without an answer.
const (
	CauseAccepted Cause = "accepted"  // by the policy: asking the largest tier is not worth it
	CauseLast     Cause = "last_tier" // the largest permitted tier answered
	CausePinned   Cause = "pinned"    // the client or a rule named the tier
	CauseDirect   Cause = "direct"    // the client named provider/model: no task, no cascade
	CauseFallback Cause = "fallback"  // every larger tier failed; the best untrusted answer was given

	CauseUncertain    Cause = "uncertain"    // the uplift of asking on is above the threshold
	CauseContract     Cause = "contract"     // the answer breaks the output contract
	CauseUncalibrated Cause = "uncalibrated" // the task has no policy yet
	CauseUncertified  Cause = "uncertified"  // the policy has no certified threshold here
	CauseUnsupported  Cause = "unsupported"  // calibration saw too few such requests, or answers with such signals missing
	CauseGated        Cause = "gated"        // by the request alone: asking the tier would hardly ever be worth it
	CauseVoid         Cause = "policy_void"  // the policy was fitted for other variants
	CauseError        Cause = "tier_error"   // the upstream failed
	CauseTimeout      Cause = "tier_timeout" // the upstream was too slow

	CauseInvalid   Cause = "invalid_request"   // malformed, or names no task: refused before any rule
	CauseForbidden Cause = "no_permitted_tier" // rules left no tier
	CauseExhausted Cause = "all_tiers_failed"  // every permitted tier failed
	CauseAborted   Cause = "client_aborted"    // the client went away
	CauseBroken    Cause = "broken_off"        // the upstream broke off an answer that had begun
	CauseDeadline  Cause = "request_timeout"   // server.request_timeout was over
	CauseDrained   Cause = "drained"           // the server stopped, and its patience was over
	CauseInternal  Cause = "internal"          // our own fault
)

// UnmarshalText implements encoding.TextUnmarshaler. It reads the names that
// causes had in records of earlier versions.
func (c *Cause) UnmarshalText(text []byte) error {
	*c = Cause(text).Current()
	return nil
}

// Current is the name that a cause has now.
func (c Cause) Current() Cause {
	if c == "confident" { // until 2026-11; it was said of answers that were not
		return CauseAccepted
	}
	return c
}

// Unproven says that an answer which was given for this cause was not judged by a
// policy: where a tier below the largest gave it, no promise covers it.
func (c Cause) Unproven() bool {
	switch c {
	case CauseLast, CausePinned, CauseDirect, CauseFallback:
		return true
	}
	return false
}

// Causes lists every cause, in the order in which they are documented.
var Causes = []Cause{
	CauseAccepted, CauseLast, CausePinned, CauseDirect, CauseFallback,
	CauseUncertain, CauseContract, CauseUncalibrated, CauseUncertified, CauseUnsupported, CauseGated, CauseVoid, CauseError, CauseTimeout,
	CauseInvalid, CauseForbidden, CauseExhausted, CauseAborted, CauseBroken, CauseDeadline, CauseDrained, CauseInternal,
}

// Lifecycle says how a request ended.
type Lifecycle string

// The ends of a request.
const (
	Completed Lifecycle = "completed" // the client was given a whole answer
	Failed    Lifecycle = "failed"    // the client was given an error
	Aborted   Lifecycle = "aborted"   // the client went away first
)

// Confidence is what a policy made of an answer's signals. All three are nil
// where no policy could say.
type Confidence struct {
	// Acceptable is the calibrated probability that this answer is acceptable.
	Acceptable *float64 `json:"acceptable,omitempty"`
	// Uplift is P(only the largest tier would be right) − P(only this answer
	// is right): what asking on is worth, in [-1,1].
	Uplift *float64 `json:"uplift,omitempty"`
	// Threshold is the certified bound: the answer is accepted where uplift +
	// (stakes − 1) × harm does not exceed it.
	Threshold *float64 `json:"threshold,omitempty"`
	// Harm is P(only the largest tier would be right): what stakes act on.
	Harm *float64 `json:"harm,omitempty"`
}

// FailureKind classes what went wrong with a call to an upstream.
type FailureKind string

// The kinds of failure of a call.
const (
	FailureUnreachable FailureKind = "unreachable"  // no connection: nothing was sent
	FailureUnavailable FailureKind = "unavailable"  // it answered that it cannot serve now (5xx)
	FailureRateLimited FailureKind = "rate_limited" // 429: asked too often, or a quota is spent
	FailureCredentials FailureKind = "credentials"  // 401, 402, 403: the operator's key, bill or permission
	FailureRejected    FailureKind = "rejected"     // another 4xx: the request is at fault
	FailureTimeout     FailureKind = "timeout"      // it did not answer in time
	FailureMalformed   FailureKind = "malformed"    // it answered what it should not, or broke off
	FailureNoRecording FailureKind = "no_recording" // a recording holds no answer to this request
	FailureOverloaded  FailureKind = "overloaded"   // this process had no memory left for the answer
	FailureLocal       FailureKind = "local"        // it was never asked: this process could not, or may not
)

// Try is one call that was made for an attempt. An attempt has one for each
// endpoint that was asked, the last of which gave its answer if any did.
type Try struct {
	Upstream UpstreamID `json:"upstream"`
	// Failure is empty where the call gave an answer.
	Failure FailureKind `json:"failure,omitempty"`
	// Status is that of the upstream's HTTP response, 0 where there was none.
	Status int `json:"status,omitempty"`
	// RetryAfter is when the upstream asked to be tried again, from then on.
	RetryAfter time.Duration `json:"retry_after_ns,omitempty"`
	Latency    time.Duration `json:"latency_ns"`
}

// Attempt is one tier that was asked.
type Attempt struct {
	Tier       TierID     `json:"tier"`
	Model      ModelID    `json:"model"`
	Variant    Digest     `json:"variant"`
	ServedBy   string     `json:"served_by,omitempty"`
	Signals    Signals    `json:"signals,omitempty"`
	Reading    Reading    `json:"reading"`
	Confidence Confidence `json:"confidence"`
	// Stakes are what the answer added to the stakes of the request, since it may
	// be a mistake that costs more than others; 0 where nothing.
	Stakes float64 `json:"stakes,omitempty"`
	// Cause says why this attempt was accepted or why the cascade moved on.
	Cause Cause `json:"cause"`
	// Detail is for people: the upstream's error, the broken contract.
	Detail       string        `json:"detail,omitempty"`
	FinishReason string        `json:"finish_reason,omitempty"`
	Usage        Usage         `json:"usage"`
	Cost         Cost          `json:"cost"`
	Latency      time.Duration `json:"latency_ns"`
	FirstToken   time.Duration `json:"first_token_ns,omitempty"`
	Answer       Digest        `json:"answer,omitempty"` // of the answer's text, keyed as the task's recording asks
	// Tries are the calls that were made for it, in order.
	Tries []Try `json:"tries,omitempty"`
	// Witnesses are what the task's witnesses said of the same request, those that
	// were asked, and Samples the tier's own further answers.
	Witnesses []WitnessAnswer `json:"witnesses,omitempty"`
	Samples   []WitnessAnswer `json:"samples,omitempty"`
}

// UnmarshalJSON implements json.Unmarshaler. It reads records of the time when a
// task had one witness.
func (a *Attempt) UnmarshalJSON(b []byte) error {
	type plain Attempt
	old := struct {
		*plain
		Witness *WitnessAnswer `json:"witness"`
	}{plain: (*plain)(a)}
	if err := json.Unmarshal(b, &old); err != nil {
		return err
	}
	if old.Witness != nil {
		old.Witness.Name = "witness"
		a.Witnesses = []WitnessAnswer{*old.Witness}
	}
	return nil
}

// Beside is what all that was asked beside the tier cost.
func (a *Attempt) Beside() Cost {
	total := KnownCost(0)
	for _, list := range [][]WitnessAnswer{a.Witnesses, a.Samples} {
		for i := range list {
			total = total.Add(list[i].Cost)
		}
	}
	return total
}

// WitnessAnswer is the answer of a task's witness: another small model, asked only
// to see whether it agrees. The further answers of the tier itself are recorded
// alike.
type WitnessAnswer struct {
	// Name is the witness's, and empty for a further answer of the tier.
	Name    TierID        `json:"name,omitempty"`
	Model   ModelID       `json:"model"`
	Variant Digest        `json:"variant"`
	Label   string        `json:"label,omitempty"`
	Failure FailureKind   `json:"failure,omitempty"` // of a call that gave no answer
	Detail  string        `json:"detail,omitempty"`  // why it said nothing
	Usage   Usage         `json:"usage"`
	Cost    Cost          `json:"cost"`
	Latency time.Duration `json:"latency_ns"`
}

// Reading is an answer read through its task's contract.
type Reading struct {
	// Valid says that the contract is kept.
	Valid bool `json:"valid"`
	// Label is the label of a classify or moderate task.
	Label string `json:"label,omitempty"`
	// Problem says which part of the contract is broken.
	Problem string `json:"problem,omitempty"`
	// Final is where the contract's pattern found the answer within the text, for
	// a contract that has one. It holds the model's words and is not recorded.
	Final Final `json:"-"`
}

// Final is the final answer of a text that reasons first. Its parts are pieces of
// that text.
type Final struct {
	// Text is the answer itself; empty where the pattern found none.
	Text string
	// Before is everything before the pattern's match, and After what follows the
	// answer.
	Before, After string
	// Others is how many earlier matches name another answer.
	Others int
	// Options are the texts that the request lists for the labels, in the order of
	// the labels, and Option is the place of the answer's own among them, −1 where
	// none is listed for it.
	Options []string
	Option  int
}

// Content is what the final answer says: the text of the option that it chose, or
// the answer itself.
func (f *Final) Content() string {
	if f.Option >= 0 && f.Option < len(f.Options) {
		return f.Options[f.Option]
	}
	return f.Text
}

// RuleEffect is what the rules made of a request before any model was asked.
type RuleEffect struct {
	// Fired are the names of the rules that held, in order.
	Fired []string `json:"fired,omitempty"`
	// Permitted are the tiers that no rule forbade, in cascade order.
	Permitted []TierID `json:"permitted"`
	// Pin is the tier that a rule or the client asked for, if any.
	Pin TierID `json:"pin,omitempty"`
	// Stakes is how many times an ordinary harm one here counts; at least 1.
	Stakes float64 `json:"stakes"`
	// NoWitness says that the rules forbid all of the task's witnesses, and Without
	// names those that they forbid where there are others.
	NoWitness bool     `json:"no_witness,omitempty"`
	Without   []TierID `json:"without,omitempty"`
}

// Decision is the record of one request: what was measured, what was decided
// and why, what it cost and what it would have cost. It holds no text of the
// client's or the model's; payloads lie apart.
type Decision struct {
	ID           DecisionID `json:"id"`
	Time         time.Time  `json:"time"`
	Task         TaskID     `json:"task"`
	Conversation string     `json:"conversation,omitempty"`
	Principal    string     `json:"principal,omitempty"`

	// Metadata and Slices are what rules and certificates saw.
	Metadata map[string]string `json:"metadata,omitempty"`
	Slices   []string          `json:"slices,omitempty"`

	// Config is the snapshot of the configuration, Policy the artefact in
	// force, empty where the task has none.
	Config Digest `json:"config"`
	Policy Digest `json:"policy,omitempty"`
	// Withdrawn says that the policy's certificate was withdrawn for drift when
	// this was decided.
	Withdrawn bool `json:"withdrawn,omitempty"`

	Request  Signals    `json:"request_signals,omitempty"`
	Shape    *Shape     `json:"shape,omitempty"`
	Rules    RuleEffect `json:"rules"`
	Attempts []Attempt  `json:"attempts"`

	// Tier is the tier whose answer was given, empty where none was.
	Tier  TierID  `json:"tier,omitempty"`
	Model ModelID `json:"model,omitempty"`
	// Cause is why that tier answered: for the tier that a cascade ended on by
	// moving on, the reason why the one before it was not enough.
	Cause  Cause  `json:"cause"`
	Detail string `json:"detail,omitempty"`
	// Propensity is the probability with which the deciding policy takes the
	// action that it took, given the same request: 1 where nothing is random.
	Propensity float64 `json:"propensity"`

	Lifecycle Lifecycle `json:"lifecycle"`
	Streamed  bool      `json:"streamed,omitempty"`
	Status    int       `json:"status"` // of the HTTP response

	// Cost is what all attempts cost together; Baseline what the largest tier
	// alone would have cost: exact where it was asked, estimated from the
	// request's tokens and the given answer's length where it was not.
	Cost              Cost `json:"cost"`
	Baseline          Cost `json:"baseline"`
	BaselineEstimated bool `json:"baseline_estimated,omitempty"`

	// Latency is the whole time in the gateway, Overhead the part of it that
	// no upstream call covers.
	Latency  time.Duration `json:"latency_ns"`
	Overhead time.Duration `json:"overhead_ns"`

	// Input and Answer are digests of the texts, keyed as the task's recording
	// asks; empty where nothing is recorded.
	Input  Digest `json:"input,omitempty"`
	Answer Digest `json:"answer,omitempty"`
}
