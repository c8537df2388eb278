package eval

import (
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"

	"github.com/pointsman-ai/pointsman"
)

// WriteText writes the report for people: aligned columns, every rate with its
// interval, n and coverage always beside it.
func (r *Report) WriteText(w io.Writer) error {
	var b strings.Builder
	state := ""
	if !r.Complete {
		state = ", INCOMPLETE"
	}
	fmt.Fprintf(&b, "evaluation %s of task %s%s\n", orDash(r.Name), orDash(string(r.Task)), state)
	fmt.Fprintf(&b, "dataset %s: %d examples in %d groups; scorer %s; intervals at %s\n",
		r.Dataset.Short(), r.Examples, r.Groups, r.Scorer, percent(r.Confidence))
	fmt.Fprintf(&b, "%d results asked now, %d used again\n", r.Asked, r.Reused)
	r.textQuality(&b)
	r.textSlices(&b)
	r.textParts(&b)
	r.textCost(&b)
	r.textTime(&b)
	r.textWays(&b)
	r.textPairs(&b)
	r.textRouting(&b)
	for i, note := range r.Notes {
		if i == 0 {
			b.WriteString("\nnotes\n")
		}
		fmt.Fprintf(&b, "  %s\n", printable(note))
	}
	_, err := io.WriteString(w, b.String())
	return err
}

func (r *Report) textQuality(b *strings.Builder) {
	t := newTable("target", "n", "skipped", "coverage", "score", "interval", "acceptable", "interval", "method")
	for i := range r.Targets {
		t.summary(r.Targets[i].Target.Name, &r.Targets[i].Summary)
	}
	t.write(b, "quality")
}

func (r *Report) textSlices(b *strings.Builder) {
	t := newTable("slice", "n", "skipped", "coverage", "score", "interval", "acceptable", "interval", "method")
	for i := range r.Targets {
		for j := range r.Targets[i].Slices {
			s := &r.Targets[i].Slices[j]
			t.summary(r.Targets[i].Target.Name+" · "+s.Key+"="+s.Value, &s.Summary)
		}
	}
	t.write(b, "slices")
}

func (t *table) summary(name string, s *Summary) {
	low, method := interval(s.Score), s.Score.Method
	if s.Score.Note != "" {
		method = s.Score.Note
	}
	t.row(name, strconv.Itoa(s.Scored), strconv.Itoa(s.Skipped()), share(s.Coverage),
		value(s.Score), low, value(s.Acceptable), interval(s.Acceptable), method)
}

func (r *Report) textParts(b *strings.Builder) {
	t := newTable("part", "n", "mean", "interval", "method")
	for i := range r.Targets {
		for _, p := range r.Targets[i].Parts {
			t.row(r.Targets[i].Target.Name+" · "+p.Name, strconv.Itoa(p.N), value(p.Number), interval(p.Number), method(p.Number))
		}
	}
	t.write(b, "parts of the score")
}

func (r *Report) textCost(b *strings.Builder) {
	t := newTable("target", "answers", "total", "per 1,000", "score per dollar", "interval", "input tokens", "output tokens", "of answers")
	for i := range r.Targets {
		one := &r.Targets[i]
		c := &one.Cost
		total := c.Total.String()
		if !c.Total.Known && c.Answered > c.Unknown {
			total = fmt.Sprintf("unknown (%v + %d unknown)", c.Known, c.Unknown)
		}
		in, out := "unknown", "unknown"
		if one.Tokens.N > 0 {
			in, out = strconv.FormatInt(one.Tokens.Input, 10), strconv.FormatInt(one.Tokens.Output, 10)
		}
		per := "–"
		if v := c.PerDollar.Value; v != nil {
			per = short(*v)
		}
		t.row(one.Target.Name, strconv.Itoa(c.Answered), total, money(c.Per1000), per, shortInterval(c.PerDollar), in, out, strconv.Itoa(one.Tokens.N))
	}
	t.write(b, "cost")
}

// money is a cost to a ten-thousandth of a dollar, or as it is where that
// would say nothing.
func money(c pointsman.Cost) string {
	if !c.Known || c.Amount != 0 && c.Amount < 100_000 {
		return c.String()
	}
	return fmt.Sprintf("$%.4f", c.Amount.Dollars())
}

func (r *Report) textTime(b *strings.Builder) {
	t := newTable("target", "latency p50", "p95", "p99", "overhead p50", "p99", "measured on")
	for i := range r.Targets {
		one := &r.Targets[i]
		t.row(one.Target.Name, duration(one.Latency.P50), duration(one.Latency.P95), duration(one.Latency.P99),
			duration(one.Overhead.P50), duration(one.Overhead.P99), fmt.Sprintf("%d, %d", one.Latency.N, one.Overhead.N))
	}
	t.write(b, "time")
}

func (r *Report) textWays(b *strings.Builder) {
	t := newTable("target", "escalated", "interval", "answered by", "because")
	for i := range r.Targets {
		one := &r.Targets[i]
		t.row(one.Target.Name, value(one.Escalated), interval(one.Escalated), counts(one.Tiers), counts(one.Causes))
	}
	t.left(3, 4)
	t.write(b, "tiers")
	why := newTable("target", "n", "reason for having no score")
	for i := range r.Targets {
		for _, list := range [][]Count{r.Targets[i].Failures, r.Targets[i].Exclusions, r.Targets[i].Skips} {
			for _, c := range list {
				why.row(r.Targets[i].Target.Name, strconv.Itoa(c.N), c.Name)
			}
		}
	}
	why.left(2)
	why.write(b, "skipped")
}

func counts(list []Count) string {
	var parts []string
	for _, c := range list {
		parts = append(parts, fmt.Sprintf("%s %s", c.Name, share(c.Share)))
	}
	return orDash(strings.Join(parts, ", "))
}

func (r *Report) textPairs(b *strings.Builder) {
	t := newTable("first − second", "n", "difference", "interval", "only first", "only second", "p", "p (Holm)", "test")
	for _, p := range r.Pairs {
		how := p.Test
		if how == "" {
			how = p.Note
		}
		t.row(p.First+" − "+p.Second, strconv.Itoa(p.N), signed(p.Difference), interval(p.Difference),
			strconv.Itoa(p.Counts.OnlyFirst), strconv.Itoa(p.Counts.OnlySecond), pValue(p.P), pValue(p.PHolm), how)
	}
	t.write(b, "paired comparisons")
}

func (r *Report) textRouting(b *strings.Builder) {
	t := newTable("cascade", "figure", "n", "value", "interval", "remark")
	for _, x := range r.Routing {
		apgr, cpt := "", ""
		if x.Unjudged > 0 {
			apgr = fmt.Sprintf("%d more were not judged and are left out", x.Unjudged)
		}
		if !x.Monotone && x.N > 0 {
			cpt = "quality falls along the curve: first crossing"
		}
		t.figure(x.Cascade, "APGR", x.N, x.APGR, apgr)
		t.figure(x.Cascade, "CPT50", x.N, x.CPT50, cpt)
		t.figure(x.Cascade, "CPT80", x.N, x.CPT80, cpt)
		unproven := ""
		if x.Unproven > 0 {
			unproven = fmt.Sprintf("%d answered below it without proof: a pin, the last permitted tier, a fallback", x.Unproven)
		}
		t.figure(x.Cascade, "retained of "+x.Large, x.RetainN, x.RetainMeasured, unproven)
	}
	t.left(1, 5)
	t.write(b, "routing")
}

func (t *table) figure(cascade, name string, n int, x Number, remark string) {
	if x.Note != "" {
		remark = x.Note
	}
	t.row(cascade, name, strconv.Itoa(n), value(x), interval(x), remark)
}

// What does not exist is printed as a dash, never as 0.

func orDash(s string) string {
	if s == "" {
		return "–"
	}
	return s
}

func value(x Number) string {
	if x.Value == nil {
		return "–"
	}
	return fmt.Sprintf("%.4f", *x.Value)
}

func signed(x Number) string {
	if x.Value == nil {
		return "–"
	}
	return fmt.Sprintf("%+.4f", *x.Value)
}

func interval(x Number) string {
	if x.Low == nil || x.High == nil {
		return "none"
	}
	return fmt.Sprintf("[%.4f, %.4f]", *x.Low, *x.High)
}

// short is a number of any size with four significant digits.
func short(v float64) string {
	if v >= 1000 {
		return strconv.FormatFloat(v, 'f', 0, 64)
	}
	return strconv.FormatFloat(v, 'g', 4, 64)
}

func shortInterval(x Number) string {
	if x.Low == nil || x.High == nil {
		return "none"
	}
	return "[" + short(*x.Low) + ", " + short(*x.High) + "]"
}

func method(x Number) string {
	if x.Note != "" {
		return x.Note
	}
	return x.Method
}

func share(v float64) string { return fmt.Sprintf("%.1f %%", 100*v) }

func pValue(p *float64) string {
	switch {
	case p == nil:
		return "–"
	case *p < 1e-4:
		return strconv.FormatFloat(*p, 'e', 1, 64)
	}
	return fmt.Sprintf("%.4f", *p)
}

func duration(d *time.Duration) string {
	switch {
	case d == nil:
		return "–"
	case *d >= time.Second:
		return d.Round(10 * time.Millisecond).String()
	case *d >= time.Millisecond:
		return d.Round(10 * time.Microsecond).String()
	}
	return d.Round(100 * time.Nanosecond).String()
}
