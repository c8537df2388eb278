package student

import "testing"

var benchTexts = []string{
	"what is the exchange rate between dollars and euros today",
	"will it rain on Friday at 8:30, or snow?",
	"play some jazz",
}

func BenchmarkPredict(b *testing.B) {
	opts := Large()
	examples := toyExamples(200, 50)
	m, err := Train(b.Context(), examples, opts, nil)
	if err != nil {
		b.Fatal(err)
	}
	run := func(b *testing.B, m *Model) {
		b.Run("predictor", func(b *testing.B) {
			b.ReportAllocs()
			p := m.NewPredictor()
			var out Prediction
			for i := 0; b.Loop(); i++ {
				p.PredictInto(&out, benchTexts[i%len(benchTexts)], 1)
			}
		})
		b.Run("model", func(b *testing.B) {
			b.ReportAllocs()
			for i := 0; b.Loop(); i++ {
				m.Predict(benchTexts[i%len(benchTexts)], 1)
			}
		})
		b.Run("all labels", func(b *testing.B) {
			b.ReportAllocs()
			p := m.NewPredictor()
			var out Prediction
			for i := 0; b.Loop(); i++ {
				p.PredictInto(&out, benchTexts[i%len(benchTexts)], AllLabels)
			}
		})
	}
	b.Run("3 labels", func(b *testing.B) { run(b, m) })
	b.Run("150 labels", func(b *testing.B) {
		m, err := Train(b.Context(), clinc(b, "train"), opts, nil)
		if err != nil {
			b.Fatal(err)
		}
		run(b, m)
	})
	b.Run("150 labels with word vectors", func(b *testing.B) {
		m, err := Train(b.Context(), clinc(b, "train"), opts.WithVectors(publishedTable(b)), nil)
		if err != nil {
			b.Fatal(err)
		}
		run(b, m)
	})
}

func BenchmarkTrain(b *testing.B) {
	b.Run("toy", func(b *testing.B) {
		examples := toyExamples(200, 50)
		for b.Loop() {
			if _, err := Train(b.Context(), examples, Large(), nil); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("headlines", func(b *testing.B) {
		examples := headlines(b, "train")
		for b.Loop() {
			if _, err := Train(b.Context(), examples, Large(), nil); err != nil {
				b.Fatal(err)
			}
		}
	})
}

func BenchmarkUnmarshal(b *testing.B) {
	m, err := Train(b.Context(), toyExamples(200, 50), Large(), nil)
	if err != nil {
		b.Fatal(err)
	}
	data := marshal(b, m)
	b.SetBytes(int64(len(data)))
	for b.Loop() {
		if _, err := Unmarshal(data); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkExtract(b *testing.B) {
	tagger := toyTagger(b)
	const text = "Dear Rosa Luxemburg,\nthe total of $31.07 is due in 3 days."
	b.ReportAllocs()
	for b.Loop() {
		tagger.Extract(text)
	}
}
