package policy_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"math"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/pointsman-ai/pointsman"
	"github.com/pointsman-ai/pointsman/internal/policy"
)

func TestRoundTrip(t *testing.T) {
	p := example()
	content, err := p.Marshal()
	if err != nil {
		t.Fatal(err)
	}
	back, err := policy.Unmarshal(content)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(p, back); diff != "" {
		t.Error(diff)
	}
	again, err := back.Marshal()
	if err != nil || !bytes.Equal(content, again) {
		t.Errorf("second marshalling differs (%v):\n%s\n%s", err, content, again)
	}
	var indented bytes.Buffer
	if err := json.Indent(&indented, content, "", "  "); err != nil {
		t.Fatal(err)
	}
	if _, err := policy.Unmarshal(indented.Bytes()); err != nil {
		t.Errorf("white space matters: %v", err)
	}
}

func TestUnmarshalIsStrict(t *testing.T) {
	content, err := example().Marshal()
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct{ name, old, new, message string }{
		{"unknown field", `"task":`, `"tusk":1,"task":`, "unknown field"},
		{"repeated field", `"task":"intent"`, `"task":"intent","task":"intent"`, "canonical form"},
		{"letter case", `"task":`, `"TASK":`, "canonical form"},
		{"newer version", `"version":1`, `"version":3`, "version 3, this program reads versions 1 to 2"},
		{"another version", `"version":1`, `"version":2`, "belong to version 2"},
		{"no version", `"version":1,`, ``, "version missing"},
		{"trailing data", `{"version"`, `{} {"version"`, "invalid character"},
		{"overflow", `"intercept":1.5`, `"intercept":1e999`, "cannot unmarshal"},
		{"huge weight", `"intercept":1.5`, `"intercept":1e7`, "intercept"},
		{"lengths", `"weights":[-0.3,0.9]`, `"weights":[-0.3]`, "1 weights and 2 missing weights for 2 features"},
		{"no scale", `"scale":6`, `"scale":0`, "scale 0"},
		{"decreasing map", `"coefficients":[1.1,-0.05]`, `"coefficients":[-1.1,-0.05]`, "would decrease"},
		{"wrong map", `"method":"linear"`, `"method":"platt"`, "not known here"},
		{"two features of one name", `"signal":"answer.label_margin"`, `"signal":"request.words"`, "repeated"},
		{"unsorted slices", `"slice":"lang=fi"`, `"slice":"a=b"`, "must increase"},
		{"threshold beyond 1", `"threshold":0.2`, `"threshold":1.2`, "between -1 and 1"},
		{"uncertified whole", `"threshold":0.1,"certified":true`, `"threshold":0.1,"certified":false`, "exactly where its certificate is"},
		{"bound above epsilon", `"bound":0.012`, `"bound":0.02`, "above epsilon"},
		{"not a digest", `"data":"sha256:`, `"data":"md5:`, "not a digest"},
		{"a tier too many", `"tiers":[`, `"tiers":["` + string(pointsman.DigestOf(nil)) + `",`, "every tier but the last has one"},
		{"not JSON", `{"version"`, `{version`, "invalid character"},
	} {
		bad := strings.Replace(string(content), c.old, c.new, 1)
		if bad == string(content) {
			t.Fatalf("%s: %q is not in the example", c.name, c.old)
		}
		if _, err := policy.Unmarshal([]byte(bad)); !errors.Is(err, policy.ErrInvalid) || !strings.Contains(err.Error(), c.message) {
			t.Errorf("%s: error %v, want %q", c.name, err, c.message)
		}
	}
}

func TestMarshalRefuses(t *testing.T) {
	for name, spoil := range map[string]func(*policy.Policy){
		"NaN":       func(p *policy.Policy) { p.Stages[0].Acceptable.Intercept = math.NaN() },
		"infinity":  func(p *policy.Policy) { p.Stages[0].Features[0].High = math.Inf(1) },
		"NaN bound": func(p *policy.Policy) { p.Stages[0].Certificate.Bound = math.NaN() },
		"not UTF-8": func(p *policy.Policy) { p.Stages[0].Thresholds[4].Why = "\xff" },
		"no stage":  func(p *policy.Policy) { p.Stages = nil },
	} {
		p := example()
		spoil(p)
		if _, err := p.Marshal(); !errors.Is(err, policy.ErrInvalid) {
			t.Errorf("%s: %v, want ErrInvalid", name, err)
		}
	}
}

// FuzzUnmarshal holds that bytes are refused or are a policy: one that comes
// back as the same bytes, and whose numbers are numbers for any signals.
func FuzzUnmarshal(f *testing.F) {
	content, err := example().Marshal()
	if err != nil {
		f.Fatal(err)
	}
	f.Add(content, 20.0, 4.0)
	f.Add(bytes.Replace(content, []byte(`"method":"linear","coefficients":[0.9,0.01]`),
		[]byte(`"method":"isotonic","knots":[{"score":-1,"value":-0.1},{"score":0.5,"value":0.7}]`), 1), math.Inf(-1), -1e300)
	f.Add([]byte(`{"version":1}`), 0.0, 0.0)
	f.Fuzz(func(t *testing.T, content []byte, words, margin float64) {
		p, err := policy.Unmarshal(content)
		if err != nil {
			if !errors.Is(err, policy.ErrInvalid) {
				t.Fatalf("error outside ErrInvalid: %v", err)
			}
			return
		}
		again, err := p.Marshal()
		var compact bytes.Buffer
		if err != nil || json.Compact(&compact, content) != nil || !bytes.Equal(compact.Bytes(), again) {
			t.Fatalf("not canonical (%v):\n%s\n%s", err, content, again)
		}
		for stage := range p.Stages {
			var request pointsman.Signals
			for i, feature := range p.Stages[stage].Features {
				request = append(request, pointsman.Signal{Name: feature.Signal, Value: []float64{words, margin}[i%2]})
			}
			c := p.Assess(stage, request, nil)
			if c.Uplift != nil && (!(math.Abs(*c.Uplift) < 1) || !(*c.Acceptable > 0 && *c.Acceptable < 1)) {
				t.Fatalf("stage %d: uplift %v, acceptable %v", stage, *c.Uplift, *c.Acceptable)
			}
			p.Decide(stage, []string{"lang=fi"}, 2, pointsman.Reading{Valid: true}, c)
		}
	})
}
