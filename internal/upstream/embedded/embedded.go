// Package embedded answers from a student model in this process: a classifier
// with its most probable label, an extractor with a JSON object of the fields
// that it found. Equal inputs give equal answers.
//
// An embedded model has no tokenizer. Its tokens are its own words: a run of
// letters and digits is one, and so is every other character that is not
// space. Of an answer the label is one token, and so is each member of an
// extracted object.
package embedded

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"math"
	"time"
	"unicode"

	"github.com/pointsman-ai/pointsman"
	"github.com/pointsman-ai/pointsman/internal/dialect/chat"
	"github.com/pointsman-ai/pointsman/internal/student"
	"github.com/pointsman-ai/pointsman/internal/upstream"
)

// topLabels is how many labels are prediction with their probabilities.
const topLabels = 5

// oos is the name of the signal that a classifier gives of its own.
const oos pointsman.SignalName = "student.oos"

// impossible is the logarithm that OpenAI gives a token without probability.
const impossible = -9999

// Upstream answers from one student.
type Upstream struct {
	name   string
	now    func() time.Time
	answer func(input string) prediction
}

var _ upstream.Upstream = (*Upstream)(nil)

// prediction is what a student says of an input.
type prediction struct {
	text     string
	logprobs []pointsman.TokenLogprob
	signals  []pointsman.Signal
	output   int // tokens
}

// Option changes an Upstream.
type Option func(*Upstream)

// WithClock dates the answers, which otherwise have the creation time 0.
func WithClock(now func() time.Time) Option { return func(u *Upstream) { u.now = now } }

// NewClassifier answers with a classifier's most probable label. The logprobs
// are those of the five most probable labels, and the signal "student.oos" says
// how foreign the input looks.
func NewClassifier(m *student.Model, name string, options ...Option) *Upstream {
	return build(name, func(input string) prediction { return classify(m, input) }, options)
}

// NewExtractor answers with a compact JSON object of the fields that a tagger
// found, in ascending order of their names; a field that was not found is left
// out, and one that may have several values is an array of them in the order of the
// text. The logprobs are one token for each field; that of an array is the sum of its
// values', as if they were independent.
func NewExtractor(t *student.Tagger, name string, options ...Option) *Upstream {
	fields := t.Fields()
	return build(name, func(input string) prediction { return extract(t, fields, input) }, options)
}

func build(name string, answer func(string) prediction, options []Option) *Upstream {
	u := &Upstream{name: name, answer: answer}
	for _, option := range options {
		option(u)
	}
	return u
}

// ErrArtefact is returned by Load for bytes that are neither a classifier nor a
// tagger.
var ErrArtefact = errors.New("not an embedded model")

// Load reads a student's artefact and answers from it. Where the student reads
// texts with word vectors, find looks them up; it may be nil, and then such a
// student is an error, student.ErrVectors.
func Load(artefact []byte, name string, find student.FindVectors, options ...Option) (upstream.Upstream, error) {
	if student.IsTagger(artefact) {
		t, err := student.UnmarshalTagger(artefact)
		if err != nil {
			return nil, fmt.Errorf("%w: %w", ErrArtefact, err)
		}
		return NewExtractor(t, name, options...), nil
	}
	m, err := student.UnmarshalWith(artefact, find)
	if errors.Is(err, student.ErrVectors) {
		return nil, err
	}
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrArtefact, err)
	}
	return NewClassifier(m, name, options...), nil
}

func classify(m *student.Model, input string) prediction {
	p := m.Predict(input, topLabels)
	token := pointsman.TokenLogprob{Token: p.Top(), Top: make([]pointsman.TopLogprob, len(p.Labels))}
	for i, l := range p.Labels {
		token.Top[i] = pointsman.TopLogprob{Token: l.Label, Logprob: logarithm(l.Prob)}
	}
	token.Logprob = token.Top[0].Logprob
	return prediction{
		text: token.Token, output: 1,
		logprobs: []pointsman.TokenLogprob{token},
		signals:  []pointsman.Signal{pointsman.Measured(oos, p.OOS)},
	}
}

func extract(t *student.Tagger, fields []string, input string) prediction {
	found := t.Extract(input)
	var g prediction
	text := []byte{'{'}
	from := 0
	for _, name := range fields {
		values := found.Values(name)
		if len(values) == 0 {
			continue
		}
		sum, texts := 0.0, make([]string, len(values))
		for i, v := range values {
			texts[i] = v.Value
			sum += logarithm(v.Prob)
		}
		if t.IsList(name) {
			text = chat.AppendTexts(text, name, texts)
		} else {
			text = chat.AppendText(text, name, texts[0])
		}
		g.logprobs = append(g.logprobs, pointsman.TokenLogprob{Token: string(text[from:]), Logprob: max(sum, impossible)})
		from = len(text)
	}
	g.text = string(append(text, '}'))
	if n := len(g.logprobs); n > 0 {
		g.logprobs[n-1].Token += "}"
	} else {
		g.logprobs = []pointsman.TokenLogprob{{Token: g.text, Logprob: max(found.MeanLogProb, impossible)}}
	}
	g.output = len(g.logprobs)
	return g
}

// logarithm is the natural logarithm of a probability, never infinite.
func logarithm(p float64) float64 { return min(max(math.Log(p), impossible), 0) }

// tokens counts the words and other characters of a text.
func tokens(text string) int {
	n, inWord := 0, false
	for _, r := range text {
		word := unicode.IsLetter(r) || unicode.IsDigit(r) || unicode.IsMark(r)
		if !unicode.IsSpace(r) && !(word && inWord) {
			n++
		}
		inWord = word
	}
	return n
}

// Dialect implements upstream.Upstream.
func (u *Upstream) Dialect() pointsman.Dialect { return pointsman.DialectChat }

// Complete answers the call's input.
func (u *Upstream) Complete(ctx context.Context, call upstream.Call) (*pointsman.Answer, error) {
	begun := time.Now()
	if err := ctx.Err(); err != nil {
		return nil, upstream.FromContext(ctx, err)
	}
	g := u.answer(call.Input)
	c := chat.Completion{
		ID: id(u.name, call.Input, g.text), Model: u.name, Text: g.text, FinishReason: "stop", Logprobs: g.logprobs,
		Usage: pointsman.Usage{Known: true, Input: tokens(call.Input), Output: g.output},
	}
	if u.now != nil {
		c.Created = u.now().Unix()
	}
	return &pointsman.Answer{
		Body: chat.Build(c), Text: g.text, FinishReason: c.FinishReason, Usage: c.Usage,
		Logprobs: g.logprobs, Signals: g.signals, ServedBy: u.name, Latency: time.Since(begun),
	}, nil
}

// id names an answer by what it is.
func id(name, input, text string) string {
	content := make([]byte, 0, len(name)+len(input)+len(text)+2)
	content = append(append(content, name...), 0)
	content = append(append(content, input...), 0)
	sum := sha256.Sum256(append(content, text...))
	return "chatcmpl-" + hex.EncodeToString(sum[:12])
}

// Stream answers the call's input in chunks.
func (u *Upstream) Stream(ctx context.Context, call upstream.Call) (upstream.Stream, error) {
	a, err := u.Complete(ctx, call)
	if err != nil {
		return nil, err
	}
	return chat.NewWholeStream(a, func() error { return upstream.FromContext(ctx, ctx.Err()) })
}
