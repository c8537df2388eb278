package page

import (
	"fmt"
	"html/template"
	"math"
	"strings"
)

type point struct{ x, y float64 }

// series is a line.
type series struct {
	class  string
	points []point
	dots   bool
}

// mark is a point with a name.
type mark struct {
	point
	name, class string
}

// chart is a drawing with two axes.
type chart struct {
	title, x, y   string
	width, height float64
	format        func(float64) string // of the horizontal axis
	series        []series
	low, high     []point // a band
	marks         []mark
	square        bool // both axes from 0 to 1
}

// The margins around the plot, and about how many ticks an axis has.
const (
	left, right, top, bottom = 64, 20, 16, 48
	ticks                    = 5
)

// draw is the chart as SVG.
func (c *chart) draw() template.HTML {
	low, high, ok := c.bounds()
	if !ok {
		return "<p>There is nothing to draw.</p>"
	}
	x := func(v float64) float64 { return left + (v-low.x)/(high.x-low.x)*(c.width-left-right) }
	y := func(v float64) float64 { return c.height - bottom - (v-low.y)/(high.y-low.y)*(c.height-top-bottom) }
	var b strings.Builder
	fmt.Fprintf(&b, `<svg role="img" viewBox="0 0 %g %g" aria-label="%s">`, c.width, c.height, template.HTMLEscapeString(c.title))
	for _, v := range round(low.y, high.y) {
		fmt.Fprintf(&b, `<line class="grid" x1="%d" x2="%.1f" y1="%.1f" y2="%.1f"/>`, left, c.width-right, y(v), y(v))
		fmt.Fprintf(&b, `<text class="tick" x="%d" y="%.1f" text-anchor="end">%s</text>`, left-8, y(v)+4, percent(v))
	}
	for _, vx := range round(low.x, high.x) {
		fmt.Fprintf(&b, `<text class="tick" x="%.1f" y="%.1f" text-anchor="middle">%s</text>`, x(vx), c.height-bottom+18, template.HTMLEscapeString(c.format(vx)))
	}
	fmt.Fprintf(&b, `<text class="axis" x="%.1f" y="%.1f" text-anchor="middle">%s</text>`, (left+c.width-right)/2, c.height-8, template.HTMLEscapeString(c.x))
	fmt.Fprintf(&b, `<text class="axis" transform="translate(14 %.1f) rotate(-90)" text-anchor="middle">%s</text>`, (top+c.height-bottom)/2, template.HTMLEscapeString(c.y))
	if len(c.low) > 1 {
		b.WriteString(`<path class="band" d="`)
		for i, p := range c.high {
			fmt.Fprintf(&b, "%c%.1f %.1f", "ML"[min(i, 1)], x(p.x), y(p.y))
		}
		for i := range c.low {
			p := c.low[len(c.low)-1-i]
			fmt.Fprintf(&b, "L%.1f %.1f", x(p.x), y(p.y))
		}
		b.WriteString(`Z"/>`)
	}
	for _, s := range c.series {
		fmt.Fprintf(&b, `<polyline class="%s" points="`, s.class)
		for _, p := range s.points {
			fmt.Fprintf(&b, "%.1f,%.1f ", x(p.x), y(p.y))
		}
		b.WriteString(`"/>`)
		if s.dots {
			for _, p := range s.points {
				fmt.Fprintf(&b, `<circle class="dot %s" cx="%.1f" cy="%.1f" r="3.5"/>`, s.class, x(p.x), y(p.y))
			}
		}
	}
	for _, m := range c.marks {
		anchor, dx := "start", 9.0
		if x(m.x) > c.width*0.7 {
			anchor, dx = "end", -9
		}
		fmt.Fprintf(&b, `<circle class="mark %s" cx="%.1f" cy="%.1f" r="5"/>`, m.class, x(m.x), y(m.y))
		fmt.Fprintf(&b, `<text class="name" x="%.1f" y="%.1f" text-anchor="%s">%s</text>`, x(m.x)+dx, y(m.y)-8, anchor, template.HTMLEscapeString(m.name))
	}
	b.WriteString(`</svg>`)
	return template.HTML(b.String()) //nolint:gosec // every text in it is escaped above
}

// round are the round numbers between two bounds: 1, 2 or 5 times a power of ten
// apart.
func round(low, high float64) []float64 {
	step := math.Pow(10, math.Floor(math.Log10((high-low)/ticks)))
	for _, times := range []float64{1, 2, 5, 10} {
		if (high-low)/(step*times) <= ticks+1 {
			step *= times
			break
		}
	}
	var out []float64
	for k := math.Ceil(low/step-1e-9) + 0; k*step <= high*(1+1e-9); k++ {
		out = append(out, k*step)
	}
	return out
}

// bounds are the corners of what is drawn, with a little room; false where there is
// nothing.
func (c *chart) bounds() (low, high point, ok bool) {
	if c.square {
		return point{0, 0}, point{1, 1}, true
	}
	low, high = point{math.Inf(1), math.Inf(1)}, point{math.Inf(-1), math.Inf(-1)}
	see := func(p point) {
		if math.IsNaN(p.x) || math.IsNaN(p.y) {
			return
		}
		low = point{min(low.x, p.x), min(low.y, p.y)}
		high = point{max(high.x, p.x), max(high.y, p.y)}
		ok = true
	}
	for _, s := range c.series {
		for _, p := range s.points {
			see(p)
		}
	}
	for i := range c.low {
		see(c.low[i])
		see(c.high[i])
	}
	for _, m := range c.marks {
		see(m.point)
	}
	room := func(a, b float64) (float64, float64) {
		d := max(0.05*(b-a), 1e-6)
		return a - d, b + d
	}
	low.x, high.x = room(low.x, high.x)
	low.y, high.y = room(low.y, high.y)
	low = point{max(low.x, 0), max(low.y, 0)}
	return low, high, ok
}
