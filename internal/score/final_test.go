package score

import (
	"testing"

	"github.com/pointsman-ai/pointsman"
	"github.com/pointsman-ai/pointsman/internal/dataset"
)

// Where the contract has a pattern, what it found is the answer.
func TestTheFinalAnswerIsScored(t *testing.T) {
	final := pointsman.Reading{Valid: true, Final: pointsman.Final{Text: "42"}}
	if s := (Text{Measure: MeasureExact, Accept: 1}).Score(&dataset.Example{Reference: "42"}, "Six times seven.\n#### 42", final); !s.Acceptable {
		t.Errorf("%+v", s)
	}
	final.Final.Text = `{"total":"42"}`
	if s := (Extract{Accept: 1}).Score(&dataset.Example{Fields: map[string]string{"total": "42"}}, `So: {"total":"42"}`, final); !s.Acceptable {
		t.Errorf("%+v", s)
	}
}
