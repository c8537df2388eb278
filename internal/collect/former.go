package collect

import (
	"encoding/json"
	"fmt"

	"github.com/pointsman-ai/pointsman"
)

// Calibration used to keep its answers in lines of another form,
// without a checksum and under other keys. They cost money, so they are still
// read, and never written again.

// former is an asker whose answers an earlier version kept under other keys:
// for each target a key for the digest of an example's whole content.
type former interface {
	formerKeys(targets []Target) ([]func(example pointsman.Digest) key, error)
}

// formerRow is a line of an earlier version.
type formerRow struct {
	Key     string            `json:"key"`
	Request pointsman.Signals `json:"request"`
	Signals pointsman.Signals `json:"signals"`
	Reading pointsman.Reading `json:"reading"`
	Text    string            `json:"text"`
	Cost    pointsman.Cost    `json:"cost"`
}

// decodeFormer reads a line of an earlier version.
func decodeFormer(line []byte) (*Row, error) {
	var old formerRow
	if err := json.Unmarshal(line, &old); err != nil {
		return nil, fmt.Errorf("%w: %w", errLine, err)
	}
	digest, err := pointsman.ParseDigest("sha256:" + old.Key)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", errLine, err)
	}
	r := &Row{Key: digest, Result: Result{Text: old.Text, Reading: old.Reading}}
	r.Result.Decision.Request, r.Result.Decision.Cost = old.Request, old.Cost
	r.Result.Decision.Attempts = []pointsman.Attempt{{Signals: old.Signals, Reading: old.Reading, Cost: old.Cost}}
	return r, nil
}
