// Package score judges answers: right or wrong for labels, field by field for
// extracted objects, by overlap for free text.
//
// A [Score] is a grade, or the reason why there is none: an answer that breaks
// its contract is a zero, while an example without an expectation is skipped
// and never a zero. Scorers are pure functions of their arguments and safe for
// concurrent use.
package score

import (
	"fmt"
	"math"

	"github.com/pointsman-ai/pointsman"
	"github.com/pointsman-ai/pointsman/internal/dataset"
)

// Score is the judgement on one answer.
type Score struct {
	// Value is the grade in [0,1]; without meaning where Skipped is set.
	Value float64 `json:"value"`
	// Acceptable says that the grade reaches the scorer's cut.
	Acceptable bool `json:"acceptable"`
	// Skipped says why there is no grade; empty where there is one.
	Skipped string `json:"skipped,omitempty"`
	// Parts are further measures of the same answer, in a fixed order.
	Parts []Part `json:"parts,omitempty"`
}

// Part is one of several measures of an answer, in [0,1]. A measure that does
// not exist for an answer is left out.
type Part struct {
	Name  string  `json:"name"`
	Value float64 `json:"value"`
}

// skip is a score without a grade.
func skip(format string, args ...any) Score {
	return Score{Skipped: fmt.Sprintf(format, args...)}
}

// Scorer judges the answers of a task. The reading is the answer as the task's
// contract read it.
type Scorer interface {
	// Name says what is measured and from where on it is acceptable.
	Name() string
	Score(e *dataset.Example, text string, r pointsman.Reading) Score
}

// Measure names what the value of a [Text] score is.
type Measure string

// The measures of free text.
const (
	MeasureExact      Measure = "exact"      // the same text, but for the space around it
	MeasureNormalised Measure = "normalised" // the same after SQuAD's normalisation
	MeasureTokenF1    Measure = "token_f1"   // overlap of words, SQuAD's F1
	MeasureROUGEL     Measure = "rouge_l"    // longest common subsequence of words
)

// DefaultAccept is the cut of the graded measures where the owner sets none. It
// is a convention and not a finding: what grade is good enough is the owner's
// to say.
const DefaultAccept = 0.8

// Options choose among a kind's measures.
type Options struct {
	// Accept is the least acceptable value; nil is the default: 1 for labels,
	// extracted objects and exact text, [DefaultAccept] for overlap.
	Accept *float64
	// Measure is what the value of a rewrite or open task is; empty is
	// rouge_l for rewrite and token_f1 for open.
	Measure Measure
}

// For is the scorer of a kind of task.
func For(kind pointsman.Kind, o Options) (Scorer, error) {
	accept := 1.0
	if o.Accept != nil {
		accept = *o.Accept
	}
	if math.IsNaN(accept) || accept < 0 || accept > 1 {
		return nil, &pointsman.Error{Code: pointsman.CodeInvalid, Message: fmt.Sprintf("the acceptance cut is %v", accept), Hint: "it lies between 0 and 1"}
	}
	switch kind {
	case pointsman.KindClassify, pointsman.KindModerate:
		return Label{}, nil
	case pointsman.KindExtract:
		return Extract{Accept: accept}, nil
	case pointsman.KindRewrite, pointsman.KindOpen:
		t := Text{Measure: o.Measure, Accept: accept}
		if t.Measure == "" {
			t.Measure = MeasureTokenF1
			if kind == pointsman.KindRewrite {
				t.Measure = MeasureROUGEL
			}
		}
		switch t.Measure {
		case MeasureExact, MeasureNormalised:
		case MeasureTokenF1, MeasureROUGEL:
			if o.Accept == nil {
				t.Accept = DefaultAccept
			}
		default:
			return nil, &pointsman.Error{
				Code: pointsman.CodeInvalid, Message: fmt.Sprintf("no measure of text is called %q", t.Measure),
				Hint: "known: exact, normalised, token_f1, rouge_l",
			}
		}
		return t, nil
	}
	return nil, &pointsman.Error{Code: pointsman.CodeInvalid, Message: fmt.Sprintf("no scorer for tasks of kind %q", kind)}
}

// Label scores classify and moderate tasks: 1 where the label that was read
// from the answer is the right one. An answer from which no label could be
// read is wrong.
type Label struct{}

var _ Scorer = Label{}

// Name is "label".
func (Label) Name() string { return "label" }

// Score compares the labels.
func (Label) Score(e *dataset.Example, _ string, r pointsman.Reading) Score {
	if e.Label == "" {
		return skip("the example has no label")
	}
	if r.Valid && r.Label == e.Label {
		return Score{Value: 1, Acceptable: true}
	}
	return Score{}
}
