package student

import (
	"math"
	"strings"
	"testing"
)

func TestPresetsAreValid(t *testing.T) {
	for _, o := range []Options{Small(), Large()} {
		if err := o.Validate(); err != nil {
			t.Error(err)
		}
	}
	for _, o := range []TaggerOptions{DefaultTaggerOptions(), SmallTagger()} {
		if err := o.Validate(); err != nil {
			t.Error(err)
		}
	}
}

func TestOptionsValidate(t *testing.T) {
	for _, tt := range []struct {
		change func(*Options)
		want   string
	}{
		{func(o *Options) { *o = Options{} }, "neither word nor character"},
		{func(o *Options) { o.Bits = 0 }, "bits: want 8 to 22, got 0"},
		{func(o *Options) { o.Bits = 30 }, "bits: want 8 to 22, got 30"},
		{func(o *Options) { o.Words = Range{0, 2} }, "word n-grams: want 1 <= min <= max <= 4"},
		{func(o *Options) { o.Chars = Range{5, 2} }, "character n-grams: want"},
		{func(o *Options) { o.CharWeight = math.NaN() }, "character weight"},
		{func(o *Options) { o.CharWeight = 5 }, "character weight"},
		{func(o *Options) { o.IDFPower = -1 }, "IDF power"},
		{func(o *Options) { o.MinDF = 0 }, "minimum document frequency"},
		{func(o *Options) { o.MaxBytes = 1 << 20 }, "maximum bytes"},
		{func(o *Options) { o.C = 0 }, "C: want"},
		{func(o *Options) { o.C = math.Inf(1) }, "C: want"},
		{func(o *Options) { o.Bias = -1 }, "bias"},
		{func(o *Options) { o.Epochs = 0 }, "epochs"},
		{func(o *Options) { o.Tolerance = 0 }, "tolerance"},
		{func(o *Options) { o.Folds = 1 }, "folds: want 2 to 20, got 1"},
		{func(o *Options) { o.Workers = 0 }, "workers"},
	} {
		o := Large()
		tt.change(&o)
		if err := o.Validate(); err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("want %q, got %v", tt.want, err)
		}
		if _, err := Train(t.Context(), toyExamples(2, 0), o, nil); err == nil {
			t.Errorf("%q: Train took the options", tt.want)
		}
	}
}

func TestTaggerOptionsValidate(t *testing.T) {
	for _, tt := range []struct {
		change func(*TaggerOptions)
		want   string
	}{
		{func(o *TaggerOptions) { o.Bits = 4 }, "bits"},
		{func(o *TaggerOptions) { o.MinDF = 0 }, "minimum document frequency"},
		{func(o *TaggerOptions) { o.Epochs = 0 }, "epochs"},
		{func(o *TaggerOptions) { o.LearningRate = 0 }, "learning rate"},
		{func(o *TaggerOptions) { o.L2 = math.NaN() }, "L2"},
		{func(o *TaggerOptions) { o.MaxBytes = 0 }, "maximum bytes"},
	} {
		o := DefaultTaggerOptions()
		tt.change(&o)
		if err := o.Validate(); err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("want %q, got %v", tt.want, err)
		}
	}
}
