package fit_test

import (
	"context"
	"fmt"

	"github.com/pointsman-ai/pointsman"
	"github.com/pointsman-ai/pointsman/internal/calibrate/fit"
)

// A policy is fitted from judged answers of both tiers, and decides with the
// signals of a new answer.
func ExampleFit() {
	observations := example(1, 3000) // synthetic: a margin that tells how hard a request is
	p, report, err := fit.Fit(context.Background(), observations, options(0.96, 1))
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println("certified:", report.Certificate.Certified)
	for _, margin := range []float64{5, -3} {
		request := pointsman.Signals{pointsman.Measured("request.words", 30)}
		answer := pointsman.Signals{
			pointsman.Measured("answer.margin", margin),
			pointsman.Unmeasured("answer.second_opinion", "not asked"),
		}
		c := p.Assess(0, request, answer)
		accept, cause, _ := p.Decide(0, nil, 1, pointsman.Reading{Valid: true}, c)
		fmt.Println("margin", margin, "accepted:", accept, cause)
	}
	// Output:
	// certified: true
	// margin 5 accepted: true accepted
	// margin -3 accepted: false uncertain
}
