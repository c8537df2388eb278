package eval

import (
	_ "embed"
	"fmt"
	"html/template"
	"io"
	"math"
	"strings"
)

//go:embed report.tmpl
var pageText string

var page = template.Must(template.New("report").Parse(pageText))

// WriteHTML writes one page with plots and the text report. It needs nothing
// but itself: no script, no style sheet, no font from elsewhere.
func (r *Report) WriteHTML(w io.Writer) error {
	var text strings.Builder
	if err := r.WriteText(&text); err != nil {
		return err
	}
	return page.Execute(w, map[string]any{
		"Title": fmt.Sprintf("%s · %s", orDash(r.Name), orDash(string(r.Task))),
		"Bars":  r.bars(), "Plane": r.plane(), "Text": text.String(), "Level": percent(r.Confidence),
	})
}

// The geometry of the plots, in SVG units.
const (
	barLeft, barWidth, barHeight = 300.0, 420.0, 22.0
	planeLeft, planeTop          = 60.0, 20.0
	planeWidth, planeHeight      = 620.0, 300.0
)

// maxBars bounds the bars of the plot; the text has all slices.
const maxBars = 120

// bar is a score with its interval on the axis from 0 to 1.
type bar struct {
	Name, Figure   string
	Y, X, Low, End float64
	Slice, HasEnds bool
}

type bars struct {
	Bars   []bar
	Height float64
	More   int
}

func (r *Report) bars() bars {
	var out bars
	add := func(name string, s *Summary, slice bool) {
		if s.Score.Value == nil {
			return
		}
		if len(out.Bars) == maxBars {
			out.More++
			return
		}
		one := bar{Name: name, Slice: slice, Y: barHeight * float64(len(out.Bars)+1), X: barLeft + barWidth**s.Score.Value}
		one.Figure = fmt.Sprintf("%.3f  n=%d", *s.Score.Value, s.Scored)
		if s.Score.Low != nil && s.Score.High != nil {
			one.HasEnds, one.Low, one.End = true, barLeft+barWidth**s.Score.Low, barLeft+barWidth**s.Score.High
		}
		out.Bars = append(out.Bars, one)
	}
	for i := range r.Targets {
		t := &r.Targets[i]
		add(t.Target.Name, &t.Summary, false)
		for j := range t.Slices {
			add(t.Slices[j].Key+"="+t.Slices[j].Value, &t.Slices[j].Summary, true)
		}
	}
	out.Height = barHeight * float64(len(out.Bars)+2)
	return out
}

// dot is a target in the plane of cost and quality.
type dot struct {
	Name              string
	X, Y, Top, Bottom float64
	HasEnds           bool
}

type plane struct {
	Dots                      []dot
	MinScore, MaxScore, MaxX  string
	Left, Right, Top, Bottom  float64
	Unknown                   []string
	Width, Height, MiddleText float64
}

// plane places the targets whose cost is known; the others are named beside it.
func (r *Report) plane() plane {
	out := plane{
		Left: planeLeft, Right: planeLeft + planeWidth, Top: planeTop, Bottom: planeTop + planeHeight,
		Width: planeLeft + planeWidth + 140, Height: planeTop + planeHeight + 50, MiddleText: planeLeft + planeWidth/2,
	}
	low, high, dearest := math.Inf(1), math.Inf(-1), 0.0
	for i := range r.Targets {
		t := &r.Targets[i]
		if t.Score.Value == nil || !t.Cost.Per1000.Known {
			out.Unknown = append(out.Unknown, t.Target.Name)
			continue
		}
		low, high = min(low, *t.Score.Value), max(high, *t.Score.Value)
		if t.Score.Low != nil && t.Score.High != nil {
			low, high = min(low, *t.Score.Low), max(high, *t.Score.High)
		}
		dearest = max(dearest, t.Cost.Per1000.Amount.Dollars())
	}
	if low > high {
		return out
	}
	if high-low < 0.01 {
		low, high = low-0.005, high+0.005
	}
	if dearest == 0 {
		dearest = 1
	}
	y := func(v float64) float64 { return out.Bottom - planeHeight*(v-low)/(high-low) }
	for i := range r.Targets {
		t := &r.Targets[i]
		if t.Score.Value == nil || !t.Cost.Per1000.Known {
			continue
		}
		one := dot{Name: t.Target.Name, X: out.Left + planeWidth*t.Cost.Per1000.Amount.Dollars()/dearest, Y: y(*t.Score.Value)}
		if t.Score.Low != nil && t.Score.High != nil {
			one.HasEnds, one.Top, one.Bottom = true, y(*t.Score.High), y(*t.Score.Low)
		}
		out.Dots = append(out.Dots, one)
	}
	out.MinScore, out.MaxScore = fmt.Sprintf("%.3f", low), fmt.Sprintf("%.3f", high)
	out.MaxX = fmt.Sprintf("$%.4g", dearest)
	return out
}
