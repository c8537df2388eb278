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
}

// Meaning says in a sentence what right means; it is empty where nothing is
// known.
func (l *Labels) Meaning() string {
	if l == nil {
		return ""
	}
	switch l.Source {
	case pointsman.LabelsTruth:
		return "An answer is right where the dataset says so."
	case pointsman.LabelsPeople:
		return fmt.Sprintf("An answer is right where people say so (%s).", strings.Join(l.By, ", "))
	case pointsman.LabelsJudge:
		return fmt.Sprintf("An answer is right where a judge says so (%s), whom nobody has checked: this promise is about that judge's word.", strings.Join(l.By, ", "))
	case pointsman.LabelsAgreement:
		return "An answer is right where it is the same as the largest tier's: this promise is about agreement with the largest tier, not about truth."
	}
	return ""
}

func (l *Labels) check() error {
	if l != nil && !slices.Contains(pointsman.LabelSources, l.Source) {
		return fmt.Errorf("labels: source %q is not known", l.Source)
	}
	return nil
}
