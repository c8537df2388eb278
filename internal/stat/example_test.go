package stat_test

import (
	"fmt"

	"github.com/pointsman-ai/pointsman/internal/stat"
)

// No harm in 299 fresh examples shows, with 95 % confidence, that harm happens
// to at most one request in a hundred.
func ExampleClopperPearsonUpper() {
	bound, err := stat.ClopperPearsonUpper(0, 299, 0.05)
	fmt.Printf("%.4f %v\n", bound, err)
	// Output:
	// 0.0100 <nil>
}

// Two systems on the same 200 examples.
func ExamplePairs_Difference() {
	p := stat.Pairs{Both: 150, OnlyFirst: 12, OnlySecond: 26, Neither: 12}
	d, _ := p.Difference(0.95)
	value, _ := p.McNemar()
	fmt.Printf("%+.3f (%+.3f to %+.3f), p = %.3f\n", d.Value, d.Low, d.High, value)
	// Output:
	// -0.070 (-0.132 to -0.009), p = 0.034
}
