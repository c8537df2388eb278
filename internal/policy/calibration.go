package policy

import (
	"fmt"
	"math"
	"slices"
)

// Method names how a raw score is mapped to a calibrated one.
type Method string

// The methods. All of them never decrease.
const (
	// MethodTemperature is Logistic(a·z) of the log-odds z, with a ≥ 0 (Guo et al.
	// 2017, who divide by 1/a); its coefficient is a. For probabilities only.
	MethodTemperature Method = "temperature"
	// MethodPlatt is Logistic(a·z + b) of the log-odds z, with a ≥ 0 (Platt
	// 1999); its coefficients are a and b. For probabilities only.
	MethodPlatt Method = "platt"
	// MethodBeta is Logistic(a·ln s − b·ln(1−s) + c) with a, b ≥ 0 (Kull,
	// Silva Filho and Flach 2017, equation 1); its coefficients are a, b and
	// c. For probabilities only.
	MethodBeta Method = "beta"
	// MethodLinear is a·s + b with a ≥ 0; its coefficients are a and b. For
	// uplifts only.
	MethodLinear Method = "linear"
	// MethodIsotonic interpolates linearly between knots, and is constant
	// beyond the first and the last.
	MethodIsotonic Method = "isotonic"
)

// certainty keeps calibrated probabilities this far from 0 and 1, and uplifts
// this far from -1 and 1: no finite data shows more.
const certainty = 1e-6

// Map is a calibration map: a function that never decreases.
type Map struct {
	Method       Method    `json:"method"`
	Coefficients []float64 `json:"coefficients,omitempty"`
	// Knots have strictly increasing scores and values that do not decrease.
	Knots []Knot `json:"knots,omitempty"`
}

// Knot is a point of an isotonic map.
type Knot struct {
	Score float64 `json:"score"`
	Value float64 `json:"value"`
}

// Probability is the calibrated probability for the log-odds z of a head. It
// is never 0 or 1.
func (m *Map) Probability(z float64) float64 {
	var p float64
	switch m.Method {
	case MethodBeta:
		logP, logQ := logLogistic(z)
		p = Logistic(float64(m.Coefficients[0]*logP) - float64(m.Coefficients[1]*logQ) + m.Coefficients[2])
	case MethodTemperature:
		p = Logistic(float64(m.Coefficients[0] * z))
	case MethodIsotonic:
		p = m.interpolate(Logistic(z))
	default: // MethodPlatt: check permits no other
		p = Logistic(float64(m.Coefficients[0]*z) + m.Coefficients[1])
	}
	return min(max(p, certainty), 1-certainty)
}

// Uplift is the calibrated uplift for a raw ranking score, between -1 and 1.
func (m *Map) Uplift(score float64) float64 {
	var u float64
	switch m.Method {
	case MethodIsotonic:
		u = m.interpolate(score)
	default: // MethodLinear: check permits no other
		u = float64(m.Coefficients[0]*score) + m.Coefficients[1]
	}
	return min(max(u, certainty-1), 1-certainty)
}

// interpolate reads the polygon through the knots, which are at least one.
func (m *Map) interpolate(score float64) float64 {
	k := m.Knots
	i, exact := slices.BinarySearchFunc(k, score, func(k Knot, score float64) int {
		switch {
		case k.Score < score:
			return -1
		case k.Score > score:
			return 1
		}
		return 0
	})
	switch {
	case exact:
		return k[i].Value
	case i == 0:
		return k[0].Value
	case i == len(k):
		return k[i-1].Value
	}
	left, right := k[i-1], k[i]
	share := (score - left.Score) / (right.Score - left.Score)
	// Rounding could carry the sum past the right-hand value.
	return min(left.Value+float64(share*(right.Value-left.Value)), right.Value)
}

// check validates a map; probability says which of the two kinds it must be.
func (m *Map) check(probability bool) error {
	want := map[Method]int{MethodIsotonic: 0}
	low := -1.0
	if probability {
		want[MethodTemperature], want[MethodPlatt], want[MethodBeta], low = 1, 2, 3, 0
	} else {
		want[MethodLinear] = 2
	}
	n, ok := want[m.Method]
	switch {
	case !ok:
		return fmt.Errorf("method %q is not known here", m.Method)
	case len(m.Coefficients) != n:
		return fmt.Errorf("method %s has %d coefficients, want %d", m.Method, len(m.Coefficients), n)
	case (len(m.Knots) > 0) != (m.Method == MethodIsotonic):
		return fmt.Errorf("method %s has %d knots", m.Method, len(m.Knots))
	}
	for i, c := range m.Coefficients {
		if !bounded(c) {
			return fmt.Errorf("coefficient %d is %v", i, c)
		}
		slope := i == 0 || i == 1 && m.Method == MethodBeta
		if slope && c < 0 {
			return fmt.Errorf("coefficient %d is %v: the map would decrease", i, c)
		}
	}
	for i, k := range m.Knots {
		if math.IsNaN(k.Score) || math.Abs(k.Score) > 1 || math.IsNaN(k.Value) || k.Value < low || k.Value > 1 {
			return fmt.Errorf("knot %d is %v", i, k)
		}
		if i > 0 && (k.Score <= m.Knots[i-1].Score || k.Value < m.Knots[i-1].Value) {
			return fmt.Errorf("knot %d does not increase", i)
		}
	}
	return nil
}
