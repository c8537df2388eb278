package fit

import (
	"cmp"
	"math"
	"slices"

	"github.com/pointsman-ai/pointsman"
	"github.com/pointsman-ai/pointsman/internal/policy"
	"github.com/pointsman-ai/pointsman/internal/stat"
)

// Report is what a person should see of a fit. Rates carry 95 % intervals;
// figures that do not exist are null. All of it but the ranks and coefficients
// is measured on the certify part, which also chose the thresholds: the
// certificate accounts for that, the plain figures do not.
type Report struct {
	Task        pointsman.TaskID `json:"task"`
	FitN        int              `json:"fit_n"`
	CertifyN    int              `json:"certify_n"`
	Dependent   int              `json:"dependent"` // left out of the certify part: another example of their conversation is in it
	Policy      pointsman.Digest `json:"policy"`
	Tiers       []stat.Estimate  `json:"tiers"`        // acceptable share of each tier alone
	Cascade     *stat.Estimate   `json:"cascade"`      // acceptable share under the policy
	VersusLarge *stat.Estimate   `json:"versus_large"` // cascade − largest, paired
	// Escalated is the share of requests that reach the largest tier.
	Escalated *stat.Estimate `json:"escalated"`
	Stages    []StageReport  `json:"stages"`
	// Shortfalls say in sentences what the policy does not reach.
	Shortfalls []string `json:"shortfalls"`
}

// StageReport is one stage of the cascade.
type StageReport struct {
	Tier int `json:"tier"` // counted from 1
	// AUROC, ECE (ten bins) and Brier are of P(acceptable) on the valid
	// answers of the certify part.
	AUROC       *stat.Estimate       `json:"auroc"`
	ECE         *float64             `json:"ece"`
	Brier       *float64             `json:"brier"`
	Reliability []stat.Bin           `json:"reliability,omitempty"`
	Calibration policy.Method        `json:"calibration"`
	Rank        policy.Rank          `json:"rank"`
	Ranks       []RankReport         `json:"ranks"`
	Penalties   map[string]float64   `json:"penalties"` // of each head
	Signals     []Coefficient        `json:"signals"`
	Curve       []CurvePoint         `json:"curve"`
	Threshold   *float64             `json:"threshold"`
	Certificate policy.Certificate   `json:"certificate"`
	Thresholds  []policy.Threshold   `json:"thresholds"`
	Missing     pointsman.SignalName `json:"missing,omitempty"` // a signal that some fresh answer lacked though the fit part never did
}

// RankReport says how well a raw score ranks in cross-validation on the fit
// part.
type RankReport struct {
	Rank policy.Rank `json:"rank"`
	Area float64     `json:"area"` // under quality against the share of escalated requests
	APGR *float64    `json:"apgr"` // null where the largest tier is not better
}

// Coefficient is the weight of one signal in the three heads, for one standard
// deviation of the signal and in log-odds.
type Coefficient struct {
	Signal      pointsman.SignalName `json:"signal"`
	Acceptable  float64              `json:"acceptable"`
	OnlyLargest float64              `json:"only_largest"`
	OnlyThis    float64              `json:"only_this"`
	// Missing are the same three where the signal has no value; null where it
	// always had one.
	Missing *[3]float64 `json:"missing"`
}

// CurvePoint is one threshold of the grid on the certify part, if this stage
// stood alone before the largest tier.
type CurvePoint struct {
	Threshold float64 `json:"threshold"`
	Accepted  float64 `json:"accepted"` // share of all examples
	Harm      float64 `json:"harm"`     // share of all examples
	Bound     float64 `json:"bound"`    // upper bound on P(harm) at the level of the test
	Quality   float64 `json:"quality"`  // acceptable share of accepted and escalated together
	Certified bool    `json:"certified"`
}

const shown = 0.95 // confidence of the intervals that a report shows

// report measures a finished policy on the certify part.
func (o Options) report(p *policy.Policy, split parts, stages []*learned, grids [][]float64) (*Report, error) {
	r := &Report{Task: o.Task, FitN: len(split.fit), CertifyN: len(split.certify), Dependent: split.dependent, Shortfalls: []string{}}
	var err error
	if r.Policy, err = p.Digest(); err != nil {
		return nil, err
	}
	for k := range o.Tiers {
		count := 0
		for _, one := range split.certify {
			if one.Tiers[k].right(o.Cut) {
				count++
			}
		}
		rate, err := stat.Rate(count, len(split.certify), shown)
		if err != nil {
			return nil, err
		}
		r.Tiers = append(r.Tiers, rate)
	}
	if err := o.replay(r, p, split.certify); err != nil {
		return nil, err
	}
	for tier, l := range stages {
		s, err := o.stageReport(p, split.certify, tier, l, grids[tier])
		if err != nil {
			return nil, err
		}
		r.Stages = append(r.Stages, s)
		if !s.Certificate.Certified {
			r.Shortfalls = append(r.Shortfalls, s.Certificate.Claim)
		}
		for _, c := range s.Certificate.Slices {
			if !c.Certified && s.Certificate.Certified {
				r.Shortfalls = append(r.Shortfalls, c.Claim)
			}
		}
		if s.Missing != "" {
			r.Shortfalls = append(r.Shortfalls, "The signal "+string(s.Missing)+" was always there in the fit part and is missing in some fresh answers, which are therefore escalated.")
		}
	}
	return r, nil
}

// replay runs the whole cascade over the certify part, slices included, at
// stakes of 1.
func (o Options) replay(r *Report, p *policy.Policy, certify []*Observation) error {
	last := len(o.Tiers) - 1
	cascade, largest := make([]bool, len(certify)), make([]bool, len(certify))
	escalated := 0
	for i, one := range certify {
		tier := 0
		for ; tier < last; tier++ {
			t := &one.Tiers[tier]
			if t.Failed {
				continue
			}
			c := p.Assess(tier, one.Request, t.Signals)
			if accept, _, _ := p.Decide(tier, one.Slices, 1, pointsman.Reading{Valid: t.Valid}, c); accept {
				break
			}
		}
		if tier == last {
			escalated++
		}
		cascade[i], largest[i] = one.Tiers[tier].right(o.Cut), one.Tiers[last].right(o.Cut)
	}
	pairs, err := stat.CountPairs(cascade, largest)
	if err != nil {
		return err
	}
	quality, err := stat.Rate(pairs.Both+pairs.OnlyFirst, pairs.N(), shown)
	if err != nil {
		return err
	}
	difference, err := pairs.Difference(shown)
	if err != nil {
		return err
	}
	share, err := stat.Rate(escalated, len(certify), shown)
	r.Cascade, r.VersusLarge, r.Escalated = &quality, &difference, &share
	return err
}

func (o Options) stageReport(p *policy.Policy, certify []*Observation, tier int, l *learned, grid []float64) (StageReport, error) {
	stage := &p.Stages[tier]
	s := StageReport{
		Tier: tier + 1, Calibration: stage.Calibration.Method, Rank: stage.Rank, Ranks: l.ranks, Penalties: l.heads,
		Signals: coefficients(stage), Threshold: stage.Thresholds[0].Threshold, Certificate: stage.Certificate, Thresholds: stage.Thresholds,
	}
	var forecasts []float64
	var happened []bool
	for _, one := range certify {
		t := &one.Tiers[tier]
		if t.Failed || !t.Valid {
			continue
		}
		c := p.Assess(tier, one.Request, t.Signals)
		if c.Acceptable == nil {
			s.Missing, _ = p.Lacks(tier, one.Request, t.Signals)
			continue
		}
		forecasts, happened = append(forecasts, *c.Acceptable), append(happened, t.right(o.Cut))
	}
	// What is undefined on this part stays null.
	if auroc, err := stat.AUROC(forecasts, happened, shown); err == nil {
		s.AUROC = &auroc
	}
	if ece, err := stat.ECE(forecasts, happened, 10); err == nil {
		s.ECE = &ece
	}
	if brier, err := stat.Brier(forecasts, happened); err == nil {
		s.Brier = &brier
	}
	s.Reliability, _ = stat.Reliability(forecasts, happened, 10)
	var err error
	s.Curve, err = o.curve(o.trials(p, certify, tier), grid, stage.Thresholds[0].Threshold)
	return s, err
}

// coefficients lists the signals by the size of their weight for P(acceptable).
func coefficients(s *policy.Stage) []Coefficient {
	out := make([]Coefficient, len(s.Features))
	for i, f := range s.Features {
		out[i] = Coefficient{Signal: f.Signal, Acceptable: s.Acceptable.Weights[i], OnlyLargest: s.OnlyLargest.Weights[i], OnlyThis: s.OnlyThis.Weights[i]}
		if f.MayMiss {
			out[i].Missing = &[3]float64{s.Acceptable.Missing[i], s.OnlyLargest.Missing[i], s.OnlyThis.Missing[i]}
		}
	}
	slices.SortStableFunc(out, func(a, b Coefficient) int {
		return cmp.Compare(math.Abs(b.Acceptable), math.Abs(a.Acceptable))
	})
	return out
}
