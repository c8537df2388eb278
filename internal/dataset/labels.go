package dataset

import (
	"fmt"
	"slices"
	"strings"

	"github.com/pointsman-ai/pointsman"
	"github.com/pointsman-ai/pointsman/internal/excerpt"
	"github.com/pointsman-ai/pointsman/internal/suggest"
)

// labelsTold is how many wrong labels an error lists.
const labelsTold = 5

// CheckLabels refuses examples of a file whose label is none of the allowed ones:
// no answer could be right on them. The error lists the first few with their
// lines. Without allowed labels every label will do.
func CheckLabels(path string, examples []Example, allowed []string) error {
	if len(allowed) == 0 {
		return nil
	}
	known := make(map[string]bool, len(allowed))
	for _, l := range allowed {
		known[l] = true
	}
	var wrong []string
	n, near := 0, ""
	for i := range examples {
		e := &examples[i]
		if e.Label == "" || known[e.Label] {
			continue
		}
		if n++; n > labelsTold {
			continue
		}
		wrong = append(wrong, fmt.Sprintf("%s:%d: %q", path, e.Line, excerpt.Of(e.Label, 200)))
		if near == "" {
			near = suggest.Nearest(e.Label, slices.Sorted(slices.Values(allowed)))
		}
	}
	if n == 0 {
		return nil
	}
	message := fmt.Sprintf("%d examples have a label that the task does not have: %s", n, strings.Join(wrong, ", "))
	if n == 1 {
		message = "an example has a label that the task does not have: " + wrong[0]
	}
	if n > labelsTold {
		message += fmt.Sprintf(" and %d more", n-labelsTold)
	}
	hint := "the task's labels are " + quoted(allowed)
	if near != "" {
		hint = fmt.Sprintf("did you mean %q? %s", near, hint)
	}
	return &pointsman.Error{Code: pointsman.CodeInvalid, Message: message, Hint: hint}
}

// quoted lists names for a message, the first of many.
func quoted(names []string) string {
	const most = 40
	var out []string
	for _, name := range names[:min(len(names), most)] {
		out = append(out, fmt.Sprintf("%q", name))
	}
	if len(names) > most {
		out = append(out, fmt.Sprintf("and %d more", len(names)-most))
	}
	return strings.Join(out, ", ")
}
