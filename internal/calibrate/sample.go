package calibrate

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/pointsman-ai/pointsman"
	"github.com/pointsman-ai/pointsman/internal/calibrate/fit"
	"github.com/pointsman-ai/pointsman/internal/cascade"
	"github.com/pointsman-ai/pointsman/internal/collect"
	"github.com/pointsman-ai/pointsman/internal/dataset"
)

// sample are the examples that a calibration can use. Each content is asked once;
// what the data have more often stays as often as that in the sample, because the
// promise is about requests and not about distinct texts.
type sample struct {
	examples []dataset.Example
	again    [][]*dataset.Example // further occurrences of each
}

// occurrence is one example of a sample, with a name of its own.
type occurrence struct {
	id      string
	example *dataset.Example
}

// freshNames name what of each occurrence is fresh once: what it asks, but for
// case, white space, punctuation and metadata, and where several ask the same,
// its number among them. Another label, or another column, makes none fresh again.
func (s *sample) freshNames() map[string]string {
	all := s.all()
	slices.SortFunc(all, func(a, b occurrence) int { return strings.Compare(a.id, b.id) })
	seen, out := map[string]int{}, make(map[string]string, len(all))
	for _, one := range all {
		asked := pointsman.DigestOf([]byte(one.example.Folded())).Hex()
		seen[asked]++
		out[one.id] = fmt.Sprintf("%s.%d", asked, seen[asked])
	}
	return out
}

// occurrences lists an example and its further occurrences.
func (s *sample) occurrences(i int) []occurrence {
	hex := s.examples[i].Digest().Hex()
	out := []occurrence{{hex, &s.examples[i]}}
	for k, e := range s.again[i] {
		out = append(out, occurrence{fmt.Sprintf("%s.%d", hex, k+2), e})
	}
	return out
}

// all lists every occurrence.
func (s *sample) all() []occurrence {
	var out []occurrence
	for i := range s.examples {
		out = append(out, s.occurrences(i)...)
	}
	return out
}

// usable finds, before anything is asked, the examples that a calibration can
// use: none that the owner's rules exclude, and none whose answers could not be
// judged. An example that cannot be sent is an error.
func usable(o Options, g *grader, tiers *collect.Tiers, r *Report) (*sample, error) {
	seen := make(map[pointsman.Digest]int, len(o.Examples))
	out := &sample{}
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
		if why := g.unusable(o, e); why != "" {
			r.Skipped[why]++
			continue
		}
		if k, ok := seen[digest]; ok {
			out.again[k] = append(out.again[k], e)
			r.Repeated++
			continue
		}
		seen[digest] = len(out.examples)
		out.examples, out.again = append(out.examples, *e), append(out.again, nil)
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
func enough(o Options, f fit.Options, sample *sample, spent map[string]bool, last time.Time, r *Report) error {
	least, err := f.Least()
	if errors.Is(err, fit.ErrInvalid) {
		return &pointsman.Error{
			Code: pointsman.CodeInvalid, Message: fmt.Sprintf("the target of task %s cannot be certified by any number of examples", o.Task.ID),
			Hint: "set target.confidence between 0 and 1, and target.retain below 1 for a promise of harm", Err: err,
		}
	}
	if err != nil {
		return err
	}
	var stubs []fit.Observation
	names := sample.freshNames()
	for _, one := range sample.all() {
		stubs = append(stubs, fit.Observation{ID: one.id, Group: one.example.Group, Near: one.example.Folded(), Spent: spent[names[one.id]]})
		if spent[names[one.id]] {
			r.Spent++
		}
	}
	parts := f.Partition(stubs)
	toFit, toCertify := parts.Count(fit.PartFit), parts.Units(fit.PartCertify)
	r.Least = least
	t := o.Task.Target
	promise := fmt.Sprintf("to promise %s of %g with %g %% confidence", t.Promised(), t.Retain, 100*t.Confidence)
	if len(stubs) >= least.Examples && toFit >= least.Fit && toCertify >= least.Certify {
		o.Progress.Note(fmt.Sprintf("%d examples to fit and %d independent ones to certify, %s, which takes at least %d, and more where quality is lost",
			toFit, toCertify, promise, least.Certify))
		return nil
	}
	hint := fmt.Sprintf("%s takes at least %d examples to fit and %d independent ones to certify, and more where quality is lost: give about %d%s. Nothing was asked",
		promise, least.Fit, least.Certify, least.Give(f.CertifyShare), r.unused())
	if len(stubs) == 0 && len(r.Skipped) > 0 {
		hint += "; or " + otherLabels
	}
	if r.Spent > 0 {
		hint = fmt.Sprintf("%d of them have certified a policy before (the last on %s) and are not fresh any more; they are fitted on, and do not certify again unless --reuse pays for another try. %s",
			r.Spent, last.UTC().Format(time.DateOnly), hint)
	}
	return &pointsman.Error{
		Code: pointsman.CodeInvalid,
		Message: fmt.Sprintf("there are too few examples to calibrate with: %d of %d can be used, %d of them to fit and %d independent ones to certify",
			len(stubs), len(o.Examples), toFit, toCertify),
		Hint: hint,
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
