package student

import (
	"bytes"
	"encoding/binary"
	"errors"
	"hash/crc32"
	"math"
	"reflect"
	"runtime"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

// What was loaded predicts what was trained predicts, to the last bit.
func TestRoundTrip(t *testing.T) {
	for _, foreign := range []int{0, 20} {
		examples := toyExamples(40, foreign)
		m, err := Train(t.Context(), examples, toyOptions(), nil)
		if err != nil {
			t.Fatal(err)
		}
		data := marshal(t, m)
		loaded, err := Unmarshal(data)
		if err != nil {
			t.Fatal(err)
		}
		if !reflect.DeepEqual(m, loaded) {
			t.Error("the loaded model differs")
		}
		if !bytes.Equal(marshal(t, loaded), data) {
			t.Error("marshalled again, the bytes differ")
		}
		for _, e := range append(examples, Example{Text: ""}, Example{Text: "quite foreign"}) {
			if diff := cmp.Diff(m.Predict(e.Text, AllLabels), loaded.Predict(e.Text, AllLabels)); diff != "" {
				t.Fatalf("%q: %s", e.Text, diff)
			}
			if diff := cmp.Diff(m.Proba(e.Text), loaded.Proba(e.Text)); diff != "" {
				t.Fatalf("%q: %s", e.Text, diff)
			}
		}
	}
}

func TestUnmarshalRefuses(t *testing.T) {
	good := marshal(t, toyModel(t))
	edit := func(change func(b []byte) []byte) []byte { return change(slices.Clone(good)) }
	for name, data := range map[string][]byte{
		"nothing":       nil,
		"another file":  []byte("PK\x03\x04 something else entirely"),
		"a later one":   edit(func(b []byte) []byte { b[len(artefactMagic)]++; return reseal(b) }),
		"another kind":  edit(func(b []byte) []byte { b[len(artefactMagic)+1] = kindTagger; return reseal(b) }),
		"a flipped bit": edit(func(b []byte) []byte { b[len(b)/2] ^= 4; return b }),
		"more":          edit(func(b []byte) []byte { return reseal(append(b, 0)) }),
		"header only":   reseal(slices.Clone(good[:headerBytes+checksumBytes])),
	} {
		if _, err := Unmarshal(data); !errors.Is(err, ErrArtefact) {
			t.Errorf("%s: %v", name, err)
		}
	}
	for n := range good {
		if _, err := Unmarshal(good[:n]); err == nil {
			t.Fatalf("%d of %d bytes were taken for all", n, len(good))
		}
	}
}

// reseal puts the right checksum at the end, so that what is wrong inside is
// looked at.
func reseal(b []byte) []byte {
	if len(b) < checksumBytes {
		return b
	}
	body := b[:len(b)-checksumBytes]
	return binary.LittleEndian.AppendUint32(slices.Clone(body), crc32.Checksum(body, castagnoli))
}

// Foreign bytes neither crash nor cost: whatever is loaded also predicts.
func FuzzUnmarshal(f *testing.F) {
	small := toyOptions()
	small.Bits, small.Chars = 8, Range{}
	for _, foreign := range []int{0, 5} {
		m, err := Train(f.Context(), toyExamples(5, foreign), small, nil)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(marshal(f, m))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		data = reseal(data)
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		m, err := Unmarshal(data)
		runtime.ReadMemStats(&after)
		if used := after.TotalAlloc - before.TotalAlloc; used > 4<<20+64*uint64(len(data)) {
			t.Errorf("%d bytes cost %d", len(data), used)
		}
		if err != nil {
			if !errors.Is(err, ErrArtefact) {
				t.Errorf("unexpected kind of error: %v", err)
			}
			return
		}
		if got := marshal(t, m); !bytes.Equal(got, data) {
			t.Errorf("another artefact comes out of an accepted one")
		}
		p := m.Predict("will it rain at 7", AllLabels)
		if !(p.OOS >= 0 && p.OOS <= 1) || len(p.Labels) != len(m.labels) {
			t.Errorf("%+v", p)
		}
		for _, l := range p.Labels {
			if !(l.Prob >= 0 && l.Prob <= 1) {
				t.Errorf("%+v", p)
			}
		}
	})
}

func TestMatrixRoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		columns := rapid.IntRange(1, 20).Draw(t, "columns")
		rows := rapid.IntRange(0, 10).Draw(t, "rows")
		weights := rapid.SliceOfN(rapid.Int8Range(-127, 127), rows*columns, rows*columns).Draw(t, "weights")
		w := &writer{}
		w.matrix(weights, columns)
		r := &reader{rest: w.buf}
		got := r.matrix("weights", rows, columns)
		if err := r.close(); err != nil || !slices.Equal(got, weights) {
			t.Fatalf("%v: got %v, want %v", err, got, weights)
		}
	})
}

// Quantisation costs at most half a step for each n-gram of a text.
func TestQuantisationError(t *testing.T) {
	m := &linear{classes: 1, weights: make([]int8, 100), step: make([]float32, 1), bias: make([]float32, 1)}
	rng := &random{state: 9}
	exact := make([]float32, 101)
	for i := range exact {
		exact[i] = float32(rng.intn(2001)-1000) / 500
	}
	m.quantise(0, exact, 2)
	for i, w := range exact[:100] {
		if d := math.Abs(float64(m.step[0])*float64(m.weights[i]) - float64(w)); d > float64(m.step[0])*.501 {
			t.Errorf("weight %d is off by %v steps", i, d/float64(m.step[0]))
		}
	}
	if m.bias[0] != exact[100]*2 {
		t.Errorf("bias %v, want %v", m.bias[0], exact[100]*2)
	}
}
