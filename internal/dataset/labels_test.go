package dataset

import (
	"errors"
	"strings"
	"testing"

	"github.com/pointsman-ai/pointsman"
)

func TestCheckLabels(t *testing.T) {
	allowed := []string{"refund", "parcel"}
	for name, c := range map[string]struct {
		content       string
		message, hint string
	}{
		"all known":      {"{\"input\":\"a\",\"label\":\"refund\"}\n\n{\"input\":\"b\",\"label\":\"parcel\"}\n{\"input\":\"none\"}\n", "", ""},
		"a slip":         {"{\"input\":\"a\",\"label\":\"refund\"}\n\n{\"input\":\"b\",\"label\":\"refnd\"}\n", `an example has a label that the task does not have: FILE:3: "refnd"`, `did you mean "refund"? the task's labels are "refund", "parcel"`},
		"a space":        {"{\"input\":\"b\",\"label\":\"refund \"}\n", `FILE:1: "refund "`, `did you mean "refund"?`},
		"a look-alike":   {"{\"input\":\"b\",\"label\":\"r\u0435fund\"}\n", "FILE:1: \"r\u0435fund\"", `did you mean "refund"?`},
		"of another set": {strings.Repeat("{\"input\":\"b\",\"label\":\"something else altogether\"}\n", 7), `7 examples have a label that the task does not have: FILE:1: "something else altogether", FILE:2`, `the task's labels are "refund", "parcel"`},
	} {
		t.Run(name, func(t *testing.T) {
			path := write(t, "data.jsonl", c.content)
			examples, err := Load(path)
			if err != nil {
				t.Fatal(err)
			}
			err = CheckLabels(path, examples, allowed)
			if c.message == "" {
				if err != nil {
					t.Error(err)
				}
				return
			}
			var e *pointsman.Error
			if !errors.As(err, &e) || !strings.Contains(e.Message, strings.ReplaceAll(c.message, "FILE", path)) || !strings.HasPrefix(e.Hint, c.hint) {
				t.Errorf("%v", err)
			}
			if name == "of another set" && !strings.HasSuffix(e.Message, "and 2 more") {
				t.Errorf("%v", err)
			}
			if err := CheckLabels(path, examples, nil); err != nil {
				t.Errorf("a task without labels: %v", err)
			}
		})
	}
}
