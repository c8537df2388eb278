package journal_test

import (
	"context"
	"fmt"
	"os"
	"time"

	"github.com/pointsman-ai/pointsman"
	"github.com/pointsman-ai/pointsman/internal/journal"
)

// A gateway records what it decided before the last byte of the answer leaves;
// an auditor reads it back and verifies the chain.
func Example() {
	dir, err := os.MkdirTemp("", "journal")
	if err != nil {
		panic(err)
	}
	defer os.RemoveAll(dir)

	j, err := journal.Open(dir, journal.DefaultOptions())
	if err != nil {
		panic(err)
	}
	const id = "01950000-0000-7000-8000-000000000001"
	const question = "Where is my card?"
	payload := &journal.Payload{Decision: id, Recording: pointsman.RecordFull, Input: question}
	decision := &pointsman.Decision{
		ID: id, Time: time.Now(), Task: "banking", Cause: pointsman.CauseAccepted,
		Input: j.KeyedDigest(question),
	}
	if err := j.AppendDecision(decision, payload); err != nil {
		panic(err)
	}
	if err := j.Close(); err != nil {
		panic(err)
	}

	for entry, err := range journal.Read(dir, journal.Position{}) {
		if err != nil {
			panic(err)
		}
		d, ref, err := entry.Decision()
		if err != nil {
			panic(err)
		}
		p, err := journal.ReadPayload(dir, *ref)
		if err != nil {
			panic(err)
		}
		fmt.Println(d.Task, d.Cause, p.Input)
	}
	report, err := journal.Verify(context.Background(), dir, journal.VerifyOptions{}, nil)
	if err != nil {
		panic(err)
	}
	fmt.Println(report.Records, report.Clean())
	// Output:
	// banking accepted Where is my card?
	// 1 true
}
