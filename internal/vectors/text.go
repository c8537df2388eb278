package vectors

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"math"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

// maxLine bounds a line of a text file: MaxDimension numbers of twenty digits
// are far below it.
const maxLine = 64 << 10

// Imported says what became of a file's words.
type Imported struct {
	// Words were kept; Skipped have upper-case letters or spaces, which no word
	// has that is looked up.
	Words, Skipped int
	// More says that there were more words than were wanted.
	More bool
}

// ReadText reads GloVe's text format: a word and its numbers a line, separated
// by spaces, the most frequent word first. A first line of two whole numbers,
// as word2vec and fastText write it, says how many words and dimensions follow.
// It stops after the wanted number of words. Errors name the line.
func ReadText(r io.Reader, words int) (*Table, Imported, error) {
	t := &textReader{table: &Table{index: map[string]int32{}}, lineOf: map[string]int{}, wanted: -1}
	s := bufio.NewScanner(r)
	s.Buffer(make([]byte, 0, maxLine), maxLine)
	for s.Scan() {
		if len(t.table.words) == words {
			t.imported.More = true
			break
		}
		t.line++
		if err := t.read(s.Text()); err != nil {
			return nil, t.imported, fmt.Errorf("line %d: %w", t.line, err)
		}
	}
	if errors.Is(s.Err(), bufio.ErrTooLong) {
		return nil, t.imported, fmt.Errorf("line %d: longer than %d bytes, which no line of word vectors is", t.line+1, maxLine)
	}
	if err := s.Err(); err != nil {
		return nil, t.imported, fmt.Errorf("after line %d: %w", t.line, err)
	}
	t.imported.Words = len(t.table.words)
	if !t.imported.More && t.wanted >= 0 && t.rows < t.wanted {
		return nil, t.imported, fmt.Errorf("line 1 announces %d words and the file ends after %d: it is not whole", t.wanted, t.rows)
	}
	table, err := t.table.finish()
	return table, t.imported, err
}

type textReader struct {
	table    *Table
	imported Imported
	lineOf   map[string]int
	line     int
	rows     int // lines with a vector
	wanted   int // as the first line announced; -1 without one
	vector   []float64
}

func (t *textReader) read(line string) error {
	if !utf8.ValidString(line) {
		return errors.New("not valid UTF-8")
	}
	fields := strings.FieldsFunc(line, func(r rune) bool { return r == ' ' || r == '\t' || r == '\r' })
	if t.line == 1 && len(fields) == 2 && t.header(fields) {
		return nil
	}
	if t.table.dimension == 0 {
		t.table.dimension = len(fields) - 1
	}
	d := t.table.dimension
	if d < 1 || d > MaxDimension {
		return fmt.Errorf("a word and %d numbers; want 1 to %d", d, MaxDimension)
	}
	if got := len(fields) - 1; got != d {
		if got < d || number(fields[1]) { // else the word itself has spaces
			return fmt.Errorf("%d numbers, where the lines before have %d", max(got, 0), d)
		}
	}
	t.rows++
	at := len(fields) - d
	t.vector = t.vector[:0]
	for i, f := range fields[at:] {
		v, err := strconv.ParseFloat(f, 64)
		if err != nil || math.IsNaN(v) || math.IsInf(v, 0) {
			return fmt.Errorf("number %d is %s: want an ordinary number", i+1, quote(f))
		}
		t.vector = append(t.vector, v)
	}
	return t.keep(strings.Join(fields[:at], " "))
}

// header takes a first line that announces its file.
func (t *textReader) header(fields []string) bool {
	words, err := strconv.Atoi(fields[0])
	dimension, err2 := strconv.Atoi(fields[1])
	if err != nil || err2 != nil || words < 0 || dimension < 1 || dimension > MaxDimension {
		return false
	}
	t.wanted, t.table.dimension = words, dimension
	return true
}

// keep adds a word to the table, if anybody can look it up.
func (t *textReader) keep(word string) error {
	if len(word) > maxWordBytes {
		return fmt.Errorf("a word of %d bytes, at most %d: %s", len(word), maxWordBytes, quote(word))
	}
	if before, twice := t.lineOf[word]; twice {
		return fmt.Errorf("the word %s stands in line %d already", quote(word), before)
	}
	t.lineOf[word] = t.line
	if !lookedUp(word) {
		t.imported.Skipped++
		return nil
	}
	t.table.index[word] = int32(len(t.table.words))
	return t.table.add(word, t.vector)
}

// lookedUp says whether a text can hold a word as its reader sees words: in
// lower case and without spaces.
func lookedUp(word string) bool {
	return !strings.ContainsFunc(word, func(r rune) bool { return unicode.IsSpace(r) || r != unicode.ToLower(r) })
}

func number(s string) bool {
	_, err := strconv.ParseFloat(s, 64)
	return err == nil
}

// quote shows the beginning of what a file holds.
func quote(s string) string {
	const shown = 40
	if len(s) > shown {
		return strconv.QuoteToASCII(s[:shown]) + "…"
	}
	return strconv.QuoteToASCII(s)
}
