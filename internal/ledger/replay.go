package ledger

import (
	"context"
	"slices"

	"github.com/pointsman-ai/pointsman"
	"github.com/pointsman-ai/pointsman/internal/cascade"
)

// Tasks gives a task as it was when a decision was made: under a configuration
// and with a policy in force.
type Tasks func(config, policy pointsman.Digest, task pointsman.TaskID) (*cascade.Task, error)

// ReplayOptions say what to replay.
type ReplayOptions struct {
	// Task restricts the replay to one task where it is not empty.
	Task pointsman.TaskID
	// Tasks builds the tasks; it is called once for each that records name.
	Tasks Tasks
	// Progress is called for each decision that was replayed; may be nil.
	Progress func()
}

// ReplayReport is what a replay of recorded decisions came to.
type ReplayReport struct {
	Decisions int `json:"decisions"`
	Agree     int `json:"agree"`
	// Skipped are decisions in which nothing was decided: requests that were
	// malformed.
	Skipped int `json:"skipped"`
	// Differ counts records that the replay does not agree with, Failed those
	// that could not be replayed.
	Differ int `json:"differ"`
	Failed int `json:"failed"`
	// Findings name the records of both kinds, up to MaxReplayFindings.
	Findings []ReplayFinding `json:"findings"`
}

// ReplayFinding is one record that does not replay.
type ReplayFinding struct {
	Decision pointsman.DecisionID `json:"decision"`
	Problems []string             `json:"problems"`
}

// MaxReplayFindings is how many findings a report lists; all are counted.
const MaxReplayFindings = 1000

// Replay decides every recorded request again from the signals on record, under
// the configuration and the policy that its record names, and compares. No
// model is asked.
func (r *Reader) Replay(ctx context.Context, o ReplayOptions) (*ReplayReport, error) {
	p := replayer{tasks: o.Tasks, built: map[taskKey]builtTask{}, report: &ReplayReport{Findings: []ReplayFinding{}}}
	for found, err := range r.Decisions(ctx) {
		if err != nil {
			return nil, err
		}
		if o.Task != "" && found.Decision.Task != o.Task {
			continue
		}
		p.replay(found.Decision)
		if o.Progress != nil {
			o.Progress()
		}
	}
	return p.report, nil
}

// replayer is one run of Replay.
type replayer struct {
	tasks  Tasks
	built  map[taskKey]builtTask
	report *ReplayReport
}

// taskKey is what a decision was made under.
type taskKey struct {
	config, policy pointsman.Digest
	task           pointsman.TaskID
}

type builtTask struct {
	task *cascade.Task
	err  error
}

// task is the task as it was when a decision was made, built once.
func (p *replayer) task(d *pointsman.Decision) (*cascade.Task, error) {
	k := taskKey{d.Config, d.Policy, d.Task}
	b, ok := p.built[k]
	if !ok {
		b.task, b.err = p.tasks(k.config, k.policy, k.task)
		p.built[k] = b
	}
	return b.task, b.err
}

func (p *replayer) replay(d *pointsman.Decision) {
	p.report.Decisions++
	if d.Cause == pointsman.CauseInvalid {
		p.report.Skipped++ // nothing was decided: the request was refused before any rule
		return
	}
	task, err := p.task(d)
	if err != nil {
		p.report.Failed++
		p.find(d, err.Error())
		return
	}
	if differences := task.Replay(renamed(d, task)); len(differences) > 0 {
		p.report.Differ++
		p.find(d, differences...)
		return
	}
	p.report.Agree++
}

// renamed is a direct request's decision with the names and the variant that
// its recording setting has kept out: they are those of the ad-hoc task, which
// has one tier.
func renamed(d *pointsman.Decision, task *cascade.Task) *pointsman.Decision {
	if !IsDirect(d.Task) || len(task.Tiers) != 1 {
		return d
	}
	r, tier := *d, &task.Tiers[0]
	r.Attempts = slices.Clone(d.Attempts)
	for i := range r.Attempts {
		if r.Attempts[i].Variant == "" {
			r.Attempts[i].Variant = tier.Digest
		}
	}
	return &r
}

func (p *replayer) find(d *pointsman.Decision, problems ...string) {
	if len(p.report.Findings) < MaxReplayFindings {
		p.report.Findings = append(p.report.Findings, ReplayFinding{Decision: d.ID, Problems: problems})
	}
}
