package page_test

import (
	"bytes"
	"context"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/pointsman-ai/pointsman"
	"github.com/pointsman-ai/pointsman/internal/calibrate"
	"github.com/pointsman-ai/pointsman/internal/calibrate/fit"
	"github.com/pointsman-ai/pointsman/internal/calibrate/page"
)

// made is a page of a small calibration.
func made(t *testing.T, costs bool, slice string) string {
	t.Helper()
	random := rand.New(rand.NewPCG(4, 4))
	observations := make([]fit.Observation, 400)
	for i := range observations {
		margin := random.NormFloat64()
		small, large := random.Float64() < 0.5+0.2*margin, random.Float64() < 0.9
		observations[i] = fit.Observation{
			ID: fmt.Sprint(i), Slices: []string{slice}, Request: pointsman.Signals{pointsman.Measured("request.words", random.Float64())},
			Tiers: []fit.TierOutcome{{Signals: pointsman.Signals{pointsman.Measured("answer.margin", margin)}, Valid: true, Acceptable: small}, {Valid: true, Acceptable: large}},
		}
		if costs {
			cheap, dear := 0.001, 0.01
			observations[i].Tiers[0].Cost, observations[i].Tiers[1].Cost = &cheap, &dear
		}
	}
	target := pointsman.Target{Promise: pointsman.PromiseHarm, Retain: 0.8, Confidence: 0.9}
	p, r, err := fit.Fit(context.Background(), observations, fit.Options{
		Task: "t", Kind: pointsman.KindClassify, Tiers: []pointsman.Digest{pointsman.DigestOf([]byte("a")), pointsman.DigestOf([]byte("b"))},
		Target: target, Now: time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC), Seed: 1,
	})
	if err != nil {
		t.Fatal(err)
	}
	digest, err := p.Digest()
	if err != nil {
		t.Fatal(err)
	}
	var b bytes.Buffer
	one := page.Page{Report: &calibrate.Report{Task: "t", Policy: digest, Examples: 400, Calibration: r}, Target: target, State: "in force", Active: true, Made: time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)}
	if err := one.Write(&b); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

// The page stands by itself, is well formed, and says the claim; what comes from
// the data is text and nothing else.
func TestPage(t *testing.T) {
	for _, costs := range []bool{true, false} {
		html := made(t, costs, `lang=<script>alert("x")</script>`)
		for _, foreign := range []string{"http:", "https:", "<script", "src=", "url(", "@import", "NaN", "Inf"} {
			if strings.Contains(html, foreign) {
				t.Errorf("costs %v: the page has %q", costs, foreign)
			}
		}
		for _, want := range []string{"confidence", "in force", "lang=&lt;script&gt;", "<polyline", "the whole task"} {
			if !strings.Contains(html, want) {
				t.Errorf("costs %v: the page lacks %q", costs, want)
			}
		}
		if costs != strings.Contains(html, "US dollars for a thousand requests") {
			t.Errorf("costs %v: the axis of the frontier is another", costs)
		}
		d := xml.NewDecoder(strings.NewReader(html))
		d.Strict, d.AutoClose, d.Entity = false, xml.HTMLAutoClose, xml.HTMLEntity
		for {
			if _, err := d.Token(); errors.Is(err, io.EOF) {
				break
			} else if err != nil {
				t.Fatalf("costs %v: %v", costs, err)
			}
		}
	}
}
