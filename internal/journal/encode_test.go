package journal

import (
	"encoding/json"
	"math"
	"reflect"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/pointsman-ai/pointsman"
)

// The hand-written encoder writes what encoding/json writes, over every field,
// set or not, so that a field that is added to a decision is noticed here.
func TestEncoderIsEncodingJSON(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		d := new(pointsman.Decision)
		fillValue(t, reflect.ValueOf(d).Elem())
		want, err := json.Marshal(d)
		if err != nil {
			t.Fatal(err)
		}
		got, err := appendDecision(nil, d)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(string(want), string(got)); diff != "" {
			t.Fatal(diff)
		}
		p := new(Payload)
		fillValue(t, reflect.ValueOf(p).Elem())
		if want, _ = json.Marshal(p); string(want) != string(appendPayload(nil, p)) {
			t.Fatal(cmp.Diff(string(want), string(appendPayload(nil, p))))
		}
	})
}

func TestEncoderRefusesWhatHasNoJSON(t *testing.T) {
	for name, spoil := range map[string]func(d *pointsman.Decision){
		"NaN":         func(d *pointsman.Decision) { d.Propensity = math.NaN() },
		"infinite":    func(d *pointsman.Decision) { d.Rules.Stakes = math.Inf(1) },
		"year 10,000": func(d *pointsman.Decision) { d.Time = time.Date(10_000, 1, 1, 0, 0, 0, 0, time.UTC) },
	} {
		d := testDecision(1)
		spoil(d)
		if text, err := appendDecision(nil, d); err == nil {
			t.Errorf("%s: %s", name, text)
		}
	}
}

// fillValue sets a value to something drawn: every field of every struct, half
// of the pointers, strings that want escapes, numbers of every size.
func fillValue(t *rapid.T, v reflect.Value) {
	switch x := v.Addr().Interface().(type) {
	case *time.Time:
		*x = time.Unix(rapid.Int64Range(0, 1<<34).Draw(t, "s"), rapid.Int64Range(0, 999_999_999).Draw(t, "ns")).UTC()
		return
	case *pointsman.Cost:
		if rapid.Bool().Draw(t, "known") {
			*x = pointsman.KnownCost(pointsman.Money(rapid.Int64().Draw(t, "cost")))
		}
		return
	case *pointsman.Signal:
		*x = pointsman.Measured(pointsman.SignalName(drawString(t)), drawFloat(t))
		if rapid.Bool().Draw(t, "missing") {
			*x = pointsman.Unmeasured(x.Name, drawString(t))
		}
		return
	}
	switch v.Kind() {
	case reflect.Struct:
		for _, field := range v.Fields() {
			fillValue(t, field)
		}
	case reflect.Pointer:
		if rapid.Bool().Draw(t, "set") {
			v.Set(reflect.New(v.Type().Elem()))
			fillValue(t, v.Elem())
		}
	case reflect.Slice:
		n := rapid.IntRange(-1, 3).Draw(t, "n")
		if n >= 0 {
			v.Set(reflect.MakeSlice(v.Type(), n, n))
		}
		for i := range n {
			fillValue(t, v.Index(i))
		}
	case reflect.Map:
		n := rapid.IntRange(-1, 3).Draw(t, "n")
		if n >= 0 {
			v.Set(reflect.MakeMap(v.Type()))
		}
		for range n {
			v.SetMapIndex(reflect.ValueOf(drawString(t)), reflect.ValueOf(drawString(t)))
		}
	case reflect.String:
		v.SetString(drawString(t))
	case reflect.Bool:
		v.SetBool(rapid.Bool().Draw(t, "bool"))
	case reflect.Float64:
		v.SetFloat(drawFloat(t))
	case reflect.Int, reflect.Int64:
		v.SetInt(int64(rapid.OneOf(rapid.Just(0), rapid.Int()).Draw(t, "int")))
	default:
		t.Fatalf("no way to draw a %s", v.Type())
	}
}

func drawString(t *rapid.T) string {
	return rapid.OneOf(rapid.Just(""), rapid.Just("plain"), rapid.String(),
		rapid.StringOf(rapid.RuneFrom([]rune("a<>&\"\\\u2028\u2029\n\r\t\b\f\x01é\U0001F600"))),
		rapid.Just("not utf-8: \xff\xc3")).Draw(t, "string")
}

func drawFloat(t *rapid.T) float64 {
	return rapid.OneOf(rapid.Just(0.0), rapid.Float64Range(-2, 2), rapid.Float64(),
		rapid.Float64Range(0, 1e-5), rapid.Float64Range(1e20, 1e22)).Draw(t, "float")
}

// Nothing that one request left in a buffer reaches the record of another, and
// an append costs at most a handful of allocations.
func TestAppendAllocations(t *testing.T) {
	j := mustOpen(t, t.TempDir(), testOptions())
	d, p := testDecision(1), testPayload(1)
	allocs := testing.AllocsPerRun(500, func() {
		if err := j.AppendDecision(d, p); err != nil {
			t.Fatal(err)
		}
	})
	// The metadata map goes through encoding/json, which costs most of these.
	if allocs > 16 {
		t.Errorf("%v allocations, want at most 16", allocs)
	}
}

func BenchmarkAppendDecision(b *testing.B) {
	for name, p := range map[string]*Payload{"bare": nil, "payload": testPayload(1)} {
		b.Run(name, func(b *testing.B) {
			j := mustOpen(b, b.TempDir(), testOptions())
			d := testDecision(1)
			b.ReportAllocs()
			for b.Loop() {
				if err := j.AppendDecision(d, p); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func BenchmarkEncodeDecision(b *testing.B) {
	d := testDecision(1)
	b.Run("hand-written", func(b *testing.B) {
		b.ReportAllocs()
		var buf []byte
		for b.Loop() {
			buf, _ = appendDecision(buf[:0], d)
		}
		b.SetBytes(int64(len(buf)))
	})
	b.Run("encoding-json", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			if _, err := json.Marshal(d); err != nil {
				b.Fatal(err)
			}
		}
	})
}
