package pointsman_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"math"
	"math/big"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/pointsman-ai/pointsman"
)

func TestParseMoney(t *testing.T) {
	for _, c := range []struct {
		in   string
		want pointsman.Money
		text string
	}{
		{"0.15", 150_000_000, "$0.15"},
		{"2", 2_000_000_000, "$2.00"},
		{"0.000000375", 375, "$0.000000375"},
		{"-1.5", -1_500_000_000, "-$1.50"},
		{"9223372036.854775807", math.MaxInt64, "$9223372036.854775807"},
	} {
		got, err := pointsman.ParseMoney(c.in)
		if err != nil || got != c.want || got.String() != c.text {
			t.Errorf("ParseMoney(%q) = %d (%s), %v; want %d (%s)", c.in, got, got, err, c.want, c.text)
		}
	}
	for _, bad := range []string{"", ".", "1.", ".5", "1e3", "+1", "0.0000000001", "9223372036.854775808", "12345678901", "NaN", "1,5"} {
		if got, err := pointsman.ParseMoney(bad); !errors.Is(err, pointsman.ErrMoney) {
			t.Errorf("ParseMoney(%q) = %d, %v; want ErrMoney", bad, got, err)
		}
	}
}

// The cost is compared with the same sum in big integers.
func TestPriceCostIsExact(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		price := pointsman.Price{
			Known:       true,
			Input:       pointsman.Money(rapid.Int64Range(0, 1e13).Draw(t, "input")),
			CachedInput: pointsman.Money(rapid.Int64Range(0, 1e13).Draw(t, "cached")),
			Output:      pointsman.Money(rapid.Int64Range(0, 1e13).Draw(t, "output")),
		}
		u := pointsman.Usage{Known: true, Input: rapid.IntRange(0, 1e6).Draw(t, "in"), Output: rapid.IntRange(0, 1e6).Draw(t, "out")}
		u.CachedInput = rapid.IntRange(0, u.Input).Draw(t, "cachedTokens")
		sum := new(big.Int)
		add := func(tokens int, p pointsman.Money) {
			sum.Add(sum, new(big.Int).Mul(big.NewInt(int64(tokens)), big.NewInt(int64(p))))
		}
		add(u.Input-u.CachedInput, price.Input)
		add(u.CachedInput, price.CachedInput)
		add(u.Output, price.Output)
		sum.Add(sum, big.NewInt(999_999)).Div(sum, big.NewInt(1_000_000))
		if got := price.Cost(u); !got.Known || big.NewInt(int64(got.Amount)).Cmp(sum) != 0 {
			t.Fatalf("cost of %+v at %+v = %v, want %v nano-dollars", u, price, got, sum)
		}
	})
}

func TestUnknownCostIsNeverZero(t *testing.T) {
	known := pointsman.Price{Known: true, Input: pointsman.Dollar}
	for name, c := range map[string]pointsman.Cost{
		"unknown price":   pointsman.Price{}.Cost(pointsman.Usage{Known: true, Input: 5}),
		"unknown usage":   known.Cost(pointsman.Usage{Input: 5}),
		"negative usage":  known.Cost(pointsman.Usage{Known: true, Input: -5}),
		"cached > input":  known.Cost(pointsman.Usage{Known: true, Input: 1, CachedInput: 2}),
		"sum of unknown":  pointsman.KnownCost(3).Add(pointsman.Cost{}),
		"beyond 64 bits":  pointsman.Price{Known: true, Input: math.MaxInt64}.Cost(pointsman.Usage{Known: true, Input: math.MaxInt64}),
		"null comes back": roundTrip(t, pointsman.Cost{}),
	} {
		if c.Known {
			t.Errorf("%s: got %v, want unknown", name, c)
		}
		if text, _ := json.Marshal(c); string(text) != "null" {
			t.Errorf("%s: JSON %s, want null", name, text)
		}
	}
	if got := roundTrip(t, pointsman.KnownCost(12)); got != pointsman.KnownCost(12) {
		t.Errorf("round trip: %v", got)
	}
}

func roundTrip(t *testing.T, c pointsman.Cost) (back pointsman.Cost) {
	t.Helper()
	text, err := json.Marshal(c)
	if err == nil {
		err = json.Unmarshal(text, &back)
	}
	if err != nil {
		t.Fatal(err)
	}
	return back
}

// Identifiers increase strictly while the clock stands still, runs, and steps
// back an hour.
func TestIDSourceIsMonotonic(t *testing.T) {
	now := time.UnixMilli(1_700_000_000_000)
	source := pointsman.NewIDSource(func() time.Time { return now }, nil)
	var last pointsman.DecisionID
	for i := range 20_000 {
		switch {
		case i == 9_000:
			now = now.Add(-time.Hour)
		case i > 15_000:
			now = now.Add(time.Millisecond)
		}
		id := source.Next()
		if _, err := pointsman.ParseDecisionID(string(id)); err != nil {
			t.Fatalf("%s: %v", id, err)
		}
		if id <= last {
			t.Fatalf("id %d: %s does not follow %s", i, id, last)
		}
		last = id
	}
	fresh := pointsman.NewIDSource(func() time.Time { return now }, bytes.NewReader(make([]byte, 512))).Next()
	if !fresh.Time().Equal(now) {
		t.Errorf("time of %s: %v, want %v", fresh, fresh.Time(), now)
	}
}

func TestSignalsRoundTrip(t *testing.T) {
	in := pointsman.Signals{
		pointsman.Measured("request.words", 12),
		pointsman.Unmeasured("answer.label_margin", "the upstream gave no logprobs"),
		pointsman.Measured("answer.logprob_mean", -0.1234567890123456789),
		pointsman.Measured("broken", math.NaN()),
	}
	text, err := json.Marshal(in)
	if err != nil {
		t.Fatal(err)
	}
	var out pointsman.Signals
	if err := json.Unmarshal(text, &out); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(in, out); diff != "" {
		t.Errorf("%s\n%s", text, diff)
	}
	if s, _ := out.Get("broken"); s.Present() {
		t.Error("a value that is not finite came back as one")
	}
}

func TestParseDigest(t *testing.T) {
	d := pointsman.DigestOf([]byte("points"))
	if got, err := pointsman.ParseDigest(string(d)); err != nil || got != d {
		t.Errorf("ParseDigest(%s) = %s, %v", d, got, err)
	}
	for _, bad := range []string{"", "sha256:", "sha256:ABC", "md5:" + d.Hex(), string(d) + "0"} {
		if _, err := pointsman.ParseDigest(bad); !errors.Is(err, pointsman.ErrDigest) {
			t.Errorf("ParseDigest(%q): %v, want ErrDigest", bad, err)
		}
	}
}

// Records of the time when a task had one witness are still read.
func TestAttemptWithOneWitness(t *testing.T) {
	var a pointsman.Attempt
	if err := json.Unmarshal([]byte(`{"tier":"small","cause":"confident","witness":{"model":"m","label":"yes","cost":7}}`), &a); err != nil {
		t.Fatal(err)
	}
	if a.Tier != "small" || a.Cause != pointsman.CauseAccepted || len(a.Witnesses) != 1 || a.Witnesses[0].Name != "witness" || a.Witnesses[0].Label != "yes" {
		t.Errorf("%+v", a)
	}
	content, err := json.Marshal(a)
	if err != nil {
		t.Fatal(err)
	}
	var back pointsman.Attempt
	if err := json.Unmarshal(content, &back); err != nil || len(back.Witnesses) != 1 || back.Beside() != a.Beside() {
		t.Errorf("%v: %s", err, content)
	}
}
