package fit

import (
	"fmt"
	"math"
	"slices"

	"github.com/pointsman-ai/pointsman"
	"github.com/pointsman-ai/pointsman/internal/policy"
	"github.com/pointsman-ai/pointsman/internal/signal"
	"github.com/pointsman-ai/pointsman/internal/stat"
)

// The share of values at either end that is held to the rest: a few extreme
// values must not set the scale of a signal or pull its weight.
const tailShare = 0.005

// describe finds the features of a stage: every signal of the request or of
// the tier's answer that varies or is sometimes missing, in the order in which
// signals first appear.
func describe(examples []*Observation, tier int) ([]policy.Feature, error) {
	var names []pointsman.SignalName
	values := make(map[pointsman.SignalName][]float64)
	for _, o := range examples {
		for _, part := range []pointsman.Signals{o.Request, o.Tiers[tier].Signals} {
			for _, s := range part {
				if _, ok := values[s.Name]; !ok {
					names = append(names, s.Name)
					values[s.Name] = nil
				}
			}
		}
	}
	for _, o := range examples {
		for _, name := range names {
			if v, ok := lookup(o, tier, name); ok {
				values[name] = append(values[name], v)
			}
		}
	}
	var features []policy.Feature
	for _, name := range names {
		seen := values[name]
		f := policy.Feature{Signal: name, Scale: 1, MayMiss: len(seen) < len(examples)}
		if len(seen) == 0 {
			continue // never there: nothing was learned about it
		}
		if err := spread(&f, seen); err != nil {
			return nil, fmt.Errorf("signal %s: %w", name, err)
		}
		if f.Low == f.High && !f.MayMiss {
			continue // constant
		}
		features = append(features, f)
	}
	if len(features) == 0 {
		return nil, fmt.Errorf("%w: none of the %d signals at tier %d varies", ErrNoVariation, len(names), tier+1)
	}
	return features, nil
}

// spread sets the range, mean and scale of a feature.
func spread(f *policy.Feature, seen []float64) error {
	q, err := stat.Quantiles(seen, 0, tailShare, 1-tailShare, 1)
	if err != nil {
		return err
	}
	f.Low, f.High = q[1], q[2]
	if f.Low == f.High { // a rare event is all there is
		f.Low, f.High = q[0], q[3]
	}
	// Sums are taken of shares of the range, which cannot overflow.
	width := f.High - f.Low
	if math.IsInf(width, 0) {
		return fmt.Errorf("%w: its range from %v to %v is too wide", ErrInvalid, f.Low, f.High)
	}
	if width == 0 {
		f.Mean = f.Low
		return nil
	}
	var mean, square float64
	for _, v := range seen {
		mean += (min(max(v, f.Low), f.High) - f.Low) / width
	}
	mean /= float64(len(seen))
	for _, v := range seen {
		d := (min(max(v, f.Low), f.High)-f.Low)/width - mean
		square += d * d
	}
	deviation := math.Sqrt(square / float64(len(seen)))
	f.Mean, f.Scale = f.Low+width*mean, width*deviation
	if !(deviation > 1e-5) || !(f.Scale > 0) {
		// Nearly constant but for a few: the range is the scale.
		f.Scale = width
	}
	return nil
}

func lookup(o *Observation, tier int, name pointsman.SignalName) (float64, bool) {
	s, ok := o.Request.Get(name)
	if !ok {
		s, ok = o.Tiers[tier].Signals.Get(name)
	}
	return s.Value, ok && s.Present()
}

// design lays the examples out as a matrix: a column for each feature, then
// one for each that may miss, which is 1 where it does.
func design(examples []*Observation, tier int, features []policy.Feature) *matrix {
	names := groupNames(features)
	m := &matrix{}
	for _, f := range features {
		m.group = append(m.group, slices.Index(names, signal.Group(f.Signal)))
	}
	for j, f := range features {
		if f.MayMiss {
			m.group = append(m.group, m.group[j])
		}
	}
	m.columns = len(m.group)
	m.data = make([]float64, m.columns*len(examples))
	for i, o := range examples {
		row := m.row(i)
		indicator := len(features)
		for j := range features {
			f := &features[j]
			v, ok := lookup(o, tier, f.Signal)
			if ok {
				row[j] = f.Standardise(v)
			}
			if f.MayMiss {
				if !ok {
					row[indicator] = 1
				}
				indicator++
			}
		}
	}
	return m
}

// asHead writes a head in the form of the policy.
func asHead(m *head, features []policy.Feature) policy.Head {
	h := policy.Head{
		Trees:     asTrees(m.trees, features),
		Intercept: m.intercept,
		Weights:   append([]float64(nil), m.weights[:len(features)]...),
		Missing:   make([]float64, len(features)),
	}
	indicator := len(features)
	for j := range features {
		if features[j].MayMiss {
			h.Missing[j] = m.weights[indicator]
			indicator++
		}
	}
	return h
}
