package vectors

import (
	"bufio"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math"
	"strings"
	"unicode/utf8"
)

// ReadQuantised reads a table that is quantised already: words one a line, the
// most frequent first, and for each a little-endian 32-bit scale and a row of
// signed bytes. Each of the three is read to its end, and they must agree.
func ReadQuantised(words, scales, values io.Reader) (*Table, error) {
	t := &Table{index: map[string]int32{}}
	if err := t.readWords(words); err != nil {
		return nil, fmt.Errorf("words: %w", err)
	}
	n := len(t.words)
	content, err := readAll(scales, n*scaleBytes)
	if err == nil && len(content) != n*scaleBytes {
		err = fmt.Errorf("%d bytes, want %d for %d words", len(content), n*scaleBytes, n)
	}
	if err != nil {
		return nil, fmt.Errorf("scales: %w", err)
	}
	for i := range n {
		s := math.Float32frombits(binary.LittleEndian.Uint32(content[i*scaleBytes:]))
		if !validScale(s) {
			return nil, fmt.Errorf("scales: that of word %d (%s) is %v", i+1, quote(t.words[i]), s)
		}
		t.scales = append(t.scales, s)
	}
	content, err = readAll(values, n*MaxDimension)
	if err != nil {
		return nil, fmt.Errorf("values: %w", err)
	}
	if n == 0 || len(content) == 0 || len(content)%n != 0 {
		return nil, fmt.Errorf("values: %d bytes are not a whole number of dimensions for %d words", len(content), n)
	}
	t.dimension = len(content) / n
	t.values = make([]int8, len(content))
	for i, b := range content {
		if t.values[i] = int8(b); t.values[i] == math.MinInt8 {
			return nil, fmt.Errorf("values: -128 in the row of word %d (%s)", i/t.dimension+1, quote(t.words[i/t.dimension]))
		}
	}
	return t.finish()
}

// readAll reads at most limit bytes; more are an error.
func readAll(r io.Reader, limit int) ([]byte, error) {
	content, err := io.ReadAll(io.LimitReader(r, int64(limit)+1))
	if err == nil && len(content) > limit {
		err = fmt.Errorf("more than the %d bytes that go with the words", limit)
	}
	return content, err
}

func (t *Table) readWords(r io.Reader) error {
	s := bufio.NewScanner(r)
	s.Buffer(make([]byte, 0, 1<<10), 1<<10)
	for line := 1; s.Scan(); line++ {
		w := strings.TrimSuffix(s.Text(), "\r")
		before, twice := t.index[w]
		switch {
		case w == "" || len(w) > maxWordBytes || !utf8.ValidString(w):
			return fmt.Errorf("line %d: want a word of 1 to %d bytes in UTF-8, got %s", line, maxWordBytes, quote(w))
		case twice:
			return fmt.Errorf("line %d: the word %s stands in line %d already", line, quote(w), before+1)
		case line > MaxWords:
			return fmt.Errorf("line %d: more than %d words", line, MaxWords)
		}
		t.index[w] = int32(len(t.words))
		t.words = append(t.words, w)
	}
	if errors.Is(s.Err(), bufio.ErrTooLong) {
		return fmt.Errorf("line %d: longer than a word", len(t.words)+1)
	}
	return s.Err()
}
