package shadow

import (
	"encoding/json"

	"github.com/pointsman-ai/pointsman"
	"github.com/pointsman-ai/pointsman/internal/contract"
	"github.com/pointsman-ai/pointsman/internal/dataset"
	"github.com/pointsman-ai/pointsman/internal/score"
)

// answer is an answer with its reading.
type answer struct {
	text    string
	reading pointsman.Reading
}

// disagreement is how far a kept answer is from the largest tier's, as the scorer
// of the task's kind judges it with that for the truth; nil and the reason where
// that cannot be said.
func disagreement(kind pointsman.Kind, kept, largest answer) (harm *float64, why string) {
	if !largest.reading.Valid {
		return nil, "the largest tier's answer breaks the contract"
	}
	scorer, err := score.For(kind, score.Options{})
	if err != nil {
		return nil, err.Error()
	}
	truth := &dataset.Example{Label: largest.reading.Label}
	switch kind {
	case pointsman.KindExtract:
		truth.Want = json.RawMessage(contract.Object(largest.text))
	case pointsman.KindRewrite, pointsman.KindOpen:
		truth.Reference = largest.text
	case pointsman.KindClassify, pointsman.KindModerate:
	}
	s := scorer.Score(truth, kept.text, kept.reading)
	if s.Skipped != "" {
		return nil, "no comparison: " + s.Skipped
	}
	value := 1 - s.Value
	return &value, ""
}
