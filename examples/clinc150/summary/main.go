// Command summary makes one JSON object of what `pointsman student train` and
// `pointsman student test` printed: the last line of examples/clinc150/run.sh
// and of examples/headlines/run.sh.
//
//	go run ./examples/clinc150/summary TRAIN.json TEST.json
package main

import (
	"encoding/json"
	"fmt"
	"os"
)

// summary is the object. What is undefined is null: the AUROC of data without
// out-of-scope examples.
type summary struct {
	Accuracy   *float64 `json:"accuracy"`
	ECE        *float64 `json:"ece"`
	OOSAUROC   *float64 `json:"oos_auroc"`
	FitSeconds *float64 `json:"fit_seconds"`
	ModelBytes *int64   `json:"model_bytes"`
	P50Micros  *float64 `json:"p50_micros"`
}

func main() {
	if len(os.Args) != 3 {
		fmt.Fprintln(os.Stderr, "usage: go run ./examples/clinc150/summary TRAIN.json TEST.json")
		os.Exit(2)
	}
	s, err := summarise(os.Args[1], os.Args[2])
	if err == nil {
		err = json.NewEncoder(os.Stdout).Encode(s)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "summary:", err)
		os.Exit(1)
	}
}

func summarise(train, test string) (*summary, error) {
	var s summary
	for _, path := range []string{train, test} {
		content, err := os.ReadFile(path)
		if err != nil {
			return nil, err
		}
		if err := json.Unmarshal(content, &s); err != nil {
			return nil, fmt.Errorf("%s: %w", path, err)
		}
	}
	if s.Accuracy == nil || s.FitSeconds == nil || s.ModelBytes == nil || s.P50Micros == nil {
		return nil, fmt.Errorf("%s and %s do not hold all the figures", train, test)
	}
	return &s, nil
}
