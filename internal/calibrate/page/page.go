// Package page draws what a calibration found as one self-contained HTML page: no
// script, no font and no picture is fetched from anywhere. Charts are SVG, drawn
// here.
package page

import (
	_ "embed"
	"fmt"
	"html/template"
	"io"
	"math"
	"time"

	"github.com/pointsman-ai/pointsman"
	"github.com/pointsman-ai/pointsman/internal/calibrate"
	"github.com/pointsman-ai/pointsman/internal/calibrate/fit"
	"github.com/pointsman-ai/pointsman/internal/stat"
)

//go:embed page.html
var text string

//go:embed page.css
var style string

var layout = template.Must(template.New("page").Funcs(template.FuncMap{
	"percent": percent, "rate": rate, "money": money, "milli": func(x float64) string { return fmt.Sprintf("%+.1f", 1000*x) }, "thousandths": func(x float64) float64 { return 1000 * x },
	"short": func(d pointsman.Digest) string { return d.Short() }, "add": func(a, b int) int { return a + b },
	"threshold": threshold, "width": width, "day": func(t time.Time) string { return t.Format("2 January 2006, 15:04 MST") },
}).Parse(text))

// Page is what is shown.
type Page struct {
	Report *calibrate.Report
	Target pointsman.Target
	// State says whether the policy is in force, and why not.
	State string
	// Active says that it is in force.
	Active bool
	Made   time.Time
}

// view is what the template sees.
type view struct {
	Page
	Style       template.CSS
	Fit         *fit.Report
	Frontier    template.HTML
	Risk        template.HTML
	Reliability []template.HTML
}

// Write draws a page.
func (p Page) Write(w io.Writer) error {
	v := view{Page: p, Style: template.CSS(style), Fit: p.Report.Calibration} //nolint:gosec // our own file
	v.Frontier, v.Risk = frontier(v.Fit), risk(v.Fit, p.Target)
	for i := range v.Fit.Stages {
		v.Reliability = append(v.Reliability, reliability(&v.Fit.Stages[i]))
	}
	return layout.Execute(w, v)
}

func percent(x float64) string { return fmt.Sprintf("%.1f %%", 100*x) }

// rate is the interval of a share.
func rate(e *stat.Estimate) string {
	if e == nil {
		return "undefined"
	}
	return fmt.Sprintf("%.1f to %.1f %%", 100*e.Low, 100*e.High)
}

// money is an amount for a thousand requests, to three figures.
func money(x float64) string {
	x *= 1000
	if math.Abs(x) >= 1 {
		return fmt.Sprintf("$%.2f", x)
	}
	return fmt.Sprintf("$%.3g", x)
}

func threshold(x *float64) string {
	if x == nil {
		return "none: all of it goes to the largest tier"
	}
	return fmt.Sprintf("%+.4f", *x)
}

// width is the length of a bar, in percent of the longest.
func width(g fit.GroupReport, all []fit.GroupReport) float64 {
	most := 0.0
	for _, one := range all {
		most = max(most, one.Gain)
	}
	if most <= 0 {
		return 0
	}
	return 100 * max(g.Gain, 0) / most
}

// frontier is quality against cost, or where costs are unknown against the share
// that is escalated.
func frontier(r *fit.Report) template.HTML {
	c := chart{title: "Quality against cost", x: "US dollars for a thousand requests", y: "mean score", width: 640, height: 340, format: func(v float64) string { return fmt.Sprintf("$%.3g", v) }}
	known := len(r.Curve) > 0 && r.Curve[0].Cost != nil
	if !known {
		c.title, c.x, c.format = "Quality against what is escalated", "share of the requests that the largest tier answers", percent
	}
	at := func(p *fit.CurvePoint) float64 {
		if known {
			return 1000 * p.Cost.Value
		}
		return 1 - p.Accepted
	}
	line, low, high := series{class: "line"}, []point{}, []point{}
	for i := range r.Curve {
		p := &r.Curve[i]
		line.points = append(line.points, point{at(p), p.Quality})
		low, high = append(low, point{at(p), p.QualityBand.Low}), append(high, point{at(p), p.QualityBand.High})
		if p.InForce {
			c.marks = append(c.marks, mark{point{at(p), p.Quality}, "in force", "force"})
		}
	}
	if known && r.Economy != nil {
		last := r.Tiers[len(r.Tiers)-1]
		c.marks = append(c.marks, mark{point{1000 * r.Economy.Largest.Value, last.Value}, "always the largest", "large"})
	}
	c.series, c.low, c.high = []series{line}, low, high
	return c.draw()
}

// risk is the share of all requests that get a wrong answer where the largest tier
// has it right, against the share that stays below it.
func risk(r *fit.Report, target pointsman.Target) template.HTML {
	c := chart{title: "Risk against coverage", x: "share of the requests answered below the largest tier", y: "share harmed", width: 640, height: 300, format: percent}
	line := series{class: "line"}
	for i := range r.Curve {
		p := &r.Curve[i]
		line.points = append(line.points, point{p.Accepted, p.Harm})
		if p.InForce {
			c.marks = append(c.marks, mark{point{p.Accepted, p.Harm}, "in force", "force"})
		}
	}
	c.series = []series{line}
	if target.Promised() == pointsman.PromiseHarm && len(r.Tiers) > 0 {
		bound := (1 - target.Retain) * r.Tiers[len(r.Tiers)-1].Value
		c.series = append(c.series, series{class: "bound", points: []point{{0, bound}, {1, bound}}})
	}
	return c.draw()
}

// reliability is what was observed against what was said, before and after the
// calibration map.
func reliability(s *fit.StageReport) template.HTML {
	c := chart{title: fmt.Sprintf("Tier %d: what was said and what came", s.Tier), x: "P(acceptable) as said", y: "share acceptable", width: 420, height: 340, format: percent, square: true}
	c.series = append(c.series, series{class: "ideal", points: []point{{0, 0}, {1, 1}}})
	for _, one := range []struct {
		class string
		bins  []stat.Bin
	}{{"before", s.Before}, {"line", s.Reliability}} {
		line := series{class: one.class, dots: true}
		for _, b := range one.bins {
			if b.N > 0 {
				line.points = append(line.points, point{b.Predicted, b.Observed})
			}
		}
		c.series = append(c.series, line)
	}
	return c.draw()
}
