package calibrate

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/pointsman-ai/pointsman"
	"github.com/pointsman-ai/pointsman/internal/calibrate/fit"
	"github.com/pointsman-ai/pointsman/internal/cascade"
	"github.com/pointsman-ai/pointsman/internal/collect"
	"github.com/pointsman-ai/pointsman/internal/dataset"
	"github.com/pointsman-ai/pointsman/internal/score"
)

// usable finds, before anything is asked, the examples that a calibration can
// use: each content once, none that the owner's rules exclude, and none that the
// scorer could not judge. An example that cannot be sent is an error.
func usable(o Options, scorer score.Scorer, tiers *collect.Tiers, r *Report) ([]dataset.Example, error) {
	seen := make(map[pointsman.Digest]bool, len(o.Examples))
	out := make([]dataset.Example, 0, len(o.Examples))
	for i := range o.Examples {
		e := &o.Examples[i]
		excluded, err := tiers.Excluded(e)
		if err != nil {
			return nil, err
		}
		if excluded != "" {
			r.Excluded[excluded]++
			continue
		}
		digest := e.Digest()
		why := scorer.Score(e, "", pointsman.Reading{}).Skipped
		switch {
		case why != "":
		case foreign(o.Task, e.Label):
			why = "its label is none of the task's"
		case seen[digest]:
			why = "the same example again"
		}
		if why != "" {
			r.Skipped[why]++
			continue
		}
		seen[digest] = true
		out = append(out, *e)
	}
	return out, nil
}

// foreign says that no answer of the task could have that label.
func foreign(t *cascade.Task, label string) bool {
	labels := t.Contract.Labels
	return label != "" && len(labels) > 0 && !slices.Contains(labels, label)
}

// enough refuses, before anything is asked, a sample from which nothing could be
// certified whatever the answers are, and says what it takes.
func enough(o Options, f fit.Options, examples []dataset.Example, r *Report) error {
	least, err := f.Least()
	if errors.Is(err, fit.ErrInvalid) {
		return &pointsman.Error{
			Code: pointsman.CodeInvalid, Message: fmt.Sprintf("the target of task %s cannot be certified by any number of examples", o.Task.ID),
			Hint: "set target.retain below 1 and target.confidence between 0 and 1", Err: err,
		}
	}
	if err != nil {
		return err
	}
	stubs := make([]fit.Observation, len(examples))
	for i := range examples {
		stubs[i] = fit.Observation{ID: examples[i].Digest().Hex(), Group: examples[i].Group}
	}
	toFit, toCertify := f.Sizes(stubs)
	r.Least = least
	promise := fmt.Sprintf("keeping %g %% with %g %% confidence in %d tiers", 100*o.Task.Target.Retain, 100*o.Task.Target.Confidence, len(o.Task.Tiers))
	if len(examples) >= least.Examples && toFit >= least.Fit && toCertify >= least.Certify {
		o.Progress.Note(fmt.Sprintf("%d examples to fit and %d conversations to certify %s, which takes at least %d, and more where harm is seen",
			toFit, toCertify, promise, least.Certify))
		return nil
	}
	return &pointsman.Error{
		Code: pointsman.CodeInvalid,
		Message: fmt.Sprintf("there are too few examples to calibrate with: %d of %d can be used, %d of them to fit and %d conversations to certify",
			len(examples), len(o.Examples), toFit, toCertify),
		Hint: fmt.Sprintf("%s takes at least %d examples to fit and %d conversations to certify, and more where harm is seen: give about %d%s. Nothing was asked",
			promise, least.Fit, least.Certify, least.Give(f.CertifyShare), r.unused()),
	}
}

// unused says how many examples could not be used, and why.
func (r *Report) unused() string {
	var out []string
	for _, why := range slices.Sorted(maps.Keys(r.Excluded)) {
		out = append(out, fmt.Sprintf("%d may not be asked (%s)", r.Excluded[why], why))
	}
	for _, why := range slices.Sorted(maps.Keys(r.Skipped)) {
		out = append(out, fmt.Sprintf("%d cannot be used (%s)", r.Skipped[why], why))
	}
	if len(out) == 0 {
		return ""
	}
	return "; " + strings.Join(out, ", ")
}
