package student

import (
	"fmt"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
)

// words shows what split made of a text.
func words(opts Options, text string) []string {
	a := newAnalyser(opts)
	a.split(text)
	out := []string{}
	for _, w := range a.words {
		out = append(out, string(a.runes[w.start:w.end]))
	}
	return out
}

func TestSplit(t *testing.T) {
	for _, tt := range []struct {
		text string
		want []string
	}{
		{"", []string{}},
		{" \t\n", []string{}},
		{"Hello, World", []string{"hello", ",", "world"}},
		{"don't can’t 'quoted'", []string{"don't", "can't", "'", "quoted", "'"}},
		{"$1,159.90/bbl.", []string{"$", "1,159.90", "/", "bbl", "."}},
		{"8:30pm", []string{"8", ":", "30pm"}},
		{"ÜBER naïve СНЕГ 東京", []string{"über", "naïve", "снег", "東京"}},
		{"cafe\u0301", []string{"cafe\u0301"}},
		{"bad\xffutf\xc3", []string{"bad", "utf"}},
		{"a,", []string{"a", ","}},
	} {
		if diff := cmp.Diff(tt.want, words(Large(), tt.text)); diff != "" {
			t.Errorf("split(%q): %s", tt.text, diff)
		}
	}
	without := Large()
	without.Symbols = false
	if diff := cmp.Diff([]string{"up", "5"}, words(without, "up 5%!")); diff != "" {
		t.Errorf("without symbols: %s", diff)
	}
}

// A bucket that moves would silently break every artefact ever made.
func TestBucketsNeverMove(t *testing.T) {
	o := Large()
	o.Words, o.Chars = Range{1, 2}, Range{3, 3}
	a := newAnalyser(o)
	a.analyse("Gold at 1,159")
	got := fmt.Sprint(a.grams[blockWords], a.grams[blockChars])
	const want = "[227308 392704 595344 1188820 1347610 1460092 1480252 1618854] " +
		"[459988 516584 651566 661674 740606 943130 978846 1269746 1317224 1791698 1865362]"
	if got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}

func TestFoldDigits(t *testing.T) {
	o := Large()
	o.Words = Range{2, 2}
	a, b := newAnalyser(o), newAnalyser(o)
	a.analyse("gold at 1,159 today")
	b.analyse("gold at 2,340 today")
	if diff := cmp.Diff(a.grams, b.grams); diff != "" {
		t.Errorf("bigrams and characters should see the shape only: %s", diff)
	}
	o.Words = Range{1, 1}
	a, b = newAnalyser(o), newAnalyser(o)
	a.analyse("1,159")
	b.analyse("2,340")
	shared := 0
	for _, g := range a.grams[blockWords] {
		for _, h := range b.grams[blockWords] {
			if g == h {
				shared++
			}
		}
	}
	if len(a.grams[blockWords]) != 2 || shared != 1 {
		t.Errorf("want the number and its shape, of which only the shape is shared: %v %v",
			a.grams[blockWords], b.grams[blockWords])
	}
}

func TestNGramCounts(t *testing.T) {
	for _, tt := range []struct {
		words, chars  Range
		edges         bool
		text          string
		nWords, nChar int
	}{
		{words: Range{1, 1}, text: "a b c", nWords: 3},
		{words: Range{1, 2}, text: "a b c", nWords: 5},
		{words: Range{1, 2}, edges: true, text: "a b c", nWords: 7},
		{words: Range{2, 2}, text: "a", nWords: 0},
		{words: Range{1, 3}, edges: true, text: "", nWords: 0}, // no edges of nothing.
		{chars: Range{1, 1}, text: "abc", nChar: 3},
		{chars: Range{2, 2}, text: "abc", nChar: 4},
		{chars: Range{2, 3}, text: "abc", nChar: 7},
		{chars: Range{5, 5}, text: "abc", nChar: 1},
		{chars: Range{6, 8}, text: "abc", nChar: 0},
	} {
		o := Large()
		o.Words, o.Chars, o.Edges = tt.words, tt.chars, tt.edges
		a := newAnalyser(o)
		a.analyse(tt.text)
		if n := len(a.grams[blockWords]); n != tt.nWords {
			t.Errorf("%+v: %d word n-grams", tt, n)
		}
		if n := len(a.grams[blockChars]); n != tt.nChar {
			t.Errorf("%+v: %d character n-grams", tt, n)
		}
	}
}

// The bound on the integers of a prediction (fixedOne) rests on this count.
func FuzzAnalyse(f *testing.F) {
	f.Add("Gold at $1,159.90/bbl, can’t be!", true)
	f.Add("\xff\xc3'a\xe2\x80", false)
	f.Add(strings.Repeat("a ", 300), true)
	f.Fuzz(func(t *testing.T, text string, signed bool) {
		o := Large()
		o.Words, o.Chars, o.Signed = Range{1, maxWordGram}, Range{1, maxCharGram}, signed
		a := newAnalyser(o)
		a.analyse(text)
		runes := utf8.RuneCountInString(text)
		if n := len(a.grams[blockWords]); n > (maxWordGram+1)*(runes+2) {
			t.Errorf("%d word n-grams from %d characters", n, runes)
		}
		if n := len(a.grams[blockChars]); n > maxCharGram*runes {
			t.Errorf("%d character n-grams from %d characters", n, runes)
		}
		for _, block := range a.grams {
			for _, g := range block {
				if g>>1 >= 1<<o.Bits {
					t.Errorf("bucket %d of %d", g>>1, 1<<o.Bits)
				}
			}
		}
	})
}
