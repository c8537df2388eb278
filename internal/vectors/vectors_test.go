package vectors_test

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"math"
	"os"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/pointsman-ai/pointsman"
	"github.com/pointsman-ai/pointsman/internal/testenv"
	"github.com/pointsman-ai/pointsman/internal/vectors"
)

const small = `the 0.1 0.2 -0.3
, 1 0 0
cat 0.5 -0.25 1
dog 0.5 -0.5 1e0
`

func read(t testing.TB, text string) *vectors.Table {
	t.Helper()
	table, _, err := vectors.ReadText(strings.NewReader(text), vectors.DefaultWords)
	if err != nil {
		t.Fatal(err)
	}
	return table
}

func marshal(t testing.TB, table *vectors.Table) []byte {
	t.Helper()
	content, err := table.MarshalBinary()
	if err != nil {
		t.Fatal(err)
	}
	return content
}

func TestReadText(t *testing.T) {
	table := read(t, small)
	if table.Words() != 4 || table.Dimension() != 3 {
		t.Fatalf("%d words of %d dimensions", table.Words(), table.Dimension())
	}
	row, ok := table.Lookup([]byte("cat"))
	if !ok {
		t.Fatal("no cat")
	}
	for k, want := range []float64{0.5, -0.25, 1} {
		if got := table.Vector(nil, row)[k]; math.Abs(got-want) > 0.5/127+1e-6 {
			t.Errorf("component %d is %v, want %v within half a step", k, got, want)
		}
	}
	if _, ok := table.Lookup([]byte("bird")); ok {
		t.Error("a bird was found")
	}
	for name, text := range map[string]string{
		"a first line as word2vec's":  "4 3\n" + small,
		"no newline at the end":       strings.TrimSuffix(small, "\n"),
		"Windows' ends of lines":      strings.ReplaceAll(small, "\n", "\r\n"),
		"tabs":                        strings.ReplaceAll(small, " ", "\t"),
		"words that no text can have": "The 1 1 1\n. . 1 1 1\n" + small,
	} {
		if got := read(t, text); got.Digest() != table.Digest() {
			t.Errorf("%s: another table", name)
		}
	}
	head, imported, err := vectors.ReadText(strings.NewReader("The 1 1 1\n"+small), 2)
	if want := (vectors.Imported{Words: 2, Skipped: 1, More: true}); err != nil || imported != want || head.Words() != 2 {
		t.Errorf("two words of more: %+v, %v", imported, err)
	}
}

func TestReadTextRefuses(t *testing.T) {
	for _, tt := range []struct{ name, text, want string }{
		{"nothing", "", "not one word"},
		{"a half-written line", "a 1 2 3\nb 1 2", "line 2: 2 numbers, where the lines before have 3"},
		{"more numbers", "a 1 2 3\nb 1 2 3 4\n", "line 2: 4 numbers, where the lines before have 3"},
		{"an empty line", "a 1 2 3\n\nb 1 2 3\n", "line 2: 0 numbers"},
		{"words alone", "a\nb\n", "line 1: a word and 0 numbers; want 1 to 1024"},
		{"too many dimensions", "a" + strings.Repeat(" 1", 1025) + "\n", "line 1: a word and 1025 numbers"},
		{"not a number", "a 1 2 NaN\n", `line 1: number 3 is "NaN": want an ordinary number`},
		{"infinite", "a 1 2 3\nb -Inf 2 3\n", `line 2: number 1 is "-Inf"`},
		{"beyond doubles", "a 1 2 1e999\n", `line 1: number 3 is "1e999"`},
		{"beyond sense", "a 1 2 1e30\n", "line 1: the vector of \"a\" has a component of 1e+30"},
		{"text in place of numbers", "a 1 2 three\n", `line 1: number 3 is "three"`},
		{"a word twice", "a 1 2 3\nb 1 2 3\na 3 2 1\n", `line 3: the word "a" stands in line 1 already`},
		{"a word twice that is skipped", "A 1 2 3\nA 1 2 3\n", `line 2: the word "A" stands in line 1 already`},
		{"a huge line", "a 1 2 3\n" + strings.Repeat("b", 1<<20), "line 2: longer than 65536 bytes"},
		{"a huge word", strings.Repeat("a", 300) + " 1 2\n", "line 1: a word of 300 bytes"},
		{"another encoding", "caf\xe9 1 2 3\n", "line 1: not valid UTF-8"},
		{"fewer than announced", "9 3\n" + small, "line 1 announces 9 words and the file ends after 4: it is not whole"},
		{"binary", "PK\x03\x04\x00\x00", "line 1"},
	} {
		_, _, err := vectors.ReadText(strings.NewReader(tt.text), vectors.DefaultWords)
		if err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: %v, want %s", tt.name, err, tt.want)
		}
	}
}

const wink = `{"precision":8,"l2NormIndex":3,"size":4,"dimensions":3,"words":["the",",","The","cat","dog"],` +
	`"vectors":{"The":[9,9,9,1,2],"dog":[0.5,-0.5,1,1.2,4],"the":[0.1,0.2,-0.3,1.2,0],",":[1,0,0,1,1],"cat":[0.5,-0.25,1,1.1,3]},"unkVector":[0,0,0,0,-1]}`

func TestReadWink(t *testing.T) {
	table, imported, err := vectors.ReadWink(strings.NewReader(wink), vectors.DefaultWords)
	if err != nil {
		t.Fatal(err)
	}
	if want := (vectors.Imported{Words: 4, Skipped: 1}); imported != want || table.Digest() != read(t, small).Digest() {
		t.Errorf("%+v, %s", imported, table.Digest())
	}
	if _, imported, err = vectors.ReadWink(strings.NewReader(wink), 1); err != nil || !imported.More {
		t.Errorf("one word of more: %+v, %v", imported, err)
	}
	for _, tt := range []struct{ name, text, want string }{
		{"nothing", "", "byte 0: the file ends here: it is not whole"},
		{"half of it", wink[:200], "the file ends here"},
		{"another order", `{"dimensions":2,"vectors":{}}`, `"dimensions" and "words" must come before "vectors"`},
		{"no vectors", `{"dimensions":2,"words":["a"]}`, `there is no member "vectors"`},
		{"a vector that is missing", `{"dimensions":2,"words":["a","b"],"vectors":{"a":[1,2]}}`, "1 of the first 2 words have no vector"},
		{"a short vector", `{"dimensions":2,"words":["a"],"vectors":{"a":[1]}}`, `the vector of "a" has 1 numbers, want 2`},
		{"a word twice", `{"dimensions":2,"words":["a","a"],"vectors":{"a":[1,2]}}`, `the word "a" stands in "words" twice`},
		{"a vector twice", `{"dimensions":2,"words":["a","b"],"vectors":{"a":[1,2],"a":[1,2]}}`, `the word "a" has a vector twice`},
		{"not a number", `{"dimensions":2,"words":["a"],"vectors":{"a":[1,NaN]}}`, `the vector of "a"`},
		{"too many dimensions", `{"dimensions":5000,"words":["a"],"vectors":{}}`, "5000 dimensions; want 1 to 1024"},
		{"a list", `[1,2]`, `want "{"`},
	} {
		_, _, err := vectors.ReadWink(strings.NewReader(tt.text), vectors.DefaultWords)
		if err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: %v, want %s", tt.name, err, tt.want)
		}
	}
}

func TestReadQuantised(t *testing.T) {
	scales := func(all ...float32) string {
		var b []byte
		for _, s := range all {
			b = binary.LittleEndian.AppendUint32(b, math.Float32bits(s))
		}
		return string(b)
	}
	table, err := vectors.ReadQuantised(strings.NewReader("a\nb\n"), strings.NewReader(scales(1, 0.5)), strings.NewReader("\x01\x02\xff\x00"))
	if err != nil {
		t.Fatal(err)
	}
	if row, _ := table.Lookup([]byte("b")); !slices.Equal(table.Vector(nil, row), []float64{-0.5, 0}) {
		t.Errorf("b is %v", table.Vector(nil, row))
	}
	first, err := table.First(1)
	if err != nil || first.Words() != 1 || first.Digest() == table.Digest() {
		t.Errorf("the first word alone: %v, %v", first, err)
	}
	if _, ok := first.Lookup([]byte("b")); ok {
		t.Error("a word that was left out is found")
	}
	nan := float32(math.NaN())
	for _, tt := range []struct{ name, words, scales, values, want string }{
		{"half the scales", "a\nb\n", scales(1), "\x01\x02\x03\x04", "scales: 4 bytes, want 8 for 2 words"},
		{"more scales", "a\n", scales(1, 1), "\x01\x02", "scales: more than the 4 bytes"},
		{"a scale that is no number", "a\nb\n", scales(1, nan), "\x01\x02\x03\x04", `scales: that of word 2 ("b") is NaN`},
		{"a negative scale", "a\n", scales(-1), "\x01", `scales: that of word 1 ("a") is -1`},
		{"half the values", "a\nb\n", scales(1, 1), "\x01\x02\x03", "values: 3 bytes are not a whole number of dimensions for 2 words"},
		{"no values", "a\n", scales(1), "", "values: 0 bytes"},
		{"a value that is none", "a\n", scales(1), "\x80", `values: -128 in the row of word 1`},
		{"a word twice", "a\nb\na\n", scales(1, 1, 1), "\x01\x02\x03", `words: line 3: the word "a" stands in line 1 already`},
		{"an empty word", "a\n\n", scales(1, 1), "\x01\x02", "words: line 2: want a word"},
		{"a huge word", "a\n" + strings.Repeat("b", 5000), scales(1, 1), "\x01\x02", "words: line 2: longer than a word"},
		{"no words", "", "", "", "values: 0 bytes"},
	} {
		_, err := vectors.ReadQuantised(strings.NewReader(tt.words), strings.NewReader(tt.scales), strings.NewReader(tt.values))
		if err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: %v, want %s", tt.name, err, tt.want)
		}
	}
}

func TestParse(t *testing.T) {
	table := read(t, small)
	content := marshal(t, table)
	again, err := vectors.Parse(content)
	if err != nil {
		t.Fatal(err)
	}
	if again.Digest() != table.Digest() || table.Digest() != pointsman.DigestOf(content) || !bytes.Equal(marshal(t, again), content) {
		t.Error("what is read is another table")
	}
	rows := []int32{2, 0, 3}
	first, second := make([]float64, 3), make([]float64, 3)
	table.Mean(first, rows)
	again.Mean(second, rows)
	if !slices.Equal(first, second) {
		t.Errorf("the means %v and %v differ", first, second)
	}
	for n := range content {
		if _, err := vectors.Parse(content[:n]); !errors.Is(err, vectors.ErrArtefact) {
			t.Fatalf("%d of %d bytes: %v", n, len(content), err)
		}
	}
	for i := range content {
		broken := slices.Clone(content)
		broken[i] ^= 1
		if _, err := vectors.Parse(broken); !errors.Is(err, vectors.ErrArtefact) {
			t.Fatalf("a flipped bit of byte %d: %v", i, err)
		}
	}
}

// The mean weighs words by smooth inverse frequency, by hand for three words.
func TestMean(t *testing.T) {
	table := read(t, "a 1 0\nb 0 1\nc 1 1\n")
	total := 1/2.7 + 1/3.7 + 1/4.7
	weight := func(rank float64) float64 { return 1e-3 / (1e-3 + 1/((rank+2.7)*total)) }
	got := make([]float64, 2)
	table.Mean(got, []int32{0, 2})
	want := []float64{(weight(0) + weight(2)) / 2, weight(2) / 2}
	for k := range want {
		if math.Abs(got[k]-want[k]) > 1e-8 {
			t.Errorf("mean %v, want %v", got, want)
		}
	}
	if table.Mean(got, nil); got[0] != 0 || got[1] != 0 {
		t.Errorf("the mean of nothing is %v", got)
	}
}

// A process has a table once, however many ask for it, and reads it again when
// nobody holds it any more.
func TestLoadShares(t *testing.T) {
	content := marshal(t, read(t, "alone 1 2\n"))
	digest := pointsman.DigestOf(content)
	reads := 0
	get := func(pointsman.Digest) ([]byte, error) { reads++; return content, nil }
	first, err := vectors.Load(digest, get)
	if err != nil {
		t.Fatal(err)
	}
	second, err := vectors.Load(digest, get)
	if err != nil || first != second || reads != 1 {
		t.Errorf("%d reads, the same table: %v, %v", reads, first == second, err)
	}
	runtime.KeepAlive(first)
	if _, err := vectors.Load("sha256:none", func(pointsman.Digest) ([]byte, error) { return nil, os.ErrNotExist }); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("a table that is not there: %v", err)
	}
}

func FuzzReadText(f *testing.F) {
	f.Add([]byte(small))
	f.Add([]byte("4 3\n" + small))
	f.Add([]byte("a 1 2 NaN\n"))
	f.Add([]byte(". . 1 2\n. 1 2\n"))
	f.Fuzz(func(t *testing.T, data []byte) {
		table, _, err := vectors.ReadText(bytes.NewReader(data), 100)
		if err != nil {
			return
		}
		again, err := vectors.Parse(marshal(t, table))
		if err != nil || again.Digest() != table.Digest() {
			t.Fatalf("what was read cannot be kept: %v", err)
		}
		mean := make([]float64, table.Dimension())
		table.Mean(mean, []int32{0, int32(table.Words() - 1)})
		for _, v := range mean {
			if math.IsNaN(v) || math.IsInf(v, 0) {
				t.Fatalf("mean %v", mean)
			}
		}
	})
}

func FuzzReadWink(f *testing.F) {
	f.Add([]byte(wink))
	f.Fuzz(func(t *testing.T, data []byte) {
		if table, _, err := vectors.ReadWink(bytes.NewReader(data), 100); err == nil {
			if _, err := vectors.Parse(marshal(t, table)); err != nil {
				t.Fatal(err)
			}
		}
	})
}

func FuzzParse(f *testing.F) {
	f.Add(marshal(f, read(f, small)))
	f.Fuzz(func(t *testing.T, data []byte) {
		if len(data) >= 4 { // so that what is inside is looked at
			sealed := data[:len(data)-4]
			data = binary.LittleEndian.AppendUint32(slices.Clone(sealed), crc32.Checksum(sealed, crc32.MakeTable(crc32.Castagnoli)))
		}
		table, err := vectors.Parse(data)
		if err != nil {
			if !errors.Is(err, vectors.ErrArtefact) {
				t.Fatalf("another kind of error: %v", err)
			}
			return
		}
		if !bytes.Equal(marshal(t, table), data) {
			t.Fatal("another artefact comes out of an accepted one")
		}
	})
}

func BenchmarkParse(b *testing.B) {
	table, err := vectors.ReadQuantised(testenv.Gzip(b, "embeddings/glove40k.vocab.txt.gz"), testenv.Gzip(b, "embeddings/glove40k.scale.f32.gz"), testenv.Gzip(b, "embeddings/glove40k.int8.gz"))
	if err != nil {
		b.Fatal(err)
	}
	content := marshal(b, table)
	b.SetBytes(int64(len(content)))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := vectors.Parse(content); err != nil {
			b.Fatal(err)
		}
	}
}

// The published table is read whole, and its neighbours make sense.
func TestPublishedTable(t *testing.T) {
	table, err := vectors.ReadQuantised(testenv.Gzip(t, "embeddings/glove40k.vocab.txt.gz"), testenv.Gzip(t, "embeddings/glove40k.scale.f32.gz"), testenv.Gzip(t, "embeddings/glove40k.int8.gz"))
	if err != nil {
		t.Fatal(err)
	}
	if table.Words() != 40_000 || table.Dimension() != 100 {
		t.Fatalf("%d words of %d dimensions", table.Words(), table.Dimension())
	}
	cosine := func(a, b string) float64 {
		var v [2][]float64
		for i, w := range []string{a, b} {
			row, ok := table.Lookup([]byte(w))
			if !ok {
				t.Fatalf("no %s", w)
			}
			v[i] = table.Vector(nil, row)
		}
		var ab, aa, bb float64
		for k := range v[0] {
			ab, aa, bb = ab+v[0][k]*v[1][k], aa+v[0][k]*v[0][k], bb+v[1][k]*v[1][k]
		}
		return ab / math.Sqrt(aa*bb)
	}
	if near, far := cosine("cat", "dog"), cosine("cat", "tax"); near < far+0.3 {
		t.Errorf("cat is as near to tax (%.2f) as to dog (%.2f)", far, near)
	}
}

func ExampleReadText() {
	table, imported, err := vectors.ReadText(strings.NewReader("the 0.1 0.2\nparcel 1 0\nrefund 0 1\n"), vectors.DefaultWords)
	if err != nil {
		panic(err)
	}
	row, _ := table.Lookup([]byte("parcel"))
	fmt.Println(imported.Words, table.Dimension(), row)
	// Output: 3 2 1
}
