package eval

import (
	"fmt"
	"strings"

	"github.com/pointsman-ai/pointsman"
)

// Unanswered is an error where a target answered none of the examples that it
// was asked: such a report compares nothing. It says why they failed.
func (r *Report) Unanswered() error {
	var silent []string
	for i := range r.Targets {
		t := &r.Targets[i]
		if t.Failed == 0 || t.Scored+t.Unscored > 0 {
			continue
		}
		one := fmt.Sprintf("%s answered none of %d examples", t.Target.Name, t.Failed)
		if len(t.Failures) > 0 {
			one += fmt.Sprintf(" (%d times: %s)", t.Failures[0].N, t.Failures[0].Name)
		}
		silent = append(silent, one)
	}
	if len(silent) == 0 {
		return nil
	}
	return &pointsman.Error{
		Code: pointsman.CodeUpstream, Message: strings.Join(silent, "; "),
		Hint: "pointsman check looks for keys and models that are missing; run again to ask what failed again",
	}
}
