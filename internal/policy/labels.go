package policy

import (
	"fmt"
	"slices"
	"strings"

	"github.com/pointsman-ai/pointsman"
)

// Labels say by what the answers were judged that a policy was fitted and
// certified on: what its promise means by right.
type Labels struct {
	Source pointsman.LabelSource `json:"source"`
	// By are the people or judges, in increasing order.
	By []string `json:"by,omitempty"`
	// Asked counts the examples that people judged of those that a judge, or the
	// agreement with the largest tier, judged all; Predicted says which. Without
	// them there was no such sample.
	Asked     int                   `json:"asked,omitempty"`
	Predicted pointsman.LabelSource `json:"predicted,omitempty"`
	// Sensitivity and Specificity are what that judge is worth by people; null
	// where nothing tells.
	Sensitivity *Accuracy `json:"sensitivity,omitempty"`
	Specificity *Accuracy `json:"specificity,omitempty"`
}

// Accuracy is a share with its 95 % interval.
type Accuracy struct {
	Value float64 `json:"value"`
	Low   float64 `json:"low"`
	High  float64 `json:"high"`
}

// Meaning says in a sentence what right means; it is empty where nothing is
// known.
func (l *Labels) Meaning() string {
	if l == nil {
		return ""
	}
	if l.Predicted != "" {
		return l.sampled()
	}
	switch l.Source {
	case pointsman.LabelsTruth:
		return "An answer is right where the dataset says so."
	case pointsman.LabelsPeople:
		return fmt.Sprintf("An answer is right where people say so (%s).", strings.Join(l.By, ", "))
	case pointsman.LabelsJudge:
		checked := "whom nobody has checked"
		if worth := l.worth(); worth != "" {
			checked = "who is worth this by people" + worth
		}
		return fmt.Sprintf("An answer is right where a judge says so (%s), %s: this promise is about that judge's word.", strings.Join(l.By, ", "), checked)
	case pointsman.LabelsAgreement:
		return "An answer is right where it is the same as the largest tier's: this promise is about agreement with the largest tier, not about truth."
	}
	return ""
}

// sampled is the meaning where people judged a sample.
func (l *Labels) sampled() string {
	all := "agreement with the largest tier"
	if l.Predicted == pointsman.LabelsJudge {
		all = "a judge"
	}
	return fmt.Sprintf("An answer is right where people say so (%s): they judged a drawn sample of %d examples, which corrects what %s%s says of all.",
		strings.Join(l.By, ", "), l.Asked, all, l.worth())
}

// worth is what the judge is worth, where it is known.
func (l *Labels) worth() string {
	if l.Sensitivity == nil || l.Specificity == nil {
		return ""
	}
	return fmt.Sprintf(" (sensitivity %.3f [%.3f, %.3f], specificity %.3f [%.3f, %.3f])",
		l.Sensitivity.Value, l.Sensitivity.Low, l.Sensitivity.High, l.Specificity.Value, l.Specificity.Low, l.Specificity.High)
}

func (l *Labels) check() error {
	if l != nil && !slices.Contains(pointsman.LabelSources, l.Source) {
		return fmt.Errorf("labels: source %q is not known", l.Source)
	}
	return nil
}
