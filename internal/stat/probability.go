package stat

import "math"

// forecasts checks probabilities that stand beside what happened.
func forecasts(p []float64, happened []bool) error {
	if len(p) == 0 {
		return undefined("no forecasts")
	}
	if len(p) != len(happened) {
		return undefined("%d forecasts and %d outcomes", len(p), len(happened))
	}
	for i, x := range p {
		if !(x >= 0 && x <= 1) {
			return undefined("forecast %d is %v, not a probability", i, x)
		}
	}
	return nil
}

// Bin is one bar of a reliability diagram.
type Bin struct {
	Low       float64 `json:"low"`
	High      float64 `json:"high"`
	N         int     `json:"n"`
	Predicted float64 `json:"predicted"` // the mean forecast
	Observed  float64 `json:"observed"`  // the share that happened
}

// Reliability sorts forecasts into bins of equal width, (0,w], (w,2w] …, the
// first of which includes 0 (Guo et al. 2017). Empty bins are left out.
func Reliability(p []float64, happened []bool, bins int) ([]Bin, error) {
	if err := forecasts(p, happened); err != nil {
		return nil, err
	}
	if bins < 1 {
		return nil, undefined("%d bins", bins)
	}
	all := make([]Bin, bins)
	for i, x := range p {
		at := binOf(x, bins)
		all[at].N++
		all[at].Predicted += x
		if happened[i] {
			all[at].Observed++
		}
	}
	out := all[:0]
	for i, b := range all {
		if b.N > 0 {
			b.Low, b.High = float64(i)/float64(bins), float64(i+1)/float64(bins)
			b.Predicted /= float64(b.N)
			b.Observed /= float64(b.N)
			out = append(out, b)
		}
	}
	return out, nil
}

// binOf is the bin of a forecast.
func binOf(x float64, bins int) int { return max(0, int(math.Ceil(x*float64(bins)))-1) }

// ECE is the expected calibration error: the mean over the examples of the
// distance between what was forecast and what happened in the example's bin,
// with bins of equal width (Naeini et al. 2015; Guo et al. 2017, equation 3).
// It is biased upwards for few examples, so compare it only between forecasts
// of the same examples, or take [DebiasedECE].
func ECE(p []float64, happened []bool, bins int) (float64, error) {
	diagram, err := Reliability(p, happened, bins)
	if err != nil {
		return 0, err
	}
	e := 0.0
	for _, b := range diagram {
		e += float64(b.N) / float64(len(p)) * math.Abs(b.Predicted-b.Observed)
	}
	return e, nil
}

// Brier is the mean squared distance between the forecast and 0 or 1 (Brier
// 1950, in the form for one event): 0 is perfect, 0.25 is a forecast of one
// half.
func Brier(p []float64, happened []bool) (float64, error) {
	if err := forecasts(p, happened); err != nil {
		return 0, err
	}
	e := 0.0
	for i, x := range p {
		if happened[i] {
			x = 1 - x
		}
		e += x * x
	}
	return e / float64(len(p)), nil
}
