// Package shadow audits answers that a smaller tier was trusted with: a sample of
// them is also put to the largest tier, out of the way of the request and within a
// budget, and where the two disagree more than the policy's certificate allows,
// the certificate is withdrawn.
//
// With no truth at hand, harm is disagreement with the largest tier's answer.
// Budget and queue are those of this process.
package shadow

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"log/slog"
	"strconv"
	"sync"
	"time"

	"github.com/pointsman-ai/pointsman"
	"github.com/pointsman-ai/pointsman/internal/cascade"
	"github.com/pointsman-ai/pointsman/internal/memory"
	"github.com/pointsman-ai/pointsman/internal/withdraw"
)

// Settings are a task's, as its owner has them.
type Settings struct {
	Share  float64
	PerDay pointsman.Money
	Harm   *float64 // allowed; nil: what the certificate allows
}

// Instance is the configuration in force, held while an audit is made.
type Instance interface {
	Task(id pointsman.TaskID) (*cascade.Task, error)
	// Audits are a task's settings; nil where it is not audited.
	Audits(id pointsman.TaskID) *Settings
}

// Log is where audits go on record.
type Log interface {
	RecordAudit(a *pointsman.Audit, recording pointsman.Recording, conversation, answer string) error
}

// Past gives what is on record from before.
type Past interface {
	// Judged calls f for each audit of a policy in force, oldest first, with the
	// latest word on its decision, or nil.
	Judged(ctx context.Context, task pointsman.TaskID, policy pointsman.Digest, f func(*pointsman.Audit, *pointsman.Outcome)) error
	// Charged is what a task's audits were charged since a time.
	Charged(ctx context.Context, task pointsman.TaskID, since time.Time) (pointsman.Money, error)
}

// Result is what came of an answer that was drawn.
type Result string

// The results.
const (
	Agreed    Result = "agreed"
	Disagreed Result = "disagreed" // at least in part
	Unjudged  Result = "unjudged"  // asked, without a verdict
	Full      Result = "queue_full"
	Spent     Result = "budget_spent"
	Forbidden Result = "forbidden" // by the owner's rules
	Gone      Result = "changed"   // the configuration or the policy is another one now
	Dropped   Result = "dropped"   // by the end of the process, or for want of memory
	Unwritten Result = "unwritten" // it could not be put on record
)

// Options are what an auditor needs. All but Memory and Withdraw are required.
type Options struct {
	Acquire func() (Instance, func())
	Log     Log
	Past    Past
	Now     func() time.Time
	Logger  *slog.Logger
	Memory  *memory.Budget
	// Events are the alarms and resets of a task.
	Events func(pointsman.TaskID) ([]withdraw.Event, error)
	// Withdraw puts an alarm on record and in force.
	Withdraw func(pointsman.TaskID, withdraw.Event) error
	// Observe is told what came of each answer that was drawn, and how the watch
	// of its task stands, which may be nil; for metrics.
	Observe func(task pointsman.TaskID, r Result, charged pointsman.Money, s *Status)
}

const (
	queueLength = 256
	workers     = 2
	timeout     = 2 * time.Minute // of one audit
)

// Auditor makes audits. It is safe for concurrent use.
type Auditor struct {
	Options
	queue chan job

	mu    sync.Mutex
	tasks map[pointsman.TaskID]*state
	ended bool // nothing is taken any more
}

// state is what is known of a task.
type state struct {
	mu     sync.Mutex
	policy pointsman.Digest
	since  time.Time
	allowed,
	share float64
	watch *Watch // nil where harm is not watched for
	// withdrawn says that the certificate was, for what this watch saw.
	withdrawn bool
	loaded    bool // the budget
	budget    Budget
	refused   time.Time // the day on which the log said that the budget is spent
}

// job is an answer that was drawn.
type job struct {
	decision     pointsman.DecisionID
	task         pointsman.TaskID
	policy       pointsman.Digest
	conversation string
	request      *pointsman.Request
	kept         answer
	share        float64
	lease        *memory.Lease
}

// New makes an auditor.
func New(o Options) *Auditor {
	return &Auditor{Options: o, queue: make(chan job, queueLength), tasks: map[pointsman.TaskID]*state{}}
}

// Kept offers an answer that its client has. It never waits.
func (a *Auditor) Kept(d *pointsman.Decision, r *pointsman.Request, text string) {
	if d.Cause != pointsman.CauseAccepted || d.Lifecycle != pointsman.Completed || d.Rules.Pin != "" || len(d.Attempts) == 0 {
		return
	}
	instance, release := a.Acquire()
	settings := instance.Audits(d.Task)
	release()
	if settings == nil || !Drawn(d.ID, settings.Share) {
		return
	}
	j := job{
		decision: d.ID, task: d.Task, policy: d.Policy, conversation: d.Conversation, request: r,
		kept: answer{text, d.Attempts[len(d.Attempts)-1].Reading}, share: settings.Share,
	}
	if a.Memory != nil {
		j.lease = a.Memory.Lease()
		if j.lease.Grow(int64(len(r.Payload.Body)+len(text))*memory.PerBodyByte) != nil {
			a.Observe(j.task, Dropped, 0, nil)
			return
		}
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	result := Dropped
	if !a.ended {
		select {
		case a.queue <- j:
			return
		default:
			result = Full
		}
	}
	j.lease.Release()
	a.Observe(j.task, result, 0, nil)
}

// Drawn says whether a decision is in the sample of a share. It depends on the
// decision's id alone, which no client chooses, so that it can be checked later.
func Drawn(id pointsman.DecisionID, share float64) bool {
	sum := sha256.Sum256([]byte("audit " + id))
	return float64(binary.BigEndian.Uint64(sum[:8])>>11)/(1<<53) < share
}

// Run makes audits until [Auditor.End], or until the context ends; then what is
// left is dropped and counted.
func (a *Auditor) Run(ctx context.Context) error {
	var group sync.WaitGroup
	for range workers {
		group.Go(func() {
			for j := range a.queue {
				a.do(ctx, &j)
				j.lease.Release()
			}
		})
	}
	stop := context.AfterFunc(ctx, a.End)
	defer stop()
	group.Wait()
	return nil
}

// End takes no more answers; Run makes the audits that are waiting and returns.
func (a *Auditor) End() {
	a.mu.Lock()
	defer a.mu.Unlock()
	if !a.ended {
		a.ended = true
		close(a.queue)
	}
}

// do makes one audit.
func (a *Auditor) do(ctx context.Context, j *job) {
	if ctx.Err() != nil {
		a.Observe(j.task, Dropped, 0, nil)
		return
	}
	instance, release := a.Acquire()
	defer release()
	task, err := instance.Task(j.task)
	settings := instance.Audits(j.task)
	if err != nil || settings == nil || task.PolicyDigest != j.policy || task.PolicyProblem != nil || task.Policy == nil {
		a.Observe(j.task, Gone, 0, nil)
		return
	}
	s, err := a.state(ctx, task, settings)
	if err != nil {
		a.Logger.Error("an audit is left out: what is on record cannot be read", "task", j.task, "error", err)
		a.Observe(j.task, Dropped, 0, nil)
		return
	}
	reserved, ok := reservation(task.Largest(), j.request)
	if !ok || !s.budget.Reserve(a.Now(), settings.PerDay, reserved) {
		a.refuse(s, j, settings)
		return
	}
	audit, result, text := a.guarded(ctx, task, j, reserved)
	charged := pointsman.Money(0)
	if audit != nil {
		charged = audit.Charged
	}
	s.budget.Settle(a.Now(), reserved, charged)
	if audit == nil {
		a.Observe(j.task, result, 0, nil)
		return
	}
	a.count(s, task, j, audit, result, text)
}

// refuse leaves an audit out that there is no money for, and says so once a day.
func (a *Auditor) refuse(s *state, j *job, settings *Settings) {
	s.mu.Lock()
	day := dayOf(a.Now())
	first := day.After(s.refused)
	s.refused = day
	s.mu.Unlock()
	if first {
		a.Logger.Warn("the budget of audits leaves nothing for more today; requests are not affected", "task", j.task, "per_day", settings.PerDay.String(), "spent", s.budget.Spent(a.Now()).String())
	}
	a.Observe(j.task, Spent, 0, nil)
}

// guarded is ask; a fault in it is an audit without a verdict, and the process
// goes on.
func (a *Auditor) guarded(ctx context.Context, task *cascade.Task, j *job, reserved pointsman.Money) (audit *pointsman.Audit, result Result, text string) {
	defer func() {
		if fault := recover(); fault != nil {
			a.Logger.Error("an audit met a fault", "task", j.task, "decision", j.decision, "fault", fault)
			audit, result, text = a.audit(task, j, reserved), Unjudged, ""
			audit.Detail = "a fault of pointsman itself"
		}
	}()
	return a.ask(ctx, task, j, reserved)
}

// audit is an audit that nothing has come of yet.
func (a *Auditor) audit(task *cascade.Task, j *job, reserved pointsman.Money) *pointsman.Audit {
	largest := task.Largest()
	return &pointsman.Audit{
		Decision: j.decision, Time: a.Now().UTC(), Task: j.task, Policy: j.policy, Probability: j.share,
		Tier: largest.ID, Model: largest.Variant.Model, Variant: largest.Digest, Kept: j.kept.reading.Label, Charged: reserved,
	}
}

// ask puts the request to the largest tier under the owner's rules. There is no
// audit where nothing was asked.
func (a *Auditor) ask(ctx context.Context, task *cascade.Task, j *job, reserved pointsman.Money) (*pointsman.Audit, Result, string) {
	ctx, cancel := context.WithTimeout(memory.With(ctx, j.lease), timeout)
	defer cancel()
	m, err := task.Measure(ctx, a.Now, j.request, task.Largest().ID)
	if pointsman.CodeOf(err) == pointsman.CodeForbidden {
		return nil, Forbidden, ""
	}
	audit := a.audit(task, j, reserved)
	if err != nil {
		audit.Detail = "the call was ended: " + err.Error()
		return audit, Unjudged, ""
	}
	t := &m.Attempt
	audit.Usage, audit.Cost, audit.Latency, audit.Label = t.Usage, t.Cost, t.Latency, t.Reading.Label
	if t.Cost.Known {
		audit.Charged = t.Cost.Amount
	}
	if t.Cause == pointsman.CauseError || t.Cause == pointsman.CauseTimeout {
		audit.Detail = "the largest tier failed: " + t.Detail
	} else {
		audit.Harm, audit.Detail = disagreement(task.Kind, j.kept, answer{m.Text, t.Reading})
	}
	switch {
	case audit.Harm == nil:
		return audit, Unjudged, m.Text
	case *audit.Harm > 0:
		return audit, Disagreed, m.Text
	}
	return audit, Agreed, m.Text
}

// count puts an audit on record, and only then counts it in the test.
func (a *Auditor) count(s *state, task *cascade.Task, j *job, audit *pointsman.Audit, result Result, text string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := a.Log.RecordAudit(audit, task.Record, j.conversation, text); err != nil {
		a.Logger.Error("an audit could not be put on record, and does not count", "task", j.task, "decision", j.decision, "error", err)
		a.Observe(j.task, Unwritten, audit.Charged, nil)
		return
	}
	if s.watch == nil || s.policy != j.policy {
		a.Observe(j.task, result, audit.Charged, nil)
		return
	}
	// What could not be put on record is tried again at the next audit.
	if s.watch.Add(audit, nil) && !s.withdrawn {
		s.withdrawn = a.alarm(s, j.task)
	}
	status := s.watch.Status()
	a.Observe(j.task, result, audit.Charged, &status)
}

// alarm withdraws the certificate, and says whether it could. The caller holds the
// state.
func (a *Auditor) alarm(s *state, task pointsman.TaskID) bool {
	e := withdraw.Event{Time: a.Now().UTC(), Policy: s.policy, Reason: "audited answers disagree with the largest tier more than the certificate allows", Evidence: s.watch.evidence()}
	a.Logger.Error("drift: the certificate is withdrawn, and requests go to the largest tier", "task", task, "policy", s.policy.Short(),
		"audits", e.Evidence.Audits, "allowed", e.Evidence.Allowed, "harm", e.Evidence.Harm, "recent_harm", e.Evidence.Recent, "recent_audits", e.Evidence.RecentAudits,
		"hint", "see pointsman drift status "+string(task)+"; calibrate again, or pointsman drift reset with a reason")
	if err := a.Withdraw(task, e); err != nil {
		a.Logger.Error("drift: the certificate could not be withdrawn", "task", task, "error", err)
		return false
	}
	return true
}

// reservation bounds what an answer of a tier costs; it is the request's bytes and
// as many tokens of output as the tier permits. ok is false where the price is
// unknown.
func reservation(t *cascade.Tier, r *pointsman.Request) (pointsman.Money, bool) {
	output := unlimitedTokens
	for _, name := range []string{"max_completion_tokens", "max_tokens"} {
		if n, err := strconv.Atoi(t.Variant.Params[name]); err == nil && n > 0 {
			output = n
			break
		}
	}
	c := t.Price.Cost(pointsman.Usage{Known: true, Input: len(r.Payload.Body) + len(t.Variant.Prompt.System), Output: output})
	return c.Amount, c.Known
}

// state is what is known of a task under its policy: read from the record when it
// is asked for first, and when policy or settings are others.
func (a *Auditor) state(ctx context.Context, task *cascade.Task, settings *Settings) (*state, error) {
	a.mu.Lock()
	s := a.tasks[task.ID]
	if s == nil {
		s = &state{}
		a.tasks[task.ID] = s
	}
	a.mu.Unlock()
	s.mu.Lock()
	defer s.mu.Unlock()
	now := a.Now()
	if !s.loaded {
		charged, err := a.Past.Charged(ctx, task.ID, dayOf(now))
		if err != nil {
			return nil, err
		}
		s.budget.Settle(now, 0, charged)
		s.loaded = true
	}
	events, err := a.Events(task.ID)
	if err != nil {
		return nil, err
	}
	_, since := withdraw.InForce(events, task.PolicyDigest)
	allowed, ok := Allowed(task.Policy, settings.Harm)
	if s.policy == task.PolicyDigest && s.since.Equal(since) && s.allowed == allowed && s.share == settings.Share {
		return s, nil
	}
	var watch *Watch
	if ok {
		if watch, err = Rebuild(ctx, a.Past, task.ID, task.PolicyDigest, allowed, settings.Share, since); err != nil {
			return nil, err
		}
	}
	s.policy, s.since, s.allowed, s.share, s.watch = task.PolicyDigest, since, allowed, settings.Share, watch
	s.withdrawn = false
	if watch != nil && watch.detector.Alarm() { // by what was said later of answers, or by a stricter allowance
		s.withdrawn = a.alarm(s, task.ID)
	}
	return s, nil
}

// Rebuild makes a watch of the audits on record.
func Rebuild(ctx context.Context, past Past, task pointsman.TaskID, policy pointsman.Digest, allowed, share float64, since time.Time) (*Watch, error) {
	w, err := NewWatch(allowed, share, since)
	if err != nil {
		return nil, err
	}
	err = past.Judged(ctx, task, policy, func(a *pointsman.Audit, o *pointsman.Outcome) { w.Add(a, o) })
	return w, err
}
