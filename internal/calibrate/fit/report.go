package fit

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"strings"

	"github.com/pointsman-ai/pointsman"
	"github.com/pointsman-ai/pointsman/internal/calibrate/certify"
	"github.com/pointsman-ai/pointsman/internal/policy"
	"github.com/pointsman-ai/pointsman/internal/stat"
)

// Report is what a person should see of a fit. Rates carry 95 % intervals;
// figures that do not exist are null. All of it but the ranks and coefficients
// is measured on the certify part, which also chose the thresholds: the
// certificate accounts for that, the plain figures do not.
type Report struct {
	Task         pointsman.TaskID `json:"task"`
	FitN         int              `json:"fit_n"`
	CertifyN     int              `json:"certify_n"`
	CertifyUnits int              `json:"certify_units"` // independent ones in the certify part
	Unused       int              `json:"unused"`        // repeats of frequent texts that were not drawn to certify
	Policy       pointsman.Digest `json:"policy"`
	Tiers        []stat.Estimate  `json:"tiers"`        // acceptable share of each tier alone
	Cascade      *stat.Estimate   `json:"cascade"`      // acceptable share under the policy
	VersusLarge  *stat.Estimate   `json:"versus_large"` // cascade − largest, paired
	// Escalated is the share of requests that reach the largest tier.
	Escalated *stat.Estimate `json:"escalated"`
	Stages    []StageReport  `json:"stages"`
	// Economy is what all this costs; null where a cost is not known.
	Economy *Economy `json:"economy"`
	// Aim is what the owner's aim came to; null where there is none.
	Aim *AimReport `json:"aim"`
	// Certificate is the policy's.
	Certificate *policy.Certificate `json:"certificate"`
	// LeastEscalated is the share of the requests that the largest tier has right
	// which had to be escalated by a ranking without a flaw.
	LeastEscalated *float64 `json:"least_escalated"`
	// Curve are the candidates that were tested, strictest first.
	Curve []CurvePoint `json:"curve"`
	// Shortfalls say in sentences what the policy does not reach.
	Shortfalls []string `json:"shortfalls"`
}

// StageReport is one stage of the cascade.
type StageReport struct {
	Tier int `json:"tier"` // counted from 1
	// AUROC, ECE (ten bins) and Brier are of P(acceptable) on the valid
	// answers of the certify part.
	AUROC       *stat.Estimate `json:"auroc"`
	ECE         *float64       `json:"ece"`
	Brier       *float64       `json:"brier"`
	Reliability []stat.Bin     `json:"reliability,omitempty"`
	// Before is the same before the calibration map.
	Before      []stat.Bin    `json:"before,omitempty"`
	Calibration policy.Method `json:"calibration"`
	Rank        policy.Rank   `json:"rank"`
	Ranks       []RankReport  `json:"ranks"`
	Groups      []GroupReport `json:"groups"`
	// Asked are the shares of the valid answers of the certify part for which each
	// witness is asked; none where all are asked always.
	Asked      []float64            `json:"asked,omitempty"`
	Trees      [3]int               `json:"trees"` // of the heads of what is acceptable, of only the largest and of only this right
	Signals    []Coefficient        `json:"signals"`
	Patterns   []policy.Pattern     `json:"patterns"`
	Threshold  *float64             `json:"threshold"`
	Thresholds []policy.Threshold   `json:"thresholds"`
	Missing    pointsman.SignalName `json:"missing,omitempty"` // a signal that some fresh answer lacked though the fit part never did
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

// CurvePoint is one candidate on the certify part.
type CurvePoint struct {
	Thresholds []float64 `json:"thresholds"` // of each stage
	Accepted   float64   `json:"accepted"`   // share of all requests that are answered below the largest tier
	Harm       float64   `json:"harm"`       // share of all requests
	Quality    float64   `json:"quality"`    // mean score of the cascade
	// QualityBand is a 95 % interval of the mean score, and Cost that of a request in
	// US dollars; each for this candidate alone.
	QualityBand stat.Interval  `json:"quality_band"`
	Cost        *stat.Estimate `json:"cost"`
	// Tested says that the owner's aim did not leave the candidate out, and InForce
	// that its thresholds are the loosest in force.
	Tested  bool    `json:"tested"`
	InForce bool    `json:"in_force"`
	Level   float64 `json:"level"` // error level at which the promise would just be shown, were this the only test
}

const shown = 0.95 // confidence of the intervals that a report shows

// report measures a finished policy on the certify part.
func (t *tester) report(stages []*learned) (*Report, error) {
	p, split := t.policy, t.split
	r := &Report{
		Task: t.Task, FitN: len(split.fit), CertifyN: len(split.certify), CertifyUnits: len(split.units), Unused: split.none,
		Certificate: p.Certificate, Shortfalls: []string{},
	}
	var err error
	if r.Policy, err = p.Digest(); err != nil {
		return nil, err
	}
	for k := range t.Tiers {
		count := 0
		for _, one := range split.certify {
			if one.Tiers[k].right() {
				count++
			}
		}
		rate, err := stat.Rate(count, len(split.certify), shown)
		if err != nil {
			return nil, err
		}
		if sampled(split.certify) {
			of := slices.Repeat([]int{k}, len(split.certify))
			rate = powered(split.certify, func(x []TierOutcome) float64 { return indicator(x[0].right()) }, of, 0)
		}
		r.Tiers = append(r.Tiers, rate)
	}
	if err := t.replay(r); err != nil {
		return nil, err
	}
	if r.Curve, err = t.curve(); err != nil {
		return nil, err
	}
	r.Economy, r.Aim = t.economy(), t.aimed
	for tier, l := range stages {
		r.Stages = append(r.Stages, t.stageReport(tier, l))
	}
	if !p.Certified() {
		r.Shortfalls = append(r.Shortfalls, p.Certificate.Claim)
	}
	if r.Aim != nil && r.Aim.Unmet != "" {
		r.Shortfalls = append(r.Shortfalls, "The aim cannot be had: "+r.Aim.Unmet+".")
	}
	r.Shortfalls = append(r.Shortfalls, t.missed(r)...)
	for _, c := range p.Certificate.Slices {
		if !c.Certified && p.Certified() {
			r.Shortfalls = append(r.Shortfalls, c.Claim)
		}
	}
	for _, c := range p.Certificate.Patterns {
		if !c.Shown && p.Certified() {
			r.Shortfalls = append(r.Shortfalls, fmt.Sprintf("Nothing is promised where these signals are missing, and all of it goes to the largest tier: %s.", strings.Join(c.Missing, " ")))
		}
	}
	return r, nil
}

// live is the tier that answers an observation under a policy, as it does live.
func live(p *policy.Policy, one *Observation) int {
	return follow(p, one, func(int, bool, pointsman.Cause) {})
}

// follow is live, and tells of each tier before the one that answers whether it was
// asked, and why its answer was accepted or the cascade moved on.
func follow(p *policy.Policy, one *Observation, tell func(tier int, asked bool, cause pointsman.Cause)) int {
	last := len(one.Tiers) - 1
	for tier := range last {
		t := &one.Tiers[tier]
		before := &policy.Before{Slices: one.Slices, Request: one.Request, Shape: one.Shape}
		if cause, _ := p.Unusable(tier, before); cause != "" {
			tell(tier, false, cause)
			continue
		}
		if t.Failed {
			tell(tier, true, pointsman.CauseError)
			continue
		}
		c := p.Assess(tier, one.Request, t.Signals)
		accept, cause, _ := p.Decide(tier, one.Slices, one.stakes(tier), pointsman.Reading{Valid: t.Valid}, c)
		tell(tier, true, cause)
		if accept {
			return tier
		}
	}
	return last
}

// replay runs the whole cascade over the certify part, slices included.
func (t *tester) replay(r *Report) error {
	fresh, last := t.split.certify, len(t.Tiers)-1
	cascade, largest, given := make([]bool, len(fresh)), make([]bool, len(fresh)), make([]int, len(fresh))
	escalated, right, lost := 0, 0, 0
	for i, one := range fresh {
		tier := live(t.policy, one)
		if tier == last {
			escalated++
		}
		given[i], cascade[i], largest[i] = tier, one.Tiers[tier].right(), one.Tiers[last].right()
		if largest[i] {
			right++
			if !slices.ContainsFunc(one.Tiers[:last], func(x TierOutcome) bool { return x.right() }) {
				lost++
			}
		}
	}
	if right > 0 {
		least := t.claim().LeastEscalated(float64(lost) / float64(right))
		r.LeastEscalated = &least
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
	if sampled(fresh) {
		right := func(x []TierOutcome) float64 { return indicator(x[0].right()) }
		quality = powered(fresh, right, given, 0)
		difference = powered(fresh, func(x []TierOutcome) float64 { return right(x) - right(x[1:]) }, given, -1)
	}
	share, err := stat.Rate(escalated, len(fresh), shown)
	r.Cascade, r.VersusLarge, r.Escalated = &quality, &difference, &share
	return err
}

func (t *tester) stageReport(tier int, l *learned) StageReport {
	stage := &t.policy.Stages[tier]
	s := StageReport{
		Tier: tier + 1, Calibration: stage.Calibration.Method, Rank: stage.Rank, Ranks: l.ranks, Groups: l.groups, Trees: l.trees,
		Signals: coefficients(stage), Threshold: stage.Thresholds[0].Threshold, Thresholds: stage.Thresholds, Patterns: stage.Patterns,
	}
	var forecasts, raw []float64
	var happened []bool
	s.Asked = make([]float64, len(stage.Early))
	valid := 0.0
	for _, one := range t.split.certify {
		out := &one.Tiers[tier]
		if out.Failed || !out.Valid {
			continue
		}
		valid++
		for k := range t.policy.Asked(tier, one.Request, out.Signals) {
			s.Asked[k]++
		}
		c := t.policy.Assess(tier, one.Request, out.Signals)
		if c.Acceptable == nil {
			s.Missing, _ = t.policy.Lacks(tier, one.Request, out.Signals)
			continue
		}
		before, _ := t.policy.Raw(tier, one.Request, out.Signals)
		raw = append(raw, before)
		forecasts, happened = append(forecasts, *c.Acceptable), append(happened, out.right())
	}
	for k := range s.Asked {
		s.Asked[k] /= max(valid, 1)
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
	s.Before, _ = stat.Reliability(raw, happened, 10)
	return s
}

// curve measures every candidate, those too that the owner's aim leaves out.
func (t *tester) curve() ([]CurvePoint, error) {
	claim := t.claim()
	sample, pilot := certify.Sample{Units: t.split.units, Most: t.split.most}, certify.Sample{Units: t.split.fitUnits, Most: t.split.most}
	whole := func(*draw) bool { return false }
	var a, b []certify.Case
	var out []CurvePoint
	for k := range t.whole.size() {
		a, b = t.cases(a, t.fresh, &t.whole, k, whole), t.cases(b, t.fit, &t.whole, k, whole)
		v, err := claim.Test(a, sample, b, pilot)
		if err != nil {
			return nil, err
		}
		point := CurvePoint{
			Accepted: float64(v.Local) / float64(v.N), Harm: float64(v.Harms) / float64(v.N), Quality: v.Quality, Level: v.Evidence,
			Tested: k < t.path.size(), InForce: t.policy.Certified(),
		}
		for stage, grid := range t.whole.thresholds {
			point.Thresholds = append(point.Thresholds, grid[k])
			in := t.policy.Stages[stage].Thresholds[0].Threshold
			point.InForce = point.InForce && in != nil && *in == grid[k]
		}
		scores, costs := make([]float64, len(t.fresh)), make([]float64, len(t.fresh))
		known := true
		for i := range t.fresh {
			tier := t.whole.answering(&t.fresh[i], k)
			s := t.spend(&t.fresh[i], tier)
			scores[i], costs[i] = t.fresh[i].corrected(tier), s.cost
			known = known && s.known
		}
		point.QualityBand = t.band(scores).Interval
		if known {
			cost := t.band(costs)
			point.Cost = &cost
		}
		out = append(out, point)
	}
	return out, nil
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
