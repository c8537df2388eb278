package journal

import (
	"encoding/json"
	"math"
	"strconv"
	"time"

	"github.com/pointsman-ai/pointsman"
	"github.com/pointsman-ai/pointsman/internal/jsontext"
)

// This file writes the JSON that encoding/json would write, byte for byte (a
// test holds it to that, over every field), at a fifth of its cost: it lies in
// the way of every request.

// encoder appends JSON and remembers the first error.
type encoder struct {
	b   []byte
	err error
}

// appendDecision appends the JSON of a decision.
func appendDecision(b []byte, d *pointsman.Decision) ([]byte, error) {
	e := encoder{b: b}
	e.decision(d)
	return e.b, e.err
}

// appendPayload appends the JSON of a payload.
func appendPayload(b []byte, p *Payload) []byte {
	e := encoder{b: b}
	e.raw(`{"decision":`).str(string(p.Decision)).raw(`,"recording":`).str(string(p.Recording))
	e.opt(`,"request":`, p.Request).opt(`,"input":`, p.Input)
	if len(p.Attempts) > 0 {
		e.raw(`,"attempts":[`)
		for i := range p.Attempts {
			e.comma(i)
			e.attemptText(&p.Attempts[i])
		}
		e.raw(`]`)
	}
	if len(p.Omitted) > 0 {
		e.raw(`,"omitted":`)
		strs(&e, p.Omitted)
	}
	return e.raw(`}`).b
}

func (e *encoder) attemptText(a *AttemptText) {
	e.raw(`{"tier":`).str(string(a.Tier)).raw(`,"answer":`).str(a.Answer)
	if len(a.ToolCalls) > 0 {
		e.raw(`,"tool_calls":[`)
		for i, call := range a.ToolCalls {
			e.comma(i)
			e.raw(`{`)
			if call.ID != "" {
				e.raw(`"id":`).str(call.ID).raw(`,`)
			}
			e.raw(`"name":`).str(call.Name).raw(`,"arguments":`).str(call.Arguments).raw(`}`)
		}
		e.raw(`]`)
	}
	e.raw(`}`)
}

func (e *encoder) decision(d *pointsman.Decision) {
	e.raw(`{"id":`).str(string(d.ID)).raw(`,"time":`).time(d.Time).raw(`,"task":`).str(string(d.Task))
	e.opt(`,"conversation":`, d.Conversation).opt(`,"principal":`, d.Principal)
	if len(d.Metadata) > 0 {
		e.raw(`,"metadata":`).any(d.Metadata)
	}
	if len(d.Slices) > 0 {
		e.raw(`,"slices":`)
		strs(e, d.Slices)
	}
	e.raw(`,"config":`).str(string(d.Config)).opt(`,"policy":`, string(d.Policy)).flag(`,"withdrawn":true`, d.Withdrawn)
	if len(d.Request) > 0 {
		e.raw(`,"request_signals":`).signals(d.Request)
	}
	if d.Shape != nil {
		e.raw(`,"shape":`).shape(d.Shape)
	}
	e.raw(`,"rules":{`)
	if len(d.Rules.Fired) > 0 {
		e.raw(`"fired":`)
		strs(e, d.Rules.Fired)
		e.raw(`,`)
	}
	e.raw(`"permitted":`)
	strs(e, d.Rules.Permitted)
	e.opt(`,"pin":`, string(d.Rules.Pin)).raw(`,"stakes":`).float(d.Rules.Stakes)
	e.flag(`,"no_witness":true`, d.Rules.NoWitness)
	if len(d.Rules.Without) > 0 {
		e.raw(`,"without":`)
		strs(e, d.Rules.Without)
	}
	e.raw(`},"attempts":`)
	if d.Attempts == nil {
		e.raw(`null`)
	} else {
		e.raw(`[`)
		for i := range d.Attempts {
			e.comma(i)
			e.attempt(&d.Attempts[i])
		}
		e.raw(`]`)
	}
	e.opt(`,"tier":`, string(d.Tier)).opt(`,"model":`, string(d.Model))
	e.raw(`,"cause":`).str(string(d.Cause)).opt(`,"detail":`, d.Detail)
	e.raw(`,"propensity":`).float(d.Propensity).raw(`,"lifecycle":`).str(string(d.Lifecycle))
	e.flag(`,"streamed":true`, d.Streamed).raw(`,"status":`).int(int64(d.Status))
	e.raw(`,"cost":`).cost(d.Cost).raw(`,"baseline":`).cost(d.Baseline)
	e.flag(`,"baseline_estimated":true`, d.BaselineEstimated)
	e.raw(`,"latency_ns":`).int(int64(d.Latency)).raw(`,"overhead_ns":`).int(int64(d.Overhead))
	e.opt(`,"input":`, string(d.Input)).opt(`,"answer":`, string(d.Answer)).raw(`}`)
}

func (e *encoder) shape(s *pointsman.Shape) {
	e.raw(`{"turns":`).int(int64(s.Turns))
	list := func(name string, values []string) {
		if len(values) > 0 {
			e.raw(name)
			strs(e, values)
		}
	}
	list(`,"roles":`, s.Roles)
	if s.NonText != 0 {
		e.raw(`,"non_text":`).int(int64(s.NonText))
	}
	list(`,"settings":`, s.Settings)
	list(`,"scripts":`, s.Scripts)
	e.raw(`}`)
}

func (e *encoder) attempt(a *pointsman.Attempt) {
	e.raw(`{"tier":`).str(string(a.Tier)).raw(`,"model":`).str(string(a.Model)).raw(`,"variant":`).str(string(a.Variant))
	e.opt(`,"served_by":`, a.ServedBy)
	if len(a.Signals) > 0 {
		e.raw(`,"signals":`).signals(a.Signals)
	}
	if a.Reading.Valid {
		e.raw(`,"reading":{"valid":true`)
	} else {
		e.raw(`,"reading":{"valid":false`)
	}
	e.opt(`,"label":`, a.Reading.Label).opt(`,"problem":`, a.Reading.Problem).raw(`},"confidence":{`)
	start := len(e.b)
	e.optFloat(start, `"acceptable":`, a.Confidence.Acceptable)
	e.optFloat(start, `"uplift":`, a.Confidence.Uplift)
	e.optFloat(start, `"threshold":`, a.Confidence.Threshold)
	e.optFloat(start, `"harm":`, a.Confidence.Harm)
	e.raw(`}`)
	if a.Stakes != 0 {
		e.raw(`,"stakes":`).float(a.Stakes)
	}
	e.raw(`,"cause":`).str(string(a.Cause)).opt(`,"detail":`, a.Detail).opt(`,"finish_reason":`, a.FinishReason)
	e.raw(`,"usage":`).usage(&a.Usage).raw(`,"cost":`).cost(a.Cost).raw(`,"latency_ns":`).int(int64(a.Latency))
	if a.FirstToken != 0 {
		e.raw(`,"first_token_ns":`).int(int64(a.FirstToken))
	}
	e.opt(`,"answer":`, string(a.Answer))
	if len(a.Tries) > 0 {
		e.raw(`,"tries":[`)
		for i := range a.Tries {
			e.comma(i)
			e.try(&a.Tries[i])
		}
		e.raw(`]`)
	}
	e.witnesses(`,"witnesses":[`, a.Witnesses)
	e.witnesses(`,"samples":[`, a.Samples)
	e.raw(`}`)
}

func (e *encoder) try(t *pointsman.Try) {
	e.raw(`{"upstream":`).str(string(t.Upstream)).opt(`,"failure":`, string(t.Failure))
	if t.Status != 0 {
		e.raw(`,"status":`).int(int64(t.Status))
	}
	if t.RetryAfter != 0 {
		e.raw(`,"retry_after_ns":`).int(int64(t.RetryAfter))
	}
	e.raw(`,"latency_ns":`).int(int64(t.Latency)).raw(`}`)
}

func (e *encoder) witnesses(name string, list []pointsman.WitnessAnswer) {
	if len(list) == 0 {
		return
	}
	e.raw(name)
	for i := range list {
		e.comma(i)
		e.witness(&list[i])
	}
	e.raw(`]`)
}

func (e *encoder) witness(w *pointsman.WitnessAnswer) *encoder {
	e.raw(`{`)
	if w.Name != "" {
		e.raw(`"name":`).str(string(w.Name)).raw(`,`)
	}
	e.raw(`"model":`).str(string(w.Model)).raw(`,"variant":`).str(string(w.Variant))
	e.opt(`,"label":`, w.Label).opt(`,"failure":`, string(w.Failure)).opt(`,"detail":`, w.Detail)
	e.raw(`,"usage":`).usage(&w.Usage).raw(`,"cost":`).cost(w.Cost)
	return e.raw(`,"latency_ns":`).int(int64(w.Latency)).raw(`}`)
}

func (e *encoder) usage(u *pointsman.Usage) *encoder {
	if u.Known {
		e.raw(`{"known":true,"input":`)
	} else {
		e.raw(`{"known":false,"input":`)
	}
	e.int(int64(u.Input))
	if u.CachedInput != 0 {
		e.raw(`,"cached_input":`).int(int64(u.CachedInput))
	}
	e.raw(`,"output":`).int(int64(u.Output))
	if u.Reasoning != 0 {
		e.raw(`,"reasoning":`).int(int64(u.Reasoning))
	}
	return e.raw(`}`)
}

func (e *encoder) signals(s pointsman.Signals) {
	e.raw(`{`)
	for i := range s {
		e.comma(i)
		e.str(string(s[i].Name)).raw(`:`)
		if s[i].Present() {
			e.float(s[i].Value)
		} else {
			e.str(s[i].Missing)
		}
	}
	e.raw(`}`)
}

func (e *encoder) raw(s string) *encoder {
	e.b = append(e.b, s...)
	return e
}

func (e *encoder) flag(s string, on bool) *encoder {
	if on {
		e.raw(s)
	}
	return e
}

func (e *encoder) opt(name, s string) *encoder {
	if s != "" {
		e.raw(name).str(s)
	}
	return e
}

func (e *encoder) optFloat(start int, name string, f *float64) {
	if f == nil {
		return
	}
	if len(e.b) > start {
		e.raw(`,`)
	}
	e.raw(name).float(*f)
}

func (e *encoder) comma(i int) {
	if i > 0 {
		e.b = append(e.b, ',')
	}
}

func (e *encoder) int(n int64) *encoder {
	e.b = strconv.AppendInt(e.b, n, 10)
	return e
}

func (e *encoder) cost(c pointsman.Cost) *encoder {
	if !c.Known {
		return e.raw(`null`)
	}
	return e.int(int64(c.Amount))
}

func (e *encoder) time(t time.Time) *encoder {
	if y := t.Year(); y < 0 || y > 9999 {
		return e.any(t) // for its error
	}
	e.b = append(e.b, '"')
	e.b = t.AppendFormat(e.b, time.RFC3339Nano)
	e.b = append(e.b, '"')
	return e
}

// float writes a number as encoding/json does (ES6, section 7.1.12.1).
func (e *encoder) float(f float64) *encoder {
	if math.IsInf(f, 0) || math.IsNaN(f) {
		return e.any(f) // for its error
	}
	format := byte('f')
	if size := math.Abs(f); size != 0 && (size < 1e-6 || size >= 1e21) {
		format = 'e'
	}
	e.b = strconv.AppendFloat(e.b, f, format, -1, 64)
	if n := len(e.b); format == 'e' && n >= 4 && e.b[n-4] == 'e' && e.b[n-3] == '-' && e.b[n-2] == '0' {
		e.b[n-2] = e.b[n-1]
		e.b = e.b[:n-1]
	}
	return e
}

// str writes a string as encoding/json does, with <, > and & escaped.
func (e *encoder) str(s string) *encoder {
	e.b = jsontext.AppendEscaped(e.b, s)
	return e
}

// strs writes strings of any named type.
func strs[S ~string](e *encoder, list []S) {
	if list == nil {
		e.raw(`null`)
		return
	}
	e.raw(`[`)
	for i := range list {
		e.comma(i)
		e.str(string(list[i]))
	}
	e.raw(`]`)
}

// any leaves a value to encoding/json: maps, whose keys want sorting, and what
// is an error.
func (e *encoder) any(v any) *encoder {
	text, err := json.Marshal(v)
	if err != nil {
		if e.err == nil {
			e.err = err
		}
		return e
	}
	e.b = append(e.b, text...)
	return e
}
